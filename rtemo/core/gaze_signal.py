"""From canonical gaze to one eye's path in degrees: one position of both eyes, spikes removed, speed.

What comes out for a sample depends on the samples around it, up to `lag` later ones, by element-wise arithmetic or by
sums over blocks that lie at fixed sample indices. So it is bitwise the same however the stream was cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rtemo.core.gaze_settings import GazeSettings
from rtemo.core.types import BoolArray, TimeArray

Array = NDArray[np.float64]

_BLOCK = 32  # arc tangents are taken of whole blocks: a library may round the odd ones at the end otherwise
_EYES_BLOCK_S = 0.25  # the offset between the eyes is averaged over this long,
_EYES_GAIN = 0.1  # and then smoothed over some ten times as long


class View(Protocol):
    """What turns canonical positions into degrees; see rtemo.core.layout.ViewGeometry."""

    def to_degrees(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 2) canonical -> (n, 2) degrees, NaN stays NaN."""
        ...


@dataclass(frozen=True, slots=True)
class GazePath:
    """Consecutive samples: times (n,); rows (n, 4) canonical x, y and calmed degrees x, y; speed (n,) in deg/s.

    NaN where neither eye is valid; speed also where there is no neighbour to tell it from.
    """

    times: TimeArray
    rows: Array
    speed: Array

    def __len__(self) -> int:
        return len(self.times)


def link_s(settings: GazeSettings, rate_hz: float) -> float:
    """Samples further apart than this have a hole between them."""
    return max(2.5 / rate_hz, settings.velocity_window_s)


class Cyclops:
    """One position of both eyes: their mean, or the valid one's, shifted by half the usual offset between the two.

    Without that shift every loss of one eye looks like a saccade.
    """

    def __init__(self, rate_hz: float) -> None:
        self._block = max(round(_EYES_BLOCK_S * rate_hz), 1)
        self._n = 0  # samples seen of the block that goes on
        self._parts: list[Array] = []  # half of left minus right, of this block's samples
        self._offset: Array | None = None  # (2,)

    def __call__(self, samples: Array) -> Array:
        """One position of each sample, (n, 6) -> (n, 2), NaN where neither eye is valid."""
        left, right = samples[:, 0:2], samples[:, 2:4]
        apart = 0.5 * (left - right)
        place = 0.5 * (left + right)
        missing = np.isnan(apart[:, 0]) | np.isnan(apart[:, 1])
        begin = 0
        while begin < len(samples):
            stop = min(begin + self._block - self._n, len(samples))
            if missing[begin:stop].any():
                place[begin:stop] = self._with_one(left[begin:stop], right[begin:stop], missing[begin:stop])
            self._learn(apart[begin:stop])
            begin = stop
        return place

    def _with_one(self, left: Array, right: Array, missing: BoolArray) -> Array:
        """Positions where at least one eye may be missing."""
        shift = np.zeros(2) if self._offset is None else self._offset
        alone = np.where(np.isnan(left[:, :1] + left[:, 1:]), right + shift, left - shift)
        return np.where(missing[:, None], alone, 0.5 * (left + right))

    def _learn(self, apart: Array) -> None:
        """Update the offset at the end of each block."""
        self._parts.append(apart)
        self._n += len(apart)
        if self._n < self._block:
            return
        block = np.concatenate(self._parts)
        self._parts, self._n = [], 0
        block = block[~np.isnan(block[:, 0] + block[:, 1])]
        if len(block):
            mean = np.add.reduce(block, axis=0) / len(block)
            self._offset = mean if self._offset is None else self._offset + _EYES_GAIN * (mean - self._offset)


