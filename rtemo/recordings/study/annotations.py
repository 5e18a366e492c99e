"""Annotations that were corrected later: what was noted first stays in the record, and what counts is read here."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from rtemo.recordings.events import Event, EventKind

EDIT = "annotation_edit"  # the key in an event's details
SAME_S = 1e-3  # notes of one text that are as close as that are one


@dataclass(frozen=True, slots=True)
class AnnotationEdit:
    """A correction. noted_s, was: the annotation as it was noted. text: empty where it is taken back. time_s: LSL."""

    noted_s: float
    was: str
    text: str
    time_s: float

    def event(self, now_s: float) -> Event:
        """The event that states it."""
        what = f"is now {self.text!r}" if self.text else "is taken back"
        moved = f", {self.time_s - self.noted_s:+.1f} s" if self.text and self.time_s != self.noted_s else ""
        details = {"noted_s": self.noted_s, "was": self.was, "text": self.text, "time_s": self.time_s}
        return Event(now_s, EventKind.NOTE, f"the annotation {self.was!r} {what}{moved}", details={EDIT: details})


def edit_of(event: Event) -> AnnotationEdit | None:
    """The correction that an event states; None where it states none, or a damaged one."""
    found = event.details.get(EDIT)
    if not isinstance(found, dict):
        return None
    noted_s, time_s, was, text = (found.get(name) for name in ("noted_s", "time_s", "was", "text"))
    if not (isinstance(was, str) and isinstance(text, str)):
        return None
    if not (isinstance(noted_s, int | float) and isinstance(time_s, int | float)):
        return None
    return AnnotationEdit(float(noted_s), was, text, float(time_s)) if math.isfinite(noted_s + time_s) else None


def same_edit(one: Event, other: Event) -> bool:
    """Whether two events state one correction, as the one in the recording and its line beside it do."""
    return edit_of(one) == edit_of(other) and abs(one.time_s - other.time_s) <= SAME_S


def is_editable(event: Event) -> bool:
    """Whether an event is a person's note, and no fact of the session that a replay goes by."""
    return event.kind is EventKind.ANNOTATION and "fact" not in event.details


def corrected(events: Iterable[Event]) -> tuple[Event, ...]:
    """The events with their corrections applied, by time. The corrections themselves stay among them."""
    found = list(events)
    edits = [edit for event in found if (edit := edit_of(event)) is not None]
    original = {k: event for k, event in enumerate(found) if is_editable(event)}
    now: dict[int, Event | None] = dict(original)
    for edit in edits:
        for k, event in original.items():
            if event.text == edit.was and abs(event.time_s - edit.noted_s) <= SAME_S:
                now[k] = replace(event, text=edit.text, time_s=edit.time_s) if edit.text else None
                break
    kept = [now.get(k, event) if k in now else event for k, event in enumerate(found)]
    return tuple(sorted((event for event in kept if event is not None), key=lambda event: event.time_s))
