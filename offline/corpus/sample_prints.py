"""Fingerprints of a recording's raw samples, by which the same recording is found again under another name.

Half a second behind every prominent maximum of a few columns is reduced to the rough sizes of its changes, and these to
a number of 64 bits. Copies that were cut, begun later, scaled or rounded anew share a fifth or more; recordings of
different sessions share none. How the samples were cut into chunks does not matter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Prints = NDArray[np.uint64]
_POINTS = 32  # changes that a print is made of
_SPAN_S = 0.5
_ALONE_S = 0.1  # a maximum is the largest value this far to both sides
_COLUMNS = 3
_LARGEST = 7.0  # times the median change: larger ones count alike
_WEIGHTS = np.random.default_rng(20261130).integers(1, 2**63, _POINTS, dtype=np.uint64) | np.uint64(1)


class SamplePrinter:
    """Takes the samples of one stream in order, (n, columns), and gives the prints that they complete."""

    def __init__(self, rate_hz: float) -> None:
        self._step = max(1, round(_SPAN_S * rate_hz / _POINTS))
        self._alone = max(2, round(_ALONE_S * rate_hz))
        self._columns: NDArray[np.intp] | None = None
        self._waiting: NDArray[np.float64] | None = None

    def add(self, values: NDArray[np.generic]) -> Prints:
        """The prints of the maxima whose surroundings are complete now."""
        if self._columns is None:
            self._columns = np.unique(np.linspace(0, values.shape[1] - 1, _COLUMNS).round().astype(np.intp))
        new = np.asarray(values[:, self._columns], np.float64)
        samples = new if self._waiting is None else np.concatenate([self._waiting, new])
        behind = self._step * _POINTS
        least = self._alone + max(self._alone, behind) + 1
        if len(samples) < least:
            self._waiting = samples
            return np.zeros(0, np.uint64)
        self._waiting = samples[len(samples) - least + 1 :]
        return np.concatenate([self._of_column(column, behind) for column in samples.T])

    def _of_column(self, column: NDArray[np.float64], behind: int) -> Prints:
        finite = np.where(np.isfinite(column), column, -np.inf)
        largest = _largest_around(finite, self._alone)
        last = len(column) - max(self._alone, behind)
        at = np.arange(self._alone, last)
        at = at[(finite[at] == largest[at]) & (finite[at] > finite[at - 1]) & np.isfinite(finite[at])]
        if not len(at):
            return np.zeros(0, np.uint64)
        changes = np.diff(column[at[:, None] + self._step * np.arange(_POINTS + 1)], axis=1)
        size = np.median(np.abs(changes), axis=1)
        usable = np.isfinite(changes).all(axis=1) & (size > 0)
        rough = np.clip(np.round(changes[usable] / size[usable, None]), -_LARGEST, _LARGEST)
        return np.asarray(((rough + _LARGEST).astype(np.uint64) * _WEIGHTS).sum(axis=1, dtype=np.uint64))


def _largest_around(values: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """The largest of each value (n,) and `reach` to both sides; infinite where these are not all there."""
    edge = np.full(reach, np.inf)
    found, spans, width = np.concatenate([edge, values, edge]), 1, 2 * reach + 1
    while 2 * spans <= width:  # each is the largest of twice as many
        found = np.maximum(found[:-spans], found[spans:])
        spans *= 2
    return np.asarray(np.maximum(found[: len(values)], found[width - spans :]))
