"""Trackers with a stream for each eye, or two samples in a row: by settings or profile, live as in a replay."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest
from stream_builder import TEN_TWENTY, eeg_channels, stream
from synthetic_source import SyntheticSource
from xdf_build import write

from rtemo import resources
from rtemo.commands.from_arguments import load_model
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Chunk, ClockOffset, Modality, StreamDown, StreamState, StreamUp
from rtemo.export.signals import read_signals
from rtemo.live.engine.engine import Engine, LiveOptions
from rtemo.live.replay.replay_engine import replay_engine
from rtemo.recordings.events import EventLog
from rtemo.recordings.open_recording import OpenRecording
from rtemo.report.quality import inspect
from rtemo.sources.devices.profile import load_profiles
from rtemo.sources.participant_roles import ParticipantRoles
from rtemo.sources.session_settings import SessionSettings, parse_settings, settings_text
from rtemo.sources.stream_choice import StreamQuery
from rtemo.sources.stream_roles import StreamRoles

PROFILES = load_profiles(resources.devices())
CAP = replace(stream("Cap", "EEG", eeg_channels(TEN_TWENTY), rate=250.0), stream_id="1")
LEFT = replace(stream("Left eye", "Gaze", ["x", "y", "pupil"], rate=120.0, fmt="double64"), stream_id="2")
RIGHT = replace(stream("Right eye", "Gaze", ["x", "y", "pupil"], rate=120.0, fmt="double64"), stream_id="3")
INFOS = (CAP, LEFT, RIGHT)
QUERIES = {Modality.GAZE: StreamQuery(name="Left eye"), Modality.SECOND_EYE: StreamQuery(name="Right eye")}
CLOCKS_S = {"1": 0.0, "2": 3.0, "3": -4.0}  # what is added to their stamps
BEGIN_S, LENGTH_S, LOST_S, BACK_S = 1000.0, 30.0, 1010.0, 1019.0


def samples(info, times):
    rng = np.random.default_rng(int(info.stream_id))
    if info is CAP:
        rhythm = 10 * np.sin(2 * np.pi * 10 * times)[:, None]
        return (rhythm + rng.normal(0, 5, (len(times), info.n_channels))).astype(np.float32)
    place = 0.5 + 0.2 * np.sin(np.outer(np.floor(2.5 * times), [1.0, 1.7]))
    return np.column_stack([place + rng.normal(0, 1e-3, place.shape), 3 + 0.2 * np.sin(times)])


def chunks():
    """What the streams send in steps of 0.1 s, each by its own clock; the right eye is away for nine seconds."""
    whole = {}
    for info in INFOS:
        times = BEGIN_S + np.arange(round(LENGTH_S * info.nominal_rate_hz)) / info.nominal_rate_hz
        times += 0.0031 * (info is RIGHT)
        values = samples(info, times)
        there = (times < LOST_S) | (times >= BACK_S) if info is RIGHT else np.ones(len(times), bool)
        whole[info.stream_id] = times[there], values[there]
    for step in range(round(10 * LENGTH_S)):
        begin_s = BEGIN_S + 0.1 * step
        for stream_id, (times, values) in whole.items():
            part = slice(*times.searchsorted((begin_s, begin_s + 0.1)))
            if len(times[part]):
                yield begin_s, Chunk(stream_id, times[part] - CLOCKS_S[stream_id], values[part])


OFFSETS = [ClockOffset(stream_id, 0.0, offset_s) for stream_id, offset_s in CLOCKS_S.items()]


class Kept:
    def __init__(self):
        self.all = []

    def put(self, prediction):
        self.all.append(prediction)

    def values(self):
        return {one.time_s: replace(one, latency_ms=None) for one in self.all}


def live_items(now):
    """The right eye's loss is found after two seconds, its return with its first samples."""
    yield from OFFSETS
    told = 0
    for begin_s, chunk in chunks():
        now[0] = begin_s + 0.1
        if told == 0 and begin_s > LOST_S + 2.0:
            told += 1
            yield StreamDown("3", StreamState.LOST, "gone")
        if told == 1 and chunk.stream_id == "3" and begin_s > BACK_S - 0.11:
            told += 1
            yield StreamUp(RIGHT)
        yield chunk


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    items = [*INFOS, *OFFSETS, *(chunk for _, chunk in chunks())]
    return write(tmp_path_factory.mktemp("eyes") / "session.xdf", *items)


