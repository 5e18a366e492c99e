"""The 33 gaze features: their schema, and their definition on events and a pupil grid with times.

The groups and the order are those of SEED-IV's 31 rows, then the two blink features that SEED-V and SEED-VII add. Live
gaze and a data set's event lists become a `GazeRecord` first, so both land here by the same arithmetic. What cannot be
computed is not valid; the frequency of an event that did not happen is valid and 0.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rtemo.core.gaze.event_tables import (
    DISPERSION_X,
    DISPERSION_Y,
    DURATION_MS,
    END_S,
    START_S,
    GazeRecord,
    Rows,
    reaching,
)
from rtemo.core.gaze.settings import GazeSettings
from rtemo.core.types import BoolArray, FloatArray

Group = Literal["pupil", "dispersion", "fixation", "saccade", "statistics", "blink"]

PUPIL_BANDS_HZ = ((0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 1.0))
PUPIL_FLOOR = 1e-8  # the least variance of a band, in mm^2: a tracker resolves no less than 0.1 um
PUPIL_LAG_BINS = 2  # the newest bins of the pupil grid may still turn out to lie beside a blink


@dataclass(frozen=True, slots=True)
class GazeFeature:
    """One feature. seed_iv_row counts from 1 and seed_vii_column from 0, as their releases do.

    typical and spread are the normaliser's prior: mean and standard deviation over people, in `unit`. Judgement, from
    adults who watch films; the session's own baseline replaces it within a minute.
    """

    name: str
    unit: str
    group: Group
    seed_iv_row: int | None
    seed_vii_column: int
    typical: float
    spread: float


def _entropies(eye: str, row: int, column: int) -> tuple[GazeFeature, ...]:
    """Differential entropy of one pupil, 1/2 ln(2 pi e variance), in each band."""
    typical = (-1.0, -1.7, -2.1, -2.2)
    return tuple(
        GazeFeature(f"pupil_{eye}_de_{low:g}_{high:g}_hz", "nat", "pupil", row + i, column + i, typical[i], 0.8)
        for i, (low, high) in enumerate(PUPIL_BANDS_HZ)
    )


GAZE_FEATURES: tuple[GazeFeature, ...] = (
    GazeFeature("pupil_left_mean", "mm", "pupil", 1, 8, 3.5, 0.8),
    GazeFeature("pupil_right_mean", "mm", "pupil", 2, 10, 3.5, 0.8),
    GazeFeature("pupil_left_std", "mm", "pupil", 3, 9, 0.1, 0.06),
    GazeFeature("pupil_right_std", "mm", "pupil", 4, 11, 0.1, 0.06),
    *_entropies("left", 5, 0),
    *_entropies("right", 9, 4),
    GazeFeature("dispersion_x_mean", "deg", "dispersion", 13, 14, 0.4, 0.3),
    GazeFeature("dispersion_y_mean", "deg", "dispersion", 14, 15, 0.4, 0.3),
    GazeFeature("dispersion_x_std", "deg", "dispersion", 15, 16, 0.25, 0.25),
    GazeFeature("dispersion_y_std", "deg", "dispersion", 16, 17, 0.25, 0.25),
    GazeFeature("fixation_duration_mean", "ms", "fixation", 17, 12, 320.0, 150.0),
    GazeFeature("fixation_duration_std", "ms", "fixation", 18, 13, 180.0, 120.0),
    GazeFeature("saccade_duration_mean", "ms", "saccade", 19, 18, 38.0, 12.0),
    GazeFeature("saccade_amplitude_mean", "deg", "saccade", 20, 20, 4.5, 2.5),
    GazeFeature("saccade_duration_std", "ms", "saccade", 21, 19, 12.0, 8.0),
    GazeFeature("saccade_amplitude_std", "deg", "saccade", 22, 21, 3.3, 2.0),
    GazeFeature("blink_frequency", "1/s", "statistics", 23, 24, 0.25, 0.2),
    GazeFeature("fixation_frequency", "1/s", "statistics", 24, 25, 2.7, 0.8),
    GazeFeature("fixation_duration_max", "ms", "statistics", 25, 26, 1200.0, 600.0),
    GazeFeature("fixation_dispersion_total", "deg/min", "statistics", 26, 28, 120.0, 80.0),
    GazeFeature("fixation_dispersion_max", "deg", "statistics", 27, 27, 2.5, 1.5),
    GazeFeature("saccade_frequency", "1/s", "statistics", 28, 29, 2.5, 0.8),
    GazeFeature("saccade_duration_average", "ms", "statistics", 29, 30, 38.0, 10.0),
    GazeFeature("saccade_amplitude_average", "deg", "statistics", 30, 31, 4.5, 2.0),
    GazeFeature("saccade_latency_average", "ms", "statistics", 31, 32, 360.0, 150.0),
    GazeFeature("blink_duration_mean", "ms", "blink", None, 22, 170.0, 60.0),
    GazeFeature("blink_duration_std", "ms", "blink", None, 23, 50.0, 35.0),
)


@dataclass(frozen=True, slots=True, eq=False)
class GazeFeatures:
    """values (33,) float32 in the schema's units, NaN where not valid; valid (33,) bool.

    coverage: the share of the window, 0 to 1, with valid gaze of at least one eye. Where it is 0 nothing is valid.
    """

    values: FloatArray
    valid: BoolArray
    coverage: float


NO_FEATURES = GazeFeatures(
    np.full(len(GAZE_FEATURES), np.nan, np.float32), np.zeros(len(GAZE_FEATURES), dtype=bool), 0.0
)


def gaze_features(
    record: GazeRecord, end_s: float, length_s: float, coverage: float, settings: GazeSettings
) -> GazeFeatures:
    """The features of the window of length_s that ends at end_s; the record must not reach beyond end_s.

    Pupil means, dispersions, fixation and saccade features: what overlaps the window. Entropies: the trailing
    settings.pupil_buffer_s. Statistics and blink features: the trailing settings.statistics_s, because a window of a
    few seconds holds hardly a blink. An event that began earlier counts with its full length.
    """
    if not coverage > 0.0:
        return NO_FEATURES
    duration, dispersion_x, dispersion_y = _moments(reaching(record.fixations, end_s - length_s)[:, DURATION_MS:])
    saccade, amplitude = _moments(reaching(record.saccades, end_s - length_s)[:, DURATION_MS:])
    values = np.array(
        [
            *_pupil_moments(record, end_s, length_s, settings),
            *_pupil_entropies(record, end_s, settings),
            *(dispersion_x[0], dispersion_y[0], dispersion_x[1], dispersion_y[1]),
            *duration,
            *(saccade[0], amplitude[0], saccade[1], amplitude[1]),
            *_statistics(record, end_s, settings),
        ],
        dtype=np.float32,
    )
    return GazeFeatures(values, np.isfinite(values), min(coverage, 1.0))


def _moments(columns: Rows) -> list[tuple[float, float]]:
    """Mean and population standard deviation of each column of (n, k). One value has no spread."""
    n, k = columns.shape
    if n == 0:
        return [(np.nan, np.nan)] * k
    mean = np.add.reduce(columns, axis=0) / n
    if n == 1:
        return [(value, np.nan) for value in mean.tolist()]
    away = columns - mean
    spread = np.sqrt(np.add.reduce(away * away, axis=0) / n)
    return list(zip(mean.tolist(), spread.tolist(), strict=True))


def _pupils_until(record: GazeRecord, last: int, n: int) -> Rows:
    """The n rows (n, 2) of the pupil grid up to index `last`, NaN where there is none."""
    begin = last + 1 - n - record.pupil_first
    stop = begin + n
    there = record.pupils[max(begin, 0) : max(stop, 0)]
    if len(there) == n:
        return there
    rows = np.full((n, 2), np.nan)
    before = max(-begin, 0)
    rows[before : before + len(there)] = there
    return rows


def _pupil_moments(record: GazeRecord, end_s: float, length_s: float, settings: GazeSettings) -> list[float]:
    """Means (left, right), then standard deviations, of the bins in the window."""
    last, n = math.floor(end_s * settings.pupil_hz), round(length_s * settings.pupil_hz)
    pupils = _pupils_until(record, last, n)
    known = np.isfinite(pupils)
    count = np.add.reduce(known, axis=0, dtype=np.float64)
    count[count < settings.pupil_min_bins] = np.nan
    mean = np.add.reduce(np.where(known, pupils, 0.0), axis=0) / count
    away = np.where(known, pupils - mean, 0.0)
    return [*mean.tolist(), *np.sqrt(np.add.reduce(away * away, axis=0) / count).tolist()]


def _pupil_entropies(record: GazeRecord, end_s: float, settings: GazeSettings) -> list[float]:
    """Differential entropies 1/2 ln(2 pi e variance) of the trailing buffer: left in each band, then right.

    The variance in a band is the sum of a Hann-tapered periodogram's lines above its lower and up to its upper edge.
    Unknown bins are bridged by straight lines: with both ends in the past that is causal.
    """
    n = round(settings.pupil_buffer_s * settings.pupil_hz)
    buffer = _pupils_until(record, math.floor(end_s * settings.pupil_hz) - PUPIL_LAG_BINS, n)
    index, transform, lines = _periodogram(n, settings.pupil_hz)
    entropies = []
    for eye in (buffer[:, 0], buffer[:, 1]):
        known = np.isfinite(eye).nonzero()[0]
        if len(known) < max(settings.pupil_min_share * n, 1.0):
            entropies += [np.nan] * len(PUPIL_BANDS_HZ)
            continue
        bridged = np.interp(index, known, eye[known])
        variance = lines @ np.square(transform @ (bridged - bridged[0]))
        entropies += (0.5 * np.log(2.0 * np.pi * np.e * np.maximum(variance, PUPIL_FLOOR))).tolist()
    return entropies


@functools.cache
def _periodogram(n: int, hz: float) -> tuple[Rows, Rows, Rows]:
    """Index (n,); the rows (2 k, n) of a tapered, mean-free Fourier transform; which of them (bands, 2 k) make a band.

    The square of the transform, summed over all lines up to half of hz, is the variance.
    """
    index = np.arange(n, dtype=np.float64)
    edges = [[math.floor(edge * n / hz + 1e-9) for edge in band] for band in PUPIL_BANDS_HZ]
    line = np.arange(1, edges[-1][1] + 1)
    taper = 0.5 - 0.5 * np.cos(2.0 * np.pi * index / n)
    phase = 2.0 * np.pi * line[:, None] * index / n
    waves = np.concatenate([np.cos(phase), np.sin(phase)]) * taper
    waves -= waves.sum(axis=1, keepdims=True) * taper / taper.sum()  # takes the tapered mean off
    waves *= np.sqrt(2.0 / (n * (taper * taper).sum()))
    bands = np.array([(line > low) & (line <= high) for low, high in edges], dtype=np.float64)
    return index, waves, np.concatenate([bands, bands], axis=1)


def _statistics(record: GazeRecord, end_s: float, settings: GazeSettings) -> list[float]:
    """The features of group statistics, then the blink features, of the trailing settings.statistics_s."""
    since = max(end_s - settings.statistics_s, record.begin_s)
    losses = reaching(record.losses, since)
    lost = sum(end - max(start, since) for start, end, _ in losses.tolist())
    observed = record.end_s - since - lost
    fixations, saccades = reaching(record.fixations, since), reaching(record.saccades, since)
    blinks = reaching(record.blinks, since)
    (blink,) = _moments(blinks[:, DURATION_MS:])
    rate = 1.0 / observed if observed >= settings.min_observed_s else np.nan
    dispersion = fixations[:, DISPERSION_X] + fixations[:, DISPERSION_Y]
    longest, widest = np.nan, np.nan
    if len(fixations):
        longest, widest = (float(np.maximum.reduce(size)) for size in (fixations[:, DURATION_MS], dispersion))
    duration, amplitude = (np.add.reduce(saccades[:, DURATION_MS:], axis=0) / (len(saccades) or np.nan)).tolist()
    return [
        len(blinks) * rate,
        len(fixations) * rate,
        longest,
        60.0 * float(np.add.reduce(dispersion)) * rate,
        widest,
        len(saccades) * rate,
        duration,
        amplitude,
        _latency_ms(saccades, losses),
        *blink,
    ]


def _latency_ms(saccades: Rows, losses: Rows) -> float:
    """Mean time from the end of a saccade to the start of the next one (as SMI defines it), not across a loss."""
    ends, starts = saccades[:-1, END_S], saccades[1:, START_S]
    waits = starts - ends
    if len(losses):
        at = losses[:, START_S]
        waits = waits[at.searchsorted(ends) == at.searchsorted(starts)]
    return 1000.0 * float(np.add.reduce(waits)) / len(waits) if len(waits) else np.nan
