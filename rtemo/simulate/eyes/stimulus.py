"""The luminance of what is shown: grey at rest, cuts between scenes in clips. The pupil follows it."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from rtemo.core.types import FloatArray, TimeArray
from rtemo.simulate.plan import PlanSegment, SimulationPlan
from rtemo.simulate.seeds import generator

REST_LOG10_CD_M2 = 1.5
CLIP_MEAN, CLIP_SD = 1.5, 0.12  # of a clip's mean log10 luminance
SCENE_SD = 0.25
SCENE_MEAN_S, SCENE_SHORTEST_S = 4.0, 1.0
CONFOUND = {"neutral": 0.0, "sad": -0.25, "fear": -0.5, "happy": 0.4}


def luminance(plan: SimulationPlan, times: TimeArray) -> FloatArray:
    """(n,): log10 of the screen's luminance in cd/m2 at these times (seconds from the start, rising)."""
    found = np.full(len(times), REST_LOG10_CD_M2, dtype=np.float32)
    for position, clip in enumerate(plan.clips):
        first, last = np.searchsorted(times, (clip.start_s, clip.stop_s))
        found[first:last] = _scenes(plan, clip, position, times[first:last])
    return found


def _scenes(plan: SimulationPlan, clip: PlanSegment, position: int, times: TimeArray) -> FloatArray:
    """The same course for everybody where the stimulus is shared, whatever the clip's length."""
    who = () if plan.options.stimulus_is_shared else (plan.person_seed, plan.session_seed, position)
    number = clip.clip if plan.options.stimulus_is_shared else 0
    rng = generator(plan.study_seed, "luminance", number, *who)
    mean = rng.normal(CLIP_MEAN, CLIP_SD)
    n_scenes = int((clip.stop_s - clip.start_s) / SCENE_SHORTEST_S) + 1
    draws = rng.random((n_scenes, 2))  # scene by scene, so that a longer clip starts the same
    cuts = clip.start_s + np.cumsum(SCENE_SHORTEST_S + (SCENE_MEAN_S - SCENE_SHORTEST_S) * -np.log1p(-draws[:, 0]))
    levels = mean + SCENE_SD * ndtri(np.clip(draws[:, 1], 1e-9, 1 - 1e-9))
    if plan.options.luminance_confound:
        levels += CONFOUND[clip.emotion]
    course: FloatArray = levels[np.searchsorted(cuts, times, side="right")].astype(np.float32)
    return course
