"""Eye features from SEED-IV's event lists: SMI's blinks, fixations and saccades of a trial, without their times.

What is known: each list is in order, the durations are in ms, and there is one pupil row a fixation. What is not known
is when anything happened, so the times are rebuilt: fixations follow each other with the time that they leave over
shared equally between them; saccades and blinks are spread over the trial as evenly as their number allows. An event
counts for the window in which it begins. Near a window's edge that puts some events on the wrong side.

The features are those that lists can give, in the core's units and order. Pupil entropies need a sampled pupil and
the saccade latency needs times: these stay invalid. Pupil and dispersion are in pixels of SMI's camera and scene.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from offline.datasets import mat5
from offline.datasets.base import N_EYE_FEATURES, EyeWindows
from offline.datasets.eye_tables import BLINK_MEAN, BLINK_STD
from offline.datasets.seed_tables import WINDOW_S
from rtemo.core.errors import RtemoError

Doubles = NDArray[np.float64]
_WIDTHS = {"blink": 1, "fixation": 1, "pupil": 4, "saccade": 2, "event": 28}


@dataclass(frozen=True, slots=True)
class EyeEvents:
    """One trial's lists. blink and fixation (n,) ms; pupil (n, 4) px: mean X, Y, dispersion X, Y.

    saccade (n, 2): duration in ms, amplitude in degrees. statistics (28,): SMI's own summary of the trial, in the order
    of the release's description.
    """

    blink_ms: Doubles
    fixation_ms: Doubles
    pupil_px: Doubles
    saccade: Doubles
    statistics: Doubles


def read_seed_iv_events(files: Mapping[str, Path], n_trials: int) -> list[EyeEvents]:
    """The five files `*_{blink,event,fixation,pupil,saccade}.mat` of one session, trial by trial."""
    cells = {part: _cells(path, f"Eye_{part.capitalize()}", _WIDTHS[part], n_trials) for part, path in files.items()}
    return [
        EyeEvents(
            cells["blink"][trial][:, 0],
            cells["fixation"][trial][:, 0],
            cells["pupil"][trial],
            cells["saccade"][trial],
            cells["event"][trial][0] if len(cells["event"][trial]) else np.full(28, np.nan),
        )
        for trial in range(n_trials)
    ]


def _cells(path: Path, name: str, width: int, n_trials: int) -> list[Doubles]:
    """A 24x1 cell of double matrices; an empty cell is no events."""
    cell = mat5.variable(path, name)
    if cell.dtype != object or cell.size != n_trials:
        raise RtemoError(f"{name} of {path} is not a cell of {n_trials} trials", f"{cell.dtype} {cell.shape}")
    lists = []
    for number, content in enumerate(cell.ravel(), start=1):
        events = np.asarray(content, dtype=np.float64)
        if events.size == 0:
            events = np.empty((0, width))
        if events.ndim != 2 or events.shape[1] != width:
            raise RtemoError(
                f"trial {number} of {name} in {path} has another shape", f"{events.shape}, not (n, {width})"
            )
        lists.append(events)
    return lists


def events_as_windows(events: EyeEvents, duration_s: float) -> EyeWindows:
    """The schema's features for each whole 4 s window of a trial of this length."""
    onsets = {
        "fixation": _fixation_onsets_s(events.fixation_ms, duration_s),
        "saccade": _even_onsets_s(len(events.saccade), duration_s),
        "blink": _even_onsets_s(len(events.blink_ms), duration_s),
    }
    n_windows = int(duration_s // WINDOW_S)
    values = np.full((n_windows, N_EYE_FEATURES), np.nan, dtype=np.float32)
    for window in range(n_windows):
        inside = {kind: np.floor(when / WINDOW_S) == window for kind, when in onsets.items()}
        for row, value in _rows(events, inside).items():
            values[window, row - 1] = value
    return EyeWindows(values, np.isfinite(values), WINDOW_S, causal=True)


def _fixation_onsets_s(fixation_ms: Doubles, duration_s: float) -> Doubles:
    if not len(fixation_ms):
        return fixation_ms
    lengths_s = np.nan_to_num(fixation_ms) / 1000.0
    rest_s = max(0.0, duration_s - float(lengths_s.sum())) / len(lengths_s)
    onsets = np.concatenate([[0.0], np.cumsum(lengths_s + rest_s)[:-1]])
    return onsets * min(1.0, duration_s / max(float(onsets[-1]), duration_s))


def _even_onsets_s(n: int, duration_s: float) -> Doubles:
    return (np.arange(n) + 0.5) * duration_s / max(n, 1)


def _rows(events: EyeEvents, inside: Mapping[str, NDArray[np.bool_]]) -> dict[int, float]:
    """SEED-IV's rows (from 1) that one window's events give."""
    fixation_ms, pupil = events.fixation_ms[inside["fixation"]], _pupil_rows(events)[inside["fixation"]]
    saccade, blink_ms = events.saccade[inside["saccade"]], events.blink_ms[inside["blink"]]
    rows = {23: len(blink_ms) / WINDOW_S, 24: len(fixation_ms) / WINDOW_S, 28: len(saccade) / WINDOW_S}
    for column, (mean_row, std_row) in enumerate(((1, 3), (2, 4))):
        rows |= _mean_and_std(pupil[:, column], mean_row, std_row)
    for column, (mean_row, std_row) in enumerate(((13, 15), (14, 16)), start=2):
        rows |= _mean_and_std(pupil[:, column], mean_row, std_row)
    rows |= _mean_and_std(fixation_ms, 17, 18)
    rows |= _mean_and_std(saccade[:, 0], 19, 21) | _mean_and_std(saccade[:, 1], 20, 22)
    rows |= _mean_and_std(blink_ms, BLINK_MEAN, BLINK_STD)
    if len(fixation_ms):
        dispersion = pupil[:, 2] + pupil[:, 3]
        rows |= {25: fixation_ms.max(), 26: dispersion.sum(), 27: dispersion.max()}
    if len(saccade):
        rows |= {29: saccade[:, 0].mean(), 30: saccade[:, 1].mean()}
    return {row: float(value) for row, value in rows.items()}


def _pupil_rows(events: EyeEvents) -> Doubles:
    """The pupil rows as many as there are fixations; the release has one each, a missing one is NaN."""
    n = len(events.fixation_ms)
    padded = np.full((n, 4), np.nan)
    padded[: min(n, len(events.pupil_px))] = events.pupil_px[:n]
    return padded


def _mean_and_std(values: Sequence[float] | Doubles, mean_row: int, std_row: int) -> dict[int, float]:
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return {}
    return {mean_row: float(np.mean(finite)), std_row: float(np.std(finite))}
