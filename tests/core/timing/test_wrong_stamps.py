"""One wrong stamp costs one sample, a clock that was set back is never believed, and work is bounded: on invented
streams whose true times are known.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtemo.core.timing.clock_correction import ClockModel
from rtemo.core.timing.dejitter import Dejitter
from rtemo.core.timing.sampling_rate import measure
from rtemo.core.timing.stretches import Stretches
from rtemo.core.types import ClockOffset

RATES = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 250.0, 1000.0, 2000.0)
WRONG = (0.0, np.nan, np.inf, 1e18, -1e18)
OFF_S = (50.0, -50.0, 3600.0, -30.0, 1.5, -1.5)


def feed(times, cuts=(), nominal=250.0, *, even=True, values=None, notes=None):
    dejitter = Dejitter(nominal, even=even, notes=[] if notes is None else notes)
    values = np.arange(len(times), dtype=float)[:, None] if values is None else values
    runs = []
    for begin, end in zip([0, *cuts], [*cuts, len(times)], strict=True):
        runs += dejitter.push(times[begin:end], values[begin:end])
    runs += dejitter.flush()
    if not runs:
        return dejitter, np.empty(0), np.empty(0, int)
    numbers = np.concatenate([run.values[:, 0] for run in runs]).astype(int)
    return dejitter, np.concatenate([run.times for run in runs]), numbers


def true_times(hz, seconds=12.0, least=60):
    return 1000.0 + np.arange(max(round(seconds * hz), least)) / hz


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("hz", [10.0, 120.0, 250.0, 1000.0])
def test_one_wrong_stamp_costs_one_sample_wherever_it_is_and_whatever_it_says(hz, even):
    true = true_times(hz)
    for at in (0, 1, 2, 5, 17, round(hz) + 3, len(true) // 2, len(true) - 2, len(true) - 1):
        for wrong in (*WRONG, *(true[at] + off for off in OFF_S)):
            times = true.copy()
            times[at] = wrong
            dejitter, given_, numbers = feed(times, nominal=hz, even=even)
            expected = np.delete(np.arange(len(true)), at)
            assert numbers.tolist() == expected.tolist(), (at, wrong)
            assert np.abs(given_ - true[numbers]).max() < 1e-6, (at, wrong)
            assert dejitter.rate.hz == pytest.approx(hz)
            assert (dejitter.n_gaps, dejitter.n_dropped, dejitter.set_back_s) == (0, 1, 0.0)


@pytest.mark.parametrize("off_s", [0.1, -0.1, 0.2, -0.2])
def test_a_sample_that_is_stamped_a_little_late_or_early_keeps_its_place_in_an_even_stream(off_s):
    true = true_times(250.0)
    times = true.copy()
    times[1500] += off_s
    _, given_, numbers = feed(times)
    assert len(numbers) == len(true)
    assert np.abs(given_ - true).max() < 1e-6


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("hz", RATES)
@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_jitter_up_to_thirty_milliseconds_costs_neither_the_rate_nor_the_samples(hz, even, kind):
    rng = np.random.default_rng(0)
    true = true_times(hz, 20.0)
    jitter = rng.uniform(-0.03, 0.03, len(true)) if kind == "uniform" else rng.normal(0.0, 0.01, len(true))
    dejitter, given_, numbers = feed(true + jitter, nominal=hz, even=even)
    assert len(numbers) >= 0.97 * len(true)
    assert np.abs(given_ - true[numbers]).max() < 0.061
    assert dejitter.rate.hz == pytest.approx(hz, rel=0.06)
    assert (dejitter.n_gaps, dejitter.set_back_s) == (0, 0.0)


@pytest.mark.parametrize("hz", [60.0, 250.0, 1000.0])
@pytest.mark.parametrize("even", [True, False])
def test_jitter_that_begins_in_the_session_costs_little(hz, even):
    rng = np.random.default_rng(1)
    true = true_times(hz, 60.0)
    spread = np.where(true > 1020.0, 0.03, 0.0002)
    dejitter, given_, numbers = feed(true + rng.uniform(-1, 1, len(true)) * spread, nominal=hz, even=even)
    assert len(numbers) > 0.96 * len(true)
    assert dejitter.rate.hz == pytest.approx(hz, rel=0.02)
    settled = given_ > 1030.0
    assert np.abs(given_ - true[numbers])[settled].max() < 0.05


@pytest.mark.parametrize("factor", [0.5, 2.0, 1.1])
@pytest.mark.parametrize("hz", [60.0, 250.0, 1000.0])
def test_another_rate_is_measured_when_samples_stop_fitting(hz, factor):
    before = true_times(hz, 10.0)
    after = before[-1] + np.arange(1, round(20 * hz * factor)) / (hz * factor)
    true = np.concatenate([before, after])
    dejitter, given_, numbers = feed(true, nominal=hz)
    assert dejitter.rate.hz == pytest.approx(hz * factor, rel=0.01)
    assert np.abs(given_ - true[numbers]).max() < 0.02
    assert len(numbers) > 0.98 * len(true)


def test_pauses_and_short_pieces_between_them_leave_the_rate_and_are_counted():
    true = true_times(250.0, 60.0)
    at = true - 1000.0
    kept = ~(((at >= 20) & (at < 23)) | ((at >= 23.5) & (at < 25.5)))
    dejitter, given_, numbers = feed(true[kept])
    assert dejitter.rate.hz == 250.0
    assert (dejitter.n_gaps, dejitter.n_missing, dejitter.n_dropped) == (2, 1250, 0)
    np.testing.assert_allclose(given_, true[kept], atol=1e-6)
    assert len(numbers) == kept.sum()


@pytest.mark.parametrize("pause_s", [0.4, 0.9, 1.1, 3.0])
@pytest.mark.parametrize("at_s", [0.1, 0.5, 0.9])
def test_a_pause_within_the_first_second_does_not_spoil_the_rate(pause_s, at_s):
    true = true_times(250.0)
    times = np.where(true >= 1000.0 + at_s, true + pause_s, true)
    dejitter, given_, numbers = feed(times)
    assert dejitter.rate.hz == 250.0
    assert len(numbers) >= len(true) - 16
    np.testing.assert_allclose(given_, times[numbers], atol=1e-6)


@pytest.mark.parametrize("hz", [10.0, 120.0, 250.0, 1000.0])
@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("back_s", [0.5, 10.0, 3600.0])
def test_a_clock_that_is_set_back_is_noticed_and_not_believed_until_it_is_set_forward_again(hz, even, back_s):
    true = true_times(hz, 30.0)
    times = true.copy()
    third = len(true) // 3
    times[third : 2 * third] -= back_s
    dejitter, given_, numbers = feed(times[: 2 * third], nominal=hz, even=even)
    assert dejitter.set_back_s == pytest.approx(back_s)
    assert dejitter.unusable
    assert numbers.tolist() == list(range(third))
    span = (true[third], true[third] + 2.0)
    assert dejitter.unknown.is_distrusted(span, still=True)
    assert not dejitter.unknown.is_distrusted((true[0], true[third - 2]), still=True)
    again, given_, numbers = feed(times, nominal=hz, even=even)
    assert again.set_back_s == 0.0
    assert numbers.tolist() == [*range(third), *range(2 * third, len(true))]
    np.testing.assert_allclose(given_, true[numbers], atol=1e-6)
    assert again.unknown.is_distrusted(span, still=False)


@pytest.mark.parametrize("n", [2, 5, 25, 100])
@pytest.mark.parametrize("off_s", [50.0, -50.0])
def test_a_chunk_of_wrong_stamps_costs_that_chunk(n, off_s):
    true = true_times(250.0)
    times = true.copy()
    times[1000 : 1000 + n] += off_s
    dejitter, given_, numbers = feed(times)
    assert sorted(set(range(len(true))) - set(numbers)) == list(range(1000, 1000 + n))
    np.testing.assert_allclose(given_, true[numbers], atol=1e-6)
    assert (dejitter.n_wrong, dejitter.set_back_s) == (n, 0.0)


@pytest.mark.parametrize(("factor", "name"), [(1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds")])
def test_stamps_that_are_not_seconds_are_named_and_not_used(factor, name):
    notes = []
    _, given_, _ = feed(true_times(250.0) * factor, notes=notes)
    assert len(given_) == 0
    assert f"stamps are not seconds: {factor:.0f} times" in notes[0]
    assert name in notes[0]


@pytest.mark.parametrize(("size", "period"), [(1, 1), (1, 7), (20, 3), (200, 2)])
def test_samples_that_came_twice_are_used_once_and_counted(size, period):
    rng = np.random.default_rng(2)
    true = true_times(250.0)
    order = []
    for block in range(0, len(true), size):
        numbers = range(block, min(block + size, len(true)))
        order += [*numbers, *(numbers if block // size % period == 0 else ())]
    values = np.column_stack([np.arange(len(true)), rng.normal(size=(len(true), 3))])
    for cuts in ((), tuple(range(0, len(order), 13))):
        dejitter, given_, numbers = feed(true[order], cuts, values=values[order])
        assert numbers.tolist() == list(range(len(true)))
        assert dejitter.n_repeated == len(order) - len(true)
        np.testing.assert_allclose(given_, true, atol=1e-6)


def test_samples_of_a_chunk_with_one_stamp_are_no_repetitions():
    stamps = np.repeat(true_times(12.5, 20.0), 20)
    values = np.column_stack([np.arange(len(stamps)), np.zeros(len(stamps))])
    values[:, 0] //= 2  # neighbours are equal
    dejitter = Dejitter(250.0, even=True)
    dejitter.push(stamps, values)
    assert dejitter.n_repeated <= 1


@pytest.mark.parametrize(("nominal", "true_hz"), [(253.0, 250.0), (247.5, 250.0), (120.0, 119.0), (1000.0, 1012.0)])
def test_a_nominal_rate_that_the_stamps_contradict_is_not_believed(nominal, true_hz):
    rng = np.random.default_rng(3)
    true = true_times(true_hz, 40.0)
    dejitter, given_, numbers = feed(true + rng.normal(0, 2e-5, len(true)), nominal=nominal)
    assert dejitter.rate.hz == pytest.approx(true_hz, rel=1e-4)
    assert dejitter.n_gaps == 0
    assert np.abs(given_ - true[numbers]).max() < 5e-4


def test_the_rate_counts_samples_that_are_left_out():
    numbers = [k for k in range(300) if k % 10]
    true = np.array(numbers) / 100.0
    assert measure(true, 0.0, numbers).hz == pytest.approx(100.0)


def test_garbage_ends_in_time_and_gives_nothing():
    rng = np.random.default_rng(4)
    for times in (rng.uniform(0, 1e6, 5000), np.where(np.arange(5000) % 2, 0.0, true_times(250.0, 20.0))):
        _, given_, _ = feed(times)
        assert len(given_) == 0


def test_stretches_keep_wrong_stamps_out_and_begin_anew_behind_a_pause():
    stretches = Stretches()
    times = [0.0, 1000.0, 1000.1, 1000.2, 950.0, 1000.4, 1000.5, 1005.0, 1005.1, 1005.2]
    for number, time_s in enumerate(times * 1):
        stretches.add(number, time_s)
    for number in range(10, 40):
        stretches.add(number, 1005.3 + (number - 10) / 10)
    assert [1, 2, 3, 5, 6] in [one.numbers for one in stretches.all]
    assert stretches.newest.numbers == list(range(7, 40))


def test_the_clock_model_is_not_moved_by_stamps_that_are_wrong():
    clock = ClockModel()
    for k in range(20):
        clock.add(ClockOffset("s", 1000.0 + 5 * k, 7.0))
    stamps = 1000.0 + np.arange(400) / 4
    for at, wrong in ((50, 0.0), (100, 970.0), (150, np.nan), (200, 1e18), (250, 1500.0), (300, -np.inf)):
        stamps[at] = wrong
    times = clock.to_lsl(stamps)
    good = np.delete(np.arange(400), [50, 100, 150, 200, 250, 300])
    np.testing.assert_allclose(times[good], 1007.0 + good / 4)


def spoilt(rng):
    """A stream with gaps, pauses, bursts, jitter, repetitions, restarts and wrong stamps, and its true times."""
    hz = float(rng.choice([5.0, 30.0, 120.0, 250.0, 500.0]))
    true = true_times(hz, 25.0)
    kept = np.ones(len(true), dtype=bool)
    for _ in range(rng.integers(0, 4)):
        begin = rng.integers(0, len(true))
        kept[begin : begin + rng.integers(1, round(4 * hz) + 2)] = False
    true = true[kept]
    times = true + rng.normal(0, rng.choice([0.0, 1e-4, 0.1 / hz, 0.01]), len(true))
    wrong = rng.integers(0, len(true), rng.integers(0, 5))
    times[wrong] = rng.choice([0.0, np.nan, np.inf, 1e18, -1e18, 1e3, 1050.0], len(wrong))
    return hz, true, times


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 5000), max_size=30), st.booleans())
def test_nothing_fails_nothing_is_misplaced_and_the_cuts_do_not_matter(seed, cuts, even):
    rng = np.random.default_rng(seed)
    hz, true, times = spoilt(rng)
    whole, given_, numbers = feed(times, nominal=hz, even=even)
    assert np.all(np.diff(given_) > 0)
    assert len(given_) + whole.n_dropped + whole.n_repeated == len(times)
    assert np.abs(given_ - true[numbers]).max(initial=0.0) < 0.1 + 1.0 / hz
    _, again, same = feed(times, sorted(c for c in cuts if c <= len(times)), nominal=hz, even=even)
    np.testing.assert_array_equal(again, given_)
    np.testing.assert_array_equal(same, numbers)
