"""Temperature scaling and fusion weights, fitted on validation people, each of whom counts the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from offline.evaluation.window_table import Indices
from rtemo.model.uncertainty.probabilities import log_softmax

Array = NDArray[np.float64]


def equal_units(unit: Indices) -> Array:
    """(n,) weights with which every unit (a person, or a trial) counts the same; their sum is 1."""
    _, which, counts = np.unique(unit, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / (len(counts) * counts[which]))


def fit_temperature(log_p: Array, labels: Indices, weight: Array) -> float:
    """The temperature with the least weighted NLL, from 0.05 to 20 (Guo et al. 2017, arXiv 1706.04599)."""

    def loss(log_t: float) -> float:
        return weighted_nll(log_softmax(log_p / np.exp(log_t)), labels, weight)

    return float(np.exp(minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded").x))


def fit_fusion(log_p: Array, labels: Indices, weight: Array) -> Array:
    """Weights (H,) from 0 to 3 of H heads' log-probabilities (H, n, K) with the least NLL of their weighted sum."""

    def loss(w: Array) -> float:
        return weighted_nll(log_softmax(np.tensordot(w, log_p, axes=1)), labels, weight)

    start = np.full(len(log_p), 1.0 / len(log_p))
    return np.asarray(minimize(loss, start, method="L-BFGS-B", bounds=[(0.0, 3.0)] * len(log_p)).x)


def weighted_nll(log_p: Array, labels: Indices, weight: Array) -> float:
    """Mean negative log-likelihood of log-probabilities (n, K)."""
    return float(-np.average(log_p[np.arange(len(labels)), labels], weights=weight))
