"""Clock synchronisation of one connection: samples, clock offsets and notices in their final order. Knows no LSL.

What it keeps true, so that a recording replayed gives the times of the live session
(rtemo.core.timing.clock_correction):
1. No chunk is handed over before a measurement of its clock, or before the notice that its stamps are no times. Chunks
   that come earlier wait.
2. A measurement changes nothing that was handed over: its time_s lies above every raw stamp handed over so far that was
   no single wrong one, unless the sender's clock was set back by more than RESET_S.
3. A sender that stamps in a clock of its own (Unix time, a device's uptime), or that does not answer time requests, is
   measured by arrival: offset = the smallest (arrival - raw stamp) of the last seconds. That is right up to the
   shortest transport delay.
4. Where a sender's clock is set in a session, (arrival - stamp) steps and LSL's own measurements do not show it. A
   notice comes first, then an offset by arrival whose time_s is the very stamp of the first sample after the step, then
   that sample. The shortest transport delay stays what it was before. Before an offset that lies back, the one before
   it is repeated at its end, so that what was handed over keeps it; an offset that lies back by SET_BACK_S or less
   holds only from there.
5. Times are not trusted from a notice with trusted=False to the next with trusted=True.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from rtemo.core.types import BoolArray, Chunk, ClockOffset, StreamNotice, TimeArray
from rtemo.sources.lsl.times.arrivals import Arrivals
from rtemo.sources.lsl.times.delay_watch import STEP_S as DELAY_STEP_S
from rtemo.sources.lsl.times.delay_watch import DelayCalm, DelaySlope, DelayStep, DelayWatch, Finding
from rtemo.sources.lsl.times.stamp_order import (
    SURE_SAMPLES,
    ClockStepped,
    Placed,
    StampOrder,
    Unusable,
    UsableAgain,
    Verdict,
    extent,
)

RESET_S = 1.0  # a step back by more is a clock that was set back, as in rtemo.core.timing.clock_correction
RENEW_S = 5.0  # between measurements, as LabRecorder does
FOREIGN_S = 60.0  # no fresh connection delivers samples that are as old, or from as far in the future
FOREIGN_EVENT_S = 3600.0  # events may be stamped long before or after they are sent
PATIENCE_S = 2.0  # how long samples wait for a measurement; the first takes 0.64 s
LISTEN_S = 0.5  # how long arrivals are watched before the first measurement by arrival
FUTURE_S = 0.25  # stamps that lie as far ahead of their arrival are wrong from the beginning
SET_BACK_S = 1.2  # surely more than RESET_S, whichever sample came last
CLOCK_S = 0.25  # a delay that grows by more and stays is a clock's; by less it may be the connection's
FOLLOW_S = 0.05  # how far a clock that runs wrong may get before it is corrected: a smaller step would be glided over
REFINE_S = 0.005
CORRECTED = "from here on it is corrected by arrival"
FLOW_S, FLOW_SAMPLES = 2.0, 20
MAX_STRANGE_EVENTS = 3  # in a row; then the sender of events has another clock than before

Handed = Chunk | ClockOffset | StreamNotice


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measured offset: LSL time = sender's time + offset_s, made at sender time time_s, wrong by uncertainty_s / 2 at
    most (infinity: unknown).
    """

    time_s: float
    offset_s: float
    uncertainty_s: float


@dataclass(slots=True)
class PlacedStamps:
    """The stamps of what one call handed over. stamps: those that fit; n_wrong: how many did not.

    afresh: the clock was set; they have nothing to do with those before.
    """

    stamps: list[TimeArray] = field(default_factory=list)
    n_wrong: int = 0
    afresh: bool = False


class ClockBasis(StrEnum):
    """How a stream's stamps become LSL time."""

    UNKNOWN = "unknown"
    MEASURED = "measured"  # LSL measured the sender's clock
    FOREIGN = "foreign"  # stamps are in another clock than the sender's LSL clock: by arrival
    UNMEASURABLE = "unmeasurable"  # the sender does not answer time requests: by arrival


