"""A small corpus of invented people: an emotion shows in two bands and two eye features, the rest is noise.

With effect 0 nothing shows: everything must score chance.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from offline.corpus.corpus import ShardMetadata, open_corpus, write_manifest, write_recording
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Window

LABELS = ("neutral", "sad", "fear", "happy")
MONTAGES = (8, 4, 19)


def invented_windows(person, n_channels, n_trials=8, per_trial=6, effect=1.0, with_eyes=True, labelled=True):
    random = np.random.default_rng(person)
    positions = random.normal(size=(n_channels, 3)).astype(np.float32)
    positions /= np.linalg.norm(positions, axis=1, keepdims=True)
    habit = 0.3 * random.normal(size=(n_channels, 20))
    windows, labels, trials = [], [], []
    for trial in range(n_trials):
        label = trial % 4
        for k in range(per_trial):
            eeg = random.normal(size=(4, n_channels, 20)) + habit
            eye = random.normal(size=33)
            eeg[..., 5] += 0.8 * effect * (label in (0, 1))
            eeg[..., 15] += 0.8 * effect * (label in (0, 2))
            eye[3] += 2.0 * effect * (label in (0, 1))
            eye[20] += 2.0 * effect * (label in (0, 2))
            end_s = 100.0 * trial + 2.0 * k + 4.0
            windows.append(
                Window(
                    end_s=end_s,
                    eeg=eeg.astype(np.float32),
                    eeg_power=eeg.astype(np.float32),
                    eeg_mask=np.ones((4, n_channels), np.bool_),
                    eye=eye.astype(np.float32),
                    eye_raw=eye.astype(np.float32),
                    eye_valid=np.full(33, with_eyes),
                    positions=positions,
                    channels=tuple(f"E{i}" for i in range(n_channels)),
                    eeg_coverage=1.0,
                    gaze_coverage=float(with_eyes),
                    settled=True,
                )
            )
            labels.append(label if labelled else -1)
            trials.append(trial + 1)
    return windows, labels, trials


def about(person, channels=(), clips=None):
    return ShardMetadata(
        id=f"p{person:03d}",
        subject=f"p{person:03d}",
        session="1",
        dataset="invented",
        key="k",
        channels=tuple(channels),
        n_windows=0,
        clips=clips or {},
        dropped=(),
        content="",
    )


def invented_corpus(path, n_people, first=0, **shape):
    recordings = []
    for person in range(first, first + n_people):
        windows, labels, trials = invented_windows(person, MONTAGES[person % 3], **shape)
        recordings.append(write_recording(path, about(person, windows[0].channels), windows, labels, trials))
    description = {
        "people": "invented people",
        "what": "made for a test",
        "sources": {"eeg": "causal", "eye": "causal"},
        "baseline": "none",
    }
    write_manifest(path, "invented", PipelineSettings().with_hop(1.0).to_dict(), LABELS, description, recordings)
    return open_corpus(path)


def rated_people(path, first=0, n_people=10):
    """Valence is 7 where an emotion of the first two is shown, else 3, as each person uses the scale, and shows."""
    recordings = []
    for person in range(first, first + n_people):
        windows, labels, trials = invented_windows(person, 9, n_trials=8, per_trial=4)
        own = np.random.default_rng(person).normal(0.0, 0.4)
        valence = {str(trial): 3.0 + 4.0 * (label in (0, 1)) + own for trial, label in zip(trials, labels, strict=True)}
        chance = np.random.default_rng([person, 1])
        targets = {trial: {"valence": value, "tension": chance.normal()} for trial, value in valence.items()}
        who = replace(about(person, windows[0].channels), targets=targets)
        recordings.append(write_recording(path, who, windows, labels, trials))
    people = {"people": "invented people", "sources": {"eeg": "causal", "eye": "causal"}}
    write_manifest(path, "invented", PipelineSettings().with_hop(1.0).to_dict(), LABELS, people, recordings)
    return open_corpus(path)


def invented_sessions(path):
    """Five people, two sessions each, the same sixteen films in each session."""
    recordings = []
    for person in range(5):
        for session in "12":
            windows, labels, trials = invented_windows(10 * person + int(session), 8, n_trials=16, per_trial=3)
            who = about(person, windows[0].channels, {str(trial): f"film {trial}" for trial in range(1, 17)})
            who = replace(who, id=f"{who.id}_{session}", session=session)
            recordings.append(write_recording(path, who, windows, labels, trials))
    write_manifest(path, "invented", PipelineSettings().to_dict(), LABELS, {"people": "invented people"}, recordings)
    return open_corpus(path)
