"""Simulated EMG of face, temples and neck at the electrodes."""

from __future__ import annotations

import numpy as np

from rtemo.core.types import FloatArray, TimeArray
from rtemo.recordings.markers import EMOTIONS
from rtemo.simulate.affect import VALENCE, Course
from rtemo.simulate.eeg.anatomy import MUSCLES, SimulatedHead
from rtemo.simulate.noise import OverlapAdd, bins_hz, draw, to_time
from rtemo.simulate.person import BrainTraits
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.seeds import generator

LOWEST_HZ, CORNER_HZ, HIGHEST_HZ = 18.0, 80.0, 200.0
BURST_S, BURST_TIMES = (0.3, 2.0), (4.0, 15.0)  # length, and strength as a multiple of the resting tone
SMILE, FROWN = 4.0, 3.0  # tone times (1 + this) at full intensity, in the muscle confound


class Muscles:
    """EMG of face, temples and neck: a resting tone, and bursts that do not depend on emotion."""

    def __init__(self, plan: SimulationPlan, head: SimulatedHead, traits: BrainTraits, course: Course) -> None:
        self._key = (plan.person_seed, plan.session_seed, "muscles")
        self._rate, self._head, self._tone = int(plan.eeg_rate_hz), head, traits.muscle_uv
        self._bins = bins_hz(HIGHEST_HZ, self._rate)
        shape = np.where(self._bins < LOWEST_HZ, 0.0, 1.0 / np.sqrt(1.0 + (self._bins / CORNER_HZ) ** 2))
        self._density = (shape / np.sqrt((shape**2).sum() * 0.5)).astype(np.float32)
        self._bursts = _bursts(plan, traits)
        self._smiles = course if plan.options.muscle_confound else None
        self._overlap = OverlapAdd(self._rate, self._frame)

    def second(self, number: int) -> FloatArray:
        """(rate, C) uV."""
        times = number + np.arange(self._rate) / self._rate
        active = self._overlap.second(number) * self._strength(times)
        found: FloatArray = np.matmul(active, self._head.muscles.T)
        return found

    def _frame(self, number: int) -> FloatArray:
        spectra = draw(generator(*self._key, number), len(self._bins), len(MUSCLES))
        spectra *= self._density[:, None, None]
        return to_time(spectra, self._rate)

    def _strength(self, times: TimeArray) -> FloatArray:
        """(n, M) uV rms at the muscle."""
        strength = np.full((len(times), len(MUSCLES)), self._tone, dtype=np.float32)
        for start, stop, muscle, factor in self._bursts:
            if start < times[-1] and stop > times[0]:
                phase = np.clip((times - start) / (stop - start), 0.0, 1.0)
                strength[:, int(muscle)] += self._tone * factor * np.sin(np.pi * phase).astype(np.float32) ** 2
        if self._smiles is not None:
            strength *= _expression(self._smiles, times)
        return strength


def _expression(course: Course, times: TimeArray) -> FloatArray:
    """(n, M): smiles in pleasant clips (cheeks, temples), frowns in unpleasant ones (brow): the trap."""
    felt = course.at(times)
    pleasant = sum(felt[:, index] for index, name in enumerate(EMOTIONS) if VALENCE[name] > 0)
    unpleasant = sum(felt[:, index] for index, name in enumerate(EMOTIONS) if VALENCE[name] < 0)
    columns = []
    for name in MUSCLES:
        smiling = name.startswith(("zygomatic", "temporalis"))
        frowning = name.startswith("frontalis")
        columns.append(1.0 + SMILE * pleasant * smiling + FROWN * unpleasant * frowning)
    return np.stack(columns, axis=1).astype(np.float32)


def _bursts(plan: SimulationPlan, traits: BrainTraits) -> list[tuple[float, float, float, float]]:
    """(start, stop, muscle, strength) of each burst; a burst often takes both sides."""
    rng = generator(plan.person_seed, plan.session_seed, "bursts")
    bursts = []
    count = rng.poisson(traits.muscle_bursts_min * plan.duration_s / 60)
    for start in np.sort(rng.uniform(0.0, plan.duration_s, count)):
        length, factor = rng.uniform(*BURST_S), rng.uniform(*BURST_TIMES)
        muscle, both = int(rng.integers(len(MUSCLES))), rng.random() < 0.6
        sides = {muscle, muscle ^ 1} if both else {muscle}
        bursts += [(float(start), float(start + length), float(side), float(factor)) for side in sides]
    return bursts
