"""Disk space: how long it lasts at the rate at which a recording grows. No Qt, no clock."""

from __future__ import annotations

import math
from collections import deque
from enum import IntEnum

from rtemo.live.service.snapshot import RecorderView

SPAN_S = 60.0  # the rate is that of the last minute
MIN_SPAN_S = 5.0  # less is too short to measure a rate
WARN_S, ALARM_S = 45 * 60.0, 10 * 60.0
WARN_BYTES, ALARM_BYTES = 2_000_000_000, 300_000_000


class RecordingTimeLeft(IntEnum):
    """How much recording time the disk has left."""

    ENOUGH = 0
    LOW = 1
    ALMOST_NONE = 2


class DiskWatch:
    """Measures the growth of the recording from every state of the recorder."""

    def __init__(self) -> None:
        self._path = ""
        self._seen: deque[tuple[float, int]] = deque()
        self.free_bytes = 0

    def update(self, recorder: RecorderView | None, time_s: float) -> None:
        """Take in the recorder's state at a time; None while nothing is recorded."""
        if recorder is None or recorder.path != self._path:
            self._seen.clear()
            self._path = recorder.path if recorder is not None else ""
        if recorder is None:
            return
        self.free_bytes = recorder.free_bytes
        self._seen.append((time_s, recorder.bytes_written))
        while time_s - self._seen[0][0] > SPAN_S:
            self._seen.popleft()

    @property
    def left_s(self) -> float:
        """Seconds until the disk is full; infinite where the recording does not grow or its rate is not known yet."""
        if not self._seen or self._seen[-1][0] - self._seen[0][0] < MIN_SPAN_S:
            return math.inf
        (first_s, first), (last_s, last) = self._seen[0], self._seen[-1]
        rate = (last - first) / (last_s - first_s)
        return self.free_bytes / rate if rate > 0 else math.inf

    @property
    def time_left(self) -> RecordingTimeLeft:
        """How urgent a warning is."""
        if not self._seen:
            return RecordingTimeLeft.ENOUGH
        if self.left_s < ALARM_S or self.free_bytes < ALARM_BYTES:
            return RecordingTimeLeft.ALMOST_NONE
        return (
            RecordingTimeLeft.LOW if self.left_s < WARN_S or self.free_bytes < WARN_BYTES else RecordingTimeLeft.ENOUGH
        )
