"""The engine on simulated people, without a network: replay, live policy, events, what is kept."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest
from synthetic_source import SyntheticSource

from rtemo import resources
from rtemo.commands.from_arguments import load_model
from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, ClockOffset, Modality, StreamDown, StreamNotice, StreamState, StreamUp
from rtemo.live.engine.engine import Engine, LiveOptions
from rtemo.model.bundle_schema import BundleSpec
from rtemo.recordings.events import EventKind, EventLog
from rtemo.recordings.session_facts import note_of
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.devices.profile import load_profiles
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_choice import StreamQuery
from rtemo.sources.stream_roles import StreamRoles

PROFILES = load_profiles(resources.devices())


class Kept:
    """A sink that keeps."""

    def __init__(self):
        self.predictions = []

    def put(self, prediction):
        self.predictions.append(prediction)

    def discard(self):
        self.predictions.clear()

    def close(self):
        pass


@pytest.fixture(scope="module")
def session():
    return SimulatedSession(SimulationPlan.for_duration(3, 24, eeg_channels=16, eeg_rate_hz=250))


def engine_on(streams, items, *, live=None, queries=None, stated=()):
    """stated: the events of a session, by which its replay goes."""
    _, predictor = load_model(None, None)
    for event in stated:
        if (note := note_of(event)) is not None:
            predictor.note(note, event.time_s)
    cast = StreamRoles(PROFILES, SessionSettings(queries=queries or {}))
    cast.choose(streams)
    sink, events = Kept(), EventLog()
    source = SyntheticSource(streams, items)
    return Engine(source, cast, predictor, events, [sink], live), sink, events


def run(streams, items, **options):
    engine, sink, events = engine_on(streams, items, **options)
    engine.run(streams, threading.Event())
    return sink.predictions, events.events


@pytest.fixture(scope="module")
def replayed(session):
    return run(session.streams, session.items())


def clock_of(items, ticks):
    """A clock that stands at the newest sample that has been handed out: live sessions without waiting."""

    def handed():
        for item in items:
            if isinstance(item, Chunk) and len(item):
                ticks.append(float(item.stamps[-1]))
            yield item

    return handed(), lambda: max(ticks, default=0.0)


def live_run(session, items, **options):
    ticks = []
    handed, clock = clock_of(items, ticks)
    return run(session.streams, handed, live=LiveOptions(clock), **options)


def test_a_replay_gives_one_prediction_a_hop_with_markers_as_events(session, replayed):
    predictions, events = replayed
    ends = [p.time_s for p in predictions]
    np.testing.assert_allclose(np.diff(ends), 0.25)
    assert len(predictions) == pytest.approx((24 - 4) / 0.25, abs=2)
    texts = [event.text for event in events if event.kind is EventKind.MARKER]
    assert texts == [marker.text for _, marker in session.plan.markers()]
    assert all(p.latency_ms is None for p in predictions)


def test_two_replays_say_the_same_to_the_letter(session, replayed):
    again, _ = run(session.streams, session.items(block_s=0.37))
    assert [p.to_json_line() for p in again] == [p.to_json_line() for p in replayed[0]]


def test_a_live_session_predicts_what_its_replay_predicts(session, replayed):
    predictions, _ = live_run(session, session.items(block_s=0.02))
    assert [p.probabilities for p in predictions] == [p.probabilities for p in replayed[0]]
    assert [p.smoothed for p in predictions] == [p.smoothed for p in replayed[0]]
    assert all(p.latency_ms is not None for p in predictions)


def without(items, stream, begin, end, *, announced):
    """The items with a stretch of one stream taken out, and what a watchdog says about it."""
    said = False
    for item in items:
        stamp = item.stamps[0] if isinstance(item, Chunk) and len(item) else None
        if getattr(item, "stream_id", "") == stream and stamp is not None and begin <= stamp < end:
            continue
        if announced and not said and stamp is not None and stamp > begin + 3:
            said = True
            yield StreamDown(stream, StreamState.LOST, "gone from the network")
        if announced and stamp is not None and getattr(item, "stream_id", "") == stream and stamp >= end and said:
            said = False
            announced = False
            yield StreamUp(next(i for i in SESSION_STREAMS if i.stream_id == stream))
        yield item


SESSION_STREAMS = ()


@pytest.fixture(autouse=True)
def _streams(session):
    global SESSION_STREAMS
    SESSION_STREAMS = session.streams


@pytest.mark.parametrize("stream", ["gaze", "eeg"])
def test_predictions_go_on_without_a_lost_stream_and_afterwards_equal_the_replay(session, stream):
    start = session.plan.start_s
    lossy = list(without(session.items(block_s=0.02), stream, start + 8, start + 16, announced=False))
    told = without(session.items(block_s=0.02), stream, start + 8, start + 16, announced=True)
    predictions, events = live_run(session, told)
    replayed, _ = run(session.streams, lossy, stated=events)
    assert [p.time_s for p in predictions] == [p.time_s for p in replayed]
    np.testing.assert_allclose(np.diff([p.time_s for p in predictions]), 0.25)
    assert any(p.forced for p in predictions)
    for live, after in zip(predictions, replayed, strict=True):
        if not live.forced:
            assert live.probabilities == after.probabilities
            assert live.smoothed == after.smoothed
    coverage = [p.gaze_coverage if stream == "gaze" else p.eeg_coverage for p in predictions]
    assert min(coverage) == 0.0
    assert coverage[-1] > 0.5
    assert {EventKind.STREAM_DOWN, EventKind.STREAM_UP} <= {event.kind for event in events}


def test_a_stop_ends_the_run_with_what_was_read(session):
    stop = threading.Event()
    taken = []

    def until_enough():
        for item in session.items():
            taken.append(item)
            if isinstance(item, Chunk) and len(item) and item.stamps[-1] > session.plan.start_s + 10:
                stop.set()
            yield item

    engine, sink, _ = engine_on(session.streams, until_enough())
    engine.run(session.streams, stop)
    assert 20 < len(sink.predictions) < 40


def test_only_one_modality_runs_and_says_on_what(session):
    for part in (Modality.EEG, Modality.GAZE):
        streams = [info for info in session.streams if info.stream_id == part.value]
        engine, sink, _ = engine_on(streams, [i for i in session.items() if i.stream_id == part.value])
        engine.run(streams, threading.Event())
        assert set(engine.roles) == {part}
        assert len(sink.predictions) > 60


def test_two_streams_that_fit_are_refused_and_both_listed(session):
    eeg = session.streams[0]
    twin = type(eeg)(**{f: getattr(eeg, f) for f in eeg.__slots__} | {"stream_id": "other", "source_id": "another"})
    with pytest.raises(RtemoError) as error:
        StreamRoles(PROFILES).choose([eeg, twin])
    assert "another" in str(error.value)
    assert eeg.source_id in str(error.value)
    cast = StreamRoles(PROFILES, SessionSettings(queries={Modality.EEG: StreamQuery(source_id="another")}))
    cast.choose([eeg, twin])
    assert cast.role_of(twin) is Modality.EEG
    assert cast.role_of(eeg) is None


def test_a_stream_that_comes_back_with_other_channels_is_taken_up_again(session):
    start = session.plan.start_s
    eeg, *others = session.streams
    fewer = type(eeg)(**{f: getattr(eeg, f) for f in eeg.__slots__} | {"channels": eeg.channels[:8]})

    def changed():
        up = False
        for item in session.items(block_s=0.05):
            if (
                getattr(item, "stream_id", "") != "eeg"
                or not isinstance(item, Chunk)
                or not len(item)
                or item.stamps[0] < start + 8
            ):
                yield item
            elif item.stamps[0] > start + 9:
                if not up:
                    up = True
                    yield StreamUp(fewer)
                    yield ClockOffset("eeg", float(item.stamps[0]), 0.0)
                yield Chunk("eeg", item.stamps, item.values[:, :8])

    predictions, events = live_run(session, changed())
    assert predictions[-1].eeg_coverage > 0.9
    assert sum(event.kind is EventKind.STREAM_UP for event in events) == len(others) + 2
    np.testing.assert_allclose(np.diff([p.time_s for p in predictions]), 0.25)


def test_a_stream_takes_the_part_of_the_one_that_it_replaces_whatever_it_is_called(session):
    start = session.plan.start_s
    eeg = session.streams[0]
    other = type(eeg)(
        **{f: getattr(eeg, f) for f in eeg.__slots__}
        | {"stream_id": "later", "source_id": "after repair", "channels": eeg.channels[:8]}
    )

    def changed():
        up = False
        for item in session.items(block_s=0.05):
            if not isinstance(item, Chunk) or item.stream_id != "eeg" or item.stamps[0] < start + 8:
                yield item
            elif item.stamps[0] > start + 9:
                if not up:
                    up = True
                    yield StreamDown("eeg", StreamState.LOST, "gone")
                    yield StreamUp(other, replaces="eeg")
                yield Chunk("later", item.stamps, item.values[:, :8])

    predictions, events = live_run(session, changed())
    assert predictions[-1].eeg_coverage > 0.9
    ups = [event for event in events if event.kind is EventKind.STREAM_UP]
    assert ups[-1].details["source_id"] == "after repair"
    assert ups[-1].details["role"] == "eeg"
    assert ups[-1].details["replaces"] == eeg.name
    assert ups[-1].text.startswith("back: ")


def test_a_notice_is_an_event_and_makes_its_windows_unsettled(session):
    start = session.plan.start_s

    def doubted():
        told = False
        for item in session.items(block_s=0.05):
            if not told and isinstance(item, Chunk) and item.stream_id == "eeg" and item.stamps[0] > start + 10:
                told = True
                yield StreamNotice("eeg", "its clock was set back by 10 s", False)
                yield StreamNotice("eeg", "a second sender is there")
            yield item

    for run_ in (run, lambda streams, items: live_run(session, items)):
        predictions, events = run_(session.streams, doubted())
        found = [e for e in events if "clock was set back" in e.text]
        assert [(e.kind, e.stream, e.details) for e in found] == [
            (EventKind.LOSS, session.streams[0].name, {"trusted": "false"})
        ]
        assert [e.kind for e in events if "second sender" in e.text] == [EventKind.NOTE]
        assert {p.settled for p in predictions if p.time_s > start + 10} == {False}
        assert {p.eeg_coverage for p in predictions if p.time_s > start + 14.1} == {0.0}
        assert predictions[-1].time_s > start + 23


def test_the_run_ends_when_its_time_is_over(session):
    ticks = itertools.count(0.0, 0.5)
    engine, sink, _ = engine_on(
        session.streams, session.items(), live=LiveOptions(lambda: next(ticks), duration_s=20.0)
    )
    engine.run(session.streams, threading.Event())
    assert len(sink.predictions) < 80


def test_a_model_that_takes_no_live_eye_movements_says_so_once_in_the_session(session, monkeypatch):
    monkeypatch.setattr(BundleSpec, "eye_unused", property(lambda spec: "EEG alone decides"))
    predictions, events = run(session.streams, list(session.items(0.5)))
    notes = [event for event in events if event.text == "EEG alone decides"]
    assert [event.kind for event in notes] == [EventKind.NOTE]
    assert notes[0].stream == next(info.name for info in session.streams if info.type == "Gaze")
    assert predictions
