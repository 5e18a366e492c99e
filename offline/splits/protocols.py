"""Evaluation protocols as splits of windows: leave-one-subject-out, cross-session, subject-dependent, leave-clip-out.

Windows of one trial never lie on two sides. What else is kept apart is the protocol's promise, in `Split.apart`:

    loso               people; in validation too (inner held-out people)
    cross-session      sessions of one person
    subject-dependent  trials of one person: SEED-IV the last two trials of each emotion of each session (the balanced
                       reading of "16 train, 8 test"), SEED-V and SEED-VII blocks of five clips over all sessions
    leave-clip-out     people and clips at once: nobody who is tested was trained on, and no film that is shown

In loso everybody sees the same films, so a method may recognise the film instead of the emotion; leave-clip-out shows
whether it does. Every experiment calls `check`; with pretraining it names the people pretrained on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from offline.corpus.corpus import UNLABELLED
from offline.splits.leaks import Split, WindowIds
from rtemo.core.errors import RtemoError

Mask = NDArray[np.bool_]
INNER_SHARE = 0.2
PEOPLE_GROUPS = 5  # of leave-clip-out
BLOCK_TRIALS = 5


def loso(ids: WindowIds, seed: int, people_out: int = 1) -> Iterator[Split]:
    """Each person tested once; a fifth of the others, at least one, held out for selection, drawn anew each time.

    people_out: how many are tested at a time, dealt by the seed. With more than one there are fewer folds to train, and
    each has fewer people to learn from.
    """
    people = np.unique(ids.subject[_labelled(ids)])
    if people_out != 1 and not 1 < people_out < len(people) - 1:
        raise RtemoError(f"{people_out} of {len(people)} people cannot be left out", "", "leave one out")
    dealt = people if people_out == 1 else np.random.default_rng([seed, 7]).permutation(people)
    for number, start in enumerate(range(0, len(people), people_out)):
        tested = dealt[start : start + people_out]
        others = np.setdiff1d(people, tested)
        inner = held_out_for_selection(others, (seed, number))
        test, validation = np.isin(ids.subject, tested), np.isin(ids.subject, inner)
        name = ", ".join(str(who) for who in tested)
        yield split_of(ids, "loso", name, ~test & ~validation, validation, test, ("subject",), ("subject",))


def training_people(people: int) -> int:
    """How many learn in each fold of loso, of so many people with labels."""
    return people - 1 - _inner(people - 1)


def held_out_for_selection(others: NDArray[Any], seed: tuple[int, int]) -> NDArray[Any]:
    """A fifth of the people, at least one, drawn by the seed."""
    return np.random.default_rng(seed).permutation(others)[: _inner(len(others))]


def _inner(others: int) -> int:
    return max(1, round(INNER_SHARE * others))


def cross_session(ids: WindowIds) -> Iterator[Split]:
    """For each person and session: trained on the person's other sessions, tested on this one.

    Selection: the last trial of each label in the other sessions. People with a single session are left out.
    """
    for who in np.unique(ids.subject[_labelled(ids)]):
        mine = ids.subject == who
        sessions = np.unique(ids.session[mine & _labelled(ids)])
        for session in sessions if len(sessions) > 1 else []:
            test = mine & (ids.session == session)
            others, name = mine & ~test, f"{who} session {session}"
            validation = last_trials(ids, others, 1)
            yield split_of(ids, "cross-session", name, others & ~validation, validation, test, ("session",), ())


def subject_dependent(ids: WindowIds, dataset: str) -> Iterator[Split]:
    """Trials of one person, by the data set's own scheme; for others the last third of each label's trials is tested.

    Selection: the last trial of each label among those that are not tested.
    """
    for who in np.unique(ids.subject[_labelled(ids)]):
        for name, scope, test in _SCHEMES.get(dataset, _last_third)(ids, ids.subject == who):
            others = scope & ~test
            validation = last_trials(ids, others, 1)
            yield split_of(ids, "subject-dependent", f"{who} {name}", others & ~validation, validation, test, (), ())


def leave_clip_out(
    ids: WindowIds, seed: int, people_groups: int = PEOPLE_GROUPS, clip_groups: int = 4
) -> Iterator[Split]:
    """Every group of people against every group of clips; selection on the next group of both.

    Clips are dealt to the groups label by label. Windows of tested people with trained clips, and the other way round,
    are used nowhere.
    """
    labelled, random = _labelled(ids), np.random.default_rng(seed)
    if people_groups < 3 or clip_groups < 3:
        raise RtemoError("three groups are the least: to train, to select, to test", f"{people_groups}, {clip_groups}")
    people = random.permutation(np.unique(ids.subject[labelled]))
    person_group = {who: index % people_groups for index, who in enumerate(people.tolist())}
    clip_group: dict[Any, int] = {}
    for label in np.unique(ids.label[labelled]):
        clips = np.setdiff1d(ids.clip[labelled & (ids.label == label)], list(clip_group))
        clip_group |= {clip: (index + int(label)) % clip_groups for index, clip in enumerate(random.permutation(clips))}
    of_person = np.array([person_group.get(who, -1) for who in ids.subject.tolist()])
    of_clip = np.array([clip_group.get(clip, -1) for clip in ids.clip.tolist()])
    for person, clip in product(range(min(people_groups, len(people))), range(clip_groups)):
        next_person, next_clip = (person + 1) % people_groups, (clip + 1) % clip_groups
        test = (of_person == person) & (of_clip == clip)
        validation = (of_person == next_person) & (of_clip == next_clip)
        train = ~np.isin(of_person, (person, next_person)) & ~np.isin(of_clip, (clip, next_clip))
        name = f"people {person + 1}/{people_groups}, clips {clip + 1}/{clip_groups}"
        both = ("subject", "clip")
        yield split_of(ids, "leave-clip-out", name, train, validation, test, both, both)


Cut = tuple[str, Mask, Mask]  # name, the windows that take part, those that are tested


def _balanced_last_two(ids: WindowIds, mine: Mask) -> Iterator[Cut]:
    """SEED-IV: in each session the last two trials of each emotion. The literal last eight lack an emotion."""
    for session in np.unique(ids.session[mine & _labelled(ids)]):
        scope = mine & (ids.session == session)
        yield f"session {session}", scope, last_trials(ids, scope, 2)


def _blocks_of_five(ids: WindowIds, mine: Mask) -> Iterator[Cut]:
    """SEED-V, SEED-VII: trials 1-5, 6-10, ... of all sessions together."""
    blocks = (ids.trial - 1) // BLOCK_TRIALS
    for block in np.unique(blocks[mine & _labelled(ids)]):
        yield f"fold {block + 1}", mine, mine & (blocks == block)


def _last_third(ids: WindowIds, mine: Mask) -> Iterator[Cut]:
    for session in np.unique(ids.session[mine & _labelled(ids)]):
        scope = mine & (ids.session == session)
        test = np.zeros(len(ids), dtype=bool)
        for label in np.unique(ids.label[scope & _labelled(ids)]):
            own = scope & (ids.label == label)
            test |= last_trials(ids, own, max(1, len(np.unique(ids.trial[own])) // 3))
        yield f"session {session}", scope, test


_SCHEMES: Mapping[str, Callable[[WindowIds, Mask], Iterator[Cut]]] = {
    "seed-iv": _balanced_last_two,
    "seed-v": _blocks_of_five,
    "seed-vii": _blocks_of_five,
}


def last_trials(ids: WindowIds, among: Mask, n: int) -> Mask:
    """The windows of the last n trials of each label, by session, then by trial number."""
    chosen = np.zeros(len(ids), dtype=bool)
    for label in np.unique(ids.label[among & _labelled(ids)]):
        own = among & (ids.label == label)
        trials = sorted(set(zip(ids.session[own].tolist(), ids.trial[own].tolist(), strict=True)))
        for session, trial in trials[-n:]:
            chosen |= own & (ids.session == session) & (ids.trial == trial)
    return chosen


def _labelled(ids: WindowIds) -> Mask:
    return np.asarray(ids.label != UNLABELLED)


def split_of(
    ids: WindowIds,
    protocol: str,
    name: str,
    train: Mask,
    validation: Mask,
    test: Mask,
    apart: tuple[str, ...],
    inner: tuple[str, ...],
) -> Split:
    """A split of the labelled windows among these."""
    train_at, validation_at, test_at = (np.flatnonzero(side & _labelled(ids)) for side in (train, validation, test))
    return Split(protocol, name, train_at, validation_at, test_at, apart, inner)
