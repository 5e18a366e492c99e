"""Softmax, log-softmax and temperature scaling, in one place. Numpy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
FLOOR = 1e-12  # what a probability counts as before its logarithm is taken


def log_softmax(logits: Array) -> Array:
    """Over the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def tempered(log_p: Array, temperature: float) -> Array:
    """Probabilities (..., K) of log-probabilities or logits (..., K) at a temperature (Guo et al. 2017, 1706.04599)."""
    return np.asarray(np.exp(log_softmax(log_p / temperature)))


def logs(probabilities: Array) -> Array:
    """Log-probabilities, finite also where a probability is 0."""
    return np.asarray(np.log(np.maximum(probabilities, FLOOR)))
