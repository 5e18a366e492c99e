"""Simulated people as SEED-IV and SEED-V: the published clips, labels and lengths.

The simulator has four emotions: SEED-V's disgust is simulated as fear. The lengths of SEED-IV's clips are published
for session 1 only; the other sessions' are invented, with the published number of windows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from offline.datasets.seed.published import (
    SEED_IV_LABELS,
    SEED_IV_SESSION_1_SAMPLES,
    SEED_IV_TRIALS,
    SEED_V_END_S,
    SEED_V_LABELS,
    SEED_V_START_S,
    SEED_V_TRIALS,
)
from offline.simulated_datasets import eye_release, seed_iv, seed_v
from offline.simulated_datasets.people import SimulatedPeople, Work, plan_of, scaled, with_tail
from rtemo.simulate.plan import PlannedClip, PlanSegment, segments_for_clips
from rtemo.simulate.session import SimulatedSession

_REST_S, _BASELINE_S, _BLOCK_S = 5.0, 30.0, 16.0
_WINDOWS = {2: 832, 3: 822}  # published sums of SEED-IV's sessions
_SIMULATED_AS = {"disgust": "fear"}


def seed_iv_seconds() -> Mapping[int, tuple[int, ...]]:
    """Whole seconds of each trial, by session. Session 1's are published; 2 and 3 are dealt from a fixed draw."""
    first = tuple((n - 1) // 200 for n in SEED_IV_SESSION_1_SAMPLES)
    seconds = {1: first}
    for session, n_windows in _WINDOWS.items():
        random = np.random.default_rng(session)
        windows = random.permutation([s // 4 for s in first])
        missing = n_windows - int(windows.sum())
        for place in np.resize(random.permutation(len(windows)), abs(missing)):
            windows[place] += int(np.sign(missing))
        seconds[session] = tuple(
            int(4 * w + extra) for w, extra in zip(windows, random.integers(0, 4, 24), strict=True)
        )
    return seconds


def write_seed_iv(root: Path, people: SimulatedPeople) -> Work:
    """All parts of SEED-IV, a session at a time."""
    pieces = [
        partial(_seed_iv_session, root, people, subject, session)
        for subject in range(1, people.subjects + 1)
        for session in SEED_IV_TRIALS
    ]
    return Work(pieces, before=partial(seed_iv.write_readme, root))


def _seed_iv_session(root: Path, people: SimulatedPeople, subject: int, session: int) -> None:
    words = {code: word for word, code in SEED_IV_LABELS.items()}
    seconds = seed_iv_seconds()[session]
    clips = [
        PlannedClip(100 * session + number, words[code], float(scaled(seconds[number - 1], people.scale)))
        for number, code in enumerate(SEED_IV_TRIALS[session], start=1)
    ]
    simulated = SimulatedSession(
        plan_of(people, subject, session, with_tail(segments_for_clips(clips, _BASELINE_S, _REST_S)))
    )
    trials = [simulated.eeg(clip.start_s, clip.stop_s + 0.5 / 200).T for clip in simulated.plan.clips]
    seed_iv.write_eeg(root, subject, session, trials)
    seed_iv.write_eeg_features(root, subject, session, trials)
    eyes = list(eye_release.watch(simulated))
    seed_iv.write_eye_features(root, subject, session, [eye_release.seed_iv_features(one) for one in eyes])
    seed_iv.write_eye_events(root, subject, session, [eye_release.seed_iv_events(one) for one in eyes])


def seed_v_times(scale: float) -> dict[int, list[tuple[int, int]]]:
    """The published trial times with clips and pauses scaled; at scale 1 they are the published ones."""
    times: dict[int, list[tuple[int, int]]] = {}
    for session, starts in SEED_V_START_S.items():
        now, before, pairs = 0, 0, []
        for start, end in zip(starts, SEED_V_END_S[session], strict=True):
            begin = now + max(2, round((start - before) * scale))
            now, before = begin + scaled(end - start, scale), end
            pairs.append((begin, now))
        times[session] = pairs
    return times


def write_seed_v(root: Path, people: SimulatedPeople) -> Work:
    """All parts of SEED-V, a person at a time."""
    pieces = [partial(_seed_v_person, root, people, subject) for subject in range(1, people.subjects + 1)]
    return Work(pieces, before=partial(seed_v.write_times, root, seed_v_times(people.scale)))


def _seed_v_person(root: Path, people: SimulatedPeople, subject: int) -> None:
    words = {code: word for word, code in SEED_V_LABELS.items()}
    eyes: list[NDArray[np.float64]] = []
    slow: list[SimulatedSession] = []
    for session, times in seed_v_times(people.scale).items():
        emotions = [_SIMULATED_AS.get(words[code], words[code]) for code in SEED_V_TRIALS[session]]
        segments = with_tail(_at_times(times, emotions, 100 * session))
        simulated = SimulatedSession(plan_of(people, subject, session, segments, eeg_hz=seed_v.RATE_HZ))
        seed_v.write_eeg(root, subject, session, _blocks(simulated))
        eyes += [eye_release.seed_v_features(one) for one in eye_release.watch(simulated)]
        slow.append(SimulatedSession(replace(simulated.plan, eeg_rate_hz=200)))
    seed_v.write_eye_features(root, subject, eyes)
    seed_v.write_eeg_features(root, subject, _trials_of(slow))


def _trials_of(sessions: Sequence[SimulatedSession]) -> Iterator[NDArray[np.floating]]:
    """(62, N) at 200 Hz, one after the other."""
    return (one.eeg(clip.start_s, clip.stop_s + 0.5 / 200).T for one in sessions for clip in one.plan.clips)


def _at_times(times: Sequence[tuple[int, int]], emotions: Sequence[str], first: int) -> tuple[PlanSegment, ...]:
    """Clips at given times, a baseline before them and rests between them."""
    segments, now = [], 0.0
    for number, ((start, stop), emotion) in enumerate(zip(times, emotions, strict=True), start=1):
        segments.append(PlanSegment("rest" if now else "baseline", now, float(start)))
        segments.append(PlanSegment("clip", float(start), float(stop), first + number, emotion))
        now = float(stop)
    return tuple(segments)


def _blocks(session: SimulatedSession) -> Iterator[NDArray[np.floating]]:
    """The whole session's EEG in order."""
    for start_s in np.arange(0.0, session.plan.duration_s, _BLOCK_S).tolist():
        yield session.eeg(start_s, min(start_s + _BLOCK_S, session.plan.duration_s))
