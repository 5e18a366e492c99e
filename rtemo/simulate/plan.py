"""Simulation plans: which person, which clips in which order, which channels and rates, which faults.

A plan is a frozen value; the same plan gives the same samples. Times here are seconds from the session's start.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rtemo.core.errors import RtemoError
from rtemo.recordings.markers import EMOTIONS, Marker
from rtemo.simulate.caps import SimulatedMontage, montage, spread
from rtemo.simulate.device.faults import Fault
from rtemo.simulate.families import FAMILIES
from rtemo.simulate.seeds import generator

SHORTEST_S = 10.0
LONG_S = 600.0  # from here on a session has a full baseline and full-length clips
BASELINE_S = {"short": 30.0, "long": 120.0}
CLIP_PERIOD_S = {"short": 24.0, "long": 60.0}


@dataclass(frozen=True, slots=True)
class PlanSegment:
    """One segment of a session. kind: baseline, clip or rest; clip is the stimulus's number, -1 where there is none."""

    kind: str
    start_s: float
    stop_s: float
    clip: int = -1
    emotion: str = ""


@dataclass(frozen=True, slots=True)
class PlannedClip:
    """A stimulus to be shown: its number in the study, the emotion that it is meant to evoke, its length."""

    number: int
    emotion: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class Options:
    """What is switched on in a simulated person.

    effect: size of everything that depends on emotion; 1 is the demonstration's strength, 0 the null simulator: the
    samples are then bitwise independent of the clips' emotions (unless a trap below is switched on as well).
    ocular_leak: eye movements and blinks show in the EEG. shared_stimulus: a clip has the same luminance course for
    everybody, as a film has; at effect 0 every person sees another course, since a shared one gives away the clip and
    so its label. Traps, off by default: muscle_confound (facial muscles follow the emotion) and luminance_confound (the
    mean luminance of clips follows the emotion).
    """

    effect: float = 1.0
    ocular_leak: bool = True
    shared_stimulus: bool = True
    muscle_confound: bool = False
    luminance_confound: bool = False
    line_hz: float = 50.0
    line_uv: float = 0.7

    @property
    def stimulus_is_shared(self) -> bool:
        return self.shared_stimulus and self.effect > 0


@dataclass(frozen=True, slots=True)
class SimulationPlan:
    """One session of one simulated person.

    person_seed: who. session_seed: which day (cap, vigilance, everything random within the session). study_seed: the
    stimuli. family: the generator family (families.py).
    start_s: LSL time of the session's start.
    """

    person_seed: int
    session_seed: int
    segments: tuple[PlanSegment, ...]
    study_seed: int = 0
    montage: SimulatedMontage = field(default_factory=lambda: montage("seed62"))
    eeg_rate_hz: float = 500
    gaze_rate_hz: float = 120.0
    options: Options = Options()
    family: str = "default"
    faults: tuple[Fault, ...] = ()
    start_s: float = 1000.0

    def __post_init__(self) -> None:
        for seed in (self.person_seed, self.session_seed, self.study_seed):
            _check_seed(seed)
        if not 50 <= self.eeg_rate_hz <= 20_000 or self.eeg_rate_hz != int(self.eeg_rate_hz):
            raise RtemoError("cannot simulate this EEG rate", f"{self.eeg_rate_hz} Hz", "use whole Hz from 50 to 20000")
        if not 10 <= self.gaze_rate_hz <= 2000:
            raise RtemoError("cannot simulate this gaze rate", f"{self.gaze_rate_hz} Hz", "use 10 to 2000 Hz")
        if not 0 <= self.options.effect < math.inf:
            raise RtemoError("cannot simulate this effect size", f"{self.options.effect:g}", "use 0 or more")
        if self.family not in FAMILIES:
            raise RtemoError("unknown family", f"{self.family!r}", f"choose one of {', '.join(FAMILIES)}")

    @classmethod
    def for_duration(
        cls,
        seed: int,
        duration_s: float,
        *,
        eeg_channels: int = 0,
        montage_name: str = "",
        eeg_rate_hz: float = 500,
        gaze_rate_hz: float = 120.0,
        options: Options = Options(),
        faults: Sequence[Fault] = (),
    ) -> SimulationPlan:
        """A session of one new person and new stimuli per seed. The channels by name or by number, 62 by default."""
        if montage_name and eeg_channels and len(montage(montage_name).labels) != eeg_channels:
            found = f"{montage_name!r} has {len(montage(montage_name).labels)} channels, not {eeg_channels}"
            raise RtemoError("the montage and the number of channels do not agree", found, "give only one of them")
        chosen = montage(montage_name) if montage_name else spread(eeg_channels or 62)
        segments = segments_for_duration(seed, duration_s)
        return cls(seed, seed, segments, seed, chosen, eeg_rate_hz, gaze_rate_hz, options, faults=tuple(faults))

    @property
    def duration_s(self) -> float:
        return self.segments[-1].stop_s

    @property
    def clips(self) -> tuple[PlanSegment, ...]:
        return tuple(segment for segment in self.segments if segment.kind == "clip")

    def markers(self) -> list[tuple[float, Marker]]:
        """(seconds from the start, marker) in order of time; the session's end comes at the last sample's time."""
        found = [(0.0, Marker("session", "start", {"seed": str(self.person_seed), "simulated": "1"}))]
        for segment in self.segments:
            fields = {"id": str(segment.clip), "emotion": segment.emotion} if segment.kind == "clip" else {}
            found.append((segment.start_s, Marker(segment.kind, "start", fields)))
            found.append((segment.stop_s, Marker(segment.kind, "end", fields)))
        found.append((self.duration_s, Marker("session", "end")))
        return found


