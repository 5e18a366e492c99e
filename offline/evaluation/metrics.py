"""Scores of probabilities against labels. Chance and the spread over people always stand beside them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, cohen_kappa_score, confusion_matrix, f1_score, recall_score

Probabilities = NDArray[np.float64]
Labels = NDArray[np.int64]


def balanced_accuracy(labels: Labels, predicted: Labels) -> float:
    """The mean over the labels that occur of the share of their windows that is found."""
    return float(recall_score(labels, predicted, labels=np.unique(labels), average="macro", zero_division=0))


def nll(probabilities: Probabilities, labels: Labels) -> float:
    """Mean negative log-likelihood, natural logarithm. scikit-learn's needs every label to be named and sums of 1."""
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


def accuracy(labels: Labels, predicted: Labels) -> float:
    """The share that is right."""
    return float(accuracy_score(labels, predicted))


def f1_macro(labels: Labels, predicted: Labels) -> float:
    """The mean over the labels that occur, in truth or prediction, of 2 tp / (2 tp + fp + fn)."""
    return float(f1_score(labels, predicted, average="macro"))


def kappa(labels: Labels, predicted: Labels) -> float:
    """Cohen's (1960): agreement beyond that of the marginals; 0 where both name one label only."""
    if len(np.union1d(labels, predicted)) == 1:
        return 0.0
    return float(cohen_kappa_score(labels, predicted))


def risk_coverage(
    probabilities: Probabilities, labels: Labels, last: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """(n,) the error rate among the k most confident windows, k = 1 .. n. last (n,): these come after all else."""
    order = np.lexsort((-probabilities.max(axis=1), np.zeros(len(labels), np.bool_) if last is None else last))
    wrong = probabilities.argmax(axis=1)[order] != labels[order]
    return np.asarray(np.cumsum(wrong) / np.arange(1, len(labels) + 1))


def aurc(probabilities: Probabilities, labels: Labels, last: NDArray[np.bool_] | None = None) -> float:
    """The area under the risk-coverage curve (Geifman & El-Yaniv 2017): the mean error over all coverages."""
    return float(risk_coverage(probabilities, labels, last).mean())


def confusion(labels: Labels, predicted: Labels, n_labels: int) -> NDArray[np.int64]:
    """(K, K) counts; rows are the truth."""
    return np.asarray(confusion_matrix(labels, predicted, labels=np.arange(n_labels)), np.int64)
