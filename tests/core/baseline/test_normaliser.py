"""The normaliser: what it learns, how fast, and what it does not forget."""

import math
import statistics

import numpy as np
import pytest

from rtemo.core.baseline.normaliser import Normaliser, NormaliserSettings, median_of_known

SETTINGS = NormaliserSettings()
SEEN = np.ones((2, 3), dtype=bool)


def fed(seconds, level=5.0, spread=2.0, settings=SETTINGS, seed=0):
    rng = np.random.default_rng(seed)
    normaliser = Normaliser(settings, np.zeros((2, 3)), np.ones((2, 3)))
    for _ in range(seconds):
        normaliser.update((level + spread * rng.normal(size=(2, 3))).astype(np.float32), SEEN, 1.0)
    return normaliser


def test_before_any_data_the_prior_counts():
    scale = fed(0).snapshot
    np.testing.assert_allclose(scale.apply(np.full((2, 3), 1.5, np.float32), SEEN), 1.5)
    assert not scale.ready


def test_the_baseline_gives_the_session_its_own_zero_and_unit():
    scale = fed(120).snapshot
    np.testing.assert_allclose(scale.mean, 5.0, atol=0.9)
    np.testing.assert_allclose(scale.scale, 2.0, atol=0.7)
    assert scale.ready


def test_after_the_baseline_minutes_of_one_state_hardly_move_it():
    normaliser = fed(120)
    before = normaliser.snapshot.mean.copy()
    for _ in range(180):
        normaliser.update(np.full((2, 3), 9.0, np.float32), SEEN, 1.0)
    moved = (normaliser.snapshot.mean - before) / (9.0 - before)
    assert moved.max() < 0.12


def test_the_half_life_is_kept():
    normaliser = fed(120, spread=0.5)
    far = normaliser.snapshot.mean + 0.1
    start = normaliser.snapshot.mean.copy()
    for _ in range(1200):
        normaliser.update(far.astype(np.float32), SEEN, 1.0)
    np.testing.assert_allclose((normaliser.snapshot.mean - start) / (far - start), 0.5, atol=0.02)


def test_one_outlier_moves_the_baseline_by_no_more_than_its_reach():
    normaliser = fed(60)
    before = normaliser.snapshot
    normaliser.update(np.full((2, 3), 1e6, np.float32), SEEN, 1.0)
    assert (np.abs(normaliser.snapshot.mean - before.mean) <= before.scale * 3 / 60).all()


def test_what_is_not_seen_changes_nothing():
    normaliser = fed(30)
    before = normaliser.snapshot
    seen = SEEN.copy()
    seen[0] = False
    normaliser.update(np.full((2, 3), np.nan, np.float32), np.zeros((2, 3), dtype=bool), 1.0)
    normaliser.update(np.array([[np.nan] * 3, [4.0] * 3], np.float32), seen, 1.0)
    np.testing.assert_array_equal(normaliser.snapshot.mean[0], before.mean[0])
    np.testing.assert_array_equal(normaliser.snapshot.seconds, [[30.0] * 3, [31.0] * 3])
    assert (normaliser.snapshot.mean[1] != before.mean[1]).all()


def test_a_snapshot_is_never_written_to_again():
    normaliser = fed(10)
    snapshot = normaliser.snapshot
    mean, scale, seconds = snapshot.mean.copy(), snapshot.scale.copy(), snapshot.seconds.copy()
    normaliser.update(np.full((2, 3), 3.0, np.float32), SEEN, 1.0)
    np.testing.assert_array_equal(snapshot.mean, mean)
    np.testing.assert_array_equal(snapshot.scale, scale)
    np.testing.assert_array_equal(snapshot.seconds, seconds)


def test_masked_values_are_zero_and_large_ones_are_clipped():
    values = np.array([[np.nan, 1e9, -1e9]] * 2, np.float32)
    mask = np.array([[False, True, True]] * 2)
    np.testing.assert_array_equal(fed(0).snapshot.apply(values, mask), [[0.0, 6.0, -6.0]] * 2)


# What the rules give, worked out by hand. FAST: a baseline of four seconds and round numbers.
FAST = NormaliserSettings(
    baseline_s=4.0, half_life_s=10.0, prior_weight_s=1.0, ready_s=2.0, outlier=3.0, rest_min_s=3.0, freeze_z=2.5
)
RATE = math.log(2.0) / 10.0


def rested(settings=FAST, mean=0.0, scale=1.0, rows=4):
    """One whose baseline is complete: rows of one column, each with this mean and scale."""
    normaliser = Normaliser(settings, np.full((rows, 1), 9.0), np.ones((rows, 1)))
    normaliser.adopt(np.full((rows, 1), mean), np.full((rows, 1), scale), "saved")
    return normaliser


def given(normaliser, values, seen=None):
    """The means after one more second of these values, one a row."""
    table = np.array(values, np.float32)[:, None]
    mask = np.ones(table.shape, dtype=bool) if seen is None else np.array(seen)[:, None]
    normaliser.update(table, mask, 1.0)
    return normaliser.snapshot.mean[:, 0]


