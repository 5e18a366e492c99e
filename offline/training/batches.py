"""Training batches from the shards: which windows, with which channels, with what noise. Numpy only, seeded by epoch.

Each trial gives the same number of windows to an epoch, so a long clip weighs no more than a short one and a window's
many overlapping neighbours do not fill the epoch. Channels are dropped by not reading them: a batch keeps between
40 and 100 % of them, scattered or by region, which makes it cheaper too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offline.corpus.corpus import Shard
from rtemo.core.types import BoolArray, FloatArray

_POOL_BATCHES = 16  # windows of like channel counts are put together within this many batches


@dataclass(frozen=True, slots=True)
class TrainingBatch:
    """N windows, padded to the largest number of channels C with masked ones. labels (N,) int64."""

    eeg: FloatArray
    eeg_mask: BoolArray
    positions: FloatArray
    eye: FloatArray
    eye_valid: BoolArray
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How windows are disturbed in training. Shares and probabilities from 0 to 1; gains in normalised units."""

    channel_dropout: float = 0.6  # at most; each batch draws its own
    region_share: float = 0.5  # of the batches drop channels by region
    no_eeg: float = 0.15
    no_eye: float = 0.15
    eye_dropout: float = 0.5  # at most; each window draws its own
    gain: float = 0.15  # sd of one offset a channel and window
    noise: float = 0.1  # sd of independent noise


NONE = Augmentation(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Picked:
    """Windows as (shard, index) pairs: shard (n,), index (n,)."""

    shard: NDArray[np.int64]
    index: NDArray[np.int64]

    def take(self, order: NDArray[np.int64]) -> Picked:
        return Picked(self.shard[order], self.index[order])


def pick_epoch(shards: Sequence[Shard], per_trial: int, random: np.random.Generator) -> Picked:
    """per_trial windows of each labelled trial, drawn without replacement where it has as many."""
    shard_ids, indices = [], []
    for number, shard in enumerate(shards):
        rows, labelled = shard.rows, shard.labelled
        for trial in np.unique(rows["trial"][labelled]):
            windows = labelled[rows["trial"][labelled] == trial]
            chosen = random.choice(windows, per_trial, replace=len(windows) < per_trial)
            shard_ids.append(np.full(per_trial, number))
            indices.append(chosen)
    return Picked(np.concatenate(shard_ids).astype(np.int64), np.concatenate(indices).astype(np.int64))


def all_labelled(shards: Sequence[Shard]) -> Picked:
    """Every labelled window, in order."""
    shard = [np.full(len(s.labelled), number) for number, s in enumerate(shards)]
    return Picked(np.concatenate(shard).astype(np.int64), np.concatenate([s.labelled for s in shards]))


def training_batches(
    shards: Sequence[Shard], picked: Picked, size: int, augmentation: Augmentation, random: np.random.Generator
) -> Iterator[TrainingBatch]:
    """The picked windows in random batches of like channel counts, disturbed."""
    counts = np.array([len(shard.about.channels) for shard in shards])
    order = random.permutation(len(picked.shard))
    batches: list[NDArray[np.int64]] = []
    for start in range(0, len(order), size * _POOL_BATCHES):
        pool = order[start : start + size * _POOL_BATCHES]
        pool = pool[np.argsort(counts[picked.shard[pool]], kind="stable")]
        batches += [pool[i : i + size] for i in range(0, len(pool), size)]
    for number in random.permutation(len(batches)):
        yield disturbed(read(shards, picked.take(batches[number]), augmentation, random), augmentation, random)


def plain_batches(shards: Sequence[Shard], picked: Picked, size: int) -> Iterator[TrainingBatch]:
    """The picked windows in their order, undisturbed."""
    random = np.random.default_rng(0)  # not drawn from: nothing is dropped
    for start in range(0, len(picked.shard), size):
        yield read(shards, picked.take(np.arange(start, min(start + size, len(picked.shard)))), NONE, random)


def read(
    shards: Sequence[Shard], picked: Picked, augmentation: Augmentation, random: np.random.Generator
) -> TrainingBatch:
    """The windows with the channels that are kept."""
    dropped = random.uniform(0.0, augmentation.channel_dropout) if augmentation.channel_dropout else 0.0
    by_region = bool(random.random() < augmentation.region_share) if dropped else False
    kept = [kept_channels(shards[s].positions, dropped, by_region=by_region, random=random) for s in picked.shard]
    first = shards[picked.shard[0]]
    n, width = len(picked.shard), max(len(channels) for channels in kept)
    _, frames, _, bands = first.eeg.shape
    batch = TrainingBatch(
        eeg=np.zeros((n, frames, width, bands), np.float32),
        eeg_mask=np.zeros((n, frames, width), np.bool_),
        positions=np.zeros((n, width, 3), np.float32),
        eye=np.stack([shards[s].eye[i] for s, i in zip(picked.shard, picked.index, strict=True)]),
        eye_valid=np.stack([shards[s].eye_valid[i] for s, i in zip(picked.shard, picked.index, strict=True)]),
        labels=np.array(
            [shards[s].rows["label"][i] for s, i in zip(picked.shard, picked.index, strict=True)], np.int64
        ),
    )
    for row, (s, i) in enumerate(zip(picked.shard, picked.index, strict=True)):
        channels, shard = kept[row], shards[s]
        batch.eeg[row, :, : len(channels)] = shard.eeg[i][:, channels]
        batch.eeg_mask[row, :, : len(channels)] = shard.eeg_mask[i][:, channels]
        batch.positions[row, : len(channels)] = shard.positions[channels]
    return batch


def disturbed(batch: TrainingBatch, augmentation: Augmentation, random: np.random.Generator) -> TrainingBatch:
    """Noise, missing eye features, missing modalities. Never both modalities at once."""
    n, channels = len(batch.labels), batch.positions.shape[1]
    eeg = batch.eeg + random.normal(0.0, augmentation.gain, (n, 1, channels, 1)).astype(np.float32)
    eeg += random.normal(0.0, augmentation.noise, eeg.shape).astype(np.float32)
    eye = batch.eye + random.normal(0.0, augmentation.noise, batch.eye.shape).astype(np.float32)
    share = random.uniform(0.0, augmentation.eye_dropout, (n, 1))
    valid = batch.eye_valid & (random.random(batch.eye.shape) >= share)
    which = random.random((n, 1))
    has_eeg, has_eye = which >= augmentation.no_eeg, which <= 1.0 - augmentation.no_eye
    return TrainingBatch(
        eeg=eeg,
        eeg_mask=batch.eeg_mask & has_eeg[:, :, None],
        positions=batch.positions,
        eye=eye,
        eye_valid=valid & has_eye,
        labels=batch.labels,
    )


def kept_channels(
    positions: FloatArray, dropped: float, *, by_region: bool, random: np.random.Generator
) -> NDArray[np.int64]:
    """Indices of the channels that stay, at least one: a random choice, or those far from a random point."""
    count = len(positions)
    keep = min(count, max(1, round(count * (1.0 - dropped))))
    if keep == count:
        return np.arange(count)
    rank = random.random(count)
    if by_region:
        point = random.normal(size=3)
        rank = 0.3 * rank - positions @ (point / np.linalg.norm(point))
    return np.sort(np.argsort(-rank, kind="stable")[:keep])
