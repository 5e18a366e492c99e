"""Features of windows that classifiers read, each twice: as arrays for fitting, and as a graph for the live model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from offline.evaluation.methods.base import Array
from offline.evaluation.window_table import EYE_COLUMNS, Windows, WindowTable
from rtemo.model.bundle_schema import ModelInput

Fed = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Features:
    """values: (n, ...) of windows. graph: the same from the declared inputs, as a torch module.

    inputs: those that the graph takes.
    """

    values: Callable[[Windows], NDArray[Any]]
    graph: Callable[[WindowTable], nn.Module]
    inputs: tuple[ModelInput, ...]

    def __call__(self, windows: Windows) -> NDArray[Any]:
        return self.values(windows)


class DeGraph(nn.Module):
    """(N, T * 5): DE of the fixed channels, the mean over the frames that have EEG; see window_table."""

    mean: Tensor

    def __init__(self, bands: Sequence[Sequence[int]], n_bands: int) -> None:
        super().__init__()
        mean = np.zeros((n_bands, len(bands)))
        for at, columns in enumerate(bands):
            mean[list(columns), at] = 1.0 / len(columns)
        self.register_buffer("mean", torch.from_numpy(mean))

    def forward(self, fed: Fed) -> Tensor:
        power = fed["eeg"].double() @ self.mean
        seen = fed["eeg_mask"].any(dim=2).double()
        total = (power * seen[:, :, None, None]).sum(dim=1)
        return (total / seen.sum(dim=1).clamp(min=1.0)[:, None, None]).flatten(1)


class EyeGraph(nn.Module):
    """(N, 31): the eye features, 0 where not valid."""

    def forward(self, fed: Fed) -> Tensor:
        eye, valid = fed["eye"][:, :EYE_COLUMNS].double(), fed["eye_valid"][:, :EYE_COLUMNS]
        return torch.where(valid, eye, torch.zeros_like(eye))


class ByChannel(nn.Module):
    """(N, T * K) -> (N, T, K)."""

    def __init__(self, part: nn.Module, channels: int) -> None:
        super().__init__()
        self.part, self.channels = part, channels

    def forward(self, fed: Fed) -> Tensor:
        flat: Tensor = self.part(fed)
        return flat.reshape(flat.shape[0], self.channels, -1)


class SignalGraph(nn.Module):
    """(N, T, S): the signal as it comes."""

    def forward(self, fed: Fed) -> Tensor:
        return fed["signal"]


class SideBySide(nn.Module):
    """Several features in one row."""

    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, fed: Fed) -> Tensor:
        return torch.cat([part(fed) for part in self.parts], dim=1)


def de_graph(table: WindowTable) -> nn.Module:
    """DE of the table's bands."""
    return DeGraph(table.bands, table.shards[0].eeg.shape[-1])


def _de(windows: Windows) -> Array:
    return windows.de.reshape(len(windows), -1).astype(np.float64)


def _eye(windows: Windows) -> Array:
    return windows.eye.astype(np.float64)


read_de = Features(_de, de_graph, ("eeg", "eeg_mask"))  # (n, T * 5)
read_eye = Features(_eye, lambda _: EyeGraph(), ("eye", "eye_valid"))  # (n, 31)
read_de_by_channel = Features(  # (n, T, 5)
    lambda windows: windows.de,
    lambda table: ByChannel(de_graph(table), len(table.channels.labels)),
    read_de.inputs,
)
read_both = Features(  # (n, T * 5 + 31)
    lambda windows: np.concatenate((_de(windows), _eye(windows)), axis=1),
    lambda table: SideBySide(de_graph(table), EyeGraph()),
    (*read_de.inputs, *read_eye.inputs),
)
