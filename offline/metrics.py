"""Scores of probabilities against labels. Chance and the spread over people are always told beside them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float64]
Labels = NDArray[np.int64]


def balanced_accuracy(labels: Labels, predicted: Labels) -> float:
    """The mean over the labels that occur of the share of their windows that is found."""
    return float(np.mean([np.mean(predicted[labels == k] == k) for k in np.unique(labels)]))


def nll(probabilities: Probabilities, labels: Labels) -> float:
    """Mean negative log-likelihood, natural logarithm."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-12)).mean())


def ece(probabilities: Probabilities, labels: Labels, bins: int = 15) -> float:
    """Expected calibration error of the top label with bins of equal counts (Nguyen & O'Connor 2015)."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [len(part) * abs(right[part].mean() - confidence[part].mean()) for part in parts]
    return float(np.sum(gaps) / len(labels))


def per_person(values: Sequence[float]) -> dict[str, float]:
    """Mean, standard deviation, least and largest over people."""
    array = np.asarray(values)
    return {
        "mean": float(array.mean()),
        "sd": float(array.std(ddof=1)) if len(array) > 1 else 0.0,
        "min": float(array.min()),
        "max": float(array.max()),
    }
