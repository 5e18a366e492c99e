"""The pipeline on streams whose windows can be counted by hand: when they come, what flush adds, what is kept.

Streams of 100 Hz with stamps on the grid. EEG from 100 s on: the first window ends at 104 s, and one follows every
0.25 s. The resampler needs three samples behind a grid sample, so EEG that ends at T (exclusive) has reached
T - 0.03 s; and it begins with the third sample of a stream.
"""

import dataclasses
import functools
import itertools

import numpy as np
import pytest

from rtemo.core.baseline.normaliser import NormaliserSettings
from rtemo.core.baseline.rest_interval import Baseline
from rtemo.core.channel_map import EegChannelMap, EyeColumns, GazeChannelMap, Screen, ViewGeometry
from rtemo.core.errors import RtemoError
from rtemo.core.pipeline import Pipeline
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Channel, Chunk, ClockOffset, Modality, StreamInfo

HZ = 100.0
LABELS = ("Fz", "Cz", "Pz", "Oz")
EEG = StreamInfo("e", "amp", "EEG", "float32", HZ, tuple(Channel(label) for label in LABELS))
GAZE = StreamInfo("g", "tracker", "Gaze", "float32", HZ, tuple(Channel(label) for label in "xyd"))
EEG_MAP = EegChannelMap((0, 1, 2, 3), LABELS, np.eye(4, 3, dtype=np.float32), np.ones(4))
EYE = EyeColumns(0, 1, 2)
GAZE_MAP = GazeChannelMap(EYE, EYE, ViewGeometry.of_screen(Screen()), pupil_unit="mm")


def eeg(begin, end, stream="e"):
    times = np.arange(round(begin * HZ), round(end * HZ)) / HZ
    noise = np.random.default_rng(int(begin)).normal(0.0, 10.0, (len(times), 4))
    return Chunk(stream, times, noise.astype(np.float32))


def gaze(begin, end):
    times = np.arange(round(begin * HZ), round(end * HZ)) / HZ
    place = 0.5 + 0.2 * np.sin(times)[:, None] * np.array([1.0, 1.0])
    return Chunk("g", times, np.column_stack([place, np.full(len(times), 3.0)]).astype(np.float32))


def pipeline_of(*streams, settings=None):
    pipeline = Pipeline(settings or PipelineSettings())
    for info in streams or (EEG, GAZE):
        pipeline.add_stream(info, EEG_MAP if info is EEG else GAZE_MAP)
    return pipeline


def ends(windows):
    return [window.end_s for window in windows]


def every_quarter(first, last):
    return [k / 4 for k in range(round(4 * first), round(4 * last) + 1)]


def test_the_first_window_is_counted_from_a_stream_that_another_one_has_replaced_meanwhile():
    pipeline = pipeline_of()
    assert pipeline.push(eeg(100, 110)) == []  # the gaze is awaited
    pipeline.add_stream(dataclasses.replace(EEG, stream_id="e2"), EEG_MAP)
    assert pipeline.push(eeg(110, 120, "e2")) == []
    windows = pipeline.push(gaze(101, 120)) + pipeline.flush()
    assert ends(windows)[0] == 104.0
    assert ends(windows) == every_quarter(104.0, ends(windows)[-1])


def test_the_first_window_is_full_and_all_ends_are_multiples_of_the_hop():
    pipeline = pipeline_of(EEG)
    assert pipeline.next_end_s is None
    assert pipeline.push(eeg(100.0, 104.02)) == []
    assert pipeline.next_end_s == 104.0
    windows = pipeline.push(eeg(104.02, 110.1))
    assert ends(windows) == every_quarter(104, 110)
    assert pipeline.next_end_s == 110.25
    assert windows[0].eeg_coverage == pytest.approx(1.0 - 4 / 800)  # the resampler's start
    assert all(window.eeg_coverage == 1.0 for window in windows[1:])
    assert all(window.gaze_coverage == 0.0 and not window.forced for window in windows)


