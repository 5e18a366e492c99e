"""Simulated pupil diameter: luminance of what is shown, arousal and hippus.

The luminance is grey at rest and cut into scenes in clips.

Steady state from luminance: Moon and Spencer 1944 (as given by Watson and Yellott 2012). Its dynamics: Korn and Bach
2016, as in PsPM: a gamma-shaped response (a 2.40, b 0.29 s) to the steady state, and a faster transient constriction
(a 3.24, b 0.18 s) at steps to brighter, in the ratio of their amplitudes (0.43 to 0.77), both 0.2 s late. Arousal:
the response of Hoeks and Levelt 1993 (t**10.1, peak at 0.93 s).
"""

from __future__ import annotations

import numpy as np
import scipy.signal
from numpy.typing import NDArray
from scipy.special import ndtri

from rtemo.core.types import FloatArray, TimeArray
from rtemo.simulate.affect import Course, eye_effects
from rtemo.simulate.noise import wandering
from rtemo.simulate.person import EyeTraits
from rtemo.simulate.plan import PlanSegment, SimulationPlan
from rtemo.simulate.seeds import generator

REST_LOG10_CD_M2 = 1.5
CLIP_MEAN, CLIP_SD = 1.5, 0.12  # of a clip's mean log10 luminance
SCENE_SD = 0.25
SCENE_MEAN_S, SCENE_SHORTEST_S = 4.0, 1.0
CONFOUND = {"neutral": 0.0, "sad": -0.25, "fear": -0.5, "happy": 0.4}

GRID_HZ = 50
LATENCY_S = 0.2
DILATION_SHAPE, DILATION_SCALE_S = 2.40, 0.29
CONSTRICTION_SHAPE, CONSTRICTION_SCALE_S = 3.24, 0.18
TRANSIENT_SHARE = 0.43 / 0.77
AROUSAL_POWER, AROUSAL_PEAK_S = 10.1, 0.93
KERNEL_S = 6.0
HIPPUS_TAU_S = (0.5, 8.0)
SMALLEST_MM, LARGEST_MM = 1.5, 8.5


def pupil_course(plan: SimulationPlan, traits: EyeTraits, course: Course) -> tuple[TimeArray, FloatArray]:
    """Times (T,) in seconds from the start and the diameter (T,) in mm, the mean of both eyes."""
    times = np.arange(int(np.ceil(plan.duration_s * GRID_HZ)) + 2) / GRID_HZ
    light = respond_to_light(luminance(plan, times).astype(np.float64), traits.light_gain)
    felt = course.at(times) @ eye_effects(plan)[:, 0]
    excited = _filter(felt.astype(np.float64), _hoeks_levelt(), 0.0)
    rng = generator(plan.person_seed, plan.session_seed, "hippus")
    hippus = sum(wandering(rng, len(times), tau_s, 1 / GRID_HZ) for tau_s in HIPPUS_TAU_S) / np.sqrt(2.0)
    smooth = scipy.signal.lfilter([0.15], [1.0, -0.85], hippus)  # the iris muscle passes little above 1 to 2 Hz
    diameter = traits.pupil_offset_mm + light + excited + traits.hippus_mm * smooth
    return times, np.clip(diameter, SMALLEST_MM, LARGEST_MM).astype(np.float32)


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


def steady_state(log10_cd_m2: NDArray[np.float64]) -> NDArray[np.float64]:
    """Diameter in mm under constant light."""
    found: NDArray[np.float64] = 4.9 - 3.0 * np.tanh(0.4 * log10_cd_m2)
    return found


def respond_to_light(log10_cd_m2: NDArray[np.float64], gain: float = 1.0) -> NDArray[np.float64]:
    """(T,) diameter in mm for a course of log luminance on the grid; it starts adapted to its first value."""
    target = steady_state(log10_cd_m2)
    tonic = _filter(target, _gamma(DILATION_SHAPE, DILATION_SCALE_S), LATENCY_S)
    brighter = np.maximum(-np.diff(target, prepend=target[0]), 0.0) * GRID_HZ
    transient = _filter(brighter, _gamma(CONSTRICTION_SHAPE, CONSTRICTION_SCALE_S), LATENCY_S)
    return tonic - gain * TRANSIENT_SHARE * transient


def _gamma(shape: float, scale_s: float) -> NDArray[np.float64]:
    """A gamma density on the grid that sums to one."""
    t = np.arange(int(KERNEL_S * GRID_HZ)) / GRID_HZ
    kernel = t ** (shape - 1) * np.exp(-t / scale_s)
    unit: NDArray[np.float64] = kernel / kernel.sum()
    return unit


def _hoeks_levelt() -> NDArray[np.float64]:
    t = np.arange(int(KERNEL_S * GRID_HZ)) / GRID_HZ
    kernel = t**AROUSAL_POWER * np.exp(-AROUSAL_POWER * t / AROUSAL_PEAK_S)
    unit: NDArray[np.float64] = kernel / kernel.sum()
    return unit


def _filter(course: NDArray[np.float64], kernel: NDArray[np.float64], latency_s: float) -> NDArray[np.float64]:
    """Causal convolution that starts in the first value's steady state."""
    late = round(latency_s * GRID_HZ)
    padded = np.concatenate([np.full(len(kernel) + late, course[0]), course])
    found = scipy.signal.fftconvolve(padded, kernel)
    return found[len(kernel) : len(kernel) + len(course)]
