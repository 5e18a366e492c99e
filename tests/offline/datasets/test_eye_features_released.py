"""Released eye features: which column is which, what contradicts their order, and times rebuilt from lists."""

from __future__ import annotations

import numpy as np
import pytest

from offline.datasets.seed.event_lists import (
    EyeEvents,
    _even_onsets_s,
    _fixation_onsets_s,
    _spans,
    _until,
    events_as_windows,
)
from offline.datasets.seed.eye_columns import (
    SEED_IV_COLUMNS,
    SEED_V_COLUMNS,
    SEED_VII_COLUMNS,
    incomplete,
    pupil_bands_doubt,
    seed_v_order_doubt,
    to_schema,
)
from rtemo.core.gaze.features import GAZE_FEATURES

NAMES = [feature.name for feature in GAZE_FEATURES]


def test_columns_are_those_of_the_releases():
    assert list(SEED_IV_COLUMNS) == [*range(31), None, None]
    # SEED-V: 18 as in SEED-IV, then blink durations, then the rest
    assert list(SEED_V_COLUMNS) == [*range(18), *range(20, 33), 18, 19]
    assert sorted(SEED_VII_COLUMNS) == list(range(33))
    assert SEED_VII_COLUMNS[NAMES.index("pupil_left_mean")] == 8
    assert SEED_VII_COLUMNS[NAMES.index("blink_duration_mean")] == 22


def test_values_go_to_their_place_and_what_is_not_finite_is_not_valid():
    released = np.arange(62.0).reshape(2, 31)
    released[1, 4] = np.inf
    found = to_schema(released, SEED_IV_COLUMNS, 4.0)
    np.testing.assert_array_equal(found.values[0, :31], np.arange(31.0))
    assert np.isnan(found.values[:, 31:]).all()
    assert np.isnan(found.values[1, 4])
    assert found.valid.sum() == 61
    assert (found.window_s, found.causal) == (4.0, False)


@pytest.mark.parametrize(("n_nan", "n_windows", "said"), [
    (0, 5, ""), (0, 6, "its last window has no eye features"), (2, 5, "2 of its values are not finite"),
    (1, 6, "1 of its values are not finite, its last window has no eye features"), (0, 4, ""),
])  # fmt: skip
def test_what_is_missing_inside_a_trial_is_said(n_nan, n_windows, said):
    released = np.zeros((5, 31))
    released[0, :n_nan] = np.nan
    assert incomplete(released, n_windows) == said


def entropies(pairs, n=200, own=0.3):
    """Windows in whose columns 4 to 11 these pairs go together."""
    rng = np.random.default_rng(0)
    windows = rng.normal(size=(n, 31))
    for one, other in pairs:
        windows[:, 4 + other] = windows[:, 4 + one] + own * rng.normal(size=n)
    return windows


BLOCKED, INTERLEAVED = [(k, k + 4) for k in range(4)], [(2 * k, 2 * k + 1) for k in range(4)]


def test_bands_that_alternate_between_the_diameters_are_doubted():
    assert pupil_bands_doubt(entropies(BLOCKED)) == ""
    said = pupil_bands_doubt(entropies(INTERLEAVED))
    assert said.startswith("rows 5-12 correlate as X1 Y1 X2 Y2 ... (0.9")
    assert pupil_bands_doubt(entropies([])) == ""  # neither
    assert pupil_bands_doubt(entropies(INTERLEAVED, n=7)) == ""  # too few
    assert pupil_bands_doubt(entropies(INTERLEAVED, n=8)) != ""
    flat = entropies(INTERLEAVED)
    flat[:, 6] = 1.0
    assert pupil_bands_doubt(flat) == ""
    holes = entropies(INTERLEAVED, n=16)
    holes[:9, 5] = np.nan
    assert pupil_bands_doubt(holes) == ""


def test_a_weak_difference_is_no_doubt():
    weak = entropies(INTERLEAVED, n=5000, own=7.0)  # correlations of about 0.14
    assert pupil_bands_doubt(weak) == ""
    assert pupil_bands_doubt(entropies(INTERLEAVED, n=5000, own=3.0)) != ""  # about 0.32


def seed_v(n=10, **columns):
    """Trials of three windows in the inferred order; columns c<number> replace one."""
    trials = []
    for k in range(n):
        trial = np.random.default_rng(k).uniform(1.0, 2.0, (3, 33))
        trial[:, 24:] = trial[:1, 24:]
        trial[:, 16], trial[:, 26], trial[:, 27], trial[:, 28] = 1.0, 1.0, 2.0, 2.0
        for name, value in columns.items():
            trial[:, int(name[1:])] = value
        trials.append(trial)
    return trials


