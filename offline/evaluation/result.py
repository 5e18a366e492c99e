"""Scores of result.json from the predictions of all folds. People are the units of every interval.

Every score has `value`, `low` and `high` (95 % bootstrap over people). For all but `ece` and `aurc`, value is the mean
over people and `sd` their spread; those two are of all windows together, since within one person they say little.
A trial's probabilities are the geometric mean of its windows'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from offline.evaluation.folds import LEVELS, FoldOutcome, WindowPredictions
from offline.evaluation.metrics import (
    accuracy,
    aurc,
    balanced_accuracy,
    confusion,
    ece,
    f1_macro,
    kappa,
    nll,
    risk_coverage,
)
from offline.evaluation.statistics import bootstrap, mean_interval
from offline.evaluation.window_table import Indices
from rtemo.model.uncertainty.probabilities import FLOOR, tempered

Array = NDArray[np.float64]
Score = Callable[[Array, Indices], float]

POOLED_DRAWS = 200  # a pooled score sorts every window in each draw
CURVE = 20

BY_PERSON: Mapping[str, Score] = {
    "accuracy": lambda p, y: accuracy(y, p.argmax(axis=1)),
    "balanced_accuracy": lambda p, y: balanced_accuracy(y, p.argmax(axis=1)),
    "f1_macro": lambda p, y: f1_macro(y, p.argmax(axis=1)),
    "kappa": lambda p, y: kappa(y, p.argmax(axis=1)),
    "nll": nll,
}
POOLED: Mapping[str, Score] = {"ece": ece, "aurc": aurc}


@dataclass(frozen=True, eq=False)
class PersonScores:
    """One tested person's answers at window and at trial level."""

    name: str
    window: tuple[Array, Indices]
    trial: tuple[Array, Indices]
    answers: WindowPredictions


def scores_of(answers: Sequence[WindowPredictions]) -> dict[str, Any]:
    """All scores of some answers. The answers of one person in several folds count together."""
    people = _people(answers)
    out: dict[str, Any] = {}
    by_person = [_person(p) for p in people]
    for name in BY_PERSON:
        out[name] = {lv: mean_interval([p[lv][name] for p in by_person]) for lv in ("window", "trial")}
    for name, score in POOLED.items():
        out[name] = {lv: _pooled([getattr(p, lv) for p in people], score) for lv in ("window", "trial")}
    out["sets"] = {f"{level:g}": _sets(people, at) for at, level in enumerate(LEVELS)}
    out["risk_coverage"] = _curve(people)
    out["confusion"] = {lv: _confusion([getattr(p, lv) for p in people]) for lv in ("window", "trial")}
    out["per_subject"] = by_person
    labels = np.concatenate([p.window[1] for p in people])
    out |= {
        "chance": 1.0 / len(np.unique(labels)),
        "n_windows": len(labels),
        "n_trials": sum(len(p.trial[1]) for p in people),
        "n_subjects": len(people),
    }
    return out


def folds_of(outcomes: Sequence[FoldOutcome]) -> list[dict[str, Any]]:
    """What each fold was, without its answers."""
    kept = ("name", "counts", "temperature", "promised", "seconds")
    return [{key: getattr(outcome, key) for key in kept} for outcome in outcomes]


def auroc_of(outcomes: Sequence[FoldOutcome]) -> dict[str, dict[str, float]]:
    """Other corpus -> AUROC, mean and interval over folds."""
    names = sorted({name for outcome in outcomes for name in outcome.auroc})
    return {name: mean_interval([o.auroc[name] for o in outcomes if name in o.auroc]) for name in names}


def _people(answers: Sequence[WindowPredictions]) -> list[PersonScores]:
    whole = WindowPredictions(**{f.name: _joined(answers, f.name) for f in fields(WindowPredictions)})
    people = []
    for name in sorted(set(whole.subject.tolist())):
        own = whole.subject == name
        mine = replace(whole, sets=whole.sets[:, own], **{key: getattr(whole, key)[own] for key in _ROWS})
        people.append(PersonScores(str(name), (mine.probabilities, mine.labels), _by_trial(mine), mine))
    return people


_ROWS = ("subject", "session", "trial", "labels", "probabilities")


def _joined(answers: Sequence[WindowPredictions], name: str) -> NDArray[Any]:
    return np.concatenate([getattr(one, name) for one in answers], axis=1 if name == "sets" else 0)


def _by_trial(mine: WindowPredictions) -> tuple[Array, Indices]:
    """(t, K), (t,) of one person's trials."""
    _, session = np.unique(mine.session.astype(str), return_inverse=True)
    keys = np.stack((session, mine.trial), axis=1)
    _, first, which = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    logs = np.log(np.maximum(mine.probabilities, FLOOR))
    sums = np.zeros((len(first), logs.shape[1]))
    np.add.at(sums, which.reshape(-1), logs)
    return tempered(sums / np.bincount(which.reshape(-1))[:, None], 1.0), mine.labels[first]


def _pooled(parts: Sequence[tuple[Array, Indices]], score: Score) -> dict[str, float]:
    def of(chosen: Sequence[int] | NDArray[np.int64]) -> float:
        return score(np.concatenate([parts[i][0] for i in chosen]), np.concatenate([parts[i][1] for i in chosen]))

    low, high = bootstrap(len(parts), of, POOLED_DRAWS)
    return {"value": of(range(len(parts))), "low": low, "high": high}


def _sets(people: Sequence[PersonScores], at: int) -> dict[str, dict[str, float]]:
    """Share of windows whose label is in the set, and how many labels are."""
    covered = [np.mean(p.answers.sets[at][np.arange(len(p.answers.labels)), p.answers.labels]) for p in people]
    sizes = [np.mean(p.answers.sets[at].sum(axis=1)) for p in people]
    return {"coverage": mean_interval([float(v) for v in covered]), "size": mean_interval([float(v) for v in sizes])}


def _curve(people: Sequence[PersonScores]) -> list[dict[str, float]]:
    risk = risk_coverage(*(np.concatenate([p.window[i] for p in people]) for i in (0, 1)))
    at = np.unique(np.ceil(np.arange(1, CURVE + 1) / CURVE * len(risk)).astype(np.int64))
    return [{"coverage": float(k / len(risk)), "risk": float(risk[k - 1])} for k in at]


def _confusion(parts: Sequence[tuple[Array, Indices]]) -> list[list[int]]:
    p, labels = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    counts: list[list[int]] = confusion(labels, p.argmax(axis=1), p.shape[1]).tolist()
    return counts


def _person(person: PersonScores) -> dict[str, Any]:
    levels = {lv: {n: score(*getattr(person, lv)) for n, score in _ALL.items()} for lv in ("window", "trial")}
    return {"subject": person.name, "n_windows": len(person.window[1]), "n_trials": len(person.trial[1]), **levels}


_ALL: Mapping[str, Score] = {**BY_PERSON, **POOLED}
