"""What a corpus keeps of raw EEG power, which is too large to keep whole: means by label, and a histogram of each band.

Fed with the newest frame of every window, so that a frame counts once where the hop is a frame's length or more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import FloatArray

EDGES = np.arange(-14.0, 14.25, 0.25)  # ln(uV^2/Hz); what lies outside counts in the first or last bin


class Summary:
    """Sums over the frames of one recording with C channels and B bands."""

    ARRAYS: ClassVar[tuple[str, ...]] = ("class_label", "class_power", "class_frames", "power_histogram")

    def __init__(self, n_channels: int, n_bands: int) -> None:
        self._shape = (n_channels, n_bands)
        self._power: dict[int, NDArray[np.float64]] = {}
        self._frames: dict[int, NDArray[np.int64]] = {}
        self.histogram = np.zeros((n_bands, len(EDGES) - 1), np.int64)

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Summary:
        """As it was written by `arrays`."""
        one = cls(*arrays["class_power"].shape[1:])
        one.histogram = arrays["power_histogram"]
        for label, power, frames in zip(
            *(arrays[name] for name in ("class_label", "class_power", "class_frames")), strict=True
        ):
            one._frames[int(label)] = frames
            one._power[int(label)] = np.nan_to_num(power) * frames
        return one

    @property
    def labels(self) -> tuple[int, ...]:
        """Label codes that occur, unlabelled (-1) included."""
        return tuple(sorted(self._power))

    def add(self, power: FloatArray, labels: NDArray[np.integer[Any]]) -> None:
        """Power (n, C, B): ln(uV^2/Hz), NaN where not usable; labels (n,)."""
        finite = np.isfinite(power)
        filled = np.where(finite, power, 0.0).astype(np.float64)
        for label in np.unique(labels).tolist():
            mine = labels == label
            frames = finite[mine].sum(axis=0)
            self._power[label] = self._power.get(label, np.zeros(self._shape)) + filled[mine].sum(axis=0)
            self._frames[label] = self._frames.get(label, np.zeros(self._shape, np.int64)) + frames
        band = np.broadcast_to(np.arange(self._shape[1]), power.shape)[finite]
        place = np.clip(np.digitize(power[finite], EDGES) - 1, 0, len(EDGES) - 2)
        counts = np.bincount(band * (len(EDGES) - 1) + place, minlength=self.histogram.size)
        self.histogram = self.histogram + counts.reshape(self.histogram.shape)

    def mean(self, label: int) -> NDArray[np.float64]:
        """Mean power (C, B) of a label's frames, NaN where there is none."""
        frames = self._frames[label]
        mean = self._power[label] / np.maximum(frames, 1)
        return np.where(frames > 0, mean, np.nan)

    def frames(self, label: int) -> NDArray[np.int64]:
        """How many frames (C, B) are behind a label's mean."""
        return self._frames[label]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """By name, for the disk, once something has been added."""
        labels = self.labels
        return {
            "class_label": np.array(labels, np.int16),
            "class_power": np.stack([self.mean(label) for label in labels]),
            "class_frames": np.stack([self._frames[label] for label in labels]),
            "power_histogram": self.histogram,
        }
