"""Writes sessions exactly as SEED-IV lies on disk: MATLAB v5, names, keys and their order, shapes and dtypes.

Not written: "Channel Order.xlsx", which no loader needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat

from offline.datasets.seed.event_lists import EyeEvents
from offline.datasets.seed.published import CHANNELS, SEED_IV_LABELS, SEED_IV_NAMES, SEED_IV_TRIALS
from offline.simulated_datasets import bcmi
from rtemo.core.errors import RtemoError

Doubles = NDArray[np.float64]
_INITIALS = ["cz", "ha", "hql", "ldy", "ly", "mhw", "mz", "qyt", "rx", "tyc", "whh", "wll", "wq", "zjd", "zjy"]


def stem(subject: int, session: int) -> str:
    """The file name without its ending: the published one for subjects 1 to 15, an invented date for more."""
    names = SEED_IV_NAMES[session]
    return names[subject - 1] if subject <= len(names) else f"{subject}_2017{session:02d}{subject % 28 + 1:02d}"


def write_readme(root: Path) -> None:
    """ReadMe.txt, which holds the label vectors."""
    root.mkdir(parents=True, exist_ok=True)
    words = ", ".join(f"{code}: {word}" for word, code in SEED_IV_LABELS.items())
    lines = [f"The labels with {words}.", "Simulated people in the layout of SEED-IV.", ""]
    lines += [f"session{session}_label = {list(codes)};" for session, codes in SEED_IV_TRIALS.items()]
    (root / "ReadMe.txt").write_text("\n".join(lines) + "\n")


def write_eeg(root: Path, subject: int, session: int, trials: Sequence[NDArray[np.floating]]) -> Path:
    """trials: 24 arrays (62, 200 * seconds + 1) in uV at 200 Hz."""
    initials = _INITIALS[(subject - 1) % len(_INITIALS)]
    arrays = {}
    for number, eeg in enumerate(trials, start=1):
        if eeg.shape[0] != len(CHANNELS) or eeg.shape[1] % bcmi.RATE_HZ != 1:
            raise RtemoError("a SEED-IV trial is (62, 200 * seconds + 1)", f"trial {number} is {eeg.shape}")
        arrays[f"{initials}_eeg{number}"] = np.asarray(eeg, dtype=np.float64)
    return _save(root / "eeg_raw_data" / str(session), stem(subject, session), arrays)


def write_eye_features(root: Path, subject: int, session: int, trials: Sequence[NDArray[np.floating]]) -> Path:
    """trials: 24 arrays (31, W), one column a 4 s window."""
    arrays = {f"eye_{number}": np.asarray(features, dtype=np.float64) for number, features in enumerate(trials, 1)}
    return _save(root / "eye_feature_smooth" / str(session), stem(subject, session), arrays)


def write_eye_events(root: Path, subject: int, session: int, trials: Sequence[EyeEvents]) -> list[Path]:
    """The five event files, each a 24x1 cell of double matrices."""
    lists = {
        "blink": [trial.blink_ms[:, None] for trial in trials],
        "event": [trial.statistics[None, :] for trial in trials],
        "fixation": [trial.fixation_ms[:, None] for trial in trials],
        "pupil": [trial.pupil_px for trial in trials],
        "saccade": [trial.saccade for trial in trials],
    }
    return [
        _save(root / "eye_raw_data", f"{stem(subject, session)}_{part}", {f"Eye_{part.capitalize()}": _cell(events)})
        for part, events in lists.items()
    ]


def write_eeg_features(root: Path, subject: int, session: int, trials: Sequence[NDArray[np.floating]]) -> Path:
    """eeg_feature_smooth from the same trials as write_eeg takes: four arrays (62, W, 5) a trial."""
    arrays = {}
    for number, eeg in enumerate(trials, start=1):
        power = bcmi.band_power(np.asarray(eeg, dtype=np.float64))
        entropy = bcmi.entropy(power)
        arrays[f"de_movingAve{number}"] = bcmi.moving_average(entropy)
        arrays[f"de_LDS{number}"] = bcmi.smooth(entropy)
        arrays[f"psd_movingAve{number}"] = bcmi.moving_average(power)
        arrays[f"psd_LDS{number}"] = bcmi.smooth(power)
    return _save(root / "eeg_feature_smooth" / str(session), stem(subject, session), arrays)


def _cell(lists: Sequence[Doubles]) -> NDArray[np.object_]:
    cell = np.empty((len(lists), 1), dtype=object)
    for row, events in enumerate(lists):
        cell[row, 0] = np.asarray(events, dtype=np.float64)
    return cell


def _save(folder: Path, name: str, arrays: dict[str, NDArray[np.float64]] | dict[str, NDArray[np.object_]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.mat"
    savemat(str(path), arrays, format="5")
    return path