@pytest.mark.parametrize("begin", [100.01, 100.1, 100.25])
def test_a_stream_that_begins_between_two_ends_has_its_first_full_window_behind_the_next_one(begin):
    assert ends(pipeline_of(EEG).push(eeg(begin, 106.0)))[0] == 104.25


def test_a_window_is_given_out_once_both_streams_have_reached_its_end():
    pipeline = pipeline_of()
    assert pipeline.push(eeg(100.0, 110.0)) == []
    # the sample at 103.99 is nearer to 104 s than the next one can be: half a period
    assert pipeline.push(gaze(100.0, 103.99)) == []
    assert ends(pipeline.push(gaze(103.99, 105.01))) == every_quarter(104, 105)
    assert ends(pipeline.push(gaze(105.01, 108.01))) == every_quarter(105.25, 108)


def test_flush_gives_the_windows_up_to_the_newest_sample_of_any_stream():
    pipeline = pipeline_of()
    pipeline.push(eeg(100.0, 110.03))
    pipeline.push(gaze(100.0, 106.01))
    windows = pipeline.flush()
    assert ends(windows) == every_quarter(106.25, 110)
    assert pipeline.expected == frozenset()
    coverage = {window.end_s: window.gaze_coverage for window in windows}
    assert coverage[108.0] == pytest.approx(0.5, abs=0.01)  # half of 104 .. 108
    assert coverage[110.0] == 0.0
    assert pipeline.flush() == []


def test_flush_gives_what_waited_for_a_stream_that_never_came():
    pipeline = pipeline_of()
    assert pipeline.push(eeg(100.0, 105.03)) == []
    assert pipeline.next_end_s is None  # it is not known which stream began first
    assert ends(pipeline.flush()) == every_quarter(104, 105)


def test_flush_gives_out_samples_whose_rate_was_still_being_measured():
    settings = PipelineSettings(window=dataclasses.replace(PipelineSettings().window, length_s=1.0))
    pipeline = pipeline_of(EEG, settings=settings)
    assert pipeline.push(eeg(100.0, 100.9)) == []
    assert pipeline.newest is None
    pipeline.push(eeg(100.9, 101.0))
    assert pipeline.newest is None  # a second of stamps is needed, and this is one period less
    pipeline.flush()
    assert pipeline.newest == 20194  # 100.97 s


def test_without_a_sample_there_is_nothing_to_flush():
    assert pipeline_of().flush() == []
    assert pipeline_of().newest is None


@pytest.mark.parametrize("cut_s", [0.05, 0.5, 3.0])
def test_only_the_frames_that_a_window_to_come_needs_are_kept(cut_s):
    pipeline = pipeline_of()
    steps = np.arange(100.0, 130.0 + cut_s / 2, cut_s)
    for begin, end in itertools.pairwise(steps):
        pipeline.push(eeg(begin, end))
        pipeline.push(gaze(begin, end))
        for modality in pipeline.modalities:
            frames = pipeline.branch(modality).frames
            if pipeline.next_end_s and pipeline.next_end_s > 104.0:
                assert min(frames, default=np.inf) >= 200 * (pipeline.next_end_s - 4.0)
            assert len(frames) <= 4 * (4 + cut_s) + 2
    # the next window ends at 130 s, of frames that end at 127, 128, 129 and 130
    assert sorted(pipeline.branch(Modality.EEG).frames) == [50 * k for k in range(4 * 126, 4 * 130)]


def test_a_hole_of_hours_costs_one_skipped_end_and_no_memory():
    pipeline = pipeline_of(EEG)
    pipeline.push(eeg(100.0, 110.0))
    windows = pipeline.push(eeg(90000.0, 90010.0))
    assert pipeline.n_skipped == 1
    assert len(pipeline.branch(Modality.EEG).frames) < 50
    assert windows[-1].end_s == 90009.75
    before, after = [end for end in ends(windows) if end < 1000], [end for end in ends(windows) if end > 1000]
    assert before == every_quarter(110, 113.75)  # as long as a frame of them holds a sample
    assert after == every_quarter(90000.25, 90009.75)
    assert windows[len(before) + 7].eeg_coverage == pytest.approx(396 / 800, abs=0.001)


