"""What the live streams of the application refuse and tell, most of it before any stream is opened."""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hand_fed import PROFILES, HandFed, recorded, setup_of

from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Modality, StreamInfo, StreamState
from rtemo.live.service.feed import Feed
from rtemo.live.session.live_streams import LiveStreams
from rtemo.recordings.events import Event, EventKind
from rtemo.sources.participants import parse_participant
from rtemo.sources.session_settings import SessionSettings, parse_settings, settings_text, with_participants
from rtemo.sources.stream_choice import StreamQuery
from rtemo.sources.stream_roles import StreamRoles

ECG = StreamInfo("ecg", "Heart", "ECG", "float32", 100.0, (Channel("II"),), source_id="heart", uid="u-ecg")
EEG = StreamInfo("eeg", "Amp", "EEG", "float32", 100.0, (Channel("Fz"), Channel("Cz")), source_id="amp", uid="u-eeg")


class Receivers:
    def __init__(self):
        self.adopted, self.error = [], None

    def adopt(self, outputs):
        if self.error is not None:
            raise self.error
        self.adopted.append(outputs)


class Looked:
    """How sources are opened: each a supply that gives nothing, on an EEG and an ECG stream."""

    def __init__(self):
        self.opened = []

    def __call__(self, roles, refused):
        refused["gaze"] = "none is there"
        with contextlib.suppress(RtemoError):
            roles.choose_for("", Modality.EEG, [EEG])
        supply = HandFed()
        supply.visible = [EEG, ECG]
        self.opened.append(supply)
        return recorded(supply)


def made(settings=None, persons=(), **more):
    setup = setup_of(StreamRoles(PROFILES, settings), lambda: 7.0, Looked(), persons)
    return LiveStreams(replace(setup, **more), Feed(lambda: 7.0), print)


def refused(act, *given, **named):
    with pytest.raises(RtemoError) as caught:
        act(*given, **named)
    return str(caught.value)


@pytest.mark.parametrize(("name", "given", "named", "what"), [
    ("choose", ("eeg", "amp"), {}, "streams are chosen"),
    ("record_stream", ("ecg",), {"recorded": True}, "what is recorded is chosen"),
    ("configure", ("",), {}, "settings are changed"),
    ("describe", ("",), {}, "a session is named"),
    ("exclude", ("Fz",), {"excluded": True}, "channels are left out"),
])  # fmt: skip
def test_while_a_session_is_kept_nothing_is_changed(name, given, named, what):
    streams = made()
    streams.recording = True
    assert refused(getattr(streams, f"do_{name}"), *given, **named) == (
        f"{what} before a session; one is running; stop it first"
    )


def test_a_role_or_a_stream_that_is_not_there_is_refused():
    streams = made()
    assert refused(streams.do_choose, "ears", "amp") == (
        "there is no role 'ears'; the roles are eeg, gaze, second_eye, markers"
    )
    for act in (lambda: streams.do_choose("eeg", "no"), lambda: streams.do_record_stream("no", recorded=True)):
        assert refused(act) == "there is no stream 'no'; choose one of the list"
    assert streams._setup.open_source.opened == []


def test_before_the_streams_are_opened_there_is_nothing():
    streams = made()
    streams.close()
    streams.leave()
    assert (streams.runs, streams.running, streams.ending, streams.playing) == ({}, None, False, [])
    assert (streams.stream_statuses(), streams.n_forced_and_skipped) == ((), (0, 0))
    assert math.isnan(streams.arrived_s(SimpleNamespace(participant=None)))


def test_the_settings_are_told_as_text_and_in_a_session_its_own():
    streams = made(SessionSettings(task="rest"))
    assert streams.settings_text == settings_text(SessionSettings(task="rest"))
    assert streams.settings_text is streams.settings_text
    streams._session_settings = SessionSettings(subject="P 01")
    assert parse_settings(streams.settings_text) == SessionSettings(subject="P 01")
    streams._session_settings = None
    assert parse_settings(streams.settings_text) == SessionSettings(task="rest")


