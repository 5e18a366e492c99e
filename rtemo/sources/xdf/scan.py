"""Indexes an XDF file (the first pass): the heads of all chunks, in bounded memory, without decoding samples.

Reads descriptions, clock offsets, footers and counts and seeks over the samples. It survives a file that ends anywhere
(the recorder was killed) and damage in the middle (reading goes on behind the next boundary mark), and reports what was
left out. Stamps are raw.
"""

from __future__ import annotations

import contextlib
import math
import struct
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import BinaryIO

from rtemo.core.errors import RtemoError
from rtemo.core.types import StreamInfo
from rtemo.sources.stream_xml import decode_xml, parse_xml, stream_info
from rtemo.sources.xdf.chunks import BOUNDARY, HEAD_BYTES, MAGIC, RawChunk, Tag, find_boundary, parse_head, read_length
from rtemo.sources.xdf.file import XdfFile
from rtemo.sources.xdf.file_header import FileHeader
from rtemo.sources.xdf.samples import SampleLayout, read_blocks

SPAN_BYTES = 1 << 15
MAX_XML_BYTES = 1 << 24  # no description is as long; a damaged length must not decide how much memory is taken

PEEK_BYTES = HEAD_BYTES + 9 + 9  # a head, a sample count, the first stamp
_OFFSET = struct.Struct("<dd")
_STAMP = struct.Struct("<Bd")


@dataclass(slots=True)
class XdfStream:
    """One stream of a file. Raw stamps; NaN where there is none.

    Offsets are in the order of the file. Spans are the ranges of the file that hold the stream's samples, each of at
    most SPAN_BYTES or one chunk, with the first stamp in each (NaN where it is not written down) and the number of the
    stream's samples before it.
    """

    number: int  # in the file; the stream_id is the same as text
    info: StreamInfo
    layout: SampleLayout
    n_samples: int = 0
    first_s: float = math.nan
    last_s: float = math.nan
    footer_samples: int | None = None
    offset_times: array[float] = field(default_factory=lambda: array("d"))
    offset_values: array[float] = field(default_factory=lambda: array("d"))
    offset_bytes: array[int] = field(default_factory=lambda: array("q"))
    span_starts: array[int] = field(default_factory=lambda: array("q"))
    span_stops: array[int] = field(default_factory=lambda: array("q"))
    span_firsts: array[float] = field(default_factory=lambda: array("d"))
    span_samples: array[int] = field(default_factory=lambda: array("q"))
    parts: list[tuple[XdfFile, XdfStream]] = field(default_factory=list)  # where it goes on in other files


@dataclass(frozen=True, slots=True)
class XdfIndex:
    """What a file holds. warnings: one line each, about it as bytes."""

    size: int
    streams: tuple[XdfStream, ...]
    warnings: tuple[str, ...]
    header: FileHeader


def scan(file: XdfFile) -> XdfIndex:
    """The first pass. Raises RtemoError when the file cannot be read."""
    with file.open() as handle:
        return _Scan(handle, file.size).run()


