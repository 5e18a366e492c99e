from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, ClockOffset
from rtemo.recordings.markers import EMOTIONS, Marker, parse_marker
from rtemo.simulate.affect import feel
from rtemo.simulate.caps import MONTAGES, montage, spread
from rtemo.simulate.eeg.anatomy import atlas, head
from rtemo.simulate.person import draw_person
from rtemo.simulate.plan import Options, PlannedClip, SimulationPlan, segments_for_clips, segments_for_duration
from rtemo.simulate.session import SimulatedSession

SHORT = SimulationPlan.for_duration(5, 12.0, eeg_channels=8, eeg_rate_hz=250)


def stream_of(items, stream_id):
    chunks = [item for item in items if isinstance(item, Chunk) and item.stream_id == stream_id]
    return np.concatenate([c.stamps for c in chunks]), np.concatenate([c.values for c in chunks])


@pytest.mark.parametrize("block_s", [0.01, 0.37, 1.0, 2.5, 100.0])
def test_samples_do_not_depend_on_how_they_are_cut(block_s):
    session = SimulatedSession(SHORT)
    usual, cut = list(session.items()), list(session.items(block_s))
    for stream_id in ("eeg", "gaze", "markers"):
        for one, other in zip(stream_of(usual, stream_id), stream_of(cut, stream_id), strict=True):
            assert one.dtype == other.dtype
            assert one.tobytes() == other.tobytes() if one.dtype != object else (one == other).all()
    offsets = [[item for item in items if isinstance(item, ClockOffset)] for items in (usual, cut)]
    assert offsets[0] == offsets[1]


def test_the_same_plan_gives_the_same_session_and_another_seed_another_one():
    def bytes_of(plan):
        return [stream_of(list(SimulatedSession(plan).items()), name)[1].tobytes() for name in ("eeg", "gaze")]

    assert bytes_of(SHORT) == bytes_of(SHORT)
    assert bytes_of(replace(SHORT, person_seed=6))[0] != bytes_of(SHORT)[0]
    assert bytes_of(replace(SHORT, session_seed=6))[1] != bytes_of(SHORT)[1]


def test_every_sample_is_there_and_stamped_on_its_grid():
    items = list(SimulatedSession(SHORT).items())
    eeg_stamps, eeg = stream_of(items, "eeg")
    gaze_stamps, gaze = stream_of(items, "gaze")
    assert eeg.shape == (12 * 250, 8)
    assert eeg.dtype == np.float32
    assert np.allclose(eeg_stamps, 1000.0 + np.arange(3000) / 250, rtol=0, atol=1e-9)
    assert gaze.shape == (12 * 120, 6)
    assert gaze.dtype == np.float32
    assert np.allclose(gaze_stamps, 1000.0 + np.arange(1440) / 120, rtol=0, atol=1e-9)


@pytest.mark.parametrize("block_s", [0.1, 0.37, 7.0])
def test_a_clock_measurement_comes_before_the_first_sample_it_holds_for(block_s):
    seen: dict[str, float] = {}
    for item in SimulatedSession(SHORT).items(block_s):
        if isinstance(item, ClockOffset):
            assert seen.get(item.stream_id, -np.inf) < item.time_s
            assert item.offset_s == 0.0
        elif isinstance(item, Chunk) and len(item):
            seen[item.stream_id] = float(item.stamps[-1])
    offsets = [item for item in SimulatedSession(SHORT).items(block_s) if isinstance(item, ClockOffset)]
    assert [o.time_s for o in offsets if o.stream_id == "eeg"] == [1000.0, 1005.0, 1010.0]


def test_chunks_of_all_streams_come_in_order_of_their_first_stamp_and_block():
    firsts = [float(item.stamps[0]) for item in SimulatedSession(SHORT).items(0.1) if isinstance(item, Chunk)]
    assert firsts == sorted(firsts)


def test_streams_say_what_they_are_and_that_nobody_was_recorded():
    eeg, gaze, markers = SimulatedSession(SHORT).streams
    assert (eeg.type, eeg.channel_format, eeg.nominal_rate_hz) == ("EEG", "float32", 250)
    assert {channel.unit for channel in eeg.channels} == {"microvolts"}
    assert gaze.labels == ("left_x", "left_y", "left_pupil", "right_x", "right_y", "right_pupil")
    assert (markers.type, markers.channel_format, markers.nominal_rate_hz) == ("Markers", "string", 0.0)
    for info in (eeg, gaze, markers):
        root = ET.fromstring(info.xml)
        assert root.findtext("desc/simulated/note") == "not a recording of a person"
        assert tuple(node.findtext("label") for node in root.iterfind("desc/channels/channel")) == info.labels
        assert root.findtext("source_id") == info.source_id
        assert int(root.findtext("channel_count")) == info.n_channels


