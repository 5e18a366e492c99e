"""Evaluation protocols: which windows train, which select, which test; and the check that nothing leaks between them.

Windows of one trial never lie on two sides. What else is kept apart is the protocol's promise, in `Split.apart`:

    loso               people; in validation too (inner held-out people)
    cross-session      sessions of one person
    subject-dependent  trials of one person: SEED-IV the last two trials of each emotion of each session (the balanced
                       reading of "16 train, 8 test"), SEED-V and SEED-VII blocks of five clips over all sessions
    leave-clip-out     people and clips at once: nobody who is tested was trained on, and no film that is shown

In loso everybody sees the same films, so a method may recognise the film instead of the emotion: leave-clip-out tells.
Every experiment calls `check`; with pretraining it names the people pretrained on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError

Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]
UNLABELLED = -1
INNER_SHARE = 0.2
BLOCK_TRIALS = 5


@dataclass(frozen=True, eq=False)
class WindowIds:
    """What each of n windows belongs to; five arrays (n,).

    subject: unique over data sets, so put the data set's name before it. session: within the subject. trial: number
    within the session. clip: the stimulus, "" where unknown. label: code, UNLABELLED (-1) windows are never used.
    """

    subject: NDArray[Any]
    session: NDArray[Any]
    trial: NDArray[np.int64]
    clip: NDArray[Any]
    label: NDArray[np.int64]

    def __post_init__(self) -> None:
        lengths = [len(ids) for ids in (self.subject, self.session, self.trial, self.clip, self.label)]
        if len(set(lengths)) != 1:
            raise RtemoError("the windows' ids are not equally long", f"{lengths}")

    def __len__(self) -> int:
        return len(self.subject)

    @cached_property
    def keys(self) -> Mapping[str, Indices]:
        """Numbers (n,), equal where two windows have the same subject, session, trial or clip."""
        subject = _numbered(self.subject)
        session = _numbered(subject, self.session)
        return {
            "subject": subject,
            "session": session,
            "trial": _numbered(session, self.trial),
            "clip": _numbered(self.clip),
        }


def _numbered(*columns: NDArray[Any]) -> Indices:
    """A number for each different row of the columns."""
    codes = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        values, own = np.unique(column, return_inverse=True)
        codes = np.unique(codes * len(values) + own, return_inverse=True)[1].astype(np.int64)
    return codes


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Indices of windows. validation selects and calibrates, test is used once.

    apart: the keys that test shares with neither other side. inner: those that train and validation do not share.
    """

    protocol: str
    name: str
    train: Indices
    validation: Indices
    test: Indices
    apart: tuple[str, ...]
    inner: tuple[str, ...]


def check(split: Split, ids: WindowIds, pretrained_on: Collection[str] = ()) -> None:
    """RtemoError where a side is empty, windows or trials lie on two sides, what should be apart is not, a class is
    tested that was not trained, or a tested person was pretrained on.
    """
    sides = {"train": split.train, "validation": split.validation, "test": split.test}
    for side, indices in sides.items():
        if not len(indices):
            raise _leak(split, f"there is nothing in {side}", "use more people, sessions or trials")
        if indices.min() < 0 or indices.max() >= len(ids) or len(np.unique(indices)) != len(indices):
            raise _leak(split, f"{side} names windows twice or that are not there", "build the split from these ids")
        if (ids.label[indices] == UNLABELLED).any():
            raise _leak(split, f"{side} has windows without a label", "leave them out")
    if "clip" in split.apart and (ids.clip[np.concatenate(list(sides.values()))] == "").any():
        raise _leak(
            split, "some windows' clips are unknown", "this protocol needs to know the stimulus of every window"
        )
    for one, other in combinations(sides, 2):
        for name in ("trial", *(split.apart if other == "test" else split.inner)):
            keys = ids.keys[name]
            both = np.intersect1d(keys[sides[one]], keys[sides[other]])
            if len(both):
                example = _describe(ids, int(np.flatnonzero(keys == both[0])[0]))
                found = f"{len(both)} {name}s lie in both {one} and {other}, such as {example}"
                raise _leak(split, found, f"keep every {name} on one side")
    if unseen := set(ids.label[split.test].tolist()) - set(ids.label[split.train].tolist()):
        raise _leak(split, f"the classes {sorted(unseen)} are tested but not trained", "choose other folds")
    if known := sorted({str(who) for who in ids.subject[split.test]} & {str(who) for who in pretrained_on}):
        raise _leak(
            split, f"pretraining has seen {', '.join(known[:5])}", "pretrain without the people that are tested"
        )


