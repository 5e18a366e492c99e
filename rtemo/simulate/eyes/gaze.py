"""Simulated eye tracker output: gaze points on a screen and pupil diameters, with tracking noise and losses.

Six values a sample, as the TobiiPro connector of LSL sends them: left x, y, pupil, right x, y, pupil; x and y are
shares of the screen, origin top left, pupils in mm, NaN where an eye is not seen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import FloatArray, TimeArray
from rtemo.simulate.affect import Course
from rtemo.simulate.eyes.eye_movements import EyeTrain
from rtemo.simulate.eyes.pupil import pupil_course
from rtemo.simulate.person import EyeTraits
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.seeds import generator

SCREEN_MM = (527.0, 296.0)  # a 24 inch screen of 16:9
DISTANCE_MM = 620.0
DRIFT_DEG, DRIFT_HZ = 0.08, 10  # slow drift of the eyes within fixations
LID_DROP_DEG, LID_PUPIL_SHARE = 3.5, 0.35  # what a half-closed lid does to the tracker's estimate, times closure
PUPIL_NOISE_MM = 0.015
DISPARITY_DEG = 0.15
LOSS_S = (0.03, 0.2)


class SimulatedTracker:
    """`between(start, stop)` gives the samples of those seconds, whatever was asked for before."""

    def __init__(self, plan: SimulationPlan, traits: EyeTraits, course: Course, train: EyeTrain) -> None:
        self._plan, self._traits, self._train = plan, traits, train
        self._key = (plan.person_seed, plan.session_seed, "tracker")
        self._pupil_times, self._pupil = pupil_course(plan, traits, course)
        rng = generator(*self._key, "slow")
        nodes = int(plan.duration_s * DRIFT_HZ) + 3
        self._drift = (DRIFT_DEG * rng.standard_normal((nodes, 2))).astype(np.float32)
        self._slide = rng.normal(0.0, 0.2, 4) / max(plan.duration_s, 600.0)  # of the calibration, deg/s
        self._losses = [_losses(plan, traits, rng) for _eye in range(2)]

    def second(self, number: int, rate_hz: float) -> tuple[TimeArray, FloatArray]:
        """Times (n,) in seconds from the start and values (n, 6) of the samples in [number, number + 1)."""
        times = np.arange(np.ceil(number * rate_hz - 1e-9), np.ceil((number + 1) * rate_hz - 1e-9)) / rate_hz
        rng = generator(*self._key, number)
        noise = rng.standard_normal((len(times), 6), dtype=np.float32)
        values = np.empty((len(times), 6), dtype=np.float32)
        lid, hidden = self._train.lid(times), self._train.hidden(times)
        looking = self._train.position(times) + self._slow(times)
        pupil = np.interp(times, self._pupil_times, self._pupil).astype(np.float32)
        for eye, side in enumerate((-1.0, 1.0)):
            angle = looking + self._traits.noise_deg * noise[:, 3 * eye : 3 * eye + 2]
            angle[:, 0] += side * DISPARITY_DEG / 2
            angle += self._offset(eye, times)
            angle[:, 1] -= LID_DROP_DEG * lid
            values[:, 3 * eye : 3 * eye + 2] = on_screen(angle)
            width = pupil + side * self._traits.anisocoria_mm / 2 + PUPIL_NOISE_MM * noise[:, 3 * eye + 2]
            values[:, 3 * eye + 2] = width * (1.0 - LID_PUPIL_SHARE * lid)
            values[hidden | _inside(times, self._losses[eye]), 3 * eye : 3 * eye + 3] = np.nan
        return times, values

    def _slow(self, times: TimeArray) -> FloatArray:
        place = times * DRIFT_HZ
        index = place.astype(np.int64)
        share = (place - index).astype(np.float32)[:, None]
        found: FloatArray = (1.0 - share) * self._drift[index] + share * self._drift[index + 1]
        return found

    def _offset(self, eye: int, times: TimeArray) -> FloatArray:
        fixed = np.asarray(self._traits.calibration_deg[2 * eye : 2 * eye + 2])
        return (fixed + times[:, None] * self._slide[2 * eye : 2 * eye + 2]).astype(np.float32)


def on_screen(angle_deg: NDArray[np.floating]) -> FloatArray:
    """(n, 2) degrees from the centre (x right, y up) -> shares of the screen (origin top left)."""
    offset_mm = DISTANCE_MM * np.tan(np.radians(angle_deg)) * np.array([1.0, -1.0])
    shares: FloatArray = (0.5 + offset_mm / np.asarray(SCREEN_MM)).astype(np.float32)
    return shares


def _losses(plan: SimulationPlan, traits: EyeTraits, rng: np.random.Generator) -> NDArray[np.float64]:
    """(n, 2): starts and ends of the moments in which the tracker misses this eye."""
    count = rng.poisson(traits.loss_rate_min * plan.duration_s / 60.0)
    starts = np.sort(rng.uniform(0.0, plan.duration_s, count))
    return np.stack([starts, starts + rng.uniform(*LOSS_S, count)], axis=1)


def _inside(times: TimeArray, spans: NDArray[np.float64]) -> NDArray[np.bool_]:
    missed = np.zeros(len(times), dtype=bool)
    if len(times):
        for start, stop in spans[(spans[:, 1] > times[0]) & (spans[:, 0] <= times[-1])]:
            missed |= (times >= start) & (times < stop)
    return missed
