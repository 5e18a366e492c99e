"""Sampling rates measured from stamps. Nominal rates are a hint: devices state wrong ones (a Tobii always 600 Hz).

Knows only stamps; the result depends on nothing but the stamps that it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import MAX_TIME_S, BoolArray, TimeArray

MEASURE_S = 1.0  # stamps are watched this long before a rate is believed
MEASURE_SAMPLES = 16  # and at least this many of them
SNAP = 0.02  # a measured rate this close to the nominal one is the nominal one, where the stamps allow it
FOLLOWED_S = 1.84  # a rate that is off by a share makes the jitter filter lag by so many seconds of it, at most
BREAK_S = 0.1  # a step that is off by more breaks the line through the stamps
EARLY_SHARE = 0.05  # with this share of steps below half a period, the stamps jitter too much to count by
JITTERED = 0.05  # steps that differ so much, in periods, give no exact median
PAUSES = 2  # the longest steps, which say nothing about bursts where they are
PAUSE_STEPS = 10.0  # so many usual steps
BURSTY_SHARE = 0.2  # a stream with this share of steps below half a period is stamped in bursts
BACK_SHARE = 0.05  # and so is one with this share of steps that go back: its stamps cannot be kept
MIN_THRESHOLD_S = 0.002
MAX_THRESHOLD_S = 1.0
MIN_HZ = 0.4  # nothing that is sampled less often is a signal


@dataclass(frozen=True, slots=True)
class Rate:
    """A measured rate. A step whose residual exceeds gap_s is a gap, not jitter."""

    hz: float
    bursty: bool
    gap_s: float


def enough(times: TimeArray) -> bool:
    """Whether these stamps suffice to measure a rate."""
    return len(times) >= MEASURE_SAMPLES and float(times[-1] - times[0]) >= MEASURE_S


def steps_of(times: TimeArray, before: float) -> TimeArray:
    """The steps (n,) to times (n,), the first one from `before`. What np.diff with prepend gives, without its cost."""
    steps = np.empty_like(times)
    steps[0] = times[0] - before
    np.subtract(times[1:], times[:-1], out=steps[1:])
    return steps


def measure(times: TimeArray, nominal_hz: float, numbers: Sequence[int] | None = None) -> Rate:
    """The rate of at least two stamps (n,) in seconds. numbers: of the samples, where some between them are left out.

    The median step gives the rate of a stream that loses packets, the line through all stamps that of one that is
    stamped in bursts, or with more jitter than the samples are apart.
    """
    steps = np.diff(times)
    taken = np.ones(len(steps)) if numbers is None else np.diff(np.array(numbers, dtype=np.float64))
    span = float(times[-1] - times[0])
    mean_hz = len(steps) / span if span > 0 else max(nominal_hz, 1.0)
    forward = steps[steps > 0]
    median_hz = 1.0 / float(np.median(forward)) if len(forward) else mean_hz
    bursty = _is_bursty(steps)
    if bursty:
        mean_hz = _line_hz(times, np.concatenate([[0.0], np.cumsum(taken)])) or mean_hz
    hz = mean_hz if bursty else _with_jitter(steps, taken, median_hz)
    gap_s = _gap_threshold(times, steps, 1.0 / hz, bursty)
    hz = _snap(hz, steps, taken, nominal_hz, gap_s)
    return Rate(hz, bursty, _gap_threshold(times, steps, 1.0 / hz, bursty))


def _with_jitter(steps: TimeArray, taken: TimeArray, hz: float) -> float:
    """The median step's rate; where the steps differ much, that of the line through the stamps near it."""
    if float(np.median(np.abs(steps * hz - 1.0))) < JITTERED:
        return hz
    regular, index = _regular(steps, taken, hz, float("inf"))
    return _line_hz(np.concatenate([[0.0], np.cumsum(steps[regular])]), index) or hz


