"""Pupil diameters on an absolute grid: bin k is the mean of the good samples in ((k - 1) / hz, k / hz].

A bin is computed once, when so much time has passed that no blink can begin beside it any more, from the samples
around it alone. So it does not depend on how the stream was cut or when it was joined.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtemo.core.gaze.settings import GazeSettings
from rtemo.core.row_buffer import RowBuffer
from rtemo.core.types import BoolArray, TimeArray

Array = NDArray[np.float64]

SPARE_BINS = 4  # windows end between bins, and entropies a little earlier
_MARGIN_S = 0.001  # so that no comparison of times hangs on its last bit


class PupilGrid:
    """Samples of both pupils in, bins out. Row i of `bins` has the grid index `first` + i."""

    def __init__(self, settings: GazeSettings, rate_hz: float, keep_s: float, ahead_s: float = 0.0) -> None:
        """keep_s: how much is asked about, at least settings.pupil_buffer_s; ahead_s: from how far back `until` is."""
        self._hz = settings.pupil_hz
        self._pad_s = settings.pupil_pad_s
        self._hole_s = max(settings.min_blink_s + 1.0 / rate_hz, 2.5 / rate_hz)
        self._keep = round((max(settings.pupil_buffer_s, keep_s) + ahead_s) * self._hz) + SPARE_BINS
        self._reach_s = self._pad_s + self._hole_s + _MARGIN_S
        self._bins: RowBuffer[np.float64] = RowBuffer(2, self._keep, np.float64)
        self._times: TimeArray = np.empty(0)
        self._pupils: Array = np.empty((0, 2))
        self._next: int | None = None  # the next bin

    @property
    def first(self) -> int:
        return self._bins.start

    @property
    def bins(self) -> Array:
        """(m, 2) left and right, NaN without a good sample. A view that is good until the next push."""
        return self._bins.slice(self._bins.start, self._bins.stop)

    def until(self, time_s: float) -> Array:
        """`bins` as they were when the sample of this time was the newest."""
        return self._bins.slice(self._bins.start, self._determined(time_s))

    def push(self, times: TimeArray, pupils: Array) -> None:
        """Pupils (n, 2) at strictly increasing times (n,), NaN where not valid."""
        if not len(times):
            return
        if self._next is None:
            self._next = self._bin_of(float(times[0]))
            self._bins.clear(self._next)
        self._times = np.concatenate([self._times, times])
        self._pupils = np.concatenate([self._pupils, pupils])
        stop = self._determined(float(self._times[-1]))
        if stop > self._next:
            self._finish(self._next, stop)
            self._next = stop
            spent = max(int(np.searchsorted(self._times, (stop - 1) / self._hz - self._reach_s)) - 1, 0)
            self._times, self._pupils = self._times[spent:], self._pupils[spent:]

    def _determined(self, time_s: float) -> int:
        """The first bin that samples after this time can still change."""
        return int(np.ceil((time_s - self._reach_s) * self._hz))

    def _bin_of(self, time_s: float) -> int:
        return int(np.ceil(time_s * self._hz))

    def _finish(self, begin: int, stop: int) -> None:
        """Compute bins begin..stop-1."""
        if stop - begin > self._keep:  # a hole longer than anything that is kept
            begin = stop - self._keep
            self._bins.clear(begin)
        n = stop - begin
        index = np.ceil(self._times * self._hz).astype(np.int64) - begin
        near = slice(*index.searchsorted((0, n)))
        index = index[near]
        rows = np.full((n, 2), np.nan)
        valid = np.isfinite(self._pupils)
        good: BoolArray | None = None
        for eye in range(2):
            if good is None or (valid[:, 0] != valid[:, 1]).any():  # mostly both eyes blink together
                good = self._good(valid[:, eye], near)
                where = index[good]
                count = np.bincount(where, minlength=n)
            total = np.bincount(where, self._pupils[near, eye][good], n)
            np.divide(total, count, out=rows[:, eye], where=count > 0)
        self._bins.append(rows)

    def _good(self, valid: BoolArray, near: slice) -> BoolArray:
        """Which of the samples `near` are valid and not beside a blink of this eye, whether or not the other saw it."""
        good = valid[near]
        seen = self._times[valid]
        if len(seen):
            edges = np.concatenate([self._times[:1], seen, self._times[-1:]])  # an eye may be absent at either end
            times = self._times[near]
            for hole in (edges[1:] - edges[:-1] > self._hole_s).nonzero()[0]:
                good = good & ((times > edges[hole + 1] + self._pad_s) | (times < edges[hole] - self._pad_s))
        return good
