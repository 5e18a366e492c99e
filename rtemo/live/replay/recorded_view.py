"""What a recording shows, in the order of time: display samples, predictions, events, faults of the channels.

An analysis winds it up, a replay shows any part of it again. Samples lie in a temporary file, since hours of EEG do not
fit into memory; the rest is small.
"""

from __future__ import annotations

import tempfile
from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError
from rtemo.core.types import Window
from rtemo.live.service.snapshot import EegBlock, GazeBlock, GazeEventRecord, TraceBlock
from rtemo.model.prediction import Prediction
from rtemo.recordings.events import Event

T = TypeVar("T")


class SampleFile:
    """Rows of float32 with their times, which do not go back. One width for all."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by `close`
        self._times: list[NDArray[np.float64]] = []
        self._lasts: list[float] = []  # of each block
        self._starts: list[int] = []  # its first row
        self._n = 0
        self._width = 0

    def put(self, times: NDArray[np.float64], rows: NDArray[np.float32]) -> None:
        """Times (n,), rows (n, width). Raises RtemoError where the disk is full."""
        if not len(times):
            return
        self._width = rows.shape[1]
        try:
            self._file.seek(0, 2)
            self._file.write(np.ascontiguousarray(rows, np.float32).tobytes())
        except OSError as error:
            raise RtemoError("the recording cannot be shown", error.strerror or str(error), "free some disk") from error
        self._times.append(times)
        self._lasts.append(float(times[-1]))
        self._starts.append(self._n)
        self._n += len(times)

    def takes(self, times: NDArray[np.float64], rows: NDArray[np.float32]) -> bool:
        """Whether rows go on where the file ends."""
        goes_on = not self._n or (rows.shape[1] == self._width and times[0] >= self._lasts[-1])
        return bool(goes_on and (np.diff(times) >= 0).all())

    def between(self, after_s: float, until_s: float) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Times (n,) and rows (n, width) with after_s < t <= until_s."""
        first = bisect_right(self._lasts, after_s)
        last = min(bisect_right(self._lasts, until_s) + 1, len(self._times))
        if first >= last:
            return np.empty(0), np.empty((0, self._width), np.float32)
        times = np.concatenate(self._times[first:last])
        begin = int(np.searchsorted(times, after_s, side="right"))
        end = int(np.searchsorted(times, until_s, side="right"))
        row_bytes = 4 * self._width
        self._file.seek((self._starts[first] + begin) * row_bytes)
        found = times[begin:end]
        raw = self._file.read(len(found) * row_bytes)
        return found, np.frombuffer(raw, np.float32).reshape(len(found), self._width)

    def close(self) -> None:
        self._file.close()


class RecordedView:
    """Wound up by an analysis: an audience of rtemo.live.service.display_taps and a sink for predictions and events."""

    wanted = True

    def __init__(self) -> None:
        self.predictions: list[Prediction] = []
        self._events: list[Event] = []
        self._gaze_events: list[GazeEventRecord] = []
        self._windows: list[Window] = []  # one a second, a few kB each
        self._faults: list[tuple[float, NDArray[np.int8]]] = []
        self._eeg, self._gaze = SampleFile(), SampleFile()
        self._traces: dict[str, SampleFile] = {}

    def put(self, prediction: Prediction) -> None:
        self.predictions.append(prediction)

    def put_window(self, window: Window) -> None:
        """One that can be explained."""
        self._windows.append(window)

    def put_event(self, event: Event) -> None:
        insort(self._events, event, key=_when)

    def put_eeg(self, block: EegBlock) -> None:
        self._eeg.put(block.times, block.microvolts)

    def put_gaze(self, block: GazeBlock) -> None:
        self._gaze.put(block.times, np.concatenate([block.xy, block.pupils_mm], axis=1, dtype=np.float32))

    def put_trace(self, block: TraceBlock) -> None:
        """Of one width for each stream, and no times that go back."""
        kept = self._traces.get(block.stream_id)
        if kept is None:
            kept = self._traces[block.stream_id] = SampleFile()
        if kept.takes(block.times, block.values):
            kept.put(block.times, block.values)

    def put_gaze_events(self, events: Iterable[GazeEventRecord]) -> None:
        for event in events:
            insort(self._gaze_events, event, key=_end)

    def put_faults(self, time_s: float, fault: NDArray[np.int8]) -> None:
        """The channels' faults (C,) from a time on."""
        if not self._faults or not np.array_equal(self._faults[-1][1], fault):
            self._faults.append((time_s, fault))

    def discard(self) -> None:
        """A PredictionSink's: what was shown stays."""

    def close(self) -> None:
        """Give the samples up."""
        self._eeg.close()
        self._gaze.close()
        for kept in self._traces.values():
            kept.close()

    @property
    def events(self) -> Sequence[Event]:
        return self._events

    def eeg(self, after_s: float, until_s: float) -> EegBlock:
        """The display samples of a part, after_s < t <= until_s; so are all of the following."""
        return EegBlock(*self._eeg.between(after_s, until_s))

    def gaze(self, after_s: float, until_s: float) -> GazeBlock:
        times, rows = self._gaze.between(after_s, until_s)
        return GazeBlock(times, rows[:, :2], rows[:, 2:])

    def traces(self, after_s: float, until_s: float) -> list[TraceBlock]:
        return [TraceBlock(stream_id, *kept.between(after_s, until_s)) for stream_id, kept in self._traces.items()]

    def gaze_events_between(self, after_s: float, until_s: float) -> list[GazeEventRecord]:
        return _part(self._gaze_events, after_s, until_s, _end)

    def predictions_between(self, after_s: float, until_s: float) -> list[Prediction]:
        return _part(self.predictions, after_s, until_s, _when)

    def events_between(self, after_s: float, until_s: float) -> list[Event]:
        return _part(self._events, after_s, until_s, _when)

    def window_at(self, time_s: float) -> Window | None:
        """The newest window that had ended by then, of those that can be explained."""
        k = bisect_right(self._windows, time_s, key=lambda window: window.end_s)
        return self._windows[k - 1] if k else None

    def faults_at(self, time_s: float) -> NDArray[np.int8] | None:
        """The channels' faults (C,) at a time; None before the first were known."""
        k = bisect_right(self._faults, time_s, key=lambda entry: entry[0])
        return self._faults[k - 1][1] if k else None


def _part(entries: list[T], after_s: float, until_s: float, key: Callable[[T], float]) -> list[T]:
    return entries[bisect_right(entries, after_s, key=key) : bisect_right(entries, until_s, key=key)]


def _when(entry: Any) -> float:
    return float(entry.time_s)


def _end(event: GazeEventRecord) -> float:
    return event.end_s
