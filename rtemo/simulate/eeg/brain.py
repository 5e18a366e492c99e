"""Simulated cortical EEG: an aperiodic background, rhythms, and what emotions change in both.

Sources are single dipoles (background, independent of each other) and extended patches (rhythms). Each has a power
spectrum; the log of its power in five bands follows the person's emotions and a slow vigilance. Signals are made by
`spectral`, so bursts come from the narrow bands themselves (an envelope of about 1 / bandwidth seconds) and from the
slow gains. Everything is linear from there to the electrodes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import FloatArray
from rtemo.simulate.affect import BANDS, Course, bump, reactions
from rtemo.simulate.eeg.anatomy import SimulatedHead, atlas
from rtemo.simulate.noise import OverlapAdd, bins_hz, draw, to_time, wandering
from rtemo.simulate.person import RHYTHMS, BrainTraits
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.seeds import generator

# From FADING_HZ on the cortex fades into the sensors' noise, which saves drawing what nobody could see.
FADING_HZ, FADING_WIDTH_HZ, HIGHEST_HZ = 46.0, 18.0, 78.0
# Density of one background dipole at 10 Hz; 320 of them with an exponent of 1.2 give about 6 uV rms at the scalp.
DIPOLE_NAM_RTHZ = 0.9
BAND_EDGES_HZ = (4.0, 8.0, 13.0, 30.0)
EDGE_OCTAVES = 0.12  # how softly one band's gain gives way to the next one's
VIGILANCE_TAU_S = 60.0


class Brain:
    """`second(k)` is the cortex's EEG from k to k + 1 s: (rate, C) uV. Any second can be asked for, in any order."""

    def __init__(self, plan: SimulationPlan, head: SimulatedHead, traits: BrainTraits, course: Course) -> None:
        self._key = (plan.person_seed, plan.session_seed, "brain")
        self._rate, self._course = int(plan.eeg_rate_hz), course
        self._bins = bins_hz(HIGHEST_HZ, self._rate)
        weights = patches(head)
        places = np.concatenate([head.dipoles, _centres()])
        density = np.concatenate([background(traits, head, self._bins, self._key), rhythms(traits, self._bins)], axis=1)
        self._density = (density * fading(self._bins)[:, None]).astype(np.float32)
        self._mix = _mix(head, weights, atlas(plan.family).gain, traits)
        self._bands = band_windows(self._bins)
        self._reactions = reactions(plan, places)
        self._posterior = np.clip((1.0 - places[:, 1]) / 2, 0.0, 1.0).astype(np.float32)
        self._vigilance = _vigilance(plan, traits)
        self._overlap = OverlapAdd(self._rate, self._frame)

    def second(self, number: int) -> FloatArray:
        return self._overlap.second(number)

    def gain_ln(self, number: int) -> FloatArray:
        """(5 bands, S): change of log power of every source at `number` seconds."""
        felt = self._course.at(np.array([float(number)]))[0]
        awake = self._vigilance[min(number, len(self._vigilance) - 1)]
        gain = np.tensordot(felt, self._reactions, 1)
        gain += awake[:, :1] * self._posterior + awake[:, 1:] * (1.0 - self._posterior)
        return gain

    def _frame(self, number: int) -> FloatArray:
        rng = generator(*self._key, number)
        n_sources = self._density.shape[1]
        spectra = draw(rng, len(self._bins), n_sources)
        spectra *= (self._density * np.exp(self._bands @ (0.5 * self.gain_ln(number))))[:, None, :]
        mixed = spectra.reshape(-1, n_sources) @ self._mix
        return to_time(mixed.reshape(len(self._bins), 2, -1), self._rate)


def band_windows(bins: FloatArray) -> FloatArray:
    """(F, 5): how much each band's gain counts at each frequency; the five add up to one."""
    steps = [1.0 / (1.0 + np.exp(-np.log2(bins / edge) / EDGE_OCTAVES)) for edge in BAND_EDGES_HZ]
    above = np.stack([np.ones_like(bins), *steps, np.zeros_like(bins)])
    windows: FloatArray = (above[:-1] - above[1:]).T.astype(np.float32)
    return windows


