"""Counters, triggers and impedances of one imitated amplifier: alike in a session, its replay, a corpus, an export."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from stream_builder import TEN_TWENTY, eeg_channels, stream
from synthetic_source import SyntheticSource
from xdf_build import write

from offline.datasets.xdf import load, marker_events
from rtemo import resources
from rtemo.commands.from_arguments import load_model
from rtemo.core.auxiliary.columns import AuxiliaryReader
from rtemo.core.frozen_state import freeze, thaw
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Channel, Chunk, ClockOffset
from rtemo.export.event_rows import event_rows
from rtemo.export.recorded_session import AskedEntities, read_recorded
from rtemo.live.engine.auxiliary_streams import AuxiliaryStreams
from rtemo.live.engine.engine import Engine, LiveOptions
from rtemo.live.service.status import ChannelStatuses, StreamStatuses
from rtemo.recorder.announced_streams import AnnouncedStreams
from rtemo.recordings.auxiliary_events import auxiliary_reader
from rtemo.recordings.events import DERIVED, Event, EventKind, EventLog
from rtemo.recordings.open_recording import OpenRecording
from rtemo.report.quality import inspect
from rtemo.sources.devices.profile import load_profiles
from rtemo.sources.stream_roles import StreamRoles

PROFILES = load_profiles(resources.devices())
HZ, N = 250.0, 2500
AMP = replace(
    stream(
        "LiveAmpSN-1",
        "EEG",
        [
            *eeg_channels(TEN_TWENTY),
            Channel("SampleCounter", "SampleCounter"),
            Channel("DeviceTrigger", "Trigger"),
            Channel("Fz", "Impedance", "kOhm"),
        ],
        source_id="LiveAmpSN-1",
        rate=HZ,
    ),
    stream_id="amp",
)
OHMS = replace(
    stream("Net impedance", "Impedance", [Channel("Cz", "Impedance", "kOhm")], source_id="z", rate=1.0), stream_id="z"
)
OWN = replace(
    stream("rtemo_events", "Markers", [Channel("event"), Channel("json")], rate=0.0, fmt="string"), stream_id="own"
)
LOST, TRIGGERS = 7, {400: 3.0, 900: 5.0, 1500: 0.0, 2000: 5.0}


def chunks():
    """Ten seconds: seven samples never came, of which the stamps know nothing; triggers as a LiveAmp sends them."""
    rng = np.random.default_rng(0)
    values = rng.normal(0, 20, (N, AMP.n_channels)).astype(np.float32)
    values[:, 19] = 100 + np.arange(N) + np.where(np.arange(N) >= 1200, LOST, 0)
    values[:, 20] = -1
    for row, value in TRIGGERS.items():
        values[row, 20] = value
    values[:, 21] = np.linspace(9, 14, N)
    stamps = 1000.0 + np.arange(N) / HZ
    return [Chunk("amp", stamps[k : k + 50], values[k : k + 50]) for k in range(0, N, 50)]


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """The file of a session, in which the loss that it found is written down too."""
    found = Event(1004.8, EventKind.LOSS, "found in the session", AMP.name, {DERIVED: "counter"})
    own = Chunk("own", np.array([1004.9]), np.array([["loss", found.payload(published=False)]], object))
    ohms = Chunk("z", 1001.0 + np.arange(3), np.array([[4], [5], [6]], np.float32))
    items = [AMP, OHMS, OWN, ClockOffset("amp", 1000.0, 2.0), ohms, *chunks(), own]
    return write(tmp_path_factory.mktemp("aux") / "session.xdf", *items)


def shown(events):
    return [
        (round(event.time_s, 6), event.kind, event.text, event.stream) for event in events if DERIVED in event.details
    ]


def expected():
    marks = [
        (1002.0 + row / HZ, EventKind.MARKER, f"{value:g}", "LiveAmpSN-1/DeviceTrigger")
        for row, value in TRIGGERS.items()
        if value
    ]
    lost = (1002.0 + 1200 / HZ, EventKind.LOSS, "by its sample counter 7 samples never came", "LiveAmpSN-1")
    return sorted([*marks, lost])


def engine_on(items, live=None, session_streams=()):
    roles, log = StreamRoles(PROFILES), EventLog()
    roles.choose([AMP])
    infos = [AMP, OHMS, *([OWN] if session_streams else [])]
    source, predictor = SyntheticSource(infos, items), load_model(None, None)[1]
    engine = Engine(source, roles, predictor, log, [], live, session_streams)
    engine.run(infos, threading.Event())
    return engine, log.events


def test_what_the_session_wrote_down_of_them_is_not_counted_again():
    found = Event(1004.8, EventKind.LOSS, "found in the session", AMP.name, {DERIVED: "counter"})
    own = Chunk("own", np.array([1004.9]), np.array([["loss", found.payload(published=False)]], object))
    _, events = engine_on([ClockOffset("amp", 1000.0, 2.0), *chunks(), own], session_streams=("own",))
    assert sorted(shown(events)) == expected()


def test_a_session_and_its_replay_find_the_same_however_the_samples_come():
    offset = ClockOffset("amp", 1000.0, 2.0)
    engine, events = engine_on([offset, *chunks()])
    assert sorted(shown(events)) == expected()
    joined = chunks()
    whole = Chunk("amp", *(np.concatenate([getattr(one, part) for one in joined]) for part in ("stamps", "values")))
    assert shown(engine_on([offset, whole])[1]) == shown(events)
    ticks = []

    def handed():
        for one in joined:
            ticks.append(float(one.stamps[-1]) + 2.0)
            yield one

    _, lived = engine_on([offset, *handed()], LiveOptions(lambda: max(ticks, default=0.0)))
    assert shown(lived) == shown(events)
    losses = engine.auxiliary["amp"].losses
    assert (losses.lost, losses.twice) == (LOST, 0)


def test_what_the_window_shows_of_them():
    engine, _ = engine_on([*chunks(), Chunk("z", np.array([1001.0]), np.array([[6]], np.float32))])
    pipeline, announced = engine._predictor.pipeline, AnnouncedStreams()
    channels = {one.label: one for one in ChannelStatuses().statuses(pipeline, (), engine.auxiliary)}
    assert channels["Fz"].impedance_kohm == pytest.approx(14)
    assert channels["Cz"].impedance_kohm == pytest.approx(6)
    assert np.isnan(channels["Pz"].impedance_kohm)
    roles = StreamRoles(PROFILES)
    roles.choose([AMP])
    announced.infos["amp"] = AMP
    found = StreamStatuses().statuses((), (), announced, roles, pipeline, {}, engine.auxiliary)
    assert (found["amp"][1].n_lost, found["amp"][1].n_twice) == (LOST, 0)


def test_an_engine_that_goes_on_knows_what_was_counted():
    roles = StreamRoles(PROFILES)
    roles.choose([AMP])
    given = chunks()
    whole, first, second = AuxiliaryStreams(), AuxiliaryStreams(), AuxiliaryStreams()
    for one in (whole, first):
        one.add(AMP, roles)
    events = [part for chunk in given for part in whole.parts(chunk) if isinstance(part, Event)]
    before = [part for chunk in given[:20] for part in first.parts(chunk) if isinstance(part, Event)]
    second.restore(thaw(freeze({"a": first.state()}, {}), {}, {})["a"])
    after = [part for chunk in given[20:] for part in second.parts(chunk) if isinstance(part, Event)]
    assert before
    assert [*before, *after] == events
    assert second.readers["amp"].losses.lost == LOST


def test_a_corpus_and_an_export_have_the_markers_and_the_losses(recording):
    marks = [one for one in expected() if one[1] is EventKind.MARKER]
    found = marker_events(recording)
    assert [(round(one.time_s, 6), one.text, one.stream) for one in found] == [
        (at, text, name) for at, _, text, name in marks
    ]
    assert found[0].columns["DeviceTrigger"] == "3"
    session = read_recorded(recording, PROFILES, AskedEntities())
    rows = event_rows(session.markers, session.events, session.rests)
    assert [(round(r.time_s, 6), r.text, r.source) for r in rows if r.kind == "marker"] == [
        (a, t, n) for a, _, t, n in marks
    ]
    assert [row.text for row in rows if row.kind == "loss"] == ["by its sample counter 7 samples never came"]
    assert load(recording.parent).entries


def test_the_report_counts_the_losses_and_shows_the_impedances(recording):
    found = inspect(OpenRecording(recording, PROFILES), PipelineSettings())
    amp = next(one for one in found.streams if one.role == "eeg")
    assert (amp.n_lost, amp.n_twice) == (LOST, 0)
    assert {one.electrode: round(one.latest) for one in found.impedances} == {"Fz": 14, "Cz": 6}
    opened = OpenRecording(recording, PROFILES)
    opened.close()
    assert not opened.events  # what its samples show is found again


def test_a_recording_without_such_columns_has_no_reader():
    plain = stream("amp", "EEG", eeg_channels(TEN_TWENTY))
    roles = StreamRoles(PROFILES)
    roles.choose([plain])
    assert auxiliary_reader(plain, roles) is None
    assert isinstance(auxiliary_reader(OHMS, roles), AuxiliaryReader)


def test_samples_come_in_parts_around_what_they_show_and_none_is_lost():
    roles, streams = StreamRoles(PROFILES), AuxiliaryStreams()
    roles.choose([AMP])
    streams.add(AMP, roles)
    joined = chunks()
    whole = Chunk("amp", *(np.concatenate([getattr(one, part) for one in joined]) for part in ("stamps", "values")))
    found = list(streams.parts(whole))
    lost = "by its sample counter 7 samples never came"
    stated = [len(one) if isinstance(one, Chunk) else one.text for one in found]
    assert stated == [400, "3", 500, "5", 300, lost, 800, "5", 500]
    parts = [one for one in found if isinstance(one, Chunk)]
    for name in ("stamps", "values"):
        np.testing.assert_array_equal(np.concatenate([getattr(one, name) for one in parts]), getattr(whole, name))
    other = Chunk("other", np.ones(2), np.ones((2, 1)))
    assert list(streams.parts(other)) == [other]
