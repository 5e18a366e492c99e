"""The conditioned EEG itself, for models that take it instead of band power: size so far, reference and scale.

Causal, and blind to labels: a channel's size is the geometric mean of the RMS of the whole seconds since the session
began, so that a few seconds of artefact do not set the scale. Before the first whole second it is infinite, and the
scaled signal 0.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from rtemo.core.eeg.conditioning import GridBlock
from rtemo.core.types import BoolArray, FloatArray

SMALLEST_UV = 0.1  # a channel that is flat so far is not blown up
_LIMIT = 20.0  # sizes: beyond is an artefact
_KEPT_S = 32  # seconds back that a size can be asked for; blocks are a few seconds long


class ChannelSizes:
    """Each channel's size up to any of the newest ends, from blocks in order; absent samples count as 0."""

    def __init__(self, n_channels: int, grid_hz: float) -> None:
        self._per_second = round(grid_hz)
        self._square = np.zeros(n_channels)
        self._rows = 0  # of the second that is not full yet
        self._logs, self._seconds = np.zeros(n_channels), 0
        self._nothing = np.full(n_channels, np.inf, np.float32)
        self._known: deque[tuple[int, FloatArray]] = deque(maxlen=_KEPT_S)  # grid index from which on a size holds

    def push(self, block: GridBlock) -> None:
        """Take in the next block."""
        values, at = np.where(block.valid, block.values, 0.0), 0
        while at < len(values):
            part = values[at : at + self._per_second - self._rows]
            self._square = self._square + np.sum(part**2, axis=0)
            self._rows, at = self._rows + len(part), at + len(part)
            if self._rows == self._per_second:
                rms = np.sqrt(self._square / self._per_second)
                self._logs = self._logs + np.log(np.maximum(rms, SMALLEST_UV))
                self._seconds += 1
                size = np.exp(self._logs / self._seconds).astype(np.float32)
                self._known.append((block.first + at, size))
                self._square, self._rows = np.zeros(len(rms)), 0

    def at(self, end: int) -> FloatArray:
        """(C,) from the samples before a grid index."""
        return next((size for since, size in reversed(self._known) if since <= end), self._nothing)


def referenced(values: FloatArray, usable: BoolArray) -> FloatArray:
    """(n, L, C) less the mean of the usable channels (n, C)."""
    part = usable[:, None, :]
    mean = (values * part).sum(axis=2, keepdims=True) / np.maximum(part.sum(axis=2, keepdims=True), 1)
    return np.asarray(values - mean, np.float32)


def scaled(values: FloatArray, size: FloatArray) -> FloatArray:
    """(n, L, C) by the channels' sizes (n, C), within the limit that keeps artefacts small."""
    by_size = values / np.maximum(size, SMALLEST_UV)[:, None, :]
    return np.asarray(np.clip(by_size, -_LIMIT, _LIMIT), np.float32)


def masked(values: FloatArray, usable: BoolArray) -> FloatArray:
    """(n, L, C), 0 where a channel (n, C) is not usable."""
    return np.where(usable[:, None, :], values, np.float32(0.0)).astype(np.float32)


def mostly_usable(mask: NDArray[np.bool_]) -> BoolArray:
    """(..., F, C) usable channels of frames -> (..., C): those usable in half of the frames or more."""
    return np.asarray(mask.mean(axis=-2) >= 0.5)
