"""Fit one method, or the one that cross-fitting finds best, to a corpus, and write it as a calibrated bundle."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from offline.corpus.corpus import Corpus
from offline.evaluation.experiment import NETWORK, PROBE
from offline.evaluation.methods import METHODS, method_named
from offline.evaluation.methods.own import OwnNetwork
from offline.evaluation.methods.riemann import Riemann, not_live
from offline.evaluation.statistics import mean_interval
from offline.fit.calibration import Decoded
from offline.fit.candidates import (
    REFERENCE,
    Candidate,
    all_candidates,
    nested_scores,
    simplest_of_the_best,
)
from offline.fit.cross_fit import CrossFit, FitData, cross_fit, fit_data
from offline.fit.held_out_outputs import hold_out
from offline.fit.kept_folds import KeptFolds
from offline.fit.rating_heads import rating_names
from offline.fit.scores import coverages, window_accuracy
from offline.fit.shipping import CannotRunLive, missing_combinations, ship
from offline.splits import PEOPLE_FOLDS
from offline.training.deadline import OutOfTime
from offline.training.initial_weights import InitialWeights, read_initial
from offline.training.training_run import TrainingSettings
from offline.workers import HERE, Workers
from rtemo.core.errors import RtemoError
from rtemo.model.bundle import Bundle

AUTO = "auto"
_SCORE = "balanced accuracy of windows, 95 % over people"


@dataclass(frozen=True, slots=True)
class FitRequest:
    """method: a name in METHODS, "network", "probe", or "auto". init: weights that the network begins from.

    folds: into how many groups people are dealt. max_minutes: of all of it; methods of "auto" that would take longer
    are left out. training: of the network.
    """

    method: str = AUTO
    name: str = "rtemo"
    init: Path | None = None
    seed: int = 0
    folds: int = PEOPLE_FOLDS
    max_minutes: float = math.inf
    training: TrainingSettings = field(default_factory=TrainingSettings)


@dataclass(frozen=True, eq=False)
class MethodComparison:
    """What was compared. found: those that were cross-fitted. left_out: method -> why. rows: of the card's table.

    missing: combinations of modalities that the model that ships does without, and why.
    """

    found: Mapping[str, CrossFit]
    left_out: Mapping[str, str]
    chosen: str
    rows: Sequence[Mapping[str, Any]]
    note: str = ""
    missing: Sequence[str] = ()


def fit(
    corpus: Corpus, request: FitRequest, out: Path, workers: Workers = HERE, keep: Path | None = None
) -> tuple[Bundle, MethodComparison]:
    """The bundle in the folder `out`, which must not exist, and what was compared for it.

    keep: a folder for finished folds, removed when the bundle is there. Raises RtemoError where nothing can be fitted,
    where the given weights know somebody, or where the corpus has features that no live session has.
    """
    if out.exists():
        raise RtemoError(f"{out} exists already", "nothing is overwritten", "name another folder")
    began = time.monotonic()
    initial = _initial(request, corpus)
    candidates = _candidates(request, initial)
    data = fit_data(corpus, request.seed, request.folds)
    compared = compare(data, candidates, request, workers, keep, began)
    while True:
        found = compared.found[compared.chosen]
        try:
            bundle = ship(data, found, compared.rows, compared.note, request.name, out, initial)
            break
        except CannotRunLive as error:
            if len(compared.found) < 2:
                raise
            compared = without(data, compared, [one.name for one in candidates], str(error))
    if keep is not None:
        shutil.rmtree(keep, ignore_errors=True)
    return bundle, compared


def compare(
    data: FitData,
    candidates: Sequence[Candidate],
    request: FitRequest,
    workers: Workers,
    keep: Path | None,
    began: float,
) -> MethodComparison:
    """Cross-fit every candidate that there is time for, the simplest first, and choose.

    Each may take an even share of the time that is left, so that no slow one leaves nothing to those after it.
    """
    found: dict[str, CrossFit] = {}
    left_out: dict[str, str] = {}
    for number, one in enumerate(candidates):
        left_s = max(0.0, 60.0 * request.max_minutes - (time.monotonic() - began))
        share_s = left_s / (len(candidates) - number)
        budget_s = share_s if math.isfinite(share_s) and len(candidates) > 1 else None
        try:
            fold = hold_out if keep is None else KeptFolds(keep, _key(data, one, request))
            found[one.name] = cross_fit(data, one.name, one.method, workers, one.known, fold, budget_s)
        except OutOfTime:
            left_out[one.name] = f"would take longer than its share of the time, {share_s / 60:.1f} minutes"
        except RtemoError as error:
            if len(candidates) == 1:
                raise
            left_out[one.name] = str(error)
    return compared_by(data, found, left_out, [one.name for one in candidates])


def without(data: FitData, compared: MethodComparison, order: Sequence[str], why: str) -> MethodComparison:
    """The comparison without the method that was chosen."""
    found = {name: one for name, one in compared.found.items() if name != compared.chosen}
    return compared_by(data, found, {**compared.left_out, compared.chosen: why}, order)


def compared_by(
    data: FitData, found: Mapping[str, CrossFit], left_out: Mapping[str, str], order: Sequence[str]
) -> MethodComparison:
    """Choose among those that were cross-fitted."""
    scores = {name: person_scores(data, one) for name, one in found.items() if name != REFERENCE}
    chosen = simplest_of_the_best(scores, order)
    rows = [_row(data, found[name], chosen) for name in order if name in found]
    rows += [_missing_row(name, why) for name, why in left_out.items()]
    note = _note(data, scores, order) if len(scores) > 1 else ""
    return MethodComparison(found, left_out, chosen, rows, note, missing_combinations(data, found[chosen]))


def person_scores(data: FitData, found: CrossFit) -> dict[str, float]:
    """Person -> balanced accuracy of windows with all that the person and the method have in common; chance if nothing.

    So every method is compared on the same people.
    """
    chance = 1.0 / len(data.corpus.labels)
    scores = {who.partition("/")[2]: chance for who in data.people}
    return scores | {one.subject: window_accuracy(one) for one in _with_most(found)}


def _with_most(found: CrossFit) -> list[Decoded]:
    """Each person with the combination of most modalities."""
    people: dict[str, Decoded] = {}
    for name in ("eye", "eeg", "both"):
        people |= {one.subject: one for one in found.decoded.get(name, ())}
    return [people[who] for who in sorted(people)]


def _row(data: FitData, found: CrossFit, chosen: str) -> dict[str, str]:
    ships = found.name == chosen
    scores, people = mean_interval(list(person_scores(data, found).values())), _with_most(found)
    level = found.calibration.set_level
    covered = coverages([one for one in people if level in one.sets], level)
    return {
        "method": f"**{found.name}**" if ships else found.name,
        _SCORE: f"{scores['value']:.1%} ({scores['low']:.1%} to {scores['high']:.1%})",
        "coverage of sets": f"{sum(covered) / len(covered):.2f} at {level:.0%}" if covered else "-",
        "minutes": f"{found.seconds / 60:.1f}",
        "": "ships" if ships else "",
    }


def _missing_row(name: str, why: str) -> dict[str, str]:
    return {
        "method": name,
        _SCORE: "-",
        "coverage of sets": "-",
        "minutes": "-",
        "": f"left out: {why}",
    }


def _note(data: FitData, scores: Mapping[str, Mapping[str, float]], order: Sequence[str]) -> str:
    groups: dict[int, list[str]] = {}
    for fold in data.folds:
        own = {str(who).partition("/")[2] for who in data.table.ids.subject[fold.split.test]}
        groups[fold.group] = sorted({*groups.get(fold.group, ()), *own})
    nested = mean_interval(list(nested_scores(scores, list(groups.values()), order).values()))
    apart = "people and films" if data.clips_apart else "people"
    return (
        f"The simplest method within one standard error of the best ships, compared on held-out {apart}. The choice "
        f"itself is worth {nested['value']:.1%} ({nested['low']:.1%} to {nested['high']:.1%}): each group of people "
        "scored by the method that the others' scores would have chosen. Chance is "
        f"{1.0 / len(data.corpus.labels):.1%}."
    )


def _initial(request: FitRequest, corpus: Corpus) -> InitialWeights | None:
    if request.init is None:
        return None
    if method_named(request.method) is not None:
        raise RtemoError(f"{request.method} begins from nothing", f"{request.init}", "leave --init out")
    initial = read_initial(request.init)
    initial.check_fits(corpus)
    return initial


def _candidates(request: FitRequest, initial: InitialWeights | None) -> list[Candidate]:
    def network(mode: str, given: InitialWeights | None) -> OwnNetwork:
        settings = replace(request.training, seed=request.seed, mode="probe" if mode == "probe" else "full")
        if given is None:
            return OwnNetwork(settings)
        shape = replace(given.network, drop_path=settings.network.drop_path)
        return OwnNetwork(replace(settings, network=shape), given.weights)

    if request.method == AUTO:
        return [Candidate(REFERENCE, METHODS[REFERENCE]), *all_candidates(network, initial)]
    named = method_named(request.method)
    if isinstance(named, Riemann):
        raise not_live()  # before an hour of work
    if named is not None:
        return [Candidate(request.method, named)]
    if request.method not in (NETWORK, PROBE):
        known = ", ".join((AUTO, NETWORK, PROBE, *METHODS, "braindecode:NAME"))
        raise RtemoError(f"there is no method {request.method!r}", "", f"use one of {known}")
    if request.method == PROBE and initial is None:
        raise RtemoError("there is nothing to probe", "no weights to begin from", "name them with --init")
    mode = "probe" if PROBE in (request.method, request.training.mode) else "full"
    return [Candidate(request.method, network(mode, initial), initial)]


def _key(data: FitData, one: Candidate, request: FitRequest) -> str:
    """All that a fold's outputs depend on, but the fold."""
    given = None if one.initial is None else [str(one.initial.path), one.initial.kind, list(one.initial.people)]
    asked = [data.corpus.fingerprint, one.name, request.seed, request.folds, asdict(request.training), given]
    if ratings := rating_names(data.table.shards):
        asked.append(list(ratings))
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()