def loso(ids: WindowIds, seed: int) -> Iterator[Split]:
    """Each person tested once; a fifth of the others, at least one, held out for selection, drawn anew each time."""
    people = np.unique(ids.subject[_labelled(ids)])
    for number, who in enumerate(people):
        others = people[people != who]
        n_inner = max(1, round(INNER_SHARE * len(others)))
        inner = np.random.default_rng([seed, number]).permutation(others)[:n_inner]
        test, held = ids.subject == who, np.isin(ids.subject, inner)
        yield _split(ids, "loso", str(who), ~test & ~held, held, test, ("subject",), ("subject",))


def cross_session(ids: WindowIds) -> Iterator[Split]:
    """For each person and session: trained on the person's other sessions, tested on this one.

    Selection: the last trial of each label in the other sessions. People with a single session are left out.
    """
    for who in np.unique(ids.subject[_labelled(ids)]):
        mine = ids.subject == who
        sessions = np.unique(ids.session[mine & _labelled(ids)])
        for session in sessions if len(sessions) > 1 else []:
            test = mine & (ids.session == session)
            held = _last_trials(ids, mine & ~test, 1)
            yield _split(
                ids, "cross-session", f"{who} session {session}", mine & ~test & ~held, held, test, ("session",), ()
            )


def subject_dependent(ids: WindowIds, dataset: str) -> Iterator[Split]:
    """Trials of one person, by the data set's own scheme; for others the last third of each label's trials is tested.

    Selection: the last trial of each label among those that are not tested.
    """
    for who in np.unique(ids.subject[_labelled(ids)]):
        for name, scope, test in _SCHEMES.get(dataset, _last_third)(ids, ids.subject == who):
            held = _last_trials(ids, scope & ~test, 1)
            yield _split(ids, "subject-dependent", f"{who} {name}", scope & ~test & ~held, held, test, (), ())


def leave_clip_out(ids: WindowIds, seed: int, people_groups: int = 5, clip_groups: int = 4) -> Iterator[Split]:
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
        held = (of_person == next_person) & (of_clip == next_clip)
        train = ~np.isin(of_person, (person, next_person)) & ~np.isin(of_clip, (clip, next_clip))
        name = f"people {person + 1}/{people_groups}, clips {clip + 1}/{clip_groups}"
        both = ("subject", "clip")
        yield _split(ids, "leave-clip-out", name, train, held, test, both, both)


Cut = tuple[str, Mask, Mask]  # name, the windows that take part, those that are tested


def _balanced_last_two(ids: WindowIds, mine: Mask) -> Iterator[Cut]:
    """SEED-IV: in each session the last two trials of each emotion. The literal last eight lack an emotion."""
    for session in np.unique(ids.session[mine & _labelled(ids)]):
        scope = mine & (ids.session == session)
        yield f"session {session}", scope, _last_trials(ids, scope, 2)


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
            test |= _last_trials(ids, own, max(1, len(np.unique(ids.trial[own])) // 3))
        yield f"session {session}", scope, test


_SCHEMES: Mapping[str, Callable[[WindowIds, Mask], Iterator[Cut]]] = {
    "seed-iv": _balanced_last_two,
    "seed-v": _blocks_of_five,
    "seed-vii": _blocks_of_five,
}


def _last_trials(ids: WindowIds, among: Mask, n: int) -> Mask:
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


def _split(
    ids: WindowIds,
    protocol: str,
    name: str,
    train: Mask,
    held: Mask,
    test: Mask,
    apart: tuple[str, ...],
    inner: tuple[str, ...],
) -> Split:
    train_at, held_at, test_at = (np.flatnonzero(side & _labelled(ids)) for side in (train, held, test))
    return Split(protocol, name, train_at, held_at, test_at, apart, inner)


def _describe(ids: WindowIds, index: int) -> str:
    return f"{ids.subject[index]} session {ids.session[index]} trial {ids.trial[index]} clip {ids.clip[index]!r}"


def _leak(split: Split, found: str, todo: str) -> RtemoError:
    return RtemoError(f"the {split.protocol} split {split.name!r} is refused", found, todo)
