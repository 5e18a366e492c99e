"""XDF chunk framing: `[length][tag][stream id][content]`, lengths of 1, 4 or 8 bytes.

Format: github.com/sccn/xdf/wiki/Specifications; bytes as LabRecorder's xdfwriter.cpp writes them. Little endian.
This module knows nothing of what is inside a chunk. A length is a claim: nothing is allocated because of one.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import BinaryIO, NamedTuple

MAGIC = b"XDF:"
BOUNDARY = bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")
HEAD_BYTES = 1 + 8 + 2 + 4  # the longest head: a length of 8 bytes, a tag, a stream id

_SEARCH_BYTES = 1 << 20
_U16, _U32, _U64 = struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<Q")


class Tag(IntEnum):
    """What a chunk holds."""

    FILE_HEADER = 1
    STREAM_HEADER = 2
    SAMPLES = 3
    CLOCK_OFFSET = 4
    BOUNDARY = 5
    STREAM_FOOTER = 6


_WITH_STREAM = frozenset({Tag.STREAM_HEADER, Tag.SAMPLES, Tag.CLOCK_OFFSET, Tag.STREAM_FOOTER})


class RawChunk(NamedTuple):
    """Where a chunk lies in the file, in bytes. `end` is what its length claims and may lie beyond the file's end."""

    start: int
    body: int  # after the tag and the stream id
    end: int
    tag: int
    stream: int  # -1 where the tag has none


def read_length(data: bytes, at: int = 0) -> tuple[int, int] | None:
    """A variable-length integer and where it ends; None when there is none."""
    size = data[at] if at < len(data) else 0
    at += 1
    if size == 1 and at < len(data):
        return data[at], at + 1
    if size == 4 and at + 4 <= len(data):
        return _U32.unpack_from(data, at)[0], at + 4
    if size == 8 and at + 8 <= len(data):
        return _U64.unpack_from(data, at)[0], at + 8
    return None


def write_length(value: int) -> bytes:
    """A variable-length integer in the shortest form."""
    if value < 256:
        return bytes((1, value))
    return b"\x04" + _U32.pack(value) if value < 1 << 32 else b"\x08" + _U64.pack(value)


def parse_head(data: bytes, start: int) -> RawChunk | None:
    """The chunk whose first bytes are `data`, found at byte `start`; None when no chunk begins there."""
    read = read_length(data)
    if read is None:
        return None
    length, at = read
    if length < 2 or at + 2 > len(data):
        return None
    end = start + at + length
    tag = _U16.unpack_from(data, at)[0]
    at += 2
    if tag not in _WITH_STREAM:
        return RawChunk(start, start + at, end, tag, -1)
    if length < 6 or at + 4 > len(data):
        return None
    return RawChunk(start, start + at + 4, end, tag, _U32.unpack_from(data, at)[0])


def chunk_bytes(tag: Tag, content: bytes, stream: int | None = None) -> bytes:
    """A whole chunk."""
    head = _U16.pack(tag) if stream is None else _U16.pack(tag) + _U32.pack(stream)
    return write_length(len(head) + len(content)) + head + content


def find_boundary(file: BinaryIO, start: int) -> int | None:
    """The byte behind the next boundary mark at or after `start`, where a chunk begins; None when there is none."""
    file.seek(start)
    tail, at = b"", start
    while block := file.read(_SEARCH_BYTES):
        joined = tail + block
        found = joined.find(BOUNDARY)
        if found >= 0:
            return at - len(tail) + found + len(BOUNDARY)
        at += len(block)
        tail = joined[-(len(BOUNDARY) - 1) :]
    return None
