"""Settings of an experiment, and the cross-validation splits that follow from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from offline.corpus.corpus import Corpus
from offline.evaluation.window_table import MODALITIES, Indices, tabulate, windows_that_offer
from offline.splits import Split, WindowIds, cross_session, leave_clip_out, loso, subject_dependent
from offline.training.training_run import TrainingSettings
from rtemo.core.errors import RtemoError

PROTOCOLS = ("loso", "cross-session", "subject-dependent", "leave-clip-out")
NETWORK, PROBE = "network", "probe"


@dataclass(frozen=True, slots=True)
class ExperimentRequest:
    """Settings of one experiment.

    method: a name in METHODS, "network" or "probe" (frozen network, new heads; needs init).
    init: weights to begin from, a checkpoint or bundle; None: from scratch; "{fold}" stands for the fold's number:
    weights that were pretrained without what it tests; "{seed}" stands for the seed. folds: which, counted from 0;
    None: all.
    train_subjects: label efficiency: so many of each fold's training people, and a quarter as many, at least one, to
    select on. people_out: how many are tested at a time, for loso. per_trial: windows of each trial that methods are
    fitted on, at most; all are tested. shuffle: labels are dealt anew over the clips of each session, so that there is
    nothing to find (offline/corpus/label_shuffle.py). training: how the network is trained; its seed is that of the
    request.
    """

    protocol: str = "loso"
    method: str = NETWORK
    modalities: tuple[str, ...] = MODALITIES
    init: Path | None = None
    seed: int = 0
    folds: tuple[int, ...] | None = None
    train_subjects: int | None = None
    people_out: int = 1
    per_trial: int = 40
    shuffle: bool = False
    training: TrainingSettings = field(default_factory=TrainingSettings)

    def __post_init__(self) -> None:
        if self.per_trial < 1:
            raise RtemoError(
                "there is nothing to fit on", f"{self.per_trial} windows of each trial", "ask for 1 or more"
            )

    @property
    def by_fold(self) -> bool:
        """Whether each fold begins from weights of its own."""
        return "{fold}" in str(self.init)

    def init_of(self, fold: int) -> Path | None:
        """The weights that this fold begins from."""
        if self.init is None:
            return None
        return Path(str(self.init).replace("{fold}", str(fold)).replace("{seed}", str(self.seed)))


def chosen_splits(ids: WindowIds, request: ExperimentRequest, dataset: str) -> dict[int, Split]:
    """Those of the folds that are asked for, by number. Raises RtemoError where there is no such fold."""
    splits = list(splits_of(ids, request, dataset))
    if not splits:
        raise RtemoError(f"{request.protocol} has no fold here", "too few people, sessions or trials", "use another")
    numbers = range(len(splits)) if request.folds is None else request.folds
    if wrong := [n for n in numbers if not 0 <= n < len(splits)]:
        raise RtemoError("there are no such folds", f"{wrong} of {len(splits)}", "folds are counted from 0")
    return {n: splits[n] for n in numbers}


def held_out(corpus: Corpus, request: ExperimentRequest) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The people whom these folds test, and the clips, where clips are kept apart: what pretraining must not see."""
    table = windows_that_offer(tabulate(corpus), request.modalities)
    splits = chosen_splits(table.ids, request, corpus.name).values()
    people = {str(who) for split in splits for who in table.ids.subject[split.test]}
    clips = {str(clip) for split in splits if "clip" in split.apart for clip in table.ids.clip[split.test]}
    return tuple(sorted(people)), tuple(sorted(clips))


def splits_of(ids: WindowIds, request: ExperimentRequest, dataset: str) -> Iterator[Split]:
    """The protocol's splits; with fewer training people where the request sets train_subjects. Raises RtemoError."""
    if request.protocol not in PROTOCOLS:
        raise RtemoError(f"there is no protocol {request.protocol!r}", "", f"use one of {', '.join(PROTOCOLS)}")
    whole = {
        "loso": lambda: loso(ids, request.seed, request.people_out),
        "cross-session": lambda: cross_session(ids),
        "subject-dependent": lambda: subject_dependent(ids, dataset),
        "leave-clip-out": lambda: leave_clip_out(ids, request.seed),
    }[request.protocol]()
    for number, split in enumerate(whole):
        if request.train_subjects is None:
            yield split
            continue
        if "subject" not in split.inner:
            raise RtemoError("fewer training people", f"{request.protocol} trains on one", "use loso")
        n_select = max(1, request.train_subjects // 4)
        seed = (request.seed, number)
        yield replace(
            split,
            train=_of_people(ids, split.train, request.train_subjects, seed),
            validation=_of_people(ids, split.validation, n_select, seed),
        )


def _of_people(ids: WindowIds, rows: Indices, count: int, seed: tuple[int, int]) -> Indices:
    """The windows of `count` people, drawn so that a smaller count's people are among a larger one's."""
    people = np.unique(ids.subject[rows])
    if count < 1 or count > len(people):
        raise RtemoError(f"{count} people cannot be used", f"there are {len(people)}", "ask for fewer")
    chosen = np.random.default_rng([*seed, 3]).permutation(people)[:count]
    return rows[np.isin(ids.subject[rows], chosen)]
