"""Which channels of a frame can be used, and why not. Looks at one frame at a time, raw and conditioned."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import BoolArray

LINE_HZ = (50.0, 60.0)


class Fault(IntEnum):
    """Why a channel is not used in a frame. Ordered: the first that holds is named."""

    NONE = 0
    MISSING = 1
    RAILED = 2
    FLAT = 3
    LINE_NOISE = 4
    NOISY = 5
    BRIDGED = 6


REASONS = {
    Fault.NONE: "",
    Fault.MISSING: "missing samples",
    Fault.RAILED: "railed",
    Fault.FLAT: "flat",
    Fault.LINE_NOISE: "line noise",
    Fault.NOISY: "noisy",
    Fault.BRIDGED: "bridged",
}


@dataclass(frozen=True, slots=True)
class QualitySettings:
    """Thresholds. The amplitudes are those that amplifier makers and clean-up tools use for scalp EEG (0.5-70 Hz)."""

    flat_uv: float = 0.3  # rms; thermal noise of a connected electrode alone is above this
    railed_share: float = 0.1  # share of raw samples that sit exactly at the frame's extreme
    railed_uv: float = 150.0  # and that far from the median
    line_uv: float = 20.0  # rms of 50 or 60 Hz in the raw signal
    line_ratio: float = 4.0  # and that many times the conditioned signal
    noisy_uv: float = 200.0  # rms: above blinks, below motion and loose electrodes
    noisy_ratio: float = 6.0  # times the median channel, with noisy_floor_uv, in caps of eight channels and more
    noisy_floor_uv: float = 50.0
    bridged_uv: float = 0.2  # rms of the difference of two channels


class ChannelCheck:
    """Finds the Fault of each channel in frames of n_samples on the grid."""

    def __init__(self, settings: QualitySettings, grid_hz: float, n_samples: int, min_coverage: float) -> None:
        self._settings = settings
        self._min_coverage = min_coverage
        taper = np.hanning(n_samples + 1)[:-1]
        phase = 2.0 * np.pi * np.outer(LINE_HZ, np.arange(n_samples)) / grid_hz
        # the projection of a wave of 1 uV rms onto these is 1
        self._waves = np.stack([np.cos(phase), np.sin(phase)]) * taper * (np.sqrt(2.0) / taper.sum())

    def __call__(
        self, raw: NDArray[np.float32], wide: NDArray[np.float64], frame: NDArray[np.float64], valid: BoolArray
    ) -> NDArray[np.int8]:
        """The Fault (C,) of each channel in one frame.

        raw: (n, C) microvolts as sent. On the grid, (m, C): wide, before high-pass and notch; frame, after them; valid.
        """
        found = np.zeros(frame.shape[1], dtype=np.int8)
        rms = _rms(frame, valid)
        marks = [
            (Fault.BRIDGED, _bridged(frame, self._settings.bridged_uv)),
            (Fault.NOISY, _noisy(rms, self._settings)),
            (Fault.LINE_NOISE, self._line(wide, valid, rms)),
            (Fault.FLAT, rms < self._settings.flat_uv),
            (Fault.RAILED, _railed(raw, self._settings)),
            (Fault.MISSING, valid.mean(axis=0) < self._min_coverage),
        ]
        for fault, where in marks:
            found[where] = fault
        return found

    def _line(self, wide: NDArray[np.float64], valid: BoolArray, rms: NDArray[np.float64]) -> BoolArray:
        """50 or 60 Hz that drowns the signal. The notch removes it, what it came with (a loose electrode) stays."""
        mean = np.where(valid, wide, 0.0).sum(axis=0) / np.maximum(valid.sum(axis=0), 1)
        parts = self._waves @ np.where(valid, wide - mean, 0.0)
        line_uv = np.sqrt((parts * parts).sum(axis=0)).max(axis=0)
        return np.asarray((line_uv > self._settings.line_uv) & (line_uv > self._settings.line_ratio * rms))


def _rms(frame: NDArray[np.float64], valid: BoolArray) -> NDArray[np.float64]:
    n = np.maximum(valid.sum(axis=0), 1)
    kept = np.where(valid, frame, 0.0)
    mean = kept.sum(axis=0) / n
    return np.asarray(np.sqrt(np.maximum((kept * kept).sum(axis=0) / n - mean * mean, 0.0)))


def _railed(raw: NDArray[np.float32], settings: QualitySettings) -> BoolArray:
    """At the rail for part of the frame, or without any change at a large offset."""
    if not len(raw):
        return np.zeros(raw.shape[1], dtype=bool)
    low, high = np.fmin.reduce(raw, axis=0), np.fmax.reduce(raw, axis=0)
    least = settings.railed_share * len(raw)
    stuck = (np.count_nonzero(raw == low, axis=0) > least) | (np.count_nonzero(raw == high, axis=0) > least)
    # the reach of the frame for a channel that moves, its offset for one that does not
    reach = np.where(high > low, high - low, np.abs(high))
    return np.asarray(stuck & (reach > settings.railed_uv))


def _noisy(rms: NDArray[np.float64], settings: QualitySettings) -> BoolArray:
    noisy = rms > settings.noisy_uv
    if len(rms) >= 8:
        relative = rms > settings.noisy_ratio * np.median(rms)
        noisy |= relative & (rms > settings.noisy_floor_uv)
    return np.asarray(noisy)


def _bridged(frame: NDArray[np.float64], limit_uv: float) -> BoolArray:
    """All but the first channel of each group that carries one and the same signal."""
    centred = frame - frame.mean(axis=0)
    gram = centred.T @ centred / len(frame)
    power = np.diag(gram)
    apart = power[:, None] + power[None, :] - 2.0 * gram
    same = np.tril(apart < limit_uv**2, -1)
    return np.asarray(same.any(axis=1))
