"""Rates and gap thresholds of stamps whose jitter is known by construction."""

from __future__ import annotations

import numpy as np
import pytest

from rtemo.core.timing.sampling_rate import Rate, enough, measure, refused, steps_of


def regular(hz, n=200, start_s=1000.0):
    return start_s + np.arange(n) / hz


@pytest.mark.parametrize(("hz", "gap_s"), [
    (100.0, 0.0075),  # three quarters of a period
    (250.0, 0.003),
    (1000.0, 0.002),  # but at least two milliseconds
    (0.5, 1.0),  # and at most a second
])  # fmt: skip
def test_without_jitter_one_lost_sample_shows(hz, gap_s):
    found = measure(regular(hz), 0.0)
    assert found.hz == pytest.approx(hz)
    assert not found.bursty
    assert found.gap_s == pytest.approx(gap_s)


@pytest.mark.parametrize(("shift_ms", "gap_s"), [(1.0, 0.0075), (1.5, 0.009), (2.4, 0.0144)])
def test_jitter_widens_what_counts_as_a_gap_to_three_times_its_size(shift_ms, gap_s):
    # every other stamp is late: steps of 10 ms + and - the shift, so the deviation is the shift twice
    times = regular(100.0, 201)
    times[::2] += shift_ms / 1000.0
    times[1::2] -= shift_ms / 1000.0
    found = measure(times, 100.0)
    assert found.hz == 100.0
    assert found.gap_s == pytest.approx(gap_s)


def test_what_comes_late_and_is_caught_up_with_is_jitter():
    times = regular(100.0, 201)
    times[10::10] += 0.008  # steps of 18 and 2 ms
    assert measure(times, 100.0).gap_s == pytest.approx(0.024)


def test_lost_packets_are_no_jitter():
    times = np.delete(regular(100.0, 201), np.arange(10, 200, 10))  # steps of 20 ms, and none is caught up with
    found = measure(times, 0.0)
    assert found.hz == pytest.approx(100.0)
    assert found.gap_s == pytest.approx(0.0075)


def test_a_pause_of_a_tenth_of_a_second_or_more_is_no_jitter():
    times = regular(100.0, 201)
    times[100:] += 0.095  # a step of 105 ms
    times[50::20] += 0.006  # steps of 16 and 4 ms
    assert measure(times, 100.0).gap_s == pytest.approx(0.018, rel=0.1)  # with the pause it would be 0.3


def bursts(hz=100.0, size=10, n=20):
    """Samples that all have the stamp of their packet."""
    return np.repeat(1000.0 + np.arange(n) * size / hz, size)


def test_a_stream_that_is_stamped_in_bursts_has_its_mean_rate_and_half_of_their_spread():
    times = bursts()
    found = measure(times, 100.0)
    assert found.bursty
    assert found.hz == pytest.approx(100.0)  # by the line through them; their number over their span is 4.7 % more
    residual = [t - 1000.0 - i / 100.0 for i, t in enumerate(times)]
    assert found.gap_s == pytest.approx(3 * 0.5 * (max(residual) - min(residual)))


@pytest.mark.parametrize(("n_early", "bursty"), [(39, False), (41, True)])
def test_a_fifth_of_the_steps_makes_a_burst(n_early, bursty):
    # 200 steps, of which so many are tiny; the others make up for it
    steps = np.full(200, 0.01)
    steps[1 : 2 * n_early : 2] = 0.001
    assert measure(1000.0 + np.concatenate([[0.0], np.cumsum(steps)]), 0.0).bursty == bursty


@pytest.mark.parametrize(("hz", "nominal_hz", "found_hz"), [
    (101.9, 100.0, 101.9), (102.1, 100.0, 102.1), (98.1, 100.0, 98.1), (97.9, 100.0, 97.9), (60.0, 600.0, 60.0),
    (60.0, 0.0, 60.0),
])  # fmt: skip
def test_a_nominal_rate_is_not_believed_against_the_stamps(hz, nominal_hz, found_hz):
    assert measure(regular(hz), nominal_hz).hz == pytest.approx(found_hz)


def test_stamps_that_are_all_the_same_have_the_nominal_rate():
    found = measure(np.full(20, 5.0), 50.0)
    assert found.hz == 50.0
    assert measure(np.full(20, 5.0), 0.0).hz == 1.0


@pytest.mark.parametrize(("n", "hz", "suffices"), [
    (16, 15.0, True), (15, 14.0, False), (16, 15.5, False), (1001, 1000.0, True), (1000, 1000.0, False),
])  # fmt: skip
def test_a_rate_takes_a_second_and_sixteen_samples(n, hz, suffices):
    assert enough(regular(hz, n, 0.0)) == suffices


def test_steps_begin_with_the_one_from_the_stamp_before():
    np.testing.assert_array_equal(steps_of(np.array([3.0, 3.5, 5.0]), 1.0), [2.0, 0.5, 1.5])


@pytest.mark.parametrize(
    ("hz", "newest_s", "nominal_hz", "why"),
    [
        (0.4, 1000.0, 0.0, ""),  # the slowest signal there is
        (0.399, 1000.0, 0.0, "a step of 2.506 from sample to sample"),
        (250.0, 1e11, 250.0, ""),
        (250.0, -2e11, 250.0, "a step of 0.004 from sample to sample"),
        (0.25, 1000.0, 250.0, "1000 times what its rate allows (milliseconds)"),
        (0.2, 1000.0, 200_000.0, "1000000 times what its rate allows (microseconds)"),
    ],
)
def test_stamps_of_no_sensor_are_refused(hz, newest_s, nominal_hz, why):
    found = refused(Rate(hz, False, 1.0), np.array([0.0, newest_s]), nominal_hz)
    assert found == (f"stamps are not seconds: {why}; they are not used" if why else "")
