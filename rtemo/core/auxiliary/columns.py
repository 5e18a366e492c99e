"""Auxiliary columns of a stream, and what its samples show there: samples lost, trigger events, impedances.

Depends on the samples and their order alone, not on how they were cut into chunks, and changes no prediction. A
finding carries the row at which it is certain, so that whoever goes by it can do so between the same two samples in a
session, in its replay and in a corpus.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.auxiliary.losses import CounterColumn, Loss, SampleLosses
from rtemo.core.auxiliary.triggers import Trigger, TriggerColumn, TriggerEdges
from rtemo.core.types import TimeArray


@dataclass(frozen=True, slots=True)
class ImpedanceColumn:
    """A column with the impedance of one electrode. kohm: factor of its values to kilo-ohms."""

    column: int
    electrode: str
    kohm: float = 1.0


@dataclass(frozen=True, slots=True)
class AuxiliaryColumns:
    """What a device sends beside its signals in the same stream."""

    counter: CounterColumn | None = None
    triggers: tuple[TriggerColumn, ...] = ()
    impedances: tuple[ImpedanceColumn, ...] = ()

    def __bool__(self) -> bool:
        return self.counter is not None or bool(self.triggers or self.impedances)


NO_AUXILIARY = AuxiliaryColumns()


@dataclass(slots=True)
class Impedance:
    """The impedance of one electrode over a session, kilo-ohms."""

    first: float
    latest: float
    highest: float


class AuxiliaryReader:
    """Takes in every sample of one stream."""

    def __init__(self, columns: AuxiliaryColumns, nominal_hz: float, latency_s: float = 0.0) -> None:
        """latency_s: how late the stamps are; taken off the times of triggers, as it is off those of the samples."""
        self.columns = columns
        self.impedances: dict[str, Impedance] = {}
        self.losses = SampleLosses(columns.counter, nominal_hz) if columns.counter is not None else None
        self._edges = tuple(TriggerEdges(column) for column in columns.triggers)
        self._latency_s = latency_s

    def take(self, times: TimeArray, values: NDArray[Any]) -> list[Loss | Trigger]:
        """What these samples (n, channels) at LSL times (n,) show, by the row at which it is certain."""
        if not len(times):
            return []
        found: list[Loss | Trigger] = []
        shifted = times - self._latency_s
        if self.losses is not None:
            found += self.losses.take(shifted, values)
        for edges in self._edges:
            found += edges.take(shifted, np.asarray(values[:, edges.column.column], np.float64))
        for one in self.columns.impedances:
            self._note_impedance(one, np.asarray(values[:, one.column], np.float64) * one.kohm)
        return sorted(found, key=lambda one: one.row)

    def flush(self) -> list[Loss | Trigger]:
        """What has been counted and not been reported yet."""
        return list(self.losses.flush()) if self.losses is not None else []

    def _note_impedance(self, one: ImpedanceColumn, kohm: NDArray[np.float64]) -> None:
        """Values that are no number, or negative, are none: the device has not measured yet."""
        measured = kohm[(kohm >= 0) & (kohm < math.inf)]
        if not len(measured):
            return
        latest, highest = float(measured[-1]), float(measured.max())
        known = self.impedances.setdefault(one.electrode, Impedance(float(measured[0]), latest, highest))
        known.latest, known.highest = latest, max(known.highest, highest)


def newest_impedances(readers: Sequence[AuxiliaryReader]) -> dict[str, Impedance]:
    """The impedances of all streams by electrode; a later stream's count."""
    return {electrode: one for reader in readers for electrode, one in reader.impedances.items()}
