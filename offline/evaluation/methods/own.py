"""Our own network as a method: from scratch, fine-tuned from given weights, or frozen with new heads (probe).

It is trained by offline.training.finetune on the recordings themselves, of any montage, in which every window that is
not to be seen has no label. Temperatures of the heads and their fusion are fitted on the validation windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf
from torch import Tensor

from offline.corpus.corpus import UNLABELLED, Shard
from offline.evaluation.methods.base import Array, Model
from offline.evaluation.temperature import equal_units, fit_fusion, fit_temperature
from offline.evaluation.window_table import MODALITIES, Windows
from offline.training.batches import Augmentation, Picked
from offline.training.choices import Choice, part_of
from offline.training.finetune import chosen_of, fit_frozen, fit_selecting, fit_whole
from offline.training.frozen_network import FrozenNetwork
from offline.training.training_run import TrainingSettings, best_network
from rtemo.core.types import BoolArray
from rtemo.model.embeddings import HEADS
from rtemo.model.network import Heads
from rtemo.model.uncertainty.novelty import Familiar, distance
from rtemo.model.uncertainty.probabilities import FLOOR, tempered

_NEEDS: Mapping[str, tuple[str, ...]] = {"eeg": ("eeg",), "eye": ("eye",), "joint": MODALITIES}


class Selected(Shard):
    """A recording in which only some windows have their labels, and only some modalities can be seen."""

    def __init__(self, shard: Shard, index: NDArray[np.int64], modalities: Sequence[str]) -> None:
        super().__init__(shard.folder, shard.about)
        self._shard, self._index, self._modalities = shard, index, tuple(modalities)

    @property
    def seen_as(self) -> tuple[str, ...]:
        return (*super().seen_as, *self._modalities)

    @cached_property
    def rows(self) -> NDArray[np.void]:
        rows = np.array(self._shard.rows)
        hidden = np.ones(len(rows), dtype=bool)
        hidden[self._index] = False
        rows["label"][hidden] = UNLABELLED
        return rows

    @cached_property
    def eeg_mask(self) -> BoolArray:
        mask = self._open("eeg_mask")
        return mask if "eeg" in self._modalities else np.zeros_like(mask)

    @cached_property
    def eye_valid(self) -> BoolArray:
        valid = self._open("eye_valid")
        return valid if "eye" in self._modalities else np.zeros_like(valid)


def recordings(windows: Windows) -> tuple[Selected, ...]:
    """The recordings that these windows lie in, with nothing but them to be learned from."""
    table, found = windows.table, []
    for number in np.unique(table.shard[windows.rows]):
        index = table.index[windows.rows[table.shard[windows.rows] == number]]
        found.append(Selected(table.shards[number], index, windows.modalities))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class OwnNetwork:
    """init: weights to begin from, or None. settings: of the training; with mode "probe" only the heads learn."""

    settings: TrainingSettings = field(default_factory=TrainingSettings)
    init: Mapping[str, Tensor] | None = None
    modalities: tuple[str, ...] = MODALITIES
    _frozen: dict[int, FrozenNetwork] = field(default_factory=dict, repr=False)  # all folds share them

    def fit(self, train: Windows, validation: Windows, seed: int) -> Model:
        settings = replace(self.settings, seed=seed, augmentation=_allowed(self.settings, train))
        frozen, heads, chosen = self._trained(train, validation, settings)
        model = OwnModel(frozen, heads, train)
        weight = equal_units(validation.subject)
        logits, offered = model.logits(validation), model.offered(validation)
        temperatures = {
            head: fit_temperature(logits[head][ok], validation.labels[ok], weight[ok]) if ok.any() else 1.0
            for head, ok in offered.items()
        }
        both, fusion = np.all(list(offered.values()), axis=0), np.full(len(HEADS), 1.0 / len(HEADS))
        if both.any():
            logs = np.stack([_log(tempered(logits[head][both], temperatures[head])) for head in HEADS])
            fusion = fit_fusion(logs, validation.labels[both], equal_units(validation.subject[both]))
        for head, weight in zip(HEADS, fusion, strict=True):
            chosen |= {f"temperature {head}": temperatures[head], f"weight {head}": float(weight)}
        return replace(model, temperatures=temperatures, fusion=fusion, chosen=chosen)

    def refit(self, people: Windows, chosen: Choice, seed: int) -> Model:
        settings = replace(self.settings, seed=seed, augmentation=_allowed(self.settings, people))
        shards, n_labels = recordings(people), people.n_labels
        if self._learns:
            network, heads = fit_whole(shards, settings, self.init, n_labels, chosen)
            frozen = FrozenNetwork(network)
        else:
            frozen, heads, _ = fit_frozen(self._frozen, shards, None, settings, self.init, n_labels, chosen)
        fusion = np.array([part_of("weight", chosen)[head] for head in HEADS])
        return OwnModel(frozen, heads.eval(), people, part_of("temperature", chosen), fusion, chosen)

    @property
    def _learns(self) -> bool:
        """Whether more than the heads is trained."""
        return self.settings.mode == "full" and self.settings.epochs > 0

    def _trained(
        self, train: Windows, validation: Windows, settings: TrainingSettings
    ) -> tuple[FrozenNetwork, Heads, dict[str, float]]:
        sides = recordings(train), recordings(validation)
        if self._learns:
            state = fit_selecting(*sides, settings, self.init, train.n_labels)
            network, heads = best_network(state)
            return FrozenNetwork(network), heads.eval(), chosen_of(state)
        return fit_frozen(self._frozen, *sides, settings, self.init, train.n_labels)


def _allowed(settings: TrainingSettings, train: Windows) -> Augmentation:
    """With one modality there is none to drop."""
    if len(train.modalities) > 1:
        return settings.augmentation
    return replace(settings.augmentation, no_eeg=0.0, no_eye=0.0)


@dataclass(frozen=True, eq=False)
class OwnModel:
    """The network and its heads with their temperatures, and the weights (3,) of the heads where all are used."""

    frozen: FrozenNetwork
    heads: Heads
    train: Windows
    temperatures: Mapping[str, float] = field(default_factory=dict)
    fusion: Array = field(default_factory=lambda: np.full(len(HEADS), 1.0 / len(HEADS)))
    chosen: Choice = field(default_factory=dict)

    def probabilities(self, windows: Windows) -> Array:
        """Where both modalities are there all heads are used, else the one of the modality that is."""
        logits, offered = self.logits(windows), self.offered(windows)
        logs = np.stack([_log(tempered(logits[head], self.temperatures[head])) for head in HEADS])
        there = np.stack([offered[head] for head in HEADS])
        weight = np.where(there.all(axis=0), self.fusion[:, None], there.astype(np.float64))
        return tempered(np.sum(weight[..., None] * logs, axis=0), 1.0)

    def novelty(self, windows: Windows) -> Array | None:
        """Mahalanobis distance of the embedding that has seen most, from those of the training windows."""
        head = "joint" if len(windows.modalities) > 1 else windows.modalities[0]
        return distance(self._embedded(windows)[0][head], self._familiar[head])

    def offered(self, windows: Windows) -> dict[str, BoolArray]:
        """Head -> (n,) whether all that it looks at is there."""
        return {head: np.all([windows.has(m) for m in needed], axis=0) for head, needed in _NEEDS.items()}

    def logits(self, windows: Windows) -> dict[str, Array]:
        """Head -> (n, K)."""
        return self._embedded(windows)[1]

    @cached_property
    def _familiar(self) -> dict[str, Familiar]:
        """By head."""
        known = {}
        for head, z in self._embedded(self.train)[0].items():
            covariance = ledoit_wolf(z.astype(np.float64))[0]
            ridge = 1e-6 * np.trace(covariance) / len(covariance) + 1e-9  # a head that has seen nothing is constant
            precision = np.linalg.inv(covariance + ridge * np.eye(len(covariance)))
            known[head] = Familiar(z.mean(axis=0), precision.astype(np.float32))
        return known

    def _embedded(self, windows: Windows) -> tuple[dict[str, NDArray[np.float32]], dict[str, Array]]:
        table, rows = windows.table, windows.rows
        numbers, which = np.unique(table.shard[rows], return_inverse=True)
        index = table.index[rows]
        shards = [Selected(table.shards[n], index[which == i], windows.modalities) for i, n in enumerate(numbers)]
        embedded = self.frozen.embed(shards, Picked(which.astype(np.int64), index))
        with torch.inference_mode():
            logits = self.heads(embedded.as_tensors())
        return (
            {head: embedded.z[:, i] for i, head in enumerate(HEADS)},
            {head: value.numpy().astype(np.float64) for head, value in zip(HEADS, logits, strict=True)},
        )


def _log(p: Array) -> Array:
    return np.log(np.maximum(p, FLOOR))
