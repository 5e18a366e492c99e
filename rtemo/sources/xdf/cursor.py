"""Reads one stream of a recording in the order of the file: its samples in pieces, with their times, and what the
recorder's log holds about it, each at its place among the samples.

Stamps stay raw. A sample whose time is not known goes with the one before it, and so does one whose stamp lies far
ahead of those that follow; where the stream's times cannot be believed at all they count from there on at the nominal
rate. So they neither hold up nor outrun the other streams.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from rtemo.core.types import BoolArray, Chunk, ClockOffset, StreamDown, StreamNotice, StreamState, StreamUp, TimeArray
from rtemo.sources.xdf.checks import clock_of
from rtemo.sources.xdf.reader import read_stream
from rtemo.sources.xdf.samples import Samples
from rtemo.sources.xdf.scan import XdfStream

PIECE_S = 0.25  # chunks come in pieces of at most so much, whatever their length in the file
AHEAD_S = 1.0  # a stamp is wrong that is so far ahead of
FOLLOWING, RETURNED = 512, 3  # so many in a row, of so many samples behind it
MARGIN_S = 10.0  # how far stamps may stand out of order around start_s and stop_s, at the least


class Timed(NamedTuple):
    """An item with the LSL times of its samples (n,); NaN where the clock is not known, empty for what is no sample.

    elapsed: (n,) seconds since the recording's first sample, never NaN: by which streams are merged, cut and paced; of
    one element for what has a place among the samples. For a stream whose clock is not that of the others they count
    from its own first sample.
    """

    times: TimeArray
    elapsed: TimeArray
    item: Chunk | ClockOffset | StreamNotice | StreamUp | StreamDown

    @property
    def stream_id(self) -> str:
        return self.item.info.stream_id if isinstance(self.item, StreamUp) else self.item.stream_id


class StreamPlan(NamedTuple):
    """How a stream is read.

    offsets: its clock measurements. origin_s: the LSL time at which elapsed seconds begin. notices: each with the
    number of the stream's samples before it, in that order. up: announces it where it takes a lost stream's place.
    down: why it is over, where another one takes its place.
    """

    offsets: tuple[ClockOffset, ...]
    origin_s: float
    notices: tuple[tuple[int, StreamNotice], ...] = ()
    up: StreamUp | None = None
    down: str = ""


class Cursor:
    """Where one stream is being read."""

    def __init__(self, file: BinaryIO, stream: XdfStream, plan: StreamPlan, damage: dict[str, int]) -> None:
        """damage: counts samples by what is wrong with them."""
        self.file, self._stream, self._plan, self._damage = file, stream, plan, damage
        self._clock = clock_of(plan.offsets)
        self._notices = list(plan.notices)
        self._newest_s = 0.0
        self._believed = True

    def items(self, start_s: float, stop_s: float) -> Iterator[Timed]:
        """The samples with start_s <= elapsed < stop_s, and what has its place among them."""
        began = self._plan.up is None
        for timed in self._chunks(start_s, stop_s):
            if not began:
                began = True
                yield from self._announced(timed.elapsed[:1])
            yield timed
        if began:
            yield from self._due_notices(math.inf)
        if self._plan.down:
            down = StreamDown(self._stream.info.stream_id, StreamState.LOST, self._plan.down)
            yield Timed(np.empty(0), np.array([self._newest_s]), down)

    def _announced(self, elapsed: TimeArray) -> Iterator[Timed]:
        """The stream itself, and its clock measurements, which nobody takes before."""
        assert self._plan.up is not None
        yield Timed(np.empty(0), elapsed, self._plan.up)
        for offset in self._plan.offsets:
            yield Timed(np.empty(0), elapsed, offset)

    def _chunks(self, start_s: float, stop_s: float) -> Iterator[Timed]:
        for samples, wrong in judged(self._samples(start_s, stop_s)):
            bad = int(np.count_nonzero(~np.isfinite(samples.stamps)))
            if bad:
                self._note("has stamps that are no numbers", bad, "not used")
            for part in _split(samples, [number for number, _ in self._notices]):
                yield from self._due_notices(part.number)
                first = part.number - samples.number
                yield from self._pieces(part, wrong[first : first + len(part.stamps)], start_s, stop_s)

    def _samples(self, start_s: float, stop_s: float) -> Iterator[Samples]:
        """The samples of all parts, numbered through."""
        yield from read_stream(self.file, self._stream, self._note_damage, self._spans(start_s, stop_s))
        before = self._stream.n_samples - sum(part.n_samples for _, part in self._stream.parts)
        for file, part in self._stream.parts:
            with file.open() as handle:
                for samples in read_stream(handle, part, self._note_damage):
                    yield samples._replace(number=before + samples.number)
            before += part.n_samples

    def _pieces(self, samples: Samples, wrong: BoolArray, start_s: float, stop_s: float) -> Iterator[Timed]:
        stamps, values = samples.stamps, samples.values
        times, elapsed = self._times(stamps)
        inside = (elapsed >= start_s) & (elapsed < stop_s)  # by its own stamp, also where that is wrong
        if self._believed:
            elapsed = _filled(np.where(wrong, np.nan, elapsed), self._newest_s)
        self._newest_s = float(elapsed[-1]) if len(elapsed) else self._newest_s
        if not inside.all():
            times, elapsed, stamps, values = times[inside], elapsed[inside], stamps[inside], values[inside]
        for cut in _cuts(elapsed) if len(elapsed) else ():
            yield Timed(times[cut], elapsed[cut], Chunk(self._stream.info.stream_id, stamps[cut], values[cut]))

    def _times(self, stamps: TimeArray) -> tuple[TimeArray, TimeArray]:
        if self._believed:
            times = self._clock.to_lsl(stamps)
            return times, _filled(times - self._plan.origin_s, self._newest_s)
        steps = np.arange(1, len(stamps) + 1, dtype=np.float64) * self._stream.layout.interval_s
        return np.full(len(stamps), np.nan), np.asarray(self._newest_s + steps)

    def _due_notices(self, number: float) -> Iterator[Timed]:
        """The notices whose place is not behind a sample."""
        while self._notices and self._notices[0][0] <= number:
            _, notice = self._notices.pop(0)
            self._believed = self._believed if notice.trusted is None else notice.trusted
            yield Timed(np.empty(0), np.array([self._newest_s]), notice)

    def _note_damage(self, _byte: int, n_samples: int) -> None:
        self._note("has damaged chunks", n_samples, "left out")

    def _note(self, what: str, n_samples: int, outcome: str) -> None:
        line = f"stream {self._stream.info.stream_id} {what}: {{}} samples {outcome}"
        self._damage[line] = self._damage.get(line, 0) + n_samples

    def _spans(self, start_s: float, stop_s: float) -> slice:
        """The spans that can hold samples of a part, by their first stamps; all where these do not say it."""
        resets = np.diff([offset.time_s for offset in self._plan.offsets]) < 0
        doubted = any(notice.trusted is False for _, notice in self._notices)
        if doubted or resets.any() or (start_s <= 0 and stop_s == math.inf):
            return slice(None)
        elapsed = clock_of(self._plan.offsets).to_lsl(np.array(self._stream.span_firsts)) - self._plan.origin_s
        reached = np.flatnonzero(~(elapsed < start_s - MARGIN_S))  # NaN may be anywhere
        before_end = np.flatnonzero(~(elapsed >= stop_s + MARGIN_S))
        first = int(reached[0]) if len(reached) else len(elapsed)
        return slice(max(first - 1, 0), int(before_end[-1]) + 1 if len(before_end) else 0)


def _split(samples: Samples, numbers: list[int]) -> Iterator[Samples]:
    """Samples cut before those of these numbers."""
    inner = sorted({number - samples.number for number in numbers})
    cuts = [0, *(cut for cut in inner if 0 < cut < len(samples.stamps)), len(samples.stamps)]
    for begin, end in itertools.pairwise(cuts):
        yield Samples(samples.stamps[begin:end], samples.values[begin:end], 0, samples.number + begin)


def _cuts(elapsed: TimeArray) -> list[slice]:
    """Cuts times (n,) into stretches of at most PIECE_S, so that streams advance together whatever their chunks."""
    with np.errstate(over="ignore"):  # damaged stamps may be of any size
        cell = np.floor((np.maximum.accumulate(elapsed) - elapsed[0]) / PIECE_S)
    cuts = [0, *(np.flatnonzero(cell[1:] != cell[:-1]) + 1).tolist(), len(elapsed)]
    return [slice(begin, end) for begin, end in itertools.pairwise(cuts)]


def _filled(times: TimeArray, before_s: float) -> TimeArray:
    """Times with each NaN replaced by the last known time before it."""
    unknown = ~np.isfinite(times)
    if not unknown.any():
        return times
    known = np.maximum.accumulate(np.where(unknown, -1, np.arange(len(times))))
    return np.where(known >= 0, times[known], before_s)


def judged(source: Iterator[Samples]) -> Iterator[tuple[Samples, BoolArray]]:
    """The same blocks of samples, each with which of its stamps (n,) are too far ahead. Reads on where one may be."""
    read: deque[Samples] = deque()
    reached = -math.inf  # the highest stamp that is not wrong
    while True:
        if not read:
            block = next(source, None)
            if block is None:
                return
            read.append(block)
        stamps = read[0].stamps
        wrong = np.zeros(len(stamps), dtype=bool)
        highest = float(stamps.max(initial=-math.inf))
        begin = len(stamps) if highest <= reached + AHEAD_S else 0  # as nearly always
        reached = max(reached, highest) if begin else reached
        while begin < len(stamps):
            jump = _jump(stamps, begin, reached)
            reached = max([reached, *np.fmax.accumulate(stamps[begin:jump])[-1:].tolist()])
            if jump < len(stamps):
                wrong[jump] = _returns(_following(read, source, jump) < stamps[jump] - AHEAD_S)
                reached = reached if wrong[jump] else float(stamps[jump])
            begin = jump + 1
        yield read.popleft(), wrong


def _jump(stamps: TimeArray, begin: int, reached: float) -> int:
    """The first stamp from `begin` on that lies far ahead of all before it, or how many there are."""
    rest = stamps[begin:]
    highest = np.fmax.accumulate(np.concatenate([[reached], rest[:-1]]))
    ahead = np.flatnonzero(rest > highest + AHEAD_S)
    return begin + int(ahead[0]) if len(ahead) else len(stamps)


def _following(read: deque[Samples], source: Iterator[Samples], number: int) -> TimeArray:
    """The stamps behind one of the first block's, read as far as is needed."""
    while sum(len(one.stamps) for one in read) <= number + FOLLOWING:
        block = next(source, None)
        if block is None:
            break
        read.append(block)
    return np.concatenate([one.stamps for one in read])[number + 1 : number + 1 + FOLLOWING]


def _returns(before: BoolArray) -> bool:
    """Whether enough of these in a row are true."""
    need = min(RETURNED, len(before))
    return need > 0 and bool(np.all([before[k : len(before) - need + 1 + k] for k in range(need)], axis=0).any())
