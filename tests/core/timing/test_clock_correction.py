"""The clock model, on invented clocks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtemo.core.timing.clock_correction import SLEW, ClockModel
from rtemo.core.types import ClockOffset


def clock(*measurements):
    model = ClockModel()
    for time_s, offset_s in measurements:
        model.add(ClockOffset("s", time_s, offset_s))
    return model


def test_without_a_measurement_the_sender_shares_our_clock():
    stamps = np.array([5.0, 6.0])
    np.testing.assert_array_equal(ClockModel().to_lsl(stamps), stamps)


def test_samples_before_the_first_measurement_use_it():
    np.testing.assert_allclose(clock((100.0, 7.0)).to_lsl(np.array([90.0, 99.0, 101.0])), [97.0, 106.0, 108.0])


def test_a_measurement_does_not_touch_samples_before_it():
    model = clock((100.0, 7.0), (105.0, 7.01))
    np.testing.assert_array_equal(model.to_lsl(np.array([104.999]))[0], 104.999 + 7.0)


def test_the_offset_glides_a_millisecond_a_second():
    model = clock((100.0, 7.0), (110.0, 7.004))
    offsets = model.to_lsl(np.array([110.0, 111.0, 112.0, 114.0, 120.0])) - [110.0, 111.0, 112.0, 114.0, 120.0]
    np.testing.assert_allclose(offsets, [7.0, 7.0 + SLEW, 7.0 + 2 * SLEW, 7.004, 7.004], atol=1e-9)


def test_a_glide_that_is_overtaken_goes_on_from_where_it_was():
    model = clock((100.0, 7.0), (110.0, 7.01), (112.0, 6.99))
    offsets = model.to_lsl(np.array([112.0, 113.0])) - [112.0, 113.0]
    np.testing.assert_allclose(offsets, [7.002, 7.001], atol=1e-9)


def test_a_change_beyond_fifty_milliseconds_is_a_step():
    model = clock((100.0, 7.0), (110.0, 7.2))
    np.testing.assert_allclose(model.to_lsl(np.array([109.9, 110.0])), [116.9, 117.2], atol=1e-9)


def test_a_sender_that_restarts_its_clock_is_followed_once_it_is_measured():
    model = clock((1000.0, 50.0), (1005.0, 50.0), (3.0, 1060.0))
    times = model.to_lsl(np.array([1006.0, 1.0, 2.0, 3.0, 4.0]))
    assert np.isnan(times[1:3]).all()
    np.testing.assert_allclose(times[[0, 3, 4]], [1056.0, 1063.0, 1064.0])


def test_a_later_measurement_of_a_restarted_clock_is_not_used_before_the_restart():
    # the second life of the clock passes through the same stamps as the first one did
    model = clock((100.0, 5.0), (200.0, 5.0), (90.0, 300.0), (150.0, 300.0))
    np.testing.assert_allclose(model.to_lsl(np.array([155.0, 205.0])), [160.0, 210.0])


def test_small_steps_back_are_disorder_and_not_a_restart():
    model = clock((100.0, 5.0), (105.0, 5.0))
    np.testing.assert_allclose(model.to_lsl(np.array([106.0, 104.5, 106.5])), [111.0, 109.5, 111.5])


def test_a_leap_forward_of_a_measured_stream_waits_for_a_fresh_measurement():
    model = clock((100.0, 5.0), (105.0, 5.0), (90_000.5, -80_000.0))
    times = model.to_lsl(np.array([106.0, 90_000.0, 90_000.6]))
    assert np.isnan(times[1])
    np.testing.assert_allclose(times[[0, 2]], [111.0, 10_000.6])


def test_rare_markers_keep_their_time_while_the_clock_is_measured_meanwhile():
    model = clock(*((100.0 + 5 * k, 5.0) for k in range(60)))
    np.testing.assert_allclose(model.to_lsl(np.array([101.0, 300.0])), [106.0, 305.0])


@given(st.data())
def test_times_do_not_depend_on_how_stamps_are_cut(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    stamps = np.concatenate([1000 + np.cumsum(rng.exponential(0.01, 300)), 2 + np.cumsum(rng.exponential(0.05, 300))])
    measurements = [(1000.2, 50.0), (1001.0, 50.01), (1002.0, 49.0), (3.0, 1100.0), (8.0, 1100.02)]
    whole = clock(*measurements).to_lsl(stamps)

    cuts = sorted(data.draw(st.lists(st.integers(0, len(stamps)), max_size=8)))
    pieces = [stamps[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(stamps)], strict=True)]
    cut = clock(*measurements)
    np.testing.assert_array_equal(np.concatenate([cut.to_lsl(p) for p in pieces]), whole)


def test_what_arrives_live_gives_what_the_recording_gives():
    rng = np.random.default_rng(3)
    stamps = np.concatenate([1000 + np.cumsum(rng.exponential(0.01, 400)), 2 + np.cumsum(rng.exponential(0.05, 400))])
    measurements = [(999.0, 50.0), (1001.0, 50.01), (1002.0, 49.0), (3.0, 1100.0), (8.0, 1100.02)]
    recording = clock(*measurements).to_lsl(stamps)
    live, pending, times = clock(measurements[0]), measurements[1:], []
    for stamp in stamps:
        while pending and stamp >= pending[0][0] and (pending[0][0] > 500) == (stamp > 500):
            live.add(ClockOffset("s", *pending.pop(0)))
        times.append(live.to_lsl(np.array([stamp]))[0])
    np.testing.assert_array_equal(times, recording)


def test_no_samples_give_no_times():
    assert clock((1.0, 1.0)).to_lsl(np.empty(0)).shape == (0,)


@pytest.mark.parametrize("n", [1, 5])
def test_the_input_is_left_as_it_is(n):
    stamps = np.arange(n, dtype=float) + 100
    before = stamps.copy()
    clock((100.0, 3.0)).to_lsl(stamps)
    np.testing.assert_array_equal(stamps, before)


@pytest.mark.parametrize("offset_s", [1e300, -1e300, 1e13, float("nan"), float("inf")])
def test_an_offset_beyond_all_times_is_no_measurement(offset_s):
    model = clock((0.0, 5.0), (10.0, offset_s))
    np.testing.assert_array_equal(model.to_lsl(np.array([9.0, 10.5, 11.0])), [14.0, 15.5, 16.0])
    assert not clock((0.0, offset_s)).measured


def test_a_clock_of_its_own_may_be_far_away():
    uptime_ns = 3.0e12
    model = clock((uptime_ns, 500.0 - uptime_ns))
    np.testing.assert_array_equal(model.to_lsl(np.array([uptime_ns + 1.0])), [501.0])
