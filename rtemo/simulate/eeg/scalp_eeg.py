"""Simulated scalp EEG: cortex, eyes, muscles, electrodes and mains summed at each electrode."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import FloatArray, TimeArray
from rtemo.simulate.affect import Course
from rtemo.simulate.eeg.anatomy import SimulatedHead
from rtemo.simulate.eeg.brain import Brain
from rtemo.simulate.eeg.muscles import Muscles
from rtemo.simulate.eyes.eye_movements import EyeTrain
from rtemo.simulate.noise import wandering
from rtemo.simulate.person import BrainTraits
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.seeds import generator

SPIKE_UV, SPIKE_S = 12.0, 0.012  # of a saccade of 5 degrees at Fp1; grows with the root of the amplitude
DRIFT_UV, DRIFT_TAU_S = 5.0, 15.0  # half-cell potentials that wander
LINE_HARMONICS = {1: 1.0, 3: 0.3, 5: 0.15}


class ScalpEeg:
    """`second(k)` is what the amplifier sends from k to k + 1 s: (rate, C) float32 uV; any second, in any order."""

    def __init__(
        self, plan: SimulationPlan, head: SimulatedHead, traits: BrainTraits, course: Course, train: EyeTrain
    ) -> None:
        self._plan, self._head, self._train = plan, head, train
        self._rate = int(plan.eeg_rate_hz)
        self._grid = np.arange(self._rate) / self._rate
        self._brain = Brain(plan, head, traits, course)
        self._muscles = Muscles(plan, head, traits, course)
        self._eyes = _eye_gains(head, traits)
        rng = generator(plan.person_seed, plan.session_seed, "electrodes")
        n_channels, n_seconds = len(head.labels), int(np.ceil(plan.duration_s)) + 2
        density = traits.noise_uv_rthz * np.exp(0.25 * rng.standard_normal(n_channels))
        self._noise_uv = (density * np.sqrt(self._rate / 2)).astype(np.float32)
        courses = [wandering(rng, n_seconds, DRIFT_TAU_S, 1.0) for _ in range(n_channels)]
        self._wander = (DRIFT_UV * np.stack(courses, axis=1)).astype(np.float32)
        size_and_phase = 0.4 * (rng.standard_normal(n_channels) + 1j * rng.standard_normal(n_channels))
        self._line = plan.options.line_uv * np.exp(size_and_phase).astype(np.complex128)

    def second(self, number: int) -> FloatArray:
        times = number + self._grid
        found = self._brain.second(number) + self._muscles.second(number)
        found += self._electrodes(number)
        found += mains(times, self._line, self._plan.options.line_hz)
        if self._plan.options.ocular_leak:
            found += self._ocular(times)
        return found

    def _ocular(self, times: TimeArray) -> FloatArray:
        """Rotation of the corneo-retinal dipoles, lids over corneas, and spike potentials at saccades' onsets."""
        parts = np.column_stack([self._train.position(times), self._train.blink_wave(times), self._spikes(times)])
        found: FloatArray = parts.astype(np.float32) @ self._eyes
        return found

    def _spikes(self, times: TimeArray) -> FloatArray:
        """(n,): a sharp wave and a smaller one of the other sign at each saccade's onset, growing with its size."""
        train, course = self._train, np.zeros(len(times))
        first, last = np.searchsorted(train.onset_s, (times[0] - 0.1, times[-1] + 0.1))
        for onset, size in zip(train.onset_s[first:last], train.amplitude_deg[first:last], strict=True):
            phase = 2.5 * (times - onset) / SPIKE_S
            course += np.sqrt(size / 5.0) * (np.exp(-0.5 * phase**2) - 0.4 * np.exp(-0.5 * (phase - 2.5) ** 2))
        return course.astype(np.float32)

    def _electrodes(self, number: int) -> FloatArray:
        """White noise of amplifier and skin, and half-cell potentials that wander from second to second."""
        rng = generator(self._plan.person_seed, self._plan.session_seed, "sensor noise", number)
        noise = rng.standard_normal((self._rate, len(self._noise_uv)), dtype=np.float32)
        noise *= self._noise_uv
        at = min(number, len(self._wander) - 2)
        share = self._grid.astype(np.float32)[:, None]
        noise += self._wander[at] + share * (self._wander[at + 1] - self._wander[at])
        return noise


def mains(times: TimeArray, strength: NDArray[np.complex128], hz: float) -> FloatArray:
    """(n, C): the mains and its odd harmonics below half the sampling rate, with C complex amplitudes in uV."""
    nyquist_hz = 0.5 / (times[1] - times[0])
    orders = [order for order in LINE_HARMONICS if order * hz < nyquist_hz]
    angles = 2 * np.pi * hz * np.multiply.outer(times, orders)
    shares = np.array([[LINE_HARMONICS[order]] for order in orders]).reshape(-1, 1)
    waves = np.concatenate([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found: FloatArray = waves @ np.concatenate([shares * strength.real, -shares * strength.imag]).astype(np.float32)
    return found


def _eye_gains(head: SimulatedHead, traits: BrainTraits) -> FloatArray:
    """(4, C): uV per degree right, per degree up, per closed lid, per spike."""
    sizes = np.array([traits.horizontal_uv_deg, traits.vertical_uv_deg, traits.blink_uv], dtype=np.float32)
    return np.concatenate([head.eyes.T * sizes[:, None], SPIKE_UV * head.spike[None]]).astype(np.float32)
