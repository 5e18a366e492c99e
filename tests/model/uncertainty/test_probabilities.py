"""Softmax and its logarithms by hand."""

import math

import numpy as np
import pytest

from rtemo.model.uncertainty.probabilities import log_softmax, logs, tempered

ROWS = np.log([[1.0, 3.0], [16.0, 48.0], [9.0, 1.0]])


def test_log_softmax_is_taken_row_by_row_and_large_logits_do_not_overflow():
    expected = np.log([[0.25, 0.75], [0.25, 0.75], [0.9, 0.1]])
    np.testing.assert_allclose(log_softmax(ROWS), expected, rtol=1e-12)
    np.testing.assert_allclose(log_softmax(ROWS + 5000.0), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("temperature", "expected"), [(1.0, [0.9, 0.1]), (2.0, [0.75, 0.25]), (0.5, [81 / 82, 1 / 82])]
)
def test_a_temperature_takes_the_root_of_the_odds(temperature, expected):
    np.testing.assert_allclose(tempered(ROWS[2], temperature), expected, rtol=1e-12)


def test_a_probability_of_0_counts_as_a_millionth_of_a_millionth():
    found = logs(np.array([0.0, 1e-12, 1e-11, 1.0]))
    assert found.tolist() == pytest.approx([-12 * math.log(10), -12 * math.log(10), -11 * math.log(10), 0.0])
