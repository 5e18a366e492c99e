"""Log band power of one EEG frame. A frame is cut once and shared by all windows that overlap it.

Power is the one-sided PSD of a Hann-tapered frame in uV^2/Hz, averaged within triangular bands that are evenly spaced
in log frequency, as a natural logarithm. Absent samples have weight zero and the PSD is scaled by the weight that is
left. The arrays of a frame always have the same shape, so the result is bitwise the same wherever it is computed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtemo.core.eeg.settings import EegSettings
from rtemo.core.types import BoolArray, FloatArray

FLOOR = 1e-6  # uV^2/Hz: far below any amplifier's noise


def band_centres(settings: EegSettings) -> NDArray[np.float64]:
    """Centre frequencies (B,) in Hz, evenly spaced in log frequency."""
    return np.asarray(np.geomspace(settings.band_low_hz, settings.band_high_hz, settings.n_bands), dtype=np.float64)


def filter_bank(settings: EegSettings, n_samples: int) -> NDArray[np.float64]:
    """Weights (B, n_bins) that average a PSD within each band. A band reaches to its neighbours, or one bin."""
    bin_hz = settings.grid_hz / n_samples
    frequency = np.arange(n_samples // 2 + 1) * bin_hz
    centres = band_centres(settings)
    ratio = centres[1] / centres[0]
    below = np.maximum(centres - centres / ratio, bin_hz)[:, None]
    above = np.maximum(centres * ratio - centres, bin_hz)[:, None]
    distance = frequency[None, :] - centres[:, None]
    weight = np.clip(1.0 - np.where(distance < 0, -distance / below, distance / above), 0.0, None)
    weight[:, 0] = 0.0  # no DC
    return np.asarray(weight / weight.sum(axis=1, keepdims=True), dtype=np.float64)


class BandPower:
    """Computes ln PSD (C, B) of frames (n, C)."""

    def __init__(self, settings: EegSettings, frame_s: float) -> None:
        self.n_samples = round(frame_s * settings.grid_hz)
        self._bank = filter_bank(settings, self.n_samples)
        self._taper = np.hanning(self.n_samples + 1)[:-1, None]
        self._grid_hz = settings.grid_hz
        # of a frame without a gap; summed as for many columns, so that both ways give the same last bit
        self._whole_energy = np.maximum((np.repeat(self._taper, 2, axis=1) ** 2).sum(axis=0), 1e-12)[:1]

    def __call__(self, frame: NDArray[np.float64], valid: BoolArray, usable: BoolArray) -> FloatArray:
        """(C, B) of one frame (n, C); see `each`."""
        return np.asarray(self.each(frame[None], valid[None], usable[None])[0])

    def each(self, frames: NDArray[np.float64], valid: BoolArray, usable: BoolArray) -> FloatArray:
        """(k, C, B) of frames (k, n, C), the same to the last bit as of one after the other. NaN where not usable.

        valid: (k, n, C); usable: (k, C) channels that make up the average reference.
        """
        whole = valid.shape[2] > 1 and bool(valid.all())  # as nearly every frame is: its weights are known
        weight = self._taper if whole else self._taper * valid
        referenced = frames - self._reference(frames, valid, usable, whole=whole)
        referenced *= weight
        spectrum = np.fft.rfft(referenced, axis=1)
        energy = self._whole_energy if whole else np.maximum((weight * weight).sum(axis=1, keepdims=True), 1e-12)
        psd = spectrum.real**2  # what is as large as the frames is worked on in place: it stays in the cache
        psd += spectrum.imag**2
        psd *= 2.0
        psd /= self._grid_hz * energy
        power = np.log(np.maximum(self._bank @ psd, FLOOR)).swapaxes(1, 2).astype(np.float32)
        power[~usable] = np.nan
        return np.ascontiguousarray(power)

    @staticmethod
    def _reference(
        frames: NDArray[np.float64], valid: BoolArray, usable: BoolArray, *, whole: bool
    ) -> NDArray[np.float64]:
        """The average over the usable channels at each sample (k, n, 1); none below three channels."""
        n = np.count_nonzero(usable, axis=1)[:, None, None]
        if whole:
            used = frames if usable.all() else frames * usable[:, None, :]
            mean = used.sum(axis=2, keepdims=True) / np.maximum(n, 1)
        else:
            part = (valid & usable[:, None, :]).astype(np.float64)
            mean = (frames * part).sum(axis=2, keepdims=True) / np.maximum(part.sum(axis=2, keepdims=True), 1.0)
        return np.where(n < 3, 0.0, mean)
