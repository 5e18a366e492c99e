"""The line that a run of samples lies on: the even time of each by counting samples, and how far a stamp is off it.

The time of sample n is followed by a critically damped alpha-beta tracker (a second-order phase-locked loop) on the
residual e_n = s_n - (s_0 + n p):
    prediction  e'_n = x_{n-1} + v_{n-1};  r_n = e_n - e'_n;  x_n = e'_n + alpha r_n;  v_n = v_{n-1} + beta r_n
with alpha = 2 w p and beta = (w p)^2. As a linear filter with a state it is bitwise the same for every way of cutting
the samples into chunks. A sample is in line where |r_n| is at most the rate's gap threshold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rtemo.core.filters import filter_one
from rtemo.core.timing.sampling_rate import Rate
from rtemo.core.types import TimeArray

TRACK_HZ = 0.2  # w, radians a second: jitter is averaged over about five seconds


class SampleLine:
    """One line at one measured rate. Every sample takes a place on it, also one without a usable stamp."""

    def __init__(self, measured: Rate, times: TimeArray, numbers: Sequence[int] | None = None) -> None:
        """times: of the first samples, by which it is placed; nothing of them is taken in yet. numbers: theirs, where
        some between them are left out.
        """
        self.gap_s = measured.gap_s
        self.period = 1.0 / measured.hz
        self._origin = float(times[0])
        self._n = 0
        step = TRACK_HZ * self.period
        self._alpha, self._beta = 2.0 * step, step * step
        self._keep = 1.0 - self._alpha
        self._b = np.array([self._alpha, self._beta - self._alpha])
        self._a = np.array([1.0, self._alpha + self._beta - 2.0, self._keep])
        self._state = self._state_of(self._first_level(times, numbers or range(len(times))), 0.0)

    def follow(self, times: TimeArray) -> TimeArray:
        """Even times of the samples up to the first that is not in line. They are taken in; times (n,) are finite."""
        even = self._origin + self.period * (self._n + np.arange(len(times)))
        residual = times - even
        level, state = filter_one(self._b, self._a, residual, self._state)
        off = np.abs(residual - level) > self.gap_s * self._keep
        if not off.any():
            self._state = state
            self._n += len(times)
            return np.asarray(even + level, dtype=np.float64)
        cut = int(np.argmax(off))
        if cut:
            _, self._state = filter_one(self._b, self._a, residual[:cut], self._state)
            self._n += cut
        return np.asarray(even[:cut] + level[:cut], dtype=np.float64)

    def off(self, time_s: float, places: int) -> float:
        """How far a sample lies behind its place, `places` after the next one."""
        return time_s - float(self._places(places, 1)[0])

    def skip(self, n: int) -> TimeArray:
        """The places of n samples without a usable stamp, by counting. They are taken in."""
        places = self._places(0, n)
        velocity = self._velocity
        self._state = self._state_of(float(self._state[0] / self._keep) + (n - 1) * velocity, velocity)
        self._n += n
        return places

    def restart(self, time_s: float) -> None:
        """Let the next sample lie at a time: it follows a step or a gap."""
        residual = time_s - (self._origin + self.period * self._n)
        self._state = self._state_of(residual - self._velocity, self._velocity)

    @property
    def _velocity(self) -> float:
        return float((self._state[0] + self._state[1]) / self._keep)

    def _places(self, first: int, n: int) -> TimeArray:
        index = first + np.arange(n)
        ahead = float(self._state[0] / self._keep) + index * self._velocity
        return np.asarray(self._origin + self.period * (self._n + index) + ahead, dtype=np.float64)

    def _first_level(self, times: TimeArray, numbers: Sequence[int]) -> float:
        """The level of the residual before the first gap."""
        residual = times - self._origin - self.period * (np.array(numbers) - numbers[0])
        jumps = np.flatnonzero(np.abs(np.diff(residual)) > self.gap_s)
        return float(np.median(residual[: int(jumps[0]) + 1] if len(jumps) else residual))

    def _state_of(self, level: float, velocity: float) -> NDArray[np.float64]:
        """The filter's two memories for a prediction of level + velocity."""
        return np.array([self._keep * (level + velocity), -self._keep * level])


def pieces(line: SampleLine, times: TimeArray) -> Iterator[tuple[int, TimeArray]]:
    """Where each part without a step begins, and its even times."""
    begin = 0
    while begin < len(times):
        even = line.follow(times[begin:])
        if len(even):
            yield begin, even
            begin += len(even)
        if begin < len(times):
            line.restart(float(times[begin]))
