"""From canonical gaze to one eye's path in degrees: one position of both eyes, spikes removed, velocity.

What comes out for a sample depends on the samples around it, up to `lag` later ones, by element-wise arithmetic or
sequential sums in a fixed order. So it is bitwise the same however the stream was cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from rtemo.core.gaze_settings import GazeSettings
from rtemo.core.types import BoolArray, TimeArray

Array = NDArray[np.float64]

_BLOCK = 32  # arc tangents are taken of whole blocks: a library may round the odd ones at the end otherwise
_EYES_MEMORY_S = 2.0  # over which the offset between the eyes is averaged


class View(Protocol):
    """What turns canonical positions into degrees; see rtemo.core.layout.ViewGeometry."""

    def to_degrees(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 2) canonical -> (n, 2) degrees, NaN stays NaN."""
        ...


@dataclass(frozen=True, slots=True)
class GazePath:
    """Consecutive samples. times (n,). place (n, 2) canonical. degrees (n, 2), calmed. speed (n,) in deg/s.

    NaN where neither eye is valid; speed also where there is no neighbour to tell it from.
    """

    times: TimeArray
    place: Array
    degrees: Array
    speed: Array

    def __len__(self) -> int:
        return len(self.times)

    def part(self, begin: int, stop: int | None = None) -> GazePath:
        rows = slice(begin, stop)
        return GazePath(self.times[rows], self.place[rows], self.degrees[rows], self.speed[rows])

    def then(self, later: GazePath) -> GazePath:
        """Both, one after the other."""
        if not len(self):
            return later
        return GazePath(
            np.concatenate([self.times, later.times]),
            np.concatenate([self.place, later.place]),
            np.concatenate([self.degrees, later.degrees]),
            np.concatenate([self.speed, later.speed]),
        )

    @classmethod
    def empty(cls) -> GazePath:
        return cls(np.empty(0), np.empty((0, 2)), np.empty((0, 2)), np.empty(0))


def link_s(settings: GazeSettings, rate_hz: float) -> float:
    """Samples further apart than this have a hole between them."""
    return max(2.5 / rate_hz, settings.velocity_window_s)


class Cyclops:
    """One position of both eyes: their mean, or the valid one's, shifted by half the usual offset between the two.

    Without that shift every loss of one eye looks like a saccade.
    """

    def __init__(self, rate_hz: float) -> None:
        self._gain = min(1.0 / (_EYES_MEMORY_S * rate_hz), 1.0)
        self._offset: Array | None = None  # half of left minus right, (2,)

    def __call__(self, samples: Array) -> Array:
        """One position of each sample: (n, 6) -> (n, 2), NaN where neither eye is valid."""
        left, right = samples[:, 0:2], samples[:, 2:4]
        has_left, has_right = (np.isfinite(eye[:, 0]) & np.isfinite(eye[:, 1]) for eye in (left, right))
        both = has_left & has_right
        if both.all():
            self._offsets(left, right, both)
            return np.asarray(0.5 * (left + right))
        shift = self._offsets(left, right, both)
        one = np.where(has_left[:, None], left - shift, np.where(has_right[:, None], right + shift, np.nan))
        return np.where(both[:, None], 0.5 * (left + right), one)

    def _offsets(self, left: Array, right: Array, both: BoolArray) -> Array:
        """The offset after each sample (n, 2)."""
        before = np.zeros(2) if self._offset is None else self._offset
        raw = 0.5 * (left[both] - right[both])
        if not len(raw):
            return np.broadcast_to(before, left.shape)
        if self._offset is None:
            self._offset = raw[0]
        keep = 1.0 - self._gain
        smooth, _ = lfilter([self._gain], [1.0, -keep], raw, axis=0, zi=keep * self._offset[None, :])
        self._offset = smooth[-1]
        return np.asarray(np.vstack([before, smooth])[np.cumsum(both)])