def _check_seed(seed: int) -> None:
    if seed < 0:
        raise RtemoError("seeds cannot be negative", f"{seed}", "use 0 or more")


def segments_for_clips(
    clips: Sequence[PlannedClip], baseline_s: float = 30.0, rest_s: float = 5.0
) -> tuple[PlanSegment, ...]:
    """A neutral baseline, then the clips in their order with a rest after each but the last."""
    if unknown := sorted({clip.emotion for clip in clips} - set(EMOTIONS)):
        raise RtemoError("unknown emotion", ", ".join(unknown), f"choose from {', '.join(EMOTIONS)}")
    if any(not 0 < clip.duration_s < math.inf for clip in clips):
        found = ", ".join(f"{clip.duration_s:g} s" for clip in clips)
        raise RtemoError("a clip has no possible length", found, "give every clip more than 0 s")
    now, segments = 0.0, []
    if baseline_s > 0:
        segments.append(PlanSegment("baseline", 0.0, baseline_s))
        now = baseline_s
    for position, clip in enumerate(clips):
        segments.append(PlanSegment("clip", now, now + clip.duration_s, clip.number, clip.emotion))
        now += clip.duration_s
        if rest_s > 0 and position + 1 < len(clips):
            segments.append(PlanSegment("rest", now, now + rest_s))
            now += rest_s
    if not segments:
        raise RtemoError("a session needs a baseline or a clip", "neither was asked for", "give clips or baseline_s")
    return tuple(segments)


def segments_for_duration(seed: int, duration_s: float) -> tuple[PlanSegment, ...]:
    """A session of this length: baseline, then every emotion equally often, in a seeded order of blocks of four."""
    _check_seed(seed)
    if not SHORTEST_S <= duration_s < math.inf:
        raise RtemoError(
            "cannot simulate a session of this length", f"{duration_s:g} s", f"ask for {SHORTEST_S:g} s or more"
        )
    length = "long" if duration_s >= LONG_S else "short"
    baseline_s = min(BASELINE_S[length], 0.2 * duration_s)
    blocks = max(1, round((duration_s - baseline_s) / (len(EMOTIONS) * CLIP_PERIOD_S[length])))
    n_clips = blocks * len(EMOTIONS)
    period_s = (duration_s - baseline_s) / n_clips
    rest_s = min(5.0, 0.15 * period_s)
    clip_s = (duration_s - baseline_s - rest_s * (n_clips - 1)) / n_clips
    rng = generator(seed, "order")
    order = [str(emotion) for _ in range(blocks) for emotion in rng.permutation(EMOTIONS)]
    clips = [PlannedClip(number, emotion, clip_s) for number, emotion in enumerate(order, start=1)]
    *others, last = segments_for_clips(clips, baseline_s, rest_s)
    return (*others, replace(last, stop_s=float(duration_s)))  # the sum of the parts has rounding errors
