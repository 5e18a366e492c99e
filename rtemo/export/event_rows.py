"""What happened in a recording as rows with a kind: markers, clips, rests, annotations, self-reports, losses.

The text of every marker stays as it was sent. What belongs together (a clip's start and end) stands in one row more
with its duration, since that is how other programs expect a trial.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, Modality
from rtemo.model.personal.session_notes import LabelGiven, LabelWithdrawn
from rtemo.recordings.baseline_plan import marked_rests
from rtemo.recordings.events import Event, EventKind, is_discovery
from rtemo.recordings.markers import marker_text, parse_marker
from rtemo.recordings.open_recording import OpenRecording
from rtemo.recordings.session_facts import is_plan, note_of
from rtemo.recordings.study.conditions import marker_intervals
from rtemo.sources.xdf.source import XdfSource

REST_BEGINS, REST_ENDS = "rtemo/baseline start", "rtemo/baseline end"
EXPLANATION = "explanation: "
BASELINE = "baseline"  # the name of its stretch, which has rows of its own


@dataclass(frozen=True, slots=True)
class EventRow:
    """One row. time_s: LSL time. duration_s: None where nobody says. kind: one of KINDS. source: a stream, or rtemo."""

    time_s: float
    duration_s: float | None
    kind: str
    text: str
    source: str = ""
    emotion: str = ""
    stimulus: str = ""


@dataclass(frozen=True, slots=True)
class Rating:
    """A self-report, or the label that somebody gave a stretch of time. LSL times."""

    number: int
    label: str
    begin_s: float
    end_s: float
    reported_s: float


KINDS = {
    "clip": "a stimulus that is meant to evoke an emotion, from its start to its end",
    "rest": "a pause without a stimulus, or the rest that sets the baseline",
    "baseline": "the begin or the end of a rest that predictions are relative to",
    "marker": "a marker as the experiment's program sent it",
    "annotation": "a note of the researcher",
    "stretch": "what the researcher noted from its begin to its end",
    "condition": "a stretch of a condition that the lab has chosen among its markers",
    "self_report": "a label that the participant or the researcher gave a stretch of time",
    "stream_lost": "a stream stopped delivering",
    "stream_found": "a stream delivered again",
    "loss": "samples or predictions that are missing",
    "session": "what the recording program did",
}
_OF_EVENT = {
    EventKind.ANNOTATION: "annotation",
    EventKind.MARKER: "marker",
    EventKind.STREAM_DOWN: "stream_lost",
    EventKind.STREAM_UP: "stream_found",
    EventKind.LOSS: "loss",
    EventKind.FAILURE: "loss",
    EventKind.SESSION: "session",
}


def read_markers(recording: OpenRecording) -> list[Event]:
    """The markers of all marker streams of a recording that was opened, by time. Reads the file a second time."""
    infos = {info.stream_id: info for info in recording.streams if recording.roles.role_of(info) is Modality.MARKERS}
    source = XdfSource(recording.path)
    source.start()
    source.select(tuple(infos))
    found: list[Event] = []
    try:
        while not source.exhausted:
            for timed in source.read_timed():
                if not isinstance(timed.item, Chunk):
                    continue
                info = infos[timed.item.stream_id]
                for time_s, row in zip(timed.times.tolist(), timed.item.values, strict=True):
                    text = marker_text(row, info.channel_format)
                    if text and np.isfinite(time_s) and not text.startswith(EXPLANATION):
                        found.append(Event(time_s, EventKind.MARKER, text, info.name))
    finally:
        source.stop()
    return sorted(found, key=lambda event: event.time_s)


def rests_of(recording: OpenRecording, markers: Sequence[Event]) -> list[tuple[float, float]]:
    """The rests that set the baseline: begun in the session, planned by seconds, or between two markers."""
    rests = list(recording.facts.rests)
    try:
        plan = recording.plan
    except RtemoError:
        return rests
    if plan is not None and plan.span_s is not None:
        first_s = recording.source.first_s
        rests.append((first_s + plan.span_s[0], first_s + plan.span_s[1]))
    if plan is not None:
        rests += marked_rests(plan, [(event.time_s, event.text) for event in markers])
    return sorted(rests)


def event_rows(
    markers: Sequence[Event],
    events: Sequence[Event],
    rests: Sequence[tuple[float, float]],
    conditions: Sequence[str] = (),
) -> list[EventRow]:
    """All rows by time. markers: of the marker streams. events: of the session. rests: see rests_of.

    conditions: the markers that are conditions, where the lab has chosen them; each of their stretches gets a row.
    """
    rows = [EventRow(event.time_s, 0.0, "marker", event.text, event.stream) for event in markers]
    rows += _spans(markers)
    rows += _stretches(markers, events, conditions)
    for event in events:
        kind = _OF_EVENT.get(event.kind)
        if kind is None or is_plan(event) or is_discovery(event):
            continue
        if note_of(event) is not None and isinstance(note_of(event), LabelGiven):
            continue  # a row of its own, below
        rows.append(EventRow(event.time_s, 0.0, kind, event.text, event.stream or "rtemo"))
    for rating in ratings_of(events):
        length_s = rating.end_s - rating.begin_s
        rows.append(EventRow(rating.begin_s, length_s, "self_report", rating.label, "rtemo", rating.label))
    for begin_s, end_s in rests:
        rows.append(EventRow(begin_s, 0.0, "baseline", REST_BEGINS, "rtemo"))
        rows.append(EventRow(end_s, 0.0, "baseline", REST_ENDS, "rtemo"))
    return sorted((replace(row, text=" ".join(row.text.split())) for row in rows), key=lambda row: row.time_s)


def ratings_of(events: Sequence[Event]) -> list[Rating]:
    """The labels that were given and not withdrawn, by number."""
    found: dict[int, Rating] = {}
    for event in events:
        note = note_of(event)
        if isinstance(note, LabelGiven):
            found[note.number] = Rating(note.number, note.label, note.begin_s, note.end_s, event.time_s)
        elif isinstance(note, LabelWithdrawn):
            found.pop(note.number, None)
    return [found[number] for number in sorted(found)]


def _stretches(markers: Sequence[Event], events: Sequence[Event], conditions: Sequence[str]) -> list[EventRow]:
    """What the researcher marked from its begin to its end, and the stretches of the chosen conditions."""
    end_s = max((event.time_s for event in (*markers, *events)), default=0.0)
    notes = [event for event in events if event.kind is EventKind.ANNOTATION]
    found = [("stretch", one) for one in marker_intervals(notes, end_s) if one.name != BASELINE]
    if conditions:
        found += [("condition", one) for one in marker_intervals(markers, end_s, conditions)]
    return [EventRow(one.begin_s, one.end_s - one.begin_s, kind, one.name, "rtemo") for kind, one in found]


def _spans(markers: Sequence[Event]) -> list[EventRow]:
    """Clips and rests by rtemo's own markers, from each start to the next end of the same."""
    found: list[EventRow] = []
    begun: dict[tuple[str, int | None], tuple[float, str, str]] = {}
    for event in markers:
        marker = parse_marker(event.text)
        if marker is None or marker.what == "session":
            continue
        key = (marker.what, marker.clip)
        if marker.phase == "start":
            begun[key] = (event.time_s, marker.emotion or "", event.stream)
        elif key in begun:
            begin_s, emotion, stream = begun.pop(key)
            kind = "clip" if marker.what == "clip" else "rest"
            stimulus = "" if marker.clip is None else str(marker.clip)
            text = f"{marker.what} {stimulus}".strip()
            found.append(EventRow(begin_s, event.time_s - begin_s, kind, text, stream, emotion, stimulus))
    return found
