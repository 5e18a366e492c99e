"""Filters and the absolute grid."""

import numpy as np
import pytest

from rtemo.core.eeg.conditioning import (
    CausalFilter,
    EegConditioner,
    EegSettings,
    GridResampler,
    anti_aliasing,
    grid_filter,
    hold,
)
from rtemo.core.timing.dejitter import SampleRun

SETTINGS = EegSettings()


def run(times, values, hz, gap_s=0.0):
    return SampleRun(times, values, hz, gap_s)


def conditioned(values, hz, start=1000.0, cuts=()):
    """Grid indices, values and validity of (n, C) microvolts that begin at `start`."""
    conditioner = EegConditioner(SETTINGS, values.shape[1])
    times = start + np.arange(len(values)) / hz
    blocks = []
    for k, (begin, end) in enumerate(zip([0, *cuts], [*cuts, len(values)], strict=True)):
        if end > begin:
            blocks.append(conditioner.push(run(times[begin:end], values[begin:end], hz, np.inf if k == 0 else 0.0)))
    filled = [b for b in blocks if len(b.values)]
    index = np.concatenate([b.first + np.arange(len(b.values)) for b in filled])
    return index, np.concatenate([b.values for b in filled]), np.concatenate([b.valid for b in filled])


def sine(frequency, hz, seconds=20.0, start=1000.0):
    return np.sin(2 * np.pi * frequency * (start + np.arange(round(seconds * hz)) / hz))[:, None] * 10.0


def gain(frequency, hz):
    index, values, _ = conditioned(sine(frequency, hz), hz)
    tail = values[index > index[0] + 2000, 0]
    return np.sqrt(2) * tail.std() / 10.0


@pytest.mark.parametrize("hz", [250.0, 256.0, 500.0, 512.0, 1000.0, 2048.0])
@pytest.mark.parametrize("frequency", [2.0, 10.0, 30.0])
def test_the_band_passes(hz, frequency):
    assert gain(frequency, hz) == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize("hz", [250.0, 1000.0])
@pytest.mark.parametrize("frequency", [0.05, 50.0, 60.0])
def test_drift_and_line_noise_do_not(hz, frequency):
    assert gain(frequency, hz) < 0.03


@pytest.mark.parametrize("frequency", [160.0, 195.0, 210.0, 390.0])
def test_nothing_folds_into_the_band(frequency):
    assert gain(frequency, 1000.0) < 0.025


@pytest.mark.parametrize("start", [1000.0, 1000.0012, 77.7])
@pytest.mark.parametrize("hz", [250.0, 1000.0])
def test_grid_samples_lie_on_multiples_of_five_milliseconds_whatever_the_start(start, hz):
    slow = sine(1.5, hz, start=start)
    index, values, _ = conditioned(slow, hz, start=start)
    assert np.array_equal(np.diff(index), np.ones(len(index) - 1))
    smooth = CausalFilter(anti_aliasing(SETTINGS, hz), slow[0])(slow)[:, 0]
    wide = np.interp(index / 200.0, start + np.arange(len(slow)) / hz, smooth)[:, None]
    expected = CausalFilter(grid_filter(SETTINGS), wide[0])(wide)[:, 0]
    np.testing.assert_allclose(values[20:, 0], expected[20:], atol=0.02)  # a line between samples is off where it rings


def test_the_interpolation_of_a_parabola_is_exact():
    times = 10.0 + np.arange(100) * 0.0041
    values = ((times - 10.2) ** 2)[:, None]
    first, out, valid = GridResampler(200.0, 1).push(times, values, np.ones((100, 1), dtype=bool))
    grid = (first + np.arange(len(out))) / 200.0
    np.testing.assert_allclose(out[:, 0], (grid - 10.2) ** 2, atol=1e-12)
    assert valid.all()


@pytest.mark.parametrize("hz", [200.0, 250.0, 1000.0])
def test_samples_that_lie_on_the_grid_come_out_as_they_are_at_any_time_of_the_day(hz):
    for start in range(0, 4000, 20):
        times = start + np.arange(120) / hz
        resampler = GridResampler(200.0, 1)
        for cut in (slice(0, 57), slice(57, 60), slice(60, 120)):
            block = (times[cut] - start)[:, None]
            first, out, _ = resampler.push(times[cut], block, np.ones(block.shape, dtype=bool))
            grid = (first + np.arange(len(out))) / 200.0
            np.testing.assert_allclose(out[:, 0], grid - start, atol=1e-9)


