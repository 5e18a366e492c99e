"""The EEG features that ship with SEED-IV and SEED-V, computed by BCMI's published recipe.

The recipe is the extraction code of SEED-VII's authors: per 4 s window a Hann window of 800 samples, of which the
Fourier transform of 256 points takes only the first 256; the mean squared magnitude from bin floor(low / 200 * 256) - 1
up to bin floor(high / 200 * 256) is the power of a band, log2(100 * power) its "differential entropy". Smoothing is
a random walk's Kalman smoother over the trial (process 0.001, measurement 1, start at the trial's mean with 0.1); it
looks ahead. What "movingAve" averages over is not published: here the five windows around each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from offline.datasets.seed.published import BANDS_HZ

Doubles = NDArray[np.float64]
RATE_HZ = 200
_WINDOW = 4 * RATE_HZ
_FFT = 256
_AVERAGED = 5


def band_power(eeg: Doubles) -> Doubles:
    """(62, N) in uV at 200 Hz -> (62, W, 5) band powers of the W whole 4 s windows."""
    n_windows = (eeg.shape[1] - 1) // _WINDOW
    cut = eeg[:, : n_windows * _WINDOW].reshape(len(eeg), n_windows, _WINDOW)
    magnitude = np.abs(np.fft.fft(cut * np.hanning(_WINDOW), n=_FFT)[..., : _FFT // 2])
    edges = [(int(low / RATE_HZ * _FFT) - 1, int(high / RATE_HZ * _FFT)) for low, high in BANDS_HZ]
    return np.stack([np.mean(magnitude[..., max(low, 0) : high] ** 2, axis=-1) for low, high in edges], axis=-1)


def entropy(power: Doubles) -> Doubles:
    """BCMI's approximate differential entropy of a band's power."""
    return np.asarray(np.log2(100.0 * power))


def moving_average(features: Doubles) -> Doubles:
    """(62, W, 5) averaged over the windows around each."""
    n_windows, half = features.shape[1], _AVERAGED // 2
    spans = [slice(max(0, window - half), window + half + 1) for window in range(n_windows)]
    return np.stack([features[:, span].mean(axis=1) for span in spans], axis=1)


def smooth(features: Doubles, process: float = 0.001, measurement: float = 1.0, start: float = 0.1) -> Doubles:
    """(62, W, 5) by the Kalman smoother of a random walk (Rauch-Tung-Striebel), every feature by itself."""
    n_windows = features.shape[1]
    filtered, variances = np.empty_like(features), np.empty(n_windows)
    state, variance = features.mean(axis=1), start
    for window in range(n_windows):
        gain = variance / (variance + measurement)
        state = state + gain * (features[:, window] - state)
        filtered[:, window], variances[window] = state, (1.0 - gain) * variance
        variance = variances[window] + process
    smoothed = filtered.copy()
    for window in range(n_windows - 2, -1, -1):
        back = variances[window] / (variances[window] + process)
        smoothed[:, window] += back * (smoothed[:, window + 1] - filtered[:, window])
    return smoothed
