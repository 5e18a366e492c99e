"""Which stream of a recording took a lost one's place, and what the recorder noted about each: from the recorder's log,
or, where the recording has none, from names and times alone.

Two streams of a recording without a log are one after the other when they carry the same name and type, or come from
the same sender, share a clock, and the one begins where the other has ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rtemo.core.types import STRING_FORMAT, StreamNotice
from rtemo.sources.xdf.checks import Checked, StreamSpan
from rtemo.sources.xdf.recording_log import LogEntry, read_entry


@dataclass(frozen=True, slots=True)
class Succession:
    """By the streams' numbers in the file.

    replaced: the stream whose place a stream took. reasons: why a stream was lost. notices: what was noted about it,
    each with the number of its samples before.
    """

    replaced: Mapping[int, int] = field(default_factory=dict)
    reasons: Mapping[int, str] = field(default_factory=dict)
    notices: Mapping[int, tuple[tuple[int, StreamNotice], ...]] = field(default_factory=dict)


def entries_of(rows: Sequence[tuple[str, ...]]) -> list[LogEntry]:
    """The entries of a log's samples; what no recorder of ours wrote is left out."""
    return [entry for row in rows if row and (entry := read_entry(row[0])) is not None]


def from_log(entries: Sequence[LogEntry], numbers: frozenset[int]) -> Succession:
    """What a log holds about the streams of these numbers. A stream takes the place of one other, once."""
    replaced: dict[int, int] = {}
    reasons: dict[int, str] = {}
    notices: dict[int, list[tuple[int, StreamNotice]]] = {}
    for entry in entries:
        if entry.stream not in numbers:
            continue
        match entry.kind:
            case "up" if _may_replace(entry, numbers, replaced):
                replaced[entry.stream] = entry.replaces
            case "down":
                reasons[entry.stream] = entry.text
            case "notice":
                notice = StreamNotice(str(entry.stream), entry.text, entry.trusted)
                notices.setdefault(entry.stream, []).append((entry.sample, notice))
    placed = {number: tuple(sorted(found, key=lambda one: one[0])) for number, found in notices.items()}
    return Succession(replaced, reasons, placed)


def from_times(checked: Checked) -> dict[int, int]:
    """The stream whose place each took, by names and times, for recordings without a log."""
    replaced: dict[int, int] = {}
    spans = sorted(checked.spans, key=lambda span: span.first_s)
    for k, later in enumerate(spans):
        before = [
            span
            for span in spans[:k]
            if span.last_s <= later.first_s
            and span.stream.number not in replaced.values()
            and checked.origins[span.stream.number] == checked.origins[later.stream.number]
            and _alike(span, later)
        ]
        if before:
            replaced[later.stream.number] = max(before, key=lambda span: span.last_s).stream.number
    return replaced


def _may_replace(entry: LogEntry, numbers: frozenset[int], replaced: Mapping[int, int]) -> bool:
    """Whether an entry names another stream of the file whose place is free, and no circle comes of it."""
    if entry.replaces not in numbers or entry.stream in replaced or entry.replaces in replaced.values():
        return False
    number: int | None = entry.replaces
    while number is not None:
        if number == entry.stream:
            return False
        number = replaced.get(number)
    return True


def _alike(before: StreamSpan, later: StreamSpan) -> bool:
    one, other = before.stream.info, later.stream.info
    if STRING_FORMAT in (one.channel_format, other.channel_format):
        return False
    same_name = bool(one.name or one.source_id) and (one.name, one.type) == (other.name, other.type)
    same_sender = bool(one.source_id) and (one.source_id, one.hostname, one.type) == (
        other.source_id,
        other.hostname,
        other.type,
    )
    return same_name or same_sender
