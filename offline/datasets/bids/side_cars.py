"""Read BIDS side-cars: JSON metadata and TSV tables, as labs really write them, with every fault in the account.

Byte-order marks, UTF-16 and Latin-1 are read (the last with a note). A side-car that cannot be read is listed and the
others still count; nothing here ends a recording.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offline.datasets.account import Account
from offline.datasets.bids.names import same_case, side_cars
from offline.datasets.cells import cell
from offline.datasets.foreign import check_content, reading
from rtemo.core.errors import RtemoError
from rtemo.core.records import Reader

_MAX_BYTES = 64 << 20
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table. line: its number in the file, counted from 1."""

    line: int
    cells: Mapping[str, str]

    def get(self, column: str) -> str:
        """The cell of a column, whatever the case of its name; "" where there is none."""
        return cell(self.cells, column) or ""


@dataclass(frozen=True, slots=True)
class Table:
    """A TSV file. path: None where there is none that can be read."""

    path: Path | None = None
    columns: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def has(self, column: str) -> bool:
        """Whether there is such a column, whatever the case of its name."""
        return column.casefold() in (name.casefold() for name in self.columns)


class SideCars:
    """The side-cars below one root. What they hold that cannot be used goes into the account."""

    def __init__(self, root: Path, account: Account) -> None:
        self._root, self._account = root, account

    def metadata(self, data: Path, suffix: str, but: tuple[str, ...] = ()) -> dict[str, Any]:
        """The merged JSON side-cars of a data file; what is nearer to the data wins."""
        merged: dict[str, Any] = {}
        for path in side_cars(self._root, data, suffix, ".json", but):
            with self._account.omitting("side-car", path.name):
                merged |= read_json(path, self._account)
                self._note_case(path, data)
        return merged

    def nearest(self, data: Path, suffix: str, but: tuple[str, ...] = ()) -> str:
        """The name of the nearest JSON side-car, for messages."""
        paths = side_cars(self._root, data, suffix, ".json", but)
        return paths[-1].name if paths else f"{suffix}.json"

    def table(self, data: Path, suffix: str, but: tuple[str, ...] = ()) -> Table:
        """The most specific TSV that applies to a data file; an empty table where there is none."""
        paths = side_cars(self._root, data, suffix, ".tsv", but)
        if not paths:
            return Table()
        with self._account.omitting("side-car", paths[-1].name):
            found = read_table(paths[-1], self._account)
            self._note_case(paths[-1], data)
            return found
        return Table()

    def _note_case(self, path: Path, data: Path) -> None:
        if not same_case(path, data):
            self._account.note(f"{path.name} is taken for {data.name}: their names differ in the case of letters only")


def read_json(path: Path, account: Account) -> dict[str, Any]:
    """A JSON object. RtemoError where it is none."""
    content = Reader(f"the side-car {path}", "it should hold a JSON object").json(_text(path, account))
    if not isinstance(content, dict):
        raise RtemoError(f"{path} holds no JSON object", f"found a {type(content).__name__}", "correct the file")
    return content


def read_table(path: Path, account: Account) -> Table:
    """A table with a header line, its columns separated by tabs. RtemoError where it is none."""
    lines = re.split(r"\r\n|\r|\n", _text(path, account))
    if not lines or not lines[0].strip():
        raise RtemoError(f"{path} has no header line", "its first line is empty", "name the columns there")
    columns = tuple(cell.strip().strip('"') for cell in lines[0].split("\t"))
    if len(columns) == 1 and re.search(r"[,;]", lines[0]):
        raise RtemoError(f"{path} has no columns", f"its first line is {lines[0][:80]!r}", "separate columns by tabs")
    if twice := sorted({name for name in columns if columns.count(name) > 1}):
        raise RtemoError(f"{path} has columns of the same name", f"{', '.join(twice)}", "rename one of them")
    rows = []
    for line, text in enumerate(lines[1:], start=2):
        if not text.strip():
            continue
        cells = [cell.strip() for cell in text.split("\t")]
        if len(cells) > len(columns):
            account.omit("side-car", f"{path.name} row {line}", f"it has {len(cells)} cells for {len(columns)} columns")
        else:
            cells += ["n/a"] * (len(columns) - len(cells))
            rows.append(Row(line, dict(zip(columns, cells, strict=True))))
    return Table(path, columns, tuple(rows))


def _text(path: Path, account: Account) -> str:
    """The text of a file in the encoding that it is in."""
    with reading(path):
        check_content(path)
        if path.stat().st_size > _MAX_BYTES:
            raise RtemoError(f"{path} is too large for a side-car", f"{path.stat().st_size} bytes", "check the file")
        data = path.read_bytes()
        for mark, encoding in _BOMS:
            if data.startswith(mark):
                return data.decode(encoding)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            account.note(f"{path.name} is not UTF-8: it is read as Latin-1")
            return data.decode("latin-1")
