"""XdfSource: a recording as a source of chunks, in bounded memory, its streams merged by LSL time.

Stamps stay raw. All of a stream's clock offsets come before its samples: a sample uses the latest measurement up to its
own stamp (rtemo.core.timing.clock_correction), so later ones do not exist for it and the times are those of the live
session. Each stream is read with a handle of its own, so that files whose streams lie one after the other merge as well
as interleaved ones.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, Item, StreamInfo, StreamNotice, StreamUp
from rtemo.sources.stream_choice import is_own
from rtemo.sources.xdf.checks import Checked, check
from rtemo.sources.xdf.cursor import PIECE_S, Cursor, StreamPlan, Timed
from rtemo.sources.xdf.edges import mend_edges
from rtemo.sources.xdf.file import XdfFile
from rtemo.sources.xdf.parts import RecordingPart, joined, numbers_in, open_parts
from rtemo.sources.xdf.recording_log import LogEntry, is_log, read_entry
from rtemo.sources.xdf.scan import XdfIndex, XdfStream
from rtemo.sources.xdf.succession import Succession, entries_of, from_log, from_times

BATCH_BYTES = 1 << 19  # a read returns about as much
UP_LEAD_S = 2.0 * PIECE_S  # so long before its first sample a stream that takes another's place is announced


class XdfSource:
    """Reads any XDF file as a Source. Not safe to share between threads."""

    def __init__(
        self,
        path: Path | str,
        start_s: float | None = None,
        stop_s: float | None = None,
        *,
        size: int | None = None,
        alone: bool = False,
    ) -> None:
        """start_s, stop_s: the part to read, start_s <= t < stop_s, in seconds from the recording's first sample in LSL
        time (`first_s`). Windows lie on an absolute grid, so a part gives the same windows as the whole file
        wherever the filters have settled; begin earlier to have them settled at a certain moment. size: how many bytes
        to read of a file that is still being written; None: all. alone: without the files in which it goes on.
        """
        self._path, self._start_s, self._stop_s = Path(path), start_s, stop_s
        self._size, self._alone = size, alone
        self._file: XdfFile | None = None
        self._parts: list[RecordingPart] = []  # the files in which it goes on
        self._checked: Checked | None = None
        self.session_id = ""  # of the session of rtemo that the file was made for; known from `start` on
        self._streams: tuple[XdfStream, ...] = ()
        self._all: tuple[XdfStream, ...] = ()  # also those that are not selected
        self._cursors: list[Cursor] = []
        self._merged: Iterator[Timed] | None = None
        self._late_warnings: dict[str, int] = {}  # counts by what is wrong
        self._succession = Succession()
        self._position_s = math.nan
        self._failure: RtemoError | None = None  # raised by the read after the one that met it
        self.exhausted = False

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with the file, one line each. Damage inside chunks is added as it is met."""
        checked = self._checked.warnings if self._checked else ()
        late = (line.format(count) for line, count in self._late_warnings.items())
        return (*checked, *late)

    @property
    def first_s(self) -> float:
        """LSL time of the recording's first sample: of the streams that share a clock, where some do not."""
        return self._known.first_s

    @property
    def last_s(self) -> float:
        """LSL time of the recording's last sample."""
        return self._known.last_s

    @property
    def begin_s(self) -> float:
        """Where the part to be read begins, in seconds from the recording's first sample."""
        return max(self._start_s or 0.0, 0.0)

    @property
    def position_s(self) -> float:
        """LSL time of the newest sample that was read; NaN before."""
        return self._position_s

    def start(self) -> tuple[StreamInfo, ...]:
        """Looks through the file. Returns all its streams, empty ones too. Raises RtemoError."""
        try:
            return self._look_through()
        except OSError as error:
            self.stop()
            raise self._failed(error) from error
        except RtemoError:
            self.stop()
            raise

    def n_samples(self, stream_id: str) -> int:
        """How many samples of a stream the file holds. Known from `start` on."""
        return next(stream.n_samples for stream in self._streams if stream.info.stream_id == stream_id)

    def select(self, stream_ids: Collection[str]) -> None:
        """Reads only these streams; to be called before the first read. The others are not decoded."""
        if self._merged is not None:
            raise ValueError("select comes before the first read")
        self._streams = tuple(stream for stream in self._streams if stream.info.stream_id in stream_ids)

    def rows_of(self, stream_id: str) -> list[tuple[float, tuple[str, ...]]]:
        """All samples of a stream of texts with their LSL times. Reads nothing else, and moves nothing on.

        Of a stream whose clock is not known there are none.
        """
        stream = next(stream for stream in self._all if stream.info.stream_id == stream_id)
        return [(time_s, row) for time_s, row in self._rows(stream) if np.isfinite(time_s)]

    @property
    def noted(self) -> list[tuple[float, str, str]]:
        """What persons noted with the recorder: LSL time, text, participant. Known from `start` on."""
        rows = [row for stream in self._all if is_log(stream.info) for row in self.rows_of(stream.info.stream_id)]
        found = ((time_s, read_entry(row[0])) for time_s, row in rows)
        return [(time_s, entry.text, entry.participant) for time_s, entry in found if entry is not None and entry.noted]

    @property
    def opening(self) -> tuple[StreamInfo, ...]:
        """The streams that are selected, but for those that take another's place: these are announced at theirs."""
        return tuple(stream.info for stream in self._streams if self._predecessor(stream) is None)

    def predecessor(self, stream_id: str) -> str | None:
        """The stream whose place a stream took when it was lost. Known from `start` on."""
        number = next(stream.number for stream in self._all if stream.info.stream_id == stream_id)
        before = self._succession.replaced.get(number)
        return None if before is None else next(one.info.stream_id for one in self._all if one.number == before)

    def read(self, timeout_s: float = 0.0) -> list[Item]:  # noqa: ARG002 - a file never has to be waited for
        """The next items, by LSL time. Empty only at the end. Raises RtemoError when reading fails."""
        return [timed.item for timed in self.read_timed()]

    def read_timed(self) -> list[Timed]:
        """As `read`, with LSL times."""
        if self.exhausted:
            return []
        if self._merged is None:
            self._merged = self._merge()
        if self._failure is not None:
            self.stop()
            raise self._failure
        batch: list[Timed] = []
        n_bytes = 0
        try:
            for timed in self._merged:
                batch.append(timed)
                if isinstance(timed.item, Chunk):
                    n_bytes += timed.item.values.nbytes + timed.item.stamps.nbytes
                    self._position_s = float(np.fmax.reduce(timed.times, initial=self._position_s))
                if n_bytes >= BATCH_BYTES:
                    return batch
        except (OSError, RtemoError) as error:
            self._failure = self._failed(error) if isinstance(error, OSError) else error
            return batch or self.read_timed()
        self.stop()
        return batch

    def stop(self) -> None:
        """Closes the file. Nothing is read any more."""
        self.exhausted = True
        self._merged = None
        for cursor in self._cursors:
            cursor.file.close()
        self._cursors = []
        for part in self._parts:
            part.file.close()
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def _known(self) -> Checked:
        if self._checked is None:
            raise ValueError("the source was not started")
        return self._checked

    def _look_through(self) -> tuple[StreamInfo, ...]:
        parts, odd = open_parts(self._path, self._size, alone=self._alone)
        self._file, index, self._parts = parts[0].file, parts[0].index, parts[1:]
        odd += [
            f"the recording goes on in {part.file.path.name} after a pause of {_pause_s(before, part):.1f} s"
            for before, part in pairwise(parts)
        ]
        if self._parts:
            index = joined(index, self._parts)
        if not index.streams:
            found = "; ".join(index.warnings) or f"{index.size} bytes without a stream's description"
            raise RtemoError(f"there is no stream in {self._path}", found, "give a recording with samples")
        with self._file.open() as handle:
            for stream in index.streams:
                if not stream.parts:
                    mend_edges(handle, stream)
        self._checked = check(replace(index, warnings=(*index.warnings, *odd)))
        self.session_id = index.header.session_id
        self._check_part()
        self._streams = self._all = index.streams
        self._succession = self._find_succession()
        return tuple(stream.info for stream in index.streams)

    def _find_succession(self) -> Succession:
        """From the recorder's logs, one for each part of a recording; without any, from names and times."""
        logs = [stream for stream in self._all if is_log(stream.info)]
        if not logs:
            return Succession(from_times(self._known))
        numbers = frozenset(stream.number for stream in self._all)
        entries = [self._numbered(entry, log) for log in logs for entry in entries_of([r for _, r in self._rows(log)])]
        return from_log(entries, numbers)

    def _numbered(self, entry: LogEntry, log: XdfStream) -> LogEntry:
        """An entry of a later part's log with the streams' numbers and the samples' places in the whole recording."""
        if not log.parts:
            return entry
        numbers = numbers_in(self._all, log.parts[0][0])
        number, before = numbers.get(entry.stream, (0, 0))
        replaces, _ = numbers.get(entry.replaces, (0, 0))
        return replace(entry, stream=number, sample=before + entry.sample, replaces=replaces)

    def _rows(self, stream: XdfStream) -> list[tuple[float, tuple[str, ...]]]:
        """All samples of a stream of texts with their LSL times, NaN where these are not known."""
        if self._file is None:
            raise ValueError("the source was not started")
        plan = StreamPlan(self._known.offsets[stream.number], self._known.origins[stream.number])
        with self._file.open() as file:
            chunks = [(timed.times, timed.item) for timed in Cursor(file, stream, plan, {}).items(-math.inf, math.inf)]
        return [
            (float(time_s), tuple(map(str, row)))
            for times, item in chunks
            if isinstance(item, Chunk)
            for time_s, row in zip(times, item.values, strict=True)
        ]

    def _predecessor(self, stream: XdfStream) -> XdfStream | None:
        """The selected stream whose place a stream takes."""
        number = self._succession.replaced.get(stream.number)
        return next((one for one in self._streams if one.number == number), None)

    def _successor(self, stream: XdfStream) -> XdfStream | None:
        """The selected stream that takes a stream's place."""
        return next((one for one in self._streams if self._predecessor(one) is stream), None)

    def _doubts(self, stream: XdfStream) -> list[tuple[int, StreamNotice]]:
        """What the file itself shows: stamps that are no seconds."""
        text = self._known.not_seconds.get(stream.number, "")
        return [(0, StreamNotice(stream.info.stream_id, text, trusted=False))] if text else []

    def _plan(self, stream: XdfStream) -> StreamPlan:
        before = self._predecessor(stream)
        after = self._successor(stream)
        down = self._succession.reasons.get(stream.number) or "lost" if after is not None else ""
        return StreamPlan(
            self._known.offsets[stream.number],
            self._known.origins[stream.number],
            (*self._doubts(stream), *self._succession.notices.get(stream.number, ())),
            StreamUp(stream.info, before.info.stream_id) if before is not None else None,
            down and f"{down}; {after.info.brief()} takes its place" if after is not None else "",
        )

    def _check_part(self) -> None:
        start_s, stop_s = self.begin_s, math.inf if self._stop_s is None else self._stop_s
        length_s = self.last_s - self.first_s
        if start_s > length_s or stop_s <= start_s:
            raise RtemoError(
                f"nothing of {self._path} lies between start and stop",
                f"it is {length_s:.1f} s long; start is {start_s:g} s, stop is {stop_s:g} s",
                "give seconds from the recording's first sample",
            )

    def _merge(self) -> Iterator[Timed]:
        """All offsets, then the samples of all streams, each time the stream that lies furthest back."""
        if self._file is None:
            raise ValueError("the source was not started")
        nothing = np.empty(0)
        for stream in self._streams:
            plan = self._plan(stream)
            if plan.up is None:
                yield from (Timed(nothing, nothing, offset) for offset in plan.offsets)
            self._cursors.append(Cursor(self._file.open(), stream, plan, self._late_warnings))
        start_s = -math.inf if self._start_s is None else self._start_s
        stop_s = math.inf if self._stop_s is None else self._stop_s
        cursors = zip(self._streams, self._cursors, strict=True)
        yield from _by_time([self._lane(stream, cursor.items(start_s, stop_s)) for stream, cursor in cursors])

    def _lane(self, stream: XdfStream, items: Iterator[Timed]) -> StreamLane:
        before = self._predecessor(stream)
        after = self._successor(stream)
        until_s = math.inf
        if after is not None and self._known.origins[after.number] == self._known.origins[stream.number]:
            first_s = next((span.first_s for span in self._known.spans if span.stream is after), math.inf)
            until_s = first_s - self._known.origins[after.number]
        return StreamLane(items, None if before is None else self._streams.index(before), until_s)

    def _failed(self, error: OSError) -> RtemoError:
        return RtemoError(
            f"reading {self._path} failed", error.strerror or str(error), "check the disk or the network folder"
        )


