"""The gaze branch: which ends it computes and when, what it says of holes, units and changed rates. Counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rtemo.core.channel_map import EyeColumns, GazeChannelMap, Screen, ViewGeometry
from rtemo.core.gaze.branch import GazeBranch
from rtemo.core.gaze.eye_pair import FIRST
from rtemo.core.gaze.quality import GAP, GAZE
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import WindowSpec
from rtemo.core.windows import Grid

SETTINGS = PipelineSettings()
GRID = Grid.of(WindowSpec(), 200.0)
EYE = EyeColumns(0, 1, 2)
VIEW = ViewGeometry.of_screen(Screen())


def branch_of(hz=100.0, **more):
    channel_map = GazeChannelMap(EYE, EYE, VIEW, **{"pupil_unit": "mm", **more})
    return GazeBranch(SETTINGS, GRID, channel_map, hz)


def looking(begin_s, end_s, hz=100.0, offset_s=0.0):
    """Times and values of eyes that look about in one place; every sample is another."""
    times = offset_s + np.arange(round(begin_s * hz), round(end_s * hz)) / hz
    place = 0.5 + 0.01 * np.sin(7.0 * times)[:, None] * np.ones((1, 2))
    return times, np.column_stack([place, 3.0 + 0.1 * np.sin(times)])


def push(branch, *parts):
    for times, values in parts:
        branch.push(times, values)


def ends(branch):
    return [end / 200 for end in sorted(branch.frames)]


def test_features_are_computed_at_every_step_of_the_grid_that_has_been_reached():
    branch = branch_of()
    assert branch.watermark is None
    push(branch, looking(100.0, 103.1))
    assert branch.first_time == 100.0
    assert ends(branch) == [100 + k / 4 for k in range(13)]
    assert branch.watermark == 200 * 103 + 18  # 103.09 s
    coverage = {end / 200: frame.coverage for end, frame in branch.frames.items()}
    assert coverage[101.0] == pytest.approx(0.25)  # of four seconds
    assert coverage[103.0] == pytest.approx(0.75)


def test_a_stream_that_begins_between_two_ends_begins_with_the_next_one():
    branch = branch_of()
    push(branch, looking(100.01, 102.0))
    assert ends(branch)[0] == 100.25


@pytest.mark.parametrize(("offset_s", "n", "is_reached"), [
    (0.0, 15, False), (0.0, 16, True),  # a sample at 100.25 s itself
    (0.010, 14, False), (0.010, 15, True),  # one at 100.243 s: the next one is further from the end than this
    (0.005, 15, False), (0.005, 16, True),  # one at 100.238 s is not near; the one at 100.255 s shows that it was last
])  # fmt: skip
def test_an_end_is_computed_with_the_sample_that_is_nearest_before_it(offset_s, n, is_reached):
    branch = branch_of(60.0)
    times, values = looking(98.0, 102.0, 60.0, offset_s)
    stop = 120 + n  # so many samples from 100 s on
    branch.push(times[:stop], values[:stop])
    assert (200 * 100 + 50 in branch.frames) == is_reached


def test_samples_after_an_end_are_not_in_its_features():
    times, values = looking(100.0, 110.0)
    whole, cut = branch_of(), branch_of()
    push(whole, (times, values))
    stop = int(np.searchsorted(times, 106.0, side="right"))
    cut.push(times[:stop], values[:stop])
    assert 200 * 106 in cut.frames
    np.testing.assert_array_equal(cut.frames[200 * 106].values, whole.frames[200 * 106].values)
    assert whole.frames[200 * 106].coverage == pytest.approx(1.0)


def test_the_delay_of_the_device_is_taken_off():
    plain, late = branch_of(), branch_of(latency_s=0.03125)
    times, values = looking(100.0, 106.0)
    plain.push(times, values)
    late.push(times + 0.03125, values)
    assert plain.frames.keys() == late.frames.keys()
    assert late.first_time == pytest.approx(100.0)


def test_ends_in_a_hole_have_less_and_less_and_then_nothing():
    branch = branch_of()
    push(branch, looking(100.0, 110.0), looking(130.0, 134.0))
    # what looks back four seconds still sees something until 113.99 s
    assert ends(branch) == [*(100 + k / 4 for k in range(56)), *(130 + k / 4 for k in range(16))]
    frame = branch.frames[200 * 112]
    assert frame.coverage == pytest.approx(0.5, abs=0.01)
    assert branch.frames[200 * 113].faults == {GAZE: GAP}
    assert branch.frame_at(200 * 120) is None


def test_nothing_is_learned_in_a_hole_nor_between_whole_seconds():
    branch = branch_of()
    push(branch, looking(100.0, 110.01))
    names = list(branch.learner.names)
    pupil = names.index("pupil_left_mean")
    # ends at 101, 102, .. 110 s; at 100 s there are too few bins of pupils
    assert branch.learner.snapshot.seconds[pupil, 0] == 10.0
    push(branch, looking(112.0, 114.01))
    assert branch.learner.snapshot.seconds[pupil, 0] == 13.0  # 112, 113 and 114; 111 lies in the hole


def test_a_hole_of_half_a_second_is_still_learned_across():
    branch = branch_of()
    names = list(branch.learner.names)
    pupil = names.index("pupil_left_mean")
    push(branch, looking(100.0, 109.6), looking(110.05, 111.01))
    assert branch.learner.snapshot.seconds[pupil, 0] == 11.0
    other = branch_of()
    push(other, looking(100.0, 109.4), looking(110.05, 111.01))
    assert other.learner.snapshot.seconds[pupil, 0] == 10.0


def test_an_end_that_is_not_reached_is_made_of_what_is_there_and_not_kept():
    branch = branch_of()
    push(branch, looking(100.0, 106.0))
    frame = branch.frame_at(200 * 108)
    assert frame is not None
    assert frame.coverage == pytest.approx(0.5, abs=0.01)
    assert 200 * 108 not in branch.frames
    assert branch.frame_at(200 * 110 - 10) is not None
    assert branch.frame_at(200 * 110) is None  # four seconds behind the last sample
    assert branch.frame_at(200 * 99) is None
    assert branch.frame_at(200 * 105) is branch.frames[200 * 105]
    assert branch_of().frame_at(200 * 100) is None


def test_an_unstated_unit_is_decided_once_and_noted():
    branch = branch_of(unit="", size=(1000.0, 1000.0))
    times, values = looking(100.0, 106.0)
    branch.push(times, values * (1000.0, 1000.0, 1.0))
    assert branch.channel_map.unit == "pixels"
    assert branch.notes == ["no unit stated for x and y; the values are taken as pixels"]
    stated = branch_of(unit="pixels", size=(1000.0, 1000.0))
    stated.push(times, values * (1000.0, 1000.0, 1.0))
    np.testing.assert_array_equal(stated.frames[200 * 105].values, branch.frames[200 * 105].values)


@pytest.mark.parametrize(("hz", "is_new"), [(118.0, False), (125.0, True), (82.0, False), (79.0, True)])
def test_a_rate_that_changes_by_a_fifth_starts_a_new_tracker(hz, is_new):
    branch = branch_of(0.0)
    push(branch, looking(100.0, 106.0))
    before = branch._tracker
    push(branch, looking(110.0, 116.0, hz))
    assert (branch._tracker is not before) == is_new


def test_the_display_is_shown_every_sample_in_canonical_form():
    branch, shown = branch_of(unit="percent"), []
    branch.tap = lambda times, samples: shown.append((times, samples))
    times, values = looking(100.0, 103.0)
    for i in range(0, 300, 7):
        branch.push(times[i : i + 7], values[i : i + 7] * (100.0, 100.0, 1.0))
    np.testing.assert_array_equal(np.concatenate([t for t, _ in shown]), times)
    samples = np.vstack([s for _, s in shown])
    np.testing.assert_allclose(samples[:, [0, 1, 4]], values)
    np.testing.assert_array_equal(samples[:, [0, 1, 4]], samples[:, [2, 3, 5]])


def test_samples_that_wait_for_a_rate_come_out_at_the_end():
    branch = branch_of()
    push(branch, looking(100.0, 100.5))
    assert branch.first_time is None
    assert branch.take_events() == []
    branch.flush()
    assert branch.first_time == 100.0
    assert ends(branch) == [100.0, 100.25]


def test_events_are_handed_out_once():
    branch = branch_of()
    times, values = looking(100.0, 106.0)
    values[(times > 102.0) & (times < 102.2)] = np.nan
    branch.push(times, values)
    kinds = [event.kind.value for event in branch.take_events()]
    assert kinds == ["fixation", "blink"]
    assert branch.take_events() == []


def test_old_frames_are_forgotten():
    branch = branch_of()
    push(branch, looking(100.0, 106.0))
    branch.forget_before(200 * 105)
    assert ends(branch) == [105.0, 105.25, 105.5, 105.75]


def test_a_sample_that_comes_too_early_before_an_end_is_the_next_frames_however_the_stream_was_cut():
    times, values = looking(100.0, 106.0)
    early = np.searchsorted(times, GRID.seconds(GRID.at_or_before(104.0))) + np.array([-1, 0])
    times[early] = 104.0 - np.array([0.004, 0.001])  # both nearer to the end than half a sample
    single, whole = branch_of(), branch_of()
    push(single, *((times[k : k + 1], values[k : k + 1]) for k in range(len(times))))
    push(whole, (times, values))
    assert ends(single) == ends(whole)
    for end, frame in single.frames.items():
        assert frame.values.tobytes() == whole.frames[end].values.tobytes()
        assert frame.coverage == whole.frames[end].coverage


def test_a_stream_that_takes_anothers_place_is_not_placed_where_windows_were_given_out_either():
    branch = branch_of(120.0)
    branch.leave_out(FIRST, 5.0)
    before = branch.dejitter
    branch.join(branch.channel_map, 120.0)
    assert branch.dejitter is not before
    assert branch.dejitter.left_out_until_s == 5.0
