"""Sampling rates measured from stamps. Nominal rates are a hint: devices state wrong ones (a Tobii always 600 Hz).

Knows only stamps; the result depends on nothing but the stamps that it is given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtemo.core.types import TimeArray

MEASURE_S = 1.0  # stamps are watched this long before a rate is believed
MEASURE_SAMPLES = 16  # and at least this many of them
SNAP = 0.02  # a measured rate this close to the nominal one is the nominal one
BURSTY_SHARE = 0.2  # a stream with this share of steps below half a period is stamped in bursts
MIN_THRESHOLD_S = 0.002
MAX_THRESHOLD_S = 1.0


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


def measure(times: TimeArray, nominal_hz: float) -> Rate:
    """The rate of at least two stamps (n,) in seconds.

    The median step gives the rate of a stream that loses packets, the mean step that of one that is stamped in bursts.
    """
    steps = np.diff(times)
    span = float(times[-1] - times[0])
    mean_hz = len(steps) / span if span > 0 else max(nominal_hz, 1.0)
    forward = steps[steps > 0]
    median_hz = 1.0 / float(np.median(forward)) if len(forward) else mean_hz
    bursty = bool(np.mean(steps < 0.5 / mean_hz) > BURSTY_SHARE)
    hz = _snap(mean_hz if bursty else median_hz, nominal_hz)
    return Rate(hz, bursty, _gap_threshold(times, steps, 1.0 / hz, bursty))


def _snap(hz: float, nominal_hz: float) -> float:
    return nominal_hz if nominal_hz > 0 and abs(hz / nominal_hz - 1.0) < SNAP else hz


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
