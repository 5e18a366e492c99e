import numpy as np
import pytest

from offline.datasets.seed.event_lists import EyeEvents, events_as_windows
from rtemo.core.gaze.features import GAZE_FEATURES

NAMES = [feature.name for feature in GAZE_FEATURES]


def lists(blink=(), fixation=(), saccade=()):
    pupil = np.full((len(fixation), 4), 50.0)
    pairs = np.array(saccade, dtype=float).reshape(-1, 2)
    return EyeEvents(np.array(blink, float), np.array(fixation, float), pupil, pairs, np.full(28, np.nan))


def value(windows, window, name):
    return float(windows.values[window, NAMES.index(name)])


def test_a_window_knows_nothing_of_what_begins_after_its_end():
    short = events_as_windows(lists(fixation=[1000.0] * 8, saccade=[(30, 5)] * 8), 8.0)
    changed = events_as_windows(lists(fixation=[1000.0] * 4 + [800.0] * 4, saccade=[(30, 5)] * 4 + [(60, 9)] * 4), 8.0)
    assert value(short, 0, "saccade_amplitude_mean") == value(changed, 0, "saccade_amplitude_mean") == 5.0
    assert value(changed, 1, "saccade_amplitude_mean") == 9.0
    assert value(short, 0, "fixation_duration_mean") == pytest.approx(1000.0)


def test_an_event_that_lasts_over_a_windows_end_counts_with_what_had_been_seen_of_it():
    windows = events_as_windows(lists(fixation=[3000.0, 5000.0]), 8.0)
    assert value(windows, 0, "fixation_duration_mean") == pytest.approx(2000.0)
    assert value(windows, 1, "fixation_duration_mean") == pytest.approx(5000.0)


def test_durations_that_exceed_the_trial_are_squeezed_into_it():
    windows = events_as_windows(lists(fixation=[1000.0] * 30), 12.0)
    assert np.isfinite(windows.values[:, NAMES.index("fixation_duration_mean")]).all()


def test_no_events_at_all_give_windows_without_values_but_zero_frequencies():
    windows = events_as_windows(lists(), 16.0)
    assert windows.values.shape == (4, 33)
    assert value(windows, 3, "blink_frequency") == 0.0
    assert np.isnan(value(windows, 0, "blink_frequency"))  # too little has been seen
    assert np.isnan(value(windows, 3, "fixation_duration_mean"))


def test_events_with_nan_durations_are_left_out():
    windows = events_as_windows(lists(blink=[np.nan, 100.0], fixation=[np.nan, 500.0]), 12.0)
    assert value(windows, 2, "blink_duration_mean") == pytest.approx(100.0)
    assert value(windows, 2, "blink_frequency") == pytest.approx(1 / 12)
