"""A recording in several files: NAME.xdf with NAME_2.xdf, NAME_3.xdf beside it, after its recorder or a disk failed.

A file belongs to the recording where its header names the same session and the file that it continues. A stream that is
described as one of an earlier part goes on there; any other is a stream of its own, under the next free number.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from rtemo.core.errors import RtemoError
from rtemo.core.types import StreamInfo
from rtemo.sources.xdf.file import XdfFile
from rtemo.sources.xdf.recording_log import is_log
from rtemo.sources.xdf.scan import XdfIndex, XdfStream, scan


def part_name(first: Path, number: int) -> Path:
    """The file that holds a part of a recording, from 2 on."""
    return first.with_name(f"{first.stem}_{number}{first.suffix}")


@dataclass(frozen=True, slots=True)
class RecordingPart:
    """One of a recording's files, with what it holds."""

    file: XdfFile
    index: XdfIndex


def open_parts(first: Path, size: int | None = None, *, alone: bool = False) -> tuple[list[RecordingPart], list[str]]:
    """The file and those in which its recording goes on, in order, and what is odd about them. Raises RtemoError.

    size: how many bytes of the last one to read, while it is still being written. alone: this file only.
    """
    parts, odd = [_open(first)], []
    for number in count(2):
        path = part_name(first, number)
        if alone or not path.is_file():
            break
        try:
            part = _open(path)
        except RtemoError as error:
            odd.append(f"the recording may go on in {path.name}: {error}")
            break
        if not part.index.continues or part.index.session_id != parts[0].index.session_id:
            part.file.close()
            break
        if part.index.continues_bytes is not None:  # what lies beyond is in this part again
            parts[-1] = _cut(parts[-1], part.index.continues_bytes)
        parts.append(part)
    if size is not None:
        parts[-1] = _cut(parts[-1], size)
    return parts, odd


def _open(path: Path, size: int | None = None) -> RecordingPart:
    file = XdfFile(path, size)
    try:
        return RecordingPart(file, scan(file))
    except BaseException:
        file.close()
        raise


def _cut(part: RecordingPart, size: int) -> RecordingPart:
    if size >= part.file.size:
        return part
    part.file.close()
    return _open(part.file.path, size)


def joined(index: XdfIndex, parts: Sequence[RecordingPart]) -> XdfIndex:
    """One index of all parts: the first one's streams go on, and new ones come after them."""
    streams = list(index.streams)
    warnings = list(index.warnings)
    for file, part in ((one.file, one.index) for one in parts):
        warnings += [f"{file.path.name}: {line}" for line in part.warnings]
        taken: set[int] = set()
        for stream in part.streams:
            before = next((one for one in streams if one.number not in taken and _goes_on(one.info, stream.info)), None)
            if before is None or is_log(stream.info):
                number = max(one.number for one in streams) + 1
                before = _empty(stream, number)
                streams.append(before)
            taken.add(before.number)
            _append(before, file, stream)
    return replace(index, streams=tuple(streams), warnings=tuple(warnings))


def numbers_in(streams: Sequence[XdfStream], file: XdfFile) -> dict[int, tuple[int, int]]:
    """Of each stream in a later part: its number in the recording and how many samples it has in the parts before."""
    found: dict[int, tuple[int, int]] = {}
    for stream in streams:
        before = stream.n_samples - sum(part.n_samples for _, part in stream.parts)
        for other, part in stream.parts:
            if other is file:
                found[part.number] = (stream.number, before)
            before += part.n_samples
    return found


def _goes_on(before: StreamInfo, after: StreamInfo) -> bool:
    def shape(info: StreamInfo) -> tuple[object, ...]:
        return (info.key, info.channel_format, info.nominal_rate_hz, info.channels)

    return shape(before) == shape(after)


def _empty(stream: XdfStream, number: int) -> XdfStream:
    return XdfStream(number, replace(stream.info, stream_id=str(number)), stream.layout)


def _append(before: XdfStream, file: XdfFile, part: XdfStream) -> None:
    """Let a stream go on in another file."""
    if part.n_samples:
        if not before.n_samples:
            before.first_s = part.first_s
        before.last_s = part.last_s if not math.isnan(part.last_s) else before.last_s
    before.n_samples += part.n_samples
    before.footer_samples = None
    for name in ("offset_times", "offset_values"):
        values: array[float] = getattr(before, name)
        values.extend(getattr(part, name))
    before.parts.append((file, part))
