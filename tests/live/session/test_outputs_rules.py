"""What a session's outputs state and tell, on a source whose recording stands as the test says."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hand_fed import BUNDLE

from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, ClockOffset, StreamState, StreamUp
from rtemo.live.output.output_queue import OutputState, OutputStatus
from rtemo.live.script.script_process import ScriptPlace
from rtemo.live.service.snapshot import OutputView, RecorderView
from rtemo.live.session import outputs as outputs_module
from rtemo.live.session.outputs import OutputsRequest, SessionOutputs
from rtemo.recorder.recorder import RecorderState, RecorderStatus
from rtemo.recordings.baseline_plan import BaselinePlan
from rtemo.recordings.events import Event, EventKind
from rtemo.sources.output_settings import OutputSettings
from rtemo.sources.participants import parse_participant
from rtemo.sources.session_settings import SessionSettings, parse_settings, with_participants
from rtemo.sources.study_settings import Study

FAILURE, NOTE = EventKind.FAILURE, EventKind.NOTE
ALONE = SessionSettings(subject="P 01")
RECORDING = RecorderStatus(RecorderState.RECORDING, "", {}, {}, (), 5000, 0, 0)


class Source:
    """Stands for what is read and recorded."""

    missing = ("gaze",)

    def __init__(self):
        self.kept, self.calls, self.noted, self.gone, self.stands = [], [], [], [], RECORDING

    def submit(self, item):
        self.kept.append(item)

    def opening(self):
        return ["what there is"]

    def record(self, request):
        self.calls.append(request)
        return ["what is recorded"]

    def close_recording(self):
        self.calls.append("closed")
        return replace(self.stands, bytes_written=9000) if self.stands is not None else None

    def recording_status(self):
        return self.stands

    def notes(self):
        found, self.noted = self.noted, []
        return found

    def outages(self):
        found, self.gone = self.gone, []
        return found

    def status(self):
        return [SimpleNamespace(info=SimpleNamespace(name="Amp"), state=StreamState.STREAMING)]


class Told:
    """Receivers that keep what they are told."""

    def __init__(self, *there):
        self.there, self.states, self.events, self.changed = there, [], [], None
        self.any = bool(there)

    def put(self, prediction):
        """Nobody looks."""

    def put_event(self, event):
        self.events.append(event)

    def put_state(self, state):
        self.states.append(state)

    def statuses(self):
        return self.there

    def close(self):
        """They go on after the session."""


@pytest.fixture
def opened():
    """How outputs are opened; they are closed at the end."""
    made = []

    def open_(settings=ALONE, record=Path("r.xdf"), **options):
        request = OutputsRequest(settings, record=record, **{"publish": False, **options})
        outputs = SessionOutputs(request, BUNDLE, 0.25, lambda: 7.0, Source())
        made.append(outputs)
        return outputs

    yield open_
    for outputs in made:
        outputs.close()


def said(outputs):
    return [(event.kind, event.text) for event in outputs.events.events]


def look(outputs):
    outputs._looked_s = float("-inf")
    outputs.look_after()


def test_a_recording_is_begun_with_what_the_next_engine_needs(opened):
    outputs = opened(record=Path("a/r.xdf"))
    (request,) = outputs._source.calls
    assert (request.path, request.session_id) == (Path("a/r.xdf"), outputs.session_id)
    assert request.about == {
        "settings": outputs.about.settings, "folder": "", "started_s": 7.0, "publish": False,
    }  # fmt: skip
    assert parse_settings(outputs.about.settings) == SessionSettings(subject="P 01")
    assert outputs.opening == ["what is recorded"]
    assert opened(record=None).opening == ["what there is"]


def test_the_sessions_own_streams_are_recorded_with_clocks_that_are_lsls(opened):
    outputs = opened()
    ups = [item.info for item in outputs._source.kept if isinstance(item, StreamUp)]
    assert [info.name for info in ups] == ["rtemo_P-01", "rtemo_events_P-01"]
    clocks = [item for item in outputs._source.kept if isinstance(item, ClockOffset)]
    assert clocks == [ClockOffset(info.stream_id, 7.0, 0.0) for info in ups]


@pytest.mark.parametrize(("name", "names"), [
    ("", ["rtemo_P01_ses-2", "rtemo_P02_ses-2"]),
    ("lab", ["lab_P01", "lab_P02"]),
])  # fmt: skip
def test_each_of_several_participants_has_an_outlet_of_its_own(opened, name, names):
    people = [parse_participant(f"{whose}: eeg=name={whose}") for whose in ("P01", "P02")]
    settings = SessionSettings(session="2", outputs=OutputSettings(outlet_name=name))
    outputs = opened(with_participants(settings, people), record=None)
    found = [item.info.name for item in outputs._source.kept if isinstance(item, StreamUp)]
    assert found[:2] == names
    own = {whose: outputs.sinks_of(whose) for whose in ("P01", "P02")}
    assert [[sink.info.name for sink in sinks] for sinks in own.values()] == [[one] for one in names]
    assert len(outputs.sinks) == 2


def test_what_befalls_recorder_and_recording_is_said_once(opened):
    outputs = opened()
    source = outputs._source
    source.noted = [(3.0, "yawned", "P01")]
    source.gone = ["the recorder ended"]
    outputs.look_after()
    assert outputs.events.events[0] == Event(3.0, EventKind.ANNOTATION, "yawned", participant="P01")
    steps = [
        replace(RECORDING, problems=("a gap",)),
        replace(RECORDING, state=RecorderState.WAITING, error="disk full", problems=("a gap", "another")),
        replace(RECORDING, state=RecorderState.WAITING, error="disk full", problems=("a gap", "another")),
        replace(RECORDING, lost={"eeg": 3, "gaze": 4}, problems=("a gap", "another")),
        replace(RECORDING, state=RecorderState.FAILED, error="no disk", problems=("a gap", "another")),
    ]
    for source.stands in steps:
        look(outputs)
    waits = "the recording waits: disk full; what comes is kept in memory, and tried again; predictions go on"
    assert said(outputs)[1:] == [
        (FAILURE, "the recorder ended"),
        (FAILURE, "the recording: a gap"),
        (FAILURE, "the recording: another"),
        (FAILURE, waits),
        (NOTE, "the recording goes on; 7 samples are not in it so far"),
        (FAILURE, "the recording failed; no disk; predictions go on"),
    ]
    with pytest.raises(RtemoError) as caught:
        outputs.check_recording()
    assert str(caught.value) == "the recording failed; no disk; what was written before can be read"


def test_the_recorder_is_looked_at_four_times_a_second(opened, monkeypatch):
    outputs, now = opened(), [100.0]
    monkeypatch.setattr(outputs_module.time, "monotonic", lambda: now[0])
    found = []
    for now_s in (100.0, 100.2, 100.25, 100.49, 100.5):
        now[0] = now_s
        n_before = len(found)
        outputs._source.recording_status = lambda: found.append(now[0]) or RECORDING
        outputs.look_after()
        assert len(found) - n_before <= 1
    assert found == [100.0, 100.25, 100.5]


@pytest.mark.parametrize(("status", "kind", "text"), [
    (OutputStatus("OSC", OutputState.FAILED, "no route", 2, 1), FAILURE,
     "output OSC failed: no route; it is tried again, the session goes on"),
    (OutputStatus("OSC", OutputState.BEHIND, "nothing within 2 s", 2, 1), FAILURE,
     "output OSC is behind: nothing within 2 s; the session goes on"),
    (OutputStatus("OSC", OutputState.WORKING, "", 2, 1), NOTE, "output OSC works again; 1 entries were left out"),
])  # fmt: skip
def test_how_an_output_stands_is_an_event_for_people_and_programs(opened, status, kind, text):
    receivers = Told()
    outputs = opened(receivers=receivers)
    receivers.changed(status)
    details = {"output": "OSC", "state": status.state.value, "dropped": 1}
    assert outputs.events.events == [Event(7.0, kind, text, details=details)]
    assert receivers.events == outputs.events.events


def test_receivers_are_told_how_things_stand_from_the_begin_to_the_end(opened):
    settings = SessionSettings(subject="P 01", session="2", task="rest", run=3, study=Study(name="Mood"))
    receivers = Told()
    outputs = opened(settings, receivers=receivers)
    look(outputs)
    outputs.phase = "calibrating"
    look(outputs)
    outputs.close()
    assert [state["phase"] for state in receivers.states] == ["running", "calibrating", "closing", "stopped"]
    assert receivers.states[0] == {
        "phase": "running", "participant": "P 01", "session": outputs.session_id, "study": "Mood", "task": "rest",
        "visit": "2", "run": 3, "started_s": 7.0, "labels": list(BUNDLE.labels), "hop_s": 0.25,
        "recording": "recording", "streams": {"Amp": "streaming"}, "missing": ["gaze"],
    }  # fmt: skip
    assert receivers.changed is None


def test_receivers_are_told_who_takes_part_and_that_nothing_is_recorded(opened):
    people = [parse_participant(f"{whose}: eeg=name={whose}") for whose in ("P01", "P02")]
    receivers = Told()
    outputs = opened(with_participants(SessionSettings(), people), record=None, receivers=receivers)
    outputs._source.stands = None
    outputs.tell_state("running")
    assert receivers.states[-1]["participants"] == ["P01", "P02"]
    assert receivers.states[-1]["recording"] is None
    assert outputs.view() is None
    outputs.measure_disk()
    outputs.check_recording()


def test_the_state_of_the_recording_is_its_last_once_it_is_closed(opened, monkeypatch, tmp_path):
    outputs = opened()
    asked = []
    monkeypatch.setattr(outputs_module, "free_bytes", lambda path: asked.append(path) or 77)
    assert outputs.view() == RecorderView("r.xdf", "recording", "", 5000, 0, 1, "", 0)
    outputs.measure_disk()
    assert asked == []
    outputs._source.stands = replace(RECORDING, paths=(Path("r.xdf"), Path("r_2.xdf")))
    outputs.measure_disk()
    assert asked == [Path("r_2.xdf")]
    assert outputs.view() == RecorderView("r_2.xdf", "recording", "", 5000, 77, 2, "", 0)
    outputs.close()
    outputs.close()
    assert outputs._source.calls[1:] == ["closed"]
    assert outputs.view().bytes_written == 9000


def test_a_recording_that_is_left_goes_on(opened):
    outputs = opened()
    outputs.leave()
    assert "closed" not in outputs._source.calls


def test_a_session_states_once_what_it_runs_on_and_not_who_it_is_about(opened):
    settings = SessionSettings(subject="P 01", notes="shy", task="rest", outputs=OutputSettings(outlet_name="lab"))
    outputs = opened(replace(settings, baseline="30"))
    outputs.announce_session()
    outputs.announce_session()
    first, *others = outputs.events.events
    about = {"bundle_fingerprint": BUNDLE.fingerprint, "hop_s": 0.25}
    assert first.details == {"fact": "session", "id": outputs.session_id, **about}
    assert (first.time_s, first.kind, first.text) == (7.0, EventKind.SESSION, "session begins")
    assert parse_settings(first.document) == SessionSettings(subject="", task="rest")
    uncalibrated = BUNDLE.spec.uncalibrated
    assert [(event.kind, event.text) for event in others] == ([(NOTE, uncalibrated)] if uncalibrated else [])


def test_the_persons_of_several_participants_are_not_stated(opened):
    people = [replace(parse_participant(f"{one}: eeg=name={one}"), person=(f"{one}.json",)) for one in ("P01", "P02")]
    outputs = opened(with_participants(SessionSettings(), people), record=None)
    outputs.announce_session()
    document = outputs.events.events[0].document
    assert ".json" not in document
    assert [one.id for one in parse_settings(document).participants] == ["P01", "P02"]


def test_a_note_says_of_whom_and_when_and_an_explanation_is_no_event(opened):
    outputs = opened()
    outputs.note(NOTE, "one", "P01")
    assert outputs.events.events == [Event(7.0, NOTE, "one", participant="P01")]
    n_kept = len(outputs._source.kept)
    outputs.explain("because")
    assert len(outputs.events.events) == 1
    (chunk,) = outputs._source.kept[n_kept:]
    assert isinstance(chunk, Chunk)
    assert chunk.stamps.tolist() == [7.0]


def test_a_planned_baseline_is_stated_of_whom_it_is(opened, monkeypatch, tmp_path):
    outputs, copied = opened(record=tmp_path / "r.xdf"), []
    plan = BaselinePlan.of(SessionSettings(baseline="marker=rest,go"))
    monkeypatch.setattr(BaselinePlan, "copy_beside", lambda self, *given: copied.append((self, *given)))
    outputs.announce_baseline(plan, "P01")
    (event,) = outputs.events.events
    assert event == Event(
        7.0, EventKind.ANNOTATION, f"baseline planned: {plan}",
        details={"fact": "baseline_planned", "plan": str(plan)}, participant="P01",
    )  # fmt: skip
    outputs.close()
    assert copied == [(plan, tmp_path / "r.xdf", "P01")]


class Beside:
    """Stands for a process beside the session."""

    def __init__(self, *_given):
        self.given_, self.seen = _given, []

    def __getattr__(self, name):
        return lambda: self.seen.append(name)

    def status(self):
        return OutputStatus("script s.py", OutputState.WORKING, "", 2, 0)


def test_without_a_script_nothing_can_be_given_out(opened):
    with pytest.raises(RtemoError) as caught:
        opened().give("", "hello", 1.0)
    assert str(caught.value) == "a script gives out values; none runs; start the session with one"


def test_what_a_script_gives_out_is_recorded_and_shows_that_it_is_alive(opened, monkeypatch):
    monkeypatch.setattr(outputs_module, "script_process", lambda place, note: Beside(place, note))
    outputs, place = opened(), ScriptPlace(Path("s.py"), "engine")
    outputs.run_script(place)
    beside = outputs._script
    assert beside.given_ == (place, outputs.note)
    outputs.give("", "", 1.0)
    assert beside.seen == ["alive"]
    outputs.give('{"arousal": 0.5}', "", 5.0)
    outputs.give("", "hello", 6.0)
    assert beside.seen == ["alive", "given", "given"]
    chunks = [item for item in outputs._source.kept if isinstance(item, Chunk)]
    assert [chunk.stamps.tolist() for chunk in chunks] == [[5.0], [6.0]]
    with pytest.raises(RtemoError, match="none runs"):
        outputs.give("", "hello", 7.0, "P02")
    assert OutputView("script s.py", "working", "", 2, 0) in outputs.output_views()
    look(outputs)
    assert beside.seen[3:] == ["look"]
    outputs.close()
    assert beside.seen[4:] == ["look", "close"]


def test_a_script_that_cannot_be_started_is_said(opened, monkeypatch):
    def refuse(*_given):
        raise OSError("no python")

    monkeypatch.setattr(outputs_module, "script_process", refuse)
    outputs = opened()
    outputs.run_script(ScriptPlace(Path("s.py"), "engine"))
    assert said(outputs) == [(FAILURE, "the script s.py cannot be started: no python")]
    with pytest.raises(RtemoError, match="none runs"):
        outputs.give("", "hello", 1.0)


SCREEN = SessionSettings(outputs=OutputSettings(screen=True))


def test_the_screen_is_recorded_beside_the_recording_where_that_is_asked_for(opened, monkeypatch):
    monkeypatch.setattr(outputs_module, "screen_process", Beside)
    monkeypatch.setattr(outputs_module, "own_session", lambda: "lab7")
    outputs = opened(SCREEN, record=Path("a") / "r.xdf")
    outputs.record_screen()
    video, session, note = outputs._screen.given_
    assert (video.parent, session, note) == (Path("a"), "lab7", outputs.note)
    assert video.name.endswith("screen.mkv")
    outputs.close()
    assert outputs._screen.seen == ["look", "close"]
    other = opened()
    other.record_screen()
    assert (other._screen, said(other)) == (None, [])


def test_a_screen_that_cannot_be_recorded_is_said(opened, monkeypatch):
    outputs = opened(SCREEN, record=None)
    outputs.record_screen()
    assert said(outputs) == [(FAILURE, "the screen is not recorded, as the session is not")]

    def refuse(*_given):
        raise OSError("no ffmpeg")

    monkeypatch.setattr(outputs_module, "screen_process", refuse)
    outputs = opened(SCREEN)
    outputs.record_screen()
    assert said(outputs) == [(FAILURE, "the recording of the screen cannot be started: no ffmpeg")]


@pytest.mark.parametrize(("options", "unread"), [
    ({}, True),
    ({"record": Path("r.xdf")}, False),
    ({"publish": True}, False),
    ({"receivers": Told()}, True),
    ({"receivers": Told(OutputStatus("OSC", OutputState.WORKING, "", 0, 0))}, False),
])  # fmt: skip
def test_nobody_reads_where_there_is_nothing_but_sinks_that_are_gone(opened, options, unread):
    outputs = opened(**{"record": None, **options, "publish": False})
    outputs.request = replace(outputs.request, **options)  # without an outlet on the network
    assert outputs.unread == unread
    outputs._queued_sinks = [SimpleNamespace(queue=SimpleNamespace(status=lambda: SimpleNamespace(for_good=False)))]
    assert not outputs.unread


def test_the_settings_file_says_what_was_asked_for(tmp_path):
    settings, source = SessionSettings(subject="P 01"), Source()
    request = OutputsRequest(settings, tmp_path, publish=False, asked={"duration_s": 60.0})
    outputs = SessionOutputs(request, BUNDLE, 0.25, lambda: 7.0, source)
    outputs.close()
    assert outputs.recording == outputs.folder.recording
    document = tomllib.loads(outputs.folder.settings.read_text())
    found = next(table for table in document.values() if isinstance(table, dict) and "hop_s" in table)
    assert {name: found[name] for name in ("hop_s", "published", "duration_s", "session_id")} == {
        "hop_s": 0.25, "published": False, "duration_s": 60.0, "session_id": outputs.session_id,
    }  # fmt: skip
    assert len(found["started"]) == len("2026-12-01T12:00:00+00:00")
    assert outputs.about.folder == str(outputs.folder.target)
