"""One cross-validation fold: fit, calibrate on the validation windows, predict the test windows, and keep that on disk.

A window's prediction is what a live session could give: probabilities at a temperature that was fitted on validation
units, and the conformal set of labels at each level. A unit is a person where the protocol keeps people apart, else a
trial. Where there are too few units for the levels to be guaranteed, the quantiles are those of the units as they are,
and `promised` is false. Scores are computed in offline/evaluation/result.py.
"""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from offline.evaluation.methods.base import Array, Method, Model
from offline.evaluation.temperature import equal_units, fit_temperature
from offline.evaluation.window_table import Indices, Windows, WindowTable
from offline.splits import Split
from rtemo.core.errors import RtemoError
from rtemo.core.records import Reader
from rtemo.model.uncertainty.conformal import quantile, scores
from rtemo.model.uncertainty.probabilities import FLOOR, tempered

LEVELS = (0.8, 0.9)
_TEXTS = ("subject", "session")
_PLAIN: Mapping[str, Any] = {
    "name": str,
    "auroc": Mapping[str, float],
    "promised": bool,
    "counts": Mapping[str, int],
    "temperature": float,
    "seconds": float,
}
OOD_MOST = 2000  # windows of another corpus, evenly spaced, are enough to rank


@dataclass(frozen=True, eq=False)
class WindowPredictions:
    """Predictions of n windows. subject, session (n,) texts; probabilities (n, K); sets (levels, n, K) bool."""

    subject: NDArray[Any]
    session: NDArray[Any]
    trial: Indices
    labels: Indices
    probabilities: Array
    sets: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class FoldOutcome:
    """One fold. others: the same windows of perturbed corpora, or with a modality taken away, by name.

    auroc: other corpus -> how well novelty separates its windows from the tested ones. promised: whether the
    coverage of the sets is guaranteed.
    """

    name: str
    main: WindowPredictions
    others: Mapping[str, WindowPredictions]
    auroc: Mapping[str, float]
    promised: bool
    counts: Mapping[str, int]
    temperature: float
    seconds: float


@dataclass(frozen=True, eq=False)
class Experiment:
    """All that the folds share. tests: perturbed versions of the same people; ood: corpora of something else."""

    table: WindowTable
    method: Method
    modalities: tuple[str, ...]
    seed: int
    per_trial: int
    tests: Mapping[str, WindowTable] = field(default_factory=dict)
    ood: Mapping[str, WindowTable] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A model with its temperature and the quantiles of its sets."""

    model: Model
    temperature: float
    quantiles: tuple[float, ...]

    def predict(self, windows: Windows) -> WindowPredictions:
        p = tempered(np.log(np.maximum(self.model.probabilities(windows), FLOOR)), self.temperature)
        ids, rows = windows.table.ids, windows.rows
        sets = np.stack([_sets(p, level) for level in self.quantiles])
        return WindowPredictions(ids.subject[rows], ids.session[rows], ids.trial[rows], windows.labels, p, sets)


def run_fold(experiment: Experiment, split: Split) -> FoldOutcome:
    """Fit, calibrate and predict one fold. Raises RtemoError where the method cannot be fitted."""
    began = time.monotonic()
    train, validation = (
        Windows(experiment.table, rows, experiment.modalities).thinned(experiment.per_trial)
        for rows in (split.train, split.validation)
    )
    test = Windows(experiment.table, split.test, experiment.modalities)
    model = experiment.method.fit(train, validation, experiment.seed)
    units = validation.subject if "subject" in split.inner else validation.trial
    calibrated, promised = calibrate(model, validation, units)
    others = {
        f"only {m}": calibrated.predict(test.only((m,))) for m in experiment.modalities if len(test.modalities) > 1
    }
    for name, table in experiment.tests.items():
        others[name] = calibrated.predict(_same_trials(test, table))
    return FoldOutcome(
        name=split.name,
        main=calibrated.predict(test),
        others={name: predictions for name, predictions in others.items() if len(predictions.labels)},
        auroc={name: value for name, t in experiment.ood.items() if (value := _auroc(model, test, t)) is not None},
        promised=promised,
        counts={
            "train": len(train),
            "validation": len(validation),
            "test": len(test),
            "train_subjects": len(np.unique(train.subject)),
            "validation_subjects": len(np.unique(validation.subject)),
        },
        temperature=calibrated.temperature,
        seconds=time.monotonic() - began,
    )


def calibrate(model: Model, validation: Windows, units: Indices) -> tuple[Calibrated, bool]:
    """Temperature and set quantiles, and whether the sets are promised (rtemo.model.uncertainty.conformal)."""
    log_p = np.log(np.maximum(model.probabilities(validation), FLOOR))
    temperature = fit_temperature(log_p, validation.labels, equal_units(units))
    score = scores(tempered(log_p, temperature), validation.labels)
    n_units = len(np.unique(units))
    promised = max(LEVELS) <= n_units / (n_units + 1)
    find = quantile if promised else _pooled
    found = [find(score, units, level) for level in LEVELS]
    return Calibrated(model, temperature, tuple(found)), promised


def _pooled(score: Array, units: Indices, level: float) -> float:
    """The score that the share `level` of these units' windows stay under, each unit counting the same."""
    order = np.argsort(score, kind="stable")
    mass = np.cumsum(equal_units(units)[order])
    return float(score[order[min(int(np.searchsorted(mass, level - 1e-12)), len(score) - 1)]])