def profiles_with(folder, made):
    """The generic profiles and others. made: id -> the name that a stream must have, what [gaze] states."""
    for name in ("generic-eeg", "generic-gaze"):
        shutil.copytree(resources.devices() / name, folder / name)
    for name, (called, rules) in made.items():
        (folder / name).mkdir()
        (folder / name / "profile.toml").write_text(
            f'id = "{name}"\nname = "A tracker"\nkind = "gaze"\nfacts = "made up"\n'
            f'[[match]]\ntype = "^gaze$"\nname = "{called}"\n[gaze]\nunit = "normalized"\n{rules}\n'
        )
    return load_profiles(folder)


def opened(recording, settings=None):
    return OpenRecording(recording, PROFILES, lambda _: settings or SessionSettings(queries=QUERIES))


def test_a_session_with_a_lost_eye_and_its_replay_predict_the_same(recording):
    now, lived, replayed, windows = [BEGIN_S], Kept(), Kept(), []
    roles, predictor = StreamRoles(PROFILES, SessionSettings(queries=QUERIES)), load_model(None, None)[1]
    roles.choose(INFOS)
    assert [roles.role_of(info) for info in INFOS] == [Modality.EEG, Modality.GAZE, Modality.SECOND_EYE]
    source = SyntheticSource(INFOS, live_items(now))
    Engine(source, roles, predictor, EventLog(), [lived], LiveOptions(lambda: now[0])).run(INFOS, threading.Event())
    found, (bundle, again) = opened(recording), load_model(None, None)
    again.watches.append(lambda window, _: windows.append(window))
    log = EventLog()
    engine = replay_engine(found, again, bundle, log, [replayed], warn=pytest.fail)
    engine.run(found.opening, threading.Event())
    assert [event.stream for event in log.events if "gap of 9.0" in event.text] == ["Right eye"]
    settled = {end_s: one for end_s, one in lived.values().items() if not one.forced}
    assert len(settled) > 0.5 * len(replayed.all) > 50
    assert settled == {end_s: one for end_s, one in replayed.values().items() if end_s in settled}
    eyes = {window.end_s: window.eye_valid[:2].tolist() for window in windows}
    assert eyes[BEGIN_S + 8] == [True, True] == eyes[BEGIN_S + 29]
    assert eyes[BEGIN_S + 17] == [True, False]
    assert all(window.gaze_coverage > 0.9 for window in windows if window.end_s > BEGIN_S + 7)


def test_report_and_exports_know_both_eyes(recording):
    gaze = read_signals(opened(recording))[Modality.GAZE]
    seen = np.isfinite(gaze.values)
    assert seen[:, :2].mean() > 0.95
    assert 0.6 < seen[:, 2:4].mean() < 0.7  # away for 9 of 30 s
    assert gaze.rate_hz == pytest.approx(120, rel=1e-3)
    streams = {one.name: one for one in inspect(opened(recording), PipelineSettings()).streams}
    assert streams["Right eye"].role == "second_eye"
    assert (streams["Right eye"].n_gaps, streams["Left eye"].n_gaps) == (1, 0)


def test_without_settings_two_trackers_are_a_question_and_a_profile_answers_it(tmp_path):
    roles = StreamRoles(PROFILES)
    with pytest.raises(Exception, match="2 streams could be the gaze"):
        roles.choose(INFOS)
    made = {eye: (f"^{eye} eye$", f'eye = "{eye}"') for eye in ("left", "right")}
    by_profile = StreamRoles(profiles_with(tmp_path, made))
    by_profile.choose(INFOS)
    assert [by_profile.role_of(info) for info in INFOS] == [Modality.EEG, Modality.GAZE, Modality.SECOND_EYE]
    first, second = by_profile.layout(LEFT, Modality.GAZE), by_profile.layout(RIGHT, Modality.SECOND_EYE)
    row = np.array([[0.1, 0.2, 3.0]])
    assert first.canonical(row)[0] == pytest.approx([0.1, 0.2, np.nan, np.nan, 3.0, np.nan], nan_ok=True)
    assert second.canonical(row)[0] == pytest.approx([np.nan, np.nan, 0.1, 0.2, np.nan, 3.0], nan_ok=True)


