"""Bootstrap intervals and paired tests over people: a person is one unit, whatever the number of windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wilcoxon

Array = NDArray[np.float64]
LEVEL = 0.95
DRAWS = 2000
_SEED = 20_240_601  # any fixed number: the same results give the same interval


def bootstrap(n: int, statistic: Callable[[NDArray[np.int64]], float], draws: int = DRAWS) -> tuple[float, float]:
    """Bootstrap percentile interval at LEVEL of a statistic of n people; it is given the indices that were drawn."""
    random = np.random.default_rng(_SEED)
    values = [statistic(random.integers(0, n, n)) for _ in range(draws)]
    low, high = np.quantile(values, [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0])
    return float(low), float(high)


def mean_interval(values: Sequence[float]) -> dict[str, float]:
    """Mean, standard deviation and bootstrap interval of the mean over people."""
    array = np.asarray(values, np.float64)
    draws = np.random.default_rng(_SEED).integers(0, len(array), (DRAWS, len(array)))
    low, high = np.quantile(array[draws].mean(axis=1), [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0])
    sd = float(array.std(ddof=1)) if len(array) > 1 else 0.0
    return {"value": float(array.mean()), "sd": sd, "low": float(low), "high": float(high)}


def paired_p(one: Sequence[float], other: Sequence[float]) -> float:
    """Two-sided Wilcoxon signed-rank test over people (Wilcoxon 1945); 1 where they do not differ at all."""
    difference = np.asarray(one, np.float64) - np.asarray(other, np.float64)
    if not np.any(difference):
        return 1.0
    return float(wilcoxon(difference, zero_method="wilcox").pvalue)


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p-values that control the family-wise error (Holm 1979), in the given order."""
    order = np.argsort(p, kind="stable")
    steps = (len(p) - np.arange(len(p))) * np.asarray(p, np.float64)[order]
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(value) for value in adjusted]
