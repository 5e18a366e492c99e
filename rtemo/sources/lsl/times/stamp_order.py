"""Wrong stamps, steps of a sender's clock and stamps that are no times, told apart by the arrival of the samples.

A stamp fits when it lies neither before the newest one nor ahead of what its arrival allows. One that does not is held
until what follows decides. The next one fits again: it was a single wrong stamp. Those that follow fit each other: the
clock was set, and they begin a new line. Neither within UNUSABLE_S: these stamps are no times, and nothing is held any
more until they run like a clock again. Every sample comes out once, in its order; the work for a chunk does not depend
on what its stamps are. Knows only stamps and when they arrived.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rtemo.core.types import BoolArray, Chunk, TimeArray

BACK_S = 0.1  # how far stamps may step back: jitter of the sender's clock
AHEAD_S = 0.1  # and forward against their arrival
STEP_S = 0.05  # a line that is shifted by less is the same one
SURE_S = 0.15  # how long samples must run on a new line
SURE_SAMPLES = 3
UNUSABLE_S = 2.0
AGAIN_S = 1.0  # how long stamps must run like a clock before they are tried afresh
HELD_BYTES = 32 << 20
BURST_S = 1.0  # what a connection may hold back and deliver at once
MAX_STEPS = 3  # so many in STEPS_S are no clock
STEPS_S = 10.0
LEAST_S = 5.0  # over which the least delay is taken, up to twice as long
FLOW_S = 1.5  # arrivals that follow each other within this come all the time
SLOWEST = 0.2  # stamps that advance by less a second of arrivals stand still, or are not seconds
MAX_RATIO = 1e15  # no unit of time is as small
MAX_BEGIN = 8192  # samples at a beginning that are sorted one by one


@dataclass(frozen=True, slots=True)
class Placed:
    """Samples that are handed over. good: (n,) whose stamps fit; None where all do, the newest of which is newest."""

    chunk: Chunk
    good: BoolArray | None
    newest: float = math.nan


@dataclass(frozen=True, slots=True)
class ClockStepped:
    """The samples after this are on a new line: (arrival - stamp) has grown by step_s. first: the first stamp on it."""

    step_s: float
    first: float


@dataclass(frozen=True, slots=True)
class Unusable:
    """The stamps after this are no times."""

    reason: str


@dataclass(frozen=True, slots=True)
class UsableAgain:
    """The stamps after this run like a clock; nothing is known of its offset."""


Verdict = Placed | ClockStepped | Unusable | UsableAgain


class StampOrder:
    """The stamps of one connection, chunk by chunk. Begins with `begin`."""

    def __init__(self) -> None:
        self.newest = -math.inf
        self.usable = True
        self._n_line = 0  # samples on the present line
        self._least = _LeastDelay()
        self._period_s = 0.0
        self._suspects: list[tuple[float, Chunk]] = []  # arrival, samples whose stamps do not fit
        self._steps: deque[float] = deque(maxlen=MAX_STEPS)  # when the clock was set
        self._watched: tuple[float, float, float] | None = None  # arrival, newest stamp then, last arrival since
        self._advanced_s = math.inf  # the arrival of the newest stamp
        self._run: tuple[float, float, float, int] | None = None  # of unusable stamps that look like a clock

    def begin(self, arrived: Sequence[tuple[float, Chunk]], delay_s: float | None = None) -> list[BoolArray]:
        """Take the first chunks, with their arrivals: most of them decide which stamps fit. Returns which do.

        delay_s: what (arrival - stamp) is expected to be, at the least.
        """
        arrivals = np.repeat([now_s for now_s, _ in arrived], [len(chunk) for _, chunk in arrived])
        stamps = np.concatenate([chunk.stamps for _, chunk in arrived])
        good = _majority(arrivals, stamps, delay_s)
        masks, first = [], 0
        for now_s, chunk in arrived:
            masks.append(good[first : first + len(chunk)])
            first += len(chunk)
            self._accept(now_s, chunk.stamps, masks[-1])
            self._watched = self._watched or (now_s, self.newest, now_s)
        return masks

    def take(self, now_s: float, chunk: Chunk | None) -> list[Verdict]:
        """What is decided by now. now_s: when the chunk arrived."""
        if chunk is None or not len(chunk):
            return self._tired(now_s)
        if not self.usable:
            return self._again(now_s, chunk)
        stamps = chunk.stamps
        low, high = extent(stamps)
        if not self._suspects and low >= self.newest - BACK_S and self._is_due(now_s, high):
            self._reach(now_s, high, len(chunk))
            placed = Placed(chunk, None, high)
            late = self._check_advance(now_s)
            return [*late, placed] if late else [placed]
        return self._sort(now_s, chunk)

    def give_up(self) -> list[Placed]:
        """What is still held, when the connection ends."""
        return self._let_go()

    def refuse(self, arrived: Sequence[tuple[float, Chunk]]) -> Unusable:
        """None of the first chunks has a stamp that fits."""
        self.usable, self._run = False, None
        stamps = np.concatenate([chunk.stamps for _, chunk in arrived])
        return Unusable(_what_is_wrong(stamps, arrived[-1][0] - arrived[0][0]))

    def _is_due(self, now_s: float, stamp: float) -> bool:
        """Whether a stamp lies no further ahead than its arrival allows, or than a stream without a step does."""
        return stamp <= now_s - self._least.delay_s + AHEAD_S or stamp - self.newest <= self._usual_step_s

    @property
    def _usual_step_s(self) -> float:
        return max(AHEAD_S, 1.5 * self._period_s)

    def _accept(self, now_s: float, stamps: TimeArray, good: BoolArray) -> None:
        if good.any():
            self._reach(now_s, float(stamps[good].max()), int(np.count_nonzero(good)))

    def _reach(self, now_s: float, high: float, n: int) -> None:
        """N samples fit, the newest of which is stamped high."""
        if high > self.newest:
            if self._n_line:
                self._period_s += 0.1 * (min((high - self.newest) / n, 2.0) - self._period_s)
            self.newest, self._advanced_s = high, now_s
            self._least.add(now_s, now_s - high)
        self._n_line += n

    def _check_advance(self, now_s: float) -> list[Verdict]:
        """Stamps that fit may still not be times: they stand still, or advance far too slowly."""
        begin_s, stamp, last_s = self._watched or (now_s, self.newest, now_s)
        if now_s - last_s > FLOW_S:
            begin_s, stamp, self._advanced_s = now_s, self.newest, now_s
        self._watched = (begin_s, stamp, now_s)
        passed_s, advance_s, still_s = now_s - begin_s, self.newest - stamp, now_s - self._advanced_s
        if still_s >= UNUSABLE_S:
            return self._give_in(f"its stamps stand still at {self.newest:g}")
        if passed_s < UNUSABLE_S:
            return []
        self._watched = None
        slow = advance_s < SLOWEST * passed_s and still_s < 0.5 * passed_s  # else it stands still, which is seen soon
        return self._give_in(_not_seconds(advance_s / passed_s)) if slow else []

    def _sort(self, now_s: float, chunk: Chunk) -> list[Verdict]:
        """Find out which stamps of a chunk fit, one after another; hold those at its end that do not."""
        limit, usual_s = now_s - self._least.delay_s + AHEAD_S, self._usual_step_s
        newest, good = self.newest, np.zeros(len(chunk), dtype=np.bool_)
        for index, stamp in enumerate(chunk.stamps.tolist()):
            if stamp >= newest - BACK_S and (stamp <= limit or stamp - newest <= usual_s):
                good[index] = True
                newest = max(newest, stamp)
        fitting = np.flatnonzero(good)
        if not len(fitting):
            self._suspects.append((now_s, chunk))
            return self._judge(now_s)
        cut = int(fitting[-1]) + 1
        decided = [*self._let_go(), Placed(_part(chunk, 0, cut), good[:cut])]
        self._accept(now_s, chunk.stamps[:cut], good[:cut])
        if cut == len(chunk):
            return list(decided)
        self._suspects.append((now_s, _part(chunk, cut, len(chunk))))
        return [*decided, *self._judge(now_s)]

    def _judge(self, now_s: float) -> list[Verdict]:
        """Decide on what is held, if there is enough of it."""
        held_s = now_s - self._suspects[0][0]
        stamps = np.concatenate([chunk.stamps for _, chunk in self._suspects])
        finite = stamps[np.isfinite(stamps)]
        enough = len(finite) >= SURE_SAMPLES and held_s >= SURE_S and 2 * len(finite) >= len(stamps)
        if enough and _runs_like_a_clock(finite, held_s):
            return self._new_line(now_s)
        too_much = sum(chunk.values.nbytes for _, chunk in self._suspects) > HELD_BYTES
        if (held_s >= UNUSABLE_S and len(stamps) >= SURE_SAMPLES) or too_much:
            return self._give_in(_what_is_wrong(stamps, held_s))
        return []

    def _new_line(self, now_s: float) -> list[Verdict]:
        """What is held fits itself."""
        suspects = [(at_s, chunk, np.isfinite(chunk.stamps)) for at_s, chunk in self._suspects]
        delays = [at_s - float(chunk.stamps[good].max()) for at_s, chunk, good in suspects if good.any()]
        step_s = min(delays) - self._least.delay_s
        first = next(float(chunk.stamps[good][0]) for _, chunk, good in suspects if good.any())
        verdicts: list[Verdict] = []
        self.newest, self._watched = -math.inf, None
        if abs(step_s) >= STEP_S:
            if self._n_line >= SURE_SAMPLES:  # fewer samples were no line: they were the wrong ones
                self._steps.append(now_s)
                if len(self._steps) == MAX_STEPS and now_s - self._steps[0] < STEPS_S:
                    return self._give_in("its clock is set again and again")
                verdicts.append(ClockStepped(step_s, first))
            self._least, self._n_line = _LeastDelay(), 0
        self._suspects = []
        for at_s, chunk, good in suspects:
            self._accept(at_s, chunk.stamps, good)
            verdicts.append(Placed(chunk, good))
        return verdicts

    def _let_go(self) -> list[Placed]:
        """What is held was wrong."""
        held, self._suspects = self._suspects, []
        return [Placed(chunk, np.zeros(len(chunk), dtype=np.bool_)) for _, chunk in held]

    def _give_in(self, reason: str) -> list[Verdict]:
        self.usable, self._run = False, None
        return [Unusable(reason), *self._let_go()]

    def _tired(self, now_s: float) -> list[Verdict]:
        """Nothing comes: a few samples are not held for ever."""
        if self._suspects and now_s - self._suspects[0][0] >= UNUSABLE_S:
            return list(self._let_go())
        return []

    def _again(self, now_s: float, chunk: Chunk) -> list[Verdict]:
        """Watch unusable stamps until they run like a clock."""
        stamps = chunk.stamps
        in_order = bool(np.isfinite(stamps).all()) and _ordered(stamps)
        nothing = Placed(chunk, np.zeros(len(chunk), dtype=np.bool_))
        high = float(stamps.max())
        if not in_order:
            self._run = None
            return [nothing]
        if self._run is None or float(stamps[0]) < self._run[2] - BACK_S:
            self._run = (now_s, high, high, len(chunk))
            return [nothing]
        begin_s, first, _, n = self._run
        self._run = (begin_s, first, high, n + len(chunk))
        passed_s = now_s - begin_s
        if passed_s < AGAIN_S or n + len(chunk) < SURE_SAMPLES:
            return [nothing]
        if not 0.5 * passed_s <= high - first <= 2.0 * passed_s:
            self._run = (now_s, high, high, len(chunk))
            return [nothing]
        return [UsableAgain(), nothing]


class _LeastDelay:
    """The least (arrival - stamp) of the last LEAST_S to 2 LEAST_S."""

    def __init__(self) -> None:
        self._begin_s = -math.inf
        self._before_s = self._now_s = math.inf

    def add(self, now_s: float, delay_s: float) -> None:
        if now_s - self._begin_s > LEAST_S:
            self._begin_s, self._before_s, self._now_s = now_s, self._now_s, math.inf
        self._now_s = min(self._now_s, delay_s)

    @property
    def delay_s(self) -> float:
        return min(self._before_s, self._now_s)


def extent(stamps: TimeArray) -> tuple[float, float]:
    """The least and the greatest of stamps (n,), n > 0; NaN where one is NaN."""
    if len(stamps) == 1:
        return float(stamps[0]), float(stamps[0])
    return float(stamps.min()), float(stamps.max())


def _part(chunk: Chunk, begin: int, end: int) -> Chunk:
    return replace(chunk, stamps=chunk.stamps[begin:end], values=chunk.values[begin:end])


def _ordered(stamps: TimeArray) -> bool:
    return len(stamps) < 2 or bool(_steps(stamps).min() >= -BACK_S)


def _steps(stamps: TimeArray) -> TimeArray:
    """From each stamp (n,) to the next; they may be of any size."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.diff(stamps)


