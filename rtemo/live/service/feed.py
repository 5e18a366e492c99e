"""Feed of the engine for any number of clients: the current state, and numbered lists of predictions, events, samples.

Of several participants, predictions and events are everybody's; samples, channels and explanation are those of the one
that a client asks for.

The engine's thread puts, the clients' threads take; none waits for another. A client holds a token that marks how far
it has read, so that it misses nothing and reads nothing twice, also over a new connection. Samples are for display:
only the newest are kept. Predictions and events are kept much longer than clients pause between polls; a client that
was away for longer gets what is kept, and the number of those that it missed.
"""

from __future__ import annotations

import math
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import Window
from rtemo.live.service.snapshot import (
    EegBlock,
    GazeBlock,
    GazeEventRecord,
    Phase,
    Snapshot,
    TraceBlock,
    WindowBlock,
)
from rtemo.model.prediction import Prediction
from rtemo.recordings.events import Event, EventKind

T = TypeVar("T")

SAMPLES_S = 60.0  # of display samples: the longest span that a window shows
BLOCKS = 4000  # of them, at most
GAZE_EVENTS = 500
PREDICTIONS, EVENTS = 36_000, 20_000  # an hour at 10 Hz
HISTORY = 2_400  # predictions for a new client: ten minutes at the usual hop
NOBODY: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
VALID_S, STALE_S = 10.0, 2.0  # of gaze: for the share that is valid, and from when on there is none
POLLED_S = 3.0  # without a poll for this long no client counts as connected


class NumberedLog(Generic[T]):
    """The newest entries of an endless list, numbered from the first one ever put."""

    def __init__(self, keep: int) -> None:
        self._entries: deque[T] = deque(maxlen=keep)
        self.stop = 0

    @property
    def start(self) -> int:
        return self.stop - len(self._entries)

    def put(self, entry: T) -> None:
        self._entries.append(entry)
        self.stop += 1

    def since(self, number: int) -> list[T]:
        """The entries from this number on that are still kept."""
        newest = min(max(self.stop - number, 0), len(self._entries))
        return [self._entries[i] for i in range(len(self._entries) - newest, len(self._entries))]

    def clear(self) -> None:
        """Drop all entries; numbering continues."""
        self._entries.clear()

    def trim(self, old: Callable[[T], bool]) -> None:
        """Drop the oldest entries while `old` is true of them."""
        while self._entries and old(self._entries[0]):
            self._entries.popleft()


class SampleFeed:
    """The newest samples of one participant, or of the only one, for display."""

    def __init__(self, lock: threading.Lock, is_wanted: Callable[[], bool]) -> None:
        self._lock, self._is_wanted = lock, is_wanted
        self.eeg: NumberedLog[EegBlock] = NumberedLog(BLOCKS)
        self.gaze: NumberedLog[GazeBlock] = NumberedLog(BLOCKS)
        self.gaze_events: NumberedLog[GazeEventRecord] = NumberedLog(GAZE_EVENTS)
        self.windows: NumberedLog[WindowBlock] = NumberedLog(1)

    @property
    def wanted(self) -> bool:
        """Whether a client has polled lately: otherwise display samples need not be prepared."""
        return self._is_wanted()

    @property
    def lists(self) -> tuple[NumberedLog[Any], ...]:
        return (self.eeg, self.gaze, self.gaze_events, self.windows)

    def put_eeg(self, block: EegBlock) -> None:
        self._put(self.eeg, block)

    def put_gaze(self, block: GazeBlock) -> None:
        self._put(self.gaze, block)

    def put_gaze_events(self, events: Iterable[GazeEventRecord]) -> None:
        with self._lock:
            for event in events:
                self.gaze_events.put(event)

    def put_window(self, window: Window, _embeddings: object = None) -> None:
        """Show a window: the newest alone is kept."""
        block = WindowBlock(
            window.end_s,
            window.settled,
            window.channels,
            window.eeg.reshape(-1, window.eeg.shape[-1]),
            window.eeg_mask.astype(np.float32),
            window.eye,
            window.eye_valid.astype(np.float32),
        )
        with self._lock:
            self.windows.put(block)

    def gaze_validity(self, now_s: float) -> float:
        """Share of the gaze of the last VALID_S that is valid, see valid_share; NaN without any, or once none comes."""
        with self._lock:
            block = join_gaze(self.gaze.since(0))
        if block is None or now_s - block.times[-1] > STALE_S:
            return math.nan
        begin_s = max(now_s, float(block.times[-1])) - VALID_S
        later = block.times > begin_s
        return valid_share(block.times[later], block.xy[later], begin_s, float(block.times[0]))

    def _put(self, entries: NumberedLog[Any], block: EegBlock | GazeBlock) -> None:
        if not len(block.times):
            return
        with self._lock:
            entries.put(block)
            oldest_s = block.times[-1] - SAMPLES_S
            entries.trim(lambda kept: bool(kept.times[-1] < oldest_s or kept.times[0] > block.times[-1]))


