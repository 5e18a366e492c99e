"""The window's state: the newest snapshot and the histories that the views paint. No Qt, no clock.

`update` takes in a snapshot and returns what changed, so that only that is painted.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import numpy as np

from rtemo.gui.disk_space import DiskWatch
from rtemo.gui.painting.ring_buffer import RingBuffer
from rtemo.live.service.snapshot import (
    BundleView,
    ChannelStatus,
    GazeBlock,
    GazeEventRecord,
    Phase,
    Snapshot,
    StreamStatus,
)
from rtemo.live.session.readiness import obstacle
from rtemo.sources.session_settings import SessionSettings, parse_settings

EEG_ROWS = 200 * 62  # the grid's rate times the longest span shown, with a margin
GAZE_ROWS = 1200 * 62  # the fastest trackers
PREDICTIONS = 36_000  # an hour at a hop of 0.1 s
EVENTS = 2000
MARKER_KINDS = ("marker", "annotation")  # events that are drawn across the plots


class SnapshotPart(StrEnum):
    """Parts of a snapshot that can change."""

    STATE = "state"  # phase, subject, recording, progress, health
    STREAMS = "streams"
    CHANNELS = "channels"
    EEG = "eeg"
    GAZE = "gaze"
    GAZE_EVENTS = "gaze events"
    PREDICTIONS = "predictions"
    EVENTS = "events"
    BUNDLE = "bundle"
    EXPLANATION = "explanation"
    SETTINGS = "settings"


class WindowState:
    """The data behind the views of one window."""

    def __init__(self) -> None:
        self.snapshot = Snapshot(seq=-1, time_s=math.nan, phase=Phase.IDLE)
        self.eeg = RingBuffer(EEG_ROWS, 0)
        self.gaze = RingBuffer(GAZE_ROWS, 4)  # x, y, pupil left, pupil right
        self.gaze_events: deque[GazeEventRecord] = deque(maxlen=2000)
        self.events: deque[dict[str, Any]] = deque(maxlen=EVENTS)
        self.marks: deque[dict[str, Any]] = deque(maxlen=EVENTS)  # the markers and annotations among them
        self.labels: tuple[str, ...] = ()
        self.probabilities = RingBuffer(PREDICTIONS, 0)  # instantaneous, then smoothed, then 1 where it abstains
        self.latest: dict[str, Any] | None = None
        self.failure = ""  # the newest since this window was opened
        self.n_failures = 0
        self.disk = DiskWatch()
        self.settings = SessionSettings()  # the session's settings, as the engine has them

    def update(self, new: Snapshot) -> set[SnapshotPart]:
        """Take in a snapshot; return the parts that changed."""
        old, self.snapshot = self.snapshot, new
        changed = {SnapshotPart.STATE}
        for part, name in (
            (SnapshotPart.STREAMS, "streams"),
            (SnapshotPart.CHANNELS, "channels"),
            (SnapshotPart.BUNDLE, "bundle"),
        ):
            if getattr(old, name) != getattr(new, name):
                changed.add(part)
        if old.explanation != new.explanation:
            changed.add(SnapshotPart.EXPLANATION)
        if new.settings and new.settings != old.settings:
            self.settings = parse_settings(new.settings)
            changed.add(SnapshotPart.SETTINGS)
        self.disk.update(new.recorder, new.time_s)
        if _history_restarted(old, new):
            self._clear()
            changed |= {
                SnapshotPart.EEG,
                SnapshotPart.GAZE,
                SnapshotPart.GAZE_EVENTS,
                SnapshotPart.PREDICTIONS,
                SnapshotPart.EVENTS,
            }
        changed |= self._take_signals(new) | self._take_results(new)
        if old.seq >= 0:
            self._take_failures(new)
        return changed

    @property
    def time_s(self) -> float:
        """Right edge of the scrolling plots: the replay's position, the newest sample, or now where no samples come."""
        if self.snapshot.phase == Phase.REPLAY:
            return self.snapshot.time_s
        newest = [s for s in (self.eeg.newest_s, self.gaze.newest_s) if math.isfinite(s)]
        return max([*newest, self.snapshot.time_s])

    @property
    def origin_s(self) -> float:
        """Time zero of the lists: the start of the session or of the recording, or the first event."""
        if self.snapshot.replay is not None:
            return self.snapshot.replay.first_s
        if math.isfinite(self.snapshot.started_s) or not self.events:
            return self.snapshot.started_s
        return float(self.events[0]["time_s"])

    @property
    def replay_position_s(self) -> float:
        """The replay's position in seconds from the recording's start; 0 without one."""
        return self.snapshot.time_s - self.snapshot.replay.first_s if self.snapshot.replay is not None else 0.0

    @property
    def bundle(self) -> BundleView | None:
        return self.snapshot.bundle

    @property
    def streams_in_use(self) -> list[StreamStatus]:
        return [stream for stream in self.snapshot.streams if stream.role]

    @property
    def bad_channels(self) -> list[ChannelStatus]:
        return [channel for channel in self.snapshot.channels if channel.fault or channel.excluded]

    def start_obstacle(self) -> str:
        """Why a session cannot start now: the streams' names, or a phase; empty where it can."""
        if self.snapshot.phase not in (Phase.IDLE, Phase.PREVIEW):
            return str(self.snapshot.phase.value)
        return obstacle(self.snapshot.streams, self.settings.required)

    @property
    def in_session(self) -> bool:
        return self.snapshot.phase in (Phase.RUNNING, Phase.PAUSED)

    @property
    def awaited(self) -> list[tuple[str, str]]:
        """The roles whose chosen stream is not there: role, and the query for the stream."""
        present = {stream.role for stream in self.snapshot.streams}
        return [(role.value, str(query)) for role, query in self.settings.queries.items() if role.value not in present]

    def gaze_validity(self, span_s: float = 10.0) -> float:
        """Share of gaze samples of the last seconds that are valid; NaN without any."""
        if not len(self.gaze):
            return math.nan
        _, rows = self.gaze.after(self.gaze.newest_s - span_s)
        return float(np.isfinite(rows[:, :2]).all(axis=1).mean()) if len(rows) else math.nan

    def history(self, after_s: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Times (n,), instantaneous (n, K), smoothed (n, K), abstaining (n,) bool, later than a time."""
        times, rows = self.probabilities.after(after_s)
        k = len(self.labels)
        return times, rows[:, :k], rows[:, k : 2 * k], rows[:, 2 * k] > 0 if len(rows) else np.zeros(0, bool)

    def _clear(self) -> None:
        self.eeg.clear()
        self.gaze.clear()
        self.probabilities.clear()
        self.gaze_events.clear()
        self.events.clear()
        self.marks.clear()
        self.latest = None

    def _take_signals(self, new: Snapshot) -> set[SnapshotPart]:
        changed = set()
        if new.eeg is not None and len(new.eeg.times):
            if new.eeg.microvolts.shape[1] != self.eeg.n_columns:
                self.eeg = RingBuffer(EEG_ROWS, new.eeg.microvolts.shape[1])
            self.eeg.push(new.eeg.times, new.eeg.microvolts)
            changed.add(SnapshotPart.EEG)
        if new.gaze is not None and len(new.gaze.times):
            self.gaze.push(new.gaze.times, _gaze_rows(new.gaze))
            changed.add(SnapshotPart.GAZE)
        if new.gaze_events:
            self.gaze_events.extend(new.gaze_events)
            changed.add(SnapshotPart.GAZE_EVENTS)
        return changed

    def _take_results(self, new: Snapshot) -> set[SnapshotPart]:
        changed = set()
        for record in new.predictions:
            self._take_prediction(record)
            changed.add(SnapshotPart.PREDICTIONS)
        if new.events:
            self.events.extend(new.events)
            self.marks.extend(event for event in new.events if str(event.get("kind")) in MARKER_KINDS)
            changed.add(SnapshotPart.EVENTS)
        return changed

    def _take_failures(self, new: Snapshot) -> None:
        for event in new.events:
            if event.get("kind") == "failure":
                self.failure = str(event["text"])
                self.n_failures += 1

    def _take_prediction(self, record: dict[str, Any]) -> None:
        labels = tuple(record["smoothed"])
        if labels != self.labels:
            self.labels = labels
            self.probabilities = RingBuffer(PREDICTIONS, 2 * len(labels) + 1)
        row = [*_numbers(record["probabilities"]), *_numbers(record["smoothed"]), float(record["abstain"] is not None)]
        self.probabilities.push([record["time_s"]], [row])
        self.latest = record


def _numbers(by_label: Mapping[str, float | None]) -> list[float]:
    return [math.nan if value is None else value for value in by_label.values()]


def _gaze_rows(block: GazeBlock) -> np.ndarray:
    return np.concatenate([block.xy, block.pupils_mm], axis=1)


def _history_restarted(old: Snapshot, new: Snapshot) -> bool:
    """Whether a recording was opened, closed or sought in, or another engine answers."""
    return old.seq >= 0 and old.era != new.era
