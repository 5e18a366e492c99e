"""Noise with a given, slowly changing power spectrum, made second by second with random access.

Frames of 2 s are drawn in the frequency domain and overlap by half under a sine window (its square and the square of
its shifted self add to one, so the power of independent frames is constant). Second k is the sum of the frames that
are centred on k and on k + 1. A frame depends only on its number: any second can be made without those before it,
and always comes out bitwise the same. Frequencies lie every 0.5 Hz; the same draws at another sampling rate give the
same signal.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import NDArray

from rtemo.core.types import FloatArray

FRAME_S = 2
BIN_HZ = 1.0 / FRAME_S


def bins_hz(highest_hz: float, rate_hz: int) -> FloatArray:
    """The frequencies (F,) of a frame's bins from 0.5 Hz to the highest, below 45 % of the sampling rate."""
    count = int(min(highest_hz, 0.45 * rate_hz) / BIN_HZ)
    return (BIN_HZ * np.arange(1, count + 1)).astype(np.float32)


def draw(rng: np.random.Generator, n_bins: int, n: int) -> FloatArray:
    """(n_bins, 2, n) standard normal numbers: the real and imaginary parts of n spectra.

    Drawn bin by bin, so that a lower highest frequency (a lower sampling rate) keeps the numbers of the bins it has.
    """
    return rng.standard_normal((n_bins, 2, n), dtype=np.float32)


def to_time(spectra: FloatArray, rate_hz: int) -> FloatArray:
    """(F, 2, n) spectra in units per root Hz -> (2 * rate, n) windowed signals.

    A bin of density d contributes d**2 * 0.5 Hz to the variance of the overlapped signal.
    """
    n_bins, _, n = spectra.shape
    length = FRAME_S * rate_hz
    full = np.zeros((length // 2 + 1, n), dtype=np.complex64)
    full.real[1 : n_bins + 1] = spectra[:, 0]
    full.imag[1 : n_bins + 1] = spectra[:, 1]
    signal: FloatArray = scipy.fft.irfft(full, length, axis=0, norm="forward")
    signal *= _window(length)
    return signal


class OverlapAdd:
    """Seconds of a signal from its frames; keeps the last frame, so that going forward makes each frame once."""

    def __init__(self, rate_hz: int, frame: Callable[[int], FloatArray]) -> None:
        self._rate, self._frame = rate_hz, frame
        self._kept: tuple[int, FloatArray] = (-1, np.empty((0, 0), dtype=np.float32))

    def second(self, number: int) -> FloatArray:
        """(rate, n): the signal from `number` to `number` + 1 s."""
        before = self._kept[1] if self._kept[0] == number else self._frame(number)
        after = self._frame(number + 1)
        self._kept = (number + 1, after)
        return before[self._rate :] + after[: self._rate]


@lru_cache(maxsize=8)
def _window(length: int) -> FloatArray:
    """(length, 1): the sine window times what turns a density into a bin's amplitude.

    irfft adds every bin but the first twice (itself and its conjugate), so a bin of amplitude a has variance 2 a**2.
    """
    sine = np.sin(np.pi * np.arange(length) / length)
    window: FloatArray = (sine * np.sqrt(BIN_HZ) / 2)[:, None].astype(np.float32)
    return window


def wandering(rng: np.random.Generator, n: int, tau_s: float, step_s: float) -> NDArray[np.float64]:
    """(n,): an Ornstein-Uhlenbeck process with unit variance and this time constant, at steps of step_s."""
    keep = np.exp(-step_s / tau_s)
    kicks = rng.standard_normal(n)
    kicks[1:] *= np.sqrt(1 - keep**2)
    found: NDArray[np.float64] = scipy.signal.lfilter([1.0], [1.0, -keep], kicks)
    return found
