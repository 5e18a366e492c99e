"""Statistics of one connection: samples, rate, losses, and how long a silence is normal. Reads no clock."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from rtemo.core.types import TimeArray
from rtemo.sources.lsl.times.missing_samples import Missing

RATE_SPAN_S = 5.0
MIN_SILENCE_S = 0.5
SILENCE_CHUNKS = 10
SLOW_S = 0.2  # an irregular stream whose chunks come more rarely than this is never missed
IRREGULAR_SILENCE_S = 2.0
N_INTERVALS = 32
SAME_CLOCK_S = 1.0  # stamps and arrivals of two connections that differ by less come from one clock


class Counters:
    """Fed with every chunk's stamps and arrival; everything else is read off."""

    def __init__(self, nominal_rate_hz: float, *, text: bool, before: Counters | None = None) -> None:
        """text: a string stream. It is silent as long as nothing happens. before: of the connection before this one,
        whose losses are counted on.
        """
        self.n_samples = 0
        self.n_between: int | None = None  # samples that are missing since the connection before; None: not known yet
        self._before = before
        self.newest_stamp = math.nan
        self.last_arrival_s = math.nan
        self._nominal_hz, self._text = nominal_rate_hz, text
        self._missing = Missing(nominal_rate_hz) if nominal_rate_hz > 0 else None
        if before is not None and before._missing is not None and self._missing is not None:
            self._missing = before._missing
        self._recent: deque[tuple[float, int]] = deque()  # last stamp and size of recent chunks
        self._intervals: deque[float] = deque(maxlen=N_INTERVALS)

    def add(self, now_s: float, stamps: TimeArray) -> None:
        """A chunk (n,) that arrived at now_s and whose stamps all fit, n > 0."""
        self.arrive(now_s, len(stamps))
        self.place(stamps)

    def arrive(self, now_s: float, n: int) -> None:
        """N > 0 samples arrived, whatever their stamps are."""
        if self.n_samples:
            self._intervals.append(now_s - self.last_arrival_s)
        self.n_samples += n
        self.last_arrival_s = now_s

    def place(self, stamps: TimeArray) -> None:
        """The stamps (n,) of samples that arrived and fit, n > 0."""
        if self._before is not None:
            self._connect(self._before, float(stamps[0]))
            self._before = None
        if self._missing is not None:
            self._missing.add(stamps)
        last = float(stamps[-1])
        if self._recent and abs(last - self._recent[-1][0]) > RATE_SPAN_S:
            self._recent.clear()
        self._recent.append((last, len(stamps)))
        while self._recent[0][0] < last - RATE_SPAN_S:
            self._recent.popleft()
        self.newest_stamp = last

    def begin_anew(self) -> None:
        """The sender's clock was set: the next stamps have nothing to do with those before."""
        self._recent.clear()
        if self._missing is not None:
            self._missing.begin_anew()

    def _connect(self, before: Counters, first: float) -> None:
        """The first stamp of a connection tells what is missing since the one before, if its clock is the same."""
        if self._missing is None or math.isnan(before.newest_stamp):
            return
        hole_s, silence_s = first - before.newest_stamp, self.last_arrival_s - before.last_arrival_s
        if not abs(hole_s - silence_s) < SAME_CLOCK_S:
            self._missing.begin_anew()
            hole_s = silence_s
            self._missing.n += max(0, round(hole_s * self._missing.rate_hz) - 1)
        self.n_between = max(0, round(hole_s * self._missing.rate_hz) - 1)

    @property
    def n_missing(self) -> int:
        """Samples that are missing by the stamps; 0 for an irregular stream."""
        return 0 if self._missing is None else self._missing.n

    @property
    def rate_hz(self) -> float:
        """Samples a second of the last seconds, by their stamps; NaN while there are too few."""
        if len(self._recent) < 2:
            return math.nan
        span_s = self._recent[-1][0] - self._recent[0][0]
        return sum(n for _, n in list(self._recent)[1:]) / span_s if span_s > 0 else math.nan

    @property
    def silence_s(self) -> float:
        """How long nothing may come before the stream is stalled; infinity where silence is normal."""
        if self._text or len(self._intervals) < 2:
            return math.inf if self._text or self._nominal_hz <= 0 else self._first_silence_s
        usual_s = float(np.median(self._intervals))
        if self._nominal_hz > 0:
            return max(MIN_SILENCE_S, SILENCE_CHUNKS * usual_s)
        return math.inf if usual_s > SLOW_S else max(IRREGULAR_SILENCE_S, SILENCE_CHUNKS * usual_s)

    @property
    def _first_silence_s(self) -> float:
        return max(IRREGULAR_SILENCE_S, SILENCE_CHUNKS / self._nominal_hz)
