"""Simulated people as arrays, for those who write data sets: whole sessions, or one trial a clip.

People keep their traits over sessions with one person_seed, and a clip number is the same film for everybody who has
the same study_seed. Any rate and any channels show the same brain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rtemo.core.types import FloatArray, TimeArray
from rtemo.simulate.plan import PlanSegment, SimulationPlan
from rtemo.simulate.session import SimulatedSession
from rtemo.simulate.truth import Truth


@dataclass(frozen=True, slots=True)
class SessionArrays:
    """Samples of a part of a session.

    segment: which part (a whole session: from its start to its end). eeg: (T, C) float32 uV at the plan's rate, first
    sample at the segment's start. gaze_s: (n,) seconds from the session's start. gaze: (n, 6) float32, see `gaze`.
    """

    segment: PlanSegment
    eeg: FloatArray
    gaze_s: TimeArray
    gaze: FloatArray


def simulate_arrays(plan: SimulationPlan) -> tuple[SessionArrays, Truth]:
    """A whole session. Sample faults of the plan are in it; faults of streams and clocks do not concern arrays."""
    session = SimulatedSession(plan)
    return _stretch(session, PlanSegment("session", 0.0, plan.duration_s)), session.truth


def trials(session: SimulatedSession) -> Iterator[SessionArrays]:
    """One stretch a clip, in the plan's order, made as they are asked for."""
    return (_stretch(session, clip) for clip in session.plan.clips)


def _stretch(session: SimulatedSession, segment: PlanSegment) -> SessionArrays:
    gaze_s, gaze = session.gaze(segment.start_s, segment.stop_s)
    return SessionArrays(segment, session.eeg(segment.start_s, segment.stop_s), gaze_s, gaze)
