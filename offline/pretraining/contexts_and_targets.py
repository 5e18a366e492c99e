"""Contexts and targets for self-supervised learning: a masked view of a window, and the full view it predicts.

Every batch holds as many windows of each corpus, or as its share of them says, and of a corpus's people each is drawn
as often. Everything about a
row follows from (seed, step, row), so that a run can stop anywhere, and any process can make any row. Labels are never
read. Rows come in groups of one recording, or of two people who saw the same clips: which clip it was and for how long
it had been running is known, what it made them feel is not.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from offline.corpus.corpus import UNLABELLED, Shard
from offline.splits import person
from offline.training.batches import TrainingBatch, kept_channels
from rtemo.core.errors import RtemoError
from rtemo.core.types import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Masking:
    """What the context does not see. Shares and probabilities from 0 to 1.

    group: rows of one recording. channels: how many of a recording are read at most. neighbour: the share of rows whose
    target is another window of the same recording, that shares no sample with theirs and ends at most neighbour_s away.
    shared_clip: the share of groups whose targets are of another person, at the same moment of the same clip (after
    CLISA, Shen et al. 2022, doi:10.1109/TAFFC.2022.3164516). gain and noise: in normalised units.
    """

    group: int = 24
    channels: int = 32
    frames: float = 0.5  # one block in time
    channel_dropout: float = 0.6  # at most; scattered or a region
    eye_dropout: float = 0.5  # at most, of the eye features
    no_eeg: float = 0.2
    no_eye: float = 0.2
    neighbour: float = 0.75
    neighbour_s: float = 20.0
    shared_clip: float = 0.0
    gain: float = 0.15
    noise: float = 0.1


@dataclass(frozen=True, slots=True)
class ContextsAndTargets:
    """n rows, in groups of one recording for the contexts and one for the targets.

    same (n,): target and context are of one window. across (n,): they are of two people, at one moment of a clip.
    near (n / group, group, group): whether the context of one row and the target of another are near in time, or of one
    clip where they are of two people.
    """

    target: TrainingBatch
    context: TrainingBatch
    same: BoolArray
    across: BoolArray
    near: BoolArray


@dataclass(frozen=True, slots=True)
class _Window:
    shard: Shard
    index: int
    channels: NDArray[np.int64]

    @property
    def end_s(self) -> float:
        return float(self.shard.rows["end_s"][self.index])

    @property
    def clip(self) -> str:
        return _clips(self.shard)[self.index]


@dataclass(frozen=True, slots=True)
class _Row:
    context: _Window
    target: _Window
    random: np.random.Generator

    @property
    def is_across(self) -> bool:
        return self.context.shard is not self.target.shard


class Sampler:
    """Rows from the recordings of several corpora. Raises RtemoError where a corpus has no window to read."""

    def __init__(
        self,
        corpora: Sequence[Sequence[Shard]],
        masking: Masking,
        seed: int,
        without: Collection[str] = (),
        shares: Sequence[float] = (),
    ) -> None:
        """without: clips of which no sample is read. shares: of the rows, by corpus; none: equal ones."""
        self._masking, self._seed, self._without = masking, seed, frozenset(without)
        self._people = [_by_person(shards, self._without) for shards in corpora]
        if not self._people or not all(self._people):
            raise RtemoError("there is nothing to pretrain on", "a corpus without people", "exclude fewer people")
        self._bounds = None if len(set(shares)) <= 1 else np.cumsum(shares)[:-1]

    def views(self, step: int, rows: range) -> ContextsAndTargets:
        """These rows of the batch of this step."""
        drawn = [self._draw(step, row) for row in rows]
        targets, contexts = [row.target for row in drawn], [row.context for row in drawn]
        width = max(len(window.channels) for window in (*targets, *contexts))
        target, context = _read(targets, width), _read(contexts, width)
        for i, row in enumerate(drawn):
            _hide(context, i, row, self._masking)
        group = self._masking.group
        near = np.stack([self._near(drawn[first : first + group]) for first in range(0, len(drawn), group)])
        same = np.array([row.context.index == row.target.index and not row.is_across for row in drawn])
        return ContextsAndTargets(target, context, same, np.array([row.is_across for row in drawn]), near)

    def _near(self, group: Sequence[_Row]) -> BoolArray:
        if group[0].is_across:
            context, target = (np.array([getattr(row, at).clip for row in group]) for at in ("context", "target"))
            return np.asarray(context[:, None] == target[None, :])
        ends = np.array([[row.context.end_s, row.target.end_s] for row in group])
        return np.asarray(np.abs(ends[:, None, 0] - ends[None, :, 1]) <= self._masking.neighbour_s)

    def _draw(self, step: int, row: int) -> _Row:
        m, group = self._masking, row // self._masking.group
        people = self._people[self._corpus(step, group)]
        shared = np.random.default_rng([self._seed, 3, step, group])
        who = int(shared.integers(len(people)))
        shard = people[who][shared.integers(len(people[who]))]
        across = m.shared_clip > 0.0 and shared.random() < m.shared_clip
        other = self._companion(people, who, shard, shared) if across else None
        random = np.random.default_rng([self._seed, 4, step, row])
        if other is not None:
            pairs = _pairs(shard, other, self._without)
            index, target = (int(i) for i in pairs[random.integers(len(pairs))])
            return _Row(self._window(shard, index, random), self._window(other, target, random), random)
        index = target = int(random.choice(readable(shard, self._without)))
        if random.random() < m.neighbour:
            target = self._neighbour(shard, index, random)
        window = self._window(shard, index, random)
        return _Row(window, _Window(shard, target, window.channels), random)

    def _corpus(self, step: int, group: int) -> int:
        if self._bounds is None:
            return group % len(self._people)
        return int(np.searchsorted(self._bounds, np.random.default_rng([self._seed, 5, step, group]).random(), "right"))

    def _companion(
        self, people: Sequence[Sequence[Shard]], who: int, shard: Shard, random: np.random.Generator
    ) -> Shard | None:
        """Another person's recording with moments of the same clips; None where there is none."""
        others = [one for i, recordings in enumerate(people) if i != who for one in recordings]
        others = [one for one in others if len(_pairs(shard, one, self._without))]
        return others[random.integers(len(others))] if others else None

    def _neighbour(self, shard: Shard, index: int, random: np.random.Generator) -> int:
        """Another window near in time that shares no sample with this one; the same one where there is none."""
        there = readable(shard, self._without)
        apart = np.abs(shard.rows["end_s"][there] - shard.rows["end_s"][index])
        others = there[(apart > shard.eeg.shape[1] - 1e-6) & (apart <= self._masking.neighbour_s + 1e-6)]
        return int(random.choice(others)) if len(others) else index

    def _window(self, shard: Shard, index: int, random: np.random.Generator) -> _Window:
        channels = random.permutation(len(shard.about.channels))[: self._masking.channels]
        return _Window(shard, index, np.sort(channels))


