"""Real-time playback of a recording at any speed: when each sample is due, and a source that gives none sooner.

`Pacer` is the plan alone and reads no clock: it is given how much of the recording is due. `PacedSource` asks a clock.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable

import numpy as np

from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, Item, StreamDown, StreamInfo, StreamUp
from rtemo.sources.xdf.cursor import Timed
from rtemo.sources.xdf.source import XdfSource

TICK_S = 0.01  # samples are handed out no more often: a reader that wakes for each of 1000 a second does little else
EARLY_S = 1e-6  # and so much too soon, since clocks and times are rounded


class Pacer:
    """Holds items in the order in which a recording gives them and hands out what is due, cut at the sample."""

    def __init__(self) -> None:
        self._pending: dict[str, deque[Timed]] = {}  # by stream
        self.reach_s = -np.inf  # up to this moment all is here: a recording comes by the first sample of each chunk

    def add(self, items: list[Timed]) -> None:
        for timed in items:
            self._pending.setdefault(timed.stream_id, deque()).append(timed)
            if len(timed.elapsed):
                self.reach_s = float(timed.elapsed[0])

    @property
    def next_s(self) -> float | None:
        """When the next item is due, in elapsed seconds of the recording; None when none is pending."""
        return min((_first_s(pending[0]) for pending in self._pending.values() if pending), default=None)

    def due(self, now_s: float) -> list[Timed]:
        """What is due at a moment of the recording, each stream in its order. Items without samples are due at once.

        A sample that stands before the one in front of it is due with that one. A stream that ends, and one that takes
        its place, come before the others, so that no window is made of these without it.
        """
        out: list[Timed] = []
        for pending in sorted(self._pending.values(), key=lambda waiting: not _changes(waiting, now_s)):
            while pending and _first_s(pending[0]) <= now_s + EARLY_S:
                timed = pending.popleft()
                if isinstance(timed.item, StreamUp):  # whatever the stamps of the one that was there say
                    before = self._pending.pop(timed.item.replaces, deque())
                    out += before
                    before.clear()
                n_due = int(np.searchsorted(np.maximum.accumulate(timed.elapsed), now_s + EARLY_S, side="right"))
                out.append(_cut(timed, slice(None, n_due)))
                if n_due < len(timed.elapsed):
                    pending.appendleft(_cut(timed, slice(n_due, None)))
        return out


class PacedSource:
    """A recording as a Source that plays at a speed: 1 is as it was recorded, 2 twice as fast."""

    def __init__(
        self,
        recording: XdfSource,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """`clock` and `wait` are in seconds. Raises RtemoError for a speed that is none."""
        if not 0 < speed < np.inf:
            raise RtemoError("cannot play at this speed", f"speed is {speed:g}", "give a number above 0, or max")
        self.recording = recording
        self.speed = speed
        self._clock, self._wait = clock, wait
        self._pacer = Pacer()
        self._began_s: float | None = None  # what the clock showed at the recording's first sample

    @property
    def exhausted(self) -> bool:
        return self.recording.exhausted and self._pacer.next_s is None

    def start(self) -> tuple[StreamInfo, ...]:
        return self.recording.start()

    def stop(self) -> None:
        self.recording.stop()
        self._pacer = Pacer()

    def read(self, timeout_s: float) -> list[Item]:
        """The samples that have become due; waits at most timeout_s for the first."""
        return [timed.item for timed in self.read_timed(timeout_s)]

    def read_timed(self, timeout_s: float) -> list[Timed]:
        """As `read`, with the times of the samples."""
        due = self._due()
        if due or self.exhausted:
            return due
        next_s = self._pacer.next_s
        wait_s = timeout_s if next_s is None else min(timeout_s, max(TICK_S, self.wall_s(next_s) - self._clock()))
        if wait_s > 0:
            self._wait(wait_s)
        return self._due()

    def wall_s(self, elapsed_s: float) -> float:
        """When a moment of the recording is due, on `clock`. Known from the first read on."""
        if self._began_s is None:
            raise ValueError("nothing has been read yet")
        return self._began_s + elapsed_s / self.speed

    def _due(self) -> list[Timed]:
        if self._began_s is None:
            self._began_s = self._clock() - self.recording.begin_s / self.speed
        now_s = (self._clock() - self._began_s) * self.speed
        self._fill(now_s)
        return self._pacer.due(now_s)

    def _fill(self, now_s: float) -> None:
        """Reads on until everything up to a moment is there."""
        while not self.recording.exhausted and (self._pacer.next_s is None or self._pacer.reach_s <= now_s):
            self._pacer.add(self.recording.read_timed())


def _changes(pending: Iterable[Timed], now_s: float) -> bool:
    """Whether a stream ends, or takes another's place, up to a moment."""
    ups = (timed for timed in pending if isinstance(timed.item, StreamUp | StreamDown))
    return any(_first_s(timed) <= now_s + EARLY_S for timed in ups)


def _first_s(timed: Timed) -> float:
    return float(timed.elapsed[0]) if len(timed.elapsed) else -np.inf


def _cut(timed: Timed, part: slice) -> Timed:
    if not isinstance(timed.item, Chunk):
        return timed
    chunk = timed.item
    cut = Chunk(chunk.stream_id, chunk.stamps[part], chunk.values[part])
    return Timed(timed.times[part], timed.elapsed[part], cut)
