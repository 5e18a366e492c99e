"""The live streams of the application, turned by hand: choosing, configuring and leaving out while the engine runs."""

from __future__ import annotations

import dataclasses
import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from hand_fed import PROFILES, recorded, setup_of

from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, Modality, StreamUp
from rtemo.live.service.feed import Feed
from rtemo.live.session.live_streams import LiveStreams, PredictionGate
from rtemo.recordings.events import EventKind
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.participant_roles import role_name
from rtemo.sources.session_settings import SessionSettings, parse_settings
from rtemo.sources.stream_choice import StreamQuery
from rtemo.sources.stream_roles import StreamRoles


@pytest.fixture(scope="module")
def person():
    return SimulatedSession(SimulationPlan.for_duration(3, 30, eeg_channels=16, eeg_rate_hz=250))


class Network:
    """All sources that are opened one after the other, on the streams of one person and a second amplifier."""

    def __init__(self, person):
        eeg = dataclasses.replace(person.streams[0], uid="u1")
        self.second = dataclasses.replace(eeg, stream_id="eeg2", uid="u2", name="Second", source_id="second")
        self.infos = [eeg, *person.streams[1:], self.second]
        self.items = person.items(block_s=0.25)
        self.now_s = person.plan.start_s
        self.opened, self.asked = [], []

    def open(self, roles, refused):
        self.asked.append(dict(roles.queries))
        for whose in roles.each:
            for role in (Modality.EEG, Modality.GAZE):
                try:
                    roles.choose_for(whose, role, self.infos)
                except RtemoError as error:
                    refused[role_name(whose, role)] = str(error)
        self.opened.append(Source(self, roles))
        return recorded(self.opened[-1])


class Source:
    exhausted = False
    missing = ()

    def __init__(self, network, roles):
        self.network, self.roles, self.stopped = network, roles, 0
        self.visible = network.infos

    def start(self):
        return tuple(info for info in self.network.infos if self.roles.role_of(info))

    def read(self, timeout_s):
        item = next(self.network.items)
        if isinstance(item, Chunk) and len(item):
            self.network.now_s = max(self.network.now_s, float(item.stamps[-1]))
        twin = [dataclasses.replace(item, stream_id="eeg2")] if getattr(item, "stream_id", "") == "eeg" else []
        return [item, *twin]

    def stop(self):
        self.stopped += 1

    def status(self):
        return ()


@pytest.fixture
def network(person):
    return Network(person)


@pytest.fixture
def streams(network):
    shown = []
    feed = Feed(lambda: network.now_s)
    roles = StreamRoles(PROFILES, SessionSettings(queries={Modality.EEG: StreamQuery(source_id="second")}))
    live = LiveStreams(setup_of(roles, lambda: network.now_s, network.open), feed, shown.append)
    live.shown, live.feed = shown, feed
    live.open()
    yield live
    live.close()


def turn(streams, seconds):
    end_s = streams._setup.clock() + seconds
    while streams._setup.clock() < end_s:
        streams.turn()


def test_another_stream_can_be_chosen_while_the_engine_runs(streams, network):
    turn(streams, 6)
    assert {info.name for info in streams.playing} == {"Second", network.infos[1].name}
    n_before = len(streams.shown)
    assert n_before > 0
    streams.do_choose("eeg", "u1")  # one that is seen and not read is listed by its uid
    assert [source.stopped for source in network.opened] == [1, 0]
    eeg = network.infos[0]
    assert network.asked[-1][Modality.EEG] == StreamQuery(eeg.name, eeg.type, eeg.source_id, eeg.hostname)
    assert eeg in streams.playing
    assert network.second not in streams.playing
    turn(streams, 6)
    assert len(streams.shown) > n_before
    assert streams.shown[-1].eeg_coverage > 0.9
    assert eeg.source_id in streams.settings_text
    assert {status.stream_id: status.why for status in streams.stream_statuses()}["eeg"].startswith("pinned: ")


def test_a_choice_can_be_taken_back(streams, network):
    streams.do_choose("eeg", "u1")
    streams.do_choose("eeg", "")
    assert Modality.EEG not in network.asked[-1]
    assert Modality.EEG in streams.refused  # two amplifiers fit
    assert network.infos[0] not in streams.playing
    streams.do_choose("eeg", "u2")
    assert streams.refused == {}
    assert network.second in streams.playing


def test_the_gaze_stream_can_be_chosen_too(streams, network):
    gaze = network.infos[1]
    streams.do_choose("gaze", gaze.stream_id)
    assert network.asked[-1][Modality.GAZE].source_id == gaze.source_id
    assert network.asked[-1][Modality.EEG] == StreamQuery(source_id="second")
    assert gaze in streams.playing


