"""Traits of a simulated person on one day, drawn from the person's and the session's seeds.

Distributions follow reference values where there are some (named beside them); the rest is judgement and says so.
Nothing here depends on emotion; how a person reacts to emotions is in affect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rtemo.simulate.families import Family, Ocular, family
from rtemo.simulate.seeds import generator


@dataclass(frozen=True, slots=True)
class Rhythm:
    """One extended source with its own peak in the spectrum. places: unit vectors of its patches, summed."""

    name: str
    band: str
    place: tuple[float, float, float]
    width_deg: float
    peak_hz: float  # for alpha and mu: offset from the person's alpha peak
    spread_hz: float
    peak_uv: float  # typical rms at the electrode that sees it best


RHYTHMS = (
    Rhythm("alpha occipital", "alpha", (0.0, -0.93, 0.25), 20.0, 0.0, 0.8, 7.0),
    Rhythm("alpha parietal left", "alpha", (-0.50, -0.75, 0.42), 18.0, -0.2, 0.9, 5.0),
    Rhythm("alpha parietal right", "alpha", (0.50, -0.75, 0.42), 18.0, 0.2, 0.9, 5.0),
    Rhythm("alpha frontal left", "alpha", (-0.50, 0.70, 0.50), 18.0, -0.6, 1.2, 1.5),
    Rhythm("alpha frontal right", "alpha", (0.50, 0.70, 0.50), 18.0, -0.6, 1.2, 1.5),
    Rhythm("mu left", "alpha", (-0.65, 0.0, 0.75), 14.0, 0.8, 0.8, 2.0),
    Rhythm("mu right", "alpha", (0.65, 0.0, 0.75), 14.0, 0.8, 0.8, 2.0),
    Rhythm("theta frontal midline", "theta", (0.0, 0.62, 0.78), 16.0, 6.0, 0.8, 2.0),
    Rhythm("delta posterior", "delta", (0.0, -0.80, 0.50), 28.0, 2.2, 0.9, 3.0),
    Rhythm("beta central left", "beta", (-0.60, 0.10, 0.78), 16.0, 20.0, 2.5, 1.2),
    Rhythm("beta central right", "beta", (0.60, 0.10, 0.78), 16.0, 20.0, 2.5, 1.2),
    Rhythm("beta temporal left", "beta", (-0.97, 0.10, 0.10), 20.0, 22.0, 4.0, 1.2),
    Rhythm("beta temporal right", "beta", (0.97, 0.10, 0.10), 20.0, 22.0, 4.0, 1.2),
    Rhythm("beta frontal", "beta", (0.0, 0.85, 0.50), 22.0, 19.0, 4.0, 1.0),
    Rhythm("gamma temporal left", "gamma", (-0.97, 0.10, 0.10), 20.0, 38.0, 6.0, 0.7),
    Rhythm("gamma temporal right", "gamma", (0.97, 0.10, 0.10), 20.0, 38.0, 6.0, 0.7),
    Rhythm("gamma prefrontal", "gamma", (0.0, 0.96, 0.20), 24.0, 38.0, 6.0, 0.7),
    Rhythm("gamma occipital", "gamma", (0.0, -0.95, 0.20), 24.0, 40.0, 6.0, 0.5),
)
VIGILANCE_BANDS = ("delta", "theta", "alpha", "beta", "gamma")


@dataclass(frozen=True, slots=True)
class BrainTraits:
    """Of the EEG. rhythm_gain_ln and rhythm_hz have one entry a rhythm; skull holds nine weights of a smooth map."""

    exponent: float  # x of the background's 1/f**x
    level_ln: float  # of the background
    knee_hz: float  # only the held-out spectral law has one
    rhythm_hz: tuple[float, ...]
    rhythm_gain_ln: tuple[float, ...]
    skull: tuple[float, ...]
    vigilance_sd: float  # of the slow wandering of band power, in ln
    noise_uv_rthz: float
    blink_uv: float  # at Fp1
    horizontal_uv_deg: float  # at F8
    vertical_uv_deg: float  # at Fp1
    muscle_uv: float
    muscle_bursts_min: float


@dataclass(frozen=True, slots=True)
class EyeTraits:
    """Of gaze, blinks, pupils and the eye tracker's calibration on this day."""

    fixation_median_s: float
    fixation_sigma: float
    saccade_median_deg: float
    saccade_sigma: float
    speed: float  # of saccades against the main sequence
    blink_rate_min: float
    blink_median_s: float
    pupil_offset_mm: float
    anisocoria_mm: float
    hippus_mm: float
    light_gain: float
    noise_deg: float
    calibration_deg: tuple[float, float, float, float]  # left x, y, right x, y
    loss_rate_min: float


@dataclass(frozen=True, slots=True)
class SimulatedPerson:
    """One simulated person on one day."""

    seeds: Mapping[str, int]
    brain: BrainTraits
    eyes: EyeTraits