BASIS_TEXTS = {
    ClockBasis.FOREIGN: "its stamps are not in LSL time; they are placed by their arrival, late by the transport's "
    "delay",
    ClockBasis.UNMEASURABLE: "its sender does not answer clock requests (UDP blocked?); its samples are placed "
    "by their arrival",
}


class ClockSync:
    """Chunks and measurements of one connection in, items in their final order out. Used by one thread."""

    def __init__(
        self, stream_id: str, nominal_rate_hz: float, newest: float | None = None, *, text: bool = False
    ) -> None:
        """newest: the newest raw stamp that earlier connections of the same stream handed over.

        text: a string stream. Its samples come when something happens, and may be stamped long before or after they are
        sent; so may those of a stream without a rate, until it flows.
        """
        self.newest = newest
        self.trusted = True
        self.placed = PlacedStamps()
        self._stream_id = stream_id
        self._steady = nominal_rate_hz > 0
        self._text, self._events = text, not self._steady
        self._measured: Measurement | None = None
        self._reported: set[ClockBasis] = set()
        self._afresh()

    def _afresh(self) -> None:
        """Nothing is known of the clock."""
        self.basis = ClockBasis.UNKNOWN
        self.latest: Measurement | None = None  # the measurement in use
        self._used: Measurement | None = None  # LSL's measurement that it was made of
        self._fresh = True  # nothing was handed over since
        self._waiting: list[tuple[float, Chunk]] = []
        self._order, self._watch = StampOrder(), DelayWatch()
        self._arrivals = Arrivals(steady=self._steady)
        self._reference_s = 0.0  # beside LSL's measurement: what delays are counted from
        self._correction_s = 0.0  # beside LSL's measurement: what is handed over
        self._normal_s: float | None = None  # the level of the delays while all was right
        self._slope_base_s: float | None = None  # the level at which a slope began
        self._strange = 0  # events in a row whose stamps did not fit
        self._flow = (-math.inf, 0)  # since when events were counted, and how many
        self._renewed_s = -math.inf

    def take(
        self, now_s: float, chunk: Chunk | None, measured: Measurement | None, *, backlog: bool = False
    ) -> list[Handed]:
        """What can be handed over now. now_s: when the chunk arrived, LSL time. measured: LSL's latest measurement.

        backlog: more is waiting behind the chunk, so that its arrival says nothing of its delay.
        """
        self.placed = PlacedStamps()
        chunk = chunk if chunk is not None and len(chunk) else None
        self._note_measurement(measured)
        if self.basis is ClockBasis.UNKNOWN:
            return self._wait(now_s, chunk)
        if self.basis is ClockBasis.UNMEASURABLE and self._measured is not None:
            self._change_basis(self._measured)
        if self._events:
            return self._take_events(now_s, chunk)
        verdicts = self._order.take(now_s, chunk)
        if len(verdicts) == 1 and isinstance(verdicts[0], Placed) and verdicts[0].good is None:  # nearly always
            return self._hand_over(now_s, verdicts[0].chunk, verdicts[0].newest, backlog=backlog)
        items: list[Handed] = []
        for verdict in verdicts:
            items += self._follow(now_s, verdict, backlog=backlog)
        return items or self._renewal(now_s, None)

    def give_up(self) -> list[Handed]:
        """What still waits, when the connection ends before its clock was known."""
        self.placed = PlacedStamps()
        if self._waiting:
            self.basis = ClockBasis.UNMEASURABLE
            return self._begin(self._waiting[-1][0], name_basis=False)
        return [item for placed in self._order.give_up() for item in self._release(placed.chunk, placed.good)]

    # Before the clock is known.

    def _wait(self, now_s: float, chunk: Chunk | None) -> list[Handed]:
        if chunk is not None:
            self._waiting.append((now_s, chunk))
        if not self._waiting:
            return []
        waited_s = now_s - self._waiting[0][0]
        if self._measured is None and waited_s < PATIENCE_S:
            return []
        n, delay_s = self._first_delay()
        total = sum(len(chunk) for _, chunk in self._waiting)
        enough = n >= 1 if self._events else 2 * n >= total and n >= min(3, max(2, total))
        near_s = FOREIGN_EVENT_S if self._events else FOREIGN_S
        if self._measured is None:
            self.basis = ClockBasis.UNMEASURABLE if enough else self.basis
        elif n and self._is_plausible(delay_s - self._measured.offset_s, n, near_s, waited_s):
            self.basis = ClockBasis.MEASURED
        elif enough and waited_s >= LISTEN_S and not abs(delay_s - self._measured.offset_s) <= near_s:
            self.basis = ClockBasis.FOREIGN
        if self.basis is ClockBasis.UNKNOWN and waited_s < PATIENCE_S:
            return []
        if self.basis is ClockBasis.UNKNOWN:
            self.basis = ClockBasis.MEASURED if self._measured is not None else ClockBasis.UNMEASURABLE
            if total >= SURE_SAMPLES and not self._events:
                return self._refuse(now_s)
        return self._begin(now_s, name_basis=True)

    def _is_plausible(self, delay_s: float, n: int, near_s: float, waited_s: float) -> bool:
        """Whether stamps can be in the clock that was measured. One or two that lie ahead are not believed yet."""
        if not self._events and delay_s < -FUTURE_S and n < SURE_SAMPLES and waited_s < PATIENCE_S:
            return False
        return abs(delay_s) <= near_s

    def _refuse(self, now_s: float) -> list[Handed]:
        """None of the samples that wait has a time."""
        waiting, self._waiting = self._waiting, []
        items = self._follow(now_s, self._order.refuse(waiting), backlog=False)
        for _, chunk in waiting:
            items += self._release(chunk, np.zeros(len(chunk), dtype=np.bool_))
        return items

    @property
    def _expected_delay_s(self) -> float | None:
        return None if self._measured is None else self._measured.offset_s

    def _first_delay(self) -> tuple[int, float]:
        """How many of the waiting stamps fit, and the least delay of them."""
        masks = StampOrder().begin(self._waiting, self._expected_delay_s)
        delays = [
            at_s - float(chunk.stamps[good].max())
            for (at_s, chunk), good in zip(self._waiting, masks, strict=True)
            if good.any()
        ]
        return sum(int(np.count_nonzero(good)) for good in masks), min(delays, default=math.nan)

    def _begin(self, now_s: float, *, name_basis: bool) -> list[Handed]:
        """The clock is known, as far as it can be: hand over what has waited for it."""
        waiting, self._waiting = self._waiting, []
        masks = self._order.begin(waiting, self._expected_delay_s)
        for (at_s, chunk), good in zip(waiting, masks, strict=True):
            if good.any():
                self._arrivals.add(at_s, float(chunk.stamps[good].max()))
        first = next(
            (float(c.stamps[good].min()) for (_, c), good in zip(waiting, masks, strict=True) if good.any()), None
        )
        before: list[Handed] = []
        if first is not None:
            self._reference_s = 0.0 if self.basis is ClockBasis.MEASURED else self._arrivals.offset_s
            before = self._check_future()
            if not before and not self.trusted:
                before = [self._notice("its stamps can be used again", trusted=True)]
        items = [*before, *self._renewal(now_s, first), *(self._name_basis() if name_basis else [])]
        for (_, chunk), good in zip(waiting, masks, strict=True):
            items += self._release(chunk, good)
        return items

    def _check_future(self) -> list[Handed]:
        """Stamps that lie ahead of their arrival from the beginning."""
        if self.basis is not ClockBasis.MEASURED or self._measured is None or self._events:
            return []
        ahead_s = self._measured.offset_s - self._arrivals.offset_s
        if ahead_s < FUTURE_S:
            return []
        self._correct(-ahead_s)
        return [self._notice(f"its stamps lie {_seconds(ahead_s)} in the future; {CORRECTED}", trusted=False)]

    def _name_basis(self) -> list[Handed]:
        text = BASIS_TEXTS.get(self.basis)
        if text is None or self.basis in self._reported:
            return []
        self._reported.add(self.basis)
        return [StreamNotice(self._stream_id, text)]

    def _change_basis(self, measured: Measurement) -> None:
        """A sender that did not answer time requests does."""
        near = abs(self._arrivals.offset_s - measured.offset_s) <= (FOREIGN_EVENT_S if self._events else FOREIGN_S)
        self.basis = ClockBasis.MEASURED if near else ClockBasis.FOREIGN
        if near:
            self.latest = self._used = None
            self._watch, self._reference_s, self._correction_s = DelayWatch(), 0.0, 0.0
            if not self.trusted:
                self._watch.alarm()

    # While it is known.

    def _follow(self, now_s: float, verdict: Verdict, *, backlog: bool) -> list[Handed]:
        """Do what a verdict on the stamps asks for."""
        match verdict:
            case Placed(chunk) if self.basis is ClockBasis.UNKNOWN:
                self._waiting.append((now_s, chunk))
                return []
            case Placed(chunk, None, newest):
                return self._hand_over(now_s, chunk, newest, backlog=backlog)
            case Placed(chunk, good) if good is not None and good.any():
                return self._hand_over(now_s, chunk, float(chunk.stamps[good].max()), good, backlog=backlog)
            case Placed(chunk, good):
                return self._release(chunk, good)
            case ClockStepped(step_s, first):
                return self._step(now_s, step_s, first)
            case Unusable(reason):
                return [self._notice(f"its times cannot be used: {reason}", trusted=False)]
            case UsableAgain():
                self._afresh()
                return []

    def _hand_over(
        self, now_s: float, chunk: Chunk, newest: float, good: BoolArray | None = None, *, backlog: bool
    ) -> list[Handed]:
        """Samples of which the newest is stamped newest, with what there is to be stated before them."""
        found = None if backlog else self._watch.add(now_s, now_s - newest - self._base_s - self._reference_s)
        if self.basis is not ClockBasis.MEASURED:
            self._arrivals.add(now_s, newest)
        noticed = self._heed(found) if found is not None else []
        if good is None and self.newest is not None and not self._fresh and self._is_renewed(now_s):  # nearly always
            self.newest = max(self.newest, newest)
            self.placed.stamps.append(chunk.stamps)
            return [*noticed, chunk]
        first = float(chunk.stamps[0] if good is None else chunk.stamps[good][0])
        return [*noticed, *self._renewal(now_s, first), *self._name_basis(), *self._release(chunk, good)]

    def _step(self, now_s: float, step_s: float, first: float) -> list[Handed]:
        """The sender's clock was set: go on by arrival from the first sample after it."""
        self._normal_s = self._watch.level_s if self.trusted else self._normal_s
        before = self.latest
        self._correct(step_s)
        offset_s = self._base_s + self._correction_s
        if self.basis is not ClockBasis.MEASURED:
            offset_s = (before.offset_s if before is not None else 0.0) + step_s
            self._arrivals = Arrivals(steady=self._steady)
        self._renewed_s, self.placed.afresh = now_s, True
        self.latest = Measurement(first, offset_s, math.inf)
        text = f"its clock was set {_forward(-step_s)} by {_seconds(abs(step_s))}; {CORRECTED}"
        items: list[Handed] = [self._notice(text, trusted=False)]
        newest = self.newest
        if newest is not None and newest - SET_BACK_S <= first <= newest:
            return [*items, ClockOffset(self._stream_id, math.nextafter(newest, math.inf), offset_s)]
        if newest is not None and before is not None and first < newest:
            items.append(ClockOffset(self._stream_id, math.nextafter(newest, math.inf), before.offset_s))
        self.newest = None
        return [*items, ClockOffset(self._stream_id, first, offset_s)]

    def _heed(self, found: Finding) -> list[Handed]:
        """What the delays of the last seconds show."""
        match found:
            case DelayStep(step_s, level_s):
                ahead = level_s < -DELAY_STEP_S and self.basis is ClockBasis.MEASURED
                if not ahead and step_s < CLOCK_S:
                    text = f"its samples arrive {_seconds(abs(step_s))} {_later(step_s)} than before"
                    return [self._notice(f"{text}: its clock or the connection", trusted=False)]
                self._correct(level_s if ahead else step_s)
                self._renewed_s = -math.inf
                text = f"its samples arrive {_seconds(abs(step_s))} {_later(step_s)} than before: its clock was set"
                if ahead:
                    text = f"its stamps lie {_seconds(-level_s)} in the future"
                return [self._notice(f"{text}; {CORRECTED}", trusted=False)]
            case DelaySlope(slope, level_s, begin_s):
                first = self._slope_base_s is None
                self._slope_base_s = begin_s if self._slope_base_s is None else self._slope_base_s
                self._track(level_s)
                text = f"its clock runs {_share(abs(slope))} {'slow' if slope > 0 else 'fast'} against arrival"
                return [self._notice(f"{text}; {CORRECTED}", trusted=False)] if first else []
            case DelayCalm(level_s):
                if self._slope_base_s is not None:
                    self._track(level_s, at_least_s=0.0)
                    self._reference_s += level_s - self._slope_base_s
                    self._slope_base_s = None
                elif self._normal_s is not None and abs(level_s - self._normal_s) > REFINE_S:
                    self._correction_s += level_s - self._normal_s
                    self._reference_s += level_s - self._normal_s
                self._normal_s = None
                return [] if self.trusted else [self._notice("its stamps and their arrival agree again", trusted=True)]

    def _track(self, level_s: float, at_least_s: float = FOLLOW_S) -> None:
        """Follow a clock that runs wrong. Where offsets are by arrival they do so anyway."""
        goal_s = self._reference_s + level_s - (self._slope_base_s or 0.0)
        if self.basis is ClockBasis.MEASURED and abs(goal_s - self._correction_s) > at_least_s:
            self._correction_s, self._renewed_s = goal_s, -math.inf

    def _correct(self, step_s: float) -> None:
        """Arrival shows the clock to be off by so much more."""
        self._correction_s += step_s
        self._reference_s += step_s
        self._slope_base_s = None
        self._watch.alarm()

    def _take_events(self, now_s: float, chunk: Chunk | None) -> list[Handed]:
        """Events come one by one, stamped long before or after; nothing but a wholly strange stamp can be seen."""
        if chunk is None:
            return self._renewal(now_s, None)
        offset_s = self.latest.offset_s if self.latest is not None else self._base_s
        good = np.abs(now_s - chunk.stamps - offset_s) <= FOREIGN_EVENT_S  # NaN is not
        if not good.any():
            self._strange += len(chunk)
            if self._strange < MAX_STRANGE_EVENTS:
                return self._release(chunk, good)
            self._afresh()
            return self._wait(now_s, chunk)
        self._strange = 0
        if self._flows(now_s, len(chunk)):
            self._events = False
            self._reference_s = 0.0 if self.basis is ClockBasis.MEASURED else offset_s
            self._order.begin([(now_s, chunk)])
        stamps = chunk.stamps[good]
        if self.basis is not ClockBasis.MEASURED:
            self._arrivals.add(now_s, float(stamps.max()))
        return [*self._renewal(now_s, float(stamps[0])), *self._name_basis(), *self._release(chunk, good)]

    def _flows(self, now_s: float, n: int) -> bool:
        """Whether a stream that states no rate delivers samples all the time, as an eye tracker does."""
        since_s, count = self._flow
        if now_s - since_s < FLOW_S:
            self._flow = (since_s, count + n)
            return False
        self._flow = (now_s, n)
        return not self._text and count >= FLOW_SAMPLES

    # Measurements.

    @property
    def _base_s(self) -> float:
        measured = self._measured if self.basis is ClockBasis.MEASURED else None
        return measured.offset_s if measured is not None else 0.0

    def _note_measurement(self, measured: Measurement | None) -> None:
        """LSL's latest measurement. Where it shows at last what arrival has shown before, it is not corrected twice."""
        before, self._measured = self._measured, measured or self._measured
        if measured is None or before is None or self.basis is not ClockBasis.MEASURED or self._correction_s == 0.0:
            return
        change_s = measured.offset_s - before.offset_s
        if abs(change_s) > DELAY_STEP_S and abs(change_s - self._correction_s) < DELAY_STEP_S:
            self._correction_s -= change_s
            self._reference_s -= change_s

    def _renewal(self, now_s: float, first: float | None) -> list[Handed]:
        """The next measurement to be handed over, if one is due. first: the first good stamp handed over now."""
        if self._is_renewed(now_s):
            return []
        if self.basis is ClockBasis.MEASURED:
            if self._measured is None:
                return []
            measured = self._measured
            found = Measurement(measured.time_s, measured.offset_s + self._correction_s, measured.uncertainty_s)
            if self.latest is not None and measured == self._used and found.offset_s == self.latest.offset_s:
                return []
        elif first is None:
            return []
        else:
            measured, found = None, Measurement(first, self._by_arrival(now_s), math.inf)
        time_s = self._above_newest(found.time_s, first)
        self._renewed_s, self.latest, self._used = now_s, found, measured
        return [ClockOffset(self._stream_id, time_s, found.offset_s)]

    def _is_renewed(self, now_s: float) -> bool:
        """Whether no measurement is due, or none can be made."""
        return not self._order.usable or (self.latest is not None and now_s - self._renewed_s < RENEW_S)

    def _by_arrival(self, now_s: float) -> float:
        """After a silence the old offset holds until arrivals were watched anew: what comes first may be a backlog."""
        if self.latest is not None and not self._arrivals.settled(now_s):
            return self.latest.offset_s
        return self._arrivals.offset_s

    def _above_newest(self, time_s: float, first: float | None) -> float:
        """When a measurement holds from: a connection's first one for what has waited for it, any other from now on."""
        if self._fresh and first is not None:
            time_s = min(time_s, first)
        set_back = self._fresh and self.newest is not None and time_s < self.newest - RESET_S
        if self.newest is None or set_back or time_s > self.newest:
            return time_s
        return math.nextafter(self.newest, math.inf)

    def _release(self, chunk: Chunk, good: BoolArray | None) -> list[Handed]:
        stamps = chunk.stamps if good is None else chunk.stamps[good]
        self.placed.n_wrong += len(chunk) - len(stamps)
        if len(stamps):
            self.newest = _newest(self.newest, stamps)
            self.placed.stamps.append(stamps)
            self._fresh = False
        return [chunk]

    def _notice(self, text: str, *, trusted: bool) -> StreamNotice:
        self.trusted = trusted
        return StreamNotice(self._stream_id, text, trusted)


def _forward(step_s: float) -> str:
    return "forward" if step_s > 0 else "back"


def _later(step_s: float) -> str:
    return "later" if step_s > 0 else "earlier"


def _seconds(step_s: float) -> str:
    return f"{step_s:.2f} s" if step_s < 10 else f"{step_s:.1f} s"


def _share(slope: float) -> str:
    return f"{1e6 * slope:.0f} ppm" if slope < 1e-3 else f"{100 * slope:.2g} %"


def _newest(before: float | None, stamps: TimeArray) -> float:
    """The newest raw stamp since the clock was last set back by more than RESET_S."""
    low, high = extent(stamps)
    reached = high if before is None else max(before, high)
    if reached - low <= RESET_S:  # no step can be so large: nearly always
        return reached
    joined = stamps if before is None else np.concatenate(([before], stamps))
    set_back = np.flatnonzero(np.diff(joined) < -RESET_S)
    return float(np.max(joined[set_back[-1] + 1 :] if len(set_back) else joined))
