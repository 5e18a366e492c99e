"""A device's clock on the LSL clock, by regression of arrival on device time.

A sample cannot arrive before it was taken, and what delays it (driver, network, polling) only ever adds. So of each
second the least (arrival - device time) counts, and a straight line under those of the last minutes is the offset. Its
slope, the drift, is the median slope between the older and the newer half of them (Theil and Sen's regression, with
fewer pairs), which a stall of seconds does not bend. What is left is the least delay of the way itself, which no
arrival shows; a device's profile states it where somebody has measured it (latency_ms).

The offset that is used glides towards that line, so that stamps never step, and it uses nothing that came later. The
device was set, or started anew, where samples seem to come before they were taken, or STUCK_S long far too late.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from rtemo.core.types import TimeArray

SETTLE_S = 1.0  # before its end no stamp is given: the first samples are often a backlog
MEMORY_S = 300.0
FEWEST = 20  # seconds that a slope is fitted to
SLEW = 1e-3  # seconds a second, as rtemo.core.timing.clock_correction has it
RESET_S, STUCK_S = 1.0, 5.0


@dataclass(frozen=True, slots=True)
class ClockReport:
    """drift_ppm: of the device's clock against LSL's. resets: how often it was found to have been set.

    jitter_ms: how late samples come beyond the least delay, 95th percentile.
    """

    drift_ppm: float
    jitter_ms: float
    resets: int


class DeviceClock:
    """The clock of one device. Feed it every block in the order of arrival."""

    def __init__(self) -> None:
        self.resets = 0
        self.begin()

    def begin(self) -> None:
        """Forget what is known: a connection begins, and nothing says that the device did not."""
        self._least: deque[tuple[float, float]] = deque(maxlen=round(MEMORY_S))  # device time, offset: of each second
        self._late: deque[float] = deque(maxlen=4096)
        self._best: tuple[float, float] | None = None  # of this second
        self._second = 0
        self._first_arrival: float | None = None
        self._offset = np.nan  # in use, at device time _at
        self._at = 0.0
        self._slope, self._low = 0.0, np.inf
        self._stuck_since: float | None = None

    def see(self, device_s: float, arrived_s: float) -> None:
        """Take in the newest sample of a block."""
        offset = arrived_s - device_s
        if self._first_arrival is None:
            self._first_arrival, self._second = arrived_s, int(arrived_s)
        if self._is_reset(device_s, offset, arrived_s):
            self.resets += 1
            self.begin()
            self._first_arrival, self._second = arrived_s, int(arrived_s)
        if int(arrived_s) != self._second and self._best is not None:
            self._least.append(self._best)
            self._best, self._second = None, int(arrived_s)
            self._fit()
        if self._best is None or offset < self._best[1]:
            self._best = (device_s, offset)
        if not np.isnan(self._offset):
            self._late.append(offset - self._line(device_s))

    @property
    def settled(self) -> bool:
        """Whether stamps can be given."""
        return not np.isnan(self._offset)

    def settle(self, arrived_s: float) -> None:
        """Begin to give stamps where SETTLE_S is over."""
        if self.settled or self._first_arrival is None or arrived_s - self._first_arrival < SETTLE_S:
            return
        known = [*self._least, *([self._best] if self._best else [])]
        self._at, self._offset = min(known, key=lambda one: one[1])

    def to_lsl(self, device_s: TimeArray) -> TimeArray:
        """LSL times (n,) of device times (n,), NaN before the clock has settled."""
        if not self.settled or not len(device_s):
            return np.full(len(device_s), np.nan)
        reach = SLEW * np.maximum(device_s - self._at, 0.0)
        offsets = self._offset + np.clip(self._line(float(device_s[-1])) - self._offset, -reach, reach)
        self._offset, self._at = float(offsets[-1]), max(float(device_s[-1]), self._at)
        return np.asarray(device_s + offsets)

    def report(self) -> ClockReport:
        late = np.array(self._late) if self._late else np.zeros(1)
        return ClockReport(1e6 * self._slope, 1e3 * float(np.percentile(late, 95) - late.min()), self.resets)

    def _is_reset(self, device_s: float, offset: float, arrived_s: float) -> bool:
        if not self.settled:
            return False
        beyond = offset - self._line(device_s)
        if beyond < RESET_S:
            self._stuck_since = None
            return beyond < -RESET_S
        self._stuck_since = arrived_s if self._stuck_since is None else self._stuck_since
        return arrived_s - self._stuck_since > STUCK_S

    def _fit(self) -> None:
        """Draw the line under the seconds so far; with few of them, a level."""
        times, offsets = np.array(self._least).T
        if len(times) >= FEWEST:
            half = len(times) // 2
            self._slope = float(np.median((offsets[half:] - offsets[:-half]) / (times[half:] - times[:-half])))
        self._low = float((offsets - self._slope * times).min())

    def _line(self, device_s: float) -> float:
        """The offset by what is known; a second that goes on counts where there are few."""
        if len(self._least) >= FEWEST or self._best is None:
            return self._low + self._slope * device_s
        return min(self._low, self._best[1])
