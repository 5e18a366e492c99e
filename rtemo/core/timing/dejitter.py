"""Dejittering: evens out time stamps, detects gaps, and leaves wrong stamps out. Nothing is shifted across a gap.

Samples that lie on their line (rtemo.core.timing.sample_line) are given out at once. One that does not waits until it
is clear what it was, by the samples after it and never by their arrival:
1. The stamps return to the line, counted on over it: its stamp was wrong, or late. Near its place an even stream keeps
   it there; otherwise it is not used.
2. CONFIRM samples in a row lie up to STEP_S off, none of them falling back: samples are missing, and the line goes on.
3. A stretch of a second does (rtemo.core.timing.stretches), further off or before what was given out: the rate is
   measured anew on it, and a new line begins. Shorter stretches on the way are used where they are long enough to be
   known; the rest is not.
A new line that begins before what was given out, though no offset of the sender's clock changed, is a clock that was
set back: its samples have no usable time until a step forward makes up for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.timing import sampling_rate as rate
from rtemo.core.timing.repeated_samples import RepeatedSamples
from rtemo.core.timing.sample_line import SampleLine
from rtemo.core.timing.stretches import Stretch, Stretches
from rtemo.core.timing.unknown_times import UnknownTimes
from rtemo.core.types import MAX_TIME_S, TimeArray

BLOCK = 1000  # samples that are looked at together, so that looking again costs little; powers of 2 transpose slowly
CONFIRM = 3  # samples off the line that show a gap
STEP_S = 1.0  # a longer gap calls for a new measurement of the rate
LONE_PERIODS, LONE_S = 2.5, 0.01  # first samples that lie so far off the next ones are none of theirs
PLACE_S = 0.25  # a sample of an even stream whose stamp is off by less keeps its place
SET_BACK_S = 0.05  # a clock that stepped back by more was set
RETURN_S = 30.0  # a step back that takes back steps forward of so long ago is none of the clock
ISLAND = rate.MEASURE_SAMPLES  # samples of a stretch between two gaps that are used without a measurement of their own
MAX_WAITING, MAX_STRETCHES = 8192, 24  # samples that wait, and the stretches that they fall into
MIN_HZ = 0.4  # nothing that is sampled less often is a signal
MISFITS = 8  # steps and late samples within a while that call for another look at the rate
RATE_CHANGE, BURSTY_CHANGE, GAP_CHANGE = 0.005, 0.03, 1.3  # what is another rate, and what is more jitter
RECENT_S = 1.1  # what is measured then
FITS = 0.015  # a usual step that is off by a smaller share shows the rate that is known
NOTED_GAP_S, MAX_NOTED_GAPS = 0.5, 50


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

    Samples wait until the rate has been measured (one second), and after that while their stamps are out of line.
    even: even out the jitter. Otherwise stamps are kept and only made to increase (gaze trackers stamp their samples),
    unless they come in bursts. notes: takes what is found out about the stream, one sentence each.
    """

    def __init__(self, nominal_hz: float, *, even: bool, notes: list[str] | None = None) -> None:
        self._nominal_hz = nominal_hz
        self._even = even
        self._notes = notes if notes is not None else []
        self._line: SampleLine | None = None
        self._waiting = _Waiting()
        self._repeats = RepeatedSamples()
        self._newest = -np.inf  # time of the last sample on the line
        self._last = -np.inf  # time of the last sample given out
        self._missed = 0  # samples without a time since then
        self._unused = 0  # samples not used since the last one given out
        self._recent: deque[TimeArray] = deque()  # stamps on the line, about the last two seconds
        self._misfits: deque[int] = deque(maxlen=MISFITS)  # the number of samples at each
        self._n = 0  # samples on the line so far
        self._steps: deque[tuple[float, float]] = deque(maxlen=64)  # steps forward: when, how far
        self._n_noted_gaps = 0
        self.rate: rate.Rate | None = None  # the last measured one
        self.n_dropped = 0  # samples without a usable time
        self.n_wrong = 0  # among them: stamps out of line with their neighbours
        self.n_timeless = 0  # and those that came without a time
        self.n_repeated = 0  # samples that came twice; the second one is not used
        self.n_gaps = 0
        self.n_missing = 0  # samples that the gaps lack, by the rate
        self.set_back_s = 0.0  # by how much the sender's clock was set back and its offsets do not show it
        self.unknown = UnknownTimes()
        self.distrusted = False  # whether what comes in is not believed: see rtemo.core.types.StreamNotice

    @property
    def unusable(self) -> bool:
        """Whether the times of what comes in now are known to be wrong."""
        return self.distrusted or self.set_back_s > 0.0

    def push(self, times: TimeArray, values: NDArray[Any]) -> list[SampleRun]:
        """Runs that are ready. times (n,) may hold NaN (no time known): such samples are dropped and counted."""
        runs: list[SampleRun] = []
        for begin in range(0, len(times), BLOCK):
            self._push(times[begin : begin + BLOCK], values[begin : begin + BLOCK], runs)
        return runs

    def _push(self, times: TimeArray, values: NDArray[Any], runs: list[SampleRun]) -> None:
        times, values = self._once(times, values)
        known = np.isfinite(times)
        if known.all():
            self._take(times, values, runs)
            return
        cuts = [0, *(np.flatnonzero(known[1:] != known[:-1]) + 1).tolist(), len(times)]
        for begin, end in pairwise(cuts):
            take = self._take if known[begin] else self._pass_over
            take(times[begin:end], values[begin:end], runs)

    def flush(self) -> list[SampleRun]:
        """The samples that still wait, where enough of them belong together."""
        runs: list[SampleRun] = []
        self._give_up_waiting(runs)
        return runs

    def _give_up_waiting(self, runs: list[SampleRun]) -> None:
        found = [one for one in self._waiting.stretches.all if one.times[-1] > one.times[0]]
        stretch = max(found, key=lambda one: len(one.times), default=None)
        alone = self._line is None and len(self._waiting) == 2
        if stretch is not None and (alone or len(stretch.times) >= CONFIRM) and stretch.times[0] > self._newest:
            self._take(*self._begin(stretch, runs), runs)
        self._drop_waiting()

    def _pass_over(self, times: TimeArray, values: NDArray[Any], runs: list[SampleRun]) -> None:
        """Samples without a time. They take a place all the same; many of them end the waiting."""
        for k in range(len(times)):
            if not len(self._waiting):
                self._missed += len(times) - k
                self._drop_timeless(len(times) - k)
                return
            self._waiting.add(np.nan, values[k : k + 1], self._line)
            if self._waiting.n_timeless_last > ISLAND:
                self._give_up_waiting(runs)

    def _drop_timeless(self, n: int) -> None:
        before = self.n_timeless
        self.n_timeless += n
        if not self.distrusted:
            self._note_count(before, self.n_timeless, "samples have no time on the common clock and are not used")
        self._drop(n)

    def _drop_some(self, times: TimeArray) -> None:
        """Samples out of line, and those without a time among them."""
        n_timeless = int(np.count_nonzero(np.isnan(times)))
        self._drop_wrong(len(times) - n_timeless)
        self._drop_timeless(n_timeless)

    def _drop_waiting(self) -> None:
        """Nothing of what waits is used."""
        self._drop_some(np.array(self._waiting.times))
        self._waiting = _Waiting()

    def _once(self, times: TimeArray, values: NDArray[Any]) -> tuple[TimeArray, NDArray[Any]]:
        """Without the samples that came twice."""
        if not len(times):
            return times, values
        repeated = self._repeats.find(times, values)
        if not repeated.any():
            return times, values
        before = self.n_repeated
        self.n_repeated += int(np.count_nonzero(repeated))
        self._note_count(before, self.n_repeated, "samples came twice; the second ones are not used")
        return times[~repeated], values[~repeated]

    def _take(self, times: TimeArray, values: NDArray[Any], runs: list[SampleRun]) -> None:
        """Samples, of which few have no time. Every turn gives out, drops or holds at least one."""
        while len(times):
            if self._line is None or len(self._waiting):
                times, values = self._wait(times, values, runs)
                continue
            n = int(np.argmax(np.append(np.isfinite(times), True)))
            if n:
                self._missed += n
                self._drop_timeless(n)
                times, values = times[n:], values[n:]
                continue
            if self._missed:
                if self._missed <= CONFIRM:
                    self._line.skip(self._missed)
                self._missed = 0
            stop = self._first_out(times)
            even = self._line.follow(times[:stop])
            n = len(even)
            if n:
                self._on_line(times[:n], even, values[:n], runs)
            if n < len(times) and np.isfinite(times[n]):
                self._waiting.add(float(times[n]), values[n : n + 1], self._line)
                n += 1
            times, values = times[n:], values[n:]

    def _first_out(self, times: TimeArray) -> int:
        """The first sample without a time, or, where stamps are kept, that steps back; all are before it."""
        out = ~np.isfinite(times)
        if not self._evened:
            reached = np.maximum.accumulate(np.concatenate([[self._newest], times]))
            out |= times <= reached[:-1]
        return int(np.argmax(out)) if out.any() else len(times)

    @property
    def _evened(self) -> bool:
        return self._even or (self.rate is not None and self.rate.bursty)

    def _wait(self, times: TimeArray, values: NDArray[Any], runs: list[SampleRun]) -> tuple[TimeArray, NDArray[Any]]:
        """Hold samples until it is clear what they are. Returns what is to be taken then, and what comes after."""
        waiting = self._waiting
        if len(waiting) > MAX_WAITING or len(waiting.stretches.all) > MAX_STRETCHES:
            self._forget_half()
            waiting = self._waiting
        for k in range(len(times)):
            waiting.add(float(times[k]), values[k : k + 1], self._line)
            again = self._resolve(runs)
            if again is not None:
                return np.concatenate([again[0], times[k + 1 :]]), np.concatenate([again[1], values[k + 1 :]])
            if len(waiting) > MAX_WAITING or len(waiting.stretches.all) > MAX_STRETCHES:
                return times[k + 1 :], values[k + 1 :]
        return times[:0], values[:0]

    def _resolve(self, runs: list[SampleRun]) -> tuple[TimeArray, NDArray[Any]] | None:
        """What is to be taken again where the last sample that waits decides; None where all wait on."""
        line, waiting = self._line, self._waiting
        if line is not None:
            if abs(waiting.off[-1]) <= line.gap_s:
                return self._returned(line, runs)
            if self._shows_gap(line):
                return self._step(line)
        if waiting.stretches.newest.believed:
            return self._begin(waiting.stretches.newest, runs)
        return None

    def _returned(self, line: SampleLine, runs: list[SampleRun]) -> tuple[TimeArray, NDArray[Any]]:
        """The stamps are back in line: those before were wrong."""
        times, values = self._waiting.samples()
        off = np.array(self._waiting.off)
        n = len(times) - 1
        if self._evened:
            fits = np.abs(off[:n]) <= PLACE_S
            kept = (times - off)[:n][fits]  # where the line has their places
        else:
            fits = (times[:n] > self._newest) & (times[:n] < times[n])
            kept = times[:n][fits]
        line.skip(n)
        self._waiting = _Waiting()
        self._n += n
        self._misfits.extend([self._n] * min(n, MISFITS))
        if fits.any():
            self._give_out(kept, values[:n][fits], runs)
            self._newest = max(self._newest, float(kept[-1]))
        self._keep_recent(times[:n][np.abs(off[:n]) <= PLACE_S])
        self._drop_some(times[:n][~fits])
        if self.rate is not None and (better := self._better_rate()) is not None and better.gap_s > line.gap_s:
            self.rate = rate.Rate(self.rate.hz, better.bursty, better.gap_s)
            line.gap_s = better.gap_s
        return times[n:], values[n:]

    def _shows_gap(self, line: SampleLine) -> bool:
        """Whether the last samples that wait lie behind a short gap."""
        if len(self._waiting) < CONFIRM:
            return False
        off = self._waiting.off[-CONFIRM:]
        after = min(self._waiting.times[-CONFIRM:]) > self._newest - (SET_BACK_S if self._evened else 0.0)
        steady = all(b - a >= -line.gap_s for a, b in pairwise(off))  # what is lost never comes back
        return after and steady and min(off) >= -max(SET_BACK_S, line.gap_s) and max(off) <= STEP_S

    def _step(self, line: SampleLine) -> tuple[TimeArray, NDArray[Any]]:
        """Go on behind a gap; what waits and does not lie behind it had wrong stamps."""
        times, values = self._waiting.samples()
        n, off = len(times) - CONFIRM, self._waiting.off[-CONFIRM]
        if n:
            line.skip(n)
            self._keep_recent(times[:n][np.abs(self._waiting.off[:n]) <= PLACE_S])
            self._drop_some(times[:n])
        self._waiting = _Waiting()
        self._misfits.append(self._n)
        if off > 0.0:
            self._steps.append((float(times[n]), off))
            self._set_forward(off, line.gap_s)
        better = self._better_rate()
        if better is not None:
            self.rate = better
            self._line = line = SampleLine(better, times[n:])
        line.restart(float(times[n]))
        return times[n:], values[n:]

    def _better_rate(self) -> rate.Rate | None:
        """The rate measured on the last second, where samples often do not fit and it is another one."""
        assert self.rate is not None
        reach = max(64, round(2.0 * self.rate.hz))
        if len(self._misfits) < MISFITS or self._n - self._misfits[0] > reach:
            return None
        self._misfits.clear()
        recent = np.concatenate(list(self._recent))[-reach:]
        recent = recent[recent > recent[-1] - RECENT_S]
        if not rate.enough(recent) or abs(np.median(np.abs(np.diff(recent))) * self.rate.hz - 1.0) < FITS:
            return None  # between losses the rate is what it was
        new = rate.measure(recent, self._nominal_hz)
        if new.bursty and not self.rate.bursty:  # more jitter than the samples are apart: that changes no rate
            new = rate.Rate(self.rate.hz, bursty=True, gap_s=new.gap_s)
        bursty = new.bursty or self.rate.bursty
        other = abs(new.hz / self.rate.hz - 1.0) > (BURSTY_CHANGE if bursty else RATE_CHANGE)
        new = rate.Rate(new.hz, bursty, new.gap_s)
        return new if other or new.gap_s > GAP_CHANGE * self.rate.gap_s else None

    def _begin(self, stretch: Stretch, runs: list[SampleRun]) -> tuple[TimeArray, NDArray[Any]]:
        """Begin a new line on a stretch that is believed. Returns its samples and those after them."""
        times, values = self._waiting.samples()
        of_it = np.array(stretch.times)
        measured = rate.measure(of_it, self._nominal_hz, stretch.numbers)
        refused = _refused(measured, of_it, self._nominal_hz)
        if refused:
            self._note(refused)
            self._refuse()
            return times[:0], values[:0]
        of_it, numbers = self._without_lone(of_it, stretch.numbers, measured)
        first = numbers[0]
        self._islands(stretch, measured, runs)
        self._judge_clock(of_it, first)
        self.rate, self._line = measured, SampleLine(measured, of_it, numbers)
        self._waiting = _Waiting()
        self._misfits.clear()
        self._recent.clear()
        self._missed, self._newest = 0, -np.inf
        return times[first:], values[first:]

    def _without_lone(self, times: TimeArray, numbers: list[int], measured: rate.Rate) -> tuple[TimeArray, list[int]]:
        """The stretch without first samples that nothing continues, with their numbers."""
        level = times - np.array(numbers) / measured.hz
        first = level[: 2 * CONFIRM + 1]
        far = np.abs(first - np.median(first)) > max(LONE_PERIODS / measured.hz, 1.5 * measured.gap_s, LONE_S)
        begin = 0 if far.all() else int(np.argmin(far))
        begin = begin if begin < CONFIRM else 0
        self._drop_wrong(begin)
        return times[begin:], numbers[begin:]

    def _islands(self, stretch: Stretch, measured: rate.Rate, runs: list[SampleRun]) -> None:
        """Give out the stretches between the last line and this one that are long enough; count the rest."""
        before = list(range(stretch.numbers[0]))
        for one in self._waiting.stretches.all:
            if one is stretch or one.times[0] <= self._newest or one.highest >= stretch.times[0]:
                continue
            own = np.array(one.times)
            if len(own) < ISLAND or abs(rate.measure(own, self._nominal_hz).hz / measured.hz - 1.0) > 0.2:
                continue
            _, values = self._waiting.samples()
            line = SampleLine(measured, own)
            self.rate = measured
            for begin, even in _pieces(line, own):
                rows = values[np.array(one.numbers[begin : begin + len(even)])]
                self._on_line(own[begin : begin + len(even)], even, rows, runs)
            before = [number for number in before if number not in set(one.numbers)]
        self._drop_some(np.array(self._waiting.times)[before])

    def _judge_clock(self, times: TimeArray, first: int) -> None:
        """Whether a new line shows that the sender's clock was set, or set right again."""
        if self._line is None:
            return
        step_s = self._waiting.off[first] if first < len(self._waiting.off) else 0.0
        begin_s = float(times[0])
        if step_s > 0.0:
            self._steps.append((begin_s, step_s))
            self._set_forward(step_s, self._line.gap_s)
            return
        ahead_s = sum(far for when, far in self._steps if self._newest - when < RETURN_S)
        if begin_s >= self._newest - SET_BACK_S or -step_s <= ahead_s + self._line.gap_s:
            return
        self.set_back_s += -step_s
        self._note(
            f"its clock was set back by {-step_s:.3g} s and its clock offsets do not show it: from then on its samples "
            "have no usable time"
        )

    def _set_forward(self, step_s: float, jitter_s: float) -> None:
        """A step forward that makes up for the one back; a shorter one may be samples that are missing."""
        if self.set_back_s > 0.0 and abs(step_s - self.set_back_s) <= max(SET_BACK_S, jitter_s):
            self.set_back_s = 0.0
            self._note(f"its clock was set forward by {step_s:.3g} s: its samples have a usable time again")

    def _on_line(self, times: TimeArray, even: TimeArray, values: NDArray[Any], runs: list[SampleRun]) -> None:
        """Samples that lie on the line."""
        assert self.rate is not None
        self._n += len(times)
        self._newest = float(times[-1])
        self._keep_recent(times)
        self._give_out(even if self._evened else times, values, runs)

    def _keep_recent(self, times: TimeArray) -> None:
        assert self.rate is not None
        self._recent.append(times)
        while len(self._recent) > 1 and sum(map(len, self._recent)) - len(self._recent[0]) > 2.0 * self.rate.hz + 64:
            self._recent.popleft()

    def _give_out(self, times: TimeArray, values: NDArray[Any], runs: list[SampleRun]) -> None:
        """A run of the samples that lie after everything given out before."""
        assert self.rate is not None
        if self.set_back_s > 0.0:
            self._drop(len(times))
            return
        reached = np.maximum.accumulate(np.concatenate([[self._last], times]))
        later = times > reached[:-1]
        if not later.all():
            self._drop(int(np.count_nonzero(~later)))
            times, values = times[later], values[later]
        if not len(times):
            return
        hole = float(times[0]) - self._last - 1.0 / self.rate.hz
        gap_s = hole if hole > self.rate.gap_s else 0.0
        if 0.0 < gap_s < np.inf:
            self._count_gap(gap_s)
        self.unknown.note(times, np.ones(len(times), dtype=bool))
        self._last = float(times[-1])
        self._unused = 0
        runs.append(SampleRun(times, values, self.rate.hz, gap_s))

    def _count_gap(self, gap_s: float) -> None:
        """A hole that is longer than the samples that were not used make it is a gap in the stream."""
        assert self.rate is not None
        if gap_s - self._unused / self.rate.hz <= self.rate.gap_s:
            return
        self.n_gaps += 1
        missing = max(round(gap_s * self.rate.hz) - self._unused, 0)
        self.n_missing += missing
        if gap_s >= NOTED_GAP_S and self._n_noted_gaps < MAX_NOTED_GAPS:
            self._n_noted_gaps += 1
            self._note(f"gap of {gap_s:.2f} s after {self._last:.2f} s: about {missing} samples are missing")

    def _drop(self, n: int) -> None:
        """Samples that are not used."""
        self.n_dropped += n
        self._unused += n
        if n:
            nothing = np.full(1, np.nan)
            self.unknown.note(nothing, np.zeros(1, dtype=bool), distrusted=self.unusable)

    def _drop_wrong(self, n: int) -> None:
        """Samples whose stamps are out of line with their neighbours."""
        before = self.n_wrong
        self.n_wrong += n
        self._drop(n)
        self._note_count(before, self.n_wrong, "samples have stamps out of line with their neighbours and are not used")

    def _refuse(self) -> None:
        """None of what waits has a usable time."""
        self._drop_waiting()
        self._line = None

    def _forget_half(self) -> None:
        """Let go of the older half of what waits, where no line was found in it."""
        times, values = self._waiting.samples()
        half = len(times) // 2
        self._drop_some(times[:half])
        self._waiting = _Waiting()
        self._line = None  # so long off, its places mean nothing any more
        for k in range(half, len(times)):
            self._waiting.add(float(times[k]), values[k : k + 1], None)

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)

    def _note_count(self, before: int, after: int, what: str) -> None:
        """A note at the first one, and at each tenfold number."""
        if after > before and len(str(after)) > len(str(before)) * bool(before):
            self._note(f"{after} {what}" if after > 1 else f"1 {_singular(what)}")


