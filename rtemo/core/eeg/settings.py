"""EEG settings: grid, filters, bands and coverage. The record travels in the model bundle."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EegSettings:
    """How EEG is conditioned and turned into band power."""

    grid_hz: float = 200.0
    highpass_hz: float = 0.5
    lowpass_hz: float = 70.0  # anti-aliasing: 40 dB down where 200 Hz folds onto 48 Hz
    lowpass_order: int = 6
    notch_hz: tuple[float, ...] = (50.0, 60.0)  # both, so that no setting depends on the country
    notch_q: float = 25.0
    band_low_hz: float = 1.0
    band_high_hz: float = 48.0
    n_bands: int = 20
    min_coverage: float = 0.75  # a frame with less of a channel than this does not use it
    fill_s: float = 0.25  # holes up to this long are bridged for the filters' sake
    settle_s: float = 3.0  # the high-pass has forgotten its start to 0.01 % after this