def test_what_is_not_expected_is_not_waited_for():
    pipeline = pipeline_of()
    assert pipeline.push(eeg(100.0, 106.03)) == []
    assert ends(pipeline.expect(Modality.GAZE, expected=False)) == every_quarter(104, 106)
    assert pipeline.expected == {Modality.EEG}
    assert ends(pipeline.push(eeg(106.03, 107.03))) == every_quarter(106.25, 107)
    pipeline.expect(Modality.GAZE, expected=True)
    assert pipeline.expected == {Modality.EEG, Modality.GAZE}
    assert pipeline.push(eeg(107.03, 108.03)) == []


def test_what_there_is_no_stream_for_cannot_be_expected():
    pipeline = pipeline_of(EEG)
    assert pipeline.expect(Modality.GAZE, expected=True) == []
    assert pipeline.expected == {Modality.EEG}


def test_a_stream_that_is_dropped_is_not_waited_for_and_what_comes_of_it_is_ignored():
    pipeline = pipeline_of()
    pipeline.push(gaze(100.0, 105.0))
    assert ends(pipeline.push(eeg(100.0, 106.03)))[-1] == 104.75
    assert ends(pipeline.drop_stream("g"))[-1] == 106.0
    narrow = Chunk("g", np.arange(106.0, 110.0, 1 / HZ), np.zeros((4 * round(HZ), 1), np.float32))
    assert pipeline.push(narrow) == []
    assert ends(pipeline.push(eeg(106.03, 107.03))) == every_quarter(106.25, 107)
    assert pipeline.drop_stream("g") == []


def test_items_of_other_streams_are_ignored():
    pipeline = pipeline_of(EEG)
    assert pipeline.push(eeg(100.0, 110.0, "other")) == []
    assert pipeline.push(ClockOffset("other", 100.0, 50.0)) == []
    assert pipeline.newest is None


def test_a_measured_clock_moves_the_windows():
    pipeline = pipeline_of(EEG)
    assert pipeline.push(ClockOffset("e", 100.0, 1000.0)) == []
    assert ends(pipeline.push(eeg(100.0, 105.0)))[0] == 1104.0


def test_a_provisional_window_says_so_and_moves_nothing_on():
    pipeline = pipeline_of()
    pipeline.push(gaze(100.0, 105.0))
    pipeline.push(eeg(100.0, 103.0))
    window = pipeline.peek(104.0)
    assert window is not None
    assert window.forced
    assert window.end_s == 104.0
    assert window.eeg_coverage == pytest.approx((600 - 4 - 6) / 800)
    assert pipeline.peek(104.1) is None  # no window ends there
    assert pipeline.peek(103.75) is None  # before the first one
    assert pipeline.next_end_s == 104.0
    assert ends(pipeline.push(eeg(103.0, 105.0)))[0] == 104.0


def test_windows_that_are_given_up_are_not_given_out():
    pipeline = pipeline_of(EEG)
    pipeline.push(eeg(100.0, 103.0))
    pipeline.skip_to(105.1)
    assert pipeline.next_end_s == 105.25
    pipeline.skip_to(104.0)  # never back
    assert pipeline.next_end_s == 105.25
    assert ends(pipeline.push(eeg(103.0, 106.0))) == [105.25, 105.5, 105.75]


def test_it_says_which_stamp_of_a_stream_completes_its_next_window():
    pipeline = pipeline_of()
    assert pipeline.awaited_s(Modality.EEG) is None
    pipeline.push(eeg(100.0, 106.0))
    pipeline.push(gaze(100.0, 103.0))
    # the resampler has given samples up to 105.99 s: the next end that this stream lacks
    assert pipeline.awaited_s(Modality.EEG) == 106.0
    assert pipeline.awaited_s(Modality.GAZE) == 104.0
    assert pipeline.awaited_s(Modality.MARKERS) is None


