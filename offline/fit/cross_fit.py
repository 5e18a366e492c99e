"""Cross-fit one method: hold everybody out once, calibrate on what comes of it, fit everybody."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from offline.corpus.corpus import UNLABELLED, Corpus
from offline.evaluation.methods.base import Method, Model
from offline.evaluation.methods.own import OwnNetwork
from offline.evaluation.window_table import WindowTable, tabulate
from offline.export.export import GATE
from offline.export.session_outputs import NetworkOutputs
from offline.fit.calibration import Decoded, HeldOutCalibration, calibrated, cross_decoded
from offline.fit.held_out_outputs import FoldTask, HeldOut, Passes, gate_passes, hold_out, joined, live_combinations
from offline.fit.rating_heads import RatingCalibration, calibrated_ratings, rating_names
from offline.splits import CrossFold, check, cross_fitting
from offline.training.choices import Choice, typical
from offline.training.deadline import until
from offline.workers import HERE, Workers, alike
from rtemo.core.errors import RtemoError
from rtemo.core.settings import PipelineSettings

_MOST_OF_IT = 0.5  # of the time for all folds, for one: the first embeds what the others find embedded
PER_TRIAL = 40  # windows of each trial that a method is fitted on, at most; as in evaluate


@dataclass(frozen=True, eq=False)
class FitData:
    """A corpus as all methods get it: every window, the folds, and what the signal gate lets pass."""

    corpus: Corpus
    table: WindowTable
    folds: tuple[CrossFold, ...]
    passes: Passes
    seed: int

    @property
    def people(self) -> tuple[str, ...]:
        """Those with labels."""
        ids = self.table.ids
        return tuple(sorted({str(who) for who in ids.subject[ids.label != UNLABELLED]}))

    @property
    def groups(self) -> int:
        """How many groups of people are held out in turn."""
        return len({fold.group for fold in self.folds})

    @property
    def clips_apart(self) -> bool:
        """Whether nobody is answered by a model that knows the film."""
        return "clip" in self.folds[0].split.apart

    @property
    def window_s(self) -> float:
        return PipelineSettings.from_dict(self.corpus.pipeline).window.length_s


@dataclass(frozen=True, eq=False)
class CrossFit:
    """A method that was cross-fitted. groups: held-out outputs by group of people. decoded: combination -> everybody,
    calibrated by the others. calibration: by everybody. chosen: what the folds chose, as one. ratings: of regressions
    on continuous ratings, where the corpus has any.
    """

    name: str
    method: Method
    task: FoldTask
    groups: Mapping[int, Sequence[NetworkOutputs]]
    decoded: Mapping[str, Sequence[Decoded]]
    calibration: HeldOutCalibration
    chosen: Choice
    ratings: RatingCalibration
    seconds: float

    @property
    def sessions(self) -> list[NetworkOutputs]:
        return [session for group in self.groups.values() for session in group]


def fit_data(corpus: Corpus, seed: int, folds: int) -> FitData:
    """Raises RtemoError where nobody can be held out, or where a fold would leak."""
    corpus.sources.live_combinations()  # refuses what could never run before any work
    table = tabulate(corpus, labelled=False)
    dealt = tuple(cross_fitting(table.ids, seed, folds))
    for fold in dealt:
        check(fold.split, table.ids)
    return FitData(corpus, table, dealt, gate_passes(table.shards, GATE), seed)


def cross_fit(
    data: FitData,
    name: str,
    method: Method,
    workers: Workers = HERE,
    known: tuple[Sequence[str], Sequence[str] | None] = ((), None),
    keep: Callable[[FoldTask, CrossFold], HeldOut] = hold_out,
    budget_s: float | None = None,
) -> CrossFit:
    """Hold everybody out once. known: people and clips that the method's given weights have seen.

    budget_s: seconds of wall time for all of it, and for fitting everybody afterwards. Raises OutOfTime where that
    cannot be enough, and RtemoError where the method cannot be fitted or its weights know somebody.
    """
    began = time.monotonic()
    for fold in data.folds:
        check(fold.split, data.table.ids, *known)
    names = live_combinations(data.corpus, method.modalities)
    if not names:
        raise RtemoError(f"{name} cannot run live", "it uses what no live session has", "use another method")
    ratings = rating_names(data.table.shards)
    task = FoldTask(data.table, method, method.modalities, names, GATE, data.passes, data.seed, PER_TRIAL, ratings)
    if not workers.alone and not isinstance(method, OwnNetwork):
        data.table.load(method.modalities)
    rounds = -(-len(data.folds) // max(workers.jobs, 1)) + 1  # and one for everybody
    end_s = most_s = math.inf
    if budget_s is not None:
        end_s = time.time() + budget_s * (rounds - 1) / rounds  # the time of day, which other computers have, too
        most_s = budget_s * _MOST_OF_IT
    jobs = (alike(_within)(end_s, most_s, keep, task, fold) for fold in data.folds)
    with workers.results(jobs) as made:
        held_out = list(tqdm(made, total=len(data.folds), desc=name, unit="fold", disable=None))
    groups = joined(held_out)
    fused, n_labels = isinstance(method, OwnNetwork), len(data.corpus.labels)
    everybody = [session for group in groups.values() for session in group]
    return CrossFit(
        name=name,
        method=method,
        task=task,
        groups=groups,
        decoded=cross_decoded(groups, names, n_labels, data.window_s, fused=fused),
        calibration=calibrated(everybody, names, n_labels, data.window_s, fused=fused),
        chosen=typical([one.chosen for one in held_out]),
        ratings=calibrated_ratings(everybody, names, ratings),
        seconds=time.monotonic() - began,
    )


def fit_everybody(data: FitData, found: CrossFit) -> Model:
    """The model that ships: trained on everybody, with what the folds chose."""
    rows = np.flatnonzero(data.table.ids.label != UNLABELLED)
    return found.method.refit(found.task.learnable(rows), found.chosen, data.seed)


def _within(
    end_s: float, most_s: float, keep: Callable[[FoldTask, CrossFold], HeldOut], task: Any, fold: Any
) -> HeldOut:
    with until(min(end_s - time.time(), most_s)):
        return keep(task, fold)
