"""The line of a run of samples, and which stretches of stamps can be believed, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rtemo.core.timing.sample_line import SampleLine
from rtemo.core.timing.sampling_rate import Rate
from rtemo.core.timing.stretches import Stretch


def test_samples_without_a_stamp_take_the_next_places_of_the_line():
    times = 1000.0 + np.arange(60) / 100.0
    line = SampleLine(Rate(100.0, bursty=False, gap_s=0.015), times)
    line.follow(times[:50])
    np.testing.assert_allclose(line.skip(3), times[50:53], atol=1e-9)
    np.testing.assert_allclose(line.follow(times[53:]), times[53:], atol=1e-9)


@pytest.mark.parametrize(
    ("steps_s", "believed"),
    [
        ([0.07] * 15, True),
        ([0.06] * 15, False),  # 0.9 s
        ([0.1] * 14, False),  # 15 samples
        ([0.1, *[0.92 / 14] * 14], True),  # from the first sample on
        ([*[0.05] * 13, 0.26, 0.26], True),  # long, but no ten usual steps
        ([*[0.05] * 13, 0.6, 0.6], False),  # pauses do not count
        ([*[0.05] * 13, 0.6, 0.6, 0.6], True),  # as many are bursts
    ],
)
def test_a_rate_is_measured_on_a_second_of_sixteen_samples_without_pauses(steps_s, believed):
    stretch = Stretch()
    for number, time_s in enumerate(np.cumsum([1000.0, *steps_s])):
        stretch.add(number, float(time_s))
    assert stretch.believed is believed
