"""How much the smoothed courses of two participants go together: windowed correlation, and what chance gives.

The measure is windowed cross-correlation at lag 0 (Boker, Rotondo, Xu & King, 2002, Psychological Methods 7, 338-355):
Pearson's r of both courses in the last WINDOW_S. Its summary is the mean of Fisher's z over all windows. Two slow
courses correlate by chance, so it is compared with a null of the same courses shifted against each other in a circle,
by more than two windows (surrogates as of Moulder, Boker, Ramseyer & Tschacher, 2018, Psychological Methods 23,
757-773). p is the share of the shifts that give as much or more.

It does not tell why: people who see the same film at the same time go together without any bond between them. And it
is about what the model puts out, which its smoothing and its errors are part of.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WINDOW_S = 30.0
STEP_S = 1.0
SHORTEST_S = 240.0  # eight windows: with less there are too few shifts that are far enough
N_SHIFTS = 199
ENOUGH = 0.8  # of a window's pairs must be there
_MOST_R = 0.9999  # Fisher's z of more is no number to average

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Synchrony:
    """times (n,) LSL seconds, the windows' ends; r (n,) in [-1, 1], NaN where a window has too few pairs. mean_r: of
    all windows, by Fisher's z; NaN without any. p: one-sided, from the shifts; NaN where the session is too short.
    """

    times: FloatArray
    r: FloatArray
    mean_r: float
    p: float


def synchrony(times_a: FloatArray, a: FloatArray, times_b: FloatArray, b: FloatArray) -> Synchrony:
    """Of two courses, such as smoothed valence: times (n,) LSL seconds, the windows' ends; values (n,), NaN for none.

    Only times that both have count: predictions lie on one grid.
    """
    both = _both(times_a, a, times_b, b)
    if both is None:
        return Synchrony(np.empty(0), np.empty(0), np.nan, np.nan)
    times, one, other, hop_s, width, step = both
    r = _windowed(one, other, width, step)
    found = _mean_z(r)
    least = 2 * width
    p = np.nan
    if np.isfinite(found) and len(times) * hop_s >= SHORTEST_S:
        shifts = np.unique(np.linspace(least, len(times) - least, N_SHIFTS).astype(int))
        null = [_mean_z(_windowed(one, np.roll(other, int(shift)), width, step)) for shift in shifts]
        known = np.array([z for z in null if np.isfinite(z)])
        p = float((1 + np.sum(known >= found)) / (1 + len(known)))
    return Synchrony(times[width - 1 :: step], r, float(np.tanh(found)), p)


def windowed_correlation(
    times_a: FloatArray, a: FloatArray, times_b: FloatArray, b: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The times and r of `synchrony` alone, for courses that still go on."""
    both = _both(times_a, a, times_b, b)
    if both is None:
        return np.empty(0), np.empty(0)
    times, one, other, _, width, step = both
    return times[width - 1 :: step], _windowed(one, other, width, step)


def _both(
    times_a: FloatArray, a: FloatArray, times_b: FloatArray, b: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, float, int, int] | None:
    """Two courses at the times that both have, with their hop in seconds, and a window and a step in values; None for
    too few.
    """
    times, at_a, at_b = np.intersect1d(np.round(times_a, 6), np.round(times_b, 6), return_indices=True)
    if len(times) < 3:
        return None
    hop_s = float(np.median(np.diff(times)))
    width, step = max(round(WINDOW_S / hop_s), 3), max(round(STEP_S / hop_s), 1)
    return times, np.asarray(a, float)[at_a], np.asarray(b, float)[at_b], hop_s, width, step


def _windowed(a: FloatArray, b: FloatArray, width: int, step: int) -> FloatArray:
    """Pearson's r of each window of so many values, one every step; NaN where too many are missing or one stands still.

    Means are taken off the whole course first, so that the sums keep their digits.
    """
    if len(a) < width:
        return np.empty(0)
    there = np.isfinite(a) & np.isfinite(b)
    if not there.any():
        return np.full(len(range(width - 1, len(a), step)), np.nan)
    x = np.where(there, a - a[there].mean(), 0.0)
    y = np.where(there, b - b[there].mean(), 0.0)
    n, sx, sy, sxx, syy, sxy = (_sums(values, width, step) for values in (there * 1.0, x, y, x * x, y * y, x * y))
    with np.errstate(invalid="ignore", divide="ignore"):
        vx, vy = sxx - sx * sx / n, syy - sy * sy / n
        r = (sxy - sx * sy / n) / np.sqrt(vx * vy)
    still = (vx <= 1e-9 * sxx.max()) | (vy <= 1e-9 * syy.max())
    return np.where((n >= ENOUGH * width) & ~still, np.clip(r, -1.0, 1.0), np.nan)


def _sums(values: NDArray[np.floating], width: int, step: int) -> FloatArray:
    total = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray((total[width:] - total[:-width])[::step])


def _mean_z(r: FloatArray) -> float:
    known = r[np.isfinite(r)]
    return float(np.arctanh(np.clip(known, -_MOST_R, _MOST_R)).mean()) if len(known) else np.nan
