"""Decodes samples of an XDF file, in blocks of bounded size whatever the size of a chunk.

A sample is `[0]` or `[8][stamp]`, then its values; without a stamp it comes one nominal interval after the sample
before it (XDF specification). Chunks whose samples all have a stamp, or none, decode in one numpy step; mixed ones,
which LabRecorder writes for senders that push whole chunks, in one Python step a sample.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import STRING_FORMAT, StreamInfo, TimeArray
from rtemo.sources.xdf.chunks import read_length

BLOCK_BYTES = 1 << 18

DTYPES: dict[str, np.dtype[Any]] = {
    "int8": np.dtype("<i1"),
    "int16": np.dtype("<i2"),
    "int32": np.dtype("<i4"),
    "int64": np.dtype("<i8"),
    "float32": np.dtype("<f4"),
    "double64": np.dtype("<f8"),
}

_DOUBLE = struct.Struct("<d")


class Samples(NamedTuple):
    """Decoded samples. stamps: (n,) float64, raw; values: (n, n_channels); used: bytes that they took.

    number: how many samples of the stream lie in the file before them.
    """

    stamps: TimeArray
    values: NDArray[Any]
    used: int
    number: int = 0


@dataclass(frozen=True, slots=True)
class SampleLayout:
    """How one sample of a stream lies in the file."""

    channel_format: str
    n_channels: int
    interval_s: float  # added to the stamp before for samples without one; 0 for irregular streams

    @classmethod
    def of(cls, info: StreamInfo) -> SampleLayout:
        interval_s = 1.0 / info.nominal_rate_hz if info.nominal_rate_hz > 0 else 0.0
        return cls(info.channel_format, info.n_channels, interval_s)

    @property
    def value_bytes(self) -> int:
        """Bytes of a sample's values; for strings the least they can take."""
        if self.channel_format == STRING_FORMAT:
            return 2 * self.n_channels
        return DTYPES[self.channel_format].itemsize * self.n_channels

    def fits(self, n_samples: int, n_bytes: int) -> bool:
        """Whether so many samples can take exactly so many bytes: a cheap test for damaged lengths and counts."""
        spare = n_bytes - n_samples * (1 + self.value_bytes)
        if self.channel_format == STRING_FORMAT:
            return spare >= 0
        return 0 <= spare <= 8 * n_samples and spare % 8 == 0


def stamped_dtype(channel_format: str, n_channels: int) -> np.dtype[Any]:
    """One sample with its stamp, as it lies in the file."""
    return np.dtype([("size", "u1"), ("stamp", "<f8"), ("values", DTYPES[channel_format], (n_channels,))])


def _bare_dtype(channel_format: str, n_channels: int) -> np.dtype[Any]:
    return np.dtype([("size", "u1"), ("values", DTYPES[channel_format], (n_channels,))])


def read_blocks(
    file: BinaryIO, start: int, stop: int, layout: SampleLayout, n_samples: int, previous_s: float
) -> Iterator[Samples]:
    """Decodes up to n_samples between two bytes of the file, block by block, and stops at the first that is damaged.

    previous_s: stamp of the stream's sample before (0 at its beginning, as pyxdf has it).
    """
    size = BLOCK_BYTES
    while n_samples > 0 and start < stop:
        file.seek(start)
        data = file.read(min(size, stop - start))
        samples = decode(data, layout, n_samples, previous_s)
        if len(samples.stamps):
            yield samples
            n_samples -= len(samples.stamps)
            start += samples.used
            previous_s = float(samples.stamps[-1])
            size = BLOCK_BYTES
        elif size < stop - start:
            size *= 4  # one sample is larger than the block
        else:
            return


def decode(data: bytes, layout: SampleLayout, n_samples: int, previous_s: float) -> Samples:
    """As many whole samples as `data` begins with, at most n_samples."""
    if layout.channel_format == STRING_FORMAT:
        return _decode_strings(data, layout, n_samples, previous_s)
    return _decode_even(data, layout, n_samples, previous_s) or _decode_mixed(data, layout, n_samples, previous_s)


def _decode_even(data: bytes, layout: SampleLayout, n_samples: int, previous_s: float) -> Samples | None:
    """Samples that all have a stamp, or none; None when they differ."""
    size = data[0] if data else 0
    make = stamped_dtype if size else _bare_dtype
    dtype = make(layout.channel_format, layout.n_channels)
    count = min(n_samples, len(data) // dtype.itemsize)
    records = np.frombuffer(data, dtype, count)
    # The first record's size fixes where the second begins, and so on: when all sizes agree, all places are right.
    if size not in (0, 8) or not count or not (records["size"] == size).all():
        return None
    stamps = records["stamp"].copy() if size else _deduced(previous_s, layout.interval_s, count)
    return Samples(stamps, records["values"].copy(), count * dtype.itemsize)


def _deduced(previous_s: float, interval_s: float, count: int) -> TimeArray:
    steps = np.full(count + 1, interval_s)
    steps[0] = previous_s
    return np.add.accumulate(steps)[1:]  # one addition after the other, as readers that go sample by sample


def _decode_mixed(data: bytes, layout: SampleLayout, n_samples: int, previous_s: float) -> Samples:
    view, width, at = memoryview(data), layout.value_bytes, 0
    stamps: list[float] = []
    values: list[memoryview] = []
    for _ in range(n_samples):
        head = _read_stamp(data, at, previous_s + layout.interval_s)
        if head is None or head[1] + width > len(data):
            break
        previous_s, begin = head
        at = begin + width
        stamps.append(previous_s)
        values.append(view[begin:at])
    flat = np.frombuffer(bytearray().join(values), DTYPES[layout.channel_format])
    return Samples(np.array(stamps, np.float64), flat.reshape(len(stamps), layout.n_channels), at)


def _decode_strings(data: bytes, layout: SampleLayout, n_samples: int, previous_s: float) -> Samples:
    at = 0
    stamps: list[float] = []
    rows: list[list[str]] = []
    for _ in range(n_samples):
        head = _read_stamp(data, at, previous_s + layout.interval_s)
        row = None if head is None else _read_row(data, head[1], layout.n_channels)
        if head is None or row is None:
            break
        previous_s = head[0]
        stamps.append(previous_s)
        rows.append(row[0])
        at = row[1]
    values = np.empty((len(rows), layout.n_channels), object)
    for i, texts in enumerate(rows):
        values[i] = texts
    return Samples(np.array(stamps, np.float64), values, at)


def _read_stamp(data: bytes, at: int, deduced_s: float) -> tuple[float, int] | None:
    """A sample's stamp and where its values begin; None when the data ends or is damaged."""
    if at >= len(data):
        return None
    if data[at] == 0:
        return deduced_s, at + 1
    if data[at] != 8 or at + 9 > len(data):
        return None
    return _DOUBLE.unpack_from(data, at + 1)[0], at + 9


def _read_row(data: bytes, at: int, n_channels: int) -> tuple[list[str], int] | None:
    row = []
    for _ in range(n_channels):
        read = read_length(data, at)
        if read is None or read[1] + read[0] > len(data):
            return None
        at = read[1] + read[0]
        row.append(data[read[1] : at].decode("utf-8", "replace"))
    return row, at
