"""Pipeline settings in one record that travels in the model bundle. Nothing else changes a window."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.baseline.normaliser import NormaliserSettings
from rtemo.core.eeg.quality import QualitySettings
from rtemo.core.eeg.settings import EegSettings
from rtemo.core.errors import RtemoError
from rtemo.core.gaze.tracker import GazeSettings
from rtemo.core.records import Reader
from rtemo.core.types import WindowSpec

FORMAT = 1
_READER = Reader("the pipeline", "train or export the model again", "the pipeline settings do not fit", complete=True)

LARGEST = 1e9


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """Everything that decides what a window holds."""

    window: WindowSpec = field(default_factory=WindowSpec)
    eeg: EegSettings = field(default_factory=EegSettings)
    quality: QualitySettings = field(default_factory=QualitySettings)
    gaze: GazeSettings = field(default_factory=GazeSettings)
    normaliser: NormaliserSettings = field(default_factory=NormaliserSettings)
    # The prior of scalp EEG after average reference: ln PSD = level - slope * ln f, in uV^2/Hz
    eeg_prior_level: float = 3.4
    eeg_prior_slope: float = 1.3
    eeg_prior_scale: float = 1.0
    format: int = FORMAT

    def eeg_prior_mean(self, centres_hz: NDArray[np.float64]) -> NDArray[np.float64]:
        """The expected ln PSD (B,) of bands at these centres (B,) before any data of the session."""
        return self.eeg_prior_level - self.eeg_prior_slope * np.log(centres_hz)

    def with_hop(self, hop_s: float) -> PipelineSettings:
        """The same with another hop. Frames, features and normalisation do not depend on it."""
        return dataclasses.replace(self, window=dataclasses.replace(self.window, hop_s=hop_s))

    @property
    def fingerprint(self) -> str:
        """A hash of all that decides what a window holds, whatever the hop is."""
        plain = self.to_dict()
        del plain["window"]["hop_s"]
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PipelineSettings:
        """Strict: unknown and missing names are refused, so that no setting is silently ignored."""
        settings = _READER.read(cls, data)
        if settings.format != FORMAT:
            raise RtemoError(
                "these pipeline settings are of another format",
                f"found {settings.format}, need {FORMAT}",
                "update rtemo",
            )
        if (wrong := _out_of_range(settings.to_dict())) or settings.eeg.n_bands < 2:
            found = wrong or f"n_bands is {settings.eeg.n_bands}"
            raise RtemoError("these pipeline settings cannot be used", found, "get the file again")
        return settings


def _out_of_range(plain: Mapping[str, Any]) -> str:
    """The first number that no setting can be, with its name; else empty. Such numbers overflow when squared."""
    for name, value in plain.items():
        for one in value if isinstance(value, list | tuple) else (value,):
            if isinstance(one, dict):
                if found := _out_of_range(one):
                    return found
            elif isinstance(one, int | float) and not abs(one) <= LARGEST:
                return f"{name} is {str(one)[:40]}"
    return ""
