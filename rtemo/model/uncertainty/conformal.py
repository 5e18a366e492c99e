"""Conformal prediction sets of labels, and their quantile from held-out people.

Score: 1 - p(true label) (LAC: Sadinle, Lei, Wasserman 2019, the smallest sets on average). Windows of one person are
no independent draws, so a person is one unit: each has the same weight, however many windows, and one more person
with an infinite score stands for the new one (hierarchical conformal prediction, Lee, Barber, Willett 2023,
arXiv 2306.06342; pooling, Dunn, Wasserman, Ramdas 2022, arXiv 1809.07441). The promise is marginal: over new people
from where the calibration people came from, a window's true label is in the set at least that often.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError


def scores(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n, K), (n,) -> (n,): 1 - p(true label)."""
    return 1.0 - probabilities[np.arange(len(labels)), labels]


def quantile(score: NDArray[np.float64], person: NDArray[np.int64], level: float) -> float:
    """The score that a new person's windows stay under with probability `level`.

    score (n,), person (n,) any ids. Raises RtemoError where there are too few people for that level: with k people
    at most k / (k + 1) can be promised.
    """
    people, index, counts = np.unique(person, return_inverse=True, return_counts=True)
    if level > len(people) / (len(people) + 1):
        raise RtemoError(
            f"sets at {level:.0%} cannot be promised",
            f"{len(people)} calibration people allow at most {len(people) / (len(people) + 1):.1%}",
            "hold out more people for calibration",
        )
    order = np.argsort(score, kind="stable")
    mass = np.cumsum(1.0 / ((len(people) + 1) * counts[index[order]]))
    at = int(np.searchsorted(mass, level - 1e-12))
    return float(score[order[min(at, len(score) - 1)]])


def members(probabilities: NDArray[np.float64], quantile: float) -> tuple[int, ...]:
    """The labels (indices) in the set, most probable first; never empty: the most probable one always belongs."""
    order = np.argsort(-probabilities, kind="stable")
    return tuple(int(k) for i, k in enumerate(order) if i == 0 or 1.0 - probabilities[k] <= quantile)