def test_a_stream_that_takes_anothers_place_starts_afresh():
    pipeline = pipeline_of(EEG)
    pipeline.push(eeg(100.0, 105.0))
    before = pipeline.branch(Modality.EEG)
    pipeline.add_stream(dataclasses.replace(EEG, stream_id="e2"), EEG_MAP)
    assert pipeline.branch(Modality.EEG) is not before
    assert pipeline.push(eeg(105.0, 110.0)) == []  # of the one that was replaced
    windows = pipeline.push(eeg(105.0, 110.0, "e2"))
    assert ends(windows) == every_quarter(105.0, 109.75)
    assert windows[0].eeg_coverage == pytest.approx(1.0, abs=0.01)  # of the one that was replaced: it had come so far
    assert windows[1].eeg_coverage == 0.0  # 0.25 s of the new one are no frame
    assert pipeline.modalities == {Modality.EEG}


@pytest.mark.parametrize("back_s", [105.0, 105.02, 105.13, 107.5, 111.2])  # the first one ends at 105 s
@pytest.mark.parametrize("gaze_s", [103.0, 105.0, 107.0])  # how far the gaze is when the other EEG is announced
def test_windows_do_not_depend_on_when_the_stream_that_takes_anothers_place_is_announced(back_s, gaze_s):
    def windows_of(gaze_s):
        pipeline, found = pipeline_of(), []
        found += pipeline.push(eeg(100.0, 105.0))
        found += pipeline.push(gaze(100.0, 102.0))
        found += pipeline.expect(Modality.EEG, expected=False)
        found += pipeline.push(gaze(102.0, gaze_s))
        pipeline.add_stream(dataclasses.replace(EEG, stream_id="e2"), EEG_MAP)
        found += pipeline.push(gaze(gaze_s, 114.0))
        found += pipeline.push(eeg(back_s, 118.0, "e2"))
        return found + pipeline.push(gaze(114.0, 118.0))

    expected = windows_of(102.5)
    found = windows_of(min(gaze_s, back_s))
    assert ends(found) == ends(expected) == every_quarter(104.0, 117.75)
    for one, other in zip(found, expected, strict=True):
        assert (one.settled, one.channels, one.bad_channels) == (other.settled, other.channels, other.bad_channels)
        assert (one.eeg_coverage, one.gaze_coverage) == (other.eeg_coverage, other.gaze_coverage)
        np.testing.assert_array_equal(one.eeg, other.eeg)
        np.testing.assert_array_equal(one.eye, other.eye)
    coverage = {window.end_s: window.eeg_coverage for window in found}
    assert coverage[104.75] > 0.98
    assert coverage[105.0] > 0.98
    assert coverage[117.75] == 1.0


@pytest.mark.parametrize("lost", [Modality.EEG, Modality.GAZE])
@pytest.mark.parametrize("back_s", [105.02, 105.2, 105.26, 105.31, 106.0])  # a short hole is bridged, a long one is not
def test_what_comes_later_changes_no_frame_of_a_window_that_was_given_out(lost, back_s):
    def cut(chunk, begin, end):
        own = (chunk.stamps > begin - 0.001) & (chunk.stamps < end - 0.001)
        return dataclasses.replace(chunk, stamps=chunk.stamps[own], values=chunk.values[own])

    whole = [eeg(100.0, 112.0), gaze(100.0, 112.0)]
    lost_one, other_one = whole if lost is Modality.EEG else whole[::-1]
    of_lost, of_other = functools.partial(cut, lost_one), functools.partial(cut, other_one)
    after_s = float(of_lost(100.0, 105.0).stamps[-1])

    def session():
        pipeline = pipeline_of()
        found = pipeline.push(of_lost(100.0, 105.0)) + pipeline.push(of_other(100.0, 105.3))
        found += pipeline.expect(lost, expected=False)
        assert pipeline.given_until_s(lost) == 105.25
        pipeline.leave_out(lost, after_s, 105.25)
        found += pipeline.expect(lost, expected=True)
        return found + pipeline.push(of_other(105.3, 112.0)) + pipeline.push(of_lost(back_s, 112.0))

    def replay():
        pipeline = pipeline_of()
        pipeline.leave_out(lost, after_s, 105.25)
        found = pipeline.push(of_other(100.0, 112.0))
        return found + pipeline.push(of_lost(100.0, 105.0)) + pipeline.push(of_lost(back_s, 112.0))

    one, other = session(), replay()
    assert ends(one) == ends(other) == every_quarter(104.0, 111.75)
    for before, again in zip(one, other, strict=True):
        np.testing.assert_array_equal(before.eeg, again.eeg)
        np.testing.assert_array_equal(before.eye, again.eye)
        assert (before.eeg_coverage, before.gaze_coverage) == (again.eeg_coverage, again.gaze_coverage)


