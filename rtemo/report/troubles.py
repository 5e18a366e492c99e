"""What went wrong in a session, once each: streams that were lost, baselines that were refused, emotions withheld."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rtemo.presentation.numbers import clock, percent, several
from rtemo.recordings.events import REPLACES, Event, EventKind, is_discovery
from rtemo.report.session_record import SessionRecord

_REST = re.compile(r"baseline of ([0-9.e+]+) s that ended at ([0-9.]+) s")  # of rtemo.core.baseline.rest_interval
SAME_S = 0.2  # times are written in tenths of a second
WITHHELD = 0.1  # a larger share of predictions without an emotion is stated


@dataclass(frozen=True, slots=True)
class Interruption:
    """One loss of a stream, from the first sign to its return. end_s: None where it did not come back. LSL time."""

    stream: str
    begin_s: float
    end_s: float | None = None


def interruptions(events: Sequence[Event]) -> list[Interruption]:
    """The losses of streams in order. That a stream stalls, and is then given up as lost, is one loss."""
    found: list[Interruption] = []
    running: dict[str, int] = {}
    for event in events:
        if event.kind is EventKind.STREAM_DOWN and event.stream not in running:
            running[event.stream] = len(found)
            found.append(Interruption(event.stream, event.time_s))
        elif event.kind is EventKind.STREAM_UP and not is_discovery(event):
            k = running.pop(event.details.get(REPLACES, event.stream), None)
            if k is not None:
                found[k] = replace(found[k], end_s=event.time_s)
    return found


def troubles(record: SessionRecord) -> list[str]:
    """What is not as it should be, a line each."""
    return [*record.problems, *_lost(record), *_failures(record), *_withheld(record)]


def _lost(record: SessionRecord) -> Iterator[str]:
    by_stream: dict[str, list[Interruption]] = {}
    for one in interruptions(record.events):
        by_stream.setdefault(one.stream, []).append(one)
    for stream, losses in by_stream.items():
        seconds = sum((one.end_s or record.end_s) - one.begin_s for one in losses)
        first, gone = clock(losses[0].begin_s - record.begin_s), losses[-1].end_s is None
        how = f"was lost {several(len(losses), 'time')}, {clock(seconds)} in all, the first time at {first}"
        yield f"{stream or 'a stream'} {how}" + (", and did not come back" if gone else "")


def _failures(record: SessionRecord) -> Iterator[str]:
    """Failures, and the baselines that the pipeline refused; not those that were made longer afterwards."""
    seen: set[str] = set()
    for event in record.events:
        refused = event.text.startswith("baseline of ") and " refused: " in event.text
        if refused and _was_made_longer(event, record.events):
            continue
        if (event.kind is EventKind.FAILURE or refused) and event.text not in seen:
            seen.add(event.text)
            stream = f"{event.stream}: " if event.stream else ""
            yield f"{clock(event.time_s - record.begin_s)} {stream}{event.text}"


def _rest(event: Event) -> tuple[str, float, float] | None:
    """The rest that a verdict of the pipeline is about: its stream, begin and length in seconds."""
    found = _REST.match(event.text)
    return None if found is None else (event.stream, float(found[2]) - float(found[1]), float(found[1]))


def _was_made_longer(event: Event, events: Sequence[Event]) -> bool:
    """Whether a later verdict is about the same rest, which had become longer."""
    rest, others = _rest(event), map(_rest, events)
    return rest is not None and any(
        other[0] == rest[0] and abs(other[1] - rest[1]) < SAME_S and other[2] > rest[2] for other in others if other
    )


def _withheld(record: SessionRecord) -> Iterator[str]:
    predictions = record.predictions
    if len(predictions) and (share := float(predictions.silent.mean())) > WITHHELD:
        yield f"no emotion was named in {percent(share)} of the predictions; the reasons are below"
