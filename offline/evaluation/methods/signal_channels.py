"""The EEG signal of windows on the fixed channels, for methods that work on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from offline.corpus.corpus import Shard
from offline.corpus.eeg_signal import cut, referenced, sizes
from offline.evaluation.methods.features import Features, SignalGraph
from offline.evaluation.window_table import Windows
from rtemo.core.eeg.interpolation import weights_onto
from rtemo.core.eeg.signal import mostly_usable
from rtemo.core.types import FloatArray

GRID_HZ = 200.0
LENGTH_S = 4.0
SAMPLES = round(GRID_HZ * LENGTH_S)


def _values(windows: Windows) -> FloatArray:
    """(n, T, SAMPLES) in sizes of the session so far, 0 where the EEG is missing or not to be seen.

    RtemoError where the corpus was built without the signal.
    """
    table, rows = windows.table, windows.rows
    out = np.zeros((len(rows), len(table.channels.labels), SAMPLES), np.float32)
    if "eeg" not in windows.modalities:
        return out
    for number in np.unique(table.shard[rows]):
        own = table.shard[rows] == number
        if table.shards[number].about.channels:
            out[own] = _of(table.shards[number], table.index[rows[own]], table.channels.positions)
    return out


read_signal = Features(_values, lambda _: SignalGraph(), ("signal",))


def _of(shard: Shard, index: NDArray[np.int64], targets: FloatArray) -> FloatArray:
    usable = mostly_usable(shard.eeg_mask[index])
    values = referenced(cut(shard, index, SAMPLES, GRID_HZ), usable, sizes(shard, index, GRID_HZ))
    weight = weights_onto(usable, np.array(shard.positions), targets)  # (n, T, C)
    total = np.maximum(weight.sum(axis=2, keepdims=True), 1e-12)
    return np.asarray((weight / total) @ values.transpose(0, 2, 1), np.float32)
