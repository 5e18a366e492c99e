"""Labelled intervals of a session: those that the engine has accepted, and those that its markers name. No Qt."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rtemo.model.personal.session_notes import LabelGiven, LabelWithdrawn
from rtemo.recordings.events import Event, EventKind
from rtemo.recordings.session_facts import note_of
from rtemo.recordings.study.conditions import marker_intervals


@dataclass(frozen=True, slots=True)
class LabelledInterval:
    """An interval in LSL seconds, with one of the model's labels."""

    label: str
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class AcceptedLabel:
    """An interval whose label the engine has accepted, with its number in the session."""

    number: int
    interval: LabelledInterval


def accepted_labels(events: Iterable[Mapping[str, Any]], since_s: float) -> list[AcceptedLabel]:
    """The labels that are in force, from the session's own annotations. since_s: the session's start, LSL time."""
    found: dict[int, AcceptedLabel] = {}
    for event in events:
        if event["kind"] != EventKind.ANNOTATION or not event["time_s"] >= since_s:
            continue
        note = note_of(_event(event))
        if isinstance(note, LabelGiven):
            found[note.number] = AcceptedLabel(note.number, LabelledInterval(note.label, note.begin_s, note.end_s))
        elif isinstance(note, LabelWithdrawn):
            found.pop(note.number, None)
    return list(found.values())


def marked_intervals(marks: Iterable[Mapping[str, Any]], labels: Sequence[str]) -> list[LabelledInterval]:
    """The conditions that have ended and whose name contains exactly one of the labels as a word.

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
