"""A recording in several files: NAME.xdf with NAME_2.xdf, NAME_3.xdf beside it, after its recorder or a disk failed.

A file belongs to the recording where its header names the same session and the file that it continues. So the parts are
also found where one of them was renamed, or when they are put into one folder later; what is not as it was left is
stated, with the name that is missing. A stream that is described as one of an earlier part goes on there; any other is
a stream of its own, under the next free number.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count, takewhile
from pathlib import Path

from rtemo.core.errors import RtemoError
from rtemo.core.types import StreamInfo
from rtemo.sources.xdf.file import XdfFile
from rtemo.sources.xdf.file_header import FileHeader, as_written, read_file_header
from rtemo.sources.xdf.recording_log import is_log
from rtemo.sources.xdf.scan import XdfIndex, XdfStream, scan

_NUMBERED = re.compile(r"(.+)_\d+")


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
    own = parts[0].index.header
    if not alone:
        odd += _of_the_beginning(first, own)
        for path in takewhile(Path.is_file, (part_name(first, number) for number in count(2))):
            try:
                part = _open(path)
            except RtemoError as error:
                odd.append(f"the recording may go on in {path.name}: {error}")
                break
            if not part.index.header.continues or part.index.header.session_id != own.session_id:
                part.file.close()
                break
            _append_part(parts, part)
    if not alone and own.session_id and not own.continues:
        odd += _append_others(parts)
    if size is not None:
        parts[-1] = _cut(parts[-1], size)
    return parts, odd


def is_later_part(path: Path) -> bool:
    """Whether a recording that begins in another file beside this one goes on in it: that one is to be opened."""
    header = read_file_header(path)
    return header is not None and bool(_beginning(path, header))


def _beginning(path: Path, header: FileHeader) -> str:
    """The name of the file beside a later part in which its recording begins; empty where none is there."""
    if not header.continues:
        return ""
    if header.session_id:
        of_it = _of_session(path, header.session_id)
        return next((name for name, one in of_it.items() if not one.continues), "")
    numbered = _NUMBERED.fullmatch(path.stem)
    first = path.with_name(f"{numbered[1]}{path.suffix}") if numbered else path
    return first.name if first != path and first.is_file() else ""


def _of_the_beginning(path: Path, header: FileHeader) -> list[str]:
    """What a file that is no first part lacks."""
    if not header.continues:
        return []
    beginning = _beginning(path, header)
    goes_on = f"{path.name} goes on from {header.continues}"
    if beginning:
        return [f"{goes_on}: open {beginning} to have the whole recording"]
    return [f"{goes_on}, which is not beside it: what was recorded before is missing"]


def _of_session(path: Path, session_id: str) -> dict[str, FileHeader]:
    """The files beside one, itself included, that were made for a session, by their names in order."""
    headers = ((one.name, read_file_header(one)) for one in path.parent.glob(f"*{path.suffix}"))
    found = {name: one for name, one in headers if one is not None and one.session_id == session_id}
    return dict(sorted(found.items()))


def _append_others(parts: list[RecordingPart]) -> list[str]:
    """Take in the files of the session that lie beside the first part under other names. Returns what is odd."""
    first, odd = parts[0].file.path, []
    of_session = _of_session(first, parts[0].index.header.session_id)
    others = {name: one for name, one in of_session.items() if one.continues and name not in _names(parts)}
    while others:
        known = [name for name, one in others.items() if one.continues in map(as_written, _names(parts))]
        lost = [name for name, one in others.items() if one.continues not in map(as_written, of_session)]
        if not (known or lost):  # they go on from another beginning, such as a copy of this one
            break
        name = (known or lost)[0]
        before = others.pop(name).continues
        if not known:
            odd.append(
                f"{name} goes on from {before}, which is not there under that name; "
                f"it is taken to go on from {parts[-1].file.path.name}"
            )
        try:
            _append_part(parts, _open(first.with_name(name)))
        except RtemoError as error:
            odd.append(f"the recording may go on in {name}: {error}")
    return odd


def _names(parts: Sequence[RecordingPart]) -> list[str]:
    return [part.file.path.name for part in parts]


def _append_part(parts: list[RecordingPart], part: RecordingPart) -> None:
    counted = part.index.header.continues_bytes
    if counted is not None:  # what lies beyond is in this part again
        parts[-1] = _cut(parts[-1], counted)
    parts.append(part)


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