def test_two_minutes_hold_a_baseline_and_every_emotion_equally_often():
    plan = SimulationPlan.for_duration(7, 120.0)
    assert plan.segments[0].kind == "baseline"
    assert plan.segments[0].stop_s == 24.0
    assert plan.duration_s == 120.0
    counts = [sum(clip.emotion == emotion for clip in plan.clips) for emotion in EMOTIONS]
    assert len(set(counts)) == 1
    assert counts[0] >= 1
    assert all(clip.stop_s - clip.start_s > 15 for clip in plan.clips)


@pytest.mark.parametrize("duration_s", [10.0, 20.0, 61.7, 300.0, 3600.0])
def test_segments_follow_each_other_without_a_gap_to_the_very_end(duration_s):
    segments = segments_for_duration(1, duration_s)
    assert segments[0].start_s == 0.0
    assert segments[-1].stop_s == duration_s
    assert all(one.stop_s == other.start_s for one, other in itertools.pairwise(segments))
    assert all(segment.stop_s > segment.start_s for segment in segments)


def test_long_sessions_have_two_minutes_of_baseline():
    assert segments_for_duration(1, 3600.0)[0].stop_s == 120.0


def test_the_order_of_emotions_is_the_seeds():
    orders = {tuple(clip.emotion for clip in SimulationPlan.for_duration(seed, 120.0).clips) for seed in range(12)}
    assert len(orders) > 4


def test_markers_tell_what_is_shown_when():
    session = SimulatedSession(SHORT)
    stamps, texts = stream_of(list(session.items()), "markers")
    markers = [parse_marker(text) for text in texts[:, 0]]
    assert all(markers)
    starts = [(t, m) for t, m in zip(stamps, markers, strict=True) if (m.what, m.phase) == ("clip", "start")]
    assert {m.emotion for _, m in starts} == set(EMOTIONS)
    for stamp, marker in starts:
        assert session.truth.emotions(np.array([stamp + 0.01])) == [marker.emotion]
    assert session.truth.emotions(np.array([999.0, 1000.1])) == [None, None]
    assert (markers[0].what, markers[0].phase, markers[-1].what, markers[-1].phase) == (
        "session",
        "start",
        "session",
        "end",
    )
    assert stamps[-1] == 1012.0


@given(st.sampled_from(["session", "baseline", "clip", "rest"]), st.sampled_from(["start", "end"]), st.integers(0, 999))
def test_a_marker_reads_back_what_it_wrote(what, phase, number):
    marker = Marker(what, phase, {"id": str(number), "emotion": "fear"})
    assert parse_marker(marker.text) == marker
    assert marker.clip == number


@settings(max_examples=30)
@given(st.text())
def test_any_other_text_is_no_marker_or_reads_as_one(text):
    found = parse_marker(text)
    assert found is None or found.what in ("session", "baseline", "clip", "rest")


@pytest.mark.parametrize("text", ["", "clip", "clip/begin", "film/start", "clip/start fear", "clip/start emotion=joy"])
def test_other_programs_markers_are_not_taken_for_ours(text):
    assert parse_marker(text) is None


def test_felt_intensity_rises_after_onset_and_fades_in_the_rest():
    plan = SimulationPlan.for_duration(4, 300.0)
    truth = SimulatedSession(plan).truth
    responses = np.array(truth.course.responses)
    assert ((responses == 0) | (responses >= 0.35)).all()
    clip = plan.clips[int(np.argmax(responses))]
    felt = truth.intensity(1000.0 + np.array([clip.start_s, clip.start_s + 2.0, clip.stop_s - 2.0, clip.stop_s + 20.0]))
    own = felt[:, EMOTIONS.index(clip.emotion)]
    assert own[0] < 0.05
    assert own[1] < own[2]
    assert own[2] > 0.2


def test_ten_to_twenty_percent_of_clips_leave_people_cold():
    responses = [r for seed in range(20) for r in feel(SimulationPlan.for_duration(seed, 600.0)).responses]
    assert 0.1 < np.mean(np.array(responses) == 0) < 0.2


def test_which_clips_leave_people_cold_is_chance():
    cold = np.mean(
        [np.array(feel(SimulationPlan.for_duration(seed, 600.0)).responses) == 0 for seed in range(40)], axis=0
    )
    assert cold.max() < 0.45
    assert (cold > 0).mean() > 0.8


def test_a_person_stays_the_same_from_day_to_day_but_for_the_day():
    monday, tuesday, other = draw_person(1, 0), draw_person(1, 1), draw_person(2, 0)
    assert monday.brain.rhythm_hz == tuesday.brain.rhythm_hz
    assert monday.brain.rhythm_gain_ln != tuesday.brain.rhythm_gain_ln
    assert abs(monday.brain.exponent - tuesday.brain.exponent) < abs(monday.brain.exponent - other.brain.exponent)
    assert monday.eyes.saccade_median_deg == tuesday.eyes.saccade_median_deg


