"""Watches whether samples still fit the rate that was measured, and measures it again where they often do not."""

from __future__ import annotations

from collections import deque

import numpy as np

from rtemo.core.timing import sampling_rate as rate
from rtemo.core.types import TimeArray

MISFITS = 8  # steps and late samples within a while that call for another look at the rate
RATE_CHANGE, BURSTY_CHANGE, GAP_CHANGE = 0.005, 0.03, 1.3  # what is another rate, and what is more jitter
RECENT_S = 1.1  # what is measured then
FITS = 0.015  # a usual step that is off by a smaller share shows the rate that is known


class RateWatch:
    """The stamps on the line of about the last two seconds, and where samples did not fit it."""

    def __init__(self, nominal_hz: float) -> None:
        self._nominal_hz = nominal_hz
        self._recent: deque[TimeArray] = deque()
        self._misfits: deque[int] = deque(maxlen=MISFITS)  # the number of samples at each
        self._n = 0  # samples on the line so far

    def begin(self) -> None:
        """A new line begins."""
        self._misfits.clear()
        self._recent.clear()

    def on_line(self, times: TimeArray, hz: float) -> None:
        """Samples that lie on the line."""
        self._n += len(times)
        self.keep(times, hz)

    def keep(self, times: TimeArray, hz: float) -> None:
        """Stamps that a rate may be measured on."""
        self._recent.append(times)
        while sum(map(len, self._recent)) - len(self._recent[0]) > 2.0 * hz + 64:
            self._recent.popleft()

    def late(self, n: int) -> None:
        """So many samples did not lie on the line, which goes on behind them."""
        self._n += n
        self._misfits.extend([self._n] * min(n, MISFITS))

    def stepped(self) -> None:
        """The line goes on behind a gap."""
        self._misfits.append(self._n)

    def better(self, known: rate.Rate) -> rate.Rate | None:
        """The rate measured on the last second, where samples often do not fit and it is another one."""
        reach = max(64, round(2.0 * known.hz))
        if len(self._misfits) < MISFITS or self._n - self._misfits[0] > reach:
            return None
        self._misfits.clear()
        recent = np.concatenate(list(self._recent))[-reach:]
        recent = recent[recent > recent[-1] - RECENT_S]
        if not rate.enough(recent) or abs(np.median(np.abs(np.diff(recent))) * known.hz - 1.0) < FITS:
            return None  # between losses the rate is what it was
        new = rate.measure(recent, self._nominal_hz)
        if new.bursty and not known.bursty:  # more jitter than the samples are apart: that changes no rate
            new = rate.Rate(known.hz, bursty=True, gap_s=new.gap_s)
        bursty = new.bursty or known.bursty
        other = abs(new.hz / known.hz - 1.0) > (BURSTY_CHANGE if bursty else RATE_CHANGE)
        new = rate.Rate(new.hz, bursty, new.gap_s)
        return new if other or new.gap_s > GAP_CHANGE * known.gap_s else None
