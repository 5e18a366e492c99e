"""Writes XDF files as LabRecorder does: headers, samples with every stamp, clock offsets, boundaries, footers.

Format: github.com/sccn/xdf/wiki/Specifications and LabRecorder's xdfwriter.cpp. What the writer keeps true: stamps and
values go to the file bit by bit as they came; a chunk is never split, so a file whose writer was killed reads to the
last chunk that was flushed; a file that exists is never touched. It reads no clock but for the date in the file header.
"""

from __future__ import annotations

import contextlib
import os
import struct
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError
from rtemo.core.types import STRING_FORMAT, Chunk, ClockOffset, StreamInfo
from rtemo.sources.private_files import owner_only
from rtemo.sources.stream_xml import recordable_xml
from rtemo.sources.xdf.chunks import BOUNDARY, MAGIC, Tag, chunk_bytes, write_length
from rtemo.sources.xdf.file_header import FileHeader
from rtemo.sources.xdf.samples import DTYPES, stamped_dtype

BOUNDARY_EVERY_S = 10.0  # of data, as LabRecorder

_STAMP = struct.Struct("<Bd")
_OFFSET = struct.Struct("<dd")


@dataclass(slots=True)
class _Stream:
    number: int
    info: StreamInfo
    n_samples: int = 0
    first_s: float = 0.0
    last_s: float = 0.0
    boundary_s: float | None = None  # stamp at the last boundary
    offsets: array[float] = field(default_factory=lambda: array("d"))  # time, value, time, value, ...