def test_arrays_hold_what_the_streams_send():
    session = SimulatedSession(SHORT)
    items = list(session.items())
    eeg, gaze = session.eeg(0.0, SHORT.duration_s), session.gaze(0.0, SHORT.duration_s)[1]
    assert np.array_equal(eeg, stream_of(items, "eeg")[1])
    assert np.array_equal(gaze, stream_of(items, "gaze")[1], equal_nan=True)
    assert session.truth.segments == SHORT.segments
    for clip in SHORT.clips:
        trial, (trial_gaze_s, trial_gaze) = (
            session.eeg(clip.start_s, clip.stop_s),
            session.gaze(clip.start_s, clip.stop_s),
        )
        first, last = round(clip.start_s * 250), round(clip.stop_s * 250)
        assert abs(len(trial) - (last - first)) <= 1
        assert np.array_equal(trial[:-1], eeg[int(np.ceil(clip.start_s * 250)) :][: len(trial) - 1])
        assert len(trial_gaze) == len(trial_gaze_s)


def test_any_montage_shows_the_same_person():
    small = replace(SHORT, montage=montage("standard_1020"))
    large = replace(SHORT, montage=replace(montage("biosemi64")))
    names = [name.upper() for name in large.montage.labels]
    chosen = [names.index(name.upper()) for name in small.montage.labels]
    still = Options(line_uv=0.0)
    one = SimulatedSession(replace(small, options=still)).eeg(2.0, 6.0)
    other = SimulatedSession(replace(large, options=still)).eeg(2.0, 6.0)[:, chosen]
    correlation = [np.corrcoef(a - a.mean(), b - b.mean())[0, 1] for a, b in zip(one.T, other.T, strict=True)]
    assert np.median(correlation) > 0.7  # sensors have their own noise and drift


@pytest.mark.parametrize("name", list(MONTAGES))
def test_every_montage_has_a_place_for_each_channel(name):
    chosen = MONTAGES[name]
    seen = head("held-out", chosen.electrodes, chosen.reference)
    assert seen.cortex.shape == (len(chosen.labels), 320)
    assert np.isfinite(seen.cortex).all()
    assert np.ptp(seen.cortex, axis=1).min() > 1e-4


@pytest.mark.parametrize("count", [1, 3, 8, 16, 19, 24, 32, 62, 64, 100, 128])
def test_any_number_of_channels_is_well_spread(count):
    chosen = spread(count)
    assert len(set(chosen.electrodes)) == len(chosen.labels) == count
    rows = [atlas("default").rows[name.lower()] for name in chosen.electrodes]
    points = atlas("default").electrodes[rows]
    if count > 3:
        distance = np.linalg.norm(points[:, None] - points[None], axis=2) + 9 * np.eye(count)
        assert distance.min() > 0.45 * np.sqrt(4 / count)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: SimulationPlan.for_duration(1, 5.0),
        lambda: SimulationPlan.for_duration(1, float("nan")),
        lambda: SimulationPlan.for_duration(1, float("inf")),
        lambda: SimulationPlan.for_duration(-1, 60.0),
        lambda: SimulationPlan.for_duration(1, 60.0, eeg_channels=-3),
        lambda: SimulationPlan.for_duration(1, 60.0, eeg_channels=5000),
        lambda: SimulationPlan.for_duration(1, 60.0, montage_name="cap"),
        lambda: SimulationPlan.for_duration(1, 60.0, montage_name="muse", eeg_channels=62),
        lambda: SimulationPlan.for_duration(1, 60.0, eeg_rate_hz=250.5),
        lambda: SimulationPlan.for_duration(1, 60.0, eeg_rate_hz=float("nan")),
        lambda: SimulationPlan.for_duration(1, 60.0, gaze_rate_hz=0.0),
        lambda: SimulationPlan.for_duration(1, 60.0, options=Options(effect=-1.0)),
        lambda: SimulationPlan.for_duration(1, 60.0, options=Options(effect=float("nan"))),
        lambda: replace(SHORT, family="martian"),
        lambda: segments_for_clips([PlannedClip(1, "joy", 10.0)]),
        lambda: segments_for_clips([PlannedClip(1, "fear", 0.0)]),
        lambda: segments_for_clips([], baseline_s=0.0),
        lambda: head("default", ("Cz", "Q9")),
        lambda: next(SimulatedSession(SHORT).items(0.0)),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_the_reason(wrong):
    with pytest.raises(RtemoError, match=";"):
        wrong()


def test_electrodes_are_found_in_any_case_and_cb1_lies_near_the_left_occiput():
    one, other = head("default", ("FP1", "CB1")), head("default", ("fp1", "cb1"))
    assert np.array_equal(one.cortex, other.cortex)
    x, y, z = one.positions[1]
    assert x < -0.2
    assert y < -0.6
    assert z < 0.3
