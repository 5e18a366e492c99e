"""Continuous ratings (valence, arousal, …) of a model that was fitted on them: an estimate with a conformal interval.

A ridge regression on the model's embedding gives a value for each window; what is published is their causal average,
so that it follows a person and not the noise of a window. The interval is conformal: on held-out people the rating was
no farther from the published value than `half_width` in at least `level` of the windows, each person counting the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class RatingEstimate:
    """In the units of the ratings that it was fitted on; NaN where the window says nothing. low, high: the interval."""

    value: float
    low: float
    high: float


NO_ESTIMATE = RatingEstimate(math.nan, math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class RatingAverage:
    """The average so far: the sum of decaying weights times values, and of the weights, at a time."""

    time_s: float = -math.inf
    total: float = 0.0
    weight: float = 0.0

    @property
    def value(self) -> float:
        """NaN before the first window."""
        return self.total / self.weight if self.weight > 0.0 else math.nan


def averaged(state: RatingAverage, time_s: float, value: float, average_s: float) -> RatingAverage:
    """The average after one more window, which counts by the time it adds; what is `average_s` older: e times less."""
    keeps = math.exp(-(time_s - state.time_s) / average_s) if math.isfinite(state.time_s) else 0.0
    adds = 1.0 - keeps if state.weight > 0.0 else 1.0
    return RatingAverage(time_s, keeps * state.total + adds * value, keeps * state.weight + adds)


def average_path(
    times: Sequence[float], values: NDArray[np.float64], usable: Sequence[bool], average_s: float
) -> NDArray[np.float64]:
    """(W,) what is published for each window of a session, NaN where it is not usable."""
    state, path = RatingAverage(), np.full(len(values), np.nan)
    for i, (time_s, value, use) in enumerate(zip(times, values, usable, strict=True)):
        if use:
            state = averaged(state, float(time_s), float(value), average_s)
            path[i] = state.value
    return path


def estimate(value: float, half_width: float) -> RatingEstimate:
    """With its interval."""
    return RatingEstimate(value, value - half_width, value + half_width)


def rating_columns(ratings: Sequence[str]) -> list[str]:
    """The names of the CSV columns of ratings."""
    return [f"ratings.{name}{part}" for name in ratings for part in ("", ".low", ".high")]


def rating_numbers(ratings: Mapping[str, RatingEstimate]) -> list[float]:
    """In the order of `rating_columns`."""
    return [number for one in ratings.values() for number in (one.value, one.low, one.high)]
