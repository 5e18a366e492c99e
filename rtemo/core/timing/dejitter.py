"""Dejittering: evens out time stamps and detects gaps. Nothing is ever shifted across a gap.

Within a run of samples the time of sample n is followed by a critically damped alpha-beta tracker (a second-order
phase-locked loop) on the residual e_n = s_n - (s_0 + n p):
    prediction  e'_n = x_{n-1} + v_{n-1};  r_n = e_n - e'_n;  x_n = e'_n + alpha r_n;  v_n = v_{n-1} + beta r_n
with alpha = 2 w p and beta = (w p)^2. As a linear filter with a state it is bitwise the same for every way of cutting
the samples into chunks. A residual above the rate's gap threshold, either way, starts a new run: liblsl's own
dejitterer, which counts samples through gaps, is off by up to seconds after one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from rtemo.core.timing import sampling_rate as rate
from rtemo.core.timing.unknown_times import UnknownTimes
from rtemo.core.types import TimeArray

TRACK_HZ = 0.2  # w, radians a second: jitter is averaged over about five seconds
REMEASURE_S = 1.0  # after a gap longer than this the rate is measured anew


@dataclass(frozen=True, slots=True)
class SampleRun:
    """Samples with increasing times and no hole among them.

    gap_s: the hole before the first one in seconds, inf for a stream's first run, 0 where the run goes on.
    """

    times: TimeArray
    values: NDArray[Any]
    rate_hz: float
    gap_s: float


class Dejitter:
    """Turns the samples of one stream into runs. Times are LSL seconds.

    Samples wait until the rate has been measured (one second); after that none is held back.
    even: even out the jitter. Otherwise stamps are kept and only made to increase (gaze trackers stamp their samples),
    unless they come in bursts.
    """

    def __init__(self, nominal_hz: float, *, even: bool) -> None:
        self._nominal_hz = nominal_hz
        self._even = even
        self._waiting: tuple[TimeArray, NDArray[Any]] | None = None
        self._tracker: _Tracker | None = None
        self._newest = -np.inf  # time of the last sample that came in
        self._last = -np.inf  # time of the last sample given out
        self.rate: rate.Rate | None = None  # the last measured one
        self.n_dropped = 0  # samples without a time, or that lie before ones already given out
        self.n_gaps = 0
        self.unknown = UnknownTimes()
        self.distrusted = False  # whether what comes in is not believed: see rtemo.core.types.StreamNotice

    def push(self, times: TimeArray, values: NDArray[Any]) -> list[SampleRun]:
        """Runs that are ready. times (n,) may hold NaN (no time known): such samples are dropped and counted."""
        known = np.isfinite(times)
        self.unknown.note(times, known, distrusted=self.distrusted)
        if not known.all():
            self.n_dropped += int(len(times) - np.count_nonzero(known))
            times, values = times[known], values[known]
        runs: list[SampleRun] = []
        while len(times):
            if self._tracker is None:
                times, values = self._wait(times, values, runs)
            else:
                cut = self._first_long_gap(times)
                self._newest = float(times[cut - 1]) if cut else self._newest
                runs += self._run(times[:cut], values[:cut])
                times, values = times[cut:], values[cut:]
                if len(times):
                    self._tracker = None
        return runs

    def flush(self) -> list[SampleRun]:
        """The samples that still wait for a rate, if there are enough to measure one."""
        if self._waiting is None:
            return []
        (times, values), self._waiting = self._waiting, None
        if len(times) < 2 or times[-1] <= times[0]:
            self.n_dropped += len(times)
            return []
        return self._begin(times, values)

    def _wait(self, times: TimeArray, values: NDArray[Any], runs: list[SampleRun]) -> tuple[TimeArray, NDArray[Any]]:
        """Collect samples until a rate can be measured; where that is does not depend on how they were cut."""
        if self._waiting is not None:
            times = np.concatenate([self._waiting[0], times])
            values = np.concatenate([self._waiting[1], values])
            self._waiting = None
        late = np.flatnonzero(times - times[0] >= rate.MEASURE_S)
        ready = max(int(late[0]) + 1, rate.MEASURE_SAMPLES) if len(late) else len(times) + 1
        if ready > len(times):
            self._waiting = (times, values)
            return times[:0], values[:0]
        runs += self._begin(times[:ready], values[:ready])
        return times[ready:], values[ready:]

    def _begin(self, times: TimeArray, values: NDArray[Any]) -> list[SampleRun]:
        """Measure the rate on these samples and give them out."""
        self.rate = rate.measure(times, self._nominal_hz)
        self._newest = float(times[-1])
        self._tracker = _Tracker(self.rate, times)
        return self._run(times, values)

    def _first_long_gap(self, times: TimeArray) -> int:
        """Index of the first sample behind a gap that calls for a new measurement, or the number of samples."""
        wide = rate.steps_of(times, self._newest) > REMEASURE_S
        return int(np.argmax(wide)) if wide.any() else len(times)

    def _run(self, times: TimeArray, values: NDArray[Any]) -> list[SampleRun]:
        assert self.rate is not None
        assert self._tracker is not None
        if not (self._even or self.rate.bursty):
            return self._give_out(times, values)
        runs: list[SampleRun] = []
        begin = 0
        for even in self._tracker.pieces(times):
            runs += self._give_out(even, values[begin : begin + len(even)])
            begin += len(even)
        return runs

    def _give_out(self, times: TimeArray, values: NDArray[Any]) -> list[SampleRun]:
        """A run of the samples that lie after everything given out before."""
        assert self.rate is not None
        reached = np.maximum.accumulate(np.concatenate([[self._last], times]))
        later = times > reached[:-1]
        if not later.all():
            self.n_dropped += int(np.count_nonzero(~later))
            times, values = times[later], values[later]
        if not len(times):
            return []
        hole = float(times[0]) - self._last - 1.0 / self.rate.hz
        gap_s = hole if hole > self.rate.gap_s else 0.0
        self.n_gaps += 0.0 < gap_s < np.inf
        self._last = float(times[-1])
        return [SampleRun(times, values, self.rate.hz, gap_s)]


class _Tracker:
    """The alpha-beta tracker of one run after another, at one measured rate."""

    def __init__(self, measured: rate.Rate, times: TimeArray) -> None:
        self._period = 1.0 / measured.hz
        self._gap_s = measured.gap_s
        self._origin = float(times[0])
        self._n = 0
        step = TRACK_HZ * self._period
        self._alpha, self._beta = 2.0 * step, step * step
        self._keep = 1.0 - self._alpha
        self._b = np.array([self._alpha, self._beta - self._alpha])
        self._a = np.array([1.0, self._alpha + self._beta - 2.0, self._keep])
        self._state = self._state_of(self._first_level(times), 0.0)

    def _first_level(self, times: TimeArray) -> float:
        """The level of the residual before the first gap."""
        residual = times - self._origin - self._period * np.arange(len(times))
        jumps = np.flatnonzero(np.abs(np.diff(residual)) > self._gap_s)
        return float(np.median(residual[: int(jumps[0]) + 1] if len(jumps) else residual))

    def _state_of(self, level: float, velocity: float) -> NDArray[np.float64]:
        """The filter's two memories for a prediction of level + velocity."""
        return np.array([self._keep * (level + velocity), -self._keep * level])

    def pieces(self, times: TimeArray) -> list[TimeArray]:
        """Even times of consecutive samples, one array for each part without a jump."""
        index = self._n + np.arange(len(times))
        self._n += len(times)
        even = self._origin + self._period * index
        residual = times - even
        pieces: list[TimeArray] = []
        begin = 0
        while begin < len(times):
            level, state = lfilter(self._b, self._a, residual[begin:], zi=self._state)
            off = np.abs(residual[begin:] - level) > self._gap_s * self._keep
            if not off.any():
                self._state = state
                pieces.append(even[begin:] + level)
                break
            cut = int(np.argmax(off))
            if cut:
                _, self._state = lfilter(self._b, self._a, residual[begin : begin + cut], zi=self._state)
                pieces.append(even[begin : begin + cut] + level[:cut])
            begin += cut
            velocity = (self._state[0] + self._state[1]) / self._keep
            self._state = self._state_of(float(residual[begin]) - velocity, velocity)
        return pieces
