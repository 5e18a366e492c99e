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
        if found := _out_of_range(settings.to_dict()) or _at_odds(settings):
            raise RtemoError("these pipeline settings cannot be used", found, "get the file again")
        return settings


# From where to where a setting makes sense, by its name; without one here, from 0 to LARGEST. Beyond, filters have no
# solution, tables have no rows or more than fit into memory, and squares overflow.
LIMITS: Mapping[str, tuple[float, float]] = {
    "grid_hz": (1.0, 1e5),
    "highpass_hz": (0.01, 1e5),
    "lowpass_hz": (0.1, 1e5),
    "lowpass_order": (2, 20),
    "notch_hz": (0.1, 1e5),
    "notch_q": (0.1, 1e4),
    "band_low_hz": (0.01, 1e5),
    "n_bands": (2, 1000),
    "noise_update_s": (0.01, LARGEST),
    "dispersion_deg": (0.001, 360.0),
    "pupil_hz": (0.1, 1000.0),
    "pupil_buffer_s": (1.0, 600.0),  # the rows of a Fourier transform grow with its square
    "statistics_s": (0.0, 3600.0),
    "rest_max_s": (0.0, 86_400.0),
    "notice_s": (0.0, 3600.0),
    "eeg_prior_level": (-LARGEST, LARGEST),
    "eeg_prior_slope": (-LARGEST, LARGEST),
}
MOST_ROWS = 1_000_000  # of a channel in one window
MOST_BINS = 20_000  # of a pupil's buffer


def _out_of_range(plain: Mapping[str, Any]) -> str:
    """The first number that its setting cannot be, with its name; else empty."""
    for name, value in plain.items():
        low, high = LIMITS.get(name, (0.0, LARGEST))
        for one in value if isinstance(value, list | tuple) else (value,):
            if isinstance(one, dict):
                if found := _out_of_range(one):
                    return found
            elif isinstance(one, int | float) and not low <= one <= high:
                return f"{name} is {str(one)[:40]}, not {low:g} to {high:g}"
    return ""


def _at_odds(settings: PipelineSettings) -> str:
    """Why settings, each of which makes sense, make none together; else empty."""
    eeg, gaze, window = settings.eeg, settings.gaze, settings.window
    nyquist_hz = eeg.grid_hz / 2
    if not eeg.highpass_hz < min(eeg.lowpass_hz, nyquist_hz):
        return f"highpass_hz is {eeg.highpass_hz:g}, lowpass_hz {eeg.lowpass_hz:g}, grid_hz {eeg.grid_hz:g}"
    if any(one >= nyquist_hz for one in eeg.notch_hz):
        return f"notch_hz is {', '.join(f'{one:g}' for one in eeg.notch_hz)}, grid_hz {eeg.grid_hz:g}"
    if eeg.lowpass_order % 2:
        return f"lowpass_order is {eeg.lowpass_order}, not an even number"
    if not eeg.band_low_hz < eeg.band_high_hz <= nyquist_hz:
        return f"band_low_hz is {eeg.band_low_hz:g}, band_high_hz {eeg.band_high_hz:g}, grid_hz {eeg.grid_hz:g}"
    if window.length_s * eeg.grid_hz > MOST_ROWS:
        return f"length_s is {window.length_s:g}, grid_hz {eeg.grid_hz:g}: more than {MOST_ROWS:,} rows a window"
    if gaze.pupil_buffer_s * gaze.pupil_hz > MOST_BINS:
        return f"pupil_buffer_s is {gaze.pupil_buffer_s:g}, pupil_hz {gaze.pupil_hz:g}: more than {MOST_BINS:,} bins"
    return ""