def _by_person(shards: Sequence[Shard], without: frozenset[str]) -> list[list[Shard]]:
    people: dict[str, list[Shard]] = {}
    for shard in shards:
        if len(readable(shard, without)):
            people.setdefault(person(shard.about), []).append(shard)
    return [people[who] for who in sorted(people)]


@lru_cache(maxsize=4096)
def readable(shard: Shard, without: frozenset[str]) -> NDArray[np.int64]:
    """The windows that hold no sample of these clips."""
    clips, ends = np.array(_clips(shard)), shard.rows["end_s"]
    ends_in = ends[np.isin(clips, list(without))]
    apart = np.abs(ends[:, None] - ends_in[None, :]) > shard.eeg.shape[1] - 1e-6
    return np.flatnonzero(apart.all(axis=1))


def clips_read(shard: Shard, without: frozenset[str]) -> set[str]:
    """The clips of which anything is read."""
    clips = _clips(shard)
    return {clips[index] for index in readable(shard, without)} - {""}


@lru_cache(maxsize=4096)
def _clips(shard: Shard) -> tuple[str, ...]:
    """Of each window: which clip was seen, "" for none."""
    return tuple(shard.about.clips.get(str(trial), "") for trial in shard.rows["trial"])


@lru_cache(maxsize=4096)
def _pairs(shard: Shard, other: Shard, without: frozenset[str]) -> NDArray[np.int64]:
    """(n, 2) windows of the two recordings that end at the same moment of the same clip, half a window off at most."""
    if not set(shard.about.clips.values()) & set(other.about.clips.values()):
        return np.empty((0, 2), np.int64)
    found = []
    moments, elsewhere = _moments(shard), _moments(other)
    for clip, (indices, since_s) in moments.items():
        if clip in elsewhere:
            theirs, their_s = elsewhere[clip]
            apart = np.abs(since_s[:, None] - their_s[None, :])
            nearest = apart.argmin(axis=1)
            close = apart[np.arange(len(nearest)), nearest] <= shard.eeg.shape[1] / 2
            found.append(np.stack([indices[close], theirs[nearest[close]]], axis=1))
    pairs = np.concatenate(found) if found else np.empty((0, 2), np.int64)
    return pairs[np.isin(pairs[:, 0], readable(shard, without)) & np.isin(pairs[:, 1], readable(other, without))]


