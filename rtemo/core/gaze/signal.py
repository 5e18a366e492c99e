"""Gaze path in degrees from canonical samples: both eyes averaged, spikes removed, speed computed.

What comes out for a sample depends on the samples around it, up to `lag` later ones, by element-wise arithmetic or by
sums over blocks that lie at fixed times. So it is bitwise the same however the stream was cut.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rtemo.core.gaze.settings import GazeSettings
from rtemo.core.types import BoolArray, TimeArray

Array = NDArray[np.float64]

_BLOCK = 32  # arc tangents are taken of whole blocks: a library may round the odd ones at the end otherwise
_EYES_BLOCK_S = 1.0  # the offset between the eyes is averaged over blocks of this length
_EYES_BLOCKS = 8  # and over so many of them


class View(Protocol):
    """What turns canonical positions into degrees; see rtemo.core.channel_map.ViewGeometry."""

    def to_degrees(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 2) canonical -> (n, 2) degrees, NaN stays NaN."""
        ...


@dataclass(frozen=True, slots=True)
class GazePath:
    """Consecutive samples: times (n,); rows (4, n) canonical x, y and calmed degrees x, y; speed (n,) in deg/s.

    NaN where neither eye is valid; speed also where there is no neighbour to compute it from.
    """

    times: TimeArray
    rows: Array
    speed: Array

    def __len__(self) -> int:
        return len(self.times)


def link_s(settings: GazeSettings, rate_hz: float) -> float:
    """Samples further apart than this have a hole between them."""
    return max(2.5 / rate_hz, settings.velocity_window_s)


def block_starts(times: TimeArray, block_s: float, last: float) -> list[int]:
    """Where samples begin a new block of absolute time; last: the number of the block before them, or NaN.

    What is learned block by block is then the same whenever the stream was joined.
    """
    if math.floor(float(times[-1]) / block_s) == last:
        return []
    block = np.floor(times / block_s)
    return [int(i) for i in (block != np.concatenate([[last], block[:-1]])).nonzero()[0]]


class BinocularMean:
    """One position of both eyes: their mean, or the valid one's, shifted by half the usual offset between the two.

    Without that shift every loss of one eye looks like a saccade.
    """

    def __init__(self) -> None:
        self._block = math.nan
        self._parts: list[Array] = []  # half of left minus right, of this block's samples
        self._means: deque[Array] = deque(maxlen=_EYES_BLOCKS)  # (2, 1) of each block
        self._offset: Array | float = 0.0

    def __call__(self, times: TimeArray, eyes: Array) -> Array:
        """One position of each sample, (4, n) -> (2, n), NaN where neither eye is valid."""
        apart, place = 0.5 * (eyes[:2] - eyes[2:]), 0.5 * (eyes[:2] + eyes[2:])
        missing = np.isnan(place[0] + place[1])
        some_missing = bool(missing.any())
        starts = block_starts(times, _EYES_BLOCK_S, self._block)
        for begin, stop in itertools.pairwise(sorted({0, *starts, len(times)})):
            if begin in starts:
                self._learn()
            if some_missing:
                place[:, begin:stop] = self._with_one(eyes[:, begin:stop], missing[begin:stop])
            self._parts.append(apart[:, begin:stop])
        self._block = math.floor(float(times[-1]) / _EYES_BLOCK_S)
        return place

    def _with_one(self, eyes: Array, missing: BoolArray) -> Array:
        """Positions where an eye may be missing."""
        left, right = eyes[:2], eyes[2:]
        alone = np.where(np.isnan(left[0] + left[1]), right + self._offset, left - self._offset)
        return np.where(missing, alone, 0.5 * (left + right))

    def _learn(self) -> None:
        """Update the offset from the block that is over."""
        block = np.concatenate(self._parts, axis=1) if self._parts else np.empty((2, 0))
        block = block[:, ~np.isnan(block[0] + block[1])]
        self._parts = []
        if block.shape[1]:
            self._means.append(np.add.reduce(block, axis=1, keepdims=True) / block.shape[1])
            self._offset = sum(self._means) / len(self._means)


