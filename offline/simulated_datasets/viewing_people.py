"""Simulated people as EEGEyeNet and as a BIDS folder with EEG and eye-tracking.

They watch films that evoke nothing: there are no dots to follow, and nothing but the session's name distinguishes
attentive from distracted. What these folders are for is their form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from offline.simulated_datasets import bids, eegeyenet, eye_release
from offline.simulated_datasets.people import SimulatedPeople, Work, plan_of, scaled, with_tail
from rtemo.core.channel_map import Screen
from rtemo.core.gaze.events import GazeEvent, GazeEventKind
from rtemo.simulate.eyes.gaze import DISTANCE_MM, SCREEN_MM
from rtemo.simulate.plan import PlannedClip, segments_for_clips
from rtemo.simulate.session import SimulatedSession

_EYE_PX = (800, 600)
_RUNS, _RUN_S, _EPOCHS = 6, 180, 4  # of EEGEyeNet's dots task; epochs a person in the prepared file
_BIDS_SESSIONS, _BIDS_TASKS, _BIDS_RUN_S, _BIDS_HZ = ("01", "02"), ("stim01", "stim02", "stim03"), 300, 256
_BIDS_PX = (1920, 1080)
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def write_eegeyenet(root: Path, people: SimulatedPeople) -> Work:
    """EEGEyeNet's dots task, a person at a time, then the prepared epochs of all."""
    pieces = [partial(_eegeyenet_person, root, people, subject) for subject in range(1, people.subjects + 1)]
    return Work(pieces, after=partial(_eegeyenet_prepared, root))


Epochs = tuple[NDArray[np.floating], NDArray[np.float64]]


def _eegeyenet_person(root: Path, people: SimulatedPeople, subject: int) -> Epochs:
    """All runs of one person, v5 and HDF5 in turn; returns one-second epochs at long fixations with their positions."""
    name = f"EP{_DIGITS[subject // 36]}{_DIGITS[subject % 36]}"
    epochs: list[NDArray[np.float32]] = []
    labels: list[tuple[float, float, float]] = []
    for run in range(1, _RUNS + 1):
        length_s = float(scaled(_RUN_S, people.scale))
        segments = with_tail(segments_for_clips([PlannedClip(run, "neutral", length_s)], 0.0, 0.0))
        plan = plan_of(people, subject, run, segments, "egi128", 500, 500.0)
        simulated = SimulatedSession(plan)
        samples = _egi_samples(simulated, length_s)
        write = eegeyenet.write_v5 if run % 2 else eegeyenet.write_hdf5
        events = [event for eyes in eye_release.watch(simulated) for event in eyes.events]
        write(root / "data", "dots", name, run, samples, _eye_events(sorted(events, key=lambda event: event.start_s)))
        steady = (
            e for e in events if e.kind is GazeEventKind.FIXATION and e.duration_s >= 0.5 and e.start_s < length_s - 1
        )
        for event in islice(steady, _EPOCHS - len(labels)):
            first = round(event.start_s * 500)
            epochs.append(samples[first : first + 500, :129].astype(np.float32))
            labels.append((float(subject), event.x * _EYE_PX[0], event.y * _EYE_PX[1]))
    return np.array(epochs).reshape(-1, 500, 129), np.array(labels).reshape(-1, 3)


def _egi_samples(simulated: SimulatedSession, length_s: float) -> NDArray[np.float64]:
    """(T, 133): 128 channels and the vertex to their average, TIME, gaze in pixels and pupil area, 0 in blinks."""
    eeg = simulated.eeg(0.0, length_s).astype(np.float64)
    eeg = np.column_stack([eeg, np.zeros(len(eeg))])
    eeg -= eeg.mean(axis=1, keepdims=True)
    times_s, gaze = simulated.gaze(0.0, length_s)
    at = np.arange(len(eeg)) / 500.0
    nearest = np.clip(np.searchsorted(times_s, at), 0, len(times_s) - 1)
    left = gaze[nearest, :3].astype(np.float64)
    area = 100.0 * np.pi / 4.0 * left[:, 2] ** 2
    gone = ~np.isfinite(left).all(axis=1)
    pixels = np.column_stack([left[:, 0] * _EYE_PX[0], left[:, 1] * _EYE_PX[1], area])
    pixels[gone] = 0.0
    return np.column_stack([eeg, 1000.0 * at, pixels])


def _eye_events(events: Sequence[GazeEvent]) -> list[eegeyenet.EyeEvent]:
    """The left eye's events in order of time; a saccade starts where the last fixation was."""
    rows, last = [], (np.nan, np.nan)
    for event in events:
        x, y = event.x * _EYE_PX[0], event.y * _EYE_PX[1]
        row = eegeyenet.EyeEvent(
            f"L_{event.kind.value}",
            latency=round(event.start_s * 500) + 1,
            duration=round(event.duration_s * 500),
            endtime=round(event.end_s * 500) + 1,
        )
        if event.kind is GazeEventKind.FIXATION:
            row, last = replace(row, fix_avgpos_x=x, fix_avgpos_y=y), (x, y)
        elif event.kind is GazeEventKind.SACCADE:
            start_x, start_y = last
            row = replace(row, sac_startpos_x=start_x, sac_startpos_y=start_y, sac_endpos_x=x, sac_endpos_y=y)
            row = replace(row, sac_amplitude=event.amplitude_deg)
        if event.kind is not GazeEventKind.LOSS:
            rows.append(row)
    return rows


def _eegeyenet_prepared(root: Path, results: list[Epochs]) -> None:
    epochs, labels = (np.concatenate(parts) for parts in zip(*results, strict=True))
    eegeyenet.write_prepared(root / "data", "Position_task", "dots", epochs, labels)


def write_bids(root: Path, people: SimulatedPeople) -> Work:
    """A BIDS folder with two sessions of three runs, a person at a time."""
    names = [f"{subject:02d}" for subject in range(1, people.subjects + 1)]
    pieces = [partial(_bids_person, root, people, subject) for subject in range(1, people.subjects + 1)]
    return Work(pieces, before=partial(bids.write_dataset, root, "Simulated viewers", names))


def _bids_person(root: Path, people: SimulatedPeople, subject: int) -> None:
    for visit, session in enumerate(_BIDS_SESSIONS, start=1):
        for number, task in enumerate(_BIDS_TASKS, start=1):
            length_s = float(scaled(_BIDS_RUN_S, people.scale))
            segments = with_tail(segments_for_clips([PlannedClip(number, "neutral", length_s)], 0.0, 0.0))
            plan = plan_of(people, subject, 10 * visit + number, segments, "biosemi64", _BIDS_HZ)
            simulated = SimulatedSession(plan)
            times_s, gaze = simulated.gaze(0.0, length_s)
            eyes = [
                bids.Eye(side, plan.gaze_rate_hz, times_s, gaze[:, first : first + 3] * np.array([*_BIDS_PX, 1.0]))
                for side, first in (("left", 0), ("right", 3))
            ]
            events: list[Mapping[str, str | float]] = [{"onset": 0.0, "duration": length_s, "trial_type": task}]
            screen = Screen(*_BIDS_PX, *SCREEN_MM, DISTANCE_MM)
            name = bids.RunName(f"{subject:02d}", task, session)
            eeg = simulated.eeg(0.0, length_s)
            bids.write_run(root, name, eeg, plan.montage.labels, plan.eeg_rate_hz, events, eyes, screen)