class _Scan:
    """The first pass over one file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size
        self._streams: dict[int, XdfStream] = {}
        self._last: dict[int, tuple[RawChunk, int, int]] = {}  # the last samples chunk, its samples' first byte, count
        self._warnings: list[str] = []
        self._header = FileHeader()
        self._nameless: Counter[int] = Counter()  # samples of streams without a readable description
        self._damage: list[tuple[int, int]] = []
        self._span_from = 0  # spans that began before this byte are closed: damage lies between

    def run(self) -> XdfIndex:
        at = len(MAGIC)
        while at < self._size:
            head = self._peek(at)
            chunk = parse_head(head, at)
            if chunk is not None and chunk.end <= self._size and self._take(chunk, head):
                at = chunk.end
            else:
                at = self._recover(at, chunk)
        for number, (chunk, begin, n_samples) in self._last.items():
            self._streams[number].last_s = self._last_stamp(self._streams[number], chunk, begin, n_samples)
        self._report()
        streams, warnings = tuple(self._streams.values()), tuple(self._warnings)
        return XdfIndex(self._size, streams, warnings, self._header)

    def _peek(self, at: int) -> bytes:
        self._file.seek(at)
        return self._file.read(PEEK_BYTES)

    def _take(self, chunk: RawChunk, head: bytes) -> bool:
        """Reads one chunk; False when it is not what its tag claims."""
        n_bytes = chunk.end - chunk.body
        match chunk.tag:
            case Tag.SAMPLES:
                return self._take_samples(chunk, head)
            case Tag.CLOCK_OFFSET:
                return n_bytes == _OFFSET.size and self._take_offset(chunk, head)
            case Tag.BOUNDARY:
                return head[chunk.body - chunk.start :].startswith(BOUNDARY) and n_bytes == len(BOUNDARY)
            case Tag.STREAM_HEADER:
                return n_bytes <= MAX_XML_BYTES and self._take_header(chunk)
            case Tag.STREAM_FOOTER:
                return n_bytes <= MAX_XML_BYTES and self._take_footer(chunk)
            case Tag.FILE_HEADER:
                return n_bytes <= MAX_XML_BYTES and self._take_file_header(chunk)
        # A tag that the specification does not know is stepped over, where a chunk follows.
        return chunk.end == self._size or parse_head(self._peek(chunk.end), chunk.end) is not None

    def _take_samples(self, chunk: RawChunk, head: bytes) -> bool:
        count = read_length(head, chunk.body - chunk.start)
        if count is None:
            return False
        stream = self._streams.get(chunk.stream)
        n_samples, begin = count[0], chunk.start + count[1]
        if stream is None:
            self._nameless[chunk.stream] += n_samples
            return True
        if not stream.layout.fits(n_samples, chunk.end - begin):
            return False
        if n_samples:
            self._add_samples(stream, chunk, n_samples, begin, head)
        return True

    def _add_samples(self, stream: XdfStream, chunk: RawChunk, n_samples: int, begin: int, head: bytes) -> None:
        first_s, at = math.nan, begin - chunk.start
        if head[at : at + 1] == b"\x08" and at + _STAMP.size <= len(head):
            first_s = _STAMP.unpack_from(head, at)[1]
        if not stream.n_samples:
            stream.first_s = stream.layout.interval_s if math.isnan(first_s) else first_s
        before = stream.n_samples
        stream.n_samples += n_samples
        stop = min(chunk.end, self._size)
        self._last[stream.number] = (chunk, begin, n_samples)
        if (
            stream.span_starts
            and stream.span_starts[-1] >= self._span_from
            and stop - stream.span_starts[-1] <= SPAN_BYTES
        ):
            stream.span_stops[-1] = stop
            return
        stream.span_starts.append(chunk.start)
        stream.span_stops.append(stop)
        stream.span_firsts.append(first_s)
        stream.span_samples.append(before)

    def _take_offset(self, chunk: RawChunk, head: bytes) -> bool:
        stream = self._streams.get(chunk.stream)
        if stream is not None:
            time_s, value_s = _OFFSET.unpack_from(head, chunk.body - chunk.start)
            stream.offset_times.append(time_s)
            stream.offset_values.append(value_s)
            stream.offset_bytes.append(chunk.start)
        return True

    def _take_header(self, chunk: RawChunk) -> bool:
        if chunk.stream in self._streams:
            self._warnings.append(f"stream {chunk.stream} is described twice; the first description counts")
            return True
        try:
            info = stream_info(self._read_text(chunk), str(chunk.stream))
        except RtemoError as error:
            self._warnings.append(f"stream {chunk.stream} is left out; {error}")
            return True
        self._streams[chunk.stream] = XdfStream(chunk.stream, info, SampleLayout.of(info))
        return True

    def _take_file_header(self, chunk: RawChunk) -> bool:
        with contextlib.suppress(RtemoError):  # nothing that is needed stands in it
            self._header = FileHeader.parse(self._read_text(chunk))
        return True

    def _take_footer(self, chunk: RawChunk) -> bool:
        stream = self._streams.get(chunk.stream)
        if stream is None:
            return True
        try:
            count = (parse_xml(self._read_text(chunk)).findtext("sample_count") or "").strip()
        except RtemoError as error:
            self._warnings.append(f"the footer of stream {chunk.stream} is left out; {error}")
            return True
        stream.footer_samples = int(count) if count.isascii() and count.isdigit() and len(count) < 19 else None
        return True

    def _read_text(self, chunk: RawChunk) -> str:
        self._file.seek(chunk.body)
        return decode_xml(self._file.read(chunk.end - chunk.body))

    def _recover(self, at: int, chunk: RawChunk | None) -> int:
        """Where reading goes on after a chunk that is damaged or cut."""
        behind = find_boundary(self._file, at + 1)
        if behind is not None:
            self._damage.append((at, behind - at))
            self._span_from = behind
            return behind
        saved = self._salvage(chunk) if chunk is not None and chunk.end > self._size else 0
        kept = f", but for {saved} samples in it" if saved else ""
        self._warnings.append(
            f"the file breaks off or is damaged at byte {at} (the recorder was stopped?): everything before is read, "
            f"the last {self._size - at} bytes are lost{kept}"
        )
        return self._size

    def _salvage(self, chunk: RawChunk) -> int:
        """Takes the whole samples of the chunk that the end of the file cuts; returns how many."""
        stream = self._streams.get(chunk.stream)
        head = self._peek(chunk.start)
        count = read_length(head, chunk.body - chunk.start)
        if chunk.tag != Tag.SAMPLES or stream is None or count is None:
            return 0
        begin = chunk.start + count[1]
        if not stream.layout.fits(count[0], chunk.end - begin):
            return 0
        blocks = read_blocks(self._file, begin, self._size, stream.layout, count[0], math.nan)
        whole = sum(len(samples.stamps) for samples in blocks)
        if whole:
            self._add_samples(stream, chunk, whole, begin, head)
        return whole

    def _last_stamp(self, stream: XdfStream, chunk: RawChunk, begin: int, n_samples: int) -> float:
        """The last stamp, where one is written in the last chunk; else what the nominal rate makes of it."""
        last_s = math.nan
        stop = min(chunk.end, self._size)
        for samples in read_blocks(self._file, begin, stop, stream.layout, n_samples, math.nan):
            last_s = float(samples.stamps[-1])
        return stream.first_s + (stream.n_samples - 1) * stream.layout.interval_s if math.isnan(last_s) else last_s

    def _report(self) -> None:
        if self._damage:
            lost, times = sum(n_bytes for _, n_bytes in self._damage), len(self._damage)
            self._warnings.append(
                f"the file is damaged ({times} time{'s' * (times > 1)}, first at byte {self._damage[0][0]}): "
                f"{lost} bytes up to the next boundary marks are left out"
            )
        for number, n_samples in self._nameless.items():
            self._warnings.append(f"stream {number} has no description that can be read: {n_samples} samples left out")