def test_the_second_eye_is_the_right_one_unless_the_settings_say_the_left():
    text = '[gaze]\nquery = "name=Right eye"\n[second_eye]\nquery = "name=Left eye"\neye = "left"\n'
    settings = parse_settings(text)
    assert parse_settings(settings_text(settings)) == settings
    roles = StreamRoles(PROFILES, settings)
    roles.choose(INFOS)
    assert roles.layout(RIGHT, Modality.GAZE).left.x is None
    assert roles.layout(LEFT, Modality.SECOND_EYE).right.x is None
    asked = SessionSettings(queries=QUERIES)
    assert parse_settings(settings_text(asked)).second == asked.second == "right"


def test_a_recording_without_the_second_eye_is_still_read_as_one_of_two(tmp_path):
    facts = parse_settings(settings_text(SessionSettings(queries=QUERIES)))
    there = replace(facts, queries={Modality.GAZE: QUERIES[Modality.GAZE]})
    path = write(tmp_path / "one.xdf", *INFOS[:2], *(chunk for _, chunk in chunks() if chunk.stream_id != "3"))
    found = opened(path, there)
    assert found.roles.layout(found.streams[1], Modality.GAZE).right.x is None
    found.close()


def test_each_of_several_participants_may_have_two_streams():
    text = """
    [[participants]]
    id = "A"
    [participants.gaze]
    query = "name=Left eye"
    [participants.second_eye]
    query = "name=Right eye"
    [[participants]]
    id = "B"
    [participants.eeg]
    query = "name=Cap"
    """
    settings = parse_settings(text)
    assert parse_settings(settings_text(settings)) == settings
    roles = ParticipantRoles(PROFILES, settings)
    for participant, part in (("A", Modality.GAZE), ("A", Modality.SECOND_EYE), ("B", Modality.EEG)):
        assert roles.choose_for(participant, part, INFOS) is not None
    assert [roles.role_of(info) for info in INFOS] == ["B:eeg", "A:gaze", "A:second_eye"]
    assert roles.each["A"].layout(RIGHT, Modality.SECOND_EYE).left.x is None


def test_a_headset_that_packs_two_samples_into_a_row_gives_the_same_live_and_in_a_replay(tmp_path):
    """90 samples a second in 45 frames: twice the columns, each frame stamped when its second sample was there."""
    profiles = profiles_with(tmp_path, {"headset": ("^headset$", "samples_per_row = 2")})
    labels = ["x", "y", "pupil"]
    headset = replace(stream("Headset", "Gaze", labels * 2, rate=45.0, fmt="double64"), stream_id="2")
    times = BEGIN_S + np.arange(90 * 12) / 90
    rows, stamps = samples(LEFT, times).reshape(-1, 6), times[1::2] + np.random.default_rng(0).normal(0, 1e-3, 540)
    pieces = [Chunk("2", stamps[k : k + 7], rows[k : k + 7]) for k in range(0, len(rows), 7)]
    path = write(tmp_path / "headset.xdf", headset, Chunk("2", stamps, rows))
    lived, replayed, kept = Kept(), Kept(), []
    roles, predictor = StreamRoles(profiles), load_model(None, None)[1]
    roles.choose([headset])
    live = LiveOptions(lambda: float(stamps[-1]))
    engine = Engine(SyntheticSource([headset], pieces), roles, predictor, EventLog(), [lived], live)
    engine.run([headset], threading.Event())
    found, (bundle, again) = OpenRecording(path, profiles), load_model(None, None)
    again.watches.append(lambda window, _: kept.append(window))
    engine = replay_engine(found, again, bundle, EventLog(), [replayed], warn=pytest.fail)
    engine.run(found.opening, threading.Event())
    assert lived.values() == replayed.values()
    assert len(kept) > 10
    assert kept[-1].gaze_coverage > 0.98
    gaze = read_signals(OpenRecording(path, profiles))[Modality.GAZE]
    assert gaze.rate_hz == pytest.approx(90, rel=0.01)
    assert gaze.values[:, [0, 1, 4]] == pytest.approx(samples(LEFT, times))
    assert gaze.times == pytest.approx(times, abs=5e-3)
