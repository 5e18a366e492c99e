"""A source with a recorder in this process: what it hands on, what it records, and what it says of both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Chunk, ClockOffset, StreamDown, StreamInfo, StreamNotice, StreamState, StreamUp
from rtemo.recorder.recorder import Unwritten
from rtemo.recorder.recording_source import RecordingRequest, RecordingSource
from rtemo.sources.xdf.recording_log import LogEntry

AMP = StreamInfo("a", "Amp", "EEG", "float32", 250.0, (Channel("Fz"),))
EYE = StreamInfo("b", "Eye", "Gaze", "float32", 60.0, (Channel("x"),))
REQUEST = RecordingRequest(Path("r.xdf"), "s1")


def notice(text):
    return StreamNotice("a", text)


class Supply:
    """Gives each list once, then nothing."""

    exhausted, missing, visible = "its end", ("gaze",), (EYE,)

    def __init__(self, *batches):
        self.batches, self.waits, self.n_stops = list(batches), [], 0

    def start(self):
        return (AMP,)

    def read(self, timeout_s):
        self.waits.append(timeout_s)
        return self.batches.pop(0) if self.batches else []

    def stop(self):
        self.n_stops += 1

    def status(self):
        return ("how it stands",)


class Tape:
    """A recorder that keeps what it is told, in order."""

    def __init__(self, request):
        self.path, self.request, self.told = request.path, request, []

    def keep_in(self, journal):
        self.told.append(("keep", journal))

    def submit(self, item, packed=None):
        self.told.append((item, packed))

    def submit_again(self, item, time_s):
        self.told.append(("again", item, time_s))

    def close(self):
        self.told.append("closed")

    def status(self):
        return f"{len(self.told)} told"


def source_of(*batches, pack=None):
    tapes = []
    supply = Supply(*batches)
    found = RecordingSource(supply, lambda request: tapes.append(Tape(request)) or tapes[-1], pack)
    return found, supply, tapes


def test_what_the_source_says_is_handed_on():
    found, supply, _ = source_of()
    assert (found.exhausted, found.missing, found.visible) == ("its end", ("gaze",), (EYE,))
    assert found.status() == ("how it stands",)
    found.stop()
    found.leave()
    assert supply.n_stops == 2
    assert (found.running, found.ending, found.buffered, found.chosen) == (None, False, False, {})
    assert (found.notes(), found.outages(), found.recorder, found.recording_status()) == ([], [], None, None)
    assert (found.alive(), found.take_up(), found.close_recording()) == (None, None, None)


def test_the_streams_that_are_there_at_first_and_later_are_what_another_engine_is_given():
    found, _, _ = source_of([ClockOffset("a", 1.0, 0.5), StreamUp(EYE)], [StreamDown("a", StreamState.LOST, "gone")])
    assert found.start() == (AMP,)
    assert found.opening() == [StreamUp(AMP)]
    found.read(0.0)
    assert found.opening() == [StreamUp(AMP), StreamUp(EYE), ClockOffset("a", 1.0, 0.5)]
    found.read(0.0)
    assert found.opening() == [StreamUp(EYE)]


def test_what_is_read_is_returned_waited_for_and_recorded_in_order():
    found, supply, tapes = source_of([notice("before")], [notice("1"), notice("2")])
    assert found.read(0.25) == [notice("before")]
    assert (supply.waits, found.packed) == ([0.25], [])
    found.record(REQUEST)
    assert found.read(0.0) == [notice("1"), notice("2")]
    assert tapes[0].told == [(notice("1"), None), (notice("2"), None)]


def test_items_are_made_bytes_once_for_the_recorder_and_whoever_else_gets_them():
    found, _, tapes = source_of([notice("1"), notice("2")], pack=lambda item: item.text.encode())
    found.record(REQUEST)
    found.read(0.0)
    assert found.packed == [b"1", b"2"]
    assert tapes[0].told == [(notice("1"), b"1"), (notice("2"), b"2")]
    found.read(0.0)
    assert found.packed == []


def test_a_recording_begins_with_what_was_not_written_before_and_then_the_streams():
    found, _, tapes = source_of()
    found.start()
    entries = ((notice("n"), 5.0), (LogEntry("annotation", text="film"), 6.0))
    opening = found.record(REQUEST, "journal", Unwritten(Path("old.xdf"), 7, entries))
    assert opening == [StreamUp(AMP)]
    assert tapes[0].request is REQUEST
    assert found.recorder is tapes[0]
    assert tapes[0].told == [
        ("keep", "journal"),
        ("again", notice("n"), 5.0),
        ("again", LogEntry("annotation", text="film"), 6.0),
        (StreamUp(AMP), None),
    ]


def test_there_is_one_recording_at_a_time():
    found, _, tapes = source_of()
    found.record(REQUEST)
    with pytest.raises(RtemoError) as caught:
        found.record(RecordingRequest(Path("other.xdf")))
    said = caught.value
    assert (said.fact, said.found, said.todo) == ("a recording is being made", "r.xdf", "stop it first")
    assert len(tapes) == 1


def test_a_recording_is_closed_once_and_the_next_may_begin():
    found, _, tapes = source_of([], [notice("1")])
    found.record(REQUEST)
    assert found.recording_status() == "0 told"
    found.hold()
    assert found.close_recording() == "1 told"
    assert tapes[0].told == ["closed"]
    assert (found.close_recording(), found.recording_status(), found.recorder) == (None, None, None)
    found.record(REQUEST)
    found.read(0.0)
    assert tapes[1].told == [(notice("1"), None)]


def test_what_is_read_after_a_hold_is_returned_and_not_recorded_and_our_own_is():
    found, _, tapes = source_of([notice("1")], [], [notice("2")])
    found.submit(notice("nothing is recorded"))
    found.record(REQUEST)
    assert found.hold() == [notice("1")]
    assert found.read(0.0) == [notice("2")]
    found.submit(notice("own"))
    assert tapes[0].told == [(notice("1"), None), (notice("own"), None)]


def test_a_request_asks_for_a_file_of_no_session_that_goes_on_from_none():
    request = RecordingRequest(Path("r.xdf"))
    assert (request.session_id, request.continues, request.continues_bytes, dict(request.about)) == ("", "", None, {})


def test_chunks_are_handed_on_as_they_are():
    chunk = Chunk("a", np.array([1.0]), np.ones((1, 1)))
    found, _, tapes = source_of([chunk])
    found.record(REQUEST)
    assert found.read(0.0)[0] is chunk
    assert tapes[0].told[0][0] is chunk
