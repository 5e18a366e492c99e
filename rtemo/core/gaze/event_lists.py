"""Eye features from event lists that have no time stamps, as SEED-IV ships them, by the definitions of live gaze.

The lists are laid out on a time line first: fixations in order, saccades and blinks between them in order and as evenly
as their numbers allow, the time that is left shared out behind the fixations. What lies near a window's edge may in
truth lie on its other side, so single windows are rough; a clip's statistics are exact but for the latency, which is
the time line's own. Between fixations the pupil is not known and is bridged, as live.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError
from rtemo.core.gaze.event_tables import DURATION_MS, END_S, START_S, GazeRecord, Rows
from rtemo.core.gaze.features import PUPIL_LAG_BINS, EyeFeatures, eye_features
from rtemo.core.gaze.settings import GazeSettings


@dataclass(frozen=True, slots=True, eq=False)
class EyeEventLists:
    """One clip. Events that hold a NaN duration are left out. Units: see the feature schema, or the data set's own.

    fixation_ms (n,), dispersion (n, 2): x, y, pupil (n, 2): left, right, mean over the fixation; saccade_ms and
    saccade_deg (m,); blink_ms (k,).
    """

    fixation_ms: NDArray[np.float64]
    dispersion: NDArray[np.float64]
    pupil: NDArray[np.float64]
    saccade_ms: NDArray[np.float64]
    saccade_deg: NDArray[np.float64]
    blink_ms: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Refuses lists whose lengths do not fit each other."""
        n, m = len(self.fixation_ms), len(self.saccade_ms)
        if self.dispersion.shape != (n, 2) or self.pupil.shape != (n, 2) or self.saccade_deg.shape != (m,):
            raise RtemoError(
                "the event lists do not fit each other",
                f"{n} fixations with dispersions {self.dispersion.shape} and pupils {self.pupil.shape}, "
                f"{m} saccades with {self.saccade_deg.shape} amplitudes",
                "give one row per event",
            )


def features_of_lists(
    lists: EyeEventLists, duration_s: float, ends_s: Iterable[float], length_s: float, settings: GazeSettings
) -> list[EyeFeatures]:
    """The features of the windows of length_s that end at these times (seconds since the clip began)."""
    record = time_line(lists, duration_s, settings)
    found = []
    for end_s in ends_s:
        past = until(record, end_s, settings)
        watched = sum(_overlap(events, end_s - length_s) for events in (past.fixations, past.saccades, past.blinks))
        found.append(eye_features(past, end_s, length_s, min(watched / length_s, 1.0), settings))
    return found


def time_line(lists: EyeEventLists, duration_s: float, settings: GazeSettings) -> GazeRecord:
    """The whole clip as a record that begins at 0. Events that take longer than the clip are squeezed into it."""
    keep = np.isfinite(lists.fixation_ms)
    fixation_ms, sizes, pupil = lists.fixation_ms[keep], lists.dispersion[keep], lists.pupil[keep]
    keep = np.isfinite(lists.saccade_ms)
    saccade_ms, amplitude = lists.saccade_ms[keep], lists.saccade_deg[keep]
    blink_ms = lists.blink_ms[np.isfinite(lists.blink_ms)]
    fixations, saccades, blinks = _lay_out(fixation_ms, saccade_ms, blink_ms, duration_s)
    return GazeRecord(
        np.column_stack([fixations, sizes]),
        np.column_stack([saccades, amplitude]),
        blinks,
        np.empty((0, 3)),
        _pupil_grid(fixations, pupil, duration_s, settings.pupil_hz),
        1,
        0.0,
        duration_s,
    )


def _lay_out(fixation_ms: Rows, saccade_ms: Rows, blink_ms: Rows, duration_s: float) -> tuple[Rows, Rows, Rows]:
    """Start, end and duration in ms of each event.

    There are as many slots as fixations; each holds a fixation, spare time, then its share of saccades and of blinks.
    """
    lists = (fixation_ms, saccade_ms, blink_ms)
    n_slots = len(fixation_ms) or max(len(saccade_ms), len(blink_ms), 1)
    slot = np.concatenate([_spread(len(events), n_slots) for events in lists])
    kind = np.repeat([0, 1, 2], [len(events) for events in lists])
    order = np.lexsort((np.arange(len(slot)), kind, slot))
    length_s = np.concatenate(lists)[order] / 1000.0
    spare_s = max(duration_s - float(length_s.sum()), 0.0) / n_slots
    stop = np.cumsum(length_s) + spare_s * (slot[order] + (kind[order] > 0))
    squeeze = min(1.0, duration_s / float(stop[-1])) if len(stop) else 1.0
    times = np.empty((len(slot), 3))
    times[order] = np.column_stack([(stop - length_s) * squeeze, stop * squeeze, 1000.0 * length_s])
    return times[kind == 0], times[kind == 1], times[kind == 2]


def until(record: GazeRecord, end_s: float, settings: GazeSettings) -> GazeRecord:
    """What a live tracker would know of a record at a time: fixations that go on are cut off, others not there yet."""
    fixations = record.fixations[record.fixations[:, START_S] < end_s].copy()
    cut = fixations[:, END_S] > end_s
    fixations[cut, END_S] = end_s
    fixations[cut, DURATION_MS] = 1000.0 * (end_s - fixations[cut, START_S])
    fixations = fixations[~cut | (fixations[:, DURATION_MS] >= 1000.0 * settings.min_fixation_s)]
    newest = math.floor(end_s * settings.pupil_hz) - PUPIL_LAG_BINS
    return replace(
        record,
        fixations=fixations,
        saccades=record.saccades[record.saccades[:, END_S] <= end_s],
        blinks=record.blinks[record.blinks[:, END_S] <= end_s],
        losses=record.losses[record.losses[:, START_S] < end_s],
        pupils=record.pupils[: max(newest + 1 - record.pupil_first, 0)],
        end_s=min(record.end_s, end_s),
    )


def _spread(n: int, slots: int) -> NDArray[np.int64]:
    """The slots of n events, as even as can be."""
    return ((np.arange(n) + 0.5) * slots / max(n, 1)).astype(np.int64)


def _pupil_grid(fixations: Rows, pupil: Rows, duration_s: float, hz: float) -> Rows:
    """Bins 1, 2, ... of the pupil grid: the pupil of the fixation around a bin's middle, NaN between fixations."""
    grid = np.full((math.floor(duration_s * hz), 2), np.nan)
    if len(fixations):
        middle = (np.arange(len(grid)) + 0.5) / hz
        at = np.maximum(fixations[:, START_S].searchsorted(middle, side="right") - 1, 0)
        inside = (middle >= fixations[at, START_S]) & (middle <= fixations[at, END_S])
        grid[inside] = pupil[at[inside]]
    return grid


def _overlap(events: Rows, since_s: float) -> float:
    """Time of these events after a time."""
    return float(np.maximum(events[:, END_S] - np.maximum(events[:, START_S], since_s), 0.0).sum())