def test_the_inferred_order_of_seed_v_is_tested_by_what_must_hold():
    assert seed_v_order_doubt(seed_v()) == ""
    assert "columns 24-25" in seed_v_order_doubt(seed_v(c24=-0.1))
    assert "columns 24-25" in seed_v_order_doubt(seed_v(c25=-0.1))
    assert "column 26" in seed_v_order_doubt(seed_v(c26=0.998))
    assert seed_v_order_doubt(seed_v(c26=0.9995)) == ""
    assert "column 27" in seed_v_order_doubt(seed_v(c27=1.997))
    assert seed_v_order_doubt(seed_v(c27=1.999)) == ""
    assert "only 0% of the clips" in seed_v_order_doubt(seed_v(c30=[1.0, 2.0, 3.0]))


def test_nine_of_ten_clips_must_hold_one_value():
    moving = seed_v(1, c30=[1.0, 2.0, 3.0])
    assert seed_v_order_doubt([*seed_v(9), *moving]) == ""
    assert "only 89%" in seed_v_order_doubt([*seed_v(8), *moving])


def test_clips_of_one_window_or_with_holes_prove_nothing():
    moving = seed_v(1, c30=[1.0, 2.0, 3.0])[0]
    assert seed_v_order_doubt([moving[:1]]) == ""
    moving[0, 0] = np.nan
    assert seed_v_order_doubt([moving]) == ""
    assert seed_v_order_doubt([]) == ""


def test_fixations_share_the_time_that_they_leave_over():
    # 1 + 2 + 1 s in 10 s: two seconds behind each
    np.testing.assert_allclose(_fixation_onsets_s(np.array([1000.0, 2000.0, 1000.0]), 10.0), [0.0, 3.0, 7.0])
    # a duration that is not known takes none
    np.testing.assert_allclose(_fixation_onsets_s(np.array([1000.0, np.nan]), 5.0), [0.0, 3.0])
    assert len(_fixation_onsets_s(np.empty(0), 5.0)) == 0


def test_fixations_that_last_longer_than_the_trial_are_squeezed():
    # onsets at 0, 6, 12 s in 10 s
    np.testing.assert_allclose(_fixation_onsets_s(np.array([6000.0, 6000.0, 1000.0]), 10.0), [0.0, 5.0, 10.0])


def test_saccades_and_blinks_are_spread_evenly():
    np.testing.assert_allclose(_even_onsets_s(4, 20.0), [2.5, 7.5, 12.5, 17.5])
    assert len(_even_onsets_s(0, 20.0)) == 0


def test_spans_have_rising_ends_and_leave_out_what_has_no_duration():
    found = _spans(np.array([0.0, 1.0, 2.0]), np.array([5000.0, np.nan, 500.0]), np.array([[7.0], [8.0], [9.0]]))
    np.testing.assert_allclose(found, [[0.0, 5.0, 5000.0, 7.0], [2.0, 5.0, 500.0, 9.0]])
    np.testing.assert_allclose(_spans(np.array([1.0]), np.array([100.0]), np.array([3.0])), [[1.0, 1.1, 100.0, 3.0]])


def test_what_goes_on_at_a_windows_end_is_cut_off_there():
    spans = np.array([[0.0, 1.0, 1000.0], [3.5, 5.0, 1500.0], [4.0, 4.1, 100.0]])
    np.testing.assert_allclose(_until(spans, 4.0), [[0.0, 1.0, 1000.0], [3.5, 4.0, 500.0]])
    np.testing.assert_allclose(spans[1], [3.5, 5.0, 1500.0])


def test_event_lists_become_windows_of_four_seconds():
    # 8 s: four fixations of 1 s at 0, 2, 4, 6 s; two saccades at 2 and 6 s; one blink at 4 s
    events = EyeEvents(
        np.array([200.0]), np.full(4, 1000.0), np.zeros((4, 4)), np.array([[50.0, 3.0], [30.0, 5.0]]), np.zeros(28)
    )
    windows = events_as_windows(events, 11.9)
    assert len(windows.values) == 2
    assert windows.causal
    found = events_as_windows(events, 8.0)
    named = [dict(zip(NAMES, row, strict=True)) for row in found.values.tolist()]
    assert named[0]["fixation_duration_mean"] == pytest.approx(1000.0)
    assert named[0]["saccade_amplitude_mean"] == pytest.approx(3.0)
    assert named[1]["saccade_amplitude_mean"] == pytest.approx(5.0)
    assert named[1]["saccade_amplitude_average"] == pytest.approx(4.0)
    assert named[1]["blink_duration_mean"] == pytest.approx(200.0)
    for name in ("saccade_latency_average", "pupil_left_mean", "dispersion_x_mean", "fixation_dispersion_total"):
        assert np.isnan(named[1][name])
    assert found.valid[1].tolist() == [not np.isnan(value) for value in found.values[1]]