class StreamLane(NamedTuple):
    """A stream's items. follows: the place among the streams of the one whose place it took, and after whose items its
    own come. until_s: elapsed seconds at which the one begins that takes its place.
    """

    items: Iterator[Timed]
    follows: int | None
    until_s: float

    def next(self) -> tuple[float, Timed] | None:
        """The next item, and when it is its turn: all of a stream's before another takes its place, whatever their
        stamps are, and that one is announced before any piece of the others that reaches as far.
        """
        timed = next(self.items, None)
        if timed is None:
            return None
        timed = timed._replace(elapsed=np.minimum(timed.elapsed, self.until_s))
        turn_s = min(float(timed.elapsed[0]), self.until_s - UP_LEAD_S)
        return turn_s - (UP_LEAD_S if isinstance(timed.item, StreamUp) else 0.0), timed


def _by_time(lanes: Sequence[StreamLane]) -> Iterator[Timed]:
    """Merges by each chunk's first sample, holding one chunk of each stream."""
    order = itertools.count()  # streams that stand at the same time take turns
    heap: list[tuple[float, int, Timed, int]] = []

    def advance(place: int) -> None:
        if (found := lanes[place].next()) is not None:
            heapq.heappush(heap, (found[0], next(order), found[1], place))
            return
        for following in [k for k, lane in enumerate(lanes) if lane.follows == place]:
            advance(following)

    for place, lane in enumerate(lanes):
        if lane.follows is None:
            advance(place)
    while heap:
        _, _, timed, place = heapq.heappop(heap)
        yield timed
        advance(place)


def _pause_s(before: RecordingPart, after: RecordingPart) -> float:
    """Between two parts, by raw stamps, as the clocks of one recording's streams hardly differ within a pause. What
    rtemo itself sends, as predictions, is kept while no recorder is there, and bridges no pause.
    """
    end_s = max((stream.last_s for stream in _with_samples(before.index)), default=0.0)
    return min((stream.first_s for stream in _with_samples(after.index)), default=end_s) - end_s


def _with_samples(index: XdfIndex) -> list[XdfStream]:
    return [stream for stream in index.streams if stream.n_samples and not is_own(stream.info)]
