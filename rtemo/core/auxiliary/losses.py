"""Losses by a device's own sample counter: samples that never came, and samples that came twice.

The counter goes up by one a sample. A step of n means that n - 1 samples are missing. A counter that wraps around at M
only states that number up to multiples of M; the time that passed decides which: of all numbers that fit, the one that
is nearest to what the sampling rate leaves room for. One less than the sample before: the same sample, sent twice. Less
than that: the counter began anew, and nothing is known to be missing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import TimeArray

REPORT_S = 10.0  # irregularities that follow each other faster are reported together
JUDGED = 256  # samples by which it is judged whether a column counts samples at all
IRREGULAR = 0.5  # a larger share of steps that are not by one: it does not
MEASURED_S = 2.0  # of samples by which the rate is measured
BELIEVED = 2.0  # a measured rate further off the nominal one than by this factor is not used
TURN_S = 0.05  # in which no counter turns once; where no rate is stated


@dataclass(frozen=True, slots=True)
class CounterColumn:
    """A column that counts samples. column: None where only `filled` is known. modulus: 0 where it never wraps around.

    filled: a column that is above 0 where the sender made a sample up for one that it lost. exact: the largest number
    that the stream's format holds exactly.
    """

    column: int | None
    modulus: int = 0
    filled: int | None = None
    exact: float = 2.0**53


@dataclass(frozen=True, slots=True)
class Loss:
    """What was found up to a row, at n_places. time_s: LSL time of the last of these; since_s: of the first.

    filled: samples that the sender made up. restarts: how often the counter went back. problem: why the counter is not
    read any more.
    """

    row: int
    time_s: float
    lost: int = 0
    filled: int = 0
    twice: int = 0
    restarts: int = 0
    since_s: float = 0.0
    n_places: int = 1
    problem: str = ""


class SampleLosses:
    """Counts the losses of one stream. lost: samples that never came; filled: those that the sender made up."""

    def __init__(self, rule: CounterColumn, nominal_hz: float) -> None:
        self.lost = self.filled = self.twice = 0
        self.stopped = False  # whether the counter is not read any more
        self._rule, self._nominal_hz = rule, nominal_hz
        self._value, self._time_s = np.nan, np.nan  # of the last sample that had a number
        self._first_s = np.nan
        self._count = 0  # samples up to the last one, those that never came included
        self._n = 0
        self._irregular = 0
        self._filling, self._fill_s = 0, 0.0  # samples made up without a pause so far, and when they began
        self._pending: Loss | None = None
        self._reported_s = -np.inf

    def take(self, times: TimeArray, values: NDArray[Any]) -> list[Loss]:
        """What these samples show, values (n, channels) at LSL times (n,)."""
        found: list[Loss] = []
        if self._rule.column is not None and not self.stopped:
            found += self._take_counter(times, np.asarray(values[:, self._rule.column], np.float64))
        if self._rule.filled is not None:
            found += self._take_filled(times, np.asarray(values[:, self._rule.filled], np.float64) > 0)
        return self._reported(sorted(found, key=lambda one: one.row), times)

    def flush(self) -> list[Loss]:
        """What has not been reported yet."""
        if self._filling:
            self._add(Loss(0, self._fill_s, filled=self._filling, since_s=self._fill_s))
            self._filling = 0
        pending, self._pending = self._pending, None
        return [replace(pending, row=0)] if pending is not None else []

    def _take_counter(self, times: TimeArray, numbers: NDArray[np.float64]) -> list[Loss]:
        rows = np.flatnonzero(np.isfinite(numbers) & np.isfinite(times))
        beyond = np.abs(numbers[rows]) >= self._rule.exact
        cut = int(np.argmax(beyond)) if beyond.any() else None
        counted = rows[:cut]
        found = self._steps(times[counted], numbers[counted], counted) if len(counted) else []
        if cut is not None and not self.stopped:  # float32 counts in steps of two from 16,777,216 on
            self.stopped = True
            problem = f"the sample counter is beyond {self._rule.exact:.0f}, from where its numbers are not exact"
            found.append(Loss(int(rows[cut]), float(times[rows[cut]]), problem=f"{problem}; losses are not counted"))
        return found

    def _steps(self, times: TimeArray, numbers: NDArray[np.float64], rows: NDArray[np.intp]) -> list[Loss]:
        modulus = self._rule.modulus
        moments = np.concatenate([[self._time_s], times])
        steps = np.diff(np.concatenate([[self._value], numbers]))
        if modulus:
            steps = np.mod(steps, modulus)
        odd = steps != 1.0
        if modulus:  # a whole turn of the counter leaves no trace but the time
            odd |= np.diff(moments) > (modulus / 4 / self._nominal_hz if self._nominal_hz else TURN_S)
        odd[0] &= bool(np.isfinite(self._value))
        if np.isnan(self._first_s):
            self._first_s = float(times[0])
        found: list[Loss] = []
        done = 0
        for k in np.flatnonzero(odd).tolist():
            self._count += k - done
            done = k + 1
            lost = self._missing(float(steps[k]), float(moments[k + 1] - moments[k]), float(moments[k]))
            self._count += max(lost, 0) + 1
            found += self._irregularity(int(rows[k]), float(times[k]), lost, self._n + k + 1)
            if self.stopped:
                return found
        self._count += len(rows) - done
        self._n += len(rows)
        self._value, self._time_s = float(numbers[-1]), float(times[-1])
        return found

    def _irregularity(self, row: int, time_s: float, lost: int, n: int) -> list[Loss]:
        """lost: negative where the counter went back. n: samples so far."""
        if lost == 0:
            return []
        self._irregular += 1
        if n >= JUDGED and self._irregular > IRREGULAR * n:
            self.stopped = True
            self.lost = self.twice = 0
            return [Loss(row, time_s, problem="the column that should count samples does not: it is not used")]
        self.lost += max(lost, 0)
        self.twice += lost == -1
        return [Loss(row, time_s, max(lost, 0), twice=int(lost == -1), restarts=int(lost < -1), since_s=time_s)]

    def _missing(self, step: float, passed_s: float, at_s: float) -> int:
        """How many samples never came before one; negative where the counter went back."""
        lost, modulus = round(step) - 1, self._rule.modulus
        if not modulus:
            return lost
        room = max(passed_s * self._rate_hz(at_s) - 1.0, 0.0)
        return lost + modulus * round((room - lost) / modulus)

    def _rate_hz(self, at_s: float) -> float:
        """The rate as measured so far, the nominal one before that or where both disagree; 0 where neither is known."""
        passed_s, nominal = at_s - self._first_s, self._nominal_hz
        if not passed_s > MEASURED_S:
            return nominal
        measured = (self._count - 1) / passed_s
        return measured if not nominal or nominal / BELIEVED < measured < nominal * BELIEVED else nominal

    def _take_filled(self, times: TimeArray, made_up: NDArray[np.bool_]) -> list[Loss]:
        """Each run of samples that were made up, at the sample after it."""
        self.filled += int(made_up.sum())
        flags = np.concatenate([[self._filling > 0], made_up]).astype(np.int8)
        found: list[Loss] = []
        done = 0
        for row in np.flatnonzero(np.diff(flags)).tolist():
            if made_up[row]:
                self._fill_s = float(times[row])
            else:
                length = self._filling + int(made_up[done:row].sum())
                found.append(Loss(row, float(times[row]), filled=length, since_s=self._fill_s))
                self._filling = 0
            done = row
        self._filling += int(made_up[done:].sum())
        return found

    def _reported(self, found: list[Loss], times: TimeArray) -> list[Loss]:
        """At once, or later together with what follows, so that a bad link does not flood the events."""
        reported: list[Loss] = []
        begin = 0
        for one in found:
            reported += self._due(times, begin, one.row)
            begin = one.row
            if one.problem:
                reported += [replace(self._pending, row=one.row), one] if self._pending is not None else [one]
                self._pending = None
            else:
                self._add(one)
                reported += self._due(times, one.row, one.row + 1)
        return reported + self._due(times, begin, len(times))

    def _add(self, one: Loss) -> None:
        before = self._pending
        if before is None:
            self._pending = one
            return
        self._pending = Loss(
            one.row,
            one.time_s,
            before.lost + one.lost,
            before.filled + one.filled,
            before.twice + one.twice,
            before.restarts + one.restarts,
            before.since_s,
            before.n_places + 1,
        )

    def _due(self, times: TimeArray, begin: int, end: int) -> list[Loss]:
        """What waits, where the last report is long enough ago at one of these rows."""
        if self._pending is None:
            return []
        due = times[begin:end] - self._reported_s >= REPORT_S
        if not due.any():
            return []
        row = begin + int(np.argmax(due))
        pending, self._pending, self._reported_s = self._pending, None, float(times[row])
        return [replace(pending, row=row)]
