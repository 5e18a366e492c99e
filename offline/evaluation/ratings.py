"""Continuous ratings, such as valence and arousal, predicted for people who were held out, with conformal intervals.

Where a corpus keeps ratings of its trials (`targets` of a mapping), a ridge regression on band power and eye features
learns them; its strength is chosen on people who are neither learned from nor tested. A trial's prediction is the mean
of its windows'. Intervals are conformal: the quantile of absolute errors of people held out, each counting the same
(rtemo.model.uncertainty.conformal), and each person's interval comes from the others' errors. Beside it stands the mean
of the training people's ratings, which looks at nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from offline.corpus.corpus import UNLABELLED, Corpus
from offline.evaluation.methods.linear import read_both
from offline.evaluation.statistics import bootstrap, mean_interval
from offline.evaluation.window_table import MODALITIES, Indices, Windows, WindowTable, tabulate
from offline.splits import check, cross_fitting
from rtemo.core.errors import RtemoError
from rtemo.model.uncertainty.conformal import quantile

LEVELS = (0.8, 0.9)
STRENGTHS = (1e2, 1e3, 1e4, 1e5)  # of the ridge, on standardised features
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RatedTrials:
    """Trials of people who were held out: person (t,) numbers, rated, found and mean (t,): of training people."""

    person: Indices
    rated: Array
    found: Array
    mean: Array


def rating_scores(corpus: Corpus, names: Sequence[str] = (), seed: int = 0, folds: int = 8) -> dict[str, Any]:
    """Rating -> scores on people held out in turn. names: which ratings; none: all that the corpus keeps.

    Raises RtemoError where the corpus has no such ratings, or of fewer than three people.
    """
    kept = sorted({name for shard in corpus for values in shard.about.targets.values() for name in values})
    if not kept:
        raise RtemoError(f"{corpus.path} has no ratings", "no trial has targets", "name them in the mapping, and build")
    if unknown := sorted(set(names) - set(kept)):
        raise RtemoError(f"{corpus.path} has no rating {unknown[0]}", f"it has {', '.join(kept)}", "name one of these")
    table = tabulate(corpus, labelled=False)
    return {name: trial_scores(held_out_trials(table, name, seed, folds)) for name in names or kept}


def held_out_trials(table: WindowTable, name: str, seed: int, folds: int) -> RatedTrials:
    """Every rated trial, predicted by a regression that knows neither its person nor, where films are shared, it."""
    ratings = ratings_of(table, name)
    ids = replace(table.ids, label=np.where(np.isfinite(ratings), 0, UNLABELLED))
    people = np.unique(ids.subject[ids.label == 0])
    if len(people) < 3:
        raise RtemoError(f"too few people rated {name}", f"{len(people)}", "use 3 or more")
    parts = []
    for fold in cross_fitting(ids, seed, folds):
        check(fold.split, ids)
        rows = (fold.split.train, fold.split.validation, fold.split.test)
        train, validation, test = (Windows(table, own, MODALITIES) for own in rows)
        parts.append(_fold(train, validation, test, ratings))
    return RatedTrials(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def ratings_of(table: WindowTable, name: str) -> Array:
    """(N,) the rating of each window's trial, NaN where it has none."""
    found = np.full(len(table), np.nan)
    for number, shard in enumerate(table.shards):
        mine = np.flatnonzero(table.shard == number)
        for trial, values in shard.about.targets.items():
            if name in values:
                found[mine[table.ids.trial[mine] == int(trial)]] = values[name]
    return found


def _fold(train: Windows, validation: Windows, test: Windows, ratings: Array) -> tuple[Indices, Array, Array, Array]:
    scaler = StandardScaler().fit(read_both(train), sample_weight=train.weights)
    x, y = scaler.transform(read_both(train)), ratings[train.rows]
    centre = float(np.average(y, weights=train.weights))
    fits = [Ridge(alpha=strength).fit(x, y - centre, sample_weight=train.weights) for strength in STRENGTHS]
    errors = [_trials(validation, fit.predict(scaler.transform(read_both(validation)))) for fit in fits]
    _, truth = _trials(validation, ratings[validation.rows] - centre)
    best = fits[int(np.argmin([np.mean((found - truth) ** 2) for _, found in errors]))]
    person, found = _trials(test, best.predict(scaler.transform(read_both(test))))
    _, rated = _trials(test, ratings[test.rows])
    return person, rated, found + centre, np.full(len(rated), centre)


def _trials(windows: Windows, values: Array) -> tuple[Indices, Array]:
    """Person and mean value of each trial."""
    _, first, which = np.unique(windows.trial, return_index=True, return_inverse=True)
    return windows.subject[first], np.bincount(which, weights=values) / np.bincount(which)


def trial_scores(trials: RatedTrials) -> dict[str, Any]:
    """CCC, RMSE by person, beside the mean predictor's, and conformal intervals, each person by the others' errors."""
    people = np.unique(trials.person)
    by_person = [trials.person == who for who in people]
    error = [float(np.sqrt(np.mean((trials.found - trials.rated)[own] ** 2))) for own in by_person]
    of_mean = [float(np.sqrt(np.mean((trials.mean - trials.rated)[own] ** 2))) for own in by_person]

    def ccc_of(chosen: Sequence[int] | NDArray[np.int64]) -> float:
        rows = np.concatenate([np.flatnonzero(by_person[i]) for i in chosen])
        return ccc(trials.found[rows], trials.rated[rows])

    low, high = bootstrap(len(people), ccc_of, 500)
    return {
        "n_people": len(people),
        "n_trials": len(trials.rated),
        "ccc": {"value": ccc_of(range(len(people))), "low": low, "high": high},
        "rmse": mean_interval(error),
        "rmse_of_the_mean": mean_interval(of_mean),
        "rmse_better_by": mean_interval([b - a for a, b in zip(error, of_mean, strict=True)]),
        "intervals": {f"{level:g}": _intervals(trials, level) for level in LEVELS},
    }


def _intervals(trials: RatedTrials, level: float) -> dict[str, Any]:
    """Coverage and half width, each person by the others' errors; {} where these are too few for the level."""
    people, miss = np.unique(trials.person), np.abs(trials.found - trials.rated)
    if level > (len(people) - 1) / len(people):
        return {}
    half = {who: quantile(miss[trials.person != who], trials.person[trials.person != who], level) for who in people}
    covered = [float(np.mean(miss[trials.person == who] <= half[who])) for who in people]
    return {"coverage": mean_interval(covered), "half_width": float(np.mean(list(half.values())))}


def ccc(found: Array, rated: Array) -> float:
    """Concordance correlation (Lin 1989): 1 where both are equal, 0 for a constant."""
    spread = found.var() + rated.var() + (found.mean() - rated.mean()) ** 2
    return float(2.0 * np.mean((found - found.mean()) * (rated - rated.mean())) / spread) if spread > 0 else 0.0
