"""One path of two eyes, spikes, speed; and the labels that are told from it."""

import numpy as np
import pytest
from synthetic_gaze import START_S, VIEW, to_canonical

from rtemo.core.gaze.labelled_runs import MovementLabel
from rtemo.core.gaze.sample_labels import DispersionLabels, VelocityLabels
from rtemo.core.gaze.settings import GazeSettings
from rtemo.core.gaze.signal import GazePath, GazeSignal

SETTINGS = GazeSettings()


def path_of(times, left_deg, right_deg, rate_hz):
    signal = GazeSignal(SETTINGS, VIEW, rate_hz)
    return signal.push(times, np.concatenate([to_canonical(left_deg).T, to_canonical(right_deg).T])), signal.lag


def clock(seconds, rate_hz):
    return START_S + np.arange(int(seconds * rate_hz)) / rate_hz


@pytest.mark.parametrize("rate_hz", [30.0, 120.0, 1000.0])
def test_a_steady_motion_has_its_speed_and_place(rate_hz):
    times = clock(1.0, rate_hz)
    jittered = times + np.random.default_rng(0).uniform(-0.4, 0.4, len(times)) / rate_hz
    degrees = np.column_stack([3 * (jittered - START_S), 4 * (jittered - START_S)])
    path, lag = path_of(jittered, degrees, degrees, rate_hz)
    assert len(path) == len(times) - lag
    np.testing.assert_allclose(path.speed, 5.0, rtol=1e-6)
    np.testing.assert_allclose(path.rows[2:, lag:].T, degrees[lag : len(path)], atol=3 * 0.01)


def test_a_single_spike_leaves_no_trace_and_a_step_stays_sharp():
    times = clock(2.0, 60.0)
    degrees = np.zeros((len(times), 2))
    degrees[30] = (8.0, -6.0)
    degrees[60:] = (5.0, 0.0)
    path, _ = path_of(times, degrees, degrees, 60.0)
    np.testing.assert_allclose(path.rows[2], np.where(np.arange(len(path)) < 60, 0.0, 5.0), atol=1e-9)


def test_gaze_on_both_sides_of_a_hole_is_not_mixed():
    times = clock(2.0, 250.0)
    degrees = np.where((times < START_S + 1)[:, None], 0.0, 10.0) * np.ones((1, 2))
    kept = (times < START_S + 0.9) | (times > START_S + 1.1)
    path, _ = path_of(times[kept], degrees[kept], degrees[kept], 250.0)
    np.testing.assert_allclose(path.speed, 0.0, atol=1e-6)
    assert set(np.round(path.rows[2], 6).tolist()) == {0.0, 10.0}


@pytest.mark.parametrize("gone", ["left", "right"])
def test_losing_one_eye_does_not_move_gaze_and_the_usual_offset_is_relearned(gone):
    times = clock(40.0, 120.0)
    apart = np.where(times < START_S + 15, 1.0, 3.0)[:, None] * (0.5, 0.0)
    left, right = -apart, apart
    for second in (5, 30):
        away = (times > START_S + second) & (times < START_S + second + 1)
        (left if gone == "left" else right)[away] = np.nan
    path, _ = path_of(times, left, right, 120.0)
    np.testing.assert_allclose(path.rows[2], 0.0, atol=0.01)


def test_a_sample_without_neighbours_has_a_place_but_no_speed():
    times = clock(1.0, 120.0)
    degrees = np.full((len(times), 2), np.nan)
    degrees[40] = 1.0
    degrees[60:] = 2.0
    path, _ = path_of(times, degrees, degrees, 120.0)
    assert path.rows[2, 40] == pytest.approx(1.0)
    assert np.isnan(path.speed[:60]).all()
    assert np.isfinite(path.speed[60:]).all()


def path_from(times, x, speed=None):
    x = np.asarray(x, float)
    rows = np.stack([np.full(len(x), 0.5), np.full(len(x), 0.5), x, np.zeros(len(x))])
    return GazePath(times, rows, np.zeros(len(x)) if speed is None else np.asarray(speed, float))


def test_the_velocity_threshold_follows_the_noise_and_never_falls_below_its_floor():
    rng = np.random.default_rng(0)
    times = clock(20.0, 250.0)
    for sigma, expected in ((1.0, 30.0), (20.0, 20 * (1.18 + 6 * 0.448)), (1000.0, 200.0)):
        speed = np.hypot(*rng.normal(0, sigma, (2, len(times))))
        labelled = VelocityLabels(SETTINGS, 250.0).push(path_from(times, np.zeros(len(times)), speed))
        assert 30.0 * labelled.scales[-1] == pytest.approx(expected, rel=0.25)
        assert (30.0 * labelled.scales).max() <= 200.0


def test_saccades_do_not_raise_the_velocity_threshold():
    rng = np.random.default_rng(0)
    times = clock(20.0, 250.0)
    speed = np.hypot(*rng.normal(0, 3.0, (2, len(times))))
    speed[rng.random(len(times)) < 0.15] = 250.0
    labelled = VelocityLabels(SETTINGS, 250.0).push(path_from(times, np.zeros(len(times)), speed))
    assert labelled.scales[-1] == 1.0
    assert ((labelled.labels == MovementLabel.MOVING) == (speed > 30.0)).all()


def test_dispersion_tells_still_from_moving_and_leaves_samples_on_their_way_out():
    times = clock(1.0, 60.0)
    x = np.where(np.arange(60) < 30, 0.0, 6.0)
    x[29], x[30] = 0.7, 3.0  # 0.7 is within the box of 1 degree, but a saccade's step away
    labels = DispersionLabels(SETTINGS, 60.0).push(path_from(times, x)).labels
    assert (labels[:29] == MovementLabel.STILL).all()
    assert labels[29:31].tolist() == [MovementLabel.MOVING, MovementLabel.MOVING]
    assert (labels[31:] == MovementLabel.STILL).all()


def test_a_slow_drift_out_of_the_box_begins_a_new_run():
    times = clock(2.0, 60.0)
    labelled = DispersionLabels(SETTINGS, 60.0).push(path_from(times, np.linspace(0, 1.8, 120)))
    assert (labelled.labels == MovementLabel.STILL).all()
    assert labelled.new.nonzero()[0].tolist() == [pytest.approx(67, abs=2)]


def test_dispersion_does_not_wait_for_gaze_that_stays_away():
    times = clock(5.0, 60.0)
    x = np.full(300, np.nan)
    x[:3] = (0.0, 5.0, 10.0)
    labels = DispersionLabels(SETTINGS, 60.0).push(path_from(times, x)).labels
    assert labels[:3].tolist() == [MovementLabel.MOVING] * 3
    assert (labels[3:] == MovementLabel.LOST).all()
    assert len(labels) == 300


def test_two_glimpses_far_apart_in_time_are_no_fixation():
    times = clock(5.0, 60.0)
    x = np.full(300, np.nan)
    x[[10, 40, 70, 100]] = 1.0
    labels = DispersionLabels(SETTINGS, 60.0).push(path_from(times, x)).labels
    assert MovementLabel.STILL not in labels.tolist()
