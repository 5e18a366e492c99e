"""Interface of methods: fitted on windows, they give class probabilities of windows."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import nn

from offline.evaluation.window_table import Windows, WindowTable
from offline.training.choices import Choice
from rtemo.model.bundle_schema import ModelInput

Array = NDArray[np.float64]


class Model(Protocol):
    """A fitted method."""

    @property
    def chosen(self) -> Choice:
        """What was chosen on the validation people; empty where nothing was."""
        ...

    def probabilities(self, windows: Windows) -> Array:
        """(n, K), rows add up to 1. A window that lacks a modality is classified by the other, or by the prior."""
        ...

    def novelty(self, windows: Windows) -> Array | None:
        """(n,) how unlike the training windows each is, larger is more; None where the method has no such measure."""
        ...


@runtime_checkable
class ExportableModel(Model, Protocol):
    """A fitted method that can go live: what it says of windows, twice.

    table: that it was fitted on, for its channels and bands. inputs: what `graph` takes of a window, by name
    (rtemo.model.model_inputs).
    """

    @property
    def table(self) -> WindowTable: ...

    @property
    def inputs(self) -> tuple[ModelInput, ...]: ...

    def outputs(self, windows: Windows) -> tuple[Array, Array]:
        """Logits (n, K) whose softmax is `probabilities`, and features (n, d) that novelty is judged by; d may be 0."""
        ...

    def graph(self) -> nn.Module:
        """The same from a mapping of the declared inputs: (logits,), or (logits, features) where d is not 0."""
        ...


class Method(Protocol):
    """A classifier to fit. modalities: what it uses, at most."""

    @property
    def modalities(self) -> tuple[str, ...]: ...

    def fit(self, train: Windows, validation: Windows, seed: int) -> Model:
        """Weights from train; whatever is chosen among fits, from validation. Raises RtemoError where it cannot."""
        ...

    def refit(self, people: Windows, chosen: Choice, seed: int) -> Model:
        """Weights from all these windows, with what was chosen in other fits: nobody is held out to choose on."""
        ...