QUICK = PipelineSettings(
    normaliser=NormaliserSettings(ready_s=2.0, rest_min_s=5.0, rest_max_s=20.0, notice_s=2.0, baseline_s=4.0)
)


def settled_spans(windows):
    """Where windows are settled: (first end, last end) of each stretch."""
    spans, before = [], None
    for window in windows:
        if window.settled and before is None:
            spans.append([window.end_s, window.end_s])
        elif window.settled:
            spans[-1][1] = window.end_s
        before = window.end_s if window.settled else None
    return spans


def run(pipeline, begin, end):
    pipeline.push(eeg(begin, end))
    return pipeline.push(gaze(begin, end))


def test_no_window_is_settled_between_the_begin_of_a_rest_and_its_effect():
    pipeline = pipeline_of(EEG, settings=QUICK)
    windows = pipeline.push(eeg(100.0, 110.0))
    pipeline.rest_begins(112.0)
    windows += pipeline.push(eeg(110.0, 121.0))
    assert pipeline.rest(112.0, 122.0)
    windows += pipeline.push(eeg(121.0, 135.0))
    # from two seconds after its begin to the first whole second two seconds after its end; and the filters settle first
    assert settled_spans(windows) == [[107.25, 113.75], [124.0, 134.75]]
    assert set(pipeline.baselines()) == {Modality.EEG}


def test_both_modalities_get_their_baseline():
    pipeline = pipeline_of(settings=QUICK)
    pipeline.rest(110.0, 122.0)
    windows = run(pipeline, 100.0, 130.0)
    assert set(pipeline.baselines()) == {Modality.EEG, Modality.GAZE}
    assert settled_spans(windows)[-1] == [124.0, 129.75]


def test_a_rest_takes_effect_while_its_stream_is_away():
    def windows_of(gone):
        pipeline = pipeline_of(settings=QUICK)
        pipeline.rest(110.0, 122.0)
        found = pipeline.push(gaze(100.0, 123.0)) + pipeline.push(eeg(100.0, 123.0))
        if gone:  # as a session has it: nobody waits
            found += pipeline.expect(Modality.GAZE, expected=False)
            found += pipeline.push(eeg(123.0, 126.0))
            found += pipeline.expect(Modality.GAZE, expected=True)
        else:
            found += pipeline.push(eeg(123.0, 126.0))
        return {window.end_s: window for window in found + pipeline.push(gaze(126.0, 130.0))}

    session, replay = windows_of(gone=True), windows_of(gone=False)
    assert max(session) == max(replay) == 125.75
    for end_s in session:
        np.testing.assert_array_equal(session[end_s].eye, replay[end_s].eye)
    assert np.abs(session[124.25].eye).max() < 3.0 < np.abs(session[122.0].eye).max()  # by the rest; by the prior


def test_a_rest_that_never_ends_stops_counting():
    pipeline = pipeline_of(EEG, settings=QUICK)
    windows = pipeline.push(eeg(100.0, 110.0))
    pipeline.rest_begins(112.0)
    windows += pipeline.push(eeg(110.0, 140.0))
    # until 112 + notice_s + rest_max_s
    assert settled_spans(windows) == [[107.25, 113.75], [134.0, 139.75]]


