"""Accuracy and precision against gaze whose error is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtemo.core.channel_map import Screen, ViewGeometry
from rtemo.core.gaze.accuracy import FixatedPoint, gaze_accuracy

VIEW = ViewGeometry.of_screen(Screen())
POINTS = [(0.5, 0.5), (0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9)]


def at(degrees):
    """The canonical position of a direction: the inverse of ViewGeometry.to_degrees."""
    return 0.5 + np.tan(np.radians(degrees)) / 2 / (VIEW.half_width, VIEW.half_height)


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(0, 0.5))
def test_an_offset_and_a_jitter_are_found_as_they_are(right, down, jitter):
    points = []
    for point in POINTS:
        target = VIEW.to_degrees(np.array([point]))[0]
        swing = np.where(np.arange(100) % 2, jitter / 2, -jitter / 2)[:, None] * (1.0, 0.0)
        points.append(FixatedPoint(point, at(target + np.array((right, down)) + swing)))
    found = gaze_accuracy(points, VIEW)
    assert found.accuracy_deg == pytest.approx(math.hypot(right, down), abs=1e-9)
    assert found.precision_deg == pytest.approx(jitter, abs=1e-9)
    assert found.valid == 1.0
    assert np.allclose(found.offsets_deg, (right, down), atol=1e-9)


def test_what_was_not_seen_counts_for_the_validity_alone():
    gaze = np.full((40, 2), 0.5)
    gaze[::2] = np.nan
    found = gaze_accuracy([FixatedPoint((0.5, 0.5), gaze), FixatedPoint((0.1, 0.1), np.full((40, 2), np.nan))], VIEW)
    assert found.accuracy_deg == pytest.approx(0.0, abs=1e-9)
    assert found.valid == pytest.approx(0.25)
    assert math.isnan(found.precision_deg)  # no two neighbours were seen
    assert math.isnan(gaze_accuracy([], VIEW).accuracy_deg)
