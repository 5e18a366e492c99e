"""Which samples came too late for windows that were given out, on invented times."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rtemo.core.timing.late_samples import LateSamples
from rtemo.core.types import Modality


def used(late, times, role=Modality.GAZE, latency_s=0.0):
    mask = late.used(role, np.array(times), latency_s)
    return list(times) if mask is None else np.array(times)[mask].tolist()


def test_what_lies_between_the_loss_and_the_last_window_without_the_stream_is_not_used():
    late = LateSamples()
    late.leave_out(Modality.GAZE, 10.0, 14.0)
    assert used(late, [9.9, 10.0, 10.1, 13.9, 14.0, 14.1]) == [9.9, 10.0, 14.1]
    assert used(late, [10.1, 14.0], Modality.EEG) == [10.1, 14.0]
    assert used(late, [10.1, 14.1, 14.3], latency_s=0.2) == [14.3]  # windows hold what was 0.2 s before its stamp


def test_each_loss_counts_and_a_sample_without_a_time_is_none_of_it():
    late = LateSamples()
    late.leave_out(Modality.GAZE, 1.0, 2.0)
    late.leave_out(Modality.GAZE, 5.0, 6.0)
    assert used(late, [1.5, 3.0, 5.0, 5.5, 6.5]) == [3.0, 5.0, 6.5]
    assert len(used(late, [math.nan, 1.5, math.nan])) == 2


def test_the_newest_sample_is_known_by_role():
    late = LateSamples()
    assert late.reached_s(Modality.EEG) == -math.inf
    used(late, [1.0, 2.0], Modality.EEG)
    used(late, [3.0, math.nan], Modality.EEG)
    used(late, [math.nan], Modality.EEG)
    assert (late.reached_s(Modality.EEG), late.reached_s(Modality.GAZE)) == (3.0, -math.inf)


@pytest.mark.parametrize("cuts", [(), (1,), (2,), (3,), (1, 2, 3, 4)])
def test_a_wrong_stamp_that_came_before_the_loss_was_used_and_is(cuts):
    late = LateSamples()
    late.leave_out(Modality.EEG, 10.0, 12.0)
    times = np.array([9.8, 11.5, 10.0, 11.6, 12.1])  # the second one is wrong, the fourth came when it was back
    assert [time for part in np.split(times, cuts) for time in used(late, part, Modality.EEG)] == [
        9.8,
        11.5,
        10.0,
        12.1,
    ]


def test_what_comes_from_now_on_may_be_left_out_too():
    late = LateSamples()
    assert used(late, [5.0, 6.0]) == [5.0, 6.0]
    late.leave_out(Modality.GAZE, -math.inf, 6.0)
    assert used(late, [5.5, 6.0, 6.1]) == [6.1]
    late.leave_out(Modality.GAZE, 6.1, 8.0)  # of the sample that came last
    assert used(late, [7.0, 8.1]) == [8.1]
