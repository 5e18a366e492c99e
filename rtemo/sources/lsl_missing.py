"""How many samples are missing, by their stamps. What only comes late and is caught up with is not missing.

A step that is too long for the samples that came with it opens an episode, which ends QUIET_S after the last such step.
In it the deficit is (time passed) x rate - (samples received). Lateness makes the deficit too large for a while, never
too small: the smallest one of the last QUIET_S counts.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from rtemo.core.rate import MEASURE_S, MEASURE_SAMPLES, Rate, measure
from rtemo.core.types import TimeArray

QUIET_S = 1.0
MAX_EPISODE_S = 10.0  # longer, the error of the measured rate would count as missing samples
MAX_FIRST = 4096  # stamps that are kept, at most, while the rate is not known


class Missing:
    """Fed with every chunk's stamps of a stream that has a rate."""

    def __init__(self, nominal_rate_hz: float) -> None:
        self._nominal_hz = nominal_rate_hz
        self._rate: Rate | None = None
        self._first: list[TimeArray] = []
        self._n_first = 0
        self._newest = math.nan
        self._counted = 0
        self._begin: float | None = None  # the last stamp before an episode
        self._long_step: float = math.nan  # the stamp behind the last step that was too long
        self._received = 0
        self._deficits: deque[tuple[float, float]] = deque()  # stamp, deficit

    @property
    def n(self) -> int:
        """Samples that are missing so far."""
        return self._counted + max(0, round(min((deficit for _, deficit in self._deficits), default=0.0)))

    def add(self, stamps: TimeArray) -> None:
        """stamps: (n,), n > 0."""
        if self._rate is not None:
            self._count(self._rate, stamps)
            return
        self._first.append(stamps)
        self._n_first += len(stamps)
        span_s = float(stamps[-1] - self._first[0][0])
        if (self._n_first >= MEASURE_SAMPLES and span_s >= MEASURE_S) or self._n_first > MAX_FIRST:
            self._rate = measure(np.concatenate(self._first), self._nominal_hz)
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
            self._received += n
            self._deficits.append((last, (last - self._begin) * rate.hz - self._received))
            while self._deficits[0][0] < last - QUIET_S:
                self._deficits.popleft()
            if last - self._long_step > QUIET_S or last - self._begin > MAX_EPISODE_S:
                self._counted, self._begin = self.n, None
                self._deficits.clear()
        self._newest = last
