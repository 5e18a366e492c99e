"""A device's clock on the LSL clock: within a millisecond over ten minutes, whatever the drift, delays and stalls."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from rtemo.bridges.bridge import forward
from rtemo.bridges.device_clock import SETTLE_S, DeviceClock

RATE_HZ, BLOCK = 100.0, 5


def followed(drift, delay_ms, *, seconds=600.0, stall=(), seed=0, origin_s=7e5):
    """The error of each block's stamps (last sample), with the clock; arrivals are late by an exponential delay."""
    rng = np.random.default_rng(seed)
    clock, errors, ready_s = DeviceClock(), [], 0.0
    for k in range(int(seconds * RATE_HZ / BLOCK)):
        true = 1000.0 + (k * BLOCK + np.arange(BLOCK)) / RATE_HZ
        device = origin_s + (true - 1000.0) * (1.0 + drift)
        arrived = true[-1] + rng.exponential(delay_ms / 1000.0)
        if stall and stall[0] <= true[-1] - 1000.0 < stall[1]:
            arrived = 1000.0 + stall[1] + 1e-4 * k
        ready_s = arrived = max(arrived, ready_s)
        clock.see(float(device[-1]), arrived)
        clock.settle(arrived)
        stamps = clock.to_lsl(device)
        errors.append(stamps[-1] - true[-1])
    return np.array(errors), clock


@given(st.floats(-2e-4, 2e-4), st.floats(0.1, 8.0), st.integers(0, 1000))
@examples(max_examples=8)
def test_stamps_are_within_a_millisecond_of_the_truth_over_ten_minutes(drift, delay_ms, seed):
    errors, clock = followed(drift, delay_ms, seed=seed)
    known = ~np.isnan(errors)
    assert not known[: int(SETTLE_S * RATE_HZ / BLOCK) - 1].any()
    late = errors[int(60 * RATE_HZ / BLOCK) :]
    assert np.abs(late).max() < 1e-3 + 0.1 * delay_ms / 1000.0
    assert np.abs(errors[known]).max() < 0.02  # also in the first minute
    assert clock.report().drift_ppm == pytest.approx(-1e6 * drift, abs=8.0)
    assert clock.report().resets == 0


def test_a_stall_of_seconds_moves_no_stamp():
    errors, clock = followed(5e-5, 1.0, stall=(200.0, 203.5))
    assert np.abs(errors[int(60 * RATE_HZ / BLOCK) :]).max() < 2e-3
    assert clock.report().resets == 0


def test_jitter_is_what_samples_come_late_by():
    _, clock = followed(0.0, 4.0)
    assert clock.report().jitter_ms == pytest.approx(4.0 * np.log(20.0), rel=0.3)


@pytest.mark.parametrize("leap_s", [-40.0, 40.0])
def test_a_device_that_was_set_is_measured_anew(leap_s):
    clock = DeviceClock()
    errors = []
    for k in range(4000):
        true = 50.0 + k / 100.0
        device = true + (leap_s if true >= 60.0 else 0.0)
        clock.see(device, true + 0.001)
        clock.settle(true + 0.001)
        errors.append(float(clock.to_lsl(np.array([device]))[0]) - true)
    assert clock.report().resets == 1
    assert np.abs(errors[-100:]).max() < 2e-3


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20), st.floats(0, 100))
def test_stamps_go_forward(stamps, last_s):
    given_out = forward(np.array(stamps), last_s)
    assert (np.diff(np.concatenate([[last_s], given_out])) > 0).all()
    assert (given_out >= np.array(stamps) - 1e-9).all()
