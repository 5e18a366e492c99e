"""Continuous ratings beside the labels: regressions on a model's embeddings, their intervals, and how well they do.

Where a corpus keeps ratings of its trials (`targets`), each fold's model gives embeddings of people whom it knows, a
ridge regression on these predicts the others' ratings, and the errors of all people held out give the conformal
interval; the regression that ships is fitted on everybody's embeddings by the model that ships. Strengths are chosen by
holding out people among those learned from.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from offline.corpus.corpus import Shard
from offline.evaluation.ratings import RatedTrials, trial_scores
from offline.evaluation.statistics import mean_interval
from offline.export.session_outputs import NetworkOutputs
from rtemo.core.errors import RtemoError
from rtemo.core.types import FloatArray
from rtemo.model.bundle import LinearHead
from rtemo.model.bundle_schema import MAIN_HEAD, RatingSpec
from rtemo.model.uncertainty.conformal import quantile
from rtemo.model.uncertainty.rating_estimates import average_path

LEVEL = 0.8
AVERAGE_S = 8.0  # judgement: a rating is of the last seconds, not of one window
STRENGTHS = (1e1, 1e2, 1e3, 1e4, 1e5)  # of the ridge, on standardised embeddings
FEWEST = 6  # people whose ratings are known, from whom on a regression is shipped
_INNER = 4  # groups of people, of those learned from, that strengths are chosen on

Array = NDArray[np.float64]
Heads = Mapping[str, Mapping[str, LinearHead]]  # rating -> combination -> the regression


def rating_names(shards: Sequence[Shard]) -> tuple[str, ...]:
    """The ratings that FEWEST people or more gave to trials of theirs."""
    people: dict[str, set[str]] = {}
    for shard in shards:
        for values in shard.about.targets.values():
            for name in values:
                people.setdefault(name, set()).add(shard.about.subject)
    return tuple(sorted(name for name, who in people.items() if len(who) >= FEWEST))


def rated(shard: Shard, name: str) -> Array:
    """(W,) the rating of each window's trial, NaN where it has none."""
    found = np.full(len(shard.rows), np.nan)
    for trial, values in shard.about.targets.items():
        if name in values:
            found[shard.rows["trial"] == int(trial)] = values[name]
    return found


def fit_heads(
    sessions: Sequence[NetworkOutputs],
    combinations: Sequence[str],
    ratings: Sequence[str],
    allowed: Sequence[NDArray[np.bool_]],
) -> dict[str, dict[str, LinearHead]]:
    """Regressions on what a model makes of people whom it knows. allowed: recording -> (W,) windows to learn from.

    A combination that too few trials offer has none.
    """
    found: dict[str, dict[str, LinearHead]] = {rating: {} for rating in ratings}
    for rating in ratings:
        for name in combinations:
            head = _head([_Rows.of(s, name, rating, ok) for s, ok in zip(sessions, allowed, strict=True)])
            if head is not None:
                found[rating][name] = head
    return found


@dataclass(frozen=True, slots=True)
class _Rows:
    """Windows of one recording: embeddings (n, d), ratings (n,), the numbers of their trials (n,), and the person."""

    z: Array
    rating: Array
    trial: NDArray[np.int64]
    subject: str

    @classmethod
    def of(cls, session: NetworkOutputs, name: str, rating: str, allowed: NDArray[np.bool_]) -> _Rows:
        values = rated(session.shard, rating)
        use = allowed & session.passes[name] & np.isfinite(values)
        z = session.z[MAIN_HEAD[name]][use].astype(np.float64)
        return cls(z, values[use], session.shard.rows["trial"][use].astype(np.int64), session.shard.about.subject)


def _head(parts: Sequence[_Rows]) -> LinearHead | None:
    parts = [part for part in parts if len(part.z)]
    people = sorted({part.subject for part in parts})
    if len(people) < 2:
        return None
    z, y, who, weight = _joined(parts, people)
    centre, spread = np.average(z, axis=0, weights=weight), np.maximum(z.std(axis=0), 1e-6)
    x = (z - centre) / spread
    mean = float(np.average(y, weights=weight))
    groups = who % min(_INNER, len(people))
    losses = [_inner_loss(x, y, weight, groups, strength) for strength in STRENGTHS]
    fit = Ridge(alpha=STRENGTHS[int(np.argmin(losses))], fit_intercept=False).fit(x, y - mean, sample_weight=weight)
    slope = fit.coef_ / spread
    return LinearHead(slope[None].astype(np.float32), np.array([mean - slope @ centre], np.float32))


def _joined(parts: Sequence[_Rows], people: Sequence[str]) -> tuple[Array, Array, NDArray[np.int64], Array]:
    """Embeddings, ratings, people's numbers and weights with mean 1: every trial counts the same."""
    weights = []
    for part in parts:
        _, which, counts = np.unique(part.trial, return_inverse=True, return_counts=True)
        weights.append(1.0 / counts[which])
    weight = np.concatenate(weights)
    who = np.concatenate([np.full(len(part.z), people.index(part.subject), np.int64) for part in parts])
    z, y = (np.concatenate([getattr(part, field) for part in parts]) for field in ("z", "rating"))
    return z, y, who, weight / weight.mean()


