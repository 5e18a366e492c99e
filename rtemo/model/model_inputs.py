"""Model inputs: the arrays that a bundle's graph takes, from windows.

N windows, F frames, C channels, B bands, E eye features, S samples of the grid in a window:

    eeg        (N, F, C, B) float32   normalised log-power, 0 where masked
    eeg_mask   (N, F, C) bool         usable channels
    positions  (N, C, 3) float32      on the unit sphere
    eye        (N, E) float32         normalised eye features, 0 where not valid
    eye_valid  (N, E) bool
    signal     (N, C, S) float32      the conditioned EEG, referenced and scaled as the bundle declares, 0 where masked

With fixed channels C is theirs: what is missing is interpolated from the usable channels, and `eeg_mask` says in which
frames there were any. A modality that is not to be looked at is all zeros and masked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.eeg.interpolation import each_onto, weights_onto
from rtemo.core.eeg.signal import masked, mostly_usable, referenced, scaled
from rtemo.core.errors import RtemoError
from rtemo.core.types import BoolArray, FloatArray, Window
from rtemo.model.bundle_schema import ModelDeclaration

Arrays = dict[str, NDArray[Any]]
MASKS = ("eeg_mask", "eye_valid")
OF_MODALITY = {"eeg": ("eeg", "eeg_mask", "signal"), "eye": ("eye", "eye_valid")}


def arrays(windows: Sequence[Window], model: ModelDeclaration) -> Arrays:
    """The declared inputs of windows of one montage, in the declared order."""
    made: Mapping[str, Callable[[Window], NDArray[Any]]] = {
        "eeg": lambda window: window.eeg,
        "eeg_mask": lambda window: window.eeg_mask,
        "positions": lambda window: window.positions,
        "eye": lambda window: window.eye,
        "eye_valid": lambda window: window.eye_valid,
        "signal": lambda window: _signal(window, model),
    }
    if model.channels is not None:
        targets = np.array(model.channels.positions, np.float32)
        made = {
            **made,
            "eeg": lambda window: each_onto(window.eeg, window.eeg_mask, window.positions, targets),
            "eeg_mask": lambda window: np.repeat(window.eeg_mask.any(axis=1, keepdims=True), len(targets), axis=1),
            "positions": lambda _: targets,
            "signal": lambda window: signal_onto(_signal(window, model), window, targets),
        }
    return {name: np.stack([made[name](window) for window in windows]) for name in model.inputs}


def _signal(window: Window, model: ModelDeclaration) -> FloatArray:
    """(C, S), referenced and scaled."""
    if window.signal is None or window.signal_size is None:
        raise RtemoError("the windows do not hold the signal", "the model takes it", "make them with new_pipeline")
    values, usable, size = window.signal[None], mostly_usable(window.eeg_mask)[None], window.signal_size[None]
    prepared = prepared_signal(values, usable, size, model.reference, model.scale)[0]
    return np.ascontiguousarray(prepared.T)


def prepared_signal(values: FloatArray, usable: BoolArray, size: FloatArray, reference: str, scale: str) -> FloatArray:
    """(n, S, C) microvolts as a model takes them: by its reference ("average", "none") and scale (ModelDeclaration)."""
    if reference == "average":
        values = referenced(values, usable)
    if scale == "session":
        values = scaled(values, size)
    return masked(values, usable)


def signal_onto(signal: FloatArray, window: Window, targets: FloatArray) -> FloatArray:
    """(C, S) -> (T, S) on fixed channels."""
    weight = weights_onto(mostly_usable(window.eeg_mask), window.positions, targets)
    total = np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
    return np.asarray((weight / total) @ signal, np.float32)


def hidden(fed: Arrays, modality: str) -> Arrays:
    """The same inputs without one modality, "eeg" or "eye"."""
    return {name: np.zeros_like(value) if name in OF_MODALITY[modality] else value for name, value in fed.items()}
