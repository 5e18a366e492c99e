"""Network outputs of every window of a session, in order, and which of them pass the signal gate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from offline.corpus.corpus import UNLABELLED, Shard
from offline.corpus.eeg_signal import window_with_signal
from offline.training.batches import Picked, plain_batches
from rtemo.core.types import FloatArray, Window
from rtemo.model.bundle import Bundle
from rtemo.model.bundle_schema import COMBINATIONS, ModalityGate
from rtemo.model.decoder import usable
from rtemo.model.embeddings import HEADS, Embeddings
from rtemo.model.network import Heads, Network
from rtemo.model.runtime import Runtime
from rtemo.model.uncertainty.novelty import Familiar

_BATCH = 256


@dataclass(frozen=True, slots=True)
class NetworkOutputs:
    """One recording. z and logits by head, (W, d) and (W, K). passes: combination -> (W,) bool, by the gate.

    familiar: by combination, the training embeddings of the model that made z, where that is another model than the one
    that ships: in cross-fitting each person is judged by a model that had not seen them. ratings: (rating, combination)
    -> (W,) what regressions on z make of each window alone.
    """

    shard: Shard
    z: Mapping[str, FloatArray]
    logits: Mapping[str, NDArray[np.float64]]
    passes: Mapping[str, NDArray[np.bool_]]
    familiar: Mapping[str, Familiar] = field(default_factory=dict)
    ratings: Mapping[tuple[str, str], FloatArray] = field(default_factory=dict)

    @property
    def times(self) -> NDArray[np.float64]:
        return np.asarray(self.shard.rows["end_s"], np.float64)

    @property
    def labels(self) -> NDArray[np.int64]:
        return self.shard.rows["label"].astype(np.int64)

    def counted(self, combination: str) -> NDArray[np.bool_]:
        """(W,) labelled windows that the combination can classify."""
        return np.asarray((self.labels != UNLABELLED) & self.passes[combination])

    def windows(self, combination: str) -> Iterator[tuple[Window, Embeddings]]:
        """The windows with the other modality taken away where the combination lacks it."""
        for i in range(len(self.shard.rows)):
            window = self.shard.window(i)
            if combination == "eeg":
                window = replace(window, gaze_coverage=0.0)
            elif combination == "eye":
                window = replace(window, eeg_coverage=0.0)
            yield window, Embeddings(*(self.z[head][i] for head in HEADS))


def run_network(
    network: Network, heads: Heads, shards: Sequence[Shard], gate: ModalityGate, what: str = ""
) -> list[NetworkOutputs]:
    """Every window of the shards through the network. `what` names the progress bar; without it there is none."""
    network, heads = network.cpu().eval(), heads.cpu().eval()
    bar = tqdm(shards, desc=what, unit="session", disable=None if what else True)
    return [_run_one(network, heads, shard, gate) for shard in bar]


def run_bundle(bundle: Bundle, shards: Sequence[Shard], gate: ModalityGate, what: str) -> list[NetworkOutputs]:
    """Every window of the shards through a bundle's model, by the live application's runtime."""
    runtime = Runtime(bundle)
    return [_run_through(runtime, bundle, s, gate) for s in tqdm(shards, desc=what, unit="session", disable=None)]


def _run_through(runtime: Runtime, bundle: Bundle, shard: Shard, gate: ModalityGate) -> NetworkOutputs:
    settings, signal = bundle.spec.pipeline, "signal" in bundle.spec.model.inputs
    length, grid_hz = round(settings.window.length_s * settings.eeg.grid_hz), settings.eeg.grid_hz
    z: dict[str, list[FloatArray]] = {head: [] for head in HEADS}
    for begin in range(0, len(shard.rows), _BATCH):
        rows = range(begin, min(begin + _BATCH, len(shard.rows)))
        windows = [window_with_signal(shard, i, length, grid_hz) if signal else shard.window(i) for i in rows]
        for embeddings in runtime.embed_windows(windows):
            for head in HEADS:
                z[head].append(embeddings.of(head))
    found = {head: np.stack(rows) for head, rows in z.items()}
    logits = {
        head: found[head].astype(np.float64) @ one.weight.T.astype(np.float64) + one.bias
        for head, one in bundle.heads.items()
    }
    return NetworkOutputs(shard, found, logits, passing(shard, gate))


def _run_one(network: Network, heads: Heads, shard: Shard, gate: ModalityGate) -> NetworkOutputs:
    count = len(shard.rows)
    picked = Picked(np.zeros(count, np.int64), np.arange(count))
    parts: list[tuple[FloatArray, ...]] = []
    with torch.inference_mode():
        for batch in plain_batches((shard,), picked, _BATCH):
            inputs = (batch.eeg, batch.eeg_mask, batch.positions, batch.eye, batch.eye_valid)
            z = network.embed(*(torch.from_numpy(value) for value in inputs))
            parts.append(tuple(value.numpy() for value in (*z, *heads(z))))
    outputs = [np.concatenate(values) for values in zip(*parts, strict=True)]
    return NetworkOutputs(
        shard=shard,
        z=dict(zip(HEADS, outputs[:3], strict=True)),
        logits={head: value.astype(np.float64) for head, value in zip(HEADS, outputs[3:], strict=True)},
        passes=passing(shard, gate),
    )


def passing(shard: Shard, gate: ModalityGate) -> dict[str, NDArray[np.bool_]]:
    """Combination -> (W,): the windows that the gate lets pass."""
    windows = [shard.window(i) for i in range(len(shard.rows))]
    return {name: np.array([usable(one, gate, (name,)) is not None for one in windows]) for name in COMBINATIONS}
