"""Scores of people who were decoded with what others calibrate: what offline.export.bundle_scores says of a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from offline.evaluation.metrics import balanced_accuracy, ece, nll, per_person
from offline.evaluation.statistics import bootstrap, mean_interval
from offline.fit.calibration import Decoded
from rtemo.model.bundle_schema import Decision

Array = NDArray[np.float64]


def summary(people: Sequence[Decoded], decision: Decision) -> dict[str, Any]:
    """As bundle_scores.score, and the intervals over people of accuracy, ECE and coverage under `intervals`."""
    labels = np.concatenate([one.labels for one in people])
    now, smooth = (np.concatenate([getattr(one, name) for one in people]) for name in ("now", "smooth"))
    novel = np.concatenate([one.novel for one in people])
    named = np.concatenate([_named(one, decision) for one in people])
    right = smooth.argmax(axis=1) == labels
    window = [window_accuracy(one) for one in people]
    levels = sorted(set.intersection(*(set(one.sets) for one in people)))
    return {
        "chance": 1.0 / len(np.unique(labels)),
        "n_people": len(people),
        "n_trials": sum(len(np.unique(one.trials)) for one in people),
        "n_windows": len(labels),
        "window": per_person(window),
        "smoothed": per_person([balanced_accuracy(one.labels, one.smooth.argmax(axis=1)) for one in people]),
        "trial": per_person([_trial_accuracy(one) for one in people]),
        "ece": ece(now, labels),
        "ece_smoothed": ece(smooth, labels),
        "nll": nll(now, labels),
        "nll_smoothed": nll(smooth, labels),
        "abstained": float(np.mean(~named)),
        "novel": float(np.mean(novel)),
        "smoothed_when_not_abstaining": float(np.mean(right[named])) if named.any() else None,
        "sets": {f"{level:g}": _sets(people, level) for level in levels},
        "intervals": {
            "window": mean_interval(window),
            "ece": _ece_interval(people),
            **{f"coverage {level:g}": mean_interval(coverages(people, level)) for level in levels},
        },
    }


def window_accuracy(one: Decoded) -> float:
    """Balanced accuracy of single windows."""
    return balanced_accuracy(one.labels, one.now.argmax(axis=1))


def coverages(people: Sequence[Decoded], level: float) -> list[float]:
    """Each person's share of windows whose label is in the set, of those that are not novel."""
    found = []
    for one in people:
        judged = ~one.novel
        if judged.any():
            found.append(float(np.mean(one.sets[level][judged, one.labels[judged]])))
    return found


def _sets(people: Sequence[Decoded], level: float) -> dict[str, float]:
    covered = coverages(people, level)
    sizes = np.concatenate([one.sets[level][~one.novel].sum(axis=1) for one in people])
    return {"coverage": float(np.mean(covered)), "size": float(np.mean(sizes))} if covered else {}


def _named(one: Decoded, decision: Decision) -> NDArray[np.bool_]:
    level = max((level for level in one.sets if level <= decision.set_level), default=None)  # few allow fewer levels
    if level is None:
        return np.zeros(len(one.labels), np.bool_)
    size = one.sets[level].sum(axis=1)
    return np.asarray(~one.novel & (size <= decision.largest_set))


def _trial_accuracy(one: Decoded) -> float:
    log_p = np.log(np.maximum(one.now, 1e-12))
    trials = np.unique(one.trials)
    found = np.array([log_p[one.trials == trial].mean(axis=0).argmax() for trial in trials])
    return balanced_accuracy(np.array([one.labels[one.trials == trial][0] for trial in trials]), found)


def _ece_interval(people: Sequence[Decoded]) -> dict[str, float]:
    def of(chosen: Sequence[int] | NDArray[np.int64]) -> float:
        return ece(np.concatenate([people[i].now for i in chosen]), np.concatenate([people[i].labels for i in chosen]))

    low, high = bootstrap(len(people), of, 200)
    return {"value": of(range(len(people))), "low": low, "high": high}
