"""Cross-fitting: everybody is held out once, so that what is fitted on held-out outputs rests on all people.

Each fold's model learns from the other people, selects on a fifth of them, and answers every window of the people it
does not know. Where people saw the same clips it does not know the clip either: a window is answered by the model of
its person's fold and its clip's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offline.corpus.corpus import UNLABELLED
from offline.splits.leaks import Indices, Split, WindowIds
from offline.splits.protocols import held_out_for_selection, last_trials, split_of
from rtemo.core.errors import RtemoError

PEOPLE_FOLDS, CLIP_FOLDS = 8, 3


@dataclass(frozen=True, slots=True, eq=False)
class CrossFold:
    """group: number of the people's fold. answers: all windows, labelled or not, that this fold's model answers."""

    split: Split
    group: int
    answers: Indices


def clip_folds(ids: WindowIds) -> int:
    """Into how many groups clips are dealt: 1 where people saw clips of their own, or too few to hold some out."""
    known = ids.label != UNLABELLED
    if not known.any() or (ids.clip[known] == "").any():
        return 1
    seen = {(str(who), str(clip)) for who, clip in zip(ids.subject[known], ids.clip[known], strict=True)}
    clips = {str(clip) for clip in ids.clip[known]}
    fewest = min(len(np.unique(ids.clip[known & (ids.label == label)])) for label in np.unique(ids.label[known]))
    return min(CLIP_FOLDS, fewest) if len(seen) >= 2 * len(clips) else 1


def cross_fitting(ids: WindowIds, seed: int, folds: int = PEOPLE_FOLDS) -> Iterator[CrossFold]:
    """The folds, dealt by the seed. Raises RtemoError where there are fewer than two people with labels."""
    labelled = ids.label != UNLABELLED
    people = np.unique(ids.subject[labelled])
    if len(people) < 2:
        raise RtemoError("nobody can be held out", f"{len(people)} people with labels", "use 2 people or more")
    if folds < 2:
        raise RtemoError("cross-fitting needs two folds at least", f"{folds}", "ask for 2 or more")
    groups = np.array_split(np.random.default_rng([seed, 13]).permutation(people), min(folds, len(people)))
    alone = any(len(people) - len(tested) < 2 for tested in groups)  # one to learn from: no clip can be spared
    of_clip, n_clips = _clip_groups(ids, seed, 1 if alone else clip_folds(ids))
    for number, tested in enumerate(groups):
        own, others = np.isin(ids.subject, tested), np.setdiff1d(people, tested)
        for clip in range(n_clips):
            here = of_clip == clip
            learn = np.isin(ids.subject, others) & (~here | (n_clips == 1))
            if len(others) > 1:
                select, inner = learn & np.isin(ids.subject, held_out_for_selection(others, (seed, number))), "subject"
            else:
                select, inner = last_trials(ids, learn & _spared(ids, learn), 1), "trial"
            name = f"people {number + 1}/{len(groups)}" + (f", clips {clip + 1}/{n_clips}" if n_clips > 1 else "")
            apart = ("subject", "clip") if n_clips > 1 else ("subject",)
            split = split_of(ids, "cross-fitting", name, learn & ~select, select, own & here, apart, (inner,))
            if len(split.test):
                yield CrossFold(split, number, np.flatnonzero(own & here))


def _spared(ids: WindowIds, learn: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n,) whether the window is of a label that has two trials or more to learn from, so that one can be spared."""
    spared = np.zeros(len(ids), np.bool_)
    for label in np.unique(ids.label[learn & (ids.label != UNLABELLED)]):
        own = learn & (ids.label == label)
        spared |= own & (len(np.unique(ids.keys["trial"][own])) > 1)
    return spared


def _clip_groups(ids: WindowIds, seed: int, n_groups: int) -> tuple[NDArray[np.int64], int]:
    """(n,) the group of each window's clip, dealt label by label, and how many groups there are. No clip: group 0."""
    group: dict[str, int] = {}
    random = np.random.default_rng([seed, 17])
    for label in np.unique(ids.label[ids.label != UNLABELLED]):
        clips = np.setdiff1d(ids.clip[ids.label == label], list(group))
        group |= {str(clip): (i + int(label)) % n_groups for i, clip in enumerate(random.permutation(clips))}
    return np.array([group.get(str(clip), 0) for clip in ids.clip.tolist()], np.int64), n_groups