class XdfWriter:
    """One XDF file being written. Errors of the disk come out as OSError."""

    def __init__(
        self, path: Path | str, session_id: str = "", continues: str = "", continues_bytes: int | None = None
    ) -> None:
        """Creates the file, for its owner alone. Raises RtemoError when it exists or cannot be made.

        session_id: of the session of rtemo that it is made for, written into the file's header: of several streams of
        events in the file, that session's is the one that a replay obeys. continues: the name of the file that this
        one goes on from. continues_bytes: how much of that file counts, where what lies beyond is written here again.
        """
        self.path = Path(path)
        self.bytes_written = 0
        self._streams: dict[str, _Stream] = {}
        self._file = _create(self.path)
        header = FileHeader(session_id, continues, continues_bytes)
        self._write(MAGIC)
        self._write(chunk_bytes(Tag.FILE_HEADER, header.xml()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def n_samples(self) -> dict[str, int]:
        """How many samples of each stream have been written, by stream_id."""
        return {stream_id: stream.n_samples for stream_id, stream in self._streams.items()}

    def number(self, stream_id: str) -> int:
        """The stream's number in the file."""
        return self._streams[stream_id].number

    def fileno(self) -> int:
        """The descriptor of the open file."""
        return self._file.fileno()

    def add_stream(self, info: StreamInfo) -> int:
        """Writes the stream's header, with its own XML where it has one that fits. Returns its number in the file."""
        if info.stream_id in self._streams:
            raise ValueError(f"stream {info.stream_id!r} is in the file already")
        stream = _Stream(len(self._streams) + 1, info)
        xml = recordable_xml(info).encode("utf-8", "replace")
        self._write(chunk_bytes(Tag.STREAM_HEADER, xml, stream.number))
        self._streams[info.stream_id] = stream
        return stream.number

    def write_chunk(self, chunk: Chunk) -> None:
        """Writes the samples as one chunk; one without samples writes nothing, as LabRecorder.

        Raises ValueError when the values do not fit the stream.
        """
        stream = self._streams[chunk.stream_id]
        if not len(chunk):
            return
        content = b"\x04" + len(chunk).to_bytes(4, "little") + encode_samples(stream.info, chunk.stamps, chunk.values)
        self._write(chunk_bytes(Tag.SAMPLES, content, stream.number))
        if not stream.n_samples:
            stream.first_s = float(chunk.stamps[0])
        stream.last_s = float(chunk.stamps[-1])
        stream.n_samples += len(chunk)
        self._mark_boundary(stream)

    def write_offset(self, offset: ClockOffset) -> None:
        """Writes a measurement: time in the sender's clock, then what to add to it, as LabRecorder's `now - offset`."""
        stream = self._streams[offset.stream_id]
        content = _OFFSET.pack(offset.time_s, offset.offset_s)
        self._write(chunk_bytes(Tag.CLOCK_OFFSET, content, stream.number))
        stream.offsets.extend((offset.time_s, offset.offset_s))

    def flush(self) -> None:
        """Hands everything to the operating system: from now on it survives the end of this process."""
        self._file.flush()

    def sync(self) -> None:
        """Flushes and waits for the disk: from now on it survives the end of the machine."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Writes the footers and closes. Safe to call twice."""
        if self._file.closed:
            return
        try:
            for stream in self._streams.values():
                self._write(chunk_bytes(Tag.STREAM_FOOTER, _footer(stream).encode(), stream.number))
            self._file.flush()
        finally:
            self.abandon()

    def abandon(self, keep_bytes: int | None = None) -> None:
        """Closes without footers, after an error of the disk. The file reads to the last whole chunk.

        keep_bytes: cut the file to this length, where the disk still lets it be done.
        """
        if self._file.closed:
            return
        number = None
        with contextlib.suppress(OSError):  # the disk has failed before, and the caller knows
            number = os.dup(self._file.fileno()) if keep_bytes is not None else None
        with contextlib.suppress(OSError):  # CPython has closed the descriptor all the same
            self._file.close()
        if number is None:
            return
        with contextlib.suppress(OSError):
            if (
                keep_bytes is not None and os.fstat(number).st_size > keep_bytes
            ):  # closing has written what it still held
                os.ftruncate(number, keep_bytes)
                os.fsync(number)
        os.close(number)

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self.bytes_written += len(data)

    def _mark_boundary(self, stream: _Stream) -> None:
        """A boundary when any stream has gone on by BOUNDARY_EVERY_S since the last one, or has jumped back."""
        if stream.boundary_s is None:
            stream.boundary_s = stream.last_s
        if abs(stream.last_s - stream.boundary_s) < BOUNDARY_EVERY_S:
            return
        self._write(chunk_bytes(Tag.BOUNDARY, BOUNDARY))
        for other in self._streams.values():
            other.boundary_s = other.last_s if other.n_samples else None


def encode_samples(info: StreamInfo, stamps: NDArray[np.float64], values: NDArray[Any]) -> bytes:
    """The records of a samples chunk, each with its stamp. values: (n, n_channels)."""
    if values.shape != (len(stamps), info.n_channels):
        raise ValueError(f"{values.shape} values for {len(stamps)} stamps of {info.describe()}")
    if info.channel_format == STRING_FORMAT:
        return b"".join(_string_records(stamps.tolist(), values.tolist()))
    records = np.empty(len(stamps), stamped_dtype(info.channel_format, info.n_channels))
    records["size"] = 8
    records["stamp"] = stamps
    records["values"] = values.astype(DTYPES[info.channel_format], casting="same_kind", copy=False)
    return records.tobytes()


def _string_records(stamps: list[float], rows: list[list[Any]]) -> Iterable[bytes]:
    for stamp, row in zip(stamps, rows, strict=True):
        yield _STAMP.pack(8, stamp)
        for text in row:
            content = str(text).encode("utf-8", "replace")
            yield write_length(len(content))
            yield content


def _create(path: Path) -> BinaryIO:
    try:
        return open(path, "xb", buffering=1 << 20, opener=_appending)
    except FileExistsError as error:
        raise RtemoError(
            f"cannot record to {path}", "it exists already", "give a name that is free; nothing is overwritten"
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a name with NUL or half a character
        found = getattr(error, "strerror", None) or str(error)
        raise RtemoError(
            f"cannot record to {path!s:.300}", found, "give a folder that exists and can be written"
        ) from error


def _appending(path: str, flags: int) -> int:
    """A file that something else cuts short stays too short, and one that is deleted can be read as long as it is open.

    (Without O_APPEND, what follows would fill a file up again, with a hole where it was cut.)
    """
    return owner_only(path, flags & ~os.O_WRONLY | os.O_RDWR | os.O_APPEND)


def _footer(stream: _Stream) -> str:
    span = stream.last_s - stream.first_s
    rate = (stream.n_samples - 1) / span if span > 0 else 0.0
    measured = zip(stream.offsets[::2], stream.offsets[1::2], strict=True)
    offsets = "".join(f"<offset><time>{time!r}</time><value>{value!r}</value></offset>" for time, value in measured)
    return (
        f'<?xml version="1.0"?><info><writer>rtemo</writer>'
        f"<first_timestamp>{stream.first_s!r}</first_timestamp><last_timestamp>{stream.last_s!r}</last_timestamp>"
        f"<sample_count>{stream.n_samples}</sample_count><measured_srate>{rate!r}</measured_srate>"
        f"<clock_offsets>{offsets}</clock_offsets></info>"
    )
