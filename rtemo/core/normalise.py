"""Normalisation that a live session can have: a prior, then the session's first minutes, then a very slow average.

A fast running average removes the state that is to be told (a minute of one emotion becomes the new zero), so after the
baseline the half-life is long. Fed with one frame a second, in stream order, whatever the hop is. Snapshots are taken
with each frame and are never written to again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import BoolArray, FloatArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NormaliserSettings:
    """How long the baseline is and how slowly it moves afterwards."""

    baseline_s: float = 120.0
    half_life_s: float = 1200.0
    prior_weight_s: float = 10.0  # the prior counts as much as this many seconds of data
    ready_s: float = 20.0  # predictions are not settled before this much usable data
    clip: float = 6.0  # normalised values lie within +- this
    outlier: float = 3.0  # an update moves the mean by no more than this many scales' worth


@dataclass(frozen=True, slots=True)
class Scale:
    """A snapshot: mean and scale of each feature, and the seconds of data behind each row."""

    mean: Array
    scale: Array
    seconds: Array
    settings: NormaliserSettings

    def apply(self, values: FloatArray, mask: BoolArray) -> FloatArray:
        """Normalised values, 0 where masked. values and mask broadcast against the snapshot."""
        z = (values - self.mean) / self.scale
        z = np.clip(np.where(mask, z, 0.0), -self.settings.clip, self.settings.clip)
        return np.asarray(z, dtype=np.float32)

    @property
    def ready(self) -> bool:
        """Whether half of the rows or more have had the data that they need."""
        return bool(np.median(self.seconds) >= self.settings.ready_s)


class Normaliser:
    """Running mean and scale of a table of features (rows, columns)."""

    def __init__(self, settings: NormaliserSettings, prior_mean: Array, prior_scale: Array) -> None:
        self._settings = settings
        self._mean = np.array(prior_mean, dtype=np.float64)
        self._variance = np.array(prior_scale, dtype=np.float64) ** 2
        self._floor = 0.1 * np.array(prior_scale, dtype=np.float64)
        self._seconds = np.zeros(self._mean.shape)
        self._slow_rate = np.log(2.0) / settings.half_life_s
        self.snapshot = self._take()

    def update(self, values: FloatArray, seen: BoolArray, seconds: float) -> None:
        """Take in one table of features that stands for `seconds` of data; seen (same shape) says which count."""
        s = self._settings
        behind = self._seconds + s.prior_weight_s
        gain = np.where(self._seconds < s.baseline_s, seconds / (behind + seconds), self._slow_rate * seconds)
        gain = np.where(seen, gain, 0.0)
        reach = s.outlier * np.sqrt(self._variance)
        step = np.clip(np.where(seen, values - self._mean, 0.0), -reach, reach)
        self._mean = self._mean + gain * step
        self._variance = self._variance + gain * ((1.0 - gain) * step * step - self._variance)
        self._seconds = self._seconds + np.where(seen, seconds, 0.0)
        self.snapshot = self._take()

    def _take(self) -> Scale:
        scale = np.maximum(np.sqrt(self._variance), self._floor)
        return Scale(self._mean, scale, self._seconds, self._settings)
