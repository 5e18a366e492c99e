"""EEGNet and EEG Conformer: networks on the EEG signal, in their published shapes at the pipeline's rate.

Both compute their first two convolutions in a cheaper order than published, with the same values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch
from scipy.fft import next_fast_len
from torch import Tensor, nn
from torch.nn import functional

from offline.evaluation.methods.base import Model
from offline.evaluation.methods.signal_channels import GRID_HZ, SAMPLES, read_signal
from offline.evaluation.methods.training import Recipe, train_module, train_whole
from offline.evaluation.window_table import ChannelSet, Windows
from offline.training.choices import Choice


def eegnet(channels: ChannelSet, n_labels: int) -> nn.Module:
    """For the pipeline's windows."""
    return EegNet(len(channels.labels), SAMPLES, n_labels, round(GRID_HZ / 2))


def conformer(channels: ChannelSet, n_labels: int) -> nn.Module:
    """For the pipeline's windows."""
    return Conformer(len(channels.labels), SAMPLES, n_labels)


@dataclass(frozen=True, slots=True)
class SignalNetwork:
    """A network on the signal. make: the fixed channels and the number of labels to a module."""

    make: Callable[[ChannelSet, int], nn.Module]
    modalities: tuple[str, ...] = ("eeg",)
    recipe: Recipe = field(default_factory=lambda: Recipe(epochs=20, patience=4, batch=64))

    def fit(self, train: Windows, validation: Windows, seed: int) -> Model:
        train, validation = train.of(train.has("eeg")), validation.of(validation.has("eeg"))
        return train_module(self._module(train), read_signal, train, validation, seed, self.recipe)

    def refit(self, people: Windows, chosen: Choice, seed: int) -> Model:
        return train_whole(self._module(people), read_signal, people.of(people.has("eeg")), chosen, seed, self.recipe)

    def _module(self, windows: Windows) -> Callable[[], nn.Module]:
        return partial(self.make, windows.table.channels, windows.n_labels)


class EegNet(nn.Module):
    """(n, C, S) -> (n, K). EEGNet-8,2 of Lawhern et al. 2018 (doi 10.1088/1741-2552/aace8c).

    kernel: samples of the first filters, half a second. The spatial and the output weights are kept within norms of 1
    and 0.25, as the authors' code does.

    The published order filters every channel in time, normalises over the batch, and sums channels. Sums over time and
    over channels change places and the norm scales a whole filter, so channels are summed first here: the same values
    at a fifth of the time. What the norm needs of the filtered channels, which are never made, follows from `Lags`.
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
        x = self._filtered(x).unsqueeze(2)
        x = self.second(self.separable(self.first(self.after_spatial(x))))
        out: Tensor = functional.linear(x.flatten(1), torch.renorm(self.out.weight, 2, 0, 0.25), self.out.bias)
        return out

    def _filtered(self, x: Tensor) -> Tensor:
        """(n, wide, S): temporal filters, their batch norm, spatial filters."""
        kernel, depth = self.temporal.kernel_size[1], self.spatial.out_channels // self.temporal.out_channels
        padded = same(kernel)(x)
        filters = self.temporal.weight[:, 0, 0]  # (filters, kernel)
        scale, shift = self._norm(padded, filters)
        mix = torch.renorm(self.spatial.weight, 2, 0, 1.0)[:, 0, :, 0]  # (wide, C)
        scale, shift = scale.repeat_interleave(depth), shift.repeat_interleave(depth)
        kernels = (filters.repeat_interleave(depth, 0) * scale.unsqueeze(1)).unsqueeze(1)
        return functional.conv1d(mix @ padded, kernels, shift * mix.sum(1), groups=len(mix))

    def _norm(self, padded: Tensor, filters: Tensor) -> tuple[Tensor, Tensor]:
        """What the batch norm multiplies each filter's values by, and adds; (filters,) each."""
        norm = self.after_temporal
        assert norm.running_mean is not None
        assert norm.running_var is not None
        assert norm.num_batches_tracked is not None
        assert norm.momentum is not None
        if self.training:
            lags = Lags(padded, filters.shape[1])
            mean = filters @ lags.mean
            var = ((filters @ lags.second) * filters).sum(1) - mean.square()
            with torch.no_grad():
                norm.running_mean.lerp_(mean, norm.momentum)
                norm.running_var.lerp_(var * (lags.n / (lags.n - 1)), norm.momentum)
                norm.num_batches_tracked.add_(1)
        else:
            mean, var = norm.running_mean, norm.running_var
        scale = norm.weight * torch.rsqrt(var + norm.eps)
        return scale, norm.bias - scale * mean


class Lags:
    """Moments of a signal seen through a sliding window of `kernel` samples, over all rows and places.

    mean: (kernel,). second: (kernel, kernel), mean products of the window's samples. A filter h therefore puts out
    values with mean h @ mean and mean square h @ second @ h. n: windows. Neither carries a gradient to the signal.

    One place further down the diagonal a product loses what came first and gains what follows the last, so the signal's
    autocorrelation and the samples at both ends give the whole matrix.
    """

    def __init__(self, padded: Tensor, kernel: int) -> None:
        rows = padded.detach().reshape(-1, padded.shape[-1])
        places = rows.shape[1] - kernel + 1
        begin, end = rows[:, : kernel - 1], rows[:, places:]
        ends = end.T @ end
        size = next_fast_len(rows.shape[1] + kernel)
        power = torch.view_as_real(torch.fft.rfft(rows, size)).square().sum(2).sum(0)
        first = torch.fft.irfft(power, size)[:kernel].double()
        for lag in range(kernel - 1):
            first[lag] -= ends.diagonal(lag).sum()
        steps = (ends - begin.T @ begin).double()
        second = torch.zeros(kernel, kernel, dtype=first.dtype, device=first.device)
        second[0] = second[:, 0] = first
        for lag in range(1, kernel):
            second[lag, 1:] = second[1:, lag] = second[lag - 1, : kernel - 1] + steps[lag - 1]
        means = torch.cat([rows[:, :places].sum().unsqueeze(0), (end - begin).sum(0)]).double().cumsum(0)
        self.n = len(rows) * places
        self.mean, self.second = (means / self.n).to(padded), (second / self.n).to(padded)


def same(kernel: int) -> nn.Module:
    """Zeros around, so that a convolution with this kernel keeps the length."""
    return nn.ZeroPad2d(((kernel - 1) // 2, kernel // 2, 0, 0))


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
        return functional.conv1d(x, torch.einsum("oic,ik->ock", spatial, temporal), bias)


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
