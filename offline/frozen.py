"""A network that no longer learns, and what it made of the windows it has seen.

All folds of an experiment ask a frozen network for the same windows, so what it makes of one is kept: 1.5 kB a window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from offline.batches import Batch, Picked, plain_batches
from offline.shards import Shard
from rtemo.core.types import BoolArray, FloatArray
from rtemo.model.embeddings import HEADS
from rtemo.model.network import Network

_BATCH = 256


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

    def offered(self) -> tuple[BoolArray, BoolArray, BoolArray]:
        """For each head, which windows it can say anything about."""
        return self.eeg, self.eye, self.eeg | self.eye


class Frozen:
    """The network is not to be changed while this is in use."""

    def __init__(self, network: Network) -> None:
        self.network = network.eval()
        self._kept: dict[tuple[str, ...], Embedded] = {}
        self._known: dict[tuple[str, ...], BoolArray] = {}

    def embed(self, shards: Sequence[Shard], picked: Picked) -> Embedded:
        """What the network makes of these windows, undisturbed, in their order."""
        self._see(shards, picked)
        kept = [self._kept[shard.seen_as] for shard in shards]
        at = list(zip(picked.shard, picked.index, strict=True))
        return Embedded(
            z=np.stack([kept[s].z[i] for s, i in at]),
            eeg=np.array([kept[s].eeg[i] for s, i in at]),
            eye=np.array([kept[s].eye[i] for s, i in at]),
        )

    def _see(self, shards: Sequence[Shard], picked: Picked) -> None:
        for shard in shards:
            self._room(shard)
        known = [self._known[shard.seen_as] for shard in shards]
        new = [pair for pair in zip(picked.shard, picked.index, strict=True) if not known[pair[0]][pair[1]]]
        pairs = np.unique(np.array(new, np.int64).reshape(-1, 2), axis=0)
        missing, start = Picked(pairs[:, 0], pairs[:, 1]), 0
        for batch in plain_batches(shards, missing, _BATCH):
            some = pairs[start : start + len(batch.labels)]
            self._keep(shards, some, batch)
            start += len(some)

    def _room(self, shard: Shard) -> None:
        if shard.seen_as in self._kept:
            return
        n, width = len(shard.rows), self.network.config.width
        self._kept[shard.seen_as] = Embedded(
            np.zeros((n, len(HEADS), width), np.float32), np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        )
        self._known[shard.seen_as] = np.zeros(n, np.bool_)

    def _keep(self, shards: Sequence[Shard], pairs: NDArray[np.int64], batch: Batch) -> None:
        device = next(self.network.parameters()).device
        inputs = (batch.eeg, batch.eeg_mask, batch.positions, batch.eye, batch.eye_valid)
        with torch.inference_mode():
            z = self.network.embed(*(torch.from_numpy(value).to(device) for value in inputs))
            found = torch.stack(z, dim=1).cpu().numpy()
        eeg, eye = np.asarray(batch.eeg_mask.any(axis=(1, 2))), np.asarray(batch.eye_valid.any(axis=1))
        for number in np.unique(pairs[:, 0]):
            of, key = np.flatnonzero(pairs[:, 0] == number), shards[number].seen_as
            rows, kept = pairs[of, 1], self._kept[key]
            kept.z[rows], kept.eeg[rows], kept.eye[rows] = found[of], eeg[of], eye[of]
            self._known[key][rows] = True
