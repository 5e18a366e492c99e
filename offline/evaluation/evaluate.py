"""Evaluate a method by cross-validation: method, protocol and corpus -> result.json. Splits are checked for leaks.

An experiment can be interrupted: each fold's predictions are kept beside the result until all are there, and a second
start with the same corpus and request takes them up.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tqdm import tqdm

from offline.corpus.corpus import Corpus
from offline.corpus.label_shuffle import shuffled
from offline.evaluation.experiment import NETWORK, PROBE, ExperimentRequest, chosen_splits
from offline.evaluation.folds import Experiment, FoldOutcome, read_outcome, run_fold, write_outcome
from offline.evaluation.methods import METHODS, method_named
from offline.evaluation.methods.base import Method
from offline.evaluation.methods.own import OwnNetwork
from offline.evaluation.result import auroc_of, folds_of, scores_of
from offline.evaluation.window_table import MODALITIES, WindowTable, tabulate, windows_that_offer
from offline.splits import Split, check
from offline.training.initial_weights import InitialWeights, read_initial
from offline.workers import HERE, Workers, alike
from rtemo.core.errors import RtemoError

FORMAT = 1
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch")


def evaluate(
    corpus: Corpus,
    request: ExperimentRequest,
    *,
    tests: Mapping[str, Corpus] | None = None,
    ood: Mapping[str, Corpus] | None = None,
    workers: Workers = HERE,
    keep: Path | None = None,
) -> dict[str, Any]:
    """The content of result.json: what was requested, every score (offline/evaluation/result.py), and the folds.

    tests: other versions of the same people's recordings; the models are fitted on `corpus` alone, and `tests` in the
    result holds the same scores of the tested trials there. `missing` does so with one modality taken away.
    ood: corpora that no window should be familiar in; `ood` holds the AUROC of the method's novelty.
    workers: who works on the folds; the result does not depend on it.
    keep: a folder for finished folds, so that an interrupted run goes on.
    Raises RtemoError where the request makes no sense, a split leaks, or the labels do not fit.
    """
    began = time.monotonic()
    whole = corpus
    if request.shuffle:
        corpus = shuffled(corpus, request.seed)
        tests = {name: shuffled(other, request.seed) for name, other in (tests or {}).items()}
    initial = _initial(request, whole, min(request.folds or (0,)))
    method, modalities = method_of(request, initial)
    table = windows_that_offer(tabulate(corpus), modalities)
    experiment = Experiment(
        table=table,
        method=method,
        modalities=modalities,
        seed=request.seed,
        per_trial=request.per_trial,
        tests={name: _version(corpus, name, other, table) for name, other in (tests or {}).items()},
        ood={name: tabulate(other, table.channels, labelled=False) for name, other in (ood or {}).items()},
    )
    splits = chosen_splits(table.ids, request, corpus.name)
    each = dict.fromkeys(splits, experiment)
    for number, split in splits.items():
        if request.by_fold:
            initial = _initial(request, whole, number)
            each[number] = replace(experiment, method=_method(request, initial))
        check(split, table.ids, *(((), None) if initial is None else (initial.people, initial.clips)))
    own = None if keep is None else keep / _key(corpus, request, list(splits), tests, ood)
    outcomes = _run([(each[number], split) for number, split in splits.items()], workers, own)
    return {
        "format": FORMAT,
        **_requested(request, modalities, table),
        "corpus": {"name": corpus.name, "fingerprint": corpus.fingerprint, "labels": list(corpus.labels)},
        "description": dict(corpus.description),
        **scores_of([outcome.main for outcome in outcomes]),
        "missing": _others(outcomes, experiment.modalities, missing=True),
        "tests": _others(outcomes, experiment.modalities, missing=False),
        "ood": auroc_of(outcomes),
        "folds": folds_of(outcomes),
        "seconds": time.monotonic() - began,
        "fold_seconds": float(sum(outcome.seconds for outcome in outcomes)),
        "versions": versions(),
    }


def _initial(request: ExperimentRequest, corpus: Corpus, number: int) -> InitialWeights | None:
    path = request.init_of(number)
    if path is None:
        return None
    initial = read_initial(path)
    initial.check_fits(corpus)
    return initial


def method_of(request: ExperimentRequest, initial: InitialWeights | None) -> tuple[Method, tuple[str, ...]]:
    """The method and the modalities that it uses of those requested."""
    if unknown := set(request.modalities) - set(MODALITIES):
        raise RtemoError("unknown modalities", f"{sorted(unknown)}", f"use {', '.join(MODALITIES)}")
    method = _method(request, initial)
    modalities = tuple(m for m in MODALITIES if m in request.modalities and m in method.modalities)
    if not modalities:
        raise RtemoError(f"{request.method} does not look at {', '.join(request.modalities)}", "", "ask for others")
    return method, modalities


def _method(request: ExperimentRequest, initial: InitialWeights | None) -> Method:
    named = method_named(request.method)
    if named is not None:
        if initial is not None:
            raise RtemoError(f"{request.method} begins from nothing", f"{initial.path}", "leave --init out")
        return named
    if request.method not in (NETWORK, PROBE):
        known = ", ".join((NETWORK, PROBE, *METHODS, "braindecode:NAME"))
        raise RtemoError(f"there is no method {request.method!r}", "", f"use one of {known}")
    if request.method == PROBE and initial is None:
        raise RtemoError("there is nothing to probe", "no weights to begin from", "name them with --init")
    settings = replace(request.training, mode="probe" if request.method == PROBE else "full")
    if initial is None:
        return OwnNetwork(settings)
    return OwnNetwork(replace(settings, network=initial.network), initial.weights)


def versions() -> dict[str, str]:
    """Versions of rtemo, Python and the numeric libraries."""
    return {"rtemo": _rtemo(), "python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}}


def _rtemo() -> str:
    from rtemo import __version__

    return __version__


def _version(corpus: Corpus, name: str, other: Corpus, table: WindowTable) -> WindowTable:
    if other.labels != corpus.labels:
        raise RtemoError(f"the version {name!r} has other labels", f"{other.labels}, not {corpus.labels}", "")
    return tabulate(other, table.channels)


def _run(folds: Sequence[tuple[Experiment, Split]], workers: Workers, keep: Path | None) -> list[FoldOutcome]:
    experiment = folds[0][0]
    if not workers.alone and not isinstance(experiment.method, OwnNetwork):
        experiment.table.load(experiment.modalities)
    tasks = (alike(_fold)(experiment, split, keep) for experiment, split in folds)
    with workers.results(tasks) as outcomes:
        return list(tqdm(outcomes, total=len(folds), desc="evaluate", unit="fold", disable=None))


def _fold(experiment: Experiment, split: Split, keep: Path | None) -> FoldOutcome:
    path = None if keep is None else keep / f"{hashlib.sha256(split.name.encode()).hexdigest()[:16]}.npz"
    if path is not None and path.exists():
        return read_outcome(path)
    outcome = run_fold(experiment, split)
    if path is not None:
        write_outcome(path, outcome)
    return outcome


def _key(
    corpus: Corpus,
    request: ExperimentRequest,
    folds: Sequence[int],
    tests: Mapping[str, Corpus] | None,
    ood: Mapping[str, Corpus] | None,
) -> str:
    """A name for the folds of one experiment: all that their predictions depend on."""
    paths = [path for number in folds if (path := request.init_of(number)) is not None]
    asked = {**asdict(request), "folds": None, "init": [_file_hash(path) for path in dict.fromkeys(paths)]}
    others = [{name: c.fingerprint for name, c in (group or {}).items()} for group in (tests, ood)]
    text = json.dumps([corpus.fingerprint, asked, others, versions()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _file_hash(path: Path) -> str:
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    found = hashlib.sha256()
    for file in files:
        if file.is_file():
            found.update(file.read_bytes())
    return found.hexdigest()


def _requested(request: ExperimentRequest, modalities: Sequence[str], table: WindowTable) -> dict[str, Any]:
    return {
        "protocol": request.protocol,
        "method": request.method,
        "baseline": request.method if request.method in METHODS else None,  # its name in earlier results
        "init": None if request.init is None else str(request.init),
        "modalities": list(modalities),
        "seed": request.seed,
        "train_subjects": request.train_subjects,
        "people_out": request.people_out,
        "per_trial": request.per_trial,
        "shuffle": request.shuffle,
        "training": None if request.method in METHODS else _finite(asdict(request.training)),
        "channels": table.channels.how,
    }


def _finite(settings: dict[str, Any]) -> dict[str, Any]:
    """Without limits that do not limit: JSON has no infinity."""
    return {name: value for name, value in settings.items() if value != math.inf}


def _others(outcomes: Sequence[FoldOutcome], modalities: Sequence[str], *, missing: bool) -> dict[str, Any]:
    """Scores of the other versions; those with one modality only are the missing-modality matrix."""
    only = {f"only {m}": m for m in modalities}
    names = sorted({name for outcome in outcomes for name in outcome.others if (name in only) == missing})
    found = {}
    for name in names:
        predictions = [outcome.others[name] for outcome in outcomes if name in outcome.others]
        found[only.get(name, name)] = scores_of(predictions)
    return found
