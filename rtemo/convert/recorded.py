"""What a file of another program holds: signals with their stamps, marks with their times, on its own clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import Channel

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class FileSignal:
    """Samples as they are in the file. times_s (n,): increasing; values (n, channels). rate_hz: 0: irregular."""

    name: str
    type: str  # EEG or Gaze
    channels: tuple[Channel, ...]
    rate_hz: float
    times_s: Doubles
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Converted:
    """One file. unix: its times are seconds since 1970. notes: what a user should know about how it was read."""

    path: Path
    kind: str
    signals: tuple[FileSignal, ...]
    marks: tuple[tuple[float, str], ...] = ()
    unix: bool = False
    notes: tuple[str, ...] = ()


def in_order(times_s: Doubles, columns: Mapping[str, NDArray[np.float64]]) -> tuple[Doubles, dict[str, Doubles], int]:
    """Rows with a time, in the order of time, one for each time; and how many were left out."""
    kept = np.flatnonzero(np.isfinite(times_s))
    kept = kept[np.argsort(times_s[kept], kind="stable")]
    first = np.r_[True, np.diff(times_s[kept]) > 0] if len(kept) else np.zeros(0, bool)
    kept = kept[first]
    return times_s[kept], {name: values[kept] for name, values in columns.items()}, len(times_s) - len(kept)


def rate_of(times_s: Doubles) -> float:
    """The usual rate of samples, 0 where there are too few."""
    steps = np.diff(times_s)
    return float(1.0 / np.median(steps)) if len(steps) and np.median(steps) > 0 else 0.0


def stacked(columns: Sequence[Doubles]) -> NDArray[np.float32]:
    """(n, len(columns)) as they are written."""
    with np.errstate(over="ignore"):
        return np.column_stack(columns).astype(np.float32)


@dataclass(slots=True)
class Eyes:
    """Gaze and pupil columns that a reader has found, with what they are."""

    channels: list[Channel] = field(default_factory=list)
    columns: list[Doubles] = field(default_factory=list)

    def add(self, label: str, kind: str, unit: str, eye: str, values: Doubles | None) -> None:
        """One more column, where the file has it."""
        if values is not None:
            self.channels.append(Channel(label, kind, unit, eye))
            self.columns.append(values)
