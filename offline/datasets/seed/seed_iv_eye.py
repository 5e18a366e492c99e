"""SEED-IV's eye data of one session: the released features, and the features rebuilt from the event lists.

Whatever is wrong with a file, a trial or a value of the eye data costs that eye data only: the EEG stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from offline.datasets import mat5
from offline.datasets.base import EyeWindows, Omission
from offline.datasets.seed.event_lists import events_as_windows, read_seed_iv_events
from offline.datasets.seed.eye_columns import SEED_IV_COLUMNS, SEED_IV_WIDTH, incomplete, pupil_bands_doubt, to_schema
from offline.datasets.seed.published import WINDOW_S
from rtemo.core.errors import RtemoError

EYE_PARTS = ("blink", "event", "fixation", "pupil", "saccade")
N_TRIALS = 24


def released_eye(
    path: Path | None, durations_s: Mapping[int, float], where: str
) -> tuple[dict[int, EyeWindows], tuple[str, ...], list[Omission]]:
    """Per trial the released windows, a doubt about their order if the data raises one, and what cannot be used."""
    if path is None:
        return {}, (), [Omission("eye", where, "no file in eye_feature_smooth")]
    try:
        index = mat5.index(path)
    except RtemoError as error:
        return {}, (), [Omission("eye", where, str(error))]
    windows: dict[int, EyeWindows] = {}
    omissions = []
    for number, duration_s in durations_s.items():
        n_windows = int(duration_s // WINDOW_S)
        why = _unfit(index, number, n_windows)
        if not why:
            try:
                values = np.asarray(mat5.variable(path, f"eye_{number}").T, dtype=np.float64)
                windows[number] = to_schema(values, SEED_IV_COLUMNS, WINDOW_S)
                why = incomplete(values, n_windows)
            except RtemoError as error:
                why = str(error)
        if why:
            omissions.append(Omission("eye", f"{where} trial {number}", why))
    doubt = pupil_bands_doubt(np.concatenate([w.values for w in windows.values()])) if windows else ""
    return windows, (f"{where}: {doubt}",) if doubt else (), omissions


def _unfit(index: mat5.MatIndex, number: int, n_windows: int) -> str:
    """Why a trial's eye features cannot be used at all; one window more or fewer than the EEG has is usual."""
    shape = index.shapes.get(f"eye_{number}")
    if shape is None:
        return "the eye file ends before it" if index.truncated else f"no eye_{number} in {index.path.name}"
    if len(shape) != 2 or shape[0] != SEED_IV_WIDTH:
        return f"eye_{number} has the shape {shape}, expected ({SEED_IV_WIDTH}, windows)"
    if abs(shape[1] - n_windows) > 1:
        return f"eye_{number} has {shape[1]} windows, the EEG has {n_windows}"
    return ""


def rebuilt_eye(
    files: Mapping[str, Path], durations_s: Mapping[int, float], where: str
) -> tuple[dict[int, EyeWindows], list[Omission]]:
    """Per trial the windows rebuilt from eye_raw_data, where it is there."""
    parts = {part: files[part] for part in EYE_PARTS if part in files}
    if not parts:
        return {}, []
    if absent := [part for part in EYE_PARTS if part not in parts]:
        return {}, [Omission("eye", f"{where} events", f"eye_raw_data lacks {', '.join(absent)}")]
    try:
        events = read_seed_iv_events(parts, N_TRIALS)
    except RtemoError as error:
        return {}, [Omission("eye", f"{where} events", str(error))]
    return {n: events_as_windows(events[n - 1], duration_s) for n, duration_s in durations_s.items()}, []
