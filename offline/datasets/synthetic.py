"""Simulated people as a data set like any other: many montages, rates and session lengths, some without an eye tracker.

Everything about a person follows from the seed. Each person watches films of their own (another study seed), so that
no film's luminance can stand for a label.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from offline.datasets.base import BLOCK_S, Dataset, DatasetCard, Entry, Recording, Stream, Trial
from rtemo.core.types import Chunk, Item, Modality
from rtemo.recordings.markers import EMOTIONS
from rtemo.simulate.caps import montage
from rtemo.simulate.confounds import trapped
from rtemo.simulate.device.descriptions import EEG, GAZE
from rtemo.simulate.plan import Options, SimulationPlan, segments_for_duration
from rtemo.simulate.session import SimulatedSession

# cap, its amplifier's rates in Hz, share of people
CAPS = (
    ("seed62", (500, 1000), 0.30),
    ("biosemi64_ab", (512,), 0.10),
    ("acticap32", (250, 500), 0.20),
    ("standard_1020", (250, 256), 0.15),
    ("openbci16", (125, 250), 0.05),
    ("openbci8", (250,), 0.10),
    ("muse", (256,), 0.10),
)
GAZE_RATES_HZ = (60.0, 120.0, 250.0)
NO_GAZE_SHARE = 0.1
DURATIONS_S = (120.0, 240.0, 360.0, 600.0)


@dataclass(frozen=True, slots=True)
class Population:
    """How many people, from which seed on, how strongly emotion shows, the generator family, the traps."""

    n_people: int
    first_seed: int
    effect: float = 1.0
    family: str = "default"
    traps: tuple[str, ...] = ()

    def person(self, seed: int) -> str:
        """The subject id: who differs in anything has another one."""
        usual = self.family == "default" and self.effect == 1.0
        name = f"sim{seed}" if usual else f"sim{seed}-{self.family}-{self.effect:g}"
        return "-".join([name, *self.traps])


def simulated_people(population: Population) -> Dataset:
    """One session of each person."""
    seeds = range(population.first_seed, population.first_seed + population.n_people)
    card = DatasetCard(
        name="synthetic",
        title=f"{population.n_people} simulated people",
        labels={emotion: code for code, emotion in enumerate(EMOTIONS)},
        licence="none needed",
        citation="rtemo.simulate",
        url="",
        notes=(
            f"seeds {seeds.start} to {seeds.stop - 1}, generator family {population.family}, "
            f"strength of emotion {population.effect:g}" + "".join(f", {trap}" for trap in population.traps),
            f"caps {', '.join(name for name, _, _ in CAPS)}; gaze at {', '.join(f'{r:g}' for r in GAZE_RATES_HZ)} Hz, "
            f"none for about {NO_GAZE_SHARE:.0%} of the people",
            f"sessions of {', '.join(f'{d:g}' for d in DURATIONS_S)} s",
        ),
    )
    entries = tuple(Entry(population.person(seed), "1", (), partial(load, population, seed)) for seed in seeds)
    return Dataset(card, entries, ())


def load(population: Population, seed: int) -> Recording:
    """The session of the person of this seed."""
    plan, with_gaze = plan_of(population, seed)
    session = SimulatedSession(plan)
    wanted = {EEG: Modality.EEG, GAZE: Modality.GAZE} if with_gaze else {EEG: Modality.EEG}
    streams = tuple(
        Stream(info, wanted[info.stream_id], partial(_chunks, session, info.stream_id))
        for info in session.streams
        if info.stream_id in wanted
    )
    trials = tuple(
        Trial(
            number,
            f"{plan.study_seed}:{clip.clip}",
            clip.emotion,
            plan.start_s + clip.start_s,
            plan.start_s + clip.stop_s,
        )
        for number, clip in enumerate(plan.clips, start=1)
    )
    spans = [(part.start_s, part.stop_s) for part in plan.segments if part.kind == "baseline"]
    return Recording(
        dataset="synthetic",
        subject=population.person(seed),
        session="1",
        trials=trials,
        streams=streams,
        files=(),
        rests=tuple((plan.start_s + start_s, plan.start_s + stop_s) for start_s, stop_s in spans),
        replay=partial(_items, session),
    )


def plan_of(population: Population, seed: int) -> tuple[SimulationPlan, bool]:
    """What is simulated for the person of this seed, and whether an eye tracker is there."""
    random = np.random.default_rng([seed, 71])
    name, rates, _ = CAPS[random.choice(len(CAPS), p=[share for *_, share in CAPS])]
    plan = SimulationPlan(
        person_seed=seed,
        session_seed=seed,
        segments=segments_for_duration(seed, float(random.choice(DURATIONS_S))),
        study_seed=seed,
        montage=montage(name),
        eeg_rate_hz=int(random.choice(rates)),
        gaze_rate_hz=float(random.choice(GAZE_RATES_HZ)),
        options=trapped(
            Options(
                effect=population.effect,
                line_hz=float(random.choice((50.0, 60.0))),
                line_uv=float(random.uniform(0.2, 3.0)),
            ),
            population.traps,
        ),
        family=population.family,
    )
    return plan, bool(random.random() >= NO_GAZE_SHARE)


def _items(session: SimulatedSession) -> Iterator[Item]:
    return session.items(BLOCK_S)


def _chunks(session: SimulatedSession, stream_id: str, block_s: float) -> Iterator[Chunk]:
    return (item for item in session.items(block_s) if isinstance(item, Chunk) and item.stream_id == stream_id)
