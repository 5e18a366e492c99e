"""Simulated eye movements: the fixations, saccades and blinks of one session.

One train feeds both streams: gaze samples and the ocular part of the EEG. Angles are degrees from the screen's centre,
x to the right, y up. Main sequence: the family's (21 ms + 2.2 ms per degree, Carpenter 1988), and a velocity profile
whose peak is 1.5 times its mean, so that peak velocity saturates at some 600 deg/s as it does in people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import FloatArray, TimeArray
from rtemo.simulate.affect import Course, eye_effects
from rtemo.simulate.families import family
from rtemo.simulate.person import EyeTraits
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.seeds import generator

AMPLITUDE_DEG = (0.4, 22.0)
FIXATION_S = (0.06, 2.0)
REACH_DEG = np.array([17.0, 9.5])  # how far from the centre gaze goes: a little inside the screen
TRIES = 6
LID_CLOSING_S, LID_OPENING_S = 0.07, 0.13
BLINK_REST_S = 0.4  # at least this long between blinks
CENTRE_PULL = 0.25


@dataclass(frozen=True, slots=True)
class EyeTrain:
    """Times are seconds from the session's start.

    Saccades: onset (n,), duration (n,), start and stop positions (n, 2) in degrees; in order, and fixations fill the
    rest. Blinks: onset and end of the time in which the lid hides the pupil (m,), and their depth (m,) near 1.
    """

    onset_s: TimeArray
    duration_s: TimeArray
    start_deg: FloatArray
    stop_deg: FloatArray
    blink_onset_s: TimeArray
    blink_end_s: TimeArray
    blink_depth: FloatArray

    @property
    def amplitude_deg(self) -> FloatArray:
        amplitude: FloatArray = np.linalg.norm(self.stop_deg - self.start_deg, axis=1)
        return amplitude

    def position(self, times: TimeArray) -> FloatArray:
        """(n, 2): where the eyes point, in degrees."""
        latest = np.maximum(np.searchsorted(self.onset_s, times, side="right") - 1, 0)
        phase = np.clip((times - self.onset_s[latest]) / self.duration_s[latest], 0.0, 1.0).astype(np.float32)
        done = (phase * phase * (3.0 - 2.0 * phase))[:, None]
        found: FloatArray = self.start_deg[latest] + done * (self.stop_deg[latest] - self.start_deg[latest])
        return found

    def lid(self, times: TimeArray) -> FloatArray:
        """(n,): 0 open to 1 closed. It crosses one half where the pupil is hidden and where it is seen again."""
        return self._closure(times, np.ones_like(self.blink_depth))

    def blink_wave(self, times: TimeArray) -> FloatArray:
        """(n,): the lid's course with every blink as high as it is deep; what shows in the EEG."""
        return self._closure(times, self.blink_depth)

    def _closure(self, times: TimeArray, heights: FloatArray) -> FloatArray:
        closed = np.zeros(len(times), dtype=np.float32)
        first, last = self._blinks_between(times)
        for index in range(first, last):
            down = (times - self.blink_onset_s[index]) / LID_CLOSING_S + 0.5
            up = (times - self.blink_end_s[index]) / LID_OPENING_S + 0.5
            shape = np.clip(down, 0.0, 1.0) - np.clip(up, 0.0, 1.0)
            closed = np.maximum(closed, heights[index] * np.sin(0.5 * np.pi * shape).astype(np.float32) ** 2)
        return closed

    def hidden(self, times: TimeArray) -> NDArray[np.bool_]:
        """(n,): the lid hides the pupil."""
        number = np.searchsorted(self.blink_onset_s, times, side="right") - 1
        inside: NDArray[np.bool_] = (number >= 0) & (times < np.append(self.blink_end_s, -np.inf)[number])
        return inside

    def _blinks_between(self, times: TimeArray) -> tuple[int, int]:
        if not len(times) or not len(self.blink_onset_s):
            return 0, 0
        first = int(np.searchsorted(self.blink_end_s, times[0] - LID_OPENING_S))
        return first, int(np.searchsorted(self.blink_onset_s, times[-1] + LID_CLOSING_S))


