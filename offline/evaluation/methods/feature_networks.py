"""Small networks on features: an MLP on the eyes, DGCNN on DE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from offline.evaluation.methods.base import Model
from offline.evaluation.methods.features import read_de_by_channel, read_eye
from offline.evaluation.methods.training import Recipe, train_module, train_whole
from offline.evaluation.window_table import EYE_COLUMNS, Windows
from offline.training.choices import Choice


def eye_network(n_labels: int, hidden: int = 64, dropout: float = 0.3) -> nn.Module:
    """(n, 31) -> (n, K): two hidden layers."""
    return nn.Sequential(
        nn.Linear(EYE_COLUMNS, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, n_labels),
    )


class Dgcnn(nn.Module):
    """(n, C, bands) DE -> (n, K): a graph convolution whose adjacency of the channels is learned.

    Song et al. 2018 (doi 10.1109/TAFFC.2018.2817622) in the shape that torcheeg uses for SEED: Chebyshev order 2, 32
    filters, one hidden layer of 64. The adjacency begins near the same for all channels.
    """

    def __init__(self, channels: int, n_labels: int, bands: int = 5, filters: int = 32, order: int = 2) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(bands)
        self.adjacency = nn.Parameter(torch.empty(channels, channels))
        nn.init.xavier_normal_(self.adjacency)
        self.filters = nn.ParameterList(torch.empty(bands, filters) for _ in range(order))
        for weight in self.filters:
            nn.init.xavier_normal_(weight)
        self.hidden, self.out = nn.Linear(channels * filters, 64), nn.Linear(64, n_labels)

    def forward(self, de: Tensor) -> Tensor:
        x = self.norm(de.transpose(1, 2)).transpose(1, 2)
        graph, power = self._graph(), torch.eye(len(self.adjacency))
        total = torch.zeros(())
        for weight in self.filters:
            total = total + power @ x @ weight
            power = power @ graph
        out: Tensor = self.out(functional.relu(self.hidden(functional.relu(total).flatten(1))))
        return out

    def _graph(self) -> Tensor:
        """The normalised adjacency D^-1/2 A D^-1/2 of non-negative weights."""
        weights = functional.relu(self.adjacency)
        scale = torch.rsqrt(weights.sum(dim=1) + 1e-10)
        return scale[:, None] * weights * scale[None, :]


@dataclass(frozen=True, slots=True)
class EyeMlp:
    """An MLP on the 31 eye features."""

    modalities: tuple[str, ...] = ("eye",)
    recipe: Recipe = field(default_factory=Recipe)

    def fit(self, train: Windows, validation: Windows, seed: int) -> Model:
        train, validation = train.of(train.has("eye")), validation.of(validation.has("eye"))
        return train_module(partial(eye_network, train.n_labels), read_eye, train, validation, seed, self.recipe)

    def refit(self, people: Windows, chosen: Choice, seed: int) -> Model:
        people = people.of(people.has("eye"))
        return train_whole(partial(eye_network, people.n_labels), read_eye, people, chosen, seed, self.recipe)


@dataclass(frozen=True, slots=True)
class DgcnnMethod:
    """DGCNN on DE."""

    modalities: tuple[str, ...] = ("eeg",)
    recipe: Recipe = field(default_factory=Recipe)

    def fit(self, train: Windows, validation: Windows, seed: int) -> Model:
        train, validation = train.of(train.has("eeg")), validation.of(validation.has("eeg"))
        return train_module(self._make(train), read_de_by_channel, train, validation, seed, self.recipe)

    def refit(self, people: Windows, chosen: Choice, seed: int) -> Model:
        people = people.of(people.has("eeg"))
        return train_whole(self._make(people), read_de_by_channel, people, chosen, seed, self.recipe)

    def _make(self, windows: Windows) -> Callable[[], nn.Module]:
        return partial(Dgcnn, len(windows.table.channels.labels), windows.n_labels)
