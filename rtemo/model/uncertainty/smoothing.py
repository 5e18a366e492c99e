"""Causal smoothing of predictions: a hidden Markov model with one state a label, run forward only.

Every parameter is in seconds, so that the filter does not depend on the hop and a skipped window only means that more
time has passed. State is a value: whoever keeps an old one can go on from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError
from rtemo.core.records import Check, Positive
from rtemo.model.uncertainty.probabilities import logs, tempered

FloatVector = NDArray[np.float64]
Shares = Annotated[
    tuple[Positive, ...],
    Check(lambda shares: abs(sum(shares) - 1.0) <= 1e-6, "positive shares that add up to 1"),
]


@dataclass(frozen=True, slots=True)
class Smoothing:
    """dwell_s: mean time in one emotion. prior: (K,) label shares in training, which the likelihood divides out.

    window_s: how much data one window stands for.
    """

    dwell_s: Positive
    window_s: Positive
    prior: Shares


@dataclass(frozen=True, slots=True)
class SmoothingState:
    """posterior: (K,). Times are the last step's and the last one's that brought evidence; None before the first."""

    posterior: FloatVector
    step_s: float | None = None
    evidence_s: float | None = None


def start(smoothing: Smoothing) -> SmoothingState:
    """The state before any window: every label equally likely."""
    n_labels = len(smoothing.prior)
    return SmoothingState(np.full(n_labels, 1.0 / n_labels))


def tempered_posterior(state: SmoothingState, temperature: float) -> FloatVector:
    """The posterior (K,) that is published: at a temperature fitted on held-out people.

    Neighbouring windows are wrong together for longer than the evidence's decorrelation time says, so the filter's own
    posterior, from which it goes on, is too sure.
    """
    return tempered(logs(state.posterior), temperature)


def advance(
    state: SmoothingState,
    time_s: float,
    probabilities: FloatVector | None,
    decorrelation_s: float,
    smoothing: Smoothing,
) -> SmoothingState:
    """One step of the forward filter to time_s, with the window's probabilities (K,) or None for no evidence.

    Transition over t seconds: stay with exp(-t / dwell_s), else jump to any label alike (emotions last about a
    minute: judgement). Steps compose: two of t seconds are one of 2 t. Evidence: the likelihood p(y|x) / p(y) to the
    power t / decorrelation_s, at most 1, where t is the time since the last evidence but no more than a window holds:
    overlapping windows say much the same, and a second of data weighs the same at any hop, at the start and after a
    gap. Raises RtemoError where time does not go forward.
    """
    if state.step_s is not None and time_s <= state.step_s:
        raise RtemoError(
            "predictions must go forward in time", f"{time_s} s after {state.step_s} s", "start a new decoder"
        )
    posterior = state.posterior
    if state.step_s is not None:
        stay = math.exp(-(time_s - state.step_s) / smoothing.dwell_s)
        posterior = stay * posterior + (1.0 - stay) / len(posterior)
    if probabilities is None:
        return SmoothingState(posterior, time_s, state.evidence_s)
    new_s = smoothing.window_s if state.evidence_s is None else min(time_s - state.evidence_s, smoothing.window_s)
    fresh = min(1.0, new_s / decorrelation_s)
    likelihood = np.log(np.maximum(probabilities, 1e-12)) - np.log(np.asarray(smoothing.prior))
    log_posterior = np.log(posterior) + fresh * likelihood
    posterior = np.exp(log_posterior - log_posterior.max())
    return SmoothingState(posterior / posterior.sum(), time_s, time_s)
