"""A frozen network, with a cache of its embeddings of windows.

All folds of an experiment embed the same windows with a frozen network, so the embeddings are kept: 1.5 kB a window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from offline.corpus.shards import Shard
from offline.training.batches import Picked, TrainingBatch, kept_channels, plain_batches
from offline.training.deadline import look_at_the_clock
from rtemo.core.types import BoolArray, FloatArray
from rtemo.model.embeddings import HEADS
from rtemo.model.network import Network

_BATCH = 256
_MOST_DROPPED = 0.8  # as far as the robustness curves go
_SEED = 31


@dataclass(frozen=True, slots=True)
class Embedded:
    """n windows. z (n, 3, width), in the order of HEADS; eeg, eye (n,): whether the window offers that modality."""

    z: FloatArray
    eeg: BoolArray
    eye: BoolArray

    def as_tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """Z of each head, (n, width)."""
        eeg, eye, joint = (torch.from_numpy(self.z[:, i]) for i in range(len(HEADS)))
        return eeg, eye, joint

    def and_then(self, other: Embedded) -> Embedded:
        """Both, one after the other."""
        z, eeg, eye = ((getattr(self, name), getattr(other, name)) for name in ("z", "eeg", "eye"))
        return Embedded(np.concatenate(z), np.concatenate(eeg), np.concatenate(eye))

    def offered(self) -> tuple[BoolArray, BoolArray, BoolArray]:
        """For each head, which windows it can classify."""
        return self.eeg, self.eye, self.eeg | self.eye


class FrozenNetwork:
    """The network is not to be changed while this is in use."""

    def __init__(self, network: Network) -> None:
        self.network = network.eval()
        self._kept: dict[tuple[str, ...], Embedded] = {}
        self._known: dict[tuple[str, ...], BoolArray] = {}

    def embed(self, shards: Sequence[Shard], picked: Picked, *, fewer: bool = False) -> Embedded:
        """What the network makes of these windows, in their order.

        fewer: without a part of the channels, up to 80 %; which are left out follows from the window alone.
        """
        self._see(shards, picked, fewer=fewer)
        kept = [self._kept[_key(shard, fewer=fewer)] for shard in shards]
        at = list(zip(picked.shard, picked.index, strict=True))
        return Embedded(
            z=np.stack([kept[s].z[i] for s, i in at]),
            eeg=np.array([kept[s].eeg[i] for s, i in at]),
            eye=np.array([kept[s].eye[i] for s, i in at]),
        )

    def _see(self, shards: Sequence[Shard], picked: Picked, *, fewer: bool) -> None:
        for shard in shards:
            self._room(shard, _key(shard, fewer=fewer))
        known = [self._known[_key(shard, fewer=fewer)] for shard in shards]
        new = [pair for pair in zip(picked.shard, picked.index, strict=True) if not known[pair[0]][pair[1]]]
        pairs = np.unique(np.array(new, np.int64).reshape(-1, 2), axis=0)
        missing, start = Picked(pairs[:, 0], pairs[:, 1]), 0
        for batch in plain_batches(shards, missing, _BATCH):
            look_at_the_clock()
            some = pairs[start : start + len(batch.labels)]
            if fewer:
                batch = _fewer_channels(batch, some)
            self._keep([_key(shard, fewer=fewer) for shard in shards], some, batch)
            start += len(some)

    def _room(self, shard: Shard, key: tuple[str, ...]) -> None:
        if key in self._kept:
            return
        n, width = len(shard.rows), self.network.config.width
        self._kept[key] = Embedded(
            np.zeros((n, len(HEADS), width), np.float32), np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        )
        self._known[key] = np.zeros(n, np.bool_)

    def _keep(self, keys: Sequence[tuple[str, ...]], pairs: NDArray[np.int64], batch: TrainingBatch) -> None:
        device = next(self.network.parameters()).device
        inputs = (batch.eeg, batch.eeg_mask, batch.positions, batch.eye, batch.eye_valid)
        with torch.inference_mode():
            z = self.network.embed(*(torch.from_numpy(value).to(device) for value in inputs))
            found = torch.stack(z, dim=1).cpu().numpy()
        eeg, eye = np.asarray(batch.eeg_mask.any(axis=(1, 2))), np.asarray(batch.eye_valid.any(axis=1))
        for number in np.unique(pairs[:, 0]):
            of, key = np.flatnonzero(pairs[:, 0] == number), keys[number]
            rows, kept = pairs[of, 1], self._kept[key]
            kept.z[rows], kept.eeg[rows], kept.eye[rows] = found[of], eeg[of], eye[of]
            self._known[key][rows] = True


def _key(shard: Shard, *, fewer: bool) -> tuple[str, ...]:
    return (*shard.seen_as, "fewer") if fewer else shard.seen_as


def _fewer_channels(batch: TrainingBatch, pairs: NDArray[np.int64]) -> TrainingBatch:
    """A window keeps its channels by chance, or those that are far from a point."""
    mask = batch.eeg_mask.copy()
    for row, (_, index) in enumerate(pairs):
        random = np.random.default_rng([_SEED, int(index)])
        dropped, by_region = random.uniform(0.0, _MOST_DROPPED), bool(random.random() < 0.5)
        there = np.flatnonzero(mask[row].any(axis=0))
        if len(there):
            kept = there[kept_channels(batch.positions[row, there], dropped, by_region=by_region, random=random)]
            mask[row][:, np.setdiff1d(there, kept)] = False
    return replace(batch, eeg_mask=mask)
