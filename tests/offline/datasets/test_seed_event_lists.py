import numpy as np
import pytest
from scipy.io import savemat

from offline.datasets.seed.event_lists import EyeEvents, events_as_windows, read_seed_iv_events
from rtemo.core.errors import RtemoError
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


WIDTHS = {"blink": 1, "fixation": 1, "pupil": 4, "saccade": 2, "event": 28}


def write_lists(folder, rows=(3, 0), **instead):
    """The five files of a session with this many events in each trial. instead: part -> what its variable holds."""
    files = {}
    for part, width in WIDTHS.items():
        cell = np.empty((len(rows), 1), dtype=object)
        for trial, n in enumerate(rows):
            cell[trial, 0] = 100.0 * trial + np.arange(n * width, dtype=float).reshape(n, width)
        files[part] = folder / f"1_20260101_{part}.mat"
        savemat(files[part], {f"Eye_{part.capitalize()}": instead.get(part, cell)}, appendmat=False)
    return files


def test_the_five_files_of_a_session_are_read_trial_by_trial(tmp_path):
    first, second = read_seed_iv_events(write_lists(tmp_path), 2)
    assert first.blink_ms.tolist() == first.fixation_ms.tolist() == [0, 1, 2]
    assert first.pupil_px.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert first.saccade.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert first.statistics.tolist() == list(range(28))
    assert (second.blink_ms.shape, second.pupil_px.shape, second.saccade.shape) == ((0,), (0, 4), (0, 2))
    assert np.isnan(second.statistics).all()


@pytest.mark.parametrize("n_trials", [1, 3])
def test_a_cell_with_fewer_or_more_trials_than_the_session_is_refused(tmp_path, n_trials):
    with pytest.raises(RtemoError, match=rf"Eye_Blink of .* is not a cell of {n_trials} trials; object \(2, 1\)"):
        read_seed_iv_events(write_lists(tmp_path), n_trials)


def test_a_matrix_in_place_of_the_cell_and_lists_of_another_width_are_refused(tmp_path):
    matrix = np.ones((2, 1))
    with pytest.raises(RtemoError, match=r"Eye_Saccade of .* is not a cell of 2 trials; float64 \(2, 1\)"):
        read_seed_iv_events(write_lists(tmp_path, saccade=matrix), 2)
    cell = np.empty((2, 1), dtype=object)
    cell[0, 0], cell[1, 0] = np.ones((5, 4)), np.ones((5, 3))
    with pytest.raises(RtemoError, match=r"trial 2 of Eye_Pupil .* another shape; \(5, 3\), not \(n, 4\)"):
        read_seed_iv_events(write_lists(tmp_path, pupil=cell), 2)