def _sets(p: Array, quantile_at: float) -> NDArray[np.bool_]:
    """(n, K) labels in the set; the most probable one always is."""
    inside = 1.0 - p <= quantile_at
    inside[np.arange(len(p)), p.argmax(axis=1)] = True
    return inside


def _same_trials(test: Windows, table: WindowTable) -> Windows:
    """The windows of another version of the corpus that belong to the tested trials."""
    ids = test.table.ids
    keys = {(ids.subject[i], ids.session[i], ids.trial[i]) for i in test.rows}
    same = [key in keys for key in zip(table.ids.subject, table.ids.session, table.ids.trial, strict=True)]
    return Windows(table, np.flatnonzero(same), test.modalities)


def _auroc(model: Model, test: Windows, other: WindowTable) -> float | None:
    """The chance that a window of the other corpus looks more novel than a tested one; ties count half."""
    rows = np.unique(np.linspace(0, len(other) - 1, min(OOD_MOST, len(other))).round().astype(np.int64))
    familiar, strange = model.novelty(test), model.novelty(Windows(other, rows, test.modalities))
    if familiar is None or strange is None:
        return None
    below = np.searchsorted(np.sort(familiar), strange, side="left")
    upto = np.searchsorted(np.sort(familiar), strange, side="right")
    return float(np.mean(below + upto) / (2.0 * len(familiar)))


def write_outcome(path: Path, outcome: FoldOutcome) -> None:
    """Write a fold's outcome, in one step, to an .npz without pickle. Makes the folder where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    named = {"main": outcome.main, **{f"other {name}": predictions for name, predictions in outcome.others.items()}}
    arrays = {}
    for name, predictions in named.items():
        for f in fields(WindowPredictions):
            value = getattr(predictions, f.name)
            arrays[f"{name}|{f.name}"] = value.astype(str) if f.name in _TEXTS else value
    plain = json.dumps({name: getattr(outcome, name) for name in _PLAIN})
    partial = path.with_name(f".{path.stem}.partial.npz")
    np.savez_compressed(partial, **arrays, plain=np.array(plain), allow_pickle=False)
    partial.replace(path)


def read_outcome(path: Path) -> FoldOutcome:
    """Read a fold's outcome. Raises RtemoError where the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise RtemoError(f"{path} cannot be read", str(error), "remove it; the fold is then run again") from error
    reader = Reader(f"the fold {path}", "remove it; the fold is then run again")
    names = sorted({"main", *(key.split("|")[0] for key in arrays if "|" in key)})
    wanted = {"plain", *(f"{name}|{f.name}" for name in names for f in fields(WindowPredictions))}
    if missing := sorted(wanted - arrays.keys()):
        raise RtemoError(f"{path} cannot be read", f"{missing[0]} is missing", reader.todo)
    predictions = {
        name: WindowPredictions(**{f.name: arrays[f"{name}|{f.name}"] for f in fields(WindowPredictions)})
        for name in names
    }
    others = {name.removeprefix("other "): value for name, value in predictions.items() if name != "main"}
    plain = reader.table(_PLAIN, reader.json(str(arrays["plain"])))
    return FoldOutcome(main=predictions["main"], others=others, **plain)
