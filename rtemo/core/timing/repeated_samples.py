"""Finds samples that came twice: the same stamp and the same values as a sample shortly before.

Where samples of one stamp differ, a whole chunk was stamped alike, and equal ones among them mean nothing. Depends on
the order of the samples alone, not on how they were cut into chunks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import BoolArray, TimeArray

REACH = 256  # samples back that a repetition is looked for


class RepeatedSamples:
    """Fed with every sample of one stream, in their order."""

    def __init__(self) -> None:
        self._stamps = np.empty(0)
        self._values: NDArray[Any] | None = None
        self._since_differing = REACH + 1  # samples since one that shares its stamp with another one but not the values

    def find(self, stamps: TimeArray, values: NDArray[Any]) -> BoolArray:
        """Which of these samples (n,) came before."""
        known = len(self._stamps)
        every = np.concatenate([self._stamps, stamps])
        rows = values if self._values is None else np.concatenate([self._values, values])
        self._stamps, self._values = every[-REACH:], rows[-REACH:]
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
        differing[1:][at[~same]] = np.arange(1, n + 1)[at[~same]]
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
