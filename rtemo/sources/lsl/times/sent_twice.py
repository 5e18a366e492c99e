"""Counts samples that a sender sends twice: the same stamp and the same values as one of the last seconds.

Equal stamps alone are no repetition: some senders give a whole chunk one stamp. Costs next to nothing while stamps
increase.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import Chunk

REMEMBERED = 4096  # samples
REMEMBERED_BYTES = 4 << 20


class SentTwice:
    """Fed with every chunk of a stream."""

    def __init__(self) -> None:
        self.n = 0
        self._newest = -math.inf
        self._chunks: deque[Chunk] = deque()
        self._n_samples = self._n_bytes = 0

    def add(self, chunk: Chunk) -> None:
        stamps = chunk.stamps
        if not len(stamps) or chunk.values.dtype == object:  # texts may be long, and are seldom
            return
        if not (float(stamps[0]) > self._newest and bool((stamps[1:] > stamps[:-1]).all())):
            self._look(chunk)
        self._newest = float(np.fmax.reduce(stamps, initial=self._newest))
        self._remember(chunk)

    def _look(self, chunk: Chunk) -> None:
        """Compare a chunk with itself and with what came before."""
        seen: dict[float, list[NDArray[Any]]] = {}
        wanted = set(chunk.stamps.tolist())
        for before in self._chunks:
            for index in np.flatnonzero(np.isin(before.stamps, chunk.stamps)).tolist():
                seen.setdefault(float(before.stamps[index]), []).append(before.values[index])
        if not seen and len(wanted) == len(chunk):
            return
        for stamp, row in zip(chunk.stamps.tolist(), chunk.values, strict=True):
            rows = seen.setdefault(stamp, [])
            if any(_same(row, other) for other in rows[:MAX_ALIKE]):
                self.n += 1
            else:
                rows.append(row)

    def _remember(self, chunk: Chunk) -> None:
        self._chunks.append(chunk)
        self._n_samples += len(chunk)
        self._n_bytes += chunk.values.nbytes
        while self._n_samples > REMEMBERED or self._n_bytes > REMEMBERED_BYTES:
            old = self._chunks.popleft()
            self._n_samples -= len(old)
            self._n_bytes -= old.values.nbytes


MAX_ALIKE = 16  # samples under one stamp that are compared


def _same(row: NDArray[Any], other: NDArray[Any]) -> bool:
    return row.tobytes() == other.tobytes()
