"""Networks on the EEG signal: EEGNet and EEG Conformer, in their published shapes at the pipeline's rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from offline.baselines.base import Model
from offline.baselines.signal_channels import GRID_HZ, SAMPLES, read_signal
from offline.baselines.training import Recipe, train_module
from offline.table import Windows


class EegNet(nn.Module):
    """(n, C, S) -> (n, K). EEGNet-8,2 of Lawhern et al. 2018 (doi 10.1088/1741-2552/aace8c).

    kernel: samples of the first filters, half a second. The spatial and the output weights are kept within norms of 1
    and 0.25, as the authors' code does.
    """

    def __init__(
        self, channels: int, samples: int, n_labels: int, kernel: int, filters: int = 8, depth: int = 2
    ) -> None:
        super().__init__()
        wide = filters * depth
        self.temporal = nn.Conv2d(1, filters, (1, kernel), bias=False)
        self.spatial = nn.Conv2d(filters, wide, (channels, 1), groups=filters, bias=False)
        self.after_temporal, self.after_spatial = nn.BatchNorm2d(filters), nn.BatchNorm2d(wide)
        self.separable = nn.Sequential(
            same(16),
            nn.Conv2d(wide, wide, (1, 16), groups=wide, bias=False),
            nn.Conv2d(wide, wide, 1, bias=False),
            nn.BatchNorm2d(wide),
        )
        self.first = nn.Sequential(nn.ELU(), nn.AvgPool2d((1, 4)), nn.Dropout(0.25))
        self.second = nn.Sequential(nn.ELU(), nn.AvgPool2d((1, 8)), nn.Dropout(0.25))
        self.out = nn.Linear(wide * (samples // 32), n_labels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.after_temporal(self.temporal(same(self.temporal.kernel_size[1])(x.unsqueeze(1))))
        spatial = torch.renorm(self.spatial.weight, 2, 0, 1.0)
        x = nn.functional.conv2d(x, spatial, groups=self.spatial.groups)
        x = self.second(self.separable(self.first(self.after_spatial(x))))
        out: Tensor = nn.functional.linear(x.flatten(1), torch.renorm(self.out.weight, 2, 0, 0.25), self.out.bias)
        return out


def same(kernel: int) -> nn.Module:
    """Zeros around, so that a convolution with this kernel keeps the length."""
    return nn.ZeroPad2d(((kernel - 1) // 2, kernel // 2, 0, 0))


class Conformer(nn.Module):
    """(n, C, S) -> (n, K). EEG Conformer of Song et al. 2023 (doi 10.1109/TNSRE.2022.3230250).

    Convolutions make a token of 40 every 15 samples; six transformer layers with ten heads; a head of 256 and 32. The
    scores are divided by the root of the width, not of a head's width, as the authors' code does.
    """

    WIDTH, LAYERS, HEADS = 40, 6, 10
    KERNEL, POOL, STRIDE = 25, 75, 15

    def __init__(self, channels: int, samples: int, n_labels: int) -> None:
        super().__init__()
        width = self.WIDTH
        self.tokens = nn.Sequential(
            nn.Conv2d(1, width, (1, self.KERNEL)),
            nn.Conv2d(width, width, (channels, 1)),
            nn.BatchNorm2d(width),
            nn.ELU(),
            nn.AvgPool2d((1, self.POOL), (1, self.STRIDE)),
            nn.Dropout(0.5),
            nn.Conv2d(width, width, 1),
        )
        self.layers = nn.ModuleList(ConformerLayer(width, self.HEADS) for _ in range(self.LAYERS))
        n_tokens = (samples - self.KERNEL + 1 - self.POOL) // self.STRIDE + 1
        self.head = nn.Sequential(
            nn.Linear(width * n_tokens, 256),
            nn.ELU(),
            nn.Dropout(0.5),
            nn.Linear(256, 32),
            nn.ELU(),
            nn.Dropout(0.3),
            nn.Linear(32, n_labels),
        )

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.tokens(x.unsqueeze(1)).squeeze(2).transpose(1, 2)
        for layer in self.layers:
            tokens = layer(tokens)
        out: Tensor = self.head(tokens.flatten(1))
        return out


class ConformerLayer(nn.Module):
    """Pre-norm attention and feed-forward, dropout 0.5 everywhere."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mix = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Dropout(0.5), nn.Linear(4 * width, width), nn.Dropout(0.5)
        )
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        n, tokens, width = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(n, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        attention = self.drop((q @ k.transpose(-1, -2) / width**0.5).softmax(dim=-1))
        x = x + self.drop(self.out((attention @ v).transpose(1, 2).reshape(n, tokens, width)))
        mixed: Tensor = x + self.mix(self.norm2(x))
        return mixed


def eegnet(channels: int, n_labels: int) -> nn.Module:
    """For the pipeline's windows."""
    return EegNet(channels, SAMPLES, n_labels, round(GRID_HZ / 2))


def conformer(channels: int, n_labels: int) -> nn.Module:
    """For the pipeline's windows."""
    return Conformer(channels, SAMPLES, n_labels)


@dataclass(frozen=True, slots=True)
class SignalNetwork:
    """A network on the signal. make: channels and labels to a module."""

    make: Callable[[int, int], nn.Module]
    modalities: tuple[str, ...] = ("eeg",)
    recipe: Recipe = field(default_factory=lambda: Recipe(epochs=20, patience=4, batch=64))

    def fit(self, train: Windows, validation: Windows, seed: int) -> Model:
        train, validation = train.of(train.has("eeg")), validation.of(validation.has("eeg"))
        make = partial(self.make, len(train.table.channels.labels), train.n_labels)
        return train_module(make, read_signal, train, validation, seed, self.recipe)
