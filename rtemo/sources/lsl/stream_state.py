"""State and statistics of one LSL stream over all its connections, and its announcements in their order.

It keeps its stream_id for as long as the stream comes back unchanged. The thread that receives and the one that
monitors both report here, so that announcements, samples and losses reach the reader in one order.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rtemo.core.types import (
    STRING_FORMAT,
    Chunk,
    Item,
    StreamDown,
    StreamInfo,
    StreamNotice,
    StreamState,
    StreamUp,
)
from rtemo.sources.lsl.times.clock_offsets import ClockBasis, Handed, Measurement, PlacedStamps
from rtemo.sources.lsl.times.counters import Counters
from rtemo.sources.lsl.times.sent_twice import SentTwice


@dataclass(frozen=True, slots=True)
class LslStreamStatus:
    """State, rate, losses and clock of one stream. NaN: not known yet.

    rate_hz: by the stamps of the last seconds. age_s: of the newest sample, by its LSL time: device, transport and
    silence together. offset_s, uncertainty_s: the clock measurement in use. n_missing: samples that are missing by the
    stamps. n_returns: how often it came back after a loss. n_dropped: samples that came faster than they were read.
    n_wrong: samples whose stamps cannot be right. n_repeated: samples that were sent twice.
    """

    info: StreamInfo
    state: StreamState
    requested_by: tuple[str, ...]
    n_samples: int
    n_missing: int
    n_returns: int
    rate_hz: float
    age_s: float
    clock: ClockBasis
    offset_s: float
    uncertainty_s: float
    n_dropped: int = 0
    n_wrong: int = 0
    n_repeated: int = 0


def not_opened(info: StreamInfo) -> LslStreamStatus:
    """The status of a stream that is on the network and not connected: nothing is known but its description."""
    nothing = LslStream(info, lambda _item: None, announced=False)
    return nothing.status(math.nan)


class LslStream:
    """One LSL stream. All methods may be called from any thread."""

    def __init__(self, info: StreamInfo, put: Callable[[Item], None], *, announced: bool, replaces: str = "") -> None:
        """put: takes an item to the reader. announced: the reader knows of the stream already.

        replaces: the stream whose place it takes, see StreamUp.
        """
        self.info = info
        self.requested_by: set[str] = set()
        self.bystanders: set[str] = set()  # uids of streams that were there while this one delivered
        self.n_returns = 0
        self._put = put
        self._announced, self._replaces = announced, replaces
        self._notices: dict[str, None] = {}  # texts, in the order in which they were given
        self._lock = threading.Lock()
        self._state = StreamState.WAITING
        self._basis = ClockBasis.UNKNOWN
        self._measurement: Measurement | None = None
        self._before = 0  # samples of earlier connections
        self._repeated, self._said_repeated = SentTwice(), False
        self._n_wrong = 0
        self._counters = self._fresh_counters()

    @property
    def stream_id(self) -> str:
        return self.info.stream_id

    @property
    def state(self) -> StreamState:
        return self._state

    @property
    def down(self) -> bool:
        """Whether the stream has to be announced before it goes on."""
        return self._state in (StreamState.LOST, StreamState.FAILED)

    @property
    def last_arrival_s(self) -> float:
        """When the newest sample came, LSL time; NaN before the first of this connection."""
        return self._counters.last_arrival_s

    @property
    def offset_s(self) -> float:
        """The clock measurement in use; NaN before the first of this connection."""
        measured = self._measurement
        return measured.offset_s if measured else math.nan

    def reconnect(self, info: StreamInfo) -> None:
        """The same stream over a new connection. It was down, so it is announced once the connection stands."""
        with self._lock:
            self.info = info
            self._before += self._counters.n_samples
            self._counters = self._fresh_counters(self._counters)
            self._basis, self._measurement = ClockBasis.UNKNOWN, None

    @property
    def announced(self) -> bool:
        """Whether the reader knows of the stream."""
        return self._announced

    def notice(self, text: str) -> None:
        """Something about the stream, once, and not before the reader knows of it."""
        with self._lock:
            if text not in self._notices:
                self._notices[text] = None
                if self._announced:
                    self._put(StreamNotice(self.stream_id, text))

    def mark_up(self) -> None:
        """The connection stands, or the stream is visible again."""
        with self._lock:
            self._announce_up()

    def deliver(
        self, now_s: float, chunk: Chunk | None, items: Sequence[Handed], placed: PlacedStamps | None = None
    ) -> None:
        """What arrived and what can be handed over. placed: the stamps of the latter; by default those that arrived."""
        with self._lock:
            if chunk is not None:
                self._counters.arrive(now_s, len(chunk))
                self._announce_up()
                self._state = StreamState.STREAMING
                placed = PlacedStamps([chunk.stamps]) if placed is None else placed
            if placed is not None:
                self._count(placed)
            for item in items:
                self._put(item)
                if isinstance(item, Chunk):
                    self._repeated.add(item)
            if self._repeated.n and not self._said_repeated:
                self._said_repeated = True
                self._put(StreamNotice(self.stream_id, "it sends samples twice"))

    def set_clock(self, basis: ClockBasis, measurement: Measurement | None) -> None:
        """How stamps become LSL time from now on."""
        with self._lock:
            self._basis, self._measurement = basis, measurement

    def mark_stalled(self, now_s: float) -> bool:
        """Marks the stream as stalled where it has been silent for too long. Returns whether it is new."""
        with self._lock:
            silence_s = now_s - self._counters.last_arrival_s
            if self._state is not StreamState.STREAMING or silence_s <= self._counters.silence_s:
                return False
            self._announce_down(StreamState.STALLED, f"no sample for {silence_s:.2g} s")
            return True

    def mark_down(self, state: StreamState, reason: str) -> None:
        """The stream is lost, or its receiver failed."""
        with self._lock:
            if not self.down:
                self._announce_down(state, reason)

    def status(self, now_s: float) -> LslStreamStatus:
        with self._lock:
            measured = self._measurement
            return LslStreamStatus(
                info=self.info,
                state=self._state,
                requested_by=tuple(sorted(self.requested_by)),
                n_samples=self._before + self._counters.n_samples,
                n_missing=self._counters.n_missing,
                n_returns=self.n_returns,
                rate_hz=self._counters.rate_hz,
                age_s=now_s - (self._counters.newest_stamp + self.offset_s),
                clock=self._basis,
                offset_s=self.offset_s,
                uncertainty_s=measured.uncertainty_s if measured else math.nan,
                n_wrong=self._n_wrong,
                n_repeated=self._repeated.n,
            )

    def _fresh_counters(self, before: Counters | None = None) -> Counters:
        text = self.info.channel_format == STRING_FORMAT
        return Counters(self.info.nominal_rate_hz, text=text, before=before)

    def _count(self, placed: PlacedStamps) -> None:
        self._n_wrong += placed.n_wrong
        if placed.afresh:
            self._counters.begin_anew()
        known = self._counters.n_between is not None
        for stamps in placed.stamps:
            self._counters.place(stamps)
        n_between = self._counters.n_between
        if n_between and not known:
            text = f"{n_between} samples are missing since the connection before"
            self._put(StreamNotice(self.stream_id, text))

    def _announce_up(self) -> None:
        if self.down or not self._announced:
            first = not self._announced
            self._put(StreamUp(self.info, self._replaces if first else ""))
            self._announced = True
            for text in self._notices if first else ():
                self._put(StreamNotice(self.stream_id, text))
            if self.down:
                self.n_returns += 1
                self._state = StreamState.WAITING

    def _announce_down(self, state: StreamState, reason: str) -> None:
        self._state = state
        self._put(StreamDown(self.stream_id, state, reason))
