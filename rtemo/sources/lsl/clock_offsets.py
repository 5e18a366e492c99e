"""Clock synchronisation of one connection: samples and clock offsets in their final order. Knows nothing of LSL.

What it keeps true, so that a recording replayed gives the times of the live session
(rtemo.core.timing.clock_correction): 1. No chunk is handed over before a measurement of its clock. Chunks that come
earlier wait. 2. A measurement changes nothing that was handed over: its time_s lies above every raw stamp handed over
so far, unless
   the sender's clock was set back by more than RESET_S.
3. A sender that stamps in a clock of its own (Unix time, a device's uptime), or that does not answer time requests, is
   measured by arrival: offset = the smallest (arrival - raw stamp) of the last seconds. That is right up to the
   shortest transport delay.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from rtemo.core.types import Chunk, ClockOffset, TimeArray

WINDOW_S = 5.0
EVENT_WINDOW_S = 60.0
SILENCE_S = 1.0  # after a longer one of a steady stream a backlog may come, whose delays say nothing


class Arrivals:
    """The smallest (arrival - stamp) of the last seconds."""

    def __init__(self, *, steady: bool) -> None:
        """steady: the stream has a rate; a silence of it is a fault."""
        self._steady = steady
        self._window_s = WINDOW_S if steady else EVENT_WINDOW_S
        self._delays: deque[tuple[float, float]] = deque()  # arrival, delay; delays increase, so the first is smallest
        self._since_s = 0.0
        self._last_s: float | None = None

    def add(self, arrival_s: float, stamp: float) -> None:
        """stamp: the newest raw stamp of what arrived together."""
        if self._last_s is None or (self._steady and arrival_s - self._last_s > SILENCE_S):
            self._delays.clear()
            self._since_s = arrival_s
        self._last_s = arrival_s
        delay_s = arrival_s - stamp
        while self._delays and self._delays[-1][1] >= delay_s:
            self._delays.pop()
        self._delays.append((arrival_s, delay_s))
        while self._delays[0][0] < arrival_s - self._window_s:
            self._delays.popleft()

    def settled(self, now_s: float) -> bool:
        """Whether the smallest delay can be believed: no silence within the window."""
        return not self._steady or now_s - self._since_s >= WINDOW_S

    @property
    def offset_s(self) -> float:
        """LSL time - raw stamp. There has been an arrival."""
        return self._delays[0][1]


RESET_S = 1.0  # a step back by more is a clock that was set back, as in rtemo.core.timing.clock_correction
RENEW_S = 5.0  # between measurements, as LabRecorder does
FOREIGN_S = 60.0  # no fresh connection delivers samples that are as old, or from as far in the future
FOREIGN_EVENT_S = 3600.0  # events may be stamped long before or after they are sent
PATIENCE_S = 2.0  # how long samples wait for a measurement; the first takes 0.64 s
LISTEN_S = 0.5  # how long arrivals are watched before the first measurement by arrival


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measured offset: LSL time = sender's time + offset_s, made at sender time time_s, wrong by uncertainty_s / 2 at
    most (infinity: unknown).
    """

    time_s: float
    offset_s: float
    uncertainty_s: float


class ClockBasis(StrEnum):
    """How a stream's stamps become LSL time."""

    UNKNOWN = "unknown"
    MEASURED = "measured"  # LSL measured the sender's clock
    FOREIGN = "foreign"  # stamps are in another clock than the sender's LSL clock: by arrival
    UNMEASURABLE = "unmeasurable"  # the sender does not answer time requests: by arrival


