"""The inlet thread: receives one LSL outlet's samples and hands them over raw.

The inlet may recover by itself (recover=True): one that may not throws away what it has received but not given out
at the moment when its sender dies. But liblsl recovers into whatever stream has the same name, type and source_id, a
twin included. `was_clock_reset` shows it half a second before the first sample from there: then this connection
ends, and who takes its place is decided elsewhere.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import STRING_FORMAT, Chunk, StreamInfo, StreamState
from rtemo.sources.lsl.liblsl import local_clock, measure_clock, pylsl
from rtemo.sources.lsl.stream_state import LslStream
from rtemo.sources.lsl.times.clock_offsets import ClockBasis, ClockSync, Measurement

_LOG = logging.getLogger("rtemo.lsl")

BUFFER_S = 360  # what liblsl keeps while this process hangs; the sender keeps as much
BUFFER_BYTES = 256 << 20  # but no more than this for a stream, whatever rate it states
PULL_BYTES = 16 << 20  # what one pull takes, at most
TEXT_BYTES = 1 << 12  # a text with as much is long; only received texts show how long they are
PULL_S = 0.2  # how soon a stop is noticed
LOOK_S = 0.1  # between looks for a reset; with PULL_S it must stay below the half second of the reset
WAITING_PULL_S = 0.02  # while samples wait for the first clock measurement
MEASURE_S = 1.0  # how often liblsl is asked whether it has measured anew
OPEN_S = 0.25
MAX_SAMPLES = 1024
DRAIN_S = 1.0  # how long what has arrived is taken over after a stop; a sender may be faster than it is read
PACE_S = 0.003  # a stream that sends its samples one by one, a thousand a second, is taken a few at a time

SWITCHED = "its sender is gone, another stream answers to the same name"
BROKEN = "its sender is gone"


@dataclass(slots=True)
class InletThread:
    """A connection. `start` it once; `stop` ends it; `ended` is why it ended by itself."""

    stream: LslStream
    handle: pylsl.StreamInfo
    newest: float | None = None  # the newest raw stamp that the stream handed over before
    ended: str = ""
    failed: bool = False
    opened_s: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)
    _drained: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    @property
    def uid(self) -> str:
        return str(self.handle.uid())

    def start(self) -> None:
        self.opened_s = local_clock()
        self._thread = threading.Thread(target=self._run, name=f"lsl {self.stream.stream_id}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Asks the thread to hand over what is there and end. Does not wait."""
        self._stop.set()

    @property
    def over(self) -> bool:
        """Whether it ended by itself and has handed over everything."""
        return bool(self.ended) and self._drained.is_set()

    def wait_drained(self, timeout_s: float) -> bool:
        """Waits until nothing more will be handed over."""
        return self._drained.wait(timeout_s)

    def join(self, timeout_s: float) -> bool:
        """Waits until the inlet is destroyed."""
        if self._thread is not None:
            self._thread.join(timeout_s)
        return self._thread is None or not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._receive()
        except pylsl.util.LostError:
            self.ended = BROKEN
        except Exception as error:  # noqa: BLE001 - whatever it is, it becomes the stream's visible state
            _LOG.exception("the inlet of %s stopped", self.stream.stream_id)
            self.failed = True
            self.ended = f"{type(error).__name__}: {error}"
            self.stream.mark_down(StreamState.FAILED, self.ended)
        finally:
            self._drained.set()

    def _receive(self) -> None:
        """Lives as long as the inlet: it is destroyed when this returns, in the thread that used it."""
        inlet = pylsl.StreamInlet(self.handle, max_buflen=buffer_length(self.stream.info), recover=True, as_numpy=True)
        if not self._open(inlet):
            return
        self.stream.mark_up()
        connection = _Connection(inlet, self.stream, self.newest, self._stop.is_set)
        try:
            while not self._stop.is_set():
                connection.pull(connection.patience_s)
                if connection.was_switched():
                    self.ended = SWITCHED
                    break
            connection.pull(0.0)
        finally:
            connection.give_up()
            self.newest = connection.clock_sync.newest
            self._drained.set()

    def _open(self, inlet: pylsl.StreamInlet) -> bool:
        while not self._stop.is_set():
            try:
                inlet.open_stream(timeout=OPEN_S)
            except pylsl.util.TimeoutError:
                continue
            measure_clock(inlet)  # starts the measuring, which takes 0.64 s
            return True
        return False


