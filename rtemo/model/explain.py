"""Explanation of a prediction by occlusion: how much it changes when a part of the window is taken away.

Each part is one region of the head in one band (in all of them for a model of the signal), or one group of eye
features. Taken away means set to 0, which is the person's own mean after the normaliser; masks stay as they are, so the
decision goes by the same modalities. All parts are taken away one at a time: this is exact occlusion. What two parts
carry together (each alone would do) does not show, and it shows what the model uses, not what the person feels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rtemo.core.eeg.band_power import band_centres
from rtemo.core.eeg.settings import EegSettings
from rtemo.core.gaze.features import GAZE_FEATURES
from rtemo.core.types import BoolArray, FloatArray, Window
from rtemo.model.bundle import Bundle
from rtemo.model.decoder import head_logits, pool, usable
from rtemo.model.embeddings import HEADS, Embeddings
from rtemo.model.runtime import Runtime

BANDS_HZ = {"delta": (0.0, 4.0), "theta": (4.0, 8.0), "alpha": (8.0, 14.0), "beta": (14.0, 31.0), "gamma": (31.0, 1e3)}
REGIONS = {  # unit vectors, x right, y front, z up; a channel belongs to the nearest
    "frontal": (0.0, 0.75, 0.66),
    "central": (0.0, 0.0, 1.0),
    "left temporal": (-1.0, 0.1, 0.1),
    "right temporal": (1.0, 0.1, 0.1),
    "parietal": (0.0, -0.66, 0.75),
    "occipital": (0.0, -0.98, 0.2),
}
EYE_GROUPS = ("pupil", "dispersion", "fixation", "saccade", "blink")  # a feature belongs to the first in its name


@dataclass(frozen=True, slots=True)
class Explanation:
    """time_s: the window's end. shares: part -> by how much less probable the label is without it, largest first.

    label: the most probable one of this window alone; shares below 0 spoke against it.
    """

    time_s: float
    label: str
    shares: Mapping[str, float]


class Explainer:
    """Owns a network session of its own, so that it can run beside the predictions in another thread."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle, self._runtime = bundle, Runtime(bundle)
        self._bands = band_masks(bundle.spec.pipeline.eeg)
        if "eeg" not in bundle.spec.model.inputs:  # of the signal itself no band can be taken away
            self._bands = {"": np.ones(bundle.spec.input.bands, bool)}
        self._groups = eye_groups()

    def explain(self, window: Window, model: Bundle | None = None) -> Explanation | None:
        """None where the window has no usable modality. model: the bundle as it is for a person, see person.py."""
        model = model or self._bundle
        name = usable(window, model.spec.gate, model.spec.combinations)
        if name is None:
            return None
        parts = self._parts(window, name)
        versions = [window, *(without(window, *taken) for taken in parts.values())]
        embedded = self._runtime.embed_windows(versions)
        z = {head: np.stack([one.of(head) for one in embedded]) for head in HEADS}
        p = probabilities(model, name, z)
        if not np.isfinite(p).all():
            return None
        top = int(p[0].argmax())
        changes = {part: float(p[0, top] - p[i, top]) for i, part in enumerate(parts, start=1)}
        shares = dict(sorted(changes.items(), key=lambda one: -abs(one[1])))
        return Explanation(window.end_s, model.labels[top], shares)

    def _parts(self, window: Window, name: str) -> dict[str, tuple[BoolArray, BoolArray, BoolArray]]:
        """Which channels, bands and eye features each part takes away; parts without any usable value are left out."""
        no_eye, parts = np.zeros(len(window.eye), bool), {}
        used = window.eeg_mask.any(axis=0)
        if name != "eye":
            for region, channels in regions(window.positions).items():
                for band, bands in self._bands.items():
                    if (channels & used).any():
                        parts[f"EEG {region} {band}".rstrip()] = (channels, bands, no_eye)
        if name != "eeg":
            nothing = np.zeros(window.eeg.shape[1], bool), np.zeros(window.eeg.shape[2], bool)
            for group, features in self._groups.items():
                if window.eye_valid[features].any():
                    parts[f"eye {group}"] = (*nothing, features)
        return parts


def probabilities(model: Bundle, name: str, z: Mapping[str, FloatArray]) -> NDArray[np.float64]:
    """(n, K) calibrated probabilities of n embeddings."""
    rows = range(len(next(iter(z.values()))))
    logits = [head_logits(model, Embeddings(*(z[head][i] for head in HEADS))) for i in rows]
    stacked = {head: np.array([one[head] for one in logits]) for head in HEADS}
    return pool(stacked, model.spec.combinations[name], model.spec.temperatures)


def regions(positions: FloatArray) -> dict[str, BoolArray]:
    """Region -> (C,) its channels. Channels without a place (0, 0, 0) belong to none."""
    centres = np.array(list(REGIONS.values()))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    placed = np.linalg.norm(positions, axis=1) > 0.5
    nearest = (positions @ centres.T).argmax(axis=1) if len(positions) else np.zeros(0, int)
    return {region: (nearest == i) & placed for i, region in enumerate(REGIONS)}


def band_masks(settings: EegSettings) -> dict[str, BoolArray]:
    """Band -> (B,) the log-spaced bands whose centres lie in it."""
    centres = band_centres(settings)
    return {band: (centres >= low) & (centres < high) for band, (low, high) in BANDS_HZ.items()}


def eye_groups() -> dict[str, BoolArray]:
    """Group -> (E,) its eye features."""
    names = [feature.name for feature in GAZE_FEATURES]
    group = [next(one for one in EYE_GROUPS if one in name) for name in names]
    return {one: np.array([found == one for found in group]) for one in EYE_GROUPS}


def without(window: Window, channels: BoolArray, bands: BoolArray, features: BoolArray) -> Window:
    """The window with one part taken away. The signal of channels goes where all of their bands do."""
    eeg, eye, signal = window.eeg.copy(), window.eye.copy(), window.signal
    eeg[:, channels[:, None] & bands] = 0.0
    eye[features] = 0.0
    if signal is not None and bands.all():
        signal = np.where(channels, np.float32(0.0), signal)
    return replace(window, eeg=eeg, eye=eye, signal=signal)