def test_the_grid_does_not_depend_on_how_samples_are_cut():
    rng = np.random.default_rng(0)
    values = rng.normal(0, 20, (3000, 3))
    values[500:520, 1] = np.nan
    whole = conditioned(values, 512.0, cuts=[700])
    cut = conditioned(values, 512.0, cuts=[1, 2, 3, 10, 11, 700, 701, 1500, 2999])
    single = conditioned(values, 512.0, cuts=list(range(1, 3000)))
    for a, b, c in zip(whole, cut, single, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def test_a_filter_starts_in_the_steady_state_of_its_first_sample():
    offset = np.full((500, 1), 165_000.0)  # a DC-coupled amplifier
    assert np.abs(CausalFilter(grid_filter(SETTINGS), offset[0])(offset)).max() < 1e-4


def test_a_nan_does_not_poison_a_filter():
    values = sine(10.0, 250.0)
    values[1000] = np.nan
    values[1001] = np.inf
    index, out, valid = conditioned(values, 250.0)
    clean = conditioned(sine(10.0, 250.0), 250.0)[1]
    assert np.isfinite(out).all()
    assert not valid.all()
    assert np.abs(out - clean)[index > index[0] + 2500].max() < 0.05


def test_hold_takes_the_last_good_value_of_each_channel():
    values = np.array([[np.nan, 1.0], [2.0, np.nan], [np.nan, np.nan]])
    np.testing.assert_array_equal(hold(values, np.array([9.0, 8.0])), [[9.0, 1.0], [2.0, 1.0], [2.0, 1.0]])


def test_a_short_hole_is_bridged_and_marked_and_a_long_one_restarts_the_filters():
    conditioner = EegConditioner(SETTINGS, 1)
    values = sine(10.0, 250.0, seconds=4.0)
    times = 1000.0 + np.arange(1000) / 250.0
    blocks = [conditioner.push(run(times[:400], values[:400], 250.0, np.inf))]
    blocks.append(conditioner.push(run(times[425:600], values[425:600], 250.0, 0.1)))
    blocks.append(conditioner.push(run(times[900:], values[900:], 250.0, 1.2)))
    assert [b.restarted for b in blocks] == [True, False, True]
    assert blocks[1].first == blocks[0].first + len(blocks[0].values)
    index = blocks[1].first + np.arange(len(blocks[1].values))
    hole = (index / 200.0 > times[399]) & (index / 200.0 < times[425])
    assert not blocks[1].valid[hole].any()
    assert blocks[1].valid[index / 200.0 > times[426]].all()
    assert blocks[2].first > blocks[1].first + len(blocks[1].values) + 200


@pytest.mark.parametrize(("rate_hz", "n_sections"), [(140.0, 0), (155.0, 0), (156.0, 3), (1000.0, 3)])
def test_a_stream_is_low_passed_where_its_rate_leaves_room_below_the_nyquist_frequency(rate_hz, n_sections):
    assert anti_aliasing(SETTINGS, rate_hz).shape == (n_sections, 6)  # 70 Hz is 0.903 of 77.5 Hz, and 0.897 of 78


def in_two(gap_s, hz=250.0, other_hz=250.0):
    """Two runs with so long between the last sample of the one and the first of the other, as it is stated."""
    conditioner = EegConditioner(SETTINGS, 1)
    values = sine(10.0, 250.0, seconds=4.0)
    times = 1000.0 + np.arange(1000) / 250.0
    conditioner.push(run(times[:400], values[:400], hz, np.inf))
    return conditioner.push(run(times[410:], values[410:], other_hz, gap_s))


@pytest.mark.parametrize(
    ("gap_s", "restarted"), [(0.0, False), (0.25, False), (np.nextafter(0.25, 1.0), True), (np.inf, True)]
)
def test_a_hole_longer_than_a_quarter_of_a_second_starts_the_filters_anew(gap_s, restarted):
    assert in_two(gap_s).restarted == restarted


def test_another_rate_starts_the_filters_anew():
    assert in_two(0.0, other_hz=251.0).restarted


def test_a_short_hole_is_filled_with_a_straight_line_of_absent_samples():
    rng = np.random.default_rng(3)
    times, values = 1000.0 + np.arange(1000) / 250.0, rng.normal(0.0, 20.0, (1000, 3))
    kept = np.r_[0:400, 430:1000]
    filled = np.column_stack([np.interp(times, times[kept], channel[kept]) for channel in values.T])
    whole, cut = EegConditioner(SETTINGS, 3), EegConditioner(SETTINGS, 3)
    expected = whole.push(run(times, filled, 250.0, np.inf))
    blocks = [cut.push(run(times[:400], values[:400], 250.0, np.inf))]
    blocks.append(cut.push(run(times[430:], values[430:], 250.0, 31 / 250.0)))
    np.testing.assert_allclose(np.vstack([one.wide for one in blocks]), expected.wide, atol=1e-9)
    np.testing.assert_allclose(np.vstack([one.values for one in blocks]), expected.values, atol=1e-9)
    grid = (expected.first + np.arange(len(expected.wide))) / 200.0
    absent = (grid >= times[399] + 1e-9) & (grid < times[430] - 1e-9)  # between a sample and an absent one, too
    np.testing.assert_array_equal(~np.vstack([one.valid for one in blocks]), np.column_stack([absent] * 3))


def test_a_line_goes_on_from_the_last_value_that_a_channel_had():
    times, values = 1000.0 + np.arange(1000) / 250.0, np.full((1000, 2), 5.0)
    values[430:] = 9.0
    with_nan = values.copy()
    with_nan[395:400, 0] = np.nan  # its last value is that of sample 394
    with_nan[430, 1] = np.nan  # nothing to go to: it stays where it is
    cut = EegConditioner(SETTINGS, 2)
    cut.push(run(times[:400], with_nan[:400], 250.0, np.inf))
    _, line, valid = cut._bridge(times[430:], with_nan[430:], np.isfinite(with_nan[430:]))
    np.testing.assert_allclose(line[:30, 0], 5.0 + 4.0 * np.arange(1, 31) / 31)
    np.testing.assert_array_equal(line[:30, 1], np.full(30, 5.0))
    assert not valid[:30].any()
    assert valid[30:].sum() == 2 * 570 - 1
