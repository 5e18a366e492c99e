"""Writes people exactly as SEED-V lies on disk: CNT files, pickled dictionaries in npz, the file of trial times.

Not written: the Excel files, which no loader reads.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from offline.datasets.seed.published import CHANNELS, SEED_V_TRIALS
from offline.datasets.seed.seed_v import NOT_EEG, TIMES_FILE
from offline.simulated_datasets import bcmi
from offline.simulated_datasets.cnt import write_cnt
from rtemo.core.errors import RtemoError

Doubles = NDArray[np.float64]
RATE_HZ = 1000
Times = Mapping[int, Sequence[tuple[int, int]]]  # session -> (start, end) of each trial, whole seconds


def write_times(root: Path, times: Times) -> Path:
    """trial_start_end_timestamp.txt."""
    root.mkdir(parents=True, exist_ok=True)
    lines = []
    for session, pairs in sorted(times.items()):
        lines += [f"Session {session}:", f"start_second: {[start for start, _ in pairs]}"]
        lines += [f"end_second: {[end for _, end in pairs]}", ""]
    path = root / TIMES_FILE
    path.write_text("\n".join(lines))
    return path


def write_eeg(root: Path, subject: int, session: int, blocks: Iterable[NDArray[np.floating]]) -> Path:
    """blocks: (n, 62) in uV at 1000 Hz, in order; the four other channels are written as zeros."""
    day = datetime(2018, 5, 7) + timedelta(days=7 * session + subject)
    path = root / "EEG_raw" / f"{subject}_{session}_{day:%Y%m%d}.cnt"
    labels = (*CHANNELS, *NOT_EEG)
    padded = (np.pad(block, ((0, 0), (0, len(NOT_EEG)))) for block in blocks)
    write_cnt(path, labels, RATE_HZ, padded, measured=day)
    return path


def write_eye_features(root: Path, subject: int, trials: Sequence[NDArray[np.floating]]) -> Path:
    """trials: 45 arrays (W, 33), the three sessions one after the other."""
    return _write(root / "Eye_movement_features" / f"{subject}_123.npz", trials, 33)


def write_eeg_features(root: Path, subject: int, trials: Iterable[NDArray[np.floating]]) -> Path:
    """trials: 45 arrays (62, N) in uV at 200 Hz, taken one at a time.

    Written are smoothed entropies (W, 310), index channel * 5 + band.
    """
    features = [bcmi.smooth(bcmi.entropy(bcmi.band_power(np.asarray(eeg, dtype=np.float64)))) for eeg in trials]
    flat = [feature.transpose(1, 0, 2).reshape(feature.shape[1], -1) for feature in features]
    return _write(root / "EEG_DE_features" / f"{subject}_123.npz", flat, 310)


def _write(path: Path, trials: Sequence[NDArray[np.floating]], width: int) -> Path:
    codes = [code for session in sorted(SEED_V_TRIALS) for code in SEED_V_TRIALS[session]]
    if len(trials) != len(codes) or any(features.shape[1] != width for features in trials):
        raise RtemoError(f"{path.name} takes {len(codes)} arrays (W, {width})", f"got {[f.shape for f in trials]}")
    data = {key: np.asarray(features, dtype=np.float64) for key, features in enumerate(trials)}
    label = {key: np.full(len(data[key]), code) for key, code in enumerate(codes)}
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, data=np.array(pickle.dumps(data)), label=np.array(pickle.dumps(label)))
    return path