class GazeSignal:
    """Canonical samples in, the path in degrees out, `lag` samples later."""

    def __init__(self, settings: GazeSettings, view: View, rate_hz: float) -> None:
        self._half = max(round(0.5 * settings.velocity_window_s * rate_hz), 1)
        self.lag = self._half + 1
        self._view = view
        self._link_s = link_s(settings, rate_hz)
        self._smooth = rate_hz >= settings.velocity_rate_hz  # at low rates a mean would smear steps
        self._cyclops = Cyclops(rate_hz)
        nothing = (np.empty(0), np.empty((0, 4)))
        self._raw, self._n_raw_done = nothing, 0  # times and rows that the median still needs; done with among them
        self._calm, self._n_calm_done = nothing, 0  # the same of the fit

    def push(self, times: TimeArray, samples: Array) -> GazePath:
        """Samples (n, 6) at strictly increasing times (n,)."""
        place = self._cyclops(samples)
        rows = np.concatenate([place, _degrees(self._view, place)], axis=1)
        return self._fits(*self._medians(times, rows))

    def _medians(self, times: TimeArray, rows: Array) -> tuple[TimeArray, Array]:
        """Medians of three in degrees, for all samples that have a successor [Stampe 1993]. Steps stay as they are."""
        times, rows = np.concatenate([self._raw[0], times]), np.concatenate([self._raw[1], rows])
        begin, stop = self._n_raw_done, max(len(times) - 1, self._n_raw_done)
        spent = max(stop - 1, 0)
        self._raw, self._n_raw_done = (times[spent:], rows[spent:]), stop - spent
        calm = rows[begin:stop].copy()
        first = max(begin, 1)
        if stop > first:
            before, here, after = (rows[first + k : stop + k, 2:] for k in (-1, 0, 1))
            middle = np.maximum(np.minimum(before, here), np.minimum(np.maximum(before, here), after))
            spike = times[first + 1 : stop + 1] - times[first - 1 : stop - 1] <= 2.0 * self._link_s
            spike &= ~np.isnan(middle[:, 0] + middle[:, 1])
            calm[first - begin :, 2:] = np.where(spike[:, None], middle, here)
        return times[begin:stop], calm

    def _fits(self, times: TimeArray, rows: Array) -> GazePath:
        """A straight line through the samples around each one: its middle and its slope."""
        times, rows = np.concatenate([self._calm[0], times]), np.concatenate([self._calm[1], rows])
        begin, stop = self._n_calm_done, max(len(times) - self._half, self._n_calm_done)
        spent = max(stop - self._half, 0)
        self._calm, self._n_calm_done = (times[spent:], rows[spent:]), stop - spent
        if stop == begin:
            return GazePath(times[:0], rows[:0], times[:0])
        x, y, speed = self._lines(times, rows[:, 2], rows[:, 3], begin, stop)
        fitted = rows[begin:stop]
        if self._smooth:
            fitted = fitted.copy()
            fitted[:, 2], fitted[:, 3] = x, y
        return GazePath(times[begin:stop], fitted, speed)

    def _lines(self, times: TimeArray, x: Array, y: Array, begin: int, stop: int) -> tuple[Array, Array, Array]:
        """Mean x, mean y and speed at rows begin..stop-1, from the valid rows in the window around each."""
        t0, x0, y0 = times[begin:stop], x[begin:stop], y[begin:stop]
        size = stop - begin
        n, st, stt = np.ones(size), np.zeros(size), np.zeros(size)
        sx, sy, stx, sty = np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(size)
        for k in range(-self._half, self._half + 1):
            low = max(-begin - k, 0)  # rows before this have no such neighbour: the stream began later
            if k == 0 or low >= size:
                continue
            dt, dx, dy = (a[begin + low + k : stop + k] - a0[low:] for a, a0 in ((times, t0), (x, x0), (y, y0)))
            used = (np.abs(dt) <= self._link_s) & ~np.isnan(dx)
            if not used.all():
                dt, dx, dy = np.where(used, dt, 0.0), np.where(used, dx, 0.0), np.where(used, dy, 0.0)
            n[low:] += used
            st[low:] += dt
            stt[low:] += dt * dt
            sx[low:] += dx
            sy[low:] += dy
            stx[low:] += dt * dx
            sty[low:] += dt * dy
        spread = n * stt - st * st
        spread[(spread <= 0) | (n < 2)] = np.nan
        vx, vy = (n * stx - st * sx) / spread, (n * sty - st * sy) / spread
        speed = np.sqrt(vx * vx + vy * vy)
        speed[np.isnan(x0)] = np.nan
        return x0 + sx / n, y0 + sy / n, speed


def _degrees(view: View, place: Array) -> Array:
    """(n, 2) in degrees, taken of whole blocks."""
    n = len(place)
    padded = np.zeros((-(-n // _BLOCK) * _BLOCK, 2))
    padded[:n] = place
    return view.to_degrees(padded)[:n]
