"""Which frames belong to a rest, when it takes effect, and what is said of it, with numbers worked out by hand."""

import numpy as np

from rtemo.core.baseline.normaliser import NormaliserSettings
from rtemo.core.baseline.rest_interval import Baseline, Learner, Rest
from rtemo.core.types import WindowSpec
from rtemo.core.windows import Grid

GRID = Grid.of(WindowSpec(), 200.0)
SETTINGS = NormaliserSettings(baseline_s=4.0, rest_min_s=3.0, rest_max_s=8.0, notice_s=1.0, prior_weight_s=1e-12)
PRIOR = Baseline(("a", "b"), np.zeros((2, 1)), np.ones((2, 1)))


def learner(reach_s=1.0):
    return Learner(SETTINGS, GRID, PRIOR, reach_s)


def learn(target, seconds, seen=(True, True)):
    """One frame at each of these whole seconds, with the second as its value."""
    for second in seconds:
        target.at(200 * second)
        values = np.full((2, 1), second, np.float32)
        target.learn(200 * second, values, np.array(seen)[:, None])


def test_frames_belong_to_a_rest_if_all_that_they_look_back_at_lies_within_it():
    target = learner(reach_s=1.0)
    assert target.rest(Rest(10.0, 16.0, 200 * 17))
    learn(target, range(8, 17))
    assert target.notes == []
    target.at(200 * 17 - 1)
    assert target.notes == []
    target.at(200 * 17)
    # frames end at 11 .. 16: six seconds, median 13.5
    assert target.notes == ["baseline of 6 s that ended at 16.0 s in effect: 6 s of usable data"]
    np.testing.assert_array_equal(target.snapshot.mean, [[13.5], [13.5]])
    np.testing.assert_allclose(target.snapshot.scale, 1.4826 * 1.5)  # |x - 13.5|: 2.5 1.5 0.5 0.5 1.5 2.5
    assert target.baseline is not None
    np.testing.assert_array_equal(target.baseline.mean, [[13.5], [13.5]])


def test_features_that_look_further_back_have_fewer_frames_in_a_rest():
    target = learner(reach_s=3.0)
    target.rest(Rest(10.0, 16.0, 200 * 17))
    learn(target, range(8, 18))
    assert target.notes == ["baseline of 6 s that ended at 16.0 s in effect: 4 s of usable data"]  # 13, 14, 15, 16


def test_a_rest_takes_effect_once():
    target = learner()
    target.rest(Rest(10.0, 16.0, 200 * 17))
    learn(target, range(8, 30))
    assert len(target.notes) == 1


def test_a_rest_without_enough_data_is_refused_and_says_so():
    target = learner()
    before = target.snapshot.mean
    target.rest(Rest(10.0, 13.0, 200 * 14))
    target.at(200 * 14)
    assert target.notes == [
        "baseline of 3 s that ended at 13.0 s refused: 0 s of usable data, 3 s are needed; what was before stays"
    ]
    np.testing.assert_array_equal(target.snapshot.mean, before)
    assert target.baseline is None


def test_whoever_announces_a_rest_after_its_effect_is_told_so():
    target = learner()
    target.at(200 * 17 - 1)
    assert target.rest(Rest(10.0, 16.0, 200 * 17))
    target.at(200 * 17)
    assert not target.rest(Rest(10.0, 16.0, 200 * 17))


def test_rows_without_data_are_not_in_the_baseline():
    target = learner()
    target.rest(Rest(10.0, 16.0, 200 * 17))
    learn(target, range(8, 18), seen=(True, False))
    assert target.baseline is not None
    np.testing.assert_array_equal(target.baseline.mean, [[13.5], [np.nan]])
    assert np.isnan(target.baseline.scale[1, 0])


def test_frames_are_kept_as_long_as_the_longest_rest_and_its_notice_need():
    target = learner()
    learn(target, range(100))
    target.rest(Rest(80.0, 99.0, 200 * 99))  # longer than allowed: the oldest frames are gone
    target.at(200 * 99)
    assert target.notes[-1].endswith("in effect: 11 s of usable data")  # rest_max_s + notice_s + 2 = 11 are kept


def test_a_saved_baseline_is_matched_by_name():
    saved = Baseline(("b", "c", "a"), np.array([[1.0], [2.0], [3.0]]), np.array([[0.5], [0.6], [0.7]]))
    own = saved.rows_of(("a", "x", "b"))
    assert own.names == ("a", "x", "b")
    np.testing.assert_array_equal(own.mean, [[3.0], [np.nan], [1.0]])
    np.testing.assert_array_equal(own.scale, [[0.7], [np.nan], [0.5]])
    target = learner()
    target.adopt(Baseline(("b",), np.array([[5.0]]), np.array([[2.0]])), "saved")
    np.testing.assert_array_equal(target.snapshot.mean, [[0.0], [5.0]])
    np.testing.assert_array_equal(target.snapshot.scale, [[1.0], [2.0]])
    assert target.snapshot.source == "saved"


def test_a_rest_takes_effect_at_ends_that_no_frame_reaches_and_nothing_moves_on():
    target = learner()
    target.rest(Rest(10.0, 16.0, 200 * 17))
    learn(target, range(8, 17))
    before = target.snapshot
    assert target.snapshot_at(200 * 17 - 1) is before
    ahead = target.snapshot_at(200 * 17)
    np.testing.assert_array_equal(ahead.mean, [[13.5], [13.5]])
    assert ahead.source == "rest"
    assert target.snapshot_at(200 * 30) is ahead
    assert (target.snapshot, target.notes, target.baseline) == (before, [], None)
    target.rest(Rest(11.0, 14.0, 200 * 18))  # of 12, 13, 14
    assert target.snapshot_at(200 * 17) is not before
    np.testing.assert_array_equal(target.snapshot_at(200 * 18).mean, [[13.0], [13.0]])
    target.at(200 * 18)
    np.testing.assert_array_equal(target.snapshot.mean, [[13.0], [13.0]])


def test_a_rest_is_in_time_for_whoever_was_not_asked_about_any_end_yet():
    assert learner().rest(Rest(-20.0, -1.0, 1))


def test_a_rest_with_just_the_data_that_it_needs_counts_and_a_frame_is_one_second():
    target = learner()
    target.rest(Rest(10.0, 14.0, 200 * 15))  # frames at 11 .. 13, and 14 has none
    learn(target, range(8, 10))
    np.testing.assert_array_equal(target.snapshot.seconds, [[2.0], [2.0]])
    learn(target, range(10, 14))
    target.at(200 * 15)
    assert target.notes == ["baseline of 4 s that ended at 14.0 s in effect: 3 s of usable data"]
    np.testing.assert_array_equal(target.snapshot.mean, [[12.0], [12.0]])