class Feed:
    """The state and the lists of one engine."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._samples: dict[str, SampleFeed] = {}
        self._own: Mapping[str, Mapping[str, Any]] = {}  # what of the state differs between participants
        self.tell_apart(("",))
        self._engine_id = secrets.token_hex(4)  # tokens of another engine are not valid here
        self._state = Snapshot(0, clock(), Phase.IDLE)
        self._polled_s = float("-inf")
        self._position_s: float | None = None
        self._predictions: NumberedLog[Prediction] = NumberedLog(PREDICTIONS)
        self._events: NumberedLog[dict[str, Any]] = NumberedLog(EVENTS)
        self._traces: NumberedLog[TraceBlock] = NumberedLog(BLOCKS)  # nobody's own

    def tell_apart(self, participants: Sequence[str]) -> None:
        """Whose samples there are from now on; "" alone where nobody is told apart."""
        with self._lock:
            if list(self._samples) != list(participants):
                self._samples = {whose: SampleFeed(self._lock, lambda: self.wanted) for whose in participants}

    def samples_of(self, participant: str) -> SampleFeed:
        """Takes the samples of one participant; the first one's for "", and for one who is not there."""
        return self._samples.get(participant) or next(iter(self._samples.values()))

    @property
    def wanted(self) -> bool:
        """Whether a client has polled lately: otherwise display samples need not be prepared."""
        return self._clock() - self._polled_s < POLLED_S

    @property
    def state(self) -> Snapshot:
        """The current state, without lists."""
        return self._state

    def publish(self, state: Snapshot, own: Mapping[str, Mapping[str, Any]] = NOBODY) -> None:
        """Publish a new state; its lists of predictions, events and samples are left empty. own: the fields that differ
        between several participants, for each.
        """
        with self._lock:
            self._own = own
            self._state = replace(state, seq=self._state.seq + 1, era=self._state.era)

    def begin_era(self, position_s: float | None = None) -> None:
        """Clear the lists, here and in every client. position_s: of a replay, LSL time; None: live."""
        with self._lock:
            self._position_s = position_s
            self._state = replace(self._state, era=self._state.era + 1)
            samples = [entries for own in self._samples.values() for entries in own.lists]
            lists: list[NumberedLog[Any]] = [self._predictions, self._events, self._traces, *samples]
            for entries in lists:
                entries.clear()

    def set_position(self, position_s: float) -> None:
        """Set the position of a replay, LSL time."""
        self._position_s = position_s

    @property
    def predictions(self) -> list[Prediction]:
        """All predictions that are kept."""
        with self._lock:
            return self._predictions.since(0)

    def put_prediction(self, prediction: Prediction) -> None:
        with self._lock:
            self._predictions.put(prediction)

    def put_event(self, event: Event) -> None:
        record = {"time_s": event.time_s, "kind": event.kind.value, "text": event.text, "stream": event.stream}
        if event.participant:
            record["participant"] = event.participant
        with self._lock:
            self._events.put({**record, "details": dict(event.details)})

    # The samples of the only one, or of the first.

    def put_eeg(self, block: EegBlock) -> None:
        self.samples_of("").put_eeg(block)

    def put_gaze(self, block: GazeBlock) -> None:
        self.samples_of("").put_gaze(block)

    def put_trace(self, block: TraceBlock) -> None:
        """Streams are not in step with each other, so only what is too old for all of them goes."""
        if not len(block.times):
            return
        with self._lock:
            self._traces.put(block)
            oldest_s = block.times[-1] - SAMPLES_S
            self._traces.trim(lambda kept: bool(kept.times[-1] < oldest_s))

    def put_window(self, window: Window, embeddings: object = None) -> None:
        self.samples_of("").put_window(window, embeddings)

    def put_gaze_events(self, events: Iterable[GazeEventRecord]) -> None:
        self.samples_of("").put_gaze_events(events)

    def take(self, token: str, participant: str = "") -> tuple[Snapshot, str]:
        """A snapshot with everything new since a token, and the next token. An empty or invalid token: all there is.
        participant: whose samples and channels; the first one's for "", and for one who is not there.

        What was not read in time and is no longer kept is counted in an event of the snapshot.
        """
        with self._lock:
            self._polled_s = self._clock()
            shown = participant if participant in self._samples else next(iter(self._samples))
            samples = self._samples[shown]
            read = self._read_counts(token, shown)
            snapshot = replace(
                self._state,
                **self._own.get(shown, {}),
                time_s=self._clock() if self._position_s is None else self._position_s,
                predictions=tuple(p.to_dict() for p in self._predictions.since(read[0])),
                events=(*self._missed(read), *self._events.since(read[1])),
                traces=join_traces(self._traces.since(read[2])),
                eeg=join_eeg(samples.eeg.since(read[3])),
                gaze=join_gaze(samples.gaze.since(read[4])),
                gaze_events=tuple(samples.gaze_events.since(read[5])),
                window=next(iter(samples.windows.since(read[6])), None),
            )
            lists: tuple[NumberedLog[Any], ...] = (self._predictions, self._events, self._traces, *samples.lists)
            return snapshot, ",".join([self._era, *(str(entries.stop) for entries in lists), shown])

    def _missed(self, read: Sequence[int]) -> list[dict[str, Any]]:
        """An event that counts what a client has missed; none where it has missed nothing."""
        predictions = max(0, self._predictions.start - read[0])
        events = max(0, self._events.start - read[1])
        if not (predictions or events):
            return []
        text = f"this window was away: {predictions} predictions and {events} events before are not shown"
        return [{"time_s": self._clock(), "kind": EventKind.NOTE.value, "text": text, "stream": "", "details": {}}]

    def _read_counts(self, token: str, shown: str) -> list[int]:
        """How far the holder of a token has read: predictions, events, traces; EEG, gaze, gaze events, windows of
        `shown`.
        """
        era, *numbers = token.split(",")
        whose = numbers.pop() if numbers else ""
        if era != self._era or len(numbers) != 7 or not all(n.isascii() and n.isdigit() for n in numbers):
            first = max(self._predictions.start, self._predictions.stop - HISTORY * len(self._samples))
            return [first, self._events.start, 0, 0, 0, 0, 0]
        counts = [int(n) for n in numbers]
        return counts if whose == shown else [*counts[:3], 0, 0, 0, 0]

    @property
    def _era(self) -> str:
        return f"{self._engine_id}.{self._state.era}"


