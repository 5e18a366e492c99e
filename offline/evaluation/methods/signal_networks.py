"""Networks on the EEG signal: EEGNet and EEG Conformer, in their published shapes at the pipeline's rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from torch import nn

from offline.evaluation.methods.base import Model
from offline.evaluation.methods.conformer import Conformer
from offline.evaluation.methods.eegnet import EegNet
from offline.evaluation.methods.signal_channels import GRID_HZ, SAMPLES, read_signal
from offline.evaluation.methods.training import Recipe, train_module
from offline.evaluation.window_table import Windows


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
