"""The normaliser: what it learns, how fast, and what it does not forget."""

import numpy as np

from rtemo.core.baseline.normaliser import Normaliser, NormaliserSettings

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
