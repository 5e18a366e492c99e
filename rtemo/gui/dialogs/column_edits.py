"""Editable channel map of a stream ([eeg.map] or [gaze.map] of the session settings), with its checks. No Qt."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rtemo.core.eeg.head_geometry import table
from rtemo.core.eeg.montage import place
from rtemo.live.service.snapshot import ColumnStatus
from rtemo.sources.devices.eeg_columns import MIN_CHANNELS

GAZE_USES = (
    "left_x", "left_y", "left_pupil", "left_valid", "left_confidence",
    "right_x", "right_y", "right_pupil", "right_valid", "right_confidence",
    "x", "y", "pupil", "valid", "confidence",
)  # fmt: skip
_TEN_TEN = re.compile(r"(?:F|FT|FC|C|T|CP|TP|P)(?:z|10|[1-9])|(?:AF|PO)(?:z|[3478])|PO(?:9|10)|(?:Fp|O)[z12]|Iz")


def electrodes() -> dict[str, tuple[float, float, float]]:
    """The electrodes of the 10-10 system with their positions."""
    return {name: at for name, at in table("10-05").positions.items() if _TEN_TEN.fullmatch(name)}


class ColumnMap:
    """One row for each channel. A row without an entry is read by the device profile.

    names: the map in the session settings, by the stream's label or by the column's number from 1.
    """

    def __init__(self, columns: Sequence[ColumnStatus], names: Mapping[str, str]) -> None:
        self.columns = tuple(columns)
        self._named: dict[int, str] = {}
        for key, name in names.items():
            row = self._row_of(key)
            if row is not None:
                self._named[row] = name
        self._before = dict(self._named)

    def use(self, row: int) -> str:
        """The use of a channel; empty where it is ignored."""
        return self._named.get(row, "" if row in self._before else self.columns[row].use)

    def is_overridden(self, row: int) -> bool:
        """Whether the settings override the profile in a row."""
        return row in self._named

    def why(self, row: int) -> str:
        """The reason for a row's use; empty where the settings name it."""
        return "" if row in self._named or row in self._before else self.columns[row].why

    def was_reset(self, row: int) -> bool:
        """Whether a row was reset: its use by the profile is known to the engine alone."""
        return row in self._before and row not in self._named

    def assign(self, row: int, name: str) -> None:
        """Set the use of a channel; an empty name ignores it."""
        self._named[row] = name.strip()

    def reset(self, row: int) -> None:
        """Read a channel by the profile."""
        self._named.pop(row, None)

    def clear(self) -> None:
        """Read all channels by the profile."""
        self._named.clear()

    def keep_all(self) -> None:
        """Make the present use of every row an entry: where some columns of gaze are named, no others are used."""
        for row in range(len(self.columns)):
            if self.use(row):
                self._named.setdefault(row, self.use(row))

    @property
    def names(self) -> dict[str, str]:
        """The entries of the map, for the settings."""
        return {self._key_of(row): name for row, name in sorted(self._named.items())}

    def _row_of(self, key: str) -> int | None:
        wanted = key.strip().casefold()
        fitting = [k for k, column in enumerate(self.columns) if column.label.strip().casefold() == wanted and wanted]
        if len(fitting) == 1:
            return fitting[0]
        number = int(wanted) if wanted.isascii() and wanted.isdigit() else 0
        return number - 1 if not fitting and 1 <= number <= len(self.columns) else None

    def _key_of(self, row: int) -> str:
        """The channel's label where it is unique, else the column's number."""
        label = self.columns[row].label.strip()
        return label if label and self._row_of(label) == row else str(row + 1)


def eeg_problems(mapping: ColumnMap) -> dict[int, str]:
    """Errors of an EEG map by row, row -1 for the whole. Empty where the map can be used."""
    uses = [mapping.use(row) for row in range(len(mapping.columns))]
    own = {row for row, use in enumerate(uses) if use and mapping.is_overridden(row)}
    placement = place(uses)
    problems = {row: reason for row, reason in placement.reasons.items() if row in own}
    for pair in placement.twins.items():
        for row, twin in (pair, pair[::-1]):
            if row in own:
                problems[row] = f"the same electrode as channel {twin + 1}"
    known = bool(uses) and not any(mapping.was_reset(row) for row in range(len(uses)))
    if known and sum(map(bool, uses)) < MIN_CHANNELS:
        problems[-1] = f"at least {MIN_CHANNELS} electrodes are needed"
    return problems


def gaze_problems(mapping: ColumnMap) -> dict[int, str]:
    """Errors of a gaze map, as eeg_problems: a use given twice, and x without y."""
    problems: dict[int, str] = {}
    rows: dict[str, int] = {}
    for row in range(len(mapping.columns)):
        use = mapping.use(row)
        if not use:
            continue
        if use in rows and not use.endswith(("valid", "confidence")):
            problems[row] = f"channel {rows[use] + 1} is {use} already"
        rows.setdefault(use, row)
    for eye in ("", "left_", "right_"):
        given = {axis for axis in "xy" if f"{eye}{axis}" in rows}
        if len(given) == 1:
            (axis,) = given
            problems[rows[f"{eye}{axis}"]] = f"{eye}{axis} needs {eye}{'y' if axis == 'x' else 'x'} too"
    if mapping.names and not {"x", "left_x", "right_x"} & set(rows):
        problems[-1] = "x and y of one eye at least are needed"
    return problems
