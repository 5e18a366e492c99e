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

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.timing import sampling_rate as rate
from rtemo.core.timing.clock_steps import SET_BACK_S, ClockSteps
from rtemo.core.timing.rate_watch import RateWatch
from rtemo.core.timing.repeated_samples import RepeatedSamples
from rtemo.core.timing.sample_line import SampleLine, pieces
from rtemo.core.timing.stream_notes import StreamNotes
from rtemo.core.timing.stretches import Stretch
from rtemo.core.timing.unknown_times import UnknownTimes
from rtemo.core.timing.waiting_samples import WaitingSamples
from rtemo.core.types import TimeArray

BLOCK = 1000  # samples that are looked at together, so that looking again costs little; powers of 2 transpose slowly
CONFIRM = 3  # samples off the line that show a gap
STEP_S = 1.0  # a longer gap calls for a new measurement of the rate
LONE_PERIODS, LONE_S = 2.5, 0.01  # first samples that lie so far off the next ones are none of theirs
PLACE_S = 0.25  # a sample of an even stream whose stamp is off by less keeps its place
ISLAND = rate.MEASURE_SAMPLES  # samples of a stretch between two gaps that are used without a measurement of their own
MAX_WAITING, MAX_STRETCHES = 8192, 24  # samples that wait, and the stretches that they fall into
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
        self._notes = StreamNotes(notes if notes is not None else [])
        self._line: SampleLine | None = None
        self._waiting = WaitingSamples()
        self._repeats = RepeatedSamples()
        self._newest = -np.inf  # time of the last sample on the line
        self._last = -np.inf  # time of the last sample given out
        self._missed = 0  # samples without a time since then
        self._unused = 0  # samples not used since the last one given out
        self._rates, self._clock = RateWatch(nominal_hz), ClockSteps()
        self._n_noted_gaps = 0
        self.rate: rate.Rate | None = None  # the last measured one
        self.n_dropped = 0  # samples without a usable time
        self.n_wrong = 0  # among them: stamps out of line with their neighbours
        self.n_timeless = 0  # and those that came without a time
        self.n_repeated = 0  # samples that came twice; the second one is not used
        self.n_gaps = 0
        self.n_missing = 0  # samples that the gaps lack, by the rate
        self.unknown = UnknownTimes()
        self.left_out_until_s = -np.inf  # see leave_out
        self.distrusted = False  # whether what comes in is not believed: see rtemo.core.types.StreamNotice

    @property
    def set_back_s(self) -> float:
        """By how much the sender's clock was set back and its offsets do not show it."""
        return self._clock.set_back_s

    @property
    def unusable(self) -> bool:
        """Whether the times of what comes in now are known to be wrong."""
        return self.distrusted or self.set_back_s > 0.0

    def leave_out(self, until_s: float) -> None:
        """From now on nothing is given out that is placed at or before a time: it comes too late to be used."""
        self.left_out_until_s = max(self.left_out_until_s, until_s)
        self.unknown.begins_after(until_s)

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
            self._notes.count(before, self.n_timeless, "samples have no time on the common clock and are not used")
        self._drop(n)

    def _drop_some(self, times: TimeArray) -> None:
        """Samples out of line, and those without a time among them."""
        n_timeless = int(np.count_nonzero(np.isnan(times)))
        self._drop_wrong(len(times) - n_timeless)
        self._drop_timeless(n_timeless)

    def _drop_waiting(self) -> None:
        """Nothing of what waits is used."""
        self._drop_some(np.array(self._waiting.times))
        self._waiting = WaitingSamples()

    def _once(self, times: TimeArray, values: NDArray[Any]) -> tuple[TimeArray, NDArray[Any]]:
        """Without the samples that came twice."""
        if not len(times):
            return times, values
        repeated = self._repeats.find(times, values)
        if not repeated.any():
            return times, values
        before = self.n_repeated
        self.n_repeated += int(np.count_nonzero(repeated))
        self._notes.count(before, self.n_repeated, "samples came twice; the second ones are not used")
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
        assert self.rate is not None
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
        self._waiting = WaitingSamples()
        self._rates.late(n)
        if fits.any():
            self._give_out(kept, values[:n][fits], runs)
            self._newest = max(self._newest, float(kept[-1]))
        self._rates.keep(times[:n][np.abs(off[:n]) <= PLACE_S], self.rate.hz)
        self._drop_some(times[:n][~fits])
        if (
            self.rate is not None
            and (better := self._rates.better(self.rate)) is not None
            and better.gap_s > line.gap_s
        ):
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
        assert self.rate is not None
        times, values = self._waiting.samples()
        n, off = len(times) - CONFIRM, self._waiting.off[-CONFIRM]
        if n:
            line.skip(n)
            self._rates.keep(times[:n][np.abs(self._waiting.off[:n]) <= PLACE_S], self.rate.hz)
            self._drop_some(times[:n])
        self._waiting = WaitingSamples()
        self._rates.stepped()
        if off > 0.0:
            self._notes.add(self._clock.forward(float(times[n]), off, line.gap_s))
        better = self._rates.better(self.rate)
        if better is not None:
            self.rate = better
            self._line = line = SampleLine(better, times[n:])
        line.restart(float(times[n]))
        return times[n:], values[n:]

    def _begin(self, stretch: Stretch, runs: list[SampleRun]) -> tuple[TimeArray, NDArray[Any]]:
        """Begin a new line on a stretch that is believed. Returns its samples and those after them."""
        times, values = self._waiting.samples()
        of_it = np.array(stretch.times)
        measured = rate.measure(of_it, self._nominal_hz, stretch.numbers)
        refused = rate.refused(measured, of_it, self._nominal_hz)
        if refused:
            self._notes.add(refused)
            self._refuse()
            return times[:0], values[:0]
        of_it, numbers = self._without_lone(of_it, stretch.numbers, measured)
        first = numbers[0]
        self._islands(stretch, measured, runs)
        if self._line is not None:
            step_s = self._waiting.off[first] if first < len(self._waiting.off) else 0.0
            self._notes.add(self._clock.new_line(float(of_it[0]), step_s, self._newest, self._line.gap_s))
        self.rate, self._line = measured, SampleLine(measured, of_it, numbers)
        self._waiting = WaitingSamples()
        self._rates.begin()
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
            for begin, even in pieces(line, own):
                rows = values[np.array(one.numbers[begin : begin + len(even)])]
                self._on_line(own[begin : begin + len(even)], even, rows, runs)
            before = [number for number in before if number not in set(one.numbers)]
        self._drop_some(np.array(self._waiting.times)[before])

    def _on_line(self, times: TimeArray, even: TimeArray, values: NDArray[Any], runs: list[SampleRun]) -> None:
        """Samples that lie on the line."""
        assert self.rate is not None
        self._rates.on_line(times, self.rate.hz)
        self._newest = float(times[-1])
        self._give_out(even if self._evened else times, values, runs)

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
        late = int(np.searchsorted(times, self.left_out_until_s, side="right"))  # they increase
        if late:
            self.n_dropped += late
            self._unused += late
            self._notes.add("what came only after its windows were given out is not used")
            times, values = times[late:], values[late:]
        if not len(times):
            return
        hole = float(times[0]) - self._last - 1.0 / self.rate.hz
        gap_s = hole if hole > self.rate.gap_s else 0.0
        if 0.0 < gap_s < np.inf:
            self._count_gap(gap_s)
        self._last = float(times[-1])
        self.unknown.note_known(float(times[0]), self._last)
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
            self._notes.add(f"gap of {gap_s:.2f} s after {self._last:.2f} s: about {missing} samples are missing")

    def _drop(self, n: int) -> None:
        """Samples that are not used."""
        self.n_dropped += n
        self._unused += n
        if n:
            self.unknown.note_unknown(distrusted=self.unusable)

    def _drop_wrong(self, n: int) -> None:
        """Samples whose stamps are out of line with their neighbours."""
        before = self.n_wrong
        self.n_wrong += n
        self._drop(n)
        self._notes.count(
            before, self.n_wrong, "samples have stamps out of line with their neighbours and are not used"
        )

    def _refuse(self) -> None:
        """None of what waits has a usable time."""
        self._drop_waiting()
        self._line = None

    def _forget_half(self) -> None:
        """Let go of the older half of what waits, where no line was found in it."""
        times, values = self._waiting.samples()
        half = len(times) // 2
        self._drop_some(times[:half])
        self._waiting = WaitingSamples()
        self._line = None  # so long off, its places mean nothing any more
        for k in range(half, len(times)):
            self._waiting.add(float(times[k]), values[k : k + 1], None)
