"""Samples that carry their own number: lifelike EEG and gaze in whose small digits each sample's index is written.

Whatever the program does with a sample, its values say which one it was, so what was recorded, what was used and where
it was placed can be compared with what was sent. Knows nothing of the program.

Code: a value is a multiple of `coarse` plus a digit (0..63) times `fine`. Three columns hold the index in base 64, a
fourth one a check, where there are four columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

BASE = 64
DIGITS = 3
LARGEST = BASE**DIGITS

EEG_16 = ("Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T7", "C3", "Cz", "C4", "T8", "P3", "Pz", "P4", "Oz")
GAZE_6 = ("left_x", "left_y", "left_pupil", "right_x", "right_y", "right_pupil")
EEG_STEP = 1 / 64  # microvolts
XY_STEP, PUPIL_STEP = 1 / 65536, 1 / 4096  # share of the screen, mm


@dataclass(frozen=True, slots=True)
class Code:
    """Where a stream's digits lie. steps: the size of a digit in each of the columns that hold one.

    again: the digits stand in the columns after these too, so that a column may be taken out.
    """

    steps: tuple[float, ...]
    again: bool = False

    def encode(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The values (n, columns) with the index of each row written into them."""
        return self.renumber(values, np.arange(len(values)))

    def renumber(self, values: NDArray[Any], index: NDArray[np.int64]) -> NDArray[np.float64]:
        """The values with this index written into each row."""
        values = values.astype(np.float64)
        n = len(self.steps)
        for begin in (0, n) if self.again and values.shape[1] >= 2 * n else (0,):
            for column, digits in enumerate(self._digits(index)):
                step = self.steps[column]
                rough = np.round(values[:, begin + column] / (step * BASE)) * (step * BASE)
                values[:, begin + column] = rough + digits * step
        return values

    def decode(self, values: NDArray[Any], scale: Any = 1.0) -> NDArray[np.int64]:
        """The index of each row, -1 where it holds none. scale: what the coded columns were multiplied by."""
        n = len(self.steps)
        begins = [
            at for at in ((0, n - 1, n) if self.again else (0,)) if values.ndim == 2 and values.shape[1] >= at + n
        ]
        found = [self._decoded(values[:, begin:], scale) for begin in begins]
        nothing = np.full(len(values), -1, dtype=np.int64)
        return max(found, key=lambda index: int(np.count_nonzero(index >= 0)), default=nothing)

    def _decoded(self, values: NDArray[Any], scale: Any) -> NDArray[np.int64]:
        fine = np.asarray(values[:, : len(self.steps)], dtype=np.float64) / scale / np.array(self.steps)
        known = np.isfinite(fine).all(axis=1) & (np.abs(fine) < 1e9).all(axis=1)
        whole = np.round(np.where(known[:, None], fine, 0.0))
        known &= (np.abs(np.where(known[:, None], fine, 0.0) - whole) < 0.2).all(axis=1)
        digits = whole.astype(np.int64) % BASE
        if len(self.steps) > DIGITS:
            known &= digits[:, DIGITS] == _check(list(digits[:, :DIGITS].T))
        index = digits[:, 0] + BASE * digits[:, 1] + BASE**2 * digits[:, 2]
        return np.where(known, index, -1)

    def _digits(self, index: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        digits = [index // BASE**place % BASE for place in range(DIGITS)]
        return [*digits, _check(digits)][: len(self.steps)]


def _check(digits: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """A fourth digit that tells columns apart: the same digits in other places give another one."""
    return (7 * digits[0] + 13 * digits[1] + 29 * digits[2] + 5) % BASE


EEG_CODE = Code((EEG_STEP,) * 4, again=True)
GAZE_CODE = Code((XY_STEP, XY_STEP, PUPIL_STEP, XY_STEP))


def eeg_samples(n: int, rate_hz: float, n_channels: int = 16, seed: int = 5) -> NDArray[np.float64]:
    """Coded EEG (n, n_channels) in microvolts: 1/f noise, alpha, a little mains hum and an electrode offset."""
    rng = np.random.default_rng(seed)
    white = rng.standard_normal((n, n_channels))
    slow = lfilter([1.0], [1.0, -np.exp(-2 * np.pi * 2.0 / rate_hz)], white, axis=0)
    noise = 9.0 * slow / slow.std(axis=0) + 2.0 * rng.standard_normal((n, n_channels))
    t = np.arange(n)[:, None] / rate_hz
    phase, size = rng.uniform(0, 2 * np.pi, n_channels), rng.uniform(2.0, 7.0, n_channels)
    alpha = size * np.sin(2 * np.pi * 10.3 * t + phase) * (1.0 + 0.3 * np.sin(2 * np.pi * 0.2 * t + phase))
    hum = 1.5 * np.sin(2 * np.pi * 50.0 * t)
    return EEG_CODE.encode(noise + alpha + hum + rng.normal(0.0, 200.0, n_channels))


def gaze_samples(n: int, rate_hz: float, seed: int = 6) -> NDArray[np.float64]:
    """Coded gaze (n, 6): left x, y, pupil in mm, right x, y, pupil; fixations of a quarter of a second."""
    rng = np.random.default_rng(seed)
    which = np.minimum((np.arange(n) / rate_hz * 3.7).astype(int), int(n / rate_hz * 3.7) + 1)
    places = np.clip(0.5 + 0.15 * rng.standard_normal((which.max(initial=0) + 1, 2)), 0.05, 0.95)
    xy = places[which] + 0.002 * rng.standard_normal((n, 2))
    pupil = 3.5 + 0.3 * np.sin(2 * np.pi * 0.11 * np.arange(n) / rate_hz) + 0.02 * rng.standard_normal(n)
    return GAZE_CODE.encode(np.column_stack([xy, pupil, xy + 0.002, pupil + 0.05]))
