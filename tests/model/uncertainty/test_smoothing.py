from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtemo.core.errors import RtemoError
from rtemo.model.uncertainty.smoothing import Smoothing, advance, start

SMOOTHING = Smoothing(dwell_s=60.0, window_s=4.0, prior=(0.4, 0.3, 0.2, 0.1))


def random_probabilities(n, seed=0):
    return np.random.default_rng(seed).dirichlet(np.ones(4), size=n)


def run(times, probabilities, smoothing=SMOOTHING, decorrelation_s=8.0):
    state, out = start(smoothing), []
    for time_s, p in zip(times, probabilities, strict=True):
        state = advance(state, time_s, p, decorrelation_s, smoothing)
        out.append(state.posterior)
    return np.array(out)


def slow_reference(times, probabilities, decorrelation_s=8.0):
    """The forward recursion with an explicit transition matrix and sums over every path's last step."""
    n, prior = 4, np.array(SMOOTHING.prior)
    belief, last, last_seen, out = [1 / n] * n, None, None, []
    for t, p in zip(times, probabilities, strict=True):
        if last is not None:
            stay = np.exp(-(t - last) / SMOOTHING.dwell_s)
            transition = [[stay * (i == j) + (1 - stay) / n for j in range(n)] for i in range(n)]
            belief = [sum(belief[i] * transition[i][j] for i in range(n)) for j in range(n)]
        if p is not None:
            power = min(1.0, min(4.0, t - (-np.inf if last_seen is None else last_seen)) / decorrelation_s)
            belief = [belief[j] * (p[j] / prior[j]) ** power for j in range(n)]
            belief = [b / sum(belief) for b in belief]
            last_seen = t
        last = t
        out.append(belief)
    return np.array(out)


def test_the_filter_is_the_hidden_markov_forward_recursion():
    times = np.cumsum(np.random.default_rng(1).uniform(0.1, 20.0, size=50))
    probabilities = [p if i % 7 else None for i, p in enumerate(random_probabilities(50))]
    np.testing.assert_allclose(run(times, probabilities), slow_reference(times, probabilities), rtol=1e-9)


@given(st.floats(0.01, 500.0), st.floats(0.01, 500.0))
def test_without_evidence_two_steps_are_one_long_step(a, b):
    began = advance(start(SMOOTHING), 0.0, random_probabilities(1)[0], 8.0, SMOOTHING)
    via = advance(advance(began, a, None, 8.0, SMOOTHING), a + b, None, 8.0, SMOOTHING)
    at_once = advance(began, a + b, None, 8.0, SMOOTHING)
    np.testing.assert_allclose(via.posterior, at_once.posterior, atol=1e-12)


def test_a_second_of_data_weighs_the_same_at_any_hop():
    p = np.array([0.1, 0.2, 0.6, 0.1])
    still = Smoothing(dwell_s=1e9, window_s=4.0, prior=SMOOTHING.prior)
    ends = []
    for hop in (0.1, 0.25, 1.0):
        times = np.arange(0.0, 20.0 + hop / 2, hop)
        ends.append(run(times, [p] * len(times), still)[-1])
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-6)
    np.testing.assert_allclose(ends[0], ends[2], atol=1e-6)


def test_a_skipped_window_costs_no_evidence_of_the_next_one():
    p = random_probabilities(1)[0]
    skipped = run([0.0, 1.0, 2.0], [p, None, p])[-1]
    absent = run([0.0, 2.0], [p, p])[-1]
    np.testing.assert_allclose(skipped, absent, atol=1e-12)


def test_a_window_never_weighs_more_than_the_data_that_it_holds():
    p, slow = np.array([0.7, 0.1, 0.1, 0.1]), 40.0
    even = Smoothing(dwell_s=1e9, window_s=4.0, prior=(0.25,) * 4)
    alone = run([0.0], [p], even, slow)[-1]
    np.testing.assert_allclose(alone, p**0.1 / (p**0.1).sum(), rtol=1e-9)
    after_a_gap = run([0.0, 500.0], [p, p], even, slow)[-1]
    np.testing.assert_allclose(after_a_gap, p**0.2 / (p**0.2).sum(), rtol=1e-6)


def test_it_relaxes_to_even_odds_when_nothing_comes():
    began = advance(start(SMOOTHING), 0.0, np.array([0.97, 0.01, 0.01, 0.01]), 8.0, SMOOTHING)
    later = advance(began, 1200.0, None, 8.0, SMOOTHING)
    np.testing.assert_allclose(later.posterior, 0.25, atol=1e-6)


def test_a_certain_window_does_not_end_the_matter():
    certain = [np.array([1.0, 0.0, 0.0, 0.0])] * 5 + [np.array([0.0, 1.0, 0.0, 0.0])] * 5
    posterior = run(np.arange(10) * 10.0, certain)
    assert np.isfinite(posterior).all()
    assert posterior[-1].argmax() == 1


def test_an_old_state_can_be_gone_on_from():
    times, p = np.arange(6.0), random_probabilities(6)
    state = start(SMOOTHING)
    for t in range(3):
        state = advance(state, times[t], p[t], 8.0, SMOOTHING)
    before = state.posterior.copy()
    advance(state, 3.0, p[5], 8.0, SMOOTHING)
    np.testing.assert_array_equal(state.posterior, before)


@pytest.mark.parametrize("time_s", [1.0, 0.5])
def test_time_must_go_forward(time_s):
    state = advance(start(SMOOTHING), 1.0, None, 8.0, SMOOTHING)
    with pytest.raises(RtemoError, match="forward in time"):
        advance(state, time_s, None, 8.0, SMOOTHING)
