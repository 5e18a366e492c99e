"""Train/validation/test splits of windows: which person, trial and clip each belongs to, and the check for leaks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from offline.corpus.copies import copy_groups
from offline.corpus.corpus import UNLABELLED, Shard, ShardMetadata
from rtemo.core.errors import RtemoError

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class WindowIds:
    """What each of n windows belongs to; arrays (n,).

    subject: unique over data sets, so put the data set's name before it. session: within the subject. trial: number
    within the session. clip: the stimulus, "" where unknown. label: code, UNLABELLED (-1) windows are never used.
    copies: the same number for recordings that hold the same samples under different names, else -1.
    """

    subject: NDArray[Any]
    session: NDArray[Any]
    trial: NDArray[np.int64]
    clip: NDArray[Any]
    label: NDArray[np.int64]
    copies: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        if not len(self.copies):
            object.__setattr__(self, "copies", np.full(len(self.subject), -1, np.int64))
        lengths = [len(ids) for ids in (self.subject, self.session, self.trial, self.clip, self.label, self.copies)]
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


def person(about: ShardMetadata) -> str:
    """The subject's name over all data sets: `<data set>/<subject>`. Pretraining names people like this too."""
    return f"{about.dataset}/{about.subject}"


def window_ids(recordings: Iterable[Shard]) -> WindowIds:
    """The ids of every window: recording after recording as given, each in order of time, unlabelled ones included.

    A corpus is such an iterable; several are chained. A trial whose stimulus is unknown has the clip "".
    Raises RtemoError where there is no recording.
    """
    shards = list(recordings)
    if not shards:
        raise RtemoError("there is nothing to split", "no recording", "name a corpus with recordings")
    sizes = [len(shard.rows) for shard in shards]
    return WindowIds(
        subject=np.repeat([person(shard.about) for shard in shards], sizes),
        session=np.repeat([shard.about.session for shard in shards], sizes),
        trial=np.concatenate([shard.rows["trial"] for shard in shards]).astype(np.int64),
        clip=np.concatenate([_clips(shard) for shard in shards]),
        label=np.concatenate([shard.rows["label"] for shard in shards]).astype(np.int64),
        copies=np.repeat(np.array(copy_groups(shards), np.int64), sizes),
    )


def _clips(shard: Shard) -> NDArray[np.str_]:
    trials, of_row = np.unique(shard.rows["trial"], return_inverse=True)
    names = np.array([shard.about.clips.get(str(trial), "") for trial in trials.tolist()], dtype=np.str_)
    return names[of_row]


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


def check(
    split: Split,
    ids: WindowIds,
    pretrained_on: Collection[str] = (),
    pretrained_clips: Collection[str] | None = None,
) -> None:
    """RtemoError where a side is empty, windows or trials lie on two sides, what should be apart is not, copies of one
    recording lie on two sides, a class is tested that was not trained, or a tested person was pretrained on; or a
    tested clip, where clips are to be new. pretrained_clips: None: unknown, so anybody of the same data set may have
    seen them all.
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
        if copied := _copied(ids, sides[one], sides[other]):
            found = f"the same samples lie in both {one} and {other}, as {copied}"
            raise _leak(split, found, "keep one of the two recordings, and build the corpus again")
    if unseen := set(ids.label[split.test].tolist()) - set(ids.label[split.train].tolist()):
        raise _leak(split, f"the classes {sorted(unseen)} are tested but not trained", "choose other folds")
    if known := sorted({str(who) for who in ids.subject[split.test]} & {str(who) for who in pretrained_on}):
        raise _leak(
            split, f"pretraining has seen {', '.join(known[:5])}", "pretrain without the people that are tested"
        )
    if "clip" in split.apart:
        own = {_dataset(who) for who in ids.subject[split.test]}
        suspect = [str(who) for who in pretrained_on if _dataset(who) in own] if pretrained_clips is None else []
        seen = {str(clip) for clip in ids.clip[split.test]} & set(pretrained_clips or ())
        if seen or suspect:
            who = "clips" if seen else "people who may have seen the tested clips:"
            found = f"pretraining has seen {who} {', '.join(sorted(seen or suspect)[:5])}"
            raise _leak(split, found, "pretrain without them (--hold-out), or use a protocol that allows known clips")


def _copied(ids: WindowIds, one: Indices, other: Indices) -> str:
    """Two recordings of the same samples, one on each side; "" where there are none."""
    ours, theirs = (side[ids.copies[side] >= 0] for side in (one, other))
    for group in np.intersect1d(ids.copies[ours], ids.copies[theirs]):
        mine, its = (side[ids.copies[side] == group] for side in (ours, theirs))
        sessions = ids.keys["session"]
        apart = [(i, k) for i in _firsts(sessions, mine) for k in _firsts(sessions, its) if sessions[i] != sessions[k]]
        if apart:
            return " and ".join(f"{ids.subject[k]} session {ids.session[k]}" for k in apart[0])
    return ""


def _firsts(keys: Indices, windows: Indices) -> list[int]:
    """One window of each key."""
    return [int(window) for window in windows[np.unique(keys[windows], return_index=True)[1]]]


def _dataset(subject: object) -> str:
    return str(subject).partition("/")[0]


def _describe(ids: WindowIds, index: int) -> str:
    return f"{ids.subject[index]} session {ids.session[index]} trial {ids.trial[index]} clip {ids.clip[index]!r}"


def _leak(split: Split, found: str, todo: str) -> RtemoError:
    return RtemoError(f"the {split.protocol} split {split.name!r} is refused", found, todo)
