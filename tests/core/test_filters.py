"""Filters are scipy.signal's to the last bit, without the half second that importing it takes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

from rtemo.core import filters

EDGES = st.floats(0.001, 0.9)


@given(st.sampled_from([2, 4, 6, 8]), EDGES, st.sampled_from(["lowpass", "highpass"]))
def test_butterworth_sections_are_those_of_scipy(order, edge, kind):
    expected = scipy.signal.butter(order, edge, kind, output="sos")
    assert np.array_equal(filters.butterworth(order, edge, kind), expected)


@given(st.floats(0.01, 0.95), st.floats(5.0, 60.0))
def test_a_notch_is_that_of_scipy(frequency, quality):
    expected = scipy.signal.tf2sos(*scipy.signal.iirnotch(frequency, quality))
    assert np.array_equal(filters.notch(frequency, quality), expected)


@given(EDGES, st.floats(0.01, 0.95))
def test_the_steady_state_is_that_of_scipy(edge, frequency):
    sections = np.vstack([filters.butterworth(6, edge, "lowpass"), filters.notch(frequency, 25.0)])
    assert np.array_equal(filters.steady_state(sections), scipy.signal.sosfilt_zi(sections))


@pytest.mark.parametrize("n_channels", [1, 2, 7])
@pytest.mark.parametrize("n", [1, 2, 500])
def test_samples_and_states_are_those_of_scipy_and_the_input_is_left_alone(n, n_channels):
    rng = np.random.default_rng(1)
    sections = filters.butterworth(6, 0.2, "lowpass")
    values, states = rng.normal(size=(n, n_channels)), rng.normal(size=(n_channels, len(sections), 2))
    before = values.copy()
    expected, after = scipy.signal.sosfilt(sections, values, axis=0, zi=states.transpose(1, 2, 0))
    assert np.array_equal(filters.filter_sections(sections, values, states), expected)
    assert np.array_equal(states, after.transpose(2, 0, 1))
    assert np.array_equal(values, before)


def test_one_ratio_of_polynomials_filters_as_in_scipy():
    rng = np.random.default_rng(1)
    b, a = np.array([0.004, -0.0038]), np.array([1.0, -1.996, 0.9961])
    values, state = rng.normal(size=1000), rng.normal(size=2)
    expected, after = scipy.signal.lfilter(b, a, values, zi=state)
    filtered, new = filters.filter_one(b, a, values, state)
    assert np.array_equal(filtered, expected)
    assert np.array_equal(new, after)


def test_no_samples_leave_the_state_of_a_filter_as_it_was():
    b, a, state = np.array([0.004, -0.0038]), np.array([1.0, -1.996, 0.9961]), np.array([0.25, -3.0])
    before = [np.full(2, 7e9) for _ in range(50)]
    del before  # SciPy's own loop gives as the state whatever the memory held
    filtered, new = filters.filter_one(b, a, np.zeros(0), state)
    assert (len(filtered), new.tolist()) == (0, [0.25, -3.0])


def test_a_replay_starts_without_the_heavy_parts_of_scipy():
    script = "import sys, rtemo.commands.session.replay, rtemo.live.session.assemble_session; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    assert not {"scipy.signal", "scipy.stats", "scipy.optimize", "scipy.fft", "scipy.interpolate"} & set(loaded)


def test_the_group_delay_is_that_of_the_polynomials():
    sections = np.vstack([filters.butterworth(6, 0.14, "lowpass"), filters.notch(0.1, 25.0)])
    b, a = scipy.signal.sos2tf(sections)
    _, delay = scipy.signal.group_delay((b, a), w=[10.0], fs=1000.0)
    assert filters.group_delay_s(sections, 10.0, 1000.0) == pytest.approx(delay[0] / 1000.0, rel=1e-5)
    assert filters.group_delay_s(np.empty((0, 6)), 10.0, 1000.0) == 0.0