def valid_share(times: NDArray[np.floating], xy: NDArray[np.floating], begin_s: float, oldest_s: float) -> float:
    """Share of the gaze since begin_s that is valid; what did not come is not. NaN without any.

    times (n,) LSL seconds, later than begin_s; xy (n, 2), NaN where invalid. oldest_s: of the first sample there is.
    """
    valid = np.isfinite(xy).all(axis=1)
    if len(times) < 2:
        return float(valid.mean()) if len(valid) else math.nan
    step_s = max(float(np.median(np.diff(times))), 1e-6)
    expected = max(len(valid), math.floor((float(times[-1]) - max(begin_s, oldest_s - step_s)) / step_s + 1e-6))
    return float(np.count_nonzero(valid)) / expected


def join_eeg(blocks: Sequence[EegBlock]) -> EegBlock | None:
    """Join the blocks that have as many channels as the newest; None without any."""
    if not blocks:
        return None
    width = blocks[-1].microvolts.shape[1]
    same = [block for block in blocks if block.microvolts.shape[1] == width]
    return EegBlock(np.concatenate([b.times for b in same]), np.concatenate([b.microvolts for b in same]))


def join_gaze(blocks: Sequence[GazeBlock]) -> GazeBlock | None:
    """Join blocks into one; None without any."""
    if not blocks:
        return None
    return GazeBlock(
        np.concatenate([b.times for b in blocks]),
        np.concatenate([b.xy for b in blocks]),
        np.concatenate([b.pupils_mm for b in blocks]),
    )


def join_traces(blocks: Sequence[TraceBlock]) -> tuple[TraceBlock, ...]:
    """Join the blocks of each stream that have as many channels as its newest."""
    found: dict[str, list[TraceBlock]] = {}
    for block in blocks:
        found.setdefault(block.stream_id, []).append(block)
    joined = []
    for stream_id, of_stream in found.items():
        width = of_stream[-1].values.shape[1]
        same = [block for block in of_stream if block.values.shape[1] == width]
        times, values = (np.concatenate([getattr(b, part) for b in same]) for part in ("times", "values"))
        joined.append(TraceBlock(stream_id, times, values))
    return tuple(joined)