def fading(bins: FloatArray) -> NDArray[np.float64]:
    """(F,): 1 up to FADING_HZ, then half a Gaussian."""
    above = np.maximum(bins.astype(np.float64) - FADING_HZ, 0.0) / FADING_WIDTH_HZ
    gain: NDArray[np.float64] = np.exp(-(above**2))
    return gain


def background(traits: BrainTraits, head: SimulatedHead, bins: FloatArray, key: tuple[int | str, ...]) -> FloatArray:
    """(F, S dipoles) nAm per root Hz: 1/f**x in power; with a knee 1/(knee**x + f**x), the held-out spectral law."""
    rng = generator(key[0], "dipoles")
    n_dipoles = len(head.dipoles)
    exponents = traits.exponent + 0.08 * rng.standard_normal(n_dipoles)
    levels = traits.level_ln + 0.5 * rng.standard_normal(n_dipoles)
    knee = traits.knee_hz**exponents if traits.knee_hz else 0.0
    power = (10.0**exponents + knee) / (bins[:, None] ** exponents + knee)
    return (DIPOLE_NAM_RTHZ * np.exp(0.5 * levels) * np.sqrt(power)).astype(np.float32)


def rhythms(traits: BrainTraits, bins: FloatArray) -> FloatArray:
    """(F, R) uV per root Hz at the best electrode: a Gaussian peak in power each (held-out law: a Lorentzian)."""
    columns = []
    for index, rhythm in enumerate(RHYTHMS):
        away = (bins - traits.rhythm_hz[index]) / rhythm.spread_hz
        peak = 1.0 / (1.0 + away**2) if traits.knee_hz else np.exp(-0.5 * away**2)
        density = np.exp(traits.rhythm_gain_ln[index]) * peak / (peak.sum() * 0.5)
        columns.append(np.sqrt(density))
    return np.stack(columns, axis=1).astype(np.float32)


def patches(head: SimulatedHead) -> NDArray[np.float64]:
    """(S dipoles, R): how the dipoles make up each rhythm's patch."""
    return np.stack([bump(head.dipoles, rhythm.place, rhythm.width_deg) for rhythm in RHYTHMS], axis=1)


def _centres() -> NDArray[np.float64]:
    places = np.array([rhythm.place for rhythm in RHYTHMS])
    unit: NDArray[np.float64] = places / np.linalg.norm(places, axis=1, keepdims=True)
    return unit


def _mix(head: SimulatedHead, weights: NDArray[np.float64], gain: FloatArray, traits: BrainTraits) -> FloatArray:
    """(S + R, C): from sources to channels. Patches are scaled to 1 uV at the best of all electrodes."""
    best = np.abs(gain @ weights).max(axis=0)
    mixed = np.concatenate([head.cortex, head.cortex @ (weights / best)], axis=1) * _skull(head, traits)[:, None]
    return np.ascontiguousarray(mixed.T, dtype=np.float32)


def _skull(head: SimulatedHead, traits: BrainTraits) -> NDArray[np.float64]:
    """(C,): a smooth gain over the scalp, for skulls are not spheres."""
    x, y, z = head.positions.T.astype(np.float64)
    shapes = np.stack([np.ones_like(x), x, y, z, x * y, x * z, y * z, x**2 - y**2, 3 * z**2 - 1])
    gain: NDArray[np.float64] = np.exp(np.asarray(traits.skull) @ shapes)
    return gain


def _vigilance(plan: SimulationPlan, traits: BrainTraits) -> FloatArray:
    """(seconds, 5 bands, 2): slow changes of log power, at the back and at the front of the head."""
    rng = generator(plan.person_seed, plan.session_seed, "vigilance")
    n = int(np.ceil(plan.duration_s)) + 2
    courses = [[wandering(rng, n, VIGILANCE_TAU_S, 1.0) for _ in range(2)] for _ in BANDS]
    return (traits.vigilance_sd * np.moveaxis(np.array(courses), 2, 0)).astype(np.float32)
