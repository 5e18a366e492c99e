"""What a session states about itself is read again as it was written, also from recordings made before 0.2."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtemo.model.personal.session_notes import (
    CalibrationBegun,
    CalibrationEnded,
    ChannelMarked,
    LabelGiven,
    LabelWithdrawn,
    StreamReturned,
    WindowsSkipped,
)
from rtemo.recordings.events import Event, EventKind, read_event
from rtemo.recordings.older_recordings import read_sentence
from rtemo.recordings.session_facts import (
    facts_of,
    note_event,
    note_of,
    planned_event,
    rest_event,
    session_event,
    suspended_event,
)
from rtemo.recordings.session_stream import event_of_sample

NOTES = [
    LabelGiven(3, "very sad", 1000.1, 1060.3333333333333),
    LabelWithdrawn(3),
    CalibrationBegun(1300.1),
    CalibrationEnded(0.1 + 0.2),
]
NEWER = [
    ChannelMarked("Fp1", "bad", 1000.1),
    WindowsSkipped(1000.1, 1003.3333333333333, 3, 0.1, "ab12"),
    StreamReturned("gaze", 1000.1, 1003.3333333333333, 7),
]  # older recordings have none
PREFIX = "annotation: "


@pytest.mark.parametrize("note", [*NOTES, *NEWER])
def test_a_note_is_read_as_it_was_written(note):
    event = note_event(5.0, note)
    assert note_of(read_event(event.to_json_line())) == note
    for published in (True, False):
        assert note_of(event_of_sample(5.0, ["annotation: whatever", event.payload(published=published)])) == note


def test_a_note_that_is_older_than_one_of_its_fields_is_read():
    details = {"fact": "stream_returned", "role": "eeg", "after_s": 10.5, "until_s": 12.0}
    assert note_of(Event(5.0, EventKind.STREAM_UP, "back", details=details)) == StreamReturned("eeg", 10.5, 12.0, 0)
    assert note_of(Event(5.0, EventKind.STREAM_UP, "back", details={**details, "until_s": None})) is None
    assert note_of(Event(5.0, EventKind.STREAM_UP, "back", details={**details, "n_timeless": 0.5})) is None


@pytest.mark.parametrize("note", NOTES)
def test_a_note_of_an_older_recording_is_read_from_its_sentence(note):
    event = read_sentence(PREFIX + note.text, 5.0)
    assert note_of(event) == note
    assert (event.text, event.time_s) == (note.text, 5.0)


@pytest.mark.parametrize("text", ["label 3 forgotten", PREFIX + "label x forgotten", PREFIX + "door opens", ""])
def test_other_texts_are_no_notes(text):
    event = read_sentence(text, 1.0)
    assert event is None or note_of(event) is None
    assert note_of(read_sentence(PREFIX + "calibration ends at noon", 1.0)) is None


def test_an_older_recordings_baseline_is_read_from_its_sentences():
    texts = ["annotation: baseline planned: marker=a,b", "annotation: baseline begins: 62.5 s", "session: stopped"]
    facts = facts_of(read_sentence(text, 10.0) for text in texts)
    assert (facts.planned, facts.rests) == ("marker=a,b", ((10.0, 72.5),))


def test_the_document_of_an_event_is_recorded_and_never_published():
    event = session_event(1.0, "abc", "[session]\n", {"bundle_fingerprint": "f1", "hop_s": 0.25})
    facts = facts_of([read_event(event.payload(published=False), 1.0)])
    assert (facts.settings, facts.model, facts.hop_s) == ("[session]\n", "f1", 0.25)
    assert "document" not in json.loads(event.payload(published=True))
    assert "document" not in json.loads(event.to_json_line())


@pytest.mark.parametrize(
    "details",
    [
        {"fact": "label_given", "number": "3", "label": "sad", "begin_s": 1.0, "end_s": 2.0},
        {"fact": "label_given", "number": True, "label": "sad", "begin_s": 1.0, "end_s": 2.0},
        {"fact": "label_given", "number": 3, "label": 4, "begin_s": 1.0, "end_s": 2.0},
        {"fact": "label_given", "number": 3, "label": "sad", "begin_s": 1.0},
        {"fact": "label_withdrawn"},
        {"fact": "calibration_begins", "from_s": math.nan},
        {"fact": "calibration_begins", "from_s": 10**400},
        {"fact": "calibration_ends", "from_s": "soon"},
        {"fact": "baseline_begins", "length_s": None},
        {"fact": "baseline_planned", "plan": 5},
        {"fact": "unheard of"},
        {"fact": "channel_marked", "label": "Fp1", "mark": 1, "from_s": 2.0},
        {"fact": "gaze_checked", "accuracy_deg": "low", "precision_deg": 1.0, "valid": 1.0},
    ],
)
def test_a_damaged_fact_is_a_problem_and_no_fact(details):
    facts = facts_of([Event(7.0, EventKind.ANNOTATION, "odd", details=details)])
    assert (facts.planned, facts.rests, facts.notes) == (None, (), ())
    assert facts.problems == ("an event of the session at 7.000 s cannot be used: odd",)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
facts_written = st.one_of(
    st.sampled_from([note_event(1.0, note) for note in NOTES]),
    st.just(planned_event(1.0, "marker=a,b")),
    st.just(rest_event(1.0, 60.0)),
    st.just(session_event(1.0, "id", "[session]\n", {})),
)


@given(facts_written, st.dictionaries(st.sampled_from(["kind", "text", "stream", "details", "document"]), json_values))
def test_whatever_a_payload_holds_is_an_event_or_nothing(event, changes):
    text = json.dumps({**json.loads(event.payload(published=False)), **changes})
    found = event_of_sample(1.0, ["annotation: x", text])
    facts_of([found] if found is not None else [])


@pytest.mark.parametrize(
    "text", ["[" * 5000, "{}", "null", '{"kind": "annotation"', "5", '{"kind":"nothing","text":"a"}']
)
def test_a_payload_that_is_none_is_nothing(text):
    assert event_of_sample(1.0, ["annotation: x", text]) is None


@pytest.mark.parametrize("time_s", ["NaN", "Infinity", "-Infinity", "1e12", "-1e308", "1e999", "null", '"x"'])
def test_a_line_with_a_time_that_no_clock_shows_is_no_event(time_s):
    line = Event(5.0, EventKind.SESSION, "session ends").to_json_line()
    assert read_event(line) == Event(5.0, EventKind.SESSION, "session ends")
    assert read_event(line.replace("5.0", time_s)) is None


@pytest.mark.parametrize("given", [(), (True,), (True, False), (True, False, True)])
def test_the_last_word_on_a_pause_counts(given):
    events = [suspended_event(float(k), "paused", suspended=suspended) for k, suspended in enumerate(given)]
    again = [read_event(event.payload(published=True), event.time_s) for event in events]
    assert facts_of(again).suspended is bool(given and given[-1])
    assert facts_of(again).problems == ()
