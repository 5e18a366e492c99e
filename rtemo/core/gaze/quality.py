"""Gaze signal quality: which samples are valid, and what is wrong in a window. Causal, and blind to the cuts.

Two faults are taken out sample by sample, because event statistics would remember them for a minute: a tracker that
repeats its last sample, and pupils of a size that no eye has. What is left out counts as not valid.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtemo.core.eeg.quality import QualitySettings
from rtemo.core.row_buffer import RowBuffer
from rtemo.core.types import TimeArray

Array = NDArray[np.float64]

GAZE, PUPIL = "gaze", "pupil"  # what a fault is named of, beside the EEG channels
GAP, FROZEN, LOW_VALIDITY, IMPLAUSIBLE = "gap in the stream", "frozen", "low validity", "implausible size"
_GAZES, _PUPILS = slice(0, 4), slice(4, 6)
_TIME, _FROZEN, _SIZED, _ODD = range(4)  # columns of what is remembered of a sample


class GazeCheck:
    """One eye tracker. millimetres: whether pupils are diameters in mm; sizes in other units cannot be judged.

    keep_s: how far back windows are asked about, from the oldest of the last n_ahead samples.
    """

    def __init__(
        self, settings: QualitySettings, *, rate_hz: float, keep_s: float, n_ahead: int, millimetres: bool
    ) -> None:
        self._settings, self._rate_hz, self._millimetres = settings, rate_hz, millimetres
        keep = round(2.0 * keep_s * rate_hz) + 1 + n_ahead
        self._seen: RowBuffer[np.float64] = RowBuffer(4, keep, np.float64)
        self._last: Array = np.full(6, np.inf)  # no sample is like this
        self._since_s = -np.inf  # when the present run of equal samples began

    def push(self, times: TimeArray, samples: Array) -> Array:
        """Samples (n, 6) in canonical form at increasing times (n,), with what cannot be believed as NaN."""
        if not len(times):
            return samples
        frozen = self._frozen(times, samples)
        pupils = samples[:, _PUPILS]
        sized = np.isfinite(pupils)
        odd = np.zeros_like(sized)
        if self._millimetres:
            odd = sized & ((pupils < self._settings.pupil_low_mm) | (pupils > self._settings.pupil_high_mm))
        row = np.empty((len(times), 4))
        row[:, _TIME], row[:, _FROZEN] = times, frozen
        row[:, _SIZED], row[:, _ODD] = sized.sum(axis=1), odd.sum(axis=1)
        self._seen.append(row)
        if not (frozen.any() or odd.any()):
            return samples
        believed = samples.copy()
        believed[:, _PUPILS][odd] = np.nan
        believed[frozen] = np.nan
        return believed

    def _frozen(self, times: TimeArray, samples: Array) -> NDArray[np.bool_]:
        """Where a sample with gaze has been the same, bit by bit, for frozen_s. A live tracker's noise forbids that."""
        before = np.vstack([self._last, samples[:-1]])
        same = ((samples == before) | (np.isnan(samples) & np.isnan(before))).all(axis=1)
        start = np.maximum.accumulate(np.where(same, -1, np.arange(len(times))))
        since = np.where(start >= 0, times[np.maximum(start, 0)], self._since_s)
        self._last, self._since_s = samples[-1].copy(), float(since[-1])
        return np.asarray(
            same & (times - since >= self._settings.frozen_s) & np.isfinite(samples[:, _GAZES]).any(axis=1)
        )

    def faults(self, end_s: float, length_s: float, coverage: float) -> dict[str, str]:
        """What is wrong in the window of length_s that ends at end_s. coverage: its share of valid gaze."""
        part = self._seen.slice(self._seen.start, self._seen.stop)
        begin, stop = part[:, _TIME].searchsorted((end_s - length_s, end_s), side="right")
        part = part[begin:stop]
        n, share = len(part), self._settings.gaze_fault_share
        found: dict[str, str] = {}
        _, frozen, sized, odd = part.sum(axis=0)
        if n < (1.0 - share) * length_s * self._rate_hz:
            found[GAZE] = GAP
        elif frozen >= share * n:
            found[GAZE] = FROZEN
        elif coverage < self._settings.gaze_validity:
            found[GAZE] = LOW_VALIDITY
        if odd > 0 and odd >= share * sized:
            found[PUPIL] = IMPLAUSIBLE
        return found
