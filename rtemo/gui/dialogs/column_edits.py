"""An editor's copy of what a stream's channels are taken for: [eeg.map] or [gaze.map] in the making. No Qt."""

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
    """The electrodes of the 10-10 system with their places, for a map to choose from."""
    return {name: at for name, at in table("10-05").positions.items() if _TEN_TEN.fullmatch(name)}


class ColumnMap:
    """One row for each channel. A row without an entry is read as the device profile says.

    names: what the session's settings say now, by the stream's label or by the column's number from 1.
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
        """What a channel is taken for; empty where it is ignored."""
        return self._named.get(row, "" if row in self._before else self.columns[row].use)

    def is_own(self, row: int) -> bool:
        """Whether the settings say so, not the profile."""
        return row in self._named

    def why(self, row: int) -> str:
        """What a row rests on; empty where the settings say it."""
        return "" if row in self._named or row in self._before else self.columns[row].why

    def is_open(self, row: int) -> bool:
        """Whether it was reset, so that only the engine can say what the profile makes of it."""
        return row in self._before and row not in self._named

    def assign(self, row: int, name: str) -> None:
        """Take a channel for something; an empty name ignores it."""
        self._named[row] = name.strip()

    def reset(self, row: int) -> None:
        """Read a channel as the profile says."""
        self._named.pop(row, None)

    def clear(self) -> None:
        """Read everything as the profile says."""
        self._named.clear()

    def name_all(self) -> None:
        """Write down what every row is taken for: where some columns of gaze are named, no others are used."""
        for row in range(len(self.columns)):
            if self.use(row):
                self._named.setdefault(row, self.use(row))

    @property
    def names(self) -> dict[str, str]:
        """The entries for the settings."""
        return {self._key_of(row): name for row, name in sorted(self._named.items())}

    def _row_of(self, key: str) -> int | None:
        wanted = key.strip().casefold()
        fitting = [k for k, column in enumerate(self.columns) if column.label.strip().casefold() == wanted and wanted]
        if len(fitting) == 1:
            return fitting[0]
        number = int(wanted) if wanted.isascii() and wanted.isdigit() else 0
        return number - 1 if not fitting and 1 <= number <= len(self.columns) else None

    def _key_of(self, row: int) -> str:
        """The label where it is the only one of its kind, else the column's number."""
        label = self.columns[row].label.strip()
        return label if label and self._row_of(label) == row else str(row + 1)


def eeg_problems(names: ColumnMap) -> dict[int, str]:
    """What cannot be right, by row; row -1 for the whole. Empty where the mapping can be used."""
    uses = [names.use(row) for row in range(len(names.columns))]
    own = {row for row, use in enumerate(uses) if use and names.is_own(row)}
    placement = place(uses)
    problems = {row: reason for row, reason in placement.reasons.items() if row in own}
    for pair in placement.twins.items():
        for row, twin in (pair, pair[::-1]):
            if row in own:
                problems[row] = f"the same electrode as channel {twin + 1}"
    known = bool(uses) and not any(names.is_open(row) for row in range(len(uses)))
    if known and sum(map(bool, uses)) < MIN_CHANNELS:
        problems[-1] = f"at least {MIN_CHANNELS} electrodes are needed"
    return problems


def gaze_problems(names: ColumnMap) -> dict[int, str]:
    """As eeg_problems: a use given twice, and x without y."""
    problems: dict[int, str] = {}
    rows: dict[str, int] = {}
    for row in range(len(names.columns)):
        use = names.use(row)
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
    if names.names and not {"x", "left_x", "right_x"} & set(rows):
        problems[-1] = "x and y of one eye at least are needed"
    return problems
