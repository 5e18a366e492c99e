"""Weights of electrodes onto fixed places, by hand: a Gaussian of 0.3 head radii, and whoever sits there alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rtemo.core.eeg.interpolation import each_onto, weights_onto

POSITIONS = np.array([[1, 0, 0], [0, 1, 0], [0.8, 0.6, 0]], np.float32)
TARGETS = np.array([[1, 0, 0], [0, 0, 1]], np.float32)
ALL = np.ones(3, np.bool_)


def gaussian(distance):
    return math.exp(-0.5 * (distance / 0.3) ** 2)


def test_a_channel_at_the_place_outweighs_all_and_others_count_by_their_distance():
    weights = weights_onto(ALL, POSITIONS, TARGETS)
    assert weights.dtype == np.float32
    # on the unit sphere: (1, 0, 0) lies sqrt(2) from (0, 1, 0) and sqrt(0.4) from (0.8, 0.6, 0)
    assert weights[0] == pytest.approx([1e6, gaussian(math.sqrt(2.0)), gaussian(math.sqrt(0.4))], rel=1e-5)
    assert weights[1] == pytest.approx([gaussian(math.sqrt(2.0))] * 3, rel=1e-5)


def test_channels_that_are_not_usable_have_no_weight_and_their_neighbours_take_their_place():
    mask = np.array([False, True, True])
    values = np.array([[np.nan], [1.0], [3.0]], np.float32)
    assert weights_onto(mask, POSITIONS, TARGETS)[:, 0].tolist() == [0.0, 0.0]
    far, near = gaussian(math.sqrt(2.0)), gaussian(math.sqrt(0.4))
    at_first = each_onto(values, mask, POSITIONS, TARGETS)[0, 0]
    assert at_first == pytest.approx((far * 1.0 + near * 3.0) / (far + near), rel=1e-5)
    assert each_onto(values, np.zeros(3, np.bool_), POSITIONS, TARGETS).tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize(("apart", "is_there"), [(0.05, True), (0.051, False)])
def test_the_nearest_within_a_twentieth_of_the_radius_is_at_the_place(apart, is_there):
    positions = np.array([[1.0, apart, 0.0], [1.0, apart + 0.001, 0.0]])
    own, other = weights_onto(ALL[:2], positions, np.array([[1.0, 0.0, 0.0]]))[0]
    assert (own == 1e6) == is_there
    assert other == pytest.approx(gaussian(apart + 0.001), rel=1e-5)


def test_no_channels_give_no_weights():
    assert weights_onto(np.zeros((4, 0), np.bool_), np.zeros((0, 3), np.float32), TARGETS).shape == (4, 2, 0)
