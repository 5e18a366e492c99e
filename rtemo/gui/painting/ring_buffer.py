"""Ring buffer of time-stamped rows, and min/max decimation for painting. Numpy only.

Rows are numbered from the first one ever pushed, so that a painter can get those that it has not painted yet.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

REPEATED_S = 600.0  # no more than the past that a window keeps is ever sent again


class RingBuffer:
    """The newest `capacity` rows of `n_columns` float32 values with their times, oldest first.

    Times must not go back: rows pushed with a time before the newest one restart the buffer (a replay was sought in).
    """

    def __init__(self, capacity: int, n_columns: int) -> None:
        if capacity < 1 or n_columns < 0:
            raise ValueError(f"a ring buffer of {capacity} rows and {n_columns} columns")
        self._times = np.zeros(capacity, np.float64)
        self._values = np.zeros((capacity, n_columns), np.float32)  # takes memory only where it is written
        self.total = 0  # rows ever pushed
        self._first = 0  # the oldest row since the last restart
        self.restarts = 0

    @property
    def capacity(self) -> int:
        return len(self._times)

    @property
    def n_columns(self) -> int:
        return self._values.shape[1]

    @property
    def start(self) -> int:
        """Number of the oldest row that is still in the buffer."""
        return max(self._first, self.total - self.capacity)

    def __len__(self) -> int:
        return self.total - self.start

    @property
    def newest_s(self) -> float:
        """Time of the newest row, NaN without any."""
        return float(self._times[(self.total - 1) % self.capacity]) if len(self) else float("nan")

    @property
    def oldest_s(self) -> float:
        """Time of the oldest row that is still in the buffer, NaN without any."""
        return float(self._times[self.start % self.capacity]) if len(self) else float("nan")

    def push(self, times: ArrayLike, values: ArrayLike) -> None:
        """Add rows: times (n,), values (n, n_columns)."""
        stamps = np.asarray(times, np.float64)
        rows = np.asarray(values, np.float32)
        if rows.shape != (len(stamps), self.n_columns):
            raise ValueError(f"{rows.shape} values for {len(stamps)} times and {self.n_columns} columns")
        if not len(stamps):
            return
        if len(self) and stamps[0] < self.newest_s:
            self._first = self.total
            self.restarts += 1
        skipped = max(0, len(stamps) - self.capacity)
        where = (self.total + np.arange(skipped, len(stamps))) % self.capacity
        self._times[where] = stamps[skipped:]
        self._values[where] = rows[skipped:]
        self.total += len(stamps)

    def push_new(self, times: ArrayLike, values: ArrayLike) -> None:
        """Add the rows that are later than the newest one: what is sent again, as by an engine that was started again,
        is there already. Rows that begin further back than REPEATED_S are of another time, and restart the buffer.
        """
        stamps, rows = np.asarray(times, np.float64), np.asarray(values, np.float32)
        if len(self) and len(stamps) and self.newest_s - REPEATED_S < stamps[0] <= self.newest_s:
            new = stamps > self.newest_s
            stamps, rows = stamps[new], rows[new]
        self.push(stamps, rows)

    def clear(self) -> None:
        """Drop all rows; numbering continues."""
        self._first = self.total
        self.restarts += 1

    def since(self, row: int) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Copies of times (n,) and values (n, n_columns) from a row number on."""
        where = np.arange(max(row, self.start), self.total) % self.capacity
        return self._times[where], self._values[where]

    def after(self, time_s: float) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """The rows later than a time."""
        return self.since(self._row_after(time_s))

    def between(self, begin_s: float, end_s: float) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """The rows later than one time, and not later than another."""
        where = np.arange(self._row_after(begin_s), self._row_after(end_s)) % self.capacity
        return self._times[where], self._values[where]

    def _row_after(self, time_s: float) -> int:
        """Number of the first row later than a time; by bisection, so that only the result is copied."""
        first, end = self.start, self.total
        while first < end:
            middle = (first + end) // 2
            first, end = (first, middle) if self._times[middle % self.capacity] > time_s else (middle + 1, end)
        return first


def decimate(
    times: NDArray[np.float64], values: NDArray[np.float32], per_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Decimate to the minimum and maximum of each of `per_s` bins a second; unchanged where that is not fewer rows.

    times (n,), values (n, C) -> times (2m,), values (2m, C). Bins lie on absolute time, so a bin's extremes do not
    depend on what else is painted. NaN is skipped; a bin of NaN stays NaN.
    """
    bins = np.floor(times * per_s).astype(np.int64)
    starts = np.flatnonzero(bins[1:] != bins[:-1]) + 1
    starts = np.concatenate([np.zeros(min(1, len(bins)), starts.dtype), starts])
    if 2 * len(starts) >= len(times):
        return times, values
    out = np.empty((2 * len(starts), values.shape[1]), np.float32)
    out[0::2] = np.fmin.reduceat(values, starts, axis=0)
    out[1::2] = np.fmax.reduceat(values, starts, axis=0)
    return np.repeat(times[starts], 2), out
