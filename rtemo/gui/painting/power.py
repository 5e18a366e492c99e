"""Power over frequency of the samples on screen, for the eye alone. Numpy only.

Windows of WINDOW_S seconds with Hann weights; NaN in a window makes that channel's power of it NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 200.0  # of the display's samples, see rtemo.live.service.snapshot.EegBlock
WINDOW_S, STEP_S = 2.0, 0.5
MAX_HZ = 80.0
FLOOR = 1e-4  # µV²/Hz: what is less is drawn as this


def frequencies() -> NDArray[np.float64]:
    """The frequencies (F,) of a spectrum, up to MAX_HZ."""
    all_hz = np.fft.rfftfreq(_samples(WINDOW_S), 1 / RATE_HZ)
    return all_hz[all_hz <= MAX_HZ]


def window_power(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Power density (F, C) in µV²/Hz of one window of samples (WINDOW_S * RATE_HZ, C)."""
    weights = np.hanning(len(rows))
    centred = (rows - rows.mean(axis=0)) * weights[:, None]
    power = np.abs(np.fft.rfft(centred, axis=0)) ** 2 / (RATE_HZ * (weights**2).sum())
    power[1:-1] *= 2  # both signs of the frequency
    return np.asarray(power[: len(frequencies())], np.float64)


def grid_windows(times: NDArray[np.float64], step_s: float = STEP_S) -> dict[int, int]:
    """Windows without a gap that end with a step of an absolute grid: number of the step -> index of the first sample.

    A step that may still get samples has none.
    """
    n = _samples(WINDOW_S)
    if len(times) < n:
        return {}
    steps = np.floor(np.append(times, times[-1] + 1 / RATE_HZ) / step_s + 1e-6).astype(np.int64)
    last = np.flatnonzero(np.diff(steps) > 0)
    first = last - n + 1
    whole = first >= 0
    whole[whole] = np.abs(times[last[whole]] - times[first[whole]] - (n - 1) / RATE_HZ) < 0.5 / RATE_HZ
    return {int(steps[b]): int(a) for a, b in zip(first[whole], last[whole], strict=True)}


def mean_power(times: NDArray[np.float64], rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean power density (F, C) of all half-overlapping windows of a stretch; NaN without any."""
    starts = list(grid_windows(times, WINDOW_S / 2).values())
    n = _samples(WINDOW_S)
    if not starts:
        return np.full((len(frequencies()), rows.shape[1]), np.nan)
    return np.asarray(np.mean([window_power(rows[start : start + n]) for start in starts], axis=0))


def decibels(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power density as dB above 1 µV²/Hz."""
    return np.asarray(10 * np.log10(np.maximum(power, FLOOR)))


def _samples(seconds: float) -> int:
    return round(seconds * RATE_HZ)
