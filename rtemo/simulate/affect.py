"""Simulated affect: how strongly each clip moves a person, and what that changes in brain and eyes.

What each emotion changes on average, and where, is the generator family's table (families.py); how people differ
from it is here. Frontal alpha asymmetry is weak and its sign is unreliable, as reviews of it find. Pupils dilate with
arousal of either valence (Bradley 2008). Sizes are judgements: `Options.effect` scales all of them, and at 0 nothing
depends on emotion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from rtemo.core.types import FloatArray, TimeArray
from rtemo.recordings.markers import EMOTIONS
from rtemo.simulate.families import Pattern, family
from rtemo.simulate.noise import wandering
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.seeds import generator

BANDS = ("delta", "theta", "alpha", "beta", "gamma")
GRID_HZ = 4  # of the courses of intensity
NO_RESPONSE = 0.15  # share of clips that leave a person cold
AFTERGLOW_S = 3.0
RAMP_S = (10.0, 30.0)
RAMP_SHARE = 0.35  # of a short clip, at most


ASYMMETRY_RELIABILITY = 0.65
_LEFT_FRONTAL, _RIGHT_FRONTAL = (-0.5, 0.72, 0.48), (0.5, 0.72, 0.48)
VALENCE = {"neutral": 0.0, "sad": -1.0, "fear": -1.0, "happy": 1.0}


@dataclass(frozen=True, slots=True)
class Course:
    """How strongly each emotion is felt over the session.

    times (T,): seconds from the start, every 1/GRID_HZ. intensity (T, 4): about 0 to 1, in the order of EMOTIONS.
    responses: one number a clip, 0 where it left the person cold.
    """

    times: TimeArray
    intensity: FloatArray
    responses: tuple[float, ...]

    def at(self, times: NDArray[np.floating]) -> FloatArray:
        """(n, 4): the intensity at these times (seconds from the start), linear between grid points."""
        columns = [np.interp(times, self.times, self.intensity[:, index]) for index in range(len(EMOTIONS))]
        return np.stack(columns, axis=-1).astype(np.float32)


def feel(plan: SimulationPlan) -> Course:
    """The course of a session. What is drawn for a clip does not depend on its emotion."""
    times = np.arange(int(np.ceil(plan.duration_s * GRID_HZ)) + 1) / GRID_HZ
    intensity = np.zeros((len(times), len(EMOTIONS)), dtype=np.float32)
    responses = []
    cold = _cold_clips(plan)
    for position, clip in enumerate(plan.clips):
        rng = generator(plan.person_seed, plan.session_seed, position, "response")
        level = float(rng.uniform(0.35, 1.0))
        responses.append(0.0 if position in cold else level)
        ramp_s = min(rng.uniform(*RAMP_S), RAMP_SHARE * (clip.stop_s - clip.start_s))
        rise = np.clip((times - clip.start_s) / ramp_s, 0.0, 1.0)
        fall = np.exp(-np.maximum(times - clip.stop_s, 0.0) / AFTERGLOW_S)
        wander = 1.0 + 0.25 * wandering(rng, len(times), tau_s=15.0, step_s=1 / GRID_HZ)
        course = responses[-1] * rise**2 * (3 - 2 * rise) * fall * np.clip(wander, 0.3, 1.5)
        intensity[:, EMOTIONS.index(clip.emotion)] += course.astype(np.float32)
    return Course(times, intensity, tuple(responses))


def _cold_clips(plan: SimulationPlan) -> set[int]:
    """Positions of the clips without response: as near to their share as whole clips allow, which ones is chance."""
    rng = generator(plan.person_seed, plan.session_seed, "cold")
    count = int(NO_RESPONSE * len(plan.clips) + rng.random())
    return {int(position) for position in rng.permutation(len(plan.clips))[:count]}


def reactions(plan: SimulationPlan, places: NDArray[np.floating]) -> FloatArray:
    """(4 emotions, 5 bands, S): change of log power at full intensity of sources at places (S, 3 unit vectors).

    People differ: in the size of each effect (now and then in its sign) and in where it lies on their cortex.
    """
    rng = generator(plan.person_seed, "reactions")
    turned = places.astype(np.float64) @ _turn(rng.standard_normal(3), rng.normal(0.0, 6.0))
    found = np.zeros((len(EMOTIONS), len(BANDS), len(places)))
    believed = family(plan.family)
    for pattern in believed.patterns:
        size = pattern.gain_ln * rng.normal(1.0, 0.4)
        shift = _turn(rng.standard_normal(3), rng.normal(0.0, 4.0))
        found[EMOTIONS.index(pattern.emotion), BANDS.index(pattern.band)] += size * _patch(pattern, turned @ shift)
    sign = 1.0 if rng.random() < ASYMMETRY_RELIABILITY else -1.0
    lean = bump(turned, _LEFT_FRONTAL, 24.0) - bump(turned, _RIGHT_FRONTAL, 24.0)
    for index, emotion in enumerate(EMOTIONS):  # approach: less alpha on the left, more on the right
        found[index, BANDS.index("alpha")] -= sign * believed.asymmetry_ln * VALENCE[emotion] * lean
    return (plan.options.effect * found).astype(np.float32)


def eye_effects(plan: SimulationPlan) -> FloatArray:
    """(4 emotions, 4): EyeEffect's fields for this person, in its order."""
    rng = generator(plan.person_seed, "eye reactions")
    effects = family(plan.family).eye_effects
    table = np.array([[e.pupil_mm, e.fixation_ln, e.saccade_ln, e.blink_ln] for e in effects.values()])
    return (plan.options.effect * table * rng.normal(1.0, 0.5, table.shape)).astype(np.float32)


def bump(places: NDArray[np.floating], centre: tuple[float, float, float], width_deg: float) -> NDArray[np.float64]:
    """(S,): a Gaussian of the angle between unit vectors and a centre."""
    towards = np.asarray(centre) / np.linalg.norm(centre)
    angle = np.degrees(np.arccos(np.clip(places.astype(np.float64) @ towards, -1.0, 1.0)))
    found: NDArray[np.float64] = np.exp(-0.5 * (angle / width_deg) ** 2)
    return found


def _patch(pattern: Pattern, places: NDArray[np.float64]) -> NDArray[np.float64]:
    nearest: NDArray[np.float64] = np.max(
        [bump(places, centre, pattern.width_deg) for centre in pattern.places], axis=0
    )
    return nearest


def _turn(axis: NDArray[np.float64], degrees: float) -> NDArray[np.float64]:
    return Rotation.from_rotvec(np.radians(degrees) * axis / np.linalg.norm(axis)).as_matrix()