class GazeSignal:
    """Canonical samples in, the path in degrees out, `lag` samples later."""

    def __init__(self, settings: GazeSettings, view: View, rate_hz: float) -> None:
        self._half = max(round(0.5 * settings.velocity_window_s * rate_hz), 1)
        self.lag = self._half + 1
        self._view = view
        self._link_s = link_s(settings, rate_hz)
        self._smooth = rate_hz >= settings.velocity_rate_hz  # at low rates a mean would smear steps
        self._cyclops = BinocularMean()
        self._times, self._rows = np.empty(0), np.empty((4, 0))  # what later samples still need
        self._done = 0  # how many of those have come out already

    def push(self, times: TimeArray, eyes: Array) -> GazePath:
        """Canonical x, y of the left, then of the right eye (4, n), at strictly increasing times (n,)."""
        place = self._cyclops(times, eyes)
        times = np.concatenate([self._times, times])
        rows = np.concatenate([self._rows, np.concatenate([place, _degrees(self._view, place)])], axis=1)
        begin, stop = self._done, max(len(times) - self.lag, self._done)
        spent = max(stop - self.lag, 0)
        self._times, self._rows, self._done = times[spent:], rows[:, spent:], stop - spent
        if stop == begin:
            return GazePath(times[:0], rows[:, :0], times[:0])
        calm = self._medians(times, rows[2:])
        middle, speed = self._lines(times, calm, begin, stop)
        degrees = middle if self._smooth else calm[:, begin:stop]
        return GazePath(times[begin:stop], np.concatenate([rows[:2, begin:stop], degrees]), speed)

    def _medians(self, times: TimeArray, degrees: Array) -> Array:
        """Medians of three, for all samples with two neighbours [Stampe 1993]. Steps stay as they are."""
        before, here, after = degrees[:, :-2], degrees[:, 1:-1], degrees[:, 2:]
        middle = np.maximum(np.minimum(before, here), np.minimum(np.maximum(before, here), after))
        apart = times[2:] - times[:-2] > 2.0 * self._link_s
        calm = degrees.copy()
        np.copyto(calm[:, 1:-1], middle, where=~(apart | np.isnan(middle[0] + middle[1])))
        return calm

    def _lines(self, times: TimeArray, degrees: Array, begin: int, stop: int) -> tuple[Array, Array]:
        """Mean position (2, m) and speed (m,) at samples begin..stop-1, from the valid ones around each."""
        here_s, here = times[begin:stop], degrees[:, begin:stop]
        m = stop - begin
        n, sum_t, sum_tt = np.ones(m), np.zeros(m), np.zeros(m)
        sum_p, sum_tp = np.zeros((2, m)), np.zeros((2, m))
        reach_s = times[min(self._half, len(times) - 1) :] - times[: max(len(times) - self._half, 1)]
        whole = bool(reach_s.max() <= self._link_s) and not np.isnan(degrees).any()
        for k in range(-self._half, self._half + 1):
            low = max(-begin - k, 0)  # samples before this have no such neighbour: the stream began later
            if k == 0 or low >= m:
                continue
            near, mine = slice(begin + low + k, stop + k), slice(low, m)
            dt, dp = times[near] - here_s[mine], degrees[:, near] - here[:, mine]
            if not whole:
                used = (np.abs(dt) <= self._link_s) & ~np.isnan(dp[0] + dp[1])
                dt, dp = np.where(used, dt, 0.0), np.where(used, dp, 0.0)
                n[mine] += used
            else:
                n[mine] += 1.0
            sum_t[mine] += dt
            sum_tt[mine] += dt * dt
            sum_p[:, mine] += dp
            sum_tp[:, mine] += dt * dp
        spread = n * sum_tt - sum_t * sum_t
        spread[(spread <= 0) | (n < 2)] = np.nan
        slope = (n * sum_tp - sum_t * sum_p) / spread
        speed = np.sqrt(slope[0] * slope[0] + slope[1] * slope[1])
        middle = here + sum_p / n
        return middle, np.where(np.isnan(middle[0]), np.nan, speed)


def _degrees(view: View, place: Array) -> Array:
    """Canonical (2, n) in degrees (2, n), taken of whole blocks."""
    n = place.shape[1]
    padded = np.zeros((-(-n // _BLOCK) * _BLOCK, 2))
    padded[:n] = place.T
    return view.to_degrees(padded)[:n].T
