"""The gaze branch's state: canonical samples in, the 33 eye features at any time and the events so far out.

What `features` returns depends on the samples that have been pushed and on nothing else, bitwise: not on how they were
cut. Samples wait in a queue and are worked through in larger blocks, so pushing single samples is cheap.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtemo.core.eye_features import EyeFeatures, EyeRecord, eye_features, reaching
from rtemo.core.gaze_events import EventBuilder, EventKind, GazeEvent
from rtemo.core.gaze_labels import DispersionLabels, VelocityLabels
from rtemo.core.gaze_runs import RunCutter
from rtemo.core.gaze_settings import GazeSettings
from rtemo.core.gaze_signal import GazePath, GazeSignal, View, link_s
from rtemo.core.pupil import PupilGrid
from rtemo.core.tape import Tape
from rtemo.core.types import TimeArray

__all__ = ["GazeSettings", "GazeTracker"]

Array = NDArray[np.float64]

_BLOCK = 512  # samples that are worked through at once
_MAX_WAITING = 256  # and how many wait for it at most
_MAX_EVENTS = 2048  # of one kind, for display and for the statistics
_COLUMNS = {EventKind.FIXATION: 4, EventKind.SACCADE: 3, EventKind.BLINK: 2, EventKind.LOSS: 2}


class GazeTracker:
    """One eye tracker at one sampling rate. See `features` and `take_events`."""

    def __init__(self, settings: GazeSettings, view: View, rate_hz: float) -> None:
        self.settings = settings
        period_s = 1.0 / rate_hz
        edge_n = max(round(settings.edge_s * rate_hz), 2)
        by_velocity = rate_hz >= settings.velocity_rate_hz
        self._labels = (VelocityLabels if by_velocity else DispersionLabels)(settings, rate_hz)
        self._signal = GazeSignal(settings, view, rate_hz)
        self._cutter = RunCutter(edge_n, period_s, link_s(settings, rate_hz))
        self._builder = EventBuilder(settings, edge_n)
        self._pupils = PupilGrid(settings, rate_hz)
        self._path = GazePath.empty()  # not labelled yet
        self._period_s = period_s
        # time, and how much time a sample stands for: 0 where gaze is not valid
        self._seen: Tape[np.float64] = Tape(2, round(settings.statistics_s * rate_hz * 1.25), np.float64)
        self._tables = {kind: Tape[np.float64](n, _MAX_EVENTS, np.float64) for kind, n in _COLUMNS.items()}
        self._events: list[GazeEvent] = []
        self._waiting: list[tuple[TimeArray, Array]] = []
        self._n_waiting = 0
        self._first_s: float | None = None
        self._last_s = 0.0

    @property
    def lag(self) -> int:
        """How many later samples the detector needs to judge one; by dispersion also settings.dispersion_window_s."""
        return self._signal.lag

    def push(self, times: TimeArray, samples: Array) -> None:
        """Take in samples (n, 6) at strictly increasing LSL times (n,), later than all before.

        Columns: x and y of the left eye, of the right eye (canonical, NaN = invalid), then both pupils (NaN = invalid).
        """
        if len(times):
            self._waiting.append((np.array(times, dtype=np.float64), np.array(samples, dtype=np.float64)))
            self._n_waiting += len(times)
        if self._n_waiting >= _MAX_WAITING:
            self._work()

    def features(self, end_s: float, length_s: float) -> EyeFeatures:
        """The features of the window that ends at end_s, from what has been pushed. Changes nothing that shows.

        length_s: at most settings.statistics_s.
        """
        self._work()
        if self._first_s is None:
            return eye_features(_NOTHING, end_s, length_s, 0.0, self.settings)
        return eye_features(self._record(), end_s, length_s, self._coverage(end_s, length_s), self.settings)

    def take_events(self) -> list[GazeEvent]:
        """Fixations, saccades and blinks that have ended since the last call; at most the newest few thousand."""
        self._work()
        events, self._events = self._events, []
        return events

    def _coverage(self, end_s: float, length_s: float) -> float:
        seen = self._seen.slice(self._seen.start, self._seen.stop)
        begin, stop = np.searchsorted(seen[:, 0], [end_s - length_s, end_s], side="right")
        return float(seen[begin:stop, 1].sum()) / length_s

    def _record(self) -> EyeRecord:
        """What is known now, with open events cut off at the newest judged sample."""
        since = self._last_s - self.settings.statistics_s
        tables = {kind: reaching(tape.slice(tape.start, tape.stop), since) for kind, tape in self._tables.items()}
        for event in self._builder.open_events(self._cutter.open):
            tables[event.kind] = np.vstack([tables[event.kind], _row(event)])
        assert self._first_s is not None
        return EyeRecord(
            tables[EventKind.FIXATION],
            tables[EventKind.SACCADE],
            tables[EventKind.BLINK],
            tables[EventKind.LOSS],
            self._pupils.bins,
            self._pupils.first,
            self._first_s,
            self._last_s,
        )

    def _work(self) -> None:
        """Work through what waits."""
        if not self._waiting:
            return
        times = np.concatenate([t for t, _ in self._waiting])
        samples = np.concatenate([s for _, s in self._waiting])
        self._waiting, self._n_waiting = [], 0
        for begin in range(0, len(times), _BLOCK):
            self._take(times[begin : begin + _BLOCK], samples[begin : begin + _BLOCK])

    def _take(self, times: TimeArray, samples: Array) -> None:
        self._note_seen(times, samples)
        self._pupils.push(times, samples[:, 4:6])
        path = self._path.then(self._signal.push(times, samples))
        labels, breaks, scales = self._labels.push(path.part(len(self._path)))
        self._path = path.part(len(labels))
        for run in self._cutter.push(path.part(0, len(labels)), labels, breaks, scales):
            self._builder.add(run)
        self._file(self._builder.events)
        self._builder.events = []

    def _note_seen(self, times: TimeArray, samples: Array) -> None:
        if self._first_s is None:
            self._first_s = self._last_s = float(times[0])
        step = np.minimum(np.diff(times, prepend=self._last_s), 1.5 * self._period_s)
        valid = np.isfinite(samples[:, 0:2]).all(axis=1) | np.isfinite(samples[:, 2:4]).all(axis=1)
        self._seen.append(np.column_stack([times, np.where(valid, step, 0.0)]))
        self._last_s = float(times[-1])

    def _file(self, events: list[GazeEvent]) -> None:
        for event in events:
            self._tables[event.kind].append(np.array([_row(event)]))
        self._events = [*self._events, *(e for e in events if e.kind != EventKind.LOSS)][-_MAX_EVENTS:]


def _row(event: GazeEvent) -> list[float]:
    """An event as a row of its table in EyeRecord."""
    row = [event.start_s, event.end_s]
    if event.kind == EventKind.FIXATION:
        return [*row, *event.dispersion_deg]
    return [*row, event.amplitude_deg] if event.kind == EventKind.SACCADE else row


_NOTHING = EyeRecord(
    np.empty((0, 4)), np.empty((0, 3)), np.empty((0, 2)), np.empty((0, 2)), np.empty((0, 2)), 0, 0.0, 0.0
)
