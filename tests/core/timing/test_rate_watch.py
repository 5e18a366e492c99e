"""When the rate of a stream is measured again, and when the rate found is another one, at each limit."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rtemo.core.timing import sampling_rate as rate
from rtemo.core.timing.rate_watch import RateWatch

KNOWN = rate.Rate(100.0, bursty=False, gap_s=0.0075)


def watch(times, misfits=8, known=KNOWN):
    """A watch of samples on the line, with so many steps of the line behind them."""
    made = RateWatch(0.0)
    made.on_line(np.asarray(times), known.hz)
    for _ in range(misfits):
        made.stepped()
    return made


def at(hz, n, begin_s=0.0):
    return begin_s + np.arange(n) / hz


def hz_of(found):
    return None if found is None else round(found.hz, 6)


@pytest.mark.parametrize(("misfits", "hz"), [(0, None), (7, None), (8, 110.0), (9, 110.0)])
def test_eight_misfits_call_for_a_measurement_and_are_then_forgotten(misfits, hz):
    watched = watch(at(110.0, 220), misfits)
    assert hz_of(watched.better(KNOWN)) == hz
    assert watched.better(KNOWN) is None
    if hz:
        for _ in range(8):
            watched.stepped()
        assert hz_of(watched.better(KNOWN)) == hz


@pytest.mark.parametrize(("known_hz", "more", "judged"), [(100.0, 200, True), (100.0, 201, False),
                                                          (20.0, 64, True), (20.0, 65, False)])  # fmt: skip
def test_they_count_within_two_seconds_or_64_samples(known_hz, more, judged):
    known = rate.Rate(known_hz, bursty=False, gap_s=0.75 / known_hz)
    times = at(1.1 * known_hz, 300 + more)
    watched = watch(times[:300], known=known)
    watched.on_line(times[300:], known_hz)
    assert (watched.better(known) is not None) == judged


@pytest.mark.parametrize(("more", "judged"), [(200, True), (201, False)])
def test_the_oldest_of_the_last_eight_counts(more, judged):
    times = at(110.0, 300)
    watched = watch(times[:20], 2)
    watched.on_line(times[20 : 20 + more], 100.0)
    for _ in range(6):
        watched.stepped()
    assert (watched.better(KNOWN) is not None) == judged
    watched = watch(times[:20], 1)
    watched.on_line(times[20 : 20 + more], 100.0)
    for _ in range(8):
        watched.stepped()
    assert watched.better(KNOWN) is not None


@pytest.mark.parametrize(("late", "more", "judged"), [
    (7, 193, True), (7, 194, False), (6, 0, False), (100, 0, True), (100, 201, False),
])  # fmt: skip
def test_late_samples_are_misfits_and_samples(late, more, judged):
    times = at(110.0, 220 + more)
    watched = watch(times[:220], 1)
    watched.late(late)
    watched.on_line(times[220:], 100.0)
    assert (watched.better(KNOWN) is not None) == judged


def test_a_new_line_begins_with_no_misfits_and_no_stamps():
    watched = watch(at(110.0, 220))
    watched.begin()
    watched.on_line(at(110.0, 130, 5.0), 100.0)
    assert watched.better(KNOWN) is None
    watched = watch(at(110.0, 220), 0)
    watched.begin()
    watched.on_line(at(110.0, 10, 220 / 110.0), 100.0)
    for _ in range(8):
        watched.stepped()
    assert watched.better(KNOWN) is None  # of 10 samples nothing is measured


def test_the_last_1_1_seconds_are_measured():
    times = np.concatenate([at(300.0, 600), at(110.0, 123, 2.0)])  # 110 Hz for 1.11 s
    known = rate.Rate(150.0, bursty=False, gap_s=0.005)
    assert hz_of(watch(times, known=known).better(known)) == 110.0


def test_stamps_are_kept_for_as_long_as_a_measurement_needs_them():
    watched = watch([], 8)
    for times in np.split(at(110.0, 190), 19):
        watched.on_line(times, 100.0)
    assert hz_of(watched.better(KNOWN)) == 110.0


@pytest.mark.parametrize(("last_s", "judged"), [(1.1, False), (1.09, True)])
def test_a_sample_of_1_1_seconds_ago_is_none_of_them(last_s, judged):
    known = rate.Rate(20.0, bursty=False, gap_s=0.0375)
    assert (watch(np.linspace(0.0, last_s, 16), known=known).better(known) is not None) == judged


@pytest.mark.parametrize(("hz", "found"), [(100.0, None), (101.0, None), (99.0, None), (102.0, 102.0), (98.0, 98.0)])
def test_usual_steps_off_by_less_than_1_5_percent_show_the_rate_that_is_known(hz, found):
    assert hz_of(watch(at(hz, 220)).better(KNOWN)) == found


UNEVEN = np.arange(120) / 100.0 + np.random.default_rng(56).uniform(-0.004, 0.004, 120)  # usual steps of 10.35 ms


@pytest.mark.parametrize(("known_hz", "judged"), [(100.4, False), (100.6, True), (99.6, False), (99.4, True)])
def test_a_rate_is_another_one_where_it_is_off_by_half_a_percent(known_hz, judged):
    known = rate.Rate(known_hz, bursty=False, gap_s=1.0)
    found = watch(UNEVEN, known=known).better(known)
    assert (found is not None) == judged
    assert found is None or (found.hz == pytest.approx(100.0, rel=5e-4) and not found.bursty)


BURSTS = (np.repeat(np.arange(40) * 0.04, 4).reshape(-1, 4) + np.arange(4) * 1e-4).ravel()  # four at once, 100 Hz


@pytest.mark.parametrize(("known_hz", "judged"), [(100.0, False), (102.0, False), (98.0, False), (103.6, True),
                                                  (110.0, True), (96.2, True)])  # fmt: skip
def test_a_rate_of_bursts_is_another_one_where_it_is_off_by_three_percent(known_hz, judged):
    known = rate.Rate(known_hz, bursty=True, gap_s=1.0)
    found = watch(BURSTS, known=known).better(known)
    assert (found is not None) == judged
    assert found is None or (found.hz == pytest.approx(100.0, rel=5e-3) and found.bursty)


def test_bursts_that_were_none_before_change_the_jitter_and_not_the_rate():
    known = rate.Rate(110.0, bursty=False, gap_s=0.0075)
    found = watch(BURSTS, known=known).better(known)
    assert (found.hz, found.bursty) == (110.0, True)
    assert found.gap_s > 0.04
    known = rate.Rate(110.0, bursty=False, gap_s=1.0)
    assert watch(BURSTS, known=known).better(known) is None


def test_what_was_stamped_in_bursts_stays_so_when_it_is_even():
    known = rate.Rate(100.0, bursty=True, gap_s=0.05)
    found = watch(at(110.0, 220), known=known).better(known)
    assert (hz_of(found), found.bursty) == (110.0, True)


def test_more_jitter_is_another_rate_where_it_is_beyond_1_3_times_as_much():
    gap_s = watch(UNEVEN, known=KNOWN).better(rate.Rate(90.0, bursty=False, gap_s=1.0)).gap_s
    near = gap_s / 1.3
    equal_s = next(one for one in (near, math.nextafter(near, 0.0), math.nextafter(near, 1.0)) if 1.3 * one == gap_s)
    for known_s, judged in ((gap_s / 1.4, True), (equal_s, False), (gap_s / 1.2, False)):
        known = rate.Rate(100.0, bursty=False, gap_s=known_s)
        found = watch(UNEVEN, known=known).better(known)
        assert (None if found is None else found.gap_s) == (gap_s if judged else None)