def test_the_first_seconds_weigh_as_much_as_the_prior():
    normaliser = Normaliser(FAST, np.zeros((1, 1)), np.ones((1, 1)))
    # gain 1/2: mean 0 + 1/2 * 2 = 1; variance 1 + 1/2 * (1/2 * 4 - 1) = 1.5
    np.testing.assert_allclose(given(normaliser, [2.0]), [1.0])
    np.testing.assert_allclose(normaliser.snapshot.scale, [[math.sqrt(1.5)]])
    # gain 1/3: mean 1 + 1/3 * 2 = 5/3; variance 1.5 + 1/3 * (2/3 * 4 - 1.5) = 17/9
    np.testing.assert_allclose(given(normaliser, [3.0]), [5.0 / 3.0])
    np.testing.assert_allclose(normaliser.snapshot.scale, [[math.sqrt(17.0 / 9.0)]])
    assert normaliser.snapshot.ready
    assert normaliser.snapshot.source == "surrogate"


def test_after_the_baseline_a_second_moves_the_mean_by_the_slow_rate():
    normaliser = rested()
    for _ in range(200):  # and the rate does not depend on how long the session has lasted
        before = normaliser.snapshot.mean[:, 0]
        values = (before + 1.0).astype(np.float32)
        np.testing.assert_allclose(given(normaliser, values), before + RATE * (values - before))


@pytest.mark.parametrize(("z", "moves"), [(2.4, True), (2.6, False), (-2.4, True), (-2.6, False), (100.0, False)])
def test_the_slow_average_stands_still_while_the_signal_is_unlike_the_baseline(z, moves):
    normaliser = rested(scale=2.0)
    before = normaliser.snapshot
    moved = given(normaliser, [2.0 * z] * 4)
    np.testing.assert_allclose(moved, RATE * 2.0 * z if moves else 0.0)
    if not moves:
        assert normaliser.snapshot is before  # spread and seconds stand still too


def test_half_of_the_features_must_be_unlike_the_baseline():
    far, near = 5.0, 0.0
    assert given(rested(), [far, far, far, near])[3] == 0.0
    assert given(rested(), [far, far, far, near])[0] == 0.0
    assert given(rested(), [far, near, near, near])[0] > 0.0
    # two and two: the median lies between, at (0 + 5) / 2 = 2.5, which is not above 2.5; at 2.6 it is
    assert given(rested(), [far, far, near, near])[0] > 0.0
    assert given(rested(), [far, far, 0.2, 0.2])[0] == 0.0


@pytest.mark.parametrize(("n_seen", "moves"), [(1, False), (2, True), (4, True)])
def test_it_stands_still_where_less_than_half_of_the_rows_can_be_used(n_seen, moves):
    seen = [row < n_seen for row in range(4)]
    assert (given(rested(), [1.0] * 4, seen)[0] > 0.0) == moves


def test_rows_that_never_had_data_are_not_missed():
    normaliser = Normaliser(FAST, np.zeros((4, 1)), np.ones((4, 1)))
    normaliser.adopt(np.array([[0.0], [0.0], [np.nan], [np.nan]]), np.ones((4, 1)), "saved")
    assert given(normaliser, [1.0] * 4, [True, False, False, False])[0] == pytest.approx(RATE)


def test_nothing_stands_still_before_the_baseline_is_complete():
    normaliser = Normaliser(FAST, np.zeros((4, 1)), np.ones((4, 1)))
    given(normaliser, [0.0] * 4)
    before = normaliser.snapshot
    # 100 is far beyond freeze_z; the step is limited to 3 scales, the gain is 1 / (1 + 1 + 1)
    np.testing.assert_allclose(given(normaliser, [100.0] * 4), 3.0 * before.scale[:, 0] / 3.0)


def test_a_rest_sets_median_and_spread_of_what_was_seen():
    normaliser = Normaliser(FAST, np.full((3, 1), 7.0), np.full((3, 1), 2.0))
    # five seconds: a row with all of them, one with three, one with two, which is less than rest_min_s
    tables = np.array([[1, 4, 1], [2, 5, 1], [3, 9, np.nan], [4, np.nan, np.nan], [90, np.nan, np.nan]], np.float32)
    assert normaliser.rest(tables[:, :, None]) == 5.0
    np.testing.assert_allclose(normaliser.snapshot.mean[:, 0], [3.0, 5.0, 7.0])
    mad = np.array([1.0, 1.0])  # |x - 3|: 2 1 0 1 87; |x - 5|: 1 0 4
    share = np.array([5.0 / 6.0, 3.0 / 4.0])  # n / (n + prior_weight_s)
    expected = np.sqrt(share * (1.4826 * mad) ** 2 + (1.0 - share) * 4.0)
    np.testing.assert_allclose(normaliser.snapshot.scale[:, 0], [*expected, 2.0])
    np.testing.assert_array_equal(normaliser.snapshot.seconds[:, 0], [4.0, 4.0, 0.0])
    assert normaliser.snapshot.source == "rest"


