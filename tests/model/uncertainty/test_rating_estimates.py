"""The causal average of ratings, by hand: a second of average_s makes what was before count e times less."""

import math

import numpy as np
import pytest

from rtemo.model.uncertainty.rating_estimates import RatingAverage, average_path, averaged, estimate

HALF_LIFE = 1.0 / math.log(2.0)  # average_s of which a second halves what was before


def test_a_window_counts_by_the_time_it_adds_and_what_was_before_decays():
    path = average_path([10.0, 11.0, 12.0, 14.0], np.array([8.0, 4.0, 2.0, -6.0]), [True] * 4, HALF_LIFE)
    # halves: (8 + 4) / 2 = 6; (6 + 2) / 2 = 4; two seconds leave a quarter: 4 / 4 - 6 * 3 / 4 = -3.5
    assert path.tolist() == pytest.approx([8.0, 6.0, 4.0, -3.5], rel=1e-12)


def test_windows_that_cannot_be_used_have_no_value_and_the_time_goes_on_over_them():
    path = average_path([0.0, 1.0, 2.0], np.array([8.0, 1e9, 4.0]), [True, False, True], HALF_LIFE)
    assert path.tolist() == pytest.approx([8.0, math.nan, 5.0], rel=1e-12, nan_ok=True)  # a quarter of 8 remains


def test_there_is_no_value_before_the_first_window():
    assert math.isnan(RatingAverage().value)
    first = averaged(RatingAverage(), 5.0, 3.0, 10.0)
    assert (first.time_s, first.value) == (5.0, 3.0)


def test_the_interval_is_as_wide_on_both_sides():
    one = estimate(3.0, 0.5)
    assert (one.value, one.low, one.high) == (3.0, 2.5, 3.5)
