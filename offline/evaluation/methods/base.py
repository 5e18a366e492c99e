"""Interface of methods: fitted on windows, they give class probabilities of windows."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from offline.evaluation.window_table import Windows
from offline.training.choices import Choice

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
