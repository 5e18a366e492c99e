"""Finds samples that came twice: the same stamp and the same values as a sample shortly before.

Where samples of one stamp differ, a whole chunk was stamped alike, and equal ones among them mean nothing. Depends on
the order of the samples alone, not on how they were cut into chunks.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import BoolArray, TimeArray

REACH = 256  # samples back that a repetition is looked for


class RepeatedSamples:
    """Fed with every sample of one stream, in their order."""

    def __init__(self) -> None:
        self._before: deque[tuple[TimeArray, NDArray[Any]]] = deque()  # at least the last REACH samples
        self._highest: deque[float] = deque()  # the newest stamp of each of these
        self._n_before = 0
        self._since_differing = REACH  # samples since one that shares its stamp with another one but not the values

    def find(self, stamps: TimeArray, values: NDArray[Any]) -> BoolArray:
        """Which of these samples (n,) came before."""
        highest = max(self._highest, default=-np.inf)
        if stamps[0] > highest and (stamps[1:] > stamps[:-1]).all():  # as nearly always: none can have come before
            self._since_differing += len(stamps)
            repeated = np.zeros(len(stamps), dtype=bool)
        else:
            repeated = self._compare(stamps, values)
        self._before.append((stamps, values))
        self._highest.append(float(np.fmax.reduce(stamps)))
        self._n_before += len(stamps)
        while self._n_before - len(self._before[0][0]) >= REACH:
            self._n_before -= len(self._before.popleft()[0])
            self._highest.popleft()
        return repeated

    def _compare(self, stamps: TimeArray, values: NDArray[Any]) -> BoolArray:
        known = self._n_before
        every = np.concatenate([*(before for before, _ in self._before), stamps])
        rows = np.concatenate([*(before for _, before in self._before), values])
        order = np.argsort(every, kind="stable")
        alike = every[order[1:]] == every[order[:-1]]
        if not alike.any():
            self._since_differing += len(stamps)
            return np.zeros(len(stamps), dtype=bool)
        later, before = order[1:][alike], order[:-1][alike]
        new = (later >= known) & (later - before <= REACH)
        later, before = later[new], before[new]
        return self._judge(len(stamps), later - known, _same(rows, later, before))

    def _judge(self, n: int, at: NDArray[np.intp], same: BoolArray) -> BoolArray:
        """at: the samples with the stamp of an earlier one; same: whether the values are equal too."""
        differing = np.full(n + 1, -self._since_differing)
        differing[at[~same] + 1] = at[~same] + 1
        last = np.maximum.accumulate(differing)
        self._since_differing = int(n - last[-1])
        repeated = np.zeros(n, dtype=bool)
        repeated[at[same]] = True
        return repeated & (np.arange(1, n + 1) - last[1:] > REACH)


def _same(rows: NDArray[Any], one: NDArray[np.intp], other: NDArray[np.intp]) -> BoolArray:
    """Whether two rows are equal bit by bit, NaN included."""
    first, second = np.ascontiguousarray(rows[one]), np.ascontiguousarray(rows[other])
    if not first.size:
        return np.zeros(len(one), dtype=bool)
    width = first.dtype.itemsize * first.shape[1]
    bits = first.view(np.uint8).reshape(len(one), width) == second.view(np.uint8).reshape(len(one), width)
    return np.asarray(bits.all(axis=1))