@pytest.mark.parametrize(
    ("role", "stream", "said"), [("ears", "eeg", "eeg, gaze, second_eye, markers"), ("eeg", "no", "'no'")]
)
def test_what_cannot_be_chosen_is_refused_and_changes_nothing(streams, network, role, stream, said):
    with pytest.raises(RtemoError, match=said):
        streams.do_choose(role, stream)
    assert len(network.opened) == 1
    assert network.opened[0].stopped == 0


def test_settings_can_be_changed_while_the_engine_runs(streams, network):
    turn(streams, 6)
    label = streams.channel_statuses()[0].label
    text = f'[session]\nsubject = "P 7"\n[eeg]\nquery = "source_id=second"\n[eeg.map]\n"{label}" = ""\n'
    streams.do_configure(text)
    assert [source.stopped for source in network.opened] == [1, 0]
    assert streams.settings == parse_settings(text)
    assert parse_settings(streams.settings_text) == streams.settings
    assert streams.log.events[-1].kind is EventKind.NOTE
    assert streams.log.events[-1].text == "the session's settings were changed"
    turn(streams, 6)
    assert label not in streams.run_of("").predictor.pipeline.branch(Modality.EEG).channel_map.labels
    assert len(streams.run_of("").predictor.pipeline.branch(Modality.EEG).channel_map.labels) == 15
    assert streams.shown


@pytest.mark.parametrize(
    "text", ["nonsense", "[session]\nsubject = 5", '[session]\nbaseline = "marker=rest"', "[screen]\nwidth_px = -1"]
)
def test_settings_that_are_wrong_are_refused_and_change_nothing(streams, network, text):
    before = streams.settings
    with pytest.raises(RtemoError):
        streams.do_configure(text)
    assert streams.settings is before
    assert len(network.opened) == 1


def test_a_channel_that_is_left_out_is_left_out_from_the_next_window_on(streams, network):
    turn(streams, 2)
    label = streams.channel_statuses()[3].label
    streams.do_exclude(label, excluded=True)
    assert len(network.opened) == 1  # the source goes on
    assert label not in streams.run_of("").predictor.pipeline.branch(Modality.EEG).channel_map.labels
    assert streams.log.events[-1].text == f"channel {label} left out"
    streams.do_exclude(label, excluded=False)
    assert label in streams.run_of("").predictor.pipeline.branch(Modality.EEG).channel_map.labels
    assert streams.log.events[-1].text == f"channel {label} used again"


def test_nothing_about_the_streams_changes_while_a_session_is_kept(streams, network):
    streams.recording = True
    for act in (
        lambda: streams.do_choose("eeg", "eeg"),
        lambda: streams.do_configure(""),
        lambda: streams.do_exclude("Fz", excluded=True),
    ):
        with pytest.raises(RtemoError, match="stop it first"):
            act()
    assert len(network.opened) == 1


def test_another_preview_knows_the_streams_and_their_clocks(streams, network):
    turn(streams, 3)
    before = streams.session
    streams.preview()
    assert streams.session is not before
    assert set(streams.playing) == {network.infos[1], network.second}
    n_before = len(streams.shown)
    turn(streams, 6)
    ends = [prediction.time_s for prediction in streams.shown[n_before:]]
    np.testing.assert_allclose(np.diff(ends), 0.25)


class Sink(list):
    put = list.append


def test_a_gate_passes_predictions_on_until_it_is_shut():
    shown, sink = [], Sink()
    gate = PredictionGate(shown.append)
    gate.put(1)
    gate.open_for([sink])
    gate.put(2)
    gate.shut()
    gate.put(3)
    gate.open_for(())
    gate.put(4)
    assert (shown, sink) == ([1, 2, 4], [2])


def test_a_stream_that_appears_later_is_announced_to_the_next_engine(streams, network):
    third = dataclasses.replace(network.infos[1], stream_id="late", name="Late", source_id="late")
    network.items = itertools.chain([StreamUp(third)], network.items)
    turn(streams, 1)
    streams.preview()
    assert "late" in streams.run_of("").engine._infos


@pytest.mark.parametrize(
    ("runs", "participant", "found"),
    [
        ({"": 0}, "", 0),
        ({"A": 1, "B": 2}, "B", 2),
        ({"A": 1}, "", 1),
        ({"A": 1, "B": 2}, "C", "there is no participant 'C'; found A, B; name one of them"),
        ({"A": 1, "B": 2}, "", "this is about one participant; found A, B; name one of them"),
        ({"": 0}, "A", "there is no participant 'A'; found nobody is told apart from others; name one of them"),
    ],
)
def test_the_engine_of_one_participant_is_found_or_it_is_stated_who_there_is(runs, participant, found):
    streams = SimpleNamespace(runs=runs)
    if isinstance(found, int):
        assert LiveStreams.run_of(streams, participant) == found
        return
    with pytest.raises(RtemoError) as caught:
        LiveStreams.run_of(streams, participant)
    assert str(caught.value) == found
