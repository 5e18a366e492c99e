"""Where in a stream it begins to hold that what came too late is not used, and what the dejitter makes of it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rtemo.core.timing.dejitter import Dejitter
from rtemo.core.timing.late_samples import LateSamples
from rtemo.core.types import Modality

GAZE, EEG = Modality.GAZE, Modality.EEG


def begun(late, *parts, role=GAZE):
    """Before which of all samples it begins, and until when."""
    found, n = [], 0
    for part in parts:
        found += [(n + place, until_s) for place, until_s in late.begin(role, np.array(part))]
        n += len(part)
    return found


@pytest.mark.parametrize("cuts", [(), (1,), (2,), (3,), (1, 2, 3, 4)])
def test_it_begins_behind_the_sample_that_was_the_newest_before_the_loss(cuts):
    late = LateSamples()
    assert not late.leave_out(GAZE, 10.0, 12.0)
    times = np.array([9.8, 11.5, 10.0, 11.6, 12.1])  # the second one has a wrong stamp
    assert begun(late, *np.split(times, cuts)) == [(3, 12.0)]
    assert begun(late, [10.0, 11.0]) == []  # once


def test_each_loss_of_each_stream_counts():
    late = LateSamples()
    late.leave_out(GAZE, 1.0, 2.0)
    late.leave_out(GAZE, 5.0, 6.0)
    late.leave_out(EEG, 3.0, 4.0)
    assert begun(late, [0.5, 1.0, 1.5, 5.0, 5.5]) == [(2, 2.0), (4, 6.0)]
    assert begun(late, [3.0], role=EEG) == [(1, 4.0)]


def test_a_stream_that_is_read_from_behind_the_loss_on_begins_with_it():
    late = LateSamples()
    late.leave_out(GAZE, 10.0, 12.0)
    assert begun(late, [math.nan], [11.0, 12.5]) == [(1, 12.0)]


def test_the_newest_sample_is_known_by_role_and_it_holds_from_there_on_at_once():
    late = LateSamples()
    assert late.reached(EEG) == (-math.inf, 0)
    begun(late, [1.0, 2.0], [3.0, math.nan], [math.nan], role=EEG)
    assert (late.reached(EEG), late.reached(GAZE)) == ((3.0, 2), (-math.inf, 0))
    assert late.leave_out(EEG, 3.0, 5.0, 2)
    assert begun(late, [4.0], role=EEG) == []


@pytest.mark.parametrize("cuts", [(), (1,), (2,), (3,), (4,), (1, 2, 3, 4, 5)])
@pytest.mark.parametrize("n_timeless", range(4))
def test_samples_without_a_time_belong_before_the_loss_or_behind_it(n_timeless, cuts):
    late = LateSamples()
    late.leave_out(GAZE, 10.0, 12.0, n_timeless)
    times = np.array([9.0, 10.0, math.nan, math.nan, math.nan, 12.5])
    assert begun(late, *np.split(times, cuts)) == [(2 + n_timeless, 12.0)]


@pytest.mark.parametrize("even", [True, False])
def test_nothing_is_placed_where_windows_were_given_out(even):
    dejitter = Dejitter(100.0, even=even)
    jitter = np.random.default_rng(1).uniform(-0.004, 0.004, 400)
    times = np.sort(10.0 + np.arange(400) / 100.0 + jitter)
    values = np.arange(400.0)[:, None]
    dejitter.push(times[:200], values[:200])
    dejitter.leave_out(12.505)
    dejitter.leave_out(12.0)  # never back
    runs = dejitter.push(times[200:], values[200:])
    placed = np.concatenate([run.times for run in runs])
    assert placed[0] > 12.505
    assert len(placed) == pytest.approx(149, abs=1)
    assert runs[0].gap_s == pytest.approx(0.51, abs=0.02)
    assert dejitter.n_dropped == 200 - len(placed)
    assert (dejitter.n_gaps, dejitter.n_missing) == (0, 0)  # they came


def test_what_comes_late_is_said_once():
    notes = []
    dejitter = Dejitter(100.0, even=True, notes=notes)
    times = 10.0 + np.arange(300) / 100.0
    dejitter.leave_out(12.0)
    dejitter.push(times[:150], times[:150, None])
    dejitter.push(times[150:], times[150:, None])
    assert notes == ["what came only after its windows were given out is not used"]


def test_what_has_no_time_then_is_no_trouble_of_the_windows_that_were_given_out():
    dejitter = Dejitter(100.0, even=True)
    times = 10.0 + np.arange(300) / 100.0
    dejitter.push(times[:150], times[:150, None])
    dejitter.leave_out(13.0)
    dejitter.push(np.full(50, np.nan), np.zeros((50, 1)))
    dejitter.push(times + 4.0, times[:, None])
    assert not dejitter.unknown.meets((9.0, 13.0), still=True)
    assert dejitter.unknown.meets((12.9, 13.1), still=True)