def _moments(shard: Shard) -> dict[str, tuple[NDArray[np.int64], FloatArray]]:
    """Clip -> its windows, and how long after its first window each ends."""
    clips, ends = np.array(_clips(shard)), shard.rows["end_s"]
    indices = {str(clip): np.flatnonzero(clips == clip) for clip in np.unique(clips) if clip}
    return {clip: (at, ends[at] - ends[at[0]]) for clip, at in indices.items()}


def _read(windows: Sequence[_Window], width: int) -> TrainingBatch:
    n, (_, frames, _, bands) = len(windows), windows[0].shard.eeg.shape
    batch = TrainingBatch(
        eeg=np.zeros((n, frames, width, bands), np.float32),
        eeg_mask=np.zeros((n, frames, width), np.bool_),
        positions=np.zeros((n, width, 3), np.float32),
        eye=np.stack([window.shard.eye[window.index] for window in windows]),
        eye_valid=np.stack([window.shard.eye_valid[window.index] for window in windows]),
        labels=np.full(n, UNLABELLED, np.int64),
    )
    for number, window in enumerate(windows):
        shard, count = window.shard, len(window.channels)
        batch.eeg[number, :, :count] = shard.eeg[window.index][:, window.channels]
        batch.eeg_mask[number, :, :count] = shard.eeg_mask[window.index][:, window.channels]
        batch.positions[number, :count] = shard.positions[window.channels]
    return batch


def _hide(batch: TrainingBatch, i: int, row: _Row, m: Masking) -> None:
    """Mask and disturb one row in place. A modality is only taken away where the other is there."""
    random, count = row.random, len(row.context.channels)
    mask, valid = batch.eeg_mask[i], batch.eye_valid[i]
    has_eeg, has_eye = bool(mask.any()), bool(valid.any())
    frames = len(mask)
    hidden = round(m.frames * frames)
    start = int(random.integers(frames - hidden + 1))
    mask[start : start + hidden] = False
    dropped = random.uniform(0.0, m.channel_dropout)
    by_region = bool(random.random() < 0.5)
    kept = kept_channels(batch.positions[i, :count], dropped, by_region=by_region, random=random)
    mask[:, np.setdiff1d(np.arange(mask.shape[1]), kept)] = False
    valid &= random.random(valid.shape) >= random.uniform(0.0, m.eye_dropout)
    which = random.random()
    if has_eeg and has_eye and which < m.no_eeg:
        mask[:] = False
    if has_eeg and has_eye and which > 1.0 - m.no_eye:
        valid[:] = False
    batch.eeg[i, :, :count] += _normal(random, m.gain, (1, count, 1))
    batch.eeg[i, :, :count] += _normal(random, m.noise, batch.eeg[i, :, :count].shape)
    batch.eye[i] += _normal(random, m.noise, batch.eye[i].shape)


def _normal(random: np.random.Generator, sd: float, shape: tuple[int, ...]) -> FloatArray:
    return np.float32(sd) * random.standard_normal(shape, np.float32)
