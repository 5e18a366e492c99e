"""Trigger columns: from the level of a digital input, sample by sample, to events at its edges.

An event is a change to a value that is not at rest. It counts once it has stood for `hold` samples, so that lines of a
parallel port that switch one after the other are one event, and a shorter glitch is none; its time is that of the first
of these samples. The level that a stream begins with is no event: when it began is not known.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import TimeArray

FLOOD = 50  # events within FLOOD_S: no experiment sends as many, a column with noise does
FLOOD_S = 1.0


@dataclass(frozen=True, slots=True)
class TriggerColumn:
    """A trigger column. rest: values that mean that nothing happens. mask: bits that count, 0 for all. inverted:
    whether those are 0 where the input is on. hold: samples. texts: what values stand for, beside their numbers.
    """

    column: int
    label: str
    rest: tuple[float, ...] = (0.0,)
    mask: int = 0
    inverted: bool = False
    hold: int = 1
    texts: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Trigger:
    """An event of a trigger column, certain at a row. time_s: LSL time of its first sample.

    problem: why the column is not read any more; then it is no event.
    """

    row: int
    time_s: float
    label: str
    text: str
    problem: str = ""


class TriggerEdges:
    """Reads one trigger column."""

    def __init__(self, column: TriggerColumn) -> None:
        self.column = column
        self._texts = dict(column.texts)
        self._level = np.nan
        self._begun: tuple[float, float, int] | None = None  # value, time of its first sample, samples so far
        self._recent: deque[float] = deque(maxlen=FLOOD)
        self._stopped = False

    def take(self, times: TimeArray, values: NDArray[np.float64]) -> list[Trigger]:
        """The events of times (n,) and the column's values (n,). A value that is no number changes nothing."""
        if self._stopped:
            return []
        rows = np.flatnonzero(np.isfinite(values))
        if not len(rows):
            return []
        levels = self._masked(values[rows])
        if np.isnan(self._level):
            self._level = float(levels[0])
        if self._begun is None and (levels == self._level).all():
            return []
        starts = np.concatenate([[0], np.flatnonzero(np.diff(levels)) + 1])
        found: list[Trigger] = []
        for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(rows)], strict=True):
            found += self._run(float(levels[start]), times, rows[start:stop])
            if self._stopped:
                break
        return found

    def _run(self, value: float, times: TimeArray, rows: NDArray[np.intp]) -> list[Trigger]:
        """A run of equal values, which may go on from the samples before."""
        if value == self._level:
            self._begun = None
            return []
        before = 0
        first_s = float(times[rows[0]])
        if self._begun is not None and self._begun[0] == value:
            _, first_s, before = self._begun
        if before + len(rows) < self.column.hold:
            self._begun = (value, first_s, before + len(rows))
            return []
        self._level, self._begun = value, None
        if value in self.column.rest or not np.isfinite(first_s):
            return []
        return [self._event(int(rows[max(self.column.hold - before, 1) - 1]), first_s, value)]

    def _event(self, row: int, time_s: float, value: float) -> Trigger:
        label = self.column.label
        if len(self._recent) == FLOOD and time_s - self._recent[0] < FLOOD_S:
            self._stopped = True
            problem = f"the column {label} changes more than {FLOOD} times in {FLOOD_S:g} s: it is no trigger"
            return Trigger(row, time_s, label, "", f"{problem}, and not read any more")
        self._recent.append(time_s)
        return Trigger(row, time_s, label, self._texts.get(value, f"{value:g}"))

    def _masked(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The bits that count. A negative value that stands for rest is no number of bits."""
        if not self.column.mask:
            return values
        whole = np.clip(values, -(2.0**53), 2.0**53).astype(np.int64)
        whole = (~whole if self.column.inverted else whole) & self.column.mask
        return np.where((values < 0) & np.isin(values, self.column.rest), values, whole.astype(np.float64))
