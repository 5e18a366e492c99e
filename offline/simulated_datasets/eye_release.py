"""From simulated gaze to eye data as SEED-IV and SEED-V ship it: windows with whole-trial features, and event lists.

The features are the core's, by its tracker on the whole session. Then, as in the releases: per-window features are
smoothed over the trial, event statistics are one value a trial, pupils and dispersions are in pixels and entropies in
base-2 logarithms. The factors are chosen so that typical values are those of the release; they carry no information.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from offline.datasets.seed.event_lists import EyeEvents
from offline.datasets.seed.eye_columns import SEED_IV_COLUMNS, SEED_IV_WIDTH, SEED_V_COLUMNS, SEED_V_WIDTH
from offline.datasets.seed.published import WINDOW_S
from offline.simulated_datasets import bcmi
from rtemo.core.channel_map import Screen, ViewGeometry
from rtemo.core.gaze.event_tables import GazeRecord
from rtemo.core.gaze.events import GazeEvent, GazeEventKind
from rtemo.core.gaze.features import GAZE_FEATURES, gaze_features
from rtemo.core.gaze.settings import GazeSettings
from rtemo.core.gaze.tracker import GazeAnalyser
from rtemo.core.types import TimeArray
from rtemo.simulate.eyes.gaze import DISTANCE_MM, SCREEN_MM
from rtemo.simulate.session import SimulatedSession

Doubles = NDArray[np.float64]
PX_PER_MM, PX_PER_DEG = 28.0, 15.0
_ENTROPY_OFFSET = 20.0
_VIEW = ViewGeometry.of_screen(Screen(width_mm=SCREEN_MM[0], height_mm=SCREEN_MM[1], distance_mm=DISTANCE_MM))
_TO_CANONICAL = (0, 1, 3, 4, 2, 5)  # x, y, pupil of each eye -> x, y, x, y, then both pupils


@dataclass(frozen=True, slots=True)
class TrialEyes:
    """One trial. windows (W, 33) and whole (33,): the core's features, NaN where not valid. pupils (n, 2): mm."""

    windows: Doubles
    whole: Doubles
    events: tuple[GazeEvent, ...]
    times_s: TimeArray
    pupils: Doubles
    duration_s: float


