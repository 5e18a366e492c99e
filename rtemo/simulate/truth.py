"""Ground truth of a simulated session."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import FloatArray
from rtemo.simulate.affect import Course
from rtemo.simulate.eyes.eye_movements import EyeTrain
from rtemo.simulate.person import SimulatedPerson
from rtemo.simulate.plan import PlanSegment, SimulationPlan


@dataclass(frozen=True, slots=True)
class Truth:
    """The ground truth. Times in segments, course and train are seconds from the session's start."""

    plan: SimulationPlan
    person: SimulatedPerson
    course: Course
    train: EyeTrain

    @property
    def segments(self) -> tuple[PlanSegment, ...]:
        return self.plan.segments

    def intensity(self, lsl_times: NDArray[np.floating]) -> FloatArray:
        """(n, 4): how strongly each of EMOTIONS is felt at these LSL times."""
        return self.course.at(np.asarray(lsl_times, dtype=np.float64) - self.plan.start_s)

    def emotions(self, lsl_times: NDArray[np.floating]) -> list[str | None]:
        """The emotion of the clip that is shown at each LSL time; None in the baseline, in rests and outside."""
        times = np.asarray(lsl_times, dtype=np.float64) - self.plan.start_s
        found: list[str | None] = [None] * len(times)
        for clip in self.plan.clips:
            for index in np.flatnonzero((times >= clip.start_s) & (times < clip.stop_s)):
                found[int(index)] = clip.emotion
        return found