def _runs_like_a_clock(stamps: TimeArray, held_s: float) -> bool:
    """Whether finite stamps (n,) that came within held_s increase as time does, be it in bursts."""
    return _ordered(stamps) and 0.3 * held_s <= float(stamps[-1] - stamps[0]) <= 2.0 * held_s + BURST_S


def _drop_stray(arrivals: TimeArray, stamps: TimeArray, good: BoolArray) -> None:
    """Take out a stamp of a run that lies ahead of its arrival as no other does."""
    delays: dict[float, tuple[float, int]] = {}  # the least one of what arrived together, and its sample
    for index in np.flatnonzero(good).tolist():
        at_s = float(arrivals[index])
        delay = (at_s - float(stamps[index]), index)
        delays[at_s] = min(delay, delays.get(at_s, delay))
    if len(delays) >= SURE_SAMPLES:
        first, second = sorted(delays.values())[:2]
        good[first[1]] = first[0] >= second[0] - AHEAD_S


def _what_is_wrong(stamps: TimeArray, held_s: float) -> str:
    """Why stamps (n,) that came within held_s are no times."""
    finite = stamps[np.isfinite(stamps)]
    if 2 * len(finite) < len(stamps):
        return "its stamps are no numbers"
    if finite.min() == finite.max():
        return f"its stamps stand still at {finite[0]:g}"
    ratio = float(finite[-1] - finite[0]) / max(held_s, 1e-3)
    if _steps(finite).min() < 0.0 or ratio <= 0.0 or 0.5 < ratio < 2.0:
        return "its stamps do not follow each other"
    return _not_seconds(ratio)


