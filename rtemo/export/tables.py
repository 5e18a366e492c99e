"""Tables as BIDS wants them: tab-separated, n/a where nothing is known, gzip without a date so that bytes repeat."""

from __future__ import annotations

import gzip
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

NOTHING = "n/a"


def cell(value: object) -> str:
    """A value as the text of a cell."""
    if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
        return NOTHING
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else " ".join(str(value).split())


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table with a header line."""
    lines = ["\t".join(columns), *("\t".join(map(cell, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def write_bare_table(path: Path, rows: Iterable[Sequence[object]]) -> None:
    """A compressed table without a header line, as BIDS keeps continuous recordings."""
    text = io.StringIO()
    for row in rows:
        text.write("\t".join(map(cell, row)) + "\n")
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """A side-car."""
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_rows(path: Path) -> tuple[list[str], list[list[str]]]:
    """The columns and rows of a table that write_table wrote; nothing where there is none."""
    if not path.is_file():
        return [], []
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line]
    return lines[0], lines[1:]