def watch(session: SimulatedSession) -> Iterator[TrialEyes]:
    """The eyes in each clip of a session, as the core's tracker sees them from the session's start on."""
    tracker = GazeAnalyser(GazeSettings(), _VIEW, session.plan.gaze_rate_hz)
    now_s = 0.0
    for clip in session.plan.clips:
        _push(tracker, session, now_s, clip.start_s)
        tracker.take_events()
        now_s = clip.start_s
        windows, events = [], []
        for end_s in clip.start_s + WINDOW_S * np.arange(1, int((clip.stop_s - clip.start_s) // WINDOW_S) + 1):
            _push(tracker, session, now_s, float(end_s))
            windows.append(tracker.features(float(end_s), WINDOW_S).values.astype(np.float64))
            events += [event for event in tracker.take_events() if event.start_s >= clip.start_s]
            now_s = float(end_s)
        times_s, gaze = session.gaze(clip.start_s, clip.stop_s)
        duration_s = clip.stop_s - clip.start_s
        whole = _over_the_trial(events, clip.start_s, duration_s)
        stacked = np.array(windows) if windows else np.empty((0, len(GAZE_FEATURES)))
        pupils = gaze[:, [2, 5]].astype(np.float64)
        yield TrialEyes(stacked, whole, tuple(events), times_s, pupils, duration_s)


def seed_iv_features(eyes: TrialEyes) -> Doubles:
    """(31, W) in the release's order and units."""
    return _in_order(eyes, SEED_IV_COLUMNS, SEED_IV_WIDTH).T


def seed_v_features(eyes: TrialEyes) -> Doubles:
    """(W, 33) in the inferred order."""
    return _in_order(eyes, SEED_V_COLUMNS, SEED_V_WIDTH)


def seed_iv_events(eyes: TrialEyes) -> EyeEvents:
    """The event lists of eye_raw_data."""
    of = {kind: [event for event in eyes.events if event.kind is kind] for kind in GazeEventKind}
    blink_ms, fixation_ms, saccade_ms = (
        np.array([1000.0 * event.duration_s for event in of[kind]])
        for kind in (GazeEventKind.BLINK, GazeEventKind.FIXATION, GazeEventKind.SACCADE)
    )
    amplitude = np.array([event.amplitude_deg for event in of[GazeEventKind.SACCADE]])
    pupil_px = np.array([_fixation_row(eyes, event) for event in of[GazeEventKind.FIXATION]]).reshape(-1, 4)
    pauses = [1000.0 * (after.start_s - before.end_s) for before, after in pairwise(of[GazeEventKind.SACCADE])]
    dispersion = pupil_px[:, 2] + pupil_px[:, 3]
    statistics = [
        *_counted(blink_ms, eyes.duration_s),
        *_summary(blink_ms),
        *_counted(fixation_ms, eyes.duration_s),
        *_summary(fixation_ms),
        *_summary(dispersion),
        float(amplitude.sum()) * PX_PER_DEG,
        *_counted(saccade_ms, eyes.duration_s),
        *_summary(saccade_ms),
        *_summary(amplitude),
        float(np.mean(pauses)) if pauses else np.nan,
    ]
    return EyeEvents(blink_ms, fixation_ms, pupil_px, np.column_stack([saccade_ms, amplitude]), np.array(statistics))


def _push(tracker: GazeAnalyser, session: SimulatedSession, start_s: float, stop_s: float) -> None:
    if stop_s <= start_s:
        return
    times_s, gaze = session.gaze(start_s, stop_s)
    tracker.push(times_s, gaze[:, _TO_CANONICAL].astype(np.float64))


def _over_the_trial(events: Sequence[GazeEvent], start_s: float, duration_s: float) -> Doubles:
    """The features of all of a trial's events, by the core's definitions."""

    def table(kind: GazeEventKind, n_more: int) -> Doubles:
        rows = [
            [e.start_s, e.end_s, 1000.0 * e.duration_s, *([e.amplitude_deg] if n_more == 1 else e.dispersion_deg)]
            for e in events
            if e.kind is kind
        ]
        return np.array([row[: 3 + n_more] for row in rows]).reshape(-1, 3 + n_more)

    record = GazeRecord(
        fixations=table(GazeEventKind.FIXATION, 2),
        saccades=table(GazeEventKind.SACCADE, 1),
        blinks=table(GazeEventKind.BLINK, 0),
        losses=table(GazeEventKind.LOSS, 0),
        pupils=np.empty((0, 2)),
        pupil_first=0,
        begin_s=start_s,
        end_s=start_s + duration_s,
    )
    settings = replace(GazeSettings(), statistics_s=duration_s, min_observed_s=1.0)
    return gaze_features(record, start_s + duration_s, duration_s, 1.0, settings).values.astype(np.float64)


def _in_order(eyes: TrialEyes, columns: tuple[int | None, ...], width: int) -> Doubles:
    """(W, width): smoothed windows, whole-trial statistics, in pixels and bits, without a hole."""
    values = eyes.windows.copy()
    per_trial = [i for i, feature in enumerate(GAZE_FEATURES) if feature.group in ("statistics", "blink")]
    values[:, per_trial] = eyes.whole[per_trial]
    for i, feature in enumerate(GAZE_FEATURES):
        known = values[np.isfinite(values[:, i]), i]
        values[~np.isfinite(values[:, i]), i] = known.mean() if len(known) else feature.typical
        values[:, i] = _released(feature.name, feature.unit, values[:, i], eyes.duration_s)
    smoothed = [i for i in range(len(GAZE_FEATURES)) if i not in per_trial]
    values[:, smoothed] = bcmi.smooth(values[:, smoothed].T[:, :, None])[:, :, 0].T if len(values) else 0.0
    ordered = np.empty((len(values), width))
    for i, column in enumerate(columns):
        if column is not None:
            ordered[:, column] = values[:, i]
    return ordered


def _released(name: str, unit: str, values: Doubles, duration_s: float) -> Doubles:
    """In the release's unit."""
    scale, offset = 1.0, 0.0
    if unit == "mm":
        scale = PX_PER_MM
    elif unit == "nat":
        scale, offset = 2.0 / float(np.log(2.0)), _ENTROPY_OFFSET
    elif unit == "deg/min":
        scale = PX_PER_DEG * duration_s / 60.0
    elif "dispersion" in name:
        scale = PX_PER_DEG
    return values * scale + offset


def _fixation_row(eyes: TrialEyes, fixation: GazeEvent) -> list[float]:
    """Mean pupils and dispersions of one fixation in pixels."""
    first, last = np.searchsorted(eyes.times_s, (fixation.start_s, fixation.end_s))
    seen = eyes.pupils[first : max(last, first + 1)]
    known = [column[np.isfinite(column)] for column in seen.T]
    means = [float(column.mean()) * PX_PER_MM if len(column) else np.nan for column in known]
    return [*means, *(PX_PER_DEG * size for size in fixation.dispersion_deg)]


def _counted(values: Doubles, duration_s: float) -> list[float]:
    return [float(len(values)), len(values) / duration_s]


def _summary(values: Doubles) -> list[float]:
    """Total, average, maximum, minimum; SMI writes 0 where nothing happened."""
    known = values[np.isfinite(values)]
    if not len(known):
        return [0.0] * 4
    return [float(known.sum()), float(known.mean()), float(known.max()), float(known.min())]
