"""Two views of unlabelled windows: a target that sees all, and a context from which it is to be foretold.

Every batch holds as many windows of each corpus, and of a corpus's people each is drawn as often. Everything about a
row follows from (seed, step, row), so that a run can stop anywhere, and any process can make any row. Labels are never
read. Rows come in groups of one recording.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offline.batches import Batch, kept_channels
from offline.corpus import UNLABELLED, Shard
from offline.splits import person
from rtemo.core.errors import RtemoError
from rtemo.core.types import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Masking:
    """What the context does not see. Shares and probabilities from 0 to 1.

    group: rows of one recording. channels: how many of a recording are read at most. neighbour: the share of rows whose
    target is another window of the same recording, that shares no sample with theirs and ends at most neighbour_s away.
    gain and noise: in normalised units.
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
    gain: float = 0.15
    noise: float = 0.1


@dataclass(frozen=True, slots=True)
class Views:
    """n rows, in groups of one recording. same (n,): target and context are of one window.

    near (n / group, group, group): whether the context of one row and the target of another are near in time.
    """

    target: Batch
    context: Batch
    same: BoolArray
    near: BoolArray


@dataclass(frozen=True, slots=True)
class _Row:
    shard: Shard
    index: int
    target: int
    channels: NDArray[np.int64]
    random: np.random.Generator


class Sampler:
    """Rows from the recordings of several corpora. Raises RtemoError where a corpus has no window."""

    def __init__(self, corpora: Sequence[Sequence[Shard]], masking: Masking, seed: int) -> None:
        self._masking, self._seed = masking, seed
        self._people = [_by_person(shards) for shards in corpora]
        if not self._people or not all(self._people):
            raise RtemoError("there is nothing to pretrain on", "a corpus without people", "exclude fewer people")

    def views(self, step: int, rows: range) -> Views:
        """These rows of the batch of this step."""
        drawn = [self._draw(step, row) for row in rows]
        width = max(len(row.channels) for row in drawn)
        target, context = (_read(drawn, [getattr(r, at) for r in drawn], width) for at in ("target", "index"))
        for i, row in enumerate(drawn):
            _hide(context, i, row, self._masking)
        same = np.array([row.index == row.target for row in drawn])
        ends = np.array([[row.shard.rows["end_s"][at] for at in (row.index, row.target)] for row in drawn])
        ends = ends.reshape(-1, self._masking.group, 2)
        near = np.abs(ends[:, :, None, 0] - ends[:, None, :, 1]) <= self._masking.neighbour_s
        return Views(target, context, same, near)

    def _draw(self, step: int, row: int) -> _Row:
        m, group = self._masking, row // self._masking.group
        people = self._people[group % len(self._people)]
        shared = np.random.default_rng([self._seed, 3, step, group])
        recordings = people[shared.integers(len(people))]
        shard = recordings[shared.integers(len(recordings))]
        random = np.random.default_rng([self._seed, 4, step, row])
        index = target = int(random.integers(len(shard.rows)))
        if random.random() < m.neighbour:
            target = _neighbour(shard, index, m.neighbour_s, random)
        channels = random.permutation(len(shard.about.channels))[: m.channels]
        return _Row(shard, index, target, np.sort(channels), random)


def _by_person(shards: Sequence[Shard]) -> list[list[Shard]]:
    people: dict[str, list[Shard]] = {}
    for shard in shards:
        if len(shard.rows):
            people.setdefault(person(shard.about), []).append(shard)
    return [people[who] for who in sorted(people)]


def _neighbour(shard: Shard, index: int, within_s: float, random: np.random.Generator) -> int:
    """Another window near in time that shares no sample with this one; the same one where there is none."""
    apart = np.abs(shard.rows["end_s"] - shard.rows["end_s"][index])
    others = np.flatnonzero((apart > shard.eeg.shape[1] - 1e-6) & (apart <= within_s + 1e-6))
    return int(random.choice(others)) if len(others) else index


def _read(rows: Sequence[_Row], indices: Sequence[int], width: int) -> Batch:
    n, (_, frames, _, bands) = len(rows), rows[0].shard.eeg.shape
    at = list(zip(rows, indices, strict=True))
    batch = Batch(
        eeg=np.zeros((n, frames, width, bands), np.float32),
        eeg_mask=np.zeros((n, frames, width), np.bool_),
        positions=np.zeros((n, width, 3), np.float32),
        eye=np.stack([row.shard.eye[i] for row, i in at]),
        eye_valid=np.stack([row.shard.eye_valid[i] for row, i in at]),
        labels=np.full(n, UNLABELLED, np.int64),
    )
    for number, (row, i) in enumerate(at):
        count = len(row.channels)
        batch.eeg[number, :, :count] = row.shard.eeg[i][:, row.channels]
        batch.eeg_mask[number, :, :count] = row.shard.eeg_mask[i][:, row.channels]
        batch.positions[number, :count] = row.shard.positions[row.channels]
    return batch


def _hide(batch: Batch, i: int, row: _Row, m: Masking) -> None:
    """Mask and disturb one row in place. A modality is only taken away where the other is there."""
    random, count = row.random, len(row.channels)
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
