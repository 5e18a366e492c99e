"""The conditioned EEG itself, beside the windows: for methods that do not work on band power. Optional in a corpus.

    signal (S, C) float16        microvolts on the pipeline's absolute grid, high-passed and notched, 0 where absent
    signal_runs (m, 2) int64     (grid index, row) at which each run without a hole begins

It comes from the pipeline's own EEG branch, so it is what the windows' band power is made of, bit for bit but for the
rounding to float16 (0.05 %). What is read here has the average of the usable channels subtracted, and each channel is
divided by its size in the session so far: causal, and blind to labels, as everything that a live session may do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from offline.corpus.shards import Shard
from rtemo.core.eeg.conditioning import GridBlock
from rtemo.core.eeg.signal import SMALLEST_UV
from rtemo.core.errors import RtemoError
from rtemo.core.types import BoolArray, FloatArray, Window
from rtemo.model.model_inputs import prepared_signal

SIGNAL, RUNS = "signal", "signal_runs"
Indices = NDArray[np.int64]


class SignalKeeper:
    """Called with every block of an EEG branch; hands rows of both arrays to `append`."""

    def __init__(self, append: Callable[[str, NDArray[Any]], None]) -> None:
        self._append = append
        self._next: int | None = None
        self._rows = 0

    def __call__(self, block: GridBlock) -> None:
        if not len(block.values):
            return
        if block.first != self._next:
            self._append(RUNS, np.array([[block.first, self._rows]], np.int64))
        most = np.finfo(np.float16).max
        self._append(SIGNAL, np.where(block.valid, np.clip(block.values, -most, most), 0.0).astype(np.float16))
        self._next = block.first + len(block.values)
        self._rows += len(block.values)


def has_signal(shard: Shard) -> bool:
    """Whether the recording was built with its signal."""
    return (shard.folder / f"{SIGNAL}.npy").is_file()


def cut(shard: Shard, index: Indices, length: int, grid_hz: float) -> FloatArray:
    """(n, length, C) microvolts of the windows at these indices, 0 where absent. RtemoError where none was kept.

    As in the pipeline, a window that ends at grid index k is made of the samples before k.
    """
    signal, runs = _opened(shard)
    ends = np.round(shard.rows["end_s"][index] * grid_hz).astype(np.int64)
    wanted = ends[:, None] + np.arange(-length, 0)[None, :]
    row, there = _rows(wanted, runs, len(signal))
    return np.where(there[..., None], signal[np.where(there, row, 0)], np.float16(0.0)).astype(np.float32)


def sizes(shard: Shard, index: Indices, grid_hz: float) -> FloatArray:
    """(n, C) each channel's size from the session's begin to the windows' ends: the geometric mean of the seconds' RMS.

    The geometric mean, so that a few seconds of artefact do not set the scale.
    """
    runs = _opened(shard)[1]
    logs = _log_seconds(shard, round(grid_hz))
    ends = np.round(shard.rows["end_s"][index] * grid_hz).astype(np.int64)
    run = np.maximum(np.searchsorted(runs[:, 0], ends, side="right") - 1, 0)
    stops = np.append(runs[1:, 1], len(shard.array(SIGNAL)))
    rows = np.clip(ends - runs[run, 0] + runs[run, 1], 0, stops[run])  # what follows a hole is not there yet
    seconds = np.minimum(rows // round(grid_hz), len(logs))
    known = np.exp(logs[seconds - 1] / np.maximum(seconds, 1)[:, None])
    return np.where(seconds[:, None] > 0, known, np.inf).astype(np.float32)


def referenced(values: FloatArray, usable: BoolArray, size: FloatArray) -> FloatArray:
    """(n, L, C) less the mean of the usable channels (n, C), by their size, and 0 where a channel is not usable."""
    return prepared_signal(values, usable, size, "average", "session")


def window_with_signal(shard: Shard, i: int, length: int, grid_hz: float) -> Window:
    """Window i with the signal in it, as a pipeline gives it to a model that takes the signal."""
    at = np.array([i])
    return replace(shard.window(i), signal=cut(shard, at, length, grid_hz)[0], signal_size=sizes(shard, at, grid_hz)[0])


def _opened(shard: Shard) -> tuple[NDArray[np.float16], Indices]:
    if not has_signal(shard):
        raise RtemoError(
            "this method works on the signal itself",
            f"the corpus has kept none of {shard.about.id}",
            "build the corpus with --signal",
        )
    return shard.array(SIGNAL), shard.array(RUNS)


def _rows(wanted: Indices, runs: Indices, n_rows: int) -> tuple[Indices, BoolArray]:
    """The rows that hold these grid indices, and which are there at all."""
    run = np.searchsorted(runs[:, 0], wanted, side="right") - 1
    stops = np.append(runs[1:, 1], n_rows)
    row = wanted - runs[run, 0] + runs[run, 1]
    return row, (run >= 0) & (row < stops[run])


@lru_cache(maxsize=4)
def _log_seconds(shard: Shard, per_second: int) -> NDArray[np.float64]:
    """(seconds, C) the running sum of the logarithm of each second's RMS, by row of the signal."""
    signal = shard.array(SIGNAL)
    count = max(len(signal) // per_second, 1)
    whole = [signal[k * per_second : (k + 1) * per_second].astype(np.float64) for k in range(count)]
    rms = np.stack([np.sqrt(np.mean(second**2, axis=0)) for second in whole])
    return np.asarray(np.cumsum(np.log(np.maximum(rms, SMALLEST_UV)), axis=0))
