"""Predictions in each condition of a session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtemo.recordings.study.conditions import Interval
from rtemo.report.session_record import FloatTable, Predictions


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """A condition over all its stretches. mean (K,): of the windows that lie wholly in it, NaN where none does."""

    name: str
    n_intervals: int
    seconds: float
    n_windows: int
    mean: FloatTable
    abstains: float


def summed_up(intervals: Sequence[Interval], predictions: Predictions, window_s: float) -> list[Condition]:
    """Each condition once, in the order of its first stretch. Windows count that lie wholly in a stretch."""
    stretches: dict[str, list[Interval]] = {}
    for interval in intervals:
        stretches.setdefault(interval.name, []).append(interval)
    return [_condition(name, its, predictions, window_s) for name, its in stretches.items()]


def _condition(name: str, stretches: Sequence[Interval], predictions: Predictions, window_s: float) -> Condition:
    inside = np.zeros(len(predictions), bool)
    for one in stretches:
        inside |= (predictions.times >= one.begin_s + window_s) & (predictions.times <= one.end_s)
    predicted = predictions.probabilities[inside]
    predicted = predicted[np.isfinite(predicted).all(axis=1)]
    n, silent = int(inside.sum()), predictions.silent[inside]
    return Condition(
        name=name,
        n_intervals=len(stretches),
        seconds=sum(one.end_s - one.begin_s for one in stretches),
        n_windows=n,
        mean=predicted.mean(axis=0) if len(predicted) else np.full(len(predictions.labels), np.nan),
        abstains=float(silent.mean()) if n else float("nan"),
    )