class ClockSync:
    """Chunks and measurements of one connection in, items in their final order out. Used by one thread."""

    def __init__(self, stream_id: str, nominal_rate_hz: float, newest: float | None = None) -> None:
        """newest: the newest raw stamp that earlier connections of the same stream handed over."""
        self.basis = ClockBasis.UNKNOWN
        self.newest = newest
        self.latest: Measurement | None = None  # the measurement in use
        self._stream_id = stream_id
        self._foreign_s = FOREIGN_S if nominal_rate_hz > 0 else FOREIGN_EVENT_S
        self._fresh = True  # nothing of this connection was handed over yet
        self._waiting: list[Chunk] = []
        self._arrivals = Arrivals(steady=nominal_rate_hz > 0)
        self._first_arrival_s: float | None = None
        self._measured: Measurement | None = None
        self._renewed_s = -math.inf

    def take(self, now_s: float, chunk: Chunk | None, measured: Measurement | None) -> list[Chunk | ClockOffset]:
        """What can be handed over now. now_s: when the chunk arrived, LSL time. measured: LSL's latest measurement."""
        self._measured = measured or self._measured
        if chunk is not None and len(chunk):
            self._first_arrival_s = now_s if self._first_arrival_s is None else self._first_arrival_s
            if self.basis is not ClockBasis.MEASURED:
                self._arrivals.add(now_s, _newest(None, chunk.stamps))
            self._waiting.append(chunk)
        if self._first_arrival_s is None:
            return []
        if self.basis in (ClockBasis.UNKNOWN, ClockBasis.UNMEASURABLE):
            self._decide(now_s - self._first_arrival_s)
        if self.basis is ClockBasis.UNKNOWN:
            return []
        return [*self._renewal(now_s), *self._release()]

    def give_up(self) -> list[Chunk | ClockOffset]:
        """What still waits, when the connection ends before its clock was known."""
        if not self._waiting:
            return []
        if self.basis is ClockBasis.UNKNOWN:
            self.basis = ClockBasis.UNMEASURABLE
        return [*self._renewal(self._renewed_s), *self._release()]

    def _decide(self, waited_s: float) -> None:
        if self._measured is not None:
            if abs(self._arrivals.offset_s - self._measured.offset_s) <= self._foreign_s:
                self.basis, self.latest = ClockBasis.MEASURED, None
            elif waited_s >= LISTEN_S:
                self.basis = ClockBasis.FOREIGN
        elif waited_s >= PATIENCE_S:
            self.basis = ClockBasis.UNMEASURABLE

    def _renewal(self, now_s: float) -> list[ClockOffset]:
        """The next measurement to be handed over, if one is due."""
        if self.latest is not None and now_s - self._renewed_s < RENEW_S:
            return []
        found = self._measured if self.basis is ClockBasis.MEASURED else self._by_arrival(now_s)
        if found is None or found == self.latest:
            return []
        time_s = self._above_newest(found.time_s)
        self._renewed_s, self.latest = now_s, found
        return [ClockOffset(self._stream_id, time_s, found.offset_s)]

    def _by_arrival(self, now_s: float) -> Measurement | None:
        """After a silence the old offset holds until arrivals were watched anew: what comes first may be a backlog."""
        if not self._waiting:
            return None
        offset_s = self._arrivals.offset_s
        if self.latest is not None and not self._arrivals.settled(now_s):
            offset_s = self.latest.offset_s
        return Measurement(float(self._waiting[0].stamps[0]), offset_s, math.inf)

    def _above_newest(self, time_s: float) -> float:
        """When a measurement holds from: a connection's first one for what has waited for it, any other from now on."""
        if self._fresh and self._waiting:
            time_s = min(time_s, float(self._waiting[0].stamps[0]))
        set_back = self._fresh and self.newest is not None and time_s < self.newest - RESET_S
        if self.newest is None or set_back or time_s > self.newest:
            return time_s
        return math.nextafter(self.newest, math.inf)

    def _release(self) -> list[Chunk]:
        released, self._waiting = self._waiting, []
        for chunk in released:
            self.newest = _newest(self.newest, chunk.stamps)
            self._fresh = False
        return released


def _newest(before: float | None, stamps: TimeArray) -> float:
    """The newest raw stamp since the clock was last set back by more than RESET_S."""
    low, high = float(stamps.min()), float(stamps.max())
    reached = high if before is None else max(before, high)
    if reached - low <= RESET_S:  # no step can be so large: nearly always
        return reached
    joined = stamps if before is None else np.concatenate(([before], stamps))
    set_back = np.flatnonzero(np.diff(joined) < -RESET_S)
    return float(np.max(joined[set_back[-1] + 1 :] if len(set_back) else joined))