@pytest.mark.parametrize(("length_s", "fits"), [(4.9, False), (5.0, True), (20.0, True), (20.1, False)])
def test_a_rest_of_an_impossible_length_is_refused(length_s, fits):
    pipeline = pipeline_of(settings=QUICK)
    if fits:
        assert pipeline.rest(100.0, 100.0 + length_s)
        return
    with pytest.raises(RtemoError, match="5 to 20 s"):
        pipeline.rest(100.0, 100.0 + length_s)


def test_a_rest_that_is_announced_too_late_is_noted():
    pipeline = pipeline_of(EEG, settings=QUICK)
    pipeline.push(eeg(100.0, 124.1))
    assert not pipeline.rest(110.0, 120.0)
    assert pipeline.branch(Modality.EEG).notes[-1].endswith("announced too late, a replay will use it earlier")


def test_until_an_announced_baseline_is_there_no_window_is_settled():
    pipeline = pipeline_of(EEG, settings=QUICK)
    pipeline.plan_baseline()
    windows = pipeline.push(eeg(100.0, 110.0))
    pipeline.rest(105.0, 115.0)
    windows += pipeline.push(eeg(110.0, 125.0))
    assert settled_spans(windows) == [[117.0, 124.75]]


def test_a_stream_that_comes_back_keeps_the_baseline_and_the_rests_to_come():
    pipeline = pipeline_of(EEG, settings=QUICK)
    pipeline.rest(105.0, 112.0)
    pipeline.push(eeg(100.0, 118.0))
    first = pipeline.baselines()[Modality.EEG]
    pipeline.rest(118.0, 126.0)
    pipeline.add_stream(dataclasses.replace(EEG, stream_id="e2"), EEG_MAP)
    np.testing.assert_array_equal(pipeline.baselines()[Modality.EEG].mean, first.mean)
    pipeline.push(eeg(118.0, 132.0, "e2"))
    second = pipeline.baselines()[Modality.EEG]
    assert (second.mean != first.mean).any()


def test_a_saved_baseline_counts_from_the_start_and_must_be_of_these_channels():
    n = 20
    saved = Baseline(LABELS, np.full((4, n), 3.0), np.full((4, n), 2.0))
    pipeline = Pipeline(QUICK)
    pipeline.begin_with({Modality.EEG: saved})
    pipeline.add_stream(EEG, EEG_MAP)
    pipeline.plan_baseline()
    windows = pipeline.push(eeg(100.0, 109.0))
    scale = pipeline.branch(Modality.EEG).learner.snapshot
    assert scale.source == "saved"
    np.testing.assert_allclose(scale.mean, 3.0, atol=0.1)
    assert [window.settled for window in windows][-1]
    other = Pipeline(QUICK)
    other.begin_with({Modality.EEG: Baseline(LABELS[:3], np.zeros((3, n)), np.ones((3, n)))})
    with pytest.raises(RtemoError, match="Oz"):
        other.add_stream(EEG, EEG_MAP)


@pytest.mark.parametrize("hundredths", range(25))
def test_windows_that_did_not_wait_for_a_lost_stream_are_those_of_a_replay_wherever_it_ended(hundredths):
    """Where in the grid the last sample lies must not matter: one place of 25 is the end of a frame."""
    lost = 106.0 + hundredths / 100
    live, replay = pipeline_of(), pipeline_of()
    found = live.push(eeg(100.0, lost)) + live.push(gaze(100.0, lost + 1.0))
    found += live.expect(Modality.EEG, expected=False) + live.push(gaze(lost + 1.0, lost + 2.0))
    live.expect(Modality.EEG, expected=True)
    again = replay.push(eeg(100.0, lost)) + replay.push(gaze(100.0, lost + 2.0)) + replay.push(eeg(lost + 2.0, 115.0))
    assert ends(found) == ends(again)[: len(found)]
    assert ends(found)[-1] >= lost + 1.5
    for one, other in zip(found, again, strict=False):
        assert (one.settled, one.eeg_coverage) == (other.settled, other.eeg_coverage)
        assert one.bad_channels == other.bad_channels
        np.testing.assert_array_equal(one.eeg, other.eeg)
        np.testing.assert_array_equal(one.eye, other.eye)
