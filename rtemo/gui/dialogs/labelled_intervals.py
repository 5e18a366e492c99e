"""Stretches of a session that carry a label of the model, as its markers name them. No Qt."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rtemo.model.personal.session_notes import LabelGiven, LabelWithdrawn
from rtemo.recordings.events import Event, EventKind
from rtemo.recordings.facts import note_of
from rtemo.report.conditions import marker_intervals


@dataclass(frozen=True, slots=True)
class LabelledInterval:
    """LSL seconds."""

    label: str
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Given:
    """A stretch that the engine has taken a label for, with its number in the session."""

    number: int
    stretch: LabelledInterval


def given_stretches(events: Iterable[Mapping[str, Any]], since_s: float) -> list[Given]:
    """The labels that count, as the session's own annotations tell. since_s: the session's start, LSL time."""
    found: dict[int, Given] = {}
    for event in events:
        if event["kind"] != EventKind.ANNOTATION or not event["time_s"] >= since_s:
            continue
        note = note_of(_event(event))
        if isinstance(note, LabelGiven):
            found[note.number] = Given(note.number, LabelledInterval(note.label, note.begin_s, note.end_s))
        elif isinstance(note, LabelWithdrawn):
            found.pop(note.number, None)
    return list(found.values())


def marked_stretches(marks: Iterable[Mapping[str, Any]], labels: Sequence[str]) -> list[LabelledInterval]:
    """The conditions that have ended and whose name holds exactly one of the labels as a word.

    marks: records of markers and annotations, as the window keeps them.
    """
    events = [_event(mark) for mark in marks]
    found = []
    for interval in marker_intervals(events, math.inf):
        words = set(re.split(r"\W+", interval.name.casefold()))
        named = [label for label in labels if label.casefold() in words]
        if len(named) == 1 and math.isfinite(interval.end_s):
            found.append(LabelledInterval(named[0], interval.begin_s, interval.end_s))
    return found


def _event(record: Mapping[str, Any]) -> Event:
    """A record of the window as an event."""
    stream, details = str(record.get("stream", "")), dict(record.get("details", {}))
    return Event(float(record["time_s"]), EventKind(record["kind"]), str(record["text"]), stream, details)