def _inner_loss(x: Array, y: Array, weight: Array, groups: NDArray[np.int64], strength: float) -> float:
    total = 0.0
    for group in np.unique(groups):
        out, rest = groups == group, groups != group
        mean = float(np.average(y[rest], weights=weight[rest]))
        fit = Ridge(alpha=strength, fit_intercept=False).fit(x[rest], y[rest] - mean, sample_weight=weight[rest])
        total += float(np.sum(weight[out] * (fit.predict(x[out]) + mean - y[out]) ** 2))
    return total


def with_ratings(session: NetworkOutputs, heads: Heads) -> NetworkOutputs:
    """The session with what the regressions make of its windows."""
    found: dict[tuple[str, str], FloatArray] = {}
    for rating, by_name in heads.items():
        for name, head in by_name.items():
            values = session.z[MAIN_HEAD[name]] @ head.weight[0] + head.bias[0]
            found[rating, name] = values.astype(np.float32)
    return replace(session, ratings=found)


@dataclass(frozen=True, slots=True)
class RatingCalibration:
    """specs: rating -> what the bundle says of it. scores: rating -> how well it does on people held out."""

    specs: Mapping[str, RatingSpec]
    scores: Mapping[str, Any]


def calibrated_ratings(
    sessions: Sequence[NetworkOutputs], names: Sequence[str], ratings: Sequence[str]
) -> RatingCalibration:
    """From recordings of everybody, each with what was predicted by regressions that did not know the person.

    What too few people offer for the level is left out; what errs no less than always saying the mean has scores only.
    """
    specs, scores = {}, {}
    for rating in ratings:
        errors = {name: _errors(sessions, name, rating) for name in names}
        kept = {name: own for name, own in errors.items() if len(np.unique(own[0])) >= LEVEL / (1.0 - LEVEL)}
        if not kept:
            continue
        scores[rating] = {name: _scores(*own) for name, own in kept.items()}
        half = {
            name: quantile(np.abs(found - truth), who, LEVEL)
            for name, (who, _, found, truth, _) in kept.items()
            if scores[rating][name]["rmse_better_by"]["value"] > 0.0
        }
        if half:
            specs[rating] = RatingSpec(LEVEL, AVERAGE_S, half)
    return RatingCalibration(specs, scores)


def shipped_specs(found: RatingCalibration, combinations: Collection[str]) -> dict[str, RatingSpec]:
    """What ships of the ratings: combinations that the bundle has."""
    kept = {
        rating: {name: half for name, half in one.half_width.items() if name in combinations}
        for rating, one in found.specs.items()
    }
    return {rating: replace(found.specs[rating], half_width=half) for rating, half in kept.items() if half}


def shipped_heads(specs: Mapping[str, RatingSpec], heads: Heads) -> dict[str, dict[str, LinearHead]]:
    """The regressions of what ships, of those that everybody trained."""
    return {rating: {name: heads[rating][name] for name in own.half_width} for rating, own in specs.items()}


def reading_ratings(ratings: Sequence[str], combinations: Sequence[str]) -> dict[str, dict[str, LinearHead]]:
    """Heads that read ratings off embeddings which are these ratings, in this order."""
    rows = np.eye(len(ratings), dtype=np.float32)
    zero = np.zeros(1, np.float32)
    return {
        rating: dict.fromkeys(combinations, LinearHead(row[None], zero))
        for rating, row in zip(ratings, rows, strict=True)
    }


def _errors(
    sessions: Sequence[NetworkOutputs], name: str, rating: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], Array, Array, Array]:
    """Of every rated window: person, trial, what is published, the rating, and the mean of the others' ratings."""
    people = sorted({s.shard.about.subject for s in sessions})
    parts = []
    for number, session in enumerate(sessions):
        truth = rated(session.shard, rating)
        values = session.ratings.get((rating, name))
        if values is None:
            continue
        path = average_path(session.times.tolist(), values.astype(np.float64), session.passes[name].tolist(), AVERAGE_S)
        use = np.isfinite(truth) & np.isfinite(path)
        who = np.full(int(use.sum()), people.index(session.shard.about.subject), np.int64)
        trial = number * 100_000 + session.shard.rows["trial"][use].astype(np.int64)
        parts.append((who, trial, path[use], truth[use]))
    if not parts:
        nothing = np.zeros(0)
        return nothing.astype(np.int64), nothing.astype(np.int64), nothing, nothing, nothing
    who, trial, path, truth = (np.concatenate(values) for values in zip(*parts, strict=True))
    mean = np.array([truth[who != one].mean() if (who != one).any() else math.nan for one in range(len(people))])
    return who, trial, path, truth, mean[who]


def _scores(
    who: NDArray[np.int64], trial: NDArray[np.int64], found: Array, truth: Array, mean: Array
) -> dict[str, Any]:
    """Of trials' means, as offline.evaluation.ratings has them, and of windows: coverage with the others' errors."""
    _, first, which = np.unique(trial, return_index=True, return_inverse=True)
    by_trial = np.bincount(which, weights=found) / np.bincount(which)
    scores = trial_scores(RatedTrials(who[first], truth[first], by_trial, mean[first]))
    covered = []
    for one in np.unique(who):
        own, rest = who == one, who != one
        try:
            half = quantile(np.abs(found - truth)[rest], who[rest], LEVEL)
        except RtemoError:  # without this person too few
            return scores
        covered.append(float(np.mean(np.abs(found - truth)[own] <= half)))
    return {**scores, "windows": {"coverage": mean_interval(covered), "level": LEVEL, "n": len(found)}}
