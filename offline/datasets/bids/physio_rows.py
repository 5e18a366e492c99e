"""Rows of a physio table (`*_physio.tsv`, compressed or not) as arrays: every row is kept or counted with its reason.

Tables have no header line; one that repeats the names of the columns is skipped and noted. A file that was cut short
gives the rows before the cut.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from offline.datasets.foreign import check_content, reading
from rtemo.core.errors import RtemoError

_LINES = 20_000  # that are parsed at a time
_TEXT_BYTES = 1 << 20
_MISSING = (b"n/a", b"N/A", b"NA", b"None", b"null")


@dataclass(frozen=True, slots=True)
class PhysioRows:
    """The rows with all wanted columns. index: their number in the file, from 0, a header line not counted.

    values: (n, k) float32, one column for each that was wanted, NaN where it holds no number. stamps: (n,) the column
    of timestamps, None where there is none. read: all rows. skipped: reason -> rows. damage: why the file could not be
    read to its end. has_header: it began with names.
    """

    index: NDArray[np.int32]
    values: NDArray[np.float32]
    stamps: NDArray[np.float64] | None
    read: int
    skipped: Counter[str]
    damage: str = ""
    has_header: bool = False
    has_commas: bool = False


def read_rows(path: Path, columns: Sequence[str], wanted: Sequence[int], time: int = -1) -> PhysioRows:
    """The wanted columns of a table whose columns have these names. RtemoError where there is no row."""
    cells = (*wanted, *([time] if time >= 0 else []))
    with reading(path):
        check_content(path)
    index, parts = [np.zeros(0, np.int32)], [np.zeros((0, len(wanted)), np.float32)]
    stamps = [np.zeros(0)]
    skipped: Counter[str] = Counter()
    n, damage, has_header, has_commas = 0, "", False, False
    blocks = _blocks(path)
    while True:
        try:
            lines = next(blocks, None)
        except (OSError, EOFError, zlib.error) as error:
            damage = f"{type(error).__name__}: {error}"
            break
        if lines is None:
            break
        if not n and not has_header and _is_header(lines[0], columns):
            has_header, lines = True, lines[1:]
        has_commas = has_commas or any(b"," in line for line in lines[:100])
        kept, values = _parsed(lines, cells, skipped)
        index.append((n + kept).astype(np.int32))
        with np.errstate(over="ignore"):  # what is too large becomes infinite, which is no gaze
            parts.append(values[:, : len(wanted)].astype(np.float32))
        stamps.append(values[:, -1] if time >= 0 else np.zeros(0))
        n += len(lines)
    found = np.concatenate(parts)
    if not len(found):
        raise RtemoError(f"{path} has no row that can be used", damage or f"{n} rows", "copy the file again")
    times = np.concatenate(stamps) if time >= 0 else None
    return PhysioRows(np.concatenate(index), found, times, n, skipped, damage, has_header, has_commas)


def _blocks(path: Path) -> Iterator[list[bytes]]:
    """The lines, some at a time; what came before a damage is given first."""
    lines: list[bytes] = []
    with path.open("rb") as raw:
        file: io.BufferedReader | gzip.GzipFile = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
        rest = b""
        failure: Exception | None = None
        while True:
            try:
                text = file.read1(_TEXT_BYTES)
            except (OSError, EOFError, zlib.error) as error:
                text, failure = b"", error
            *whole, rest = (rest + text).split(b"\n")
            lines += [line.rstrip(b"\r") for line in whole]
            if not text:
                lines += [rest] if rest and failure is None else []
                if lines:
                    yield lines
                if failure is not None:
                    raise failure
                return
            if len(lines) >= _LINES:
                yield lines
                lines = []


def _is_header(line: bytes, columns: Sequence[str]) -> bool:
    cells = [cell.strip().casefold() for cell in line.decode("utf-8-sig", errors="replace").split("\t")]
    return bool(set(cells) & {name.casefold() for name in columns}) and not any(_number(c) == _number(c) for c in cells)


def _parsed(
    lines: list[bytes], wanted: Sequence[int], skipped: Counter[str]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Indices and values of the lines that have all wanted columns."""
    width = max(wanted) + 1
    long_enough = [i for i, line in enumerate(lines) if line.count(b"\t") + 1 >= width]
    if short := len(lines) - len(long_enough):
        skipped[f"they have fewer than {width} columns"] += short
    if not long_enough:
        return np.zeros(0, np.int64), np.zeros((0, len(wanted)))
    text = b"\n".join(lines[i] for i in long_enough)
    for word in _MISSING:
        text = text.replace(word, b"nan")
    try:
        values = np.loadtxt(io.BytesIO(text), delimiter="\t", usecols=wanted, ndmin=2, comments=None)
    except ValueError:  # a cell that is neither a number nor one of the usual words: cell by cell
        rows = [lines[i].decode("utf-8", errors="replace").split("\t") for i in long_enough]
        values = np.array([[_number(row[column]) for column in wanted] for row in rows]).reshape(-1, len(wanted))
    return np.array(long_enough, np.int64), values


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")
