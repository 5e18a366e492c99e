"""SEED's way of shipping EEG: one MATLAB file a session, one array `<initials>_eeg<k>` a trial.

The arrays are (62, N) at 200 Hz in uV. Shared by SEED and SEED-IV. N is 200 * seconds + 1 and all N samples are used:
sample i of a trial lies i / 200 s after its start. Trials are numbered by the k of their names, never by their order
in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from offline.datasets import mat5
from offline.datasets.base import Omission, Segment, Stream, segment_chunks, slices
from offline.datasets.seed.published import CHANNELS
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Chunk, Modality, StreamInfo

RATE_HZ = 200.0
_STEM = re.compile(r"(\d+)_(\d{8})")
_TRIAL = re.compile(r"(.*)_eeg(\d+)")

EEG_INFO = StreamInfo(
    stream_id="eeg",
    name="EEG",
    type="EEG",
    channel_format="float32",
    nominal_rate_hz=RATE_HZ,
    channels=tuple(Channel(label, "EEG", "microvolts") for label in CHANNELS),
)


@dataclass(frozen=True, slots=True)
class TrialFile:
    """One session's EEG file: per trial number the variable's name and its number of samples."""

    path: Path
    keys: Mapping[int, str]
    n_samples: Mapping[int, int]
    missing: Mapping[int, str]  # trial number -> why

    def duration_s(self, trial: int) -> float:
        return (self.n_samples[trial] - 1) / RATE_HZ


def by_subject(folder: Path) -> tuple[dict[int, list[Path]], list[Omission]]:
    """The folder's <subject>_<date>.mat files, and what else ends in .mat there."""
    found: dict[int, list[Path]] = {}
    omissions = []
    for path in sorted(folder.glob("*.mat")):
        if match := _STEM.fullmatch(path.stem):
            found.setdefault(int(match[1]), []).append(path)
        elif path.stem != "label":
            omissions.append(Omission("file", str(path), "its name is not <subject>_<date>.mat"))
    return found, omissions


def read_index(path: Path, n_trials: int) -> TrialFile:
    """Which trials the file holds. RtemoError where their numbers cannot be trusted."""
    index = mat5.index(path)
    keys: dict[int, str] = {}
    initials = set()
    for name in index.shapes:
        if match := _TRIAL.fullmatch(name):
            if int(match[2]) in keys:
                raise _distrusted(path, f"two arrays claim to be trial {match[2]}")
            keys[int(match[2])] = name
            initials.add(match[1])
    if not keys:
        raise _distrusted(path, f"no array is named <initials>_eeg<k>; there are {sorted(index.shapes)[:5]}")
    if len(initials) > 1:
        raise _distrusted(path, f"its arrays carry different initials, {sorted(initials)}")
    if max(keys) > n_trials or min(keys) < 1:
        raise _distrusted(path, f"it holds trials {min(keys)} to {max(keys)}, a session has {n_trials}")
    return _sift(path, index, keys, n_trials)


def _sift(path: Path, index: mat5.MatIndex, keys: Mapping[int, str], n_trials: int) -> TrialFile:
    missing = {}
    for trial in range(1, n_trials + 1):
        shape = index.shapes.get(keys.get(trial, ""))
        if shape is None:
            missing[trial] = "the file ends before it" if index.truncated else "it is not in the file"
        elif len(shape) != 2 or shape[0] != len(CHANNELS) or shape[1] < 2:
            missing[trial] = f"its shape is {shape}, expected ({len(CHANNELS)}, samples)"
    kept = {trial: key for trial, key in sorted(keys.items()) if trial not in missing}
    return TrialFile(path, kept, {trial: index.shapes[key][1] for trial, key in kept.items()}, missing)


def eeg_stream(file: TrialFile, starts_s: Mapping[int, float]) -> Stream:
    """The file's trials as one stream, each at its start on the recording's clock."""
    return Stream(EEG_INFO, Modality.EEG, partial(_chunks, file, dict(starts_s)))


def _chunks(file: TrialFile, starts_s: Mapping[int, float], block_s: float) -> Iterator[Chunk]:
    segments = (Segment(starts_s[trial], RATE_HZ, partial(_blocks, file.path, file.keys[trial])) for trial in starts_s)
    return segment_chunks(EEG_INFO.stream_id, segments, block_s)


def _blocks(path: Path, key: str, n: int) -> Iterator[NDArray[np.floating]]:
    return slices(mat5.variable(path, key, np.float32).T, n)


def missing_entries(name: str, subjects: list[int], seen: Mapping[int, Mapping[int, object]]) -> list[Omission]:
    """One omission for every subject who has a file in some session but not in another."""
    return [
        Omission("recording", f"{name} subject {subject} session {session}", "no EEG file for it")
        for session, found in sorted(seen.items())
        for subject in subjects
        if subject not in found
    ]


def _distrusted(path: Path, found: str) -> RtemoError:
    return RtemoError(f"the trials of {path} cannot be told apart", found, "check where the file comes from")
