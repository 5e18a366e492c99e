"""Which samples are still, moving or lost: by hand at round numbers, and by a slow reading of the noise threshold."""

import math

import numpy as np
import pytest

from rtemo.core.gaze.labelled_runs import MovementLabel
from rtemo.core.gaze.sample_labels import DispersionLabels, NoiseGauge, VelocityLabels, labeller
from rtemo.core.gaze.settings import GazeSettings
from rtemo.core.gaze.signal import GazePath

SETTINGS = GazeSettings()
LETTERS = {MovementLabel.STILL: "S", MovementLabel.MOVING: "M", MovementLabel.LOST: "L"}


def path_of(x, y=None, rate_hz=50.0, start_s=100.0, speed=None, gaps=()):
    """A path from degrees; gaps: sample -> seconds that are missing before it."""
    x = np.asarray(x, float)
    y = np.zeros(len(x)) if y is None else np.asarray(y, float)
    times = start_s + np.arange(len(x)) / rate_hz
    for at, missing_s in gaps:
        times[at:] += missing_s
    place = np.stack([x, y])
    speed = np.where(np.isnan(x), np.nan, 0.0) if speed is None else np.asarray(speed, float)
    return GazePath(times, np.concatenate([place, place]), speed)


def letters(found):
    return "".join(LETTERS[MovementLabel(int(label))] for label in found.labels)


def dispersed(*args, **more):
    """Labels of a path by dispersion; the last ones have none yet."""
    return DispersionLabels(SETTINGS, 50.0).push(path_of(*args, **more))


def test_the_rate_decides_how_gaze_is_cut():
    assert isinstance(labeller(SETTINGS, 79.9), DispersionLabels)
    assert isinstance(labeller(SETTINGS, 80.0), VelocityLabels)


# At 50 Hz: five samples make the shortest fixation, 1 degree is the widest, 0.6 degrees a still eye's longest step.


@pytest.mark.parametrize(
    ("dx", "dy"), [(0.3, 0.0), (-0.3, 0.0), (0.0, 0.3), (0.0, -0.3), (0.15, 0.15), (-0.15, 0.15), (0.2, -0.1)]
)
def test_eyes_that_drift_wider_than_a_box_in_a_tenth_of_a_second_never_fixate(dx, dy):
    n = np.arange(60)
    assert letters(dispersed(dx * n, dy * n)) == "M" * 56  # the last four wait for a fifth


@pytest.mark.parametrize(("dx", "dy"), [(0.19, 0.0), (-0.19, 0.0), (0.0, 0.19), (0.1, 0.09), (-0.1, -0.09)])
def test_a_slow_drift_is_one_fixation_after_another_each_as_wide_as_the_box(dx, dy):
    n = np.arange(30)
    found = dispersed(dx * n, dy * n)
    # six samples span 0.95 degrees, a seventh 1.14
    assert letters(found) == "S" * 29
    assert np.flatnonzero(found.new).tolist() == [6, 12, 18, 24]


def test_a_saccade_between_two_fixations_by_dispersion():
    x = [0.0] * 8 + [2.0, 4.0] + [5.0] * 8
    found = dispersed(x)
    assert letters(found) == "SSSSSSSSMMSSSSSSS"
    assert not found.new.any()


def test_a_jump_without_a_sample_on_the_way_starts_a_new_fixation():
    found = dispersed([0.0] * 8 + [5.0] * 8)
    assert letters(found) == "S" * 15
    assert np.flatnonzero(found.new).tolist() == [8]


def test_a_sample_that_is_already_on_its_way_is_no_part_of_the_fixation():
    # 0.7 degrees from its neighbour, more than a still eye gets in a sample, and the next one is outside of the box
    assert letters(dispersed([0.0] * 8 + [0.7] + [5.0] * 8)) == "SSSSSSSSMSSSSSSS"
    assert letters(dispersed([0.0] * 8 + [0.5] + [5.0] * 8)) == "SSSSSSSSSSSSSSSS"
    # and so at the start: the first sample of a window lies a step away from the second
    assert letters(dispersed([-9.0] + [0.3] + [1.0] * 8))[:3] == "MMS"


def test_four_samples_are_no_fixation_and_five_are():
    away = [10.0, 20.0, 30.0]
    assert letters(dispersed([*away, 0, 0, 0, 0, *away, *[50.0] * 6])) == "MMMMMMMMMMSSSSS"
    assert letters(dispersed([*away, 0, 0, 0, 0, 0, *away, *[50.0] * 6])) == "MMMSSSSSMMMSSSSS"


def test_short_losses_stay_within_a_fixation_and_long_ones_end_it():
    lost = math.nan
    found = dispersed([0.0] * 8 + [lost] * 2 + [0.0] * 8)
    assert letters(found) == "SSSSSSSSLLSSSSSSS"
    # 50 ms and a period: from the third lost sample on, the fixation is over; what follows is another one
    found = dispersed([0.0] * 8 + [lost] * 3 + [0.0] * 8)
    assert letters(found) == "SSSSSSSSLLLSSSSSSS"
    again = dispersed([0.0] * 8 + [lost] * 3 + [0.0] * 4 + [lost] * 4)
    assert letters(again) == "SSSSSSSSLLLMMMMLLLL"  # four samples are too few for a fixation of their own