class _Connection:
    """What the thread does with an open inlet."""

    def __init__(
        self, inlet: pylsl.StreamInlet, stream: LslStream, newest: float | None, stopped: Callable[[], bool]
    ) -> None:
        self._text = stream.info.channel_format == STRING_FORMAT
        self.clock_sync = ClockSync(stream.stream_id, stream.info.nominal_rate_hz, newest, text=self._text)
        self._inlet, self._stream, self._stopped = inlet, stream, stopped
        self._max_samples = max(1, min(MAX_SAMPLES, PULL_BYTES // _sample_bytes(stream.info)))
        self._asked_s = self._pulled_s = self._looked_s = 0.0
        self._rate_hz, self._usual_n = stream.info.nominal_rate_hz, 10.0  # samples a pull
        self._published_clock: tuple[ClockBasis, Measurement | None] = (ClockBasis.UNKNOWN, None)

    @property
    def patience_s(self) -> float:
        return WAITING_PULL_S if self.clock_sync.basis is ClockBasis.UNKNOWN else PULL_S

    def pull(self, timeout_s: float) -> None:
        """Waits for the first sample and hands over all that are there."""
        if self._rate_hz * PACE_S > self._usual_n:
            time.sleep(max(0.0, self._pulled_s + PACE_S - local_clock()))
        backlog, end_s = True, math.inf
        while backlog:
            values, stamps = self._inlet.pull_chunk(timeout=timeout_s, max_samples=self._max_samples, min_samples=1)
            self._pulled_s = local_clock()
            n, timeout_s = len(stamps), 0.0
            if self._stopped():
                end_s = min(end_s, self._pulled_s + DRAIN_S)
            backlog = n == self._max_samples and self._pulled_s < end_s
            values = _decoded(values) if self._text else values
            chunk = Chunk(self._stream.stream_id, stamps, values, self._pulled_s) if n else None
            self._usual_n += 0.1 * (n - self._usual_n)
            self._hand_over(self._pulled_s, chunk, backlog=backlog)

    def was_switched(self) -> bool:
        """Whether liblsl has recovered into another stream; looked at often enough to be known before its samples."""
        if self._pulled_s - self._looked_s < LOOK_S:
            return False
        self._looked_s = self._pulled_s
        return bool(self._inlet.was_clock_reset())

    def give_up(self) -> None:
        """Hands over what has waited for a clock measurement that did not come."""
        self._stream.deliver(local_clock(), None, self.clock_sync.give_up(), self.clock_sync.placed)

    def _hand_over(self, now_s: float, chunk: Chunk | None, *, backlog: bool) -> None:
        items = self.clock_sync.take(now_s, chunk, self._measured(now_s), backlog=backlog)
        clock = (self.clock_sync.basis, self.clock_sync.latest)
        if clock != self._published_clock:
            self._published_clock = clock
            self._stream.set_clock(*clock)
        if chunk is not None or items:
            self._stream.deliver(now_s, chunk, items, self.clock_sync.placed)

    def _measured(self, now_s: float) -> Measurement | None:
        waiting = self.clock_sync.basis is ClockBasis.UNKNOWN
        if not waiting and now_s - self._asked_s < MEASURE_S:
            return None
        self._asked_s = now_s
        return measure_clock(self._inlet)


def buffer_length(info: StreamInfo) -> int:
    """What liblsl is asked to keep: seconds of a stream with a rate, hundreds of samples of another."""
    per_unit = info.nominal_rate_hz if info.nominal_rate_hz > 0 else 100.0
    units = BUFFER_BYTES / (per_unit * _sample_bytes(info))
    return max(1, min(BUFFER_S, int(units)))


def refusal(info: StreamInfo) -> str:
    """Why a stream is never opened; empty where it can be. liblsl cannot defend itself."""
    if info.n_channels == 0:
        return "has no channels"  # by whose number liblsl divides
    if info.nominal_rate_hz * _sample_bytes(info) > BUFFER_BYTES:
        return f"states {info.nominal_rate_hz:g} Hz, more than can be kept"  # liblsl makes room for them in advance
    return ""


def _sample_bytes(info: StreamInfo) -> int:
    return info.n_channels * (TEXT_BYTES if info.channel_format == STRING_FORMAT else 8)


def _decoded(values: NDArray[Any]) -> NDArray[Any]:
    """Text of bytes (n, channels): UTF-8, or Latin-1 where it is not."""
    texts = np.empty(values.size, dtype=object)
    texts[:] = [_text(value) for value in values.ravel()]
    return texts.reshape(values.shape)


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
