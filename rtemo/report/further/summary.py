"""What a stream without a role showed over a session: lowest, mean and highest value of every channel, bin by bin.

Takes chunk by chunk and keeps bins alone, so that hours of any rate fit into memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import StreamInfo, TimeArray

BINS = 480
MOST_CHANNELS = 8  # of a stream, that are drawn

FloatTable = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class TraceSummary:
    """One channel. times: the bins' middles (n,), LSL seconds; low, mean, high (n,): NaN where nothing came."""

    stream: str
    channel: str
    unit: str
    times: FloatTable
    low: FloatTable
    mean: FloatTable
    high: FloatTable


class TraceBins:
    """The bins of one stream. Nothing of a sample is kept that is not a number."""

    def __init__(self, info: StreamInfo, begin_s: float, end_s: float) -> None:
        self._info, self._begin_s = info, begin_s
        n = min(info.n_channels, MOST_CHANNELS)
        self._step_s = max(end_s - begin_s, 1e-9) / BINS
        self._counts, self._sums = np.zeros((BINS, n), np.int64), np.zeros((BINS, n))
        self._low, self._high = np.full((BINS, n), np.inf), np.full((BINS, n), -np.inf)

    def take(self, times: TimeArray, values: NDArray[np.generic]) -> None:
        """Samples (n, channels) at LSL times (n,)."""
        n = self._counts.shape[1]
        found = np.asarray(values[:, :n], np.float64)
        if found.shape[1] < n:  # it came back with fewer channels
            return
        inside = np.isfinite(times) & (times >= self._begin_s) & (times <= self._begin_s + BINS * self._step_s)
        places = ((times[inside] - self._begin_s) / self._step_s).astype(np.int64).clip(0, BINS - 1)
        rows, known = found[inside], np.isfinite(found[inside])
        np.add.at(self._counts, places, known)
        np.add.at(self._sums, places, np.where(known, rows, 0.0))
        np.minimum.at(self._low, places, np.where(known, rows, np.inf))
        np.maximum.at(self._high, places, np.where(known, rows, -np.inf))

    def summaries(self) -> tuple[TraceSummary, ...]:
        """One for each channel that had a value."""
        times = self._begin_s + (np.arange(BINS, dtype=np.float64) + 0.5) * np.float64(self._step_s)
        found = []
        for k in range(self._counts.shape[1]):
            counts = self._counts[:, k]
            if not counts.any():
                continue
            there = counts > 0
            mean: FloatTable = np.where(there, self._sums[:, k] / np.maximum(counts, 1), np.nan)
            low: FloatTable = np.where(there, self._low[:, k], np.nan)
            high: FloatTable = np.where(there, self._high[:, k], np.nan)
            channel = self._info.channels[k]
            name = channel.label.strip() or str(k + 1)
            found.append(TraceSummary(self._info.name, name, channel.unit.strip(), times, low, mean, high))
        return tuple(found)
