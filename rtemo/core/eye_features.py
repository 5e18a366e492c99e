"""The 33 eye features: their schema, and their definition on events and a pupil grid with times.

The groups and the order are those of SEED-IV's 31 rows, then the two blink features that SEED-V and SEED-VII add. Live
gaze and a data set's event lists become an `EyeRecord` first, so both land here by the same arithmetic. What cannot be
told is not valid; the frequency of an event that did not happen is valid and 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rtemo.core.gaze_settings import GazeSettings
from rtemo.core.types import BoolArray, FloatArray

Rows = NDArray[np.float64]
Group = Literal["pupil", "dispersion", "fixation", "saccade", "statistics", "blink"]

PUPIL_BANDS_HZ = ((0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 1.0))
PUPIL_FLOOR = 1e-8  # the least variance of a band, in mm^2: a tracker resolves no less than 0.1 um
PUPIL_LAG_BINS = 2  # the newest bins of the pupil grid may still turn out to lie beside a blink


@dataclass(frozen=True, slots=True)
class EyeFeature:
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


def _entropies(eye: str, row: int, column: int) -> tuple[EyeFeature, ...]:
    """Differential entropy of one pupil, 1/2 ln(2 pi e variance), in each band."""
    typical = (-1.0, -1.5, -2.0, -2.0)
    return tuple(
        EyeFeature(f"pupil_{eye}_de_{low:g}_{high:g}_hz", "nat", "pupil", row + i, column + i, typical[i], 0.8)
        for i, (low, high) in enumerate(PUPIL_BANDS_HZ)
    )


EYE_FEATURES: tuple[EyeFeature, ...] = (
    EyeFeature("pupil_left_mean", "mm", "pupil", 1, 8, 3.5, 0.8),
    EyeFeature("pupil_right_mean", "mm", "pupil", 2, 10, 3.5, 0.8),
    EyeFeature("pupil_left_std", "mm", "pupil", 3, 9, 0.12, 0.08),
    EyeFeature("pupil_right_std", "mm", "pupil", 4, 11, 0.12, 0.08),
    *_entropies("left", 5, 0),
    *_entropies("right", 9, 4),
    EyeFeature("dispersion_x_mean", "deg", "dispersion", 13, 14, 0.8, 0.5),
    EyeFeature("dispersion_y_mean", "deg", "dispersion", 14, 15, 0.8, 0.5),
    EyeFeature("dispersion_x_std", "deg", "dispersion", 15, 16, 0.4, 0.4),
    EyeFeature("dispersion_y_std", "deg", "dispersion", 16, 17, 0.4, 0.4),
    EyeFeature("fixation_duration_mean", "ms", "fixation", 17, 12, 400.0, 250.0),
    EyeFeature("fixation_duration_std", "ms", "fixation", 18, 13, 250.0, 200.0),
    EyeFeature("saccade_duration_mean", "ms", "saccade", 19, 18, 45.0, 15.0),
    EyeFeature("saccade_amplitude_mean", "deg", "saccade", 20, 20, 5.0, 3.0),
    EyeFeature("saccade_duration_std", "ms", "saccade", 21, 19, 15.0, 10.0),
    EyeFeature("saccade_amplitude_std", "deg", "saccade", 22, 21, 4.0, 2.5),
    EyeFeature("blink_frequency", "1/s", "statistics", 23, 24, 0.25, 0.2),
    EyeFeature("fixation_frequency", "1/s", "statistics", 24, 25, 2.2, 0.8),
    EyeFeature("fixation_duration_max", "ms", "statistics", 25, 26, 1500.0, 900.0),
    EyeFeature("fixation_dispersion_total", "deg/min", "statistics", 26, 28, 200.0, 120.0),
    EyeFeature("fixation_dispersion_max", "deg", "statistics", 27, 27, 4.0, 2.5),
    EyeFeature("saccade_frequency", "1/s", "statistics", 28, 29, 2.0, 0.8),
    EyeFeature("saccade_duration_average", "ms", "statistics", 29, 30, 45.0, 12.0),
    EyeFeature("saccade_amplitude_average", "deg", "statistics", 30, 31, 5.0, 2.5),
    EyeFeature("saccade_latency_average", "ms", "statistics", 31, 32, 420.0, 200.0),
    EyeFeature("blink_duration_mean", "ms", "blink", None, 22, 180.0, 70.0),
    EyeFeature("blink_duration_std", "ms", "blink", None, 23, 60.0, 40.0),
)


@dataclass(frozen=True, slots=True, eq=False)
class EyeFeatures:
    """values (33,) float32 in the schema's units, NaN where not valid; valid (33,) bool.

    coverage: the share of the window, 0 to 1, with valid gaze of at least one eye. Where it is 0 nothing is valid.
    """

    values: FloatArray
    valid: BoolArray
    coverage: float


@dataclass(frozen=True, slots=True, eq=False)
class EyeRecord:
    """Everything that features are made of, each table in order of time. Times in seconds, sizes in degrees.

    fixations (n, 4): start, end, dispersion x, dispersion y (max - min). saccades (n, 3): start, end, amplitude.
    blinks (n, 2) and losses (n, 2): start, end. What is still open ends with what has been seen of it.
    pupils (m, 2): left and right on the pupil grid, row i at grid index pupil_first + i, NaN where not known.
    begin_s, end_s: the stretch of time that was watched.
    """

    fixations: Rows
    saccades: Rows
    blinks: Rows
    losses: Rows
    pupils: Rows
    pupil_first: int
    begin_s: float
    end_s: float


def eye_features(
    record: EyeRecord, end_s: float, length_s: float, coverage: float, settings: GazeSettings
) -> EyeFeatures:
    """The features of the window of length_s that ends at end_s; the record must not reach beyond end_s.

    Pupil means, dispersions, fixation and saccade features: what overlaps the window. Entropies: the trailing
    settings.pupil_buffer_s. Statistics and blink features: the trailing settings.statistics_s, because a window of a
    few seconds holds hardly a blink. An event that began earlier counts with its full length.
    """
    if not coverage > 0.0:
        n = len(EYE_FEATURES)
        return EyeFeatures(np.full(n, np.nan, np.float32), np.zeros(n, dtype=bool), 0.0)
    fixations = reaching(record.fixations, end_s - length_s)
    saccades = reaching(record.saccades, end_s - length_s)
    pupils = _pupils_until(record, int(np.floor(end_s * settings.pupil_hz)), round(length_s * settings.pupil_hz))
    newest = int(np.floor(end_s * settings.pupil_hz)) - PUPIL_LAG_BINS
    buffer = _pupils_until(record, newest, round(settings.pupil_buffer_s * settings.pupil_hz))
    values = np.array(
        [
            *_pupil_moments(pupils, settings.pupil_min_bins),
            *pupil_entropies(buffer, settings),
            *_means_then_spreads(fixations[:, 2], fixations[:, 3]),
            *_mean_and_spread(_durations_ms(fixations)),
            *_means_then_spreads(_durations_ms(saccades), saccades[:, 2]),
            *_statistics(record, end_s, settings),
        ],
        dtype=np.float32,
    )
    return EyeFeatures(values, np.isfinite(values), min(coverage, 1.0))


def reaching(events: Rows, since_s: float) -> Rows:
    """The events that end after a time."""
    return events[np.searchsorted(events[:, 1], since_s, side="right") :]


def _durations_ms(events: Rows) -> Rows:
    return 1000.0 * (events[:, 1] - events[:, 0])


def _mean_and_spread(values: Rows) -> tuple[float, float]:
    """Mean and population standard deviation. One value has no spread."""
    n = len(values)
    if n == 0:
        return np.nan, np.nan
    mean = float(values.sum()) / n
    if n == 1:
        return mean, np.nan
    away = values - mean
    return mean, float(np.sqrt((away * away).sum() / n))


def _means_then_spreads(first: Rows, second: Rows) -> tuple[float, float, float, float]:
    (mean_a, spread_a), (mean_b, spread_b) = _mean_and_spread(first), _mean_and_spread(second)
    return mean_a, mean_b, spread_a, spread_b


def _pupils_until(record: EyeRecord, last: int, n: int) -> Rows:
    """The n rows (n, 2) of the pupil grid up to index `last`, NaN where there is none."""
    rows = np.full((n, 2), np.nan)
    first = last + 1 - n
    begin = max(first, record.pupil_first)
    stop = min(last + 1, record.pupil_first + len(record.pupils))
    if stop > begin:
        rows[begin - first : stop - first] = record.pupils[begin - record.pupil_first : stop - record.pupil_first]
    return rows


def _pupil_moments(pupils: Rows, min_bins: int) -> tuple[float, float, float, float]:
    """Means (left, right), then standard deviations."""
    eyes = [eye[np.isfinite(eye)] for eye in (pupils[:, 0], pupils[:, 1])]
    left, right = (eye if len(eye) >= min_bins else eye[:0] for eye in eyes)
    return _means_then_spreads(left, right)


def pupil_entropies(buffer: Rows, settings: GazeSettings) -> list[float]:
    """Differential entropies 1/2 ln(2 pi e variance) of a stretch (n, 2) of the grid: left in each band, then right.

    The variance in a band is the sum of a Hann-tapered periodogram's lines above its lower and up to its upper edge,
    without the mean. Unknown bins are bridged by straight lines: with both ends in the past that is causal.
    """
    n = len(buffer)
    known = np.isfinite(buffer)
    enough = known.sum(axis=0) >= max(settings.pupil_min_share * n, 1.0)
    index = np.arange(n)
    bridged = np.zeros((n, 2))
    for eye in np.flatnonzero(enough):
        bridged[:, eye] = np.interp(index, index[known[:, eye]], buffer[known[:, eye], eye])
    taper = (0.5 - 0.5 * np.cos(2.0 * np.pi * index / n))[:, None]
    centred = bridged - (taper * bridged).sum(axis=0) / taper.sum()
    spectrum = np.fft.rfft(taper * centred, axis=0)
    lines = 2.0 * (spectrum.real**2 + spectrum.imag**2) / (n * (taper * taper).sum())
    span_s = n / settings.pupil_hz
    edges = [[int(np.floor(edge * span_s + 1e-9)) + 1 for edge in band] for band in PUPIL_BANDS_HZ]
    variance = np.array([lines[low:high].sum(axis=0) for low, high in edges])
    entropy = 0.5 * np.log(2.0 * np.pi * np.e * np.maximum(variance, PUPIL_FLOOR))
    return [float(value) for value in np.where(enough, entropy, np.nan).T.ravel()]


def _statistics(record: EyeRecord, end_s: float, settings: GazeSettings) -> list[float]:
    """The features of group statistics, then the blink features, of the trailing settings.statistics_s."""
    since = max(end_s - settings.statistics_s, record.begin_s)
    losses = reaching(record.losses, since)
    lost = float((losses[:, 1] - np.maximum(losses[:, 0], since)).sum())
    observed = record.end_s - since - lost
    fixations, saccades = reaching(record.fixations, since), reaching(record.saccades, since)
    blink_ms = _durations_ms(reaching(record.blinks, since))
    rate = 1.0 / observed if observed >= settings.min_observed_s else np.nan
    dispersion = fixations[:, 2] + fixations[:, 3]
    return [
        len(blink_ms) * rate,
        len(fixations) * rate,
        float(_durations_ms(fixations).max()) if len(fixations) else np.nan,
        60.0 * float(dispersion.sum()) * rate,
        float(dispersion.max()) if len(fixations) else np.nan,
        len(saccades) * rate,
        _mean_and_spread(_durations_ms(saccades))[0],
        _mean_and_spread(saccades[:, 2])[0],
        _latency_ms(saccades, losses),
        *_mean_and_spread(blink_ms),
    ]


def _latency_ms(saccades: Rows, losses: Rows) -> float:
    """Mean time from the end of a saccade to the start of the next one (as SMI defines it), not across a loss."""
    ends, starts = saccades[:-1, 1], saccades[1:, 0]
    together = np.searchsorted(losses[:, 0], ends) == np.searchsorted(losses[:, 0], starts)
    return 1000.0 * _mean_and_spread((starts - ends)[together])[0]
