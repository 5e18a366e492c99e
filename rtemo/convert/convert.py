"""Several files of one recording into one XDF: every sample with its own stamp, every clock with its offsets.

The EEG's clock is the recording's, or the first file's where there is no EEG. The stamps of the others stay as they
are; clock offsets say how they fit, as LSL's do, so that a replay applies them.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rtemo.convert.eye_tables import read_eye_table
from rtemo.convert.mne_files import EEG_ENDINGS, EYELINK, read_mne_file
from rtemo.convert.recorded import Converted, FileSignal
from rtemo.convert.timeline import ClockJoin, join
from rtemo.core.errors import RtemoError
from rtemo.core.types import STRING_FORMAT, Channel, Chunk, ClockOffset, StreamInfo
from rtemo.sources.xdf.writer import XdfWriter

TABLES = (".csv", ".tsv", ".txt")
_BLOCK_S = 1.0
_OFFSET_EVERY_S = 5.0  # as LSL's recorders measure them


@dataclass(frozen=True, slots=True)
class JoinedFile:
    """A file and how its clock fits the recording's."""

    file: Converted
    clock: ClockJoin


def convert(paths: Sequence[Path], out: Path, mapping: Path | None = None) -> list[str]:
    """Write the files of one recording as XDF. Returns what a user should know, the residual of each join included.

    mapping: of the columns of tables that are of no known program. RtemoError where a file cannot be read, where its
    clock cannot be told, or where `out` exists.
    """
    if out.exists():
        raise RtemoError(f"{out} exists already", "nothing is overwritten", "name another file")
    files = [read_file(path, mapping) for path in paths]
    lead = next((one for one in files if any(signal.type == "EEG" for signal in one.signals)), files[0])
    joined = [JoinedFile(one, ClockJoin(0.0) if one is lead else _clock(lead, one)) for one in files]
    partial = out.with_name(f".{out.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        _write(joined, partial)
        os.replace(partial, out)  # noqa: PTH105 - in one step
    finally:
        partial.unlink(missing_ok=True)
    lines = [note for one in files for note in one.notes]
    for one in joined:
        samples = (
            ", ".join(f"{len(s.times_s)} samples of {s.name} ({s.type})" for s in one.file.signals) or "no samples"
        )
        lines.append(f"{one.file.path.name}: {one.file.kind}, {samples}, {len(one.file.marks)} markers")
        if one.file is not lead:
            lines.append(f"{one.file.path.name}: {one.clock}")
    return lines


def read_file(path: Path, mapping: Path | None = None) -> Converted:
    """What a file holds, by its ending and its columns. RtemoError where it is of no kind that is known."""
    ending = path.suffix.casefold()
    if not path.is_file():
        raise RtemoError(
            f"{path} is no file", "it is a folder" if path.is_dir() else "it is not there", "check the path"
        )
    if ending in (*EEG_ENDINGS, EYELINK):
        return read_mne_file(path)
    if ending in TABLES:
        return read_eye_table(path, mapping)
    known = ", ".join((*EEG_ENDINGS, EYELINK, *TABLES))
    raise RtemoError(f"{path} is of no kind that is converted", f"known are {known}", "export it as one of these")


def _clock(lead: Converted, other: Converted) -> ClockJoin:
    unix = lead.unix and other.unix
    try:
        return join(lead.marks, other.marks, other.path.name, unix=False)
    except RtemoError:
        by_number = [[(time_s, n) for time_s, text in one.marks if (n := _number(text))] for one in (lead, other)]
        return join(by_number[0], by_number[1], other.path.name, unix=unix)


def _number(text: str) -> str:
    """The one number in a text, such as 12 in "Stimulus/S 12" and "TRIGGER 12"; "" where there is none or several."""
    found = "".join(c if c.isdecimal() else " " for c in text).split()
    return str(int(found[0])) if len(found) == 1 else ""


def _write(files: Sequence[JoinedFile], path: Path) -> None:
    with XdfWriter(path) as writer:
        sources: list[Iterator[tuple[float, int, Chunk | ClockOffset]]] = []
        number = 0
        for one in files:
            for signal in one.file.signals:
                number += 1
                info = StreamInfo(
                    str(number), signal.name, signal.type, "float32", signal.rate_hz, signal.channels,
                    source_id=f"{one.file.path.name} {signal.type}",
                )  # fmt: skip
                writer.add_stream(info)
                sources.append(_items(info.stream_id, signal, one.clock, number))
            if one.file.marks:
                number += 1
                name = f"{one.file.path.stem} markers"
                channels = (Channel("text"),)
                info = StreamInfo(str(number), name, "Markers", STRING_FORMAT, 0.0, channels, source_id=name)
                writer.add_stream(info)
                sources.append(_mark_items(info.stream_id, one, number))
        for _, _, item in heapq.merge(*sources, key=lambda entry: entry[:2]):
            if isinstance(item, Chunk):
                writer.write_chunk(item)
            else:
                writer.write_offset(item)


def _items(
    stream_id: str, signal: FileSignal, clock: ClockJoin, order: int
) -> Iterator[tuple[float, int, Chunk | ClockOffset]]:
    """Blocks of a second, and an offset every five; by the recording's time."""
    times_s, first, next_offset_s = signal.times_s, 0, -np.inf
    while first < len(times_s):
        last = max(first + 1, int(np.searchsorted(times_s, times_s[first] + _BLOCK_S, side="left")))
        at = float(clock.of(times_s[first]))
        if times_s[first] >= next_offset_s:
            yield at, order, _offset(stream_id, float(times_s[first]), clock)
            next_offset_s = float(times_s[first]) + _OFFSET_EVERY_S
        yield at, order, Chunk(stream_id, times_s[first:last], signal.values[first:last])
        first = last


def _mark_items(stream_id: str, one: JoinedFile, order: int) -> Iterator[tuple[float, int, Chunk | ClockOffset]]:
    for time_s, text in sorted(one.file.marks):
        at = float(one.clock.of(time_s))
        yield at, order, _offset(stream_id, time_s, one.clock)
        yield at, order, Chunk(stream_id, np.array([time_s]), np.array([[text]], object))


def _offset(stream_id: str, own_s: float, clock: ClockJoin) -> ClockOffset:
    return ClockOffset(stream_id, own_s, float(clock.of(own_s)) - own_s)
