"""Streaming gaze analysis: canonical samples in, the 33 gaze features at any time and the events so far out.

What `features` returns depends on the samples that have been pushed and on nothing else, bitwise: not on how they were
cut. Samples wait in a queue and are worked through in larger blocks, so pushing single samples is cheap. Path and
labels can be worked out ahead (`look_ahead`), for many windows at once; only events are then a matter of each of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtemo.core.gaze.event_tables import (
    BLINK_WIDTH,
    FIXATION_WIDTH,
    LOSS_WIDTH,
    SACCADE_WIDTH,
    GazeEventTable,
    GazeRecord,
)
from rtemo.core.gaze.events import GazeEvent, GazeEventBuilder, GazeEventKind
from rtemo.core.gaze.features import NO_FEATURES, GazeFeatures, gaze_features
from rtemo.core.gaze.labelled_runs import LabelledPath, RunCutter
from rtemo.core.gaze.pupil import PupilGrid
from rtemo.core.gaze.sample_labels import labeller
from rtemo.core.gaze.settings import GazeSettings
from rtemo.core.gaze.signal import GazeSignal, View, link_s
from rtemo.core.row_buffer import RowBuffer
from rtemo.core.types import BoolArray, TimeArray

__all__ = ["GazeAnalyser", "GazeSettings"]

Array = NDArray[np.float64]

_BLOCK = 512  # samples that are worked through at once
_MAX_WAITING = 256  # and how many wait for it at most
MOST_AHEAD = 1024  # samples that may be looked ahead at
_MAX_EVENTS = 2048  # of one kind, for display and for the statistics
_EVENTS_HZ = 20.0  # more of one kind come from no eye
_WIDTHS = {
    GazeEventKind.FIXATION: FIXATION_WIDTH,
    GazeEventKind.SACCADE: SACCADE_WIDTH,
    GazeEventKind.BLINK: BLINK_WIDTH,
    GazeEventKind.LOSS: LOSS_WIDTH,
}


class GazeAnalyser:
    """One eye tracker at one sampling rate. See `features` and `take_events`."""

    def __init__(self, settings: GazeSettings, view: View, rate_hz: float, window_s: float = 0.0) -> None:
        """window_s: the longest window that is asked for, where it is longer than settings.statistics_s."""
        self.settings = settings
        period_s = 1.0 / rate_hz
        keep_s = max(settings.statistics_s, window_s)
        edge_n = max(round(settings.edge_s * rate_hz), 2)
        self._labeller = labeller(settings, rate_hz)
        self._signal = GazeSignal(settings, view, rate_hz)
        self._cutter = RunCutter(edge_n, period_s, link_s(settings, rate_hz))
        self._builder = GazeEventBuilder(settings, edge_n)
        self._pupils = PupilGrid(settings, rate_hz, keep_s, MOST_AHEAD * period_s)
        self._period_s = period_s
        # time, and how much time a sample stands for: 0 where gaze is not valid; rows are numbered as samples are
        keep = round(keep_s * rate_hz * 1.25) + MOST_AHEAD
        self._seen: RowBuffer[np.float64] = RowBuffer(2, keep, np.float64)
        most = max(_MAX_EVENTS, round(_EVENTS_HZ * keep_s))
        self._tables = {kind: GazeEventTable(width, most) for kind, width in _WIDTHS.items()}
        self._events: list[GazeEvent] = []
        self._waiting: list[tuple[TimeArray, Array]] = []
        self._n_waiting = 0
        self._ahead: list[LabelledPath] = []  # no part of any run yet
        self._n_taken = 0  # samples that count
        self._n_done = 0  # and those of them that events were made of
        self._first_s: float | None = None
        self._last_s = 0.0  # of those that count
        self._newest_s = 0.0

    @property
    def lag(self) -> int:
        """How many later samples the detector needs to judge one; by dispersion also settings.dispersion_window_s."""
        return self._signal.lag

    def push(self, times: TimeArray, samples: Array) -> None:
        """Take in samples (n, 6) at strictly increasing LSL times (n,), later than all before.

        Columns: x and y of the left eye, of the right eye (canonical, NaN = invalid), then both pupils (NaN = invalid).
        """
        self.look_ahead(times, samples)
        self.take(len(times))

    def look_ahead(self, times: TimeArray, samples: Array) -> None:
        """As `push`, but the samples do not count before `take`; at most MOST_AHEAD that do not."""
        if len(times):
            self._waiting.append((np.array(times, dtype=np.float64), np.array(samples, dtype=np.float64)))
            self._n_waiting += len(times)

    def take(self, n: int) -> None:
        """Let the next n samples of those that were looked ahead at count."""
        self._n_taken += n
        if self._n_waiting >= _MAX_WAITING:
            self._work()

    def features(self, end_s: float, length_s: float) -> GazeFeatures:
        """The features of the window that ends at end_s, from what has been pushed. Changes nothing that shows.

        length_s: at most settings.statistics_s, or window_s.
        """
        self._work()
        coverage = self._coverage(end_s, length_s)
        return gaze_features(self.record(), end_s, length_s, coverage, self.settings) if coverage > 0.0 else NO_FEATURES

    def take_events(self) -> list[GazeEvent]:
        """Fixations, saccades and blinks that have ended since the last call; at most the newest few thousand."""
        self._work()
        events, self._events = self._events, []
        return events

    def _coverage(self, end_s: float, length_s: float) -> float:
        seen = self._seen.slice(self._seen.start, self._n_taken)
        begin, stop = seen[:, 0].searchsorted((end_s - length_s, end_s), side="right")
        return float(np.add.reduce(seen[begin:stop, 1])) / length_s

    def record(self) -> GazeRecord:
        """What is known now, with open events cut off at the newest judged sample. Good until the next push."""
        self._work()
        rows: dict[GazeEventKind, list[list[float]]] = {kind: [] for kind in _WIDTHS}
        for event in self._builder.open_events(self._cutter.open):
            rows[event.kind].append(_row(event))
        tables = {kind: table.with_open(rows[kind]) for kind, table in self._tables.items()}
        return GazeRecord(
            tables[GazeEventKind.FIXATION],
            tables[GazeEventKind.SACCADE],
            tables[GazeEventKind.BLINK],
            tables[GazeEventKind.LOSS],
            self._pupils.until(self._last_s),
            self._pupils.first,
            self._last_s if self._first_s is None else self._first_s,
            self._last_s,
        )

    def _work(self) -> None:
        """Work through what waits, and make events of what counts."""
        if self._waiting:
            times = np.concatenate([t for t, _ in self._waiting])
            samples = np.concatenate([s for _, s in self._waiting])
            self._waiting, self._n_waiting = [], 0
            for begin in range(0, len(times), _BLOCK):
                self._see(times[begin : begin + _BLOCK], samples[begin : begin + _BLOCK])
                self._go_on()
        else:
            self._go_on()

    def _see(self, times: TimeArray, samples: Array) -> None:
        """Path, labels and pupils, which depend on nothing but the samples around each."""
        finite = np.isfinite(samples)
        if not finite.all():
            samples[~finite] = np.nan
        self._note_seen(times, (finite[:, 0] & finite[:, 1]) | (finite[:, 2] & finite[:, 3]))
        self._pupils.push(times, samples[:, 4:6])
        labelled = self._labeller.push(self._signal.push(times, samples[:, :4].T))
        if len(labelled):
            self._ahead.append(labelled)

    def _go_on(self) -> None:
        """Make events of the samples that count and have been seen."""
        count = min(self._n_taken, self._seen.stop)
        if count == self._n_done:
            return
        self._n_done = count
        self._last_s = float(self._seen.slice(count - 1, count)[0, 0])
        known = count - self.lag  # samples of the path
        while self._ahead and self._ahead[0].known_at[0] < known:
            labelled = self._ahead.pop(0)
            if labelled.known_at[-1] >= known:
                labelled, rest = labelled.split(int(labelled.known_at.searchsorted(known)))
                self._ahead.insert(0, rest)
            for run in self._cutter.push(labelled):
                self._builder.add(run)
        self._builder.look_at(self._cutter.open)
        if self._builder.events:
            self._file(self._builder.events)
            self._builder.events = []

    def _note_seen(self, times: TimeArray, valid: BoolArray) -> None:
        if self._first_s is None:
            self._first_s = self._newest_s = float(times[0])
        steps = times - np.concatenate([[self._newest_s], times[:-1]])
        seen = np.empty((len(times), 2))
        seen[:, 0], seen[:, 1] = times, np.minimum(steps, 1.5 * self._period_s) * valid
        self._seen.append(seen)
        self._newest_s = float(times[-1])

    def _file(self, events: list[GazeEvent]) -> None:
        for event in events:
            self._tables[event.kind].append(_row(event))
        self._events = [*self._events, *(e for e in events if e.kind != GazeEventKind.LOSS)][-_MAX_EVENTS:]


def _row(event: GazeEvent) -> list[float]:
    """An event as a row of its table in EyeRecord."""
    row = [event.start_s, event.end_s, 1000.0 * (event.end_s - event.start_s)]
    if event.kind == GazeEventKind.FIXATION:
        return [*row, *event.dispersion_deg]
    return [*row, event.amplitude_deg] if event.kind == GazeEventKind.SACCADE else row
