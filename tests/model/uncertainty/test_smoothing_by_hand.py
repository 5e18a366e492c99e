"""The forward filter of two labels, step by step by hand."""

import math

import numpy as np
import pytest

from rtemo.core.errors import RtemoError
from rtemo.core.records import Reader
from rtemo.model.uncertainty.smoothing import Shares, Smoothing, SmoothingState, advance, start, tempered_posterior

HALVES = Smoothing(dwell_s=1.0 / math.log(2.0), window_s=2.0, prior=(0.5, 0.5))  # a second keeps one half
FIRST, SECOND = np.array([0.8, 0.2]), np.array([0.2, 0.8])


def test_every_label_is_equally_likely_at_the_start():
    assert start(Smoothing(10.0, 2.0, (0.5, 0.3, 0.1, 0.1))).posterior.tolist() == [0.25] * 4


@pytest.mark.parametrize(
    ("prior", "fits"),
    [([0.5, 0.5000005], True), ([0.5, 0.5000012], False), ([0.5, 0.4999988], False), ([1.5, 1.0], False)],
)
def test_a_prior_adds_up_to_1(prior, fits):
    reader = Reader("the bundle", "get it again")
    if fits:
        assert reader.value(Shares, prior, "prior") == tuple(prior)
        return
    with pytest.raises(RtemoError, match="positive shares that add up to 1"):
        reader.value(Shares, prior, "prior")


def test_each_step_by_hand():
    state = advance(start(HALVES), 10.0, FIRST, 4.0, HALVES)  # 2 s of 4: the root of 4 : 1
    assert state.posterior.tolist() == pytest.approx([2 / 3, 1 / 3])
    state = advance(state, 11.0, None, 4.0, HALVES)  # half of it, and a quarter for either
    assert state.posterior.tolist() == pytest.approx([7 / 12, 5 / 12])
    assert (state.step_s, state.evidence_s) == (11.0, 10.0)
    state = advance(state, 12.0, SECOND, 4.0, HALVES)  # 13/24 : 11/24 by 1 : 2, as 2 s have come since evidence
    assert state.posterior.tolist() == pytest.approx([13 / 35, 22 / 35])
    state = advance(state, 13.0, FIRST, 4.0, HALVES)  # 61/140 : 79/140 by the fourth root of 4 : 1
    total = 61 * math.sqrt(2.0) + 79
    assert state.posterior.tolist() == pytest.approx([61 * math.sqrt(2.0) / total, 79 / total])
    assert (state.step_s, state.evidence_s) == (13.0, 13.0)
    late = advance(state, 1000.0, FIRST, 4.0, HALVES)  # a gap brings no more than a window holds
    assert late.posterior.tolist() == pytest.approx([2 / 3, 1 / 3])


@pytest.mark.parametrize("decorrelation_s", [2.0, 1.0, 0.1])
def test_a_window_counts_at_most_once(decorrelation_s):
    state = advance(start(HALVES), 10.0, FIRST, decorrelation_s, HALVES)
    assert state.posterior.tolist() == pytest.approx([0.8, 0.2])


def test_the_likelihood_is_what_the_window_has_beyond_the_prior():
    uneven = Smoothing(10.0, 2.0, (0.8, 0.2))
    assert advance(start(uneven), 0.0, FIRST, 2.0, uneven).posterior.tolist() == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("time_s", [10.0, 9.5])
def test_time_that_does_not_go_forward_is_refused(time_s):
    state = advance(start(HALVES), 10.0, None, 4.0, HALVES)
    assert (state.step_s, state.evidence_s) == (10.0, None)
    with pytest.raises(RtemoError, match=rf"(?s)predictions must go forward in time.*{time_s} s after 10\.0 s"):
        advance(state, time_s, FIRST, 4.0, HALVES)


def test_what_is_published_is_the_posterior_at_the_fitted_temperature():
    state = SmoothingState(np.array([0.9, 0.1]))
    assert tempered_posterior(state, 2.0).tolist() == pytest.approx([0.75, 0.25])  # the root of 9 : 1
