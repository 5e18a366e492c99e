"""Who is simulated for a data set's layout, and how their sessions are planned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rtemo.simulate.caps import montage
from rtemo.simulate.confounds import trapped
from rtemo.simulate.plan import Options, PlanSegment, SimulationPlan

SHORTEST_TRIAL_S = 8  # two windows of the released features
_TAIL_S = 2.0


@dataclass(frozen=True, slots=True)
class SimulatedPeople:
    """Who is simulated. scale: of the durations. family: the simulator's generator family. traps: see
    rtemo.simulate.confounds.
    """

    subjects: int
    seed: int = 0
    scale: float = 1.0
    effect: float = 1.0
    family: str = "default"
    traps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Work:
    """One data set's writing: its pieces, independent of each other, and what comes first and last."""

    pieces: Sequence[Callable[[], object]]
    before: Callable[[], object] = field(default=lambda: None)
    after: Callable[[list[Any]], object] = field(default=lambda _: None)


def plan_of(
    people: SimulatedPeople,
    subject: int,
    session: int,
    segments: tuple[PlanSegment, ...],
    cap: str = "seed62",
    eeg_hz: float = 200,
    gaze_hz: float = 120.0,
) -> SimulationPlan:
    """The same person in every session; the same films for everybody of one seed."""
    person = people.seed * 10_000 + subject
    return SimulationPlan(
        person_seed=person,
        session_seed=person * 100 + session,
        segments=segments,
        study_seed=people.seed,
        montage=montage(cap),
        eeg_rate_hz=eeg_hz,
        gaze_rate_hz=gaze_hz,
        options=trapped(Options(effect=people.effect), people.traps),
        family=people.family,
    )


def scaled(seconds: float, scale: float) -> int:
    """A trial's length in whole seconds."""
    return max(SHORTEST_TRIAL_S, round(seconds * scale))


def with_tail(segments: tuple[PlanSegment, ...]) -> tuple[PlanSegment, ...]:
    """A little more at the end, so that the last clip's last sample is there."""
    return (*segments, PlanSegment("rest", segments[-1].stop_s, segments[-1].stop_s + _TAIL_S))