def test_the_median_of_an_even_number_lies_between_the_two_in_the_middle():
    normaliser = Normaliser(FAST, np.zeros((1, 1)), np.ones((1, 1)))
    normaliser.rest(np.array([1.0, 2.0, 10.0, 20.0], np.float32)[:, None, None])
    np.testing.assert_allclose(normaliser.snapshot.mean, [[6.0]])


@pytest.mark.parametrize(("n_rows", "enough"), [(1, True), (0, False)])
def test_a_second_of_rest_counts_where_a_third_of_the_rows_can_be_used(n_rows, enough):
    tables = np.full((3, 3, 1), np.nan, np.float32)
    tables[:, :n_rows] = 5.0
    normaliser = Normaliser(FAST, np.zeros((3, 1)), np.ones((3, 1)))
    assert normaliser.rest(tables) == (3.0 if enough else 0.0)
    assert normaliser.rest(tables[:, :, :0].reshape(3, 3, 0)) == 0.0
    quarter = np.full((3, 4, 1), np.nan, np.float32)
    quarter[:, 0] = 5.0
    assert Normaliser(FAST, np.zeros((4, 1)), np.ones((4, 1))).rest(quarter) == 0.0


def test_a_rest_that_is_too_short_changes_nothing():
    normaliser = rested(mean=1.0)
    before = normaliser.snapshot
    assert normaliser.rest(np.full((2, 4, 1), 5.0, np.float32)) == 2.0
    assert normaliser.rest(np.empty((0, 4, 1), np.float32)) == 0.0
    assert normaliser.snapshot is before


def test_a_scale_is_never_less_than_a_tenth_of_the_prior():
    normaliser = rested(scale=1e-6)
    np.testing.assert_allclose(normaliser.snapshot.scale, 0.1)


def plain(settings, mean, scale, seconds, frames):
    """The rules feature by feature, as a slow reference. frames: (n, rows), NaN where not seen."""
    mean, variance, seconds = list(mean), [s * s for s in scale], list(seconds)
    floor = 0.1
    for frame in frames:
        known = [row for row in range(len(mean)) if seconds[row] > 0]
        used = [row for row in known if not math.isnan(frame[row])]
        if used and statistics.median(seconds[row] for row in known) >= settings.baseline_s:
            z = [abs(frame[row] - mean[row]) / max(math.sqrt(variance[row]), floor) for row in used]
            if len(used) < settings.freeze_share * len(known) or statistics.median(z) > settings.freeze_z:
                continue
        for row, value in enumerate(frame):
            if math.isnan(value):
                continue
            slow = seconds[row] >= settings.baseline_s
            gain = RATE if slow else 1.0 / (seconds[row] + settings.prior_weight_s + 1.0)
            reach = settings.outlier * math.sqrt(variance[row])
            step = min(max(value - mean[row], -reach), reach)
            mean[row] += gain * step
            variance[row] += gain * ((1.0 - gain) * step * step - variance[row])
            seconds[row] += 1.0
    return mean, [max(math.sqrt(v), floor) for v in variance], seconds


@pytest.mark.parametrize("seed", range(8))
def test_a_minute_of_good_bad_and_strange_frames_gives_what_the_plain_rules_give(seed):
    rng = np.random.default_rng(seed)
    frames = rng.normal(2.0, 1.5, (60, 5))
    frames[rng.random((60, 5)) < 0.2] = np.nan
    frames[rng.random(60) < 0.2] += 20.0  # unlike the baseline
    frames[rng.random(60) < 0.1, 1:] = np.nan  # nearly all of it lost
    frames = frames.astype(np.float32)
    normaliser = Normaliser(FAST, np.zeros((5, 1)), np.ones((5, 1)))
    for frame in frames:
        normaliser.update(frame[:, None], ~np.isnan(frame[:, None]), 1.0)
    mean, scale, seconds = plain(FAST, [0.0] * 5, [1.0] * 5, [0.0] * 5, frames.astype(float).tolist())
    np.testing.assert_allclose(normaliser.snapshot.mean[:, 0], mean, rtol=1e-9)
    np.testing.assert_allclose(normaliser.snapshot.scale[:, 0], scale, rtol=1e-9)
    np.testing.assert_array_equal(normaliser.snapshot.seconds[:, 0], seconds)
    assert min(seconds) < 60.0  # some of it was left out


def test_the_median_is_of_the_values_that_are_known():
    tables = np.array([[[7.0, 9.0, 5.0, np.nan]], [[np.nan, 4.0, 1.0, np.nan]], [[np.nan, np.nan, 2.0, np.nan]]])
    found = median_of_known(tables, np.array([[1, 2, 3, 0]]))
    assert found[0, :3].tolist() == [7.0, 6.5, 2.0]
    assert math.isnan(found[0, 3])
