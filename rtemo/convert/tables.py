"""Tables that eye trackers' programs export: CSV and TSV in whatever encoding, by the names of their columns."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError
from rtemo.core.records import shown

_MOST_BYTES = 4 << 30
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_UNIT = re.compile(r"^(?P<name>.*?)\s*\[(?P<unit>[^\]]*)\]$")
_COMMA = re.compile(r"[+-]?\d+,\d+(e[+-]?\d+)?", re.IGNORECASE)
_SEPARATORS = ("\t", ";", ",")


@dataclass(frozen=True, slots=True)
class ExportedTable:
    """A table's columns in order, as they are called without their units, and its cells by row."""

    path: Path
    columns: tuple[str, ...]
    units: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    commas: bool  # decimal ones

    @property
    def named(self) -> str:
        """The first columns' names, for messages."""
        return shown(", ".join(self.columns[:12]))

    def has(self, *names: str) -> bool:
        """Whether it has these columns, whatever their case."""
        return all(name.casefold() in map(str.casefold, self.columns) for name in names)

    def find(self, pattern: str) -> str | None:
        """The first column whose name fits the whole pattern, whatever its case."""
        return next((name for name in self.columns if re.fullmatch(pattern, name, re.IGNORECASE)), None)

    def unit(self, name: str) -> str:
        """What stands in brackets behind the column's name."""
        return self.units[self._place(name)]

    def texts(self, name: str) -> list[str]:
        """The column's cells; empty ones where a row is too short."""
        place = self._place(name)
        return [row[place].strip() if place < len(row) else "" for row in self.rows]

    def numbers(self, name: str) -> NDArray[np.float64]:
        """(n,) the column's numbers, NaN where a cell holds none."""
        return np.array([_number(text, self.commas) for text in self.texts(name)], np.float64)

    def optional(self, name: str | None) -> NDArray[np.float64] | None:
        """The numbers of a column that may not be there, or hold no number at all."""
        if name is None or not self.has(name):
            return None
        found = self.numbers(name)
        return found if np.isfinite(found).any() else None

    def _place(self, name: str) -> int:
        folded = [column.casefold() for column in self.columns]
        if name.casefold() not in folded:
            raise RtemoError(f"{self.path} has no column {name!r}", f"it has {self.named}", "correct the mapping")
        return folded.index(name.casefold())


def read_table(path: Path) -> ExportedTable:
    """RtemoError where it is no table with a header line."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise RtemoError(f"{path} is too large for a table", f"{path.stat().st_size} bytes", "export it in parts")
        text = _decoded(path.read_bytes())
    except OSError as error:
        raise RtemoError(f"{path} cannot be read", str(error), "check the file") from error
    first = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=first.count)
    if not first.strip() or separator not in first:
        raise RtemoError(f"{path} has no header line with columns", f"it begins with {first[:60]!r}", "export it again")
    try:
        lines = [tuple(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row]
    except csv.Error as error:
        raise RtemoError(f"{path} is no table", str(error), "export it again") from error
    named = [_named(cell) for cell in lines[0]]
    rows = tuple(lines[1:])
    return ExportedTable(
        path, tuple(name for name, _ in named), tuple(unit for _, unit in named), rows, _commas(rows, separator)
    )


def _decoded(data: bytes) -> str:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _named(cell: str) -> tuple[str, str]:
    match = _UNIT.fullmatch(cell.strip())
    return (match["name"], match["unit"]) if match else (cell.strip(), "")


def _commas(rows: Sequence[tuple[str, ...]], separator: str) -> bool:
    """Whether numbers are written like 3,5: where commas do not separate cells and none has a point."""
    cells = [cell.strip() for row in rows[:200] for cell in row]
    return separator != "," and any(_COMMA.fullmatch(cell) for cell in cells)


def _number(text: str, commas: bool) -> float:  # noqa: FBT001 - a property of the table
    try:
        return float(text.replace(",", ".") if commas else text)
    except ValueError:
        return float("nan")