def look(plan: SimulationPlan, traits: EyeTraits, course: Course) -> EyeTrain:
    """The train of a session. Emotions change it through rates and medians only, by as much as they are felt."""
    changed = course.intensity @ eye_effects(plan)  # (T, EyeEffect's fields)
    onset, duration, start, stop = _saccades(plan, traits, course.times, changed)
    blinks = _blinks(plan, traits, course.times, changed)
    return EyeTrain(onset, duration, start, stop, *blinks)


def _saccades(
    plan: SimulationPlan, traits: EyeTraits, grid: TimeArray, changed: FloatArray
) -> tuple[TimeArray, TimeArray, FloatArray, FloatArray]:
    rng = generator(plan.person_seed, plan.session_seed, "saccades")
    base_s, s_per_deg = family(plan.family).ocular.main_sequence
    step_s = grid[1] - grid[0]
    now, at = 0.0, np.zeros(2)
    rows: list[tuple[float, float, float, float, float, float]] = []
    while now < plan.duration_s:
        effect = changed[min(int(now / step_s), len(changed) - 1)]
        fixation = traits.fixation_median_s * np.exp(traits.fixation_sigma * rng.standard_normal() + effect[1])
        now += float(np.clip(fixation, *FIXATION_S))
        median = traits.saccade_median_deg * np.exp(effect[2])
        target = _target(rng, at, median, traits.saccade_sigma)
        amplitude = float(np.hypot(*(target - at)))
        lasts = (base_s + s_per_deg * amplitude) / traits.speed
        rows.append((now, lasts, at[0], at[1], target[0], target[1]))
        now, at = now + lasts, target
    table = np.array(rows)
    return table[:, 0], table[:, 1], table[:, 2:4].astype(np.float32), table[:, 4:6].astype(np.float32)


def _target(rng: np.random.Generator, at: NDArray[np.float64], median: float, sigma: float) -> NDArray[np.float64]:
    """Where the next saccade lands: an amplitude, and a direction that stays on the screen and leans to its middle.

    Always draws the same number of random numbers, so that a changed median does not shift what follows.
    """
    draws = rng.standard_normal((TRIES, 3))
    amplitudes = np.clip(median * np.exp(sigma * draws[:, 0]), *AMPLITUDE_DEG)
    lean = draws[:, 1:] * np.array([1.0, 0.6]) - CENTRE_PULL * at / REACH_DEG * 2.0
    targets = at + amplitudes[:, None] * lean / np.linalg.norm(lean, axis=1, keepdims=True)
    inside = (np.abs(targets) <= REACH_DEG).all(axis=1)
    if inside.any():
        return targets[int(np.argmax(inside))]  # type: ignore[no-any-return]
    shrunk = np.clip(targets[-1], -REACH_DEG, REACH_DEG)
    return shrunk if np.hypot(*(shrunk - at)) >= AMPLITUDE_DEG[0] else 0.5 * at - np.sign(at) * AMPLITUDE_DEG[0]


def _blinks(
    plan: SimulationPlan, traits: EyeTraits, grid: TimeArray, changed: FloatArray
) -> tuple[TimeArray, TimeArray, FloatArray]:
    rng = generator(plan.person_seed, plan.session_seed, "blinks")
    step_s = grid[1] - grid[0]
    now, rows = 0.0, []
    while True:
        effect = changed[min(int(now / step_s), len(changed) - 1)]
        interval = rng.gamma(1.6, 1.0) / 1.6 * 60.0 / (traits.blink_rate_min * np.exp(effect[3]))
        lasts = float(np.clip(traits.blink_median_s * np.exp(0.25 * rng.standard_normal()), 0.08, 0.4))
        depth = float(np.clip(rng.normal(1.0, 0.12), 0.6, 1.3))
        now += max(float(interval), BLINK_REST_S)
        if now + lasts + LID_OPENING_S >= plan.duration_s:
            break
        rows.append((now, now + lasts, depth))
        now += lasts
    table = np.array(rows).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2].astype(np.float32)
