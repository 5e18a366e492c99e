"""Rates and even times, on invented streams whose true times are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtemo.core.timing.dejitter import Dejitter
from rtemo.core.timing.sampling_rate import measure


def feed(times, cuts=(), nominal=250.0, *, even=True):
    """All runs, with the sample index as the value."""
    dejitter = Dejitter(nominal, even=even)
    values = np.arange(len(times), dtype=float)[:, None]
    runs = []
    for begin, end in zip([0, *cuts], [*cuts, len(times)], strict=True):
        runs += dejitter.push(times[begin:end], values[begin:end])
    return dejitter, runs + dejitter.flush()


def joined(runs):
    return np.concatenate([r.times for r in runs]), np.concatenate([r.values[:, 0] for r in runs]).astype(int)


def even_times(n=5000, hz=250.0, start=1000.0):
    return start + np.arange(n) / hz


def test_jitter_is_taken_out():
    true = even_times()
    rng = np.random.default_rng(0)
    times, index = joined(feed(true + rng.normal(0, 0.002, len(true)))[1])
    assert np.abs(times - true[index]).max() < 0.0008
    assert np.diff(times).min() > 0.003


def test_a_drifting_clock_is_followed():
    true = even_times(30_000) * (1 + 1e-4)
    times, index = joined(feed(true)[1])
    assert np.abs(times - true[index])[5000:].max() < 1e-4


@pytest.mark.parametrize("missing", [0.05, 0.1, 0.3, 2.0, 30.0])
def test_nothing_is_shifted_across_a_gap(missing):
    rng = np.random.default_rng(1)
    true = np.concatenate([even_times(2000), even_times(3000, start=1008.0 + missing)])
    dejitter, runs = feed(true + rng.normal(0, 0.0003, len(true)))
    times, index = joined(runs)
    assert np.abs(times - true[index]).max() < 0.0015
    assert dejitter.n_gaps == 1
    hole = [r.gap_s for r in runs if 0 < r.gap_s < np.inf]
    np.testing.assert_allclose(hole, [missing], atol=0.006)


def test_one_lost_packet_of_a_clean_stream_shows():
    true = np.delete(even_times(), np.arange(3000, 3004))
    dejitter, runs = feed(true)
    assert dejitter.n_gaps == 1
    times, index = joined(runs)
    assert np.abs(times - true[index]).max() < 1e-4


def test_a_late_burst_comes_back_to_the_true_line():
    true = even_times()
    late = true.copy()
    late[2000:2050] = true[2000:2050] + 0.4 * np.linspace(1, 0, 50)  # a stall, then a backlog that is worked off
    times, index = joined(feed(late)[1])
    assert np.abs(times - late[index])[index > 2400].max() < 0.001
    assert np.diff(times).min() > 0


def test_the_rate_is_measured_and_not_believed():
    dejitter, _ = feed(even_times(hz=120.0), nominal=600.0)
    assert dejitter.rate.hz == pytest.approx(120.0, rel=1e-6)


def test_a_measured_rate_near_the_nominal_one_is_the_nominal_one():
    rng = np.random.default_rng(2)
    dejitter, _ = feed(even_times() + rng.normal(0, 0.0005, 5000), nominal=250.0)
    assert dejitter.rate.hz == 250.0


def test_a_stream_that_loses_a_quarter_of_its_packets_keeps_its_rate():
    rng = np.random.default_rng(3)
    kept = np.repeat(rng.random(1000) > 0.25, 5)
    dejitter, runs = feed(even_times()[kept], nominal=250.0)
    assert dejitter.rate.hz == 250.0
    times, index = joined(runs)
    assert np.abs(times - even_times()[kept][index]).max() < 0.001


def test_a_stream_stamped_in_bursts_gets_its_mean_rate():
    true = even_times(4000, hz=200.0)
    burst = true[(np.arange(len(true)) // 20) * 20 + 19] + np.tile(np.arange(20) * 1e-5, 200)
    dejitter, runs = feed(burst, nominal=0.0)
    assert dejitter.rate.bursty
    assert dejitter.rate.hz == pytest.approx(200.0, rel=0.12)
    times, index = joined(runs)
    lag = (times - true[index])[2000:]
    assert lag.std() < 0.03
    assert np.diff(times).min() > 0


def test_stamps_of_a_gaze_tracker_are_kept_and_only_made_to_increase():
    rng = np.random.default_rng(4)
    true = even_times(600, hz=120.0)
    times = true + rng.uniform(0, 0.001, 600)
    times[300] = times[298]
    dejitter, runs = feed(times, nominal=120.0, even=False)
    got, index = joined(runs)
    np.testing.assert_array_equal(got, np.delete(times, 300))
    assert 300 not in index
    assert dejitter.n_dropped == 1


def test_samples_without_a_time_are_dropped_and_counted():
    times = even_times()
    times[1000:1010] = np.nan
    dejitter, runs = feed(times)
    assert dejitter.n_dropped == 10
    assert set(range(1000, 1010)).isdisjoint(joined(runs)[1])


def test_a_change_of_the_rate_behind_a_long_gap_is_measured():
    times = np.concatenate([even_times(2000, hz=250.0), even_times(2000, hz=500.0, start=1020.0)])
    dejitter, runs = feed(times)
    assert dejitter.rate.hz == pytest.approx(500.0, rel=1e-6)
    assert runs[0].rate_hz == 250.0


def test_a_short_stream_comes_out_on_flush_and_a_single_sample_never():
    assert sum(len(r.times) for r in feed(even_times(9, hz=10.0), nominal=10.0)[1]) == 9
    dejitter, runs = feed(even_times(1))
    assert runs == []
    assert dejitter.n_dropped == 1


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 1400), max_size=40), st.booleans())
def test_runs_do_not_depend_on_how_the_samples_are_cut(seed, cuts, even):
    rng = np.random.default_rng(seed)
    times = even_times(1500) + rng.normal(0, rng.choice([0.0001, 0.003]), 1500)
    kept = np.ones(1500, dtype=bool)
    for begin in rng.integers(0, 1500, 4):
        kept[begin : begin + rng.integers(1, 60)] = False
    times = times[kept]
    times[rng.integers(0, len(times), 3)] = np.nan
    times[len(times) // 2 :] += rng.choice([0.0, 0.3, 5.0])
    for k in rng.integers(0, len(times) - 1, rng.choice([0, 20])):  # out of order
        times[[k, k + 1]] = times[[k + 1, k]]
    cuts = sorted(c for c in cuts if c <= len(times))
    whole, cut = joined(feed(times, even=even)[1]), joined(feed(times, cuts, even=even)[1])
    np.testing.assert_array_equal(cut[0], whole[0])
    np.testing.assert_array_equal(cut[1], whole[1])


def test_one_sample_at_a_time_gives_the_same_as_all_at_once():
    rng = np.random.default_rng(6)
    times = even_times(900) + rng.normal(0, 0.001, 900)
    times[500:] += 0.2
    whole, single = joined(feed(times)[1]), joined(feed(times, list(range(900)))[1])
    np.testing.assert_array_equal(single[0], whole[0])


@pytest.mark.parametrize("size", [1, 2, 7])
def test_a_sample_that_steps_back_and_is_the_first_of_its_chunk_costs_itself_alone(size):
    times = even_times(900, hz=120.0)
    late = np.arange(199, 900, 70)
    times[late] = times[late - 2]
    dejitter, runs = feed(times, list(range(size, 900, size)), nominal=120.0, even=False)
    np.testing.assert_array_equal(joined(runs)[1], np.delete(np.arange(900), late))
    assert (dejitter.n_wrong, dejitter.n_gaps) == (len(late), 0)


def test_stamps_that_step_back_do_not_spoil_the_rate():
    times = even_times(500)
    times[300:] -= 0.5
    assert measure(times, 250.0).hz == pytest.approx(250.0)


@pytest.mark.parametrize("size", [1, 3, 50, 1000])
def test_a_stretch_of_samples_without_a_time_is_remembered_whatever_the_cuts(size):
    times = np.arange(1000) / 100.0
    times[400:600] = np.nan
    dejitter = Dejitter(100.0, even=True)
    for i in range(0, 1000, size):
        dejitter.push(times[i : i + size], np.zeros((len(times[i : i + size]), 1)))
    gap, other = {"Cz": "gap in the stream"}, {"Cz": "flat"}
    assert dejitter.unknown.name_faults(gap, (4.5, 5.5), still=False) == {"Cz": "clock trouble"}
    assert dejitter.unknown.name_faults(other, (4.5, 5.5), still=False) == other
    assert dejitter.unknown.name_faults(gap, (6.0, 9.0), still=False) == gap


def test_a_stretch_without_times_that_goes_on_counts_only_for_a_preliminary_window():
    times = np.arange(600) / 100.0
    times[400:] = np.nan
    dejitter = Dejitter(100.0, even=True)
    dejitter.push(times, np.zeros((600, 1)))
    gap = {"Cz": "gap in the stream"}
    assert dejitter.unknown.name_faults(gap, (4.0, 6.0), still=False) == gap
    assert dejitter.unknown.name_faults(gap, (4.0, 6.0), still=True) == {"Cz": "clock trouble"}


@pytest.mark.parametrize(("hole", "n_holes", "n_noted"), [(25, 3, 0), (124, 3, 0), (130, 3, 3), (150, 60, 50)])
def test_gaps_of_half_a_second_are_noted_at_most_50_times_and_all_are_counted(hole, n_holes, n_noted):
    """At 250 Hz, 300 samples between two holes of so many samples."""
    notes: list[str] = []
    dejitter = Dejitter(250.0, even=True, notes=notes)
    index = np.arange((n_holes + 1) * (300 + hole))
    index = index[index % (300 + hole) < 300]
    dejitter.push(1000.0 + index / 250.0, index[:, None].astype(float))
    dejitter.flush()
    assert (dejitter.n_gaps, dejitter.n_missing) == (n_holes, n_holes * hole)
    noted = [note for note in notes if note.startswith("gap of")]
    assert len(noted) == n_noted
    assert all(f"about {hole} samples are missing" in note for note in noted)