def test_the_next_session_is_named_without_touching_the_streams():
    receivers = Receivers()
    query = {"eeg": StreamQuery(source_id="amp")}
    streams = made(SessionSettings(queries=query), receivers=receivers)
    named = '[session]\ntask = "rest"\nrun = 3\nbaseline_s = 60.0\n'
    text = f'{named}[outputs]\noutlet_name = "lab"\n[eeg]\nquery = "name=x"\n'
    streams.do_describe(text)
    settings = streams.settings
    assert (settings.task, settings.run, settings.baseline_s, settings.outputs.outlet_name) == ("rest", 3, 60.0, "lab")
    assert settings.queries == query
    assert receivers.adopted == [settings.outputs]
    assert streams._setup.open_source.opened == []


def test_receivers_that_cannot_be_opened_are_an_event():
    receivers = Receivers()
    streams = made(receivers=receivers)
    receivers.error = RtemoError("the port is taken", "9000", "choose another")
    streams.open_receivers()
    assert streams.log.events == [Event(7.0, EventKind.FAILURE, "the port is taken; 9000; choose another")]


def test_a_calibration_of_nobody_in_particular_is_refused_for_several():
    people = [parse_participant(f"{one}: eeg=name={one}") for one in ("P01", "P02")]
    settings = with_participants(SessionSettings(), people)
    assert refused(made, settings, ("a person",)) == (
        "nobody says whose calibration it is; the participants are P01, P02; name it for one of them, as person"
    )
    assert made(settings)._persons_of(settings) == {"P01": (), "P02": ()}
    assert made(None, ("a person",))._persons_of(SessionSettings()) is None


@pytest.fixture
def streams():
    live = made()
    live.open()
    yield live
    live.close()


def test_a_stream_without_a_role_can_be_recorded_and_left_out_again(streams):
    opened = streams._setup.open_source.opened
    assert streams.refused == {"gaze": "none is there"}
    streams.do_record_stream("u-ecg", recorded=True)
    assert [supply.stopped for supply in opened] == [True, False]
    assert [query.source_id for query in streams.settings.also_recorded] == ["heart"]
    streams.do_record_stream("u-ecg", recorded=False)
    assert len(opened) == 3
    assert streams.settings.also_recorded == ()


def test_a_stream_in_use_is_recorded_anyhow(streams):
    said = "Amp is recorded; it is in use; choose another stream in its place"
    assert refused(streams.do_record_stream, "u-eeg", recorded=False) == said
    assert len(streams._setup.open_source.opened) == 1


def test_streams_that_are_chosen_are_those_of_the_list(streams):
    streams.do_choose("eeg", "u-ecg")
    (query,) = streams.settings.queries.values()
    assert query == StreamQuery("Heart", "ECG", "heart", "")


def test_an_unknown_electrode_place_is_told_with_eeg_only(streams):
    assert streams.places() is None
    assert streams.channel_statuses() == ()


@pytest.mark.parametrize(("state", "plays"), [
    (StreamState.STREAMING, True), (StreamState.WAITING, True), (StreamState.STALLED, True),
    (StreamState.LOST, False), (StreamState.FAILED, False),
])  # fmt: skip
def test_a_stream_that_is_gone_does_not_play(streams, state, plays):
    one = SimpleNamespace(engine=SimpleNamespace(roles={"eeg": EEG}))
    streams._source = SimpleNamespace(announced=SimpleNamespace(states={"eeg": state}), stop=lambda: None)
    streams._session = SimpleNamespace(runs={"P01": one, "P02": one})
    assert streams.playing == ([EEG] if plays else [])


def test_windows_are_counted_of_everybody(streams):
    def run(forced, skipped, left_out, arrived_s):
        predictor = SimpleNamespace(n_forced=forced, n_skipped=left_out, pipeline=SimpleNamespace(n_skipped=skipped))
        return SimpleNamespace(predictor=predictor, engine=SimpleNamespace(arrived_s=arrived_s))

    streams._session = SimpleNamespace(runs={"P01": run(1, 2, 4, 5.5), "P02": run(8, 16, 32, 6.5)})
    assert streams.n_forced_and_skipped == (9, 54)
    assert streams.arrived_s(SimpleNamespace(participant="P02")) == 6.5
    assert math.isnan(streams.arrived_s(SimpleNamespace(participant="P03")))
    streams._session = SimpleNamespace(runs={"": run(0, 0, 0, 4.5)})
    assert streams.arrived_s(SimpleNamespace(participant=None)) == 4.5
