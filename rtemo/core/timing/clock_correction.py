"""Clock correction: from a sender's clock to LSL time, causally and by stamps alone.

The arithmetic, for a raw stamp s of one stream:
1. A measurement (c, o): at sender time c, LSL time = c + o. They are kept in the order in which they came.
2. A step back of c by more than RESET_S starts a new group of measurements: the sender's clock was reset.
3. s uses its group's latest measurement with c <= s. Later ones do not exist for it.
4. Before the first measurement of the first group, that first measurement counts.
5. The offset glides from one measurement to the next by SLEW (1 ms a second); a change above STEP_S is a step.
6. When s steps back by more than RESET_S, to before its group, it moves to the next group as soon as that has a
   measurement with c <= s. Until then s has no LSL time (NaN). Where a later group begins at this very s, its clock was
   set there (rtemo.sources.lsl.times): it moves to that group at once, also from within its own.
7. When s steps forward by more than STALE_S in a stream that is measured regularly, it has no LSL time until a
   measurement that is no more than STALE_S older than the step.
8. A stamp that is no number has no LSL time and changes nothing. Nor does one that steps back as in 6 where the next
   ones return to where the stamps were: it was a wrong stamp.
9. With no measurement at all the offset is 0: the sender shares our clock.
10. A measurement that moves stamps further than LONGEST_S is none: double precision would not tell samples apart there.
So a recording with its clock offsets gives the same times as the live session did, however the samples were cut.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

import numpy as np

from rtemo.core.timing.sampling_rate import steps_of
from rtemo.core.types import ClockOffset, TimeArray

SLEW = 1e-3  # seconds a second
STEP_S = 0.05
RESET_S = 1.0
STALE_S = 60.0
LONGEST_S = 2.0**42  # some 140,000 years, where a double is exact to a millisecond


class _Group:
    """The measurements between two resets of the sender's clock: knots of a gliding offset."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._start: list[float] = []  # the offset at the knot
        self._goal: list[float] = []  # the offset that it glides to
        self._table = np.empty((3, 0))  # the three lists as one array

    def add(self, time_s: float, offset_s: float) -> None:
        if not self.times:
            start = offset_s
        else:
            time_s = max(time_s, self.times[-1])
            start = float(self.at(np.array([time_s]))[0])
            if abs(offset_s - start) > STEP_S:
                start = offset_s
        self.times.append(time_s)
        self._start.append(start)
        self._goal.append(offset_s)
        self._table = np.array([self.times, self._start, self._goal])

    def count_until(self, stamp: float) -> int:
        """How many measurements were made up to a raw stamp."""
        return bisect_right(self.times, stamp)

    def first_after(self, stamp: float) -> float | None:
        """The time of the first measurement after a raw stamp."""
        index = bisect_right(self.times, stamp)
        return self.times[index] if index < len(self.times) else None

    def at(self, stamps: TimeArray) -> TimeArray:
        """The offset at each raw stamp (n,)."""
        times, start, goal = self._table
        if len(stamps) and stamps.min() >= times[-1]:  # nearly always: no measurement lies among them or behind
            glide = goal[-1] - start[-1]
            if abs(glide) <= SLEW * (stamps.min() - times[-1]):  # it has arrived, or never had to move
                return np.full(len(stamps), start[-1] + glide)
            reach = SLEW * (stamps - times[-1])
            return np.asarray(start[-1] + np.clip(goal[-1] - start[-1], -reach, reach), dtype=np.float64)
        knot = np.maximum(np.searchsorted(times, stamps, side="right") - 1, 0)
        reach = SLEW * np.maximum(stamps - times[knot], 0.0)
        return np.asarray(start[knot] + np.clip(goal[knot] - start[knot], -reach, reach), dtype=np.float64)


class ClockModel:
    """The clock of one stream's sender, as seen through its offset measurements."""

    def __init__(self) -> None:
        self._groups: list[_Group] = []
        self._current = 0
        self._last_raw: float | None = None
        self._wait_after: float | None = None  # a measurement later than this is needed before times are known again
        self._left_at = 0.0  # the stamp before the step back that it waits for

    @property
    def measured(self) -> bool:
        return bool(self._groups)

    def add(self, measurement: ClockOffset) -> None:
        if not abs(measurement.time_s + measurement.offset_s) < LONGEST_S:  # NaN is not
            return
        if not self._groups or measurement.time_s < self._groups[-1].times[-1] - RESET_S:
            self._groups.append(_Group())
        self._groups[-1].add(measurement.time_s, measurement.offset_s)

    def to_lsl(self, stamps: TimeArray) -> TimeArray:
        """LSL times (n,) of raw stamps (n,), in the order in which they came; NaN where the clock is not known."""
        stamps = np.asarray(stamps, dtype=np.float64)
        known = np.isfinite(stamps)
        if known.all():
            return self._to_lsl(stamps)
        times = np.full(len(stamps), np.nan)
        times[known] = self._to_lsl(stamps[known])
        return times

    def _to_lsl(self, stamps: TimeArray) -> TimeArray:
        if len(stamps) == 0:
            return stamps.copy()
        steps = steps_of(stamps, float(stamps[0]) if self._last_raw is None else self._last_raw)
        self._last_raw = float(stamps[-1])
        if not self._groups:
            return stamps.copy()
        if steps.min() >= -RESET_S and steps.max() <= RESET_S:
            return self._piece(stamps)
        jumps = np.flatnonzero(np.abs(steps) > RESET_S)
        cuts = [0, *(int(i) for i in jumps if i > 0), len(stamps)]
        times = np.empty_like(stamps)
        for begin, end in pairwise(cuts):
            if begin in jumps and not self._was_set_at(float(stamps[begin])):
                self._after_jump(float(stamps[begin]), float(stamps[begin] - steps[begin]))
            times[begin:end] = self._piece(stamps[begin:end])
        return times

    def _was_set_at(self, stamp: float) -> bool:
        """Move to the group that begins at a stamp, if there is one."""
        for index in range(self._current + 1, len(self._groups)):
            if self._groups[index].times[0] == stamp:
                self._current, self._wait_after = index, None
                return True
        return False

    def _after_jump(self, stamp: float, before: float) -> None:
        """Decide whether the clock is still the one that was measured."""
        group = self._groups[self._current]
        if stamp < before:
            if stamp >= group.times[0]:
                self._wait_after = None
            elif self._wait_after is None:
                self._wait_after, self._left_at = -np.inf, before
        elif self._wait_after == -np.inf:
            if abs(stamp - self._left_at) <= STALE_S:
                self._wait_after = None
        elif stamp - before > STALE_S and group.count_until(before) > 1:
            self._wait_after = stamp - STALE_S  # it is measured regularly, so a fresh measurement is to be expected

    def _piece(self, stamps: TimeArray) -> TimeArray:
        """Times of stamps that hold no jump."""
        if self._wait_after is None:
            return stamps + self._groups[self._current].at(stamps)
        times = np.full(len(stamps), np.nan)
        known = len(stamps)
        for index in range(self._current, len(self._groups)):
            fresh = self._groups[index].first_after(self._wait_after)
            if fresh is None or (self._wait_after == -np.inf and index == self._current):
                continue
            ready = np.flatnonzero(stamps >= fresh)
            if len(ready):
                known = int(ready[0])
                self._current, self._wait_after = index, None
                break
        times[known:] = stamps[known:] + self._groups[self._current].at(stamps[known:])
        return times
