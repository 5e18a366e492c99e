"""EEG Conformer, with its first two convolutions as one."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Conformer(nn.Module):
    """(n, C, S) -> (n, K). EEG Conformer of Song et al. 2023 (doi 10.1109/TNSRE.2022.3230250).

    Convolutions make a token of 40 every 15 samples; six transformer layers with ten heads; a head of 256 and 32. The
    scores are divided by the root of the width, not of a head's width, as the authors' code does. Nothing lies between
    the temporal and the spatial convolution, so one convolution does both: the same values at an eighth of the time.
    """

    WIDTH, LAYERS, HEADS = 40, 6, 10
    KERNEL, POOL, STRIDE = 25, 75, 15

    def __init__(self, channels: int, samples: int, n_labels: int) -> None:
        super().__init__()
        width = self.WIDTH
        self.temporal = nn.Conv2d(1, width, (1, self.KERNEL))
        self.spatial = nn.Conv2d(width, width, (channels, 1))
        self.tokens = nn.Sequential(
            nn.BatchNorm1d(width),
            nn.ELU(),
            nn.AvgPool1d(self.POOL, self.STRIDE),
            nn.Dropout(0.5),
            nn.Conv1d(width, width, 1),
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
        tokens = self.tokens(self._convolved(x)).transpose(1, 2)
        for layer in self.layers:
            tokens = layer(tokens)
        out: Tensor = self.head(tokens.flatten(1))
        return out

    def _convolved(self, x: Tensor) -> Tensor:
        """(n, width, S - KERNEL + 1): the temporal convolution, then the spatial one."""
        spatial, temporal = self.spatial.weight[..., 0], self.temporal.weight[:, 0, 0]  # (w, w, C), (w, KERNEL)
        assert self.spatial.bias is not None
        assert self.temporal.bias is not None
        bias = self.spatial.bias + spatial.sum(2) @ self.temporal.bias
        return nn.functional.conv1d(x, torch.einsum("oic,ik->ock", spatial, temporal), bias)


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