def test_time_without_samples_ends_a_fixation_too():
    found = dispersed([0.0] * 8 + [0.0] * 4 + [math.nan] * 4, gaps=[(8, 0.2)])
    assert letters(found) == "SSSSSSSSMMMMLLLL"
    found = dispersed([0.0] * 8 + [0.0] * 4 + [math.nan] * 4, gaps=[(8, 0.02)])
    assert letters(found) == "SSSSSSSSSSSSLLLL"


def test_noise_widens_the_box_by_nine_standard_deviations():
    labels = DispersionLabels(SETTINGS, 50.0)
    # speeds of 23.548 deg/s: sigma = 23.548 / 1.1774 * sqrt(2) / 50 = 0.5657 degrees, the box 5.09 of them
    n = 60
    quiet = path_of([0.0] * n, speed=[23.548] * n)
    labels.push(quiet)
    later = path_of([0.0] * 30, speed=[23.548] * 30, start_s=quiet.times[-1] + 0.02)
    np.testing.assert_allclose(labels.push(later).scales[2:], 9.0 * 20.0 * math.sqrt(2.0) / 50.0)


def test_chunks_of_any_size_give_the_same_labels_by_dispersion():
    rng = np.random.default_rng(3)
    x = np.cumsum(rng.choice([0.0, 0.1, 3.0], 300, p=[0.7, 0.2, 0.1]))
    x[rng.random(300) < 0.1] = math.nan
    whole = path_of(x)
    expected = DispersionLabels(SETTINGS, 50.0).push(whole)
    labels, parts = DispersionLabels(SETTINGS, 50.0), []
    for i in range(300):
        one = slice(i, i + 1)
        parts.append(labels.push(GazePath(whole.times[one], whole.rows[:, one], whole.speed[one])))
    assert "".join(letters(part) for part in parts) == letters(expected)
    np.testing.assert_array_equal(np.concatenate([part.path.times for part in parts]), expected.path.times)
    np.testing.assert_array_equal(np.concatenate([part.new for part in parts]), expected.new)


def slow_level(speeds):
    """Threshold and median of the last speeds, or None where there are too few."""
    limit, level = 200.0, None
    for _ in range(8):
        below = sorted(s for s in speeds if not math.isnan(s) and s < limit)
        if len(below) < 16:
            return level
        median = below[len(below) // 2]
        away = sorted(abs(s - median) for s in below)
        found = median + 6.0 * away[len(away) // 2]
        level = (min(found, 200.0), median)
        if found >= limit - 1.0:
            return level
        limit = found
    return level


@pytest.mark.parametrize("rate_hz", [120.0, 500.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_noise_level_is_measured_every_half_second_on_the_last_eight(seed, rate_hz):
    rng = np.random.default_rng(seed)
    n = round(12.0 * rate_hz)
    speed = np.abs(rng.normal(5.0, 3.0, n)) + 100.0 * (rng.random(n) < 0.1)
    speed[rng.random(n) < 0.05] = math.nan
    path = path_of(np.zeros(n), rate_hz=rate_hz, start_s=100.1, speed=speed)
    keep, stride = round(8.0 * rate_hz), -(-round(8.0 * rate_hz) // 1000)
    level, expected = (0.0, 0.0), []
    block = math.nan
    for i, now_s in enumerate(path.times):
        if math.floor(now_s / 0.5) != block and i:
            level = slow_level(speed[max(i - keep, 0) : i][::stride]) or level
        block = math.floor(now_s / 0.5)
        expected.append(level)
    found = np.full((n, 2), np.nan)
    for part, threshold, median in NoiseGauge(SETTINGS, rate_hz).push(path):
        found[part] = threshold, median
    np.testing.assert_allclose(found, expected)
    assert found[-1, 0] > found[-1, 1] > 0.0


def test_what_is_faster_than_the_threshold_moves():
    speed = [29.9, 30.0, 30.1, math.nan, 500.0]
    found = VelocityLabels(SETTINGS, 100.0).push(path_of(np.zeros(5), rate_hz=100.0, speed=speed))
    assert letters(found) == "SSMLM"
    np.testing.assert_array_equal(found.scales, 1.0)
    assert not found.new.any()


def test_noise_raises_the_threshold_and_what_depends_on_it():
    labels = VelocityLabels(SETTINGS, 100.0)
    # half at 10, half at 20 deg/s: upper median 20, upper median of the distances 10, threshold 20 + 6 * 10 = 80
    noisy = np.tile([10.0, 20.0], 50)
    labels.push(path_of(np.zeros(100), rate_hz=100.0, start_s=100.0, speed=noisy))
    speed = [79.0, 81.0]
    found = labels.push(path_of(np.zeros(2), rate_hz=100.0, start_s=101.0, speed=speed))
    assert letters(found) == "SM"
    np.testing.assert_allclose(found.scales, 80.0 / 30.0)


def test_the_threshold_never_exceeds_its_limit():
    labels = VelocityLabels(SETTINGS, 100.0)
    labels.push(path_of(np.zeros(100), rate_hz=100.0, start_s=100.0, speed=np.tile([10.0, 190.0], 50)))
    found = labels.push(path_of(np.zeros(2), rate_hz=100.0, start_s=101.0, speed=[199.0, 201.0]))
    assert letters(found) == "SM"


def test_by_velocity_every_sample_has_its_label_with_itself():
    labels = VelocityLabels(SETTINGS, 100.0)
    first, second = labels.push(path_of([0.0] * 3, rate_hz=100.0)), labels.push(path_of([0.0] * 2, start_s=101.0))
    assert (first.known_at.tolist(), second.known_at.tolist()) == ([0, 1, 2], [3, 4])
