"""One connection to one outlet: a thread that blocks in liblsl and hands over what comes, raw.

The inlet may recover by itself (recover=True): one that may not throws away what it has received but not given out
at the moment when its sender dies. But liblsl recovers into whatever stream has the same name, type and source_id, a
twin included. It says so by `was_clock_reset` half a second before the first sample from there: then this connection
ends, and who takes its place is decided elsewhere.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import STRING_FORMAT, Chunk, StreamState
from rtemo.sources.lsl.clock_sync import ClockBasis, Intake, Measurement
from rtemo.sources.lsl.liblsl import local_clock, measure_clock, pylsl
from rtemo.sources.lsl.stream_state import LslStream

BUFFER_S = 360  # what liblsl keeps while this process hangs; the sender keeps as much
PULL_S = 0.2  # how soon a stop is noticed; must stay below the half second of the reset
HOLD_PULL_S = 0.02  # while samples are held for the first clock measurement
MEASURE_S = 1.0  # how often liblsl is asked whether it has measured anew
OPEN_S = 0.25
MAX_SAMPLES = 1024
PACE_S = 0.003  # a stream that sends its samples one by one, a thousand a second, is taken a few at a time

SWITCHED = "its sender is gone, another stream answers to the same name"
BROKEN = "its sender is gone"


@dataclass(slots=True)
class InletThread:
    """A connection. `start` it once; `stop` ends it; `ended` says why it ended by itself."""

    line: LslStream
    handle: pylsl.StreamInfo
    newest: float | None = None  # the newest raw stamp that the line handed over before
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
        self._thread = threading.Thread(target=self._run, name=f"lsl {self.line.stream_id}", daemon=True)
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
            self.failed = True
            self.ended = f"{type(error).__name__}: {error}"
            self.line.go_down(StreamState.FAILED, self.ended)
        finally:
            self._drained.set()

    def _receive(self) -> None:
        """Lives as long as the inlet: it is destroyed when this returns, in the thread that used it."""
        inlet = pylsl.StreamInlet(self.handle, max_buflen=BUFFER_S, recover=True, as_numpy=True)
        if not self._open(inlet):
            return
        self.line.up()
        connection = _Connection(inlet, self.line, self.newest)
        try:
            while not self._stop.is_set():
                connection.pull(connection.patience_s)
                if inlet.was_clock_reset():
                    self.ended = SWITCHED
                    break
            connection.pull(0.0)
        finally:
            connection.give_up()
            self.newest = connection.intake.newest
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

    def __init__(self, inlet: pylsl.StreamInlet, line: LslStream, newest: float | None) -> None:
        self.intake = Intake(line.stream_id, line.info.nominal_rate_hz, newest)
        self._inlet, self._line = inlet, line
        self._text = line.info.channel_format == STRING_FORMAT
        self._asked_s = self._pulled_s = 0.0
        self._rate_hz, self._usual_n = line.info.nominal_rate_hz, 10.0  # samples a pull
        self._said: tuple[ClockBasis, Measurement | None] = (ClockBasis.UNKNOWN, None)

    @property
    def patience_s(self) -> float:
        return HOLD_PULL_S if self.intake.basis is ClockBasis.UNKNOWN else PULL_S

    def pull(self, timeout_s: float) -> None:
        """Waits for the first sample and hands over all that are there."""
        if self._rate_hz * PACE_S > self._usual_n:
            time.sleep(max(0.0, self._pulled_s + PACE_S - local_clock()))
        n = MAX_SAMPLES
        while n == MAX_SAMPLES:
            values, stamps = self._inlet.pull_chunk(timeout=timeout_s, max_samples=MAX_SAMPLES, min_samples=1)
            self._pulled_s = local_clock()
            n, timeout_s = len(stamps), 0.0
            values = _decoded(values) if self._text else values
            chunk = Chunk(self._line.stream_id, stamps, values, self._pulled_s) if n else None
            self._usual_n += 0.1 * (n - self._usual_n)
            self._hand_over(self._pulled_s, chunk)

    def give_up(self) -> None:
        """Hands over what was held for a clock measurement that did not come."""
        self._line.deliver(local_clock(), None, self.intake.give_up())

    def _hand_over(self, now_s: float, chunk: Chunk | None) -> None:
        items = self.intake.take(now_s, chunk, self._measured(now_s))
        said = (self.intake.basis, self.intake.latest)
        if said != self._said:
            self._said = said
            self._line.clock_is(*said)
        if chunk is not None or items:
            self._line.deliver(now_s, chunk, items)

    def _measured(self, now_s: float) -> Measurement | None:
        waiting = self.intake.basis is ClockBasis.UNKNOWN
        if not waiting and now_s - self._asked_s < MEASURE_S:
            return None
        self._asked_s = now_s
        return measure_clock(self._inlet)


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