def draw_person(person_seed: int, session_seed: int, family_name: str = "default") -> SimulatedPerson:
    """The same person in every session but for what changes from day to day."""
    believed = family(family_name)
    return SimulatedPerson(
        {"person": person_seed, "session": session_seed},
        _brain(person_seed, session_seed, believed),
        _eyes(person_seed, session_seed, believed.ocular),
    )


def _brain(person_seed: int, session_seed: int, believed: Family) -> BrainTraits:
    rng, day = generator(person_seed, "brain"), generator(person_seed, session_seed, "brain")
    alpha_hz = float(np.clip(rng.normal(10.0, 1.0), 8.3, 12.2))
    band_gain = {band: rng.normal(0.0, 0.6 if band == "alpha" else 0.35) for band in VIGILANCE_BANDS}
    day_gain = {band: day.normal(0.0, 0.2) for band in VIGILANCE_BANDS}
    own = rng.normal(0.0, 0.3, len(RHYTHMS))
    shift = rng.normal(0.0, 0.05, len(RHYTHMS))
    ocular = believed.ocular
    return BrainTraits(
        exponent=float(np.clip(rng.normal(1.2, 0.25) + day.normal(0.0, 0.05), 0.6, 1.9)),
        level_ln=float(rng.normal(0.0, 0.3) + day.normal(0.0, 0.1)),
        knee_hz=float(np.exp(rng.normal(np.log(believed.knee_hz), 0.3))) if believed.knee_hz else 0.0,
        rhythm_hz=tuple(
            float((alpha_hz if rhythm.band == "alpha" else 0.0) + rhythm.peak_hz * (1.0 + shift[index]))
            for index, rhythm in enumerate(RHYTHMS)
        ),
        rhythm_gain_ln=tuple(
            float(2.0 * np.log(rhythm.peak_uv) + band_gain[rhythm.band] + day_gain[rhythm.band] + own[index])
            for index, rhythm in enumerate(RHYTHMS)
        ),
        skull=tuple(float(weight) for weight in rng.normal(0.0, 0.12, 9) + day.normal(0.0, 0.04, 9)),
        vigilance_sd=float(np.exp(rng.normal(np.log(0.2), 0.2))),
        noise_uv_rthz=float(np.exp(day.normal(np.log(0.09), 0.2))),
        blink_uv=float(np.clip(np.exp(rng.normal(np.log(ocular.blink_uv[0]), ocular.blink_uv[1])), 80.0, 400.0)),
        horizontal_uv_deg=float(np.clip(rng.normal(*ocular.horizontal_uv_deg), 4.0, 11.0)),
        vertical_uv_deg=float(np.clip(rng.normal(*ocular.vertical_uv_deg), 3.0, 9.0)),
        muscle_uv=float(np.exp(rng.normal(np.log(0.8), 0.4))),
        muscle_bursts_min=float(np.exp(rng.normal(np.log(1.0), 0.5))),
    )


def _eyes(person_seed: int, session_seed: int, ocular: Ocular) -> EyeTraits:
    rng, day = generator(person_seed, "eyes"), generator(person_seed, session_seed, "eyes")
    return EyeTraits(
        fixation_median_s=float(np.clip(_around(rng, ocular.fixation_s), 0.16, 0.40)),
        fixation_sigma=float(np.clip(rng.normal(*ocular.fixation_sigma), 0.3, 0.6)),
        saccade_median_deg=_around(rng, ocular.saccade_deg),
        saccade_sigma=float(np.clip(rng.normal(0.75, 0.08), 0.5, 1.0)),
        speed=float(np.clip(rng.normal(1.0, 0.05), 0.85, 1.15)),
        blink_rate_min=float(np.clip(_around(rng, ocular.blinks_min, day.normal(0.0, 0.1)), 5.0, 30.0)),
        blink_median_s=float(np.clip(_around(rng, ocular.blink_s), 0.1, 0.25)),
        pupil_offset_mm=float(rng.normal(0.0, 0.4) + day.normal(0.0, 0.1)),
        anisocoria_mm=float(rng.normal(0.0, 0.1)),
        hippus_mm=_around(rng, ocular.hippus_mm),
        light_gain=float(np.clip(rng.normal(ocular.light_gain, 0.15), 0.6, 1.4)),
        noise_deg=_around(rng, ocular.noise_deg, day.normal(0.0, 0.1)),
        calibration_deg=tuple(float(value) for value in day.normal(0.0, ocular.calibration_deg, 4)),  # type: ignore[arg-type]
        loss_rate_min=_around(rng, ocular.losses_min),
    )


def _around(rng: np.random.Generator, median_and_spread: tuple[float, float], today: float = 0.0) -> float:
    """A log-normal draw; `today` is added to its logarithm."""
    median, spread = median_and_spread
    return float(np.exp(rng.normal(np.log(median), spread) + today))