class _Waiting:
    """Samples that wait: their times and rows, how far each is off the line, and the stretches that they fall into."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.off: list[float] = []
        self.n_timeless_last = 0  # the last ones that have no time
        self.stretches = Stretches()
        self._rows: list[NDArray[Any]] = []

    def __len__(self) -> int:
        return len(self.times)

    def add(self, time_s: float, row: NDArray[Any], line: SampleLine | None) -> None:
        if line is not None:
            self.off.append(line.off(time_s, len(self.times)))
        self.n_timeless_last = self.n_timeless_last + 1 if np.isnan(time_s) else 0
        if not self.n_timeless_last:
            self.stretches.add(len(self.times), time_s)
        self.times.append(time_s)
        self._rows.append(row)

    def samples(self) -> tuple[TimeArray, NDArray[Any]]:
        return np.array(self.times), np.concatenate(self._rows)


def _refused(measured: rate.Rate, times: TimeArray, nominal_hz: float) -> str:
    """Why no sensor can have stamped like this; "" where it can have."""
    for times_more, name in ((1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds")):
        if nominal_hz > 0.0 and abs(nominal_hz / measured.hz / times_more - 1.0) < 0.2:
            return f"stamps are not seconds: {times_more:.0f} times what its rate allows ({name}); they are not used"
    if measured.hz < MIN_HZ or float(np.max(np.abs(times))) > MAX_TIME_S:
        return f"stamps are not seconds: a step of {1.0 / measured.hz:.4g} from sample to sample; they are not used"
    return ""


def _pieces(line: SampleLine, times: TimeArray) -> Iterator[tuple[int, TimeArray]]:
    """Where each part without a step begins, and its even times."""
    begin = 0
    while begin < len(times):
        even = line.follow(times[begin:])
        if len(even):
            yield begin, even
            begin += len(even)
        if begin < len(times):
            line.restart(float(times[begin]))


def _singular(what: str) -> str:
    return (
        what.replace("samples have stamps", "sample has a stamp")
        .replace("samples have no time on the common clock and are", "sample has no time on the common clock and is")
        .replace("their neighbours and are", "its neighbours and is")
        .replace("samples came twice; the second ones are", "sample came twice; the second one is")
    )
