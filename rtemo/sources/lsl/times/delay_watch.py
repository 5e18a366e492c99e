"""Watches (arrival - stamp - offset) for changes that single stamps do not show: steps, slopes, stamps in the future.

The least delay of each second or so is what counts: what a connection holds back makes others larger, never that one.
The medians of several of them are compared, so that no single stamp decides. Knows only delays and when they arose.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

STEP_S = 0.05
SLOPE = 200e-6
SPANS = ((6, 0.015), (18, 0.010), (60, 0.008))  # over how many least delays a slope is looked for; what it must exceed
PARTS = 6  # of which the medians must lie on a straight line
STEADY = 0.25  # how far they may lie off it, as a share of its height
LEAST_S = 1.0
LEAST_N = 10  # delays that make one least delay
LONGEST_S = 10.0
RECENT = 3  # least delays that make a step
BASE = 10  # those before them that it is a step from
CALM = 5  # least delays without a finding after which all is right again


@dataclass(frozen=True, slots=True)
class DelayStep:
    """Samples arrive by step_s later (earlier where it is negative) than they did, or than they can. level_s: now."""

    step_s: float
    level_s: float


@dataclass(frozen=True, slots=True)
class DelaySlope:
    """The delay grows by slope seconds a second: the sender's clock is slow by as much. From begin_s to level_s."""

    slope: float
    level_s: float
    begin_s: float


@dataclass(frozen=True, slots=True)
class DelayCalm:
    """Nothing was found for a while. level_s: now."""

    level_s: float


Finding = DelayStep | DelaySlope | DelayCalm


class DelayWatch:
    """Fed with the delay of the newest sample of whatever arrives together."""

    def __init__(self) -> None:
        self._least: deque[tuple[float, float, int]] = deque(maxlen=SPANS[-1][0])  # when, least delay, of how many
        self._begin_s, self._now_s, self._n = -np.inf, np.inf, 0
        self._n_calm: int | None = None  # least delays since the last finding; None: all is right

    def alarm(self) -> None:
        """Something was found elsewhere: begin anew, and report when all is right again."""
        self._least.clear()
        self._begin_s, self._now_s, self._n = -np.inf, np.inf, 0
        self._n_calm = 0

    def add(self, now_s: float, delay_s: float) -> Finding | None:
        if self._n == 0:
            self._begin_s, self._now_s = now_s, np.inf
        self._now_s = min(self._now_s, delay_s)
        self._n += 1
        passed_s = now_s - self._begin_s
        if passed_s < LEAST_S or (self._n < LEAST_N and passed_s < LONGEST_S):
            return None
        self._least.append((now_s, self._now_s, self._n))
        self._n = 0
        return self._look()

    def _look(self) -> Finding | None:
        level_s = self._level(RECENT)
        slope = self._slope(level_s)
        if slope is not None:
            self._n_calm = 0
            return DelaySlope(*slope)
        step_s = self._step()
        if step_s is not None:
            self.alarm()
            return DelayStep(step_s, level_s)
        if self._n_calm is None:
            return None
        self._n_calm += 1
        if self._n_calm < CALM:
            return None
        self._n_calm = None
        return DelayCalm(level_s)

    @property
    def level_s(self) -> float | None:
        """The usual delay of the last seconds; None while there are too few."""
        return self._level(BASE) if len(self._least) >= RECENT else None

    def _level(self, n: int) -> float:
        return float(np.median([least_s for _, least_s, _ in list(self._least)[-n:]]))

    def _step(self) -> float | None:
        """How far the last delays all lie above or below those before them, or below zero."""
        delays = np.array([least_s for _, least_s, _ in self._least])
        recent, before = delays[-RECENT:], delays[-RECENT - BASE : -RECENT]
        if len(recent) < RECENT:
            return None
        base_s = float(np.median(before)) if len(before) >= RECENT else max(0.0, float(recent.max()))
        if recent.min() > base_s + STEP_S or recent.max() < base_s - STEP_S:
            return float(np.median(recent)) - base_s
        return None

    def _slope(self, level_s: float) -> tuple[float, float, float] | None:
        """The slope of the delays, their level now and where it began, if they lie on a straight line that is steep."""
        for n, least_height_s in SPANS:
            if len(self._least) < n:
                return None
            found = list(self._least)[-n:]
            if min(count for _, _, count in found) < LEAST_N // 2:
                continue
            parts = np.array([np.median(part, axis=0)[:2] for part in np.array_split(np.array(found), PARTS)])
            times, levels = parts[:, 0], parts[:, 1]
            height_s = float(levels[-2:].mean() - levels[:2].mean())
            slope = height_s / float(times[-2:].mean() - times[:2].mean())
            line = levels[:2].mean() + slope * (times - times[:2].mean())
            straight = float(np.abs(levels - line).max()) < STEADY * abs(height_s)
            if abs(height_s) > least_height_s and abs(slope) > SLOPE and straight:
                return slope, level_s, float(levels[0])
        return None
