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
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, ClockOffset, Item, StreamInfo, TimeArray
from rtemo.sources.xdf.checks import Checked, check, clock_of
from rtemo.sources.xdf.file import XdfFile
from rtemo.sources.xdf.reader import read_stream
from rtemo.sources.xdf.samples import Samples
from rtemo.sources.xdf.scan import XdfStream, scan

BATCH_BYTES = 1 << 18  # a read returns about as much
PIECE_S = 0.25  # chunks come in pieces of at most so much, whatever their length in the file
MARGIN_S = 10.0  # how far stamps may stand out of order around start_s and stop_s, at the least


class Timed(NamedTuple):
    """An item with the LSL times of its samples (n,); NaN where the clock is not known, empty for offsets.

    elapsed: (n,) seconds since the recording's first sample, never NaN: by which streams are merged, cut and paced. For
    a stream whose clock is not that of the others they count from its own first sample.
    """

    times: TimeArray
    elapsed: TimeArray
    item: Chunk | ClockOffset


class XdfSource:
    """Reads any XDF file as a Source. Not safe to share between threads."""

    def __init__(
        self, path: Path | str, start_s: float | None = None, stop_s: float | None = None, *, size: int | None = None
    ) -> None:
        """start_s, stop_s: the part to read, start_s <= t < stop_s, in seconds from the recording's first sample in LSL
        time (`first_s`). Windows lie on an absolute grid, so a part gives the same windows as the whole file
        wherever the filters have settled; begin earlier to have them settled at a certain moment. size: how many bytes
        to read of a file that is still being written; None: all.
        """
        self._path, self._start_s, self._stop_s, self._size = Path(path), start_s, stop_s, size
        self._file: XdfFile | None = None
        self._checked: Checked | None = None
        self.session_id = ""  # of the session of rtemo that the file was made for; known from `start` on
        self._streams: tuple[XdfStream, ...] = ()
        self._all: tuple[XdfStream, ...] = ()  # also those that are not selected
        self._cursors: list[_Cursor] = []
        self._merged: Iterator[Timed] | None = None
        self._late_warnings: dict[str, int] = {}
        self._position_s = math.nan
        self._failure: RtemoError | None = None  # raised by the read after the one that met it
        self.exhausted = False

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with the file, one line each. Damage inside chunks is added as it is met."""
        checked = self._checked.warnings if self._checked else ()
        late = (f"{line}: {count} samples left out" for line, count in self._late_warnings.items())
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
        self._file = XdfFile(self._path, self._size)
        try:
            return self._look_through(self._file)
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
        if self._file is None:
            raise ValueError("the source was not started")
        stream = next(stream for stream in self._all if stream.info.stream_id == stream_id)
        offsets = self._known.offsets[stream.number]
        with self._file.open() as file:
            cursor = _Cursor(file, stream, offsets, self._known.origins[stream.number], {})
            chunks = [(timed.times, timed.item) for timed in cursor.chunks(-math.inf, math.inf)]
        return [
            (float(time_s), tuple(map(str, row)))
            for times, item in chunks
            if isinstance(item, Chunk)
            for time_s, row in zip(times, item.values, strict=True)
            if np.isfinite(time_s)
        ]

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
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def _known(self) -> Checked:
        if self._checked is None:
            raise ValueError("the source was not started")
        return self._checked

    def _look_through(self, file: XdfFile) -> tuple[StreamInfo, ...]:
        index = scan(file)
        if not index.streams:
            found = "; ".join(index.warnings) or f"{index.size} bytes without a stream's description"
            raise RtemoError(f"there is no stream in {self._path}", found, "give a recording with samples")
        self._checked, self.session_id = check(index), index.session_id
        self._check_part()
        self._streams = self._all = index.streams
        return tuple(stream.info for stream in index.streams)

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
        checked, nothing = self._known, np.empty(0)
        for stream in self._streams:
            offsets = checked.offsets[stream.number]
            yield from (Timed(nothing, nothing, offset) for offset in offsets)
            origin_s = checked.origins[stream.number]
            self._cursors.append(_Cursor(self._file.open(), stream, offsets, origin_s, self._late_warnings))
        start_s = -math.inf if self._start_s is None else self._start_s
        stop_s = math.inf if self._stop_s is None else self._stop_s
        yield from _by_time([cursor.chunks(start_s, stop_s) for cursor in self._cursors])

    def _failed(self, error: OSError) -> RtemoError:
        return RtemoError(
            f"reading {self._path} failed", error.strerror or str(error), "check the disk or the network folder"
        )


class _Cursor:
    """Where one stream is being read."""

    def __init__(
        self,
        file: BinaryIO,
        stream: XdfStream,
        offsets: tuple[ClockOffset, ...],
        origin_s: float,
        damage: dict[str, int],
    ) -> None:
        self.file, self._stream, self._offsets = file, stream, offsets
        self._origin_s, self._damage = (
            origin_s,
            damage,
        )  # where samples without a known time go; counts by what is wrong
        self._clock = clock_of(offsets)

    def chunks(self, start_s: float, stop_s: float) -> Iterator[Timed]:
        """The samples with start_s <= elapsed < stop_s. A sample without a time goes with the one before it."""
        newest_s = 0.0
        stream_id = self._stream.info.stream_id
        for samples in read_stream(self.file, self._stream, self._note_damage, self._spans(start_s, stop_s)):
            stamps, values = self._stamped(samples)
            times = self._clock.to_lsl(stamps)
            elapsed = _filled(times - self._origin_s, newest_s)
            newest_s = float(elapsed[-1]) if len(elapsed) else newest_s
            inside = (elapsed >= start_s) & (elapsed < stop_s)
            if not inside.all():
                times, elapsed, stamps, values = times[inside], elapsed[inside], stamps[inside], values[inside]
            for cut in _pieces(elapsed) if len(elapsed) else ():
                yield Timed(times[cut], elapsed[cut], Chunk(stream_id, stamps[cut], values[cut]))

    def _stamped(self, samples: Samples) -> tuple[TimeArray, NDArray[Any]]:
        """Stamps and values, without samples whose stamp is no number: nobody could place them."""
        good = np.isfinite(samples.stamps)
        if good.all():
            return samples.stamps, samples.values
        self._note("has stamps that are no numbers", int(np.sum(~good)))
        return samples.stamps[good], samples.values[good]

    def _note_damage(self, _byte: int, n_samples: int) -> None:
        self._note("has damaged chunks", n_samples)

    def _note(self, what: str, n_samples: int) -> None:
        line = f"stream {self._stream.info.stream_id} {what}"
        self._damage[line] = self._damage.get(line, 0) + n_samples

    def _spans(self, start_s: float, stop_s: float) -> slice:
        """The spans that can hold samples of a part, by their first stamps; all where these do not say it."""
        resets = np.diff([offset.time_s for offset in self._offsets]) < 0
        if resets.any() or (start_s <= 0 and stop_s == math.inf):
            return slice(None)
        elapsed = clock_of(self._offsets).to_lsl(np.array(self._stream.span_firsts)) - self._origin_s
        reached = np.flatnonzero(~(elapsed < start_s - MARGIN_S))  # NaN may be anywhere
        before_end = np.flatnonzero(~(elapsed >= stop_s + MARGIN_S))
        first = int(reached[0]) if len(reached) else len(elapsed)
        return slice(max(first - 1, 0), int(before_end[-1]) + 1 if len(before_end) else 0)


def _by_time(streams: list[Iterator[Timed]]) -> Iterator[Timed]:
    """Merges by each chunk's first sample, holding one chunk of each stream."""
    order = itertools.count()  # streams that stand at the same time take turns
    heap: list[tuple[float, int, Timed, Iterator[Timed]]] = []

    def advance(stream: Iterator[Timed]) -> None:
        timed = next(stream, None)
        if timed is not None:
            heapq.heappush(heap, (float(timed.elapsed[0]), next(order), timed, stream))

    for stream in streams:
        advance(stream)
    while heap:
        _, _, timed, stream = heapq.heappop(heap)
        yield timed
        advance(stream)


def _pieces(elapsed: TimeArray) -> list[slice]:
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
