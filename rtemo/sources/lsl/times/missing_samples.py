"""Counts missing samples by their stamps. What only comes late and is caught up with is not missing.

A step that is too long for the samples that came with it opens an episode, which ends QUIET_S after the last such step.
In it the deficit is (time passed) x rate - (samples received). Lateness makes the deficit too large for a while, never
too small: the smallest one of the last QUIET_S counts. An episode that does not end is measured anew: the rate may
have been wrong, as when a stream begins with a backlog. A stream that loses all the time is counted a little low.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from rtemo.core.timing.sampling_rate import MEASURE_S, MEASURE_SAMPLES, Rate, measure
from rtemo.core.types import TimeArray

QUIET_S = 1.0
MAX_EPISODE_S = 10.0  # longer, the error of the measured rate would count as missing samples
SAME_RATE = 0.05
MAX_FIRST = 4096  # stamps that are kept, at most, while the rate is not known


class Missing:
    """Fed with every chunk's stamps of a stream that has a rate."""

    def __init__(self, nominal_rate_hz: float) -> None:
        self._nominal_hz = nominal_rate_hz
        self._rate: Rate | None = None
        self._first: list[TimeArray] = []
        self._newest = math.nan
        self.n = 0  # samples that are missing so far
        self._begin: float | None = None  # the last stamp before an episode
        self._long_step: float = math.nan  # the stamp behind the last step that was too long
        self._received = 0
        self._episode: list[TimeArray] = []
        self._deficits: deque[tuple[float, float]] = deque()  # stamp, deficit

    @property
    def rate_hz(self) -> float:
        """The measured rate, or else the nominal one."""
        return self._nominal_hz if self._rate is None else self._rate.hz

    def begin_anew(self) -> None:
        """What comes next has nothing to do with the stamps so far."""
        if self._rate is not None and self._begin is not None:
            self._close(self._rate)
        self._first, self._newest, self._long_step = [], math.nan, math.nan

    def add(self, stamps: TimeArray) -> None:
        """stamps: (n,), n > 0."""
        if self._rate is not None:
            self._count(self._rate, stamps)
            return
        self._first.append(stamps)
        first = np.concatenate(self._first)
        if _enough(first) or len(first) > MAX_FIRST:
            self._rate = measure(first, self._nominal_hz)
            for early in self._first:
                self._count(self._rate, early)
            self._first = []

    def _count(self, rate: Rate, stamps: TimeArray) -> None:
        last, n = float(stamps[-1]), len(stamps)
        if math.isnan(self._newest):
            self._newest, n = float(stamps[0]), n - 1
        if last - self._newest - n / rate.hz > rate.gap_s:
            self._long_step = last
            if self._begin is None:
                self._begin, self._received = self._newest, 0
        if self._begin is not None:
            self._episode.append(stamps)
            self._received += n
            self._deficits.append((last, (last - self._begin) * rate.hz - self._received))
            while self._deficits[0][0] < last - QUIET_S:
                self._deficits.popleft()
            if last - self._long_step > QUIET_S:
                self._close(rate)
            elif last - self._begin > MAX_EPISODE_S:
                self._close(self._measured_again(rate))
        self._newest = last

    def _close(self, rate: Rate) -> None:
        """End the episode. Its deficit counts if the rate was right."""
        if rate is self._rate:
            self.n += max(0, round(min(deficit for _, deficit in self._deficits)))
        self._rate, self._begin = rate, None
        self._episode.clear()
        self._deficits.clear()

    def _measured_again(self, rate: Rate) -> Rate:
        stamps = np.concatenate(self._episode)
        again = measure(stamps, self._nominal_hz) if _enough(stamps) else rate
        return rate if abs(again.hz / rate.hz - 1.0) < SAME_RATE else again


def _enough(stamps: TimeArray) -> bool:
    return len(stamps) >= MEASURE_SAMPLES and bool(stamps[-1] - stamps[0] >= MEASURE_S)