def _regular(steps: TimeArray, taken: TimeArray, hz: float, limit_s: float) -> tuple[BoolArray, TimeArray]:
    """The steps that are not off by more than a limit, and the numbers of samples that they lead to, from 0.

    A long step is a loss where counting so leaves the stamps nearer to a line; else it was jitter, and none is missing.
    """
    best = np.inf
    jittery = np.mean(steps * hz < 0.5 * taken) > EARLY_SHARE  # counting by steps would follow any jitter
    for counted in (taken,) if jittery else (np.maximum(np.round(steps * hz), taken), taken):
        kept = np.abs(steps - counted / hz) <= limit_s
        index, line = (np.concatenate([[0.0], np.cumsum(part[kept])]) for part in (counted, steps))
        fitted_hz = _line_hz(line, index)
        spread = float(np.std(line - index / fitted_hz)) if fitted_hz else np.inf
        if spread < best:
            best, found = spread, (kept, index)
    return found if best < np.inf else (np.zeros(len(steps), dtype=bool), np.zeros(1))


def _is_bursty(steps: TimeArray) -> bool:
    """Whether many samples come together. A pause or two among regular steps make no bursts."""
    long = np.sort(steps)[-PAUSES:]
    usual = float(np.median(np.abs(steps)))
    pauses = long[long > PAUSE_STEPS * usual] if len(steps) > 2 * PAUSES else long[:0]
    rest = float(steps.sum() - pauses.sum())
    mean = rest / max(len(steps) - len(pauses), 1)
    return bool(np.mean(steps < 0.5 * mean) > BURSTY_SHARE or np.mean(steps <= 0) > BACK_SHARE)


def _line_hz(times: TimeArray, index: NDArray[Any]) -> float:
    """The rate of the line through stamps by least squares; 0 where they do not increase."""
    centred = index - index.mean()
    spread = float(centred @ centred)
    period_s = float(centred @ (times - times.mean())) / spread if spread > 0 else 0.0
    return 1.0 / period_s if period_s > 0 else 0.0


def _snap(hz: float, steps: TimeArray, taken: TimeArray, nominal_hz: float, gap_s: float) -> float:
    """The nominal rate where it is near and the stamps do not contradict it, else the rate that they give."""
    if not (nominal_hz > 0 and abs(hz / nominal_hz - 1.0) < SNAP):
        return hz
    regular, index = _regular(steps, taken, nominal_hz, max(BREAK_S, gap_s))
    line = np.concatenate([[0.0], np.cumsum(steps[regular])])
    fitted_hz = _line_hz(line, index)
    if not fitted_hz:
        return nominal_hz
    residual = line - index / fitted_hz
    level = residual - residual.mean()
    independent = max(int(np.count_nonzero(level[1:] * level[:-1] < 0.0)), 2)  # jitter comes in waves: chunks
    error = float(np.std(residual)) * np.sqrt(12.0 / independent) / float(line[-1])
    allowed = max(0.5 * gap_s / FOLLOWED_S, 3.0 * error)
    return nominal_hz if abs(fitted_hz / nominal_hz - 1.0) <= allowed else fitted_hz


def _gap_threshold(times: TimeArray, steps: TimeArray, period_s: float, bursty: bool) -> float:  # noqa: FBT001
    """Three times the jitter seen, at least three quarters of a period: one lost sample shows if jitter allows."""
    if bursty:
        residual = times - times[0] - period_s * np.arange(len(times))
        jitter = 0.5 * float(np.max(residual) - np.min(residual))
    else:
        deviation = np.abs(steps - period_s)
        jitter = float(np.max(deviation[deviation < 0.5 * period_s], initial=0.0))
        late = deviation[(deviation >= 0.5 * period_s) & (deviation < 0.1)]
        early = np.count_nonzero(steps < 0.5 * period_s)
        if 0 < 0.3 * len(late) < early:  # what came late was caught up with: jitter. Lost packets are never
            jitter = max(jitter, float(np.median(late)))
    return float(np.clip(max(0.75 * period_s, 3.0 * jitter), MIN_THRESHOLD_S, MAX_THRESHOLD_S))


def refused(measured: Rate, times: TimeArray, nominal_hz: float) -> str:
    """Why no sensor can have stamped like this; "" where it can have."""
    for times_more, name in ((1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds")):
        if nominal_hz > 0.0 and abs(nominal_hz / measured.hz / times_more - 1.0) < 0.2:
            return f"stamps are not seconds: {times_more:.0f} times what its rate allows ({name}); they are not used"
    if measured.hz < MIN_HZ or float(np.max(np.abs(times))) > MAX_TIME_S:
        return f"stamps are not seconds: a step of {1.0 / measured.hz:.4g} from sample to sample; they are not used"
    return ""
