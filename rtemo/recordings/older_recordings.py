"""Reads the events of recordings made before 0.2, whose facts are English sentences, as events with details."""

from __future__ import annotations

import re

from rtemo.model.personal.session_notes import CalibrationBegun, CalibrationEnded, LabelGiven, LabelWithdrawn, Note
from rtemo.recordings.events import Event, EventKind
from rtemo.recordings.session_facts import note_event, planned_event, rest_event

_LABEL = re.compile(r"label (\d{1,9}): (.+) from (\S+) to (\S+)")
_WITHDRAWN = re.compile(r"label (\d{1,9}) forgotten")
_BEGINS = re.compile(r"calibration begins at (\S+)")
_ENDS = re.compile(r"calibration ends at (\S+)")
_PLANNED = re.compile(r"baseline planned: (.*)", re.DOTALL)
_REST = re.compile(r"baseline begins: ([0-9.e+]+) s")


def read_sentence(text: str, time_s: float) -> Event | None:
    """The event that a text of a stream of events is; None for an explanation or a text of another kind."""
    word, colon, text = text.partition(": ")
    try:
        kind = EventKind(word)
    except ValueError:
        return None
    if not colon:
        return None
    fact = _fact(text, time_s) if kind is EventKind.ANNOTATION else None
    return fact or Event(time_s, kind, text)


def with_details(event: Event) -> Event:
    """An annotation of an older events.jsonl with what it states; any other event as it is."""
    if event.details or event.kind is not EventKind.ANNOTATION:
        return event
    return _fact(event.text, event.time_s) or event


def _fact(text: str, time_s: float) -> Event | None:
    if found := _PLANNED.fullmatch(text):
        return planned_event(time_s, found[1])
    try:
        if found := _REST.fullmatch(text):
            return rest_event(time_s, float(found[1]))
        note = _note(text)
    except ValueError:  # no numbers after all
        return None
    return note_event(time_s, note) if note is not None else None


def _note(text: str) -> Note | None:
    if found := _LABEL.fullmatch(text):
        return LabelGiven(int(found[1]), found[2], float(found[3]), float(found[4]))
    if found := _WITHDRAWN.fullmatch(text):
        return LabelWithdrawn(int(found[1]))
    if found := _BEGINS.fullmatch(text):
        return CalibrationBegun(float(found[1]))
    if found := _ENDS.fullmatch(text):
        return CalibrationEnded(float(found[1]))
    return None