class GazeSignal:
    """Canonical samples in, the path in degrees out, `lag` samples later."""

    def __init__(self, settings: GazeSettings, view: View, rate_hz: float) -> None:
        self._half = max(round(0.5 * settings.velocity_window_s * rate_hz), 1)
        self.lag = self._half + 1
        self._view = view
        self._link_s = link_s(settings, rate_hz)
        self._smooth = rate_hz >= settings.velocity_rate_hz  # at low rates a mean would smear steps
        self._cyclops = Cyclops(rate_hz)
        self._raw = (np.empty(0), np.empty((0, 4)))  # times; canonical x, y, degrees x, y: what the median still needs
        self._calm = self._raw  # the same after the median: what the fit still needs
        self._n_raw_done = 0  # rows of _raw that have been given out already
        self._n_calm_done = 0

    def push(self, times: TimeArray, samples: Array) -> GazePath:
        """Samples (n, 6) at strictly increasing times (n,)."""
        place = self._cyclops(np.where(np.isfinite(samples), samples, np.nan))
        calm = self._medians(times, np.hstack([place, _degrees(self._view, place)]))
        return self._fits(*calm)

    def _medians(self, times: TimeArray, rows: Array) -> tuple[TimeArray, Array]:
        """Medians of three in degrees, for all samples that have a successor [Stampe 1993]. Steps stay as they are."""
        times, rows = np.concatenate([self._raw[0], times]), np.concatenate([self._raw[1], rows])
        begin, stop = self._n_raw_done, max(len(times) - 1, self._n_raw_done)
        self._raw, self._n_raw_done = (times[max(stop - 1, 0) :], rows[max(stop - 1, 0) :]), min(stop, 1)
        calm = rows[begin:stop].copy()
        first = max(begin, 1)
        if stop > first:
            before, here, after = (rows[first + k : stop + k, 2:] for k in (-1, 0, 1))
            middle = np.maximum(np.minimum(before, here), np.minimum(np.maximum(before, here), after))
            near = times[first + 1 : stop + 1] - times[first - 1 : stop - 1] <= 2.0 * self._link_s
            whole = np.isfinite(middle).all(axis=1) & near
            calm[first - begin :, 2:] = np.where(whole[:, None], middle, here)
        return times[begin:stop], calm

    def _fits(self, times: TimeArray, rows: Array) -> GazePath:
        """A straight line through the samples around each one: its middle and its slope."""
        times, rows = np.concatenate([self._calm[0], times]), np.concatenate([self._calm[1], rows])
        begin, stop = self._n_calm_done, max(len(times) - self._half, self._n_calm_done)
        spent = max(stop - self._half, 0)
        self._calm, self._n_calm_done = (times[spent:], rows[spent:]), stop - spent
        if stop == begin:
            return GazePath.empty()
        mean, slope = self._lines(times, rows[:, 2:], begin, stop)
        speed = np.sqrt(slope[:, 0] * slope[:, 0] + slope[:, 1] * slope[:, 1])
        return GazePath(times[begin:stop], rows[begin:stop, :2], mean, speed)

    def _lines(self, times: TimeArray, degrees: Array, begin: int, stop: int) -> tuple[Array, Array]:
        """Mean and slope (n, 2) at rows begin..stop-1, from the valid rows in the window around each."""
        t, p = times[begin:stop], degrees[begin:stop]
        n, st, stt = np.ones(len(t)), np.zeros(len(t)), np.zeros(len(t))
        sp, stp = np.zeros((len(t), 2)), np.zeros((len(t), 2))
        finite = np.isfinite(degrees[:, 0])
        for k in range(-self._half, self._half + 1):
            low = max(-begin - k, 0)  # rows before this have no such neighbour: the stream began later
            if k == 0 or low >= len(t):
                continue
            rows = slice(begin + low + k, stop + k)
            dt = times[rows] - t[low:]
            used = finite[rows] & (np.abs(dt) <= self._link_s)
            dt = np.where(used, dt, 0.0)
            dp = np.where(used[:, None], degrees[rows] - p[low:], 0.0)
            n[low:] += used
            st[low:] += dt
            stt[low:] += dt * dt
            sp[low:] += dp
            stp[low:] += dt[:, None] * dp
        spread = n * stt - st * st
        known = (n >= 2) & (spread > 0)
        slope = (n[:, None] * stp - st[:, None] * sp) / np.where(known, spread, np.nan)[:, None]
        return (p + sp / n[:, None] if self._smooth else p), slope


def _degrees(view: View, place: Array) -> Array:
    """(n, 2) in degrees, taken of whole blocks."""
    n = len(place)
    padded = np.zeros((-(-n // _BLOCK) * _BLOCK, 2))
    padded[:n] = place
    return view.to_degrees(padded)[:n]