def _not_seconds(ratio: float) -> str:
    if not ratio < MAX_RATIO:
        return "its stamps do not follow each other"
    power = 10.0 ** round(math.log10(ratio))
    ratio = power if abs(ratio / power - 1.0) < 0.2 else ratio
    return f"its stamps are not seconds: {ratio:.6g} times the arrival rate"


def _majority(arrivals: TimeArray, stamps: TimeArray, delay_s: float | None) -> BoolArray:
    """Which stamps (n,) belong to the longest run in which each continues the one before; of equally long ones the one
    whose last delay is nearest to delay_s, or else the last.
    """
    steps = _steps(stamps)
    if np.isfinite(stamps).all() and bool(((steps >= -BACK_S) & (steps <= BURST_S + np.diff(arrivals))).all()):
        good = np.ones(len(stamps), dtype=np.bool_)
        _drop_stray(arrivals, stamps, good)
        return good
    runs: list[tuple[float, float, list[int]]] = []  # newest stamp, its arrival, samples
    for index in range(max(0, len(stamps) - MAX_BEGIN), len(stamps)):
        stamp, at_s = float(stamps[index]), float(arrivals[index])
        if not math.isfinite(stamp):
            continue
        for place in range(len(runs) - 1, max(-1, len(runs) - 9), -1):
            newest, then_s, members = runs[place]
            if -BACK_S <= stamp - newest <= BURST_S + at_s - then_s:
                members.append(index)
                runs[place] = (max(newest, stamp), at_s, members)
                break
        else:
            runs.append((stamp, at_s, [index]))
    good = np.zeros(len(stamps), dtype=np.bool_)
    if runs:
        best = max(
            reversed(runs), key=lambda run: (len(run[2]), 0.0 if delay_s is None else -abs(run[1] - run[0] - delay_s))
        )
        good[best[2]] = True
        _drop_stray(arrivals, stamps, good)
    return good
