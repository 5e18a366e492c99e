"""Eye features from SEED-IV's event lists: SMI's blinks, fixations and saccades of a trial, without their times.

What is known: each list is in order, the durations are in ms, and there is one pupil row a fixation. What is not known
is when anything happened, so the times are rebuilt: fixations follow each other with the time that they leave over
shared equally between them; saccades and blinks are spread over the trial as evenly as their number allows. The core's
own definitions then apply, to what had begun by a window's end. Near a window's edge some events are on the wrong side.

The features are in the core's units, as from live gaze. What the lists cannot give in them stays invalid: pupils and
dispersions (pixels of SMI's cameras), pupil entropies (no sampled pupil) and the saccade latency (no times).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from offline.datasets import mat5
from offline.datasets.base import EyeWindows
from offline.datasets.seed.published import WINDOW_S
from rtemo.core.errors import RtemoError
from rtemo.core.gaze.event_tables import GazeRecord
from rtemo.core.gaze.features import GAZE_FEATURES, gaze_features
from rtemo.core.gaze.settings import GazeSettings

Doubles = NDArray[np.float64]
_LATENCY = next(i for i, feature in enumerate(GAZE_FEATURES) if feature.name == "saccade_latency_average")
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


def events_as_windows(events: EyeEvents, duration_s: float, settings: GazeSettings | None = None) -> EyeWindows:
    """The schema's features for each whole 4 s window of a trial of this length."""
    fixations = _spans(_fixation_onsets_s(events.fixation_ms, duration_s), events.fixation_ms, np.full((2,), np.nan))
    saccades = _spans(_even_onsets_s(len(events.saccade), duration_s), events.saccade[:, 0], events.saccade[:, 1:])
    blinks = _spans(_even_onsets_s(len(events.blink_ms), duration_s), events.blink_ms, np.empty(0))
    ends_s = WINDOW_S * np.arange(1, int(duration_s // WINDOW_S) + 1)
    values = np.full((len(ends_s), len(GAZE_FEATURES)), np.nan, dtype=np.float32)
    for window, end_s in enumerate(ends_s.tolist()):
        record = GazeRecord(
            fixations=_until(fixations, end_s),
            saccades=_until(saccades, end_s),
            blinks=_until(blinks, end_s),
            losses=np.empty((0, 3)),
            pupils=np.empty((0, 2)),
            pupil_first=0,
            begin_s=0.0,
            end_s=end_s,
        )
        values[window] = gaze_features(record, end_s, WINDOW_S, 1.0, settings or GazeSettings()).values
    values[:, _LATENCY] = np.nan
    return EyeWindows(values, np.isfinite(values), WINDOW_S, causal=True)


def _spans(onsets_s: Doubles, durations_ms: Doubles, more: Doubles) -> Doubles:
    """(n, 3 + k): start and end in s, ends rising, duration in ms, then `more`. Without a duration: left out."""
    known = np.isfinite(durations_ms)
    starts, durations = onsets_s[known], durations_ms[known]
    ends = np.maximum.accumulate(starts + durations / 1000.0)
    rest = more[known] if more.ndim == 2 else np.tile(more, (len(starts), 1))
    return np.column_stack([starts, ends, durations, rest])


def _until(spans: Doubles, end_s: float) -> Doubles:
    """What has begun by then, with what is still going on cut off there."""
    seen = np.array(spans[spans[:, 0] < end_s])
    still = seen[:, 1] > end_s
    seen[still, 1] = end_s
    seen[still, 2] = np.minimum(seen[still, 2], 1000.0 * (end_s - seen[still, 0]))
    return seen


def _fixation_onsets_s(fixation_ms: Doubles, duration_s: float) -> Doubles:
    """One after the other; squeezed where their durations exceed the trial's."""
    if not len(fixation_ms):
        return fixation_ms
    lengths_s = np.nan_to_num(fixation_ms) / 1000.0
    rest_s = max(0.0, duration_s - float(lengths_s.sum())) / len(lengths_s)
    onsets = np.concatenate([[0.0], np.cumsum(lengths_s + rest_s)[:-1]])
    return onsets * min(1.0, duration_s / max(float(onsets[-1]), duration_s))


def _even_onsets_s(n: int, duration_s: float) -> Doubles:
    return (np.arange(n) + 0.5) * duration_s / max(n, 1)
