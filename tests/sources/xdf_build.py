"""Makes XDF files for tests: whole ones with the writer, odd ones chunk by chunk; reads files back whole."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

from rtemo.core.types import Channel, Chunk, ClockOffset, StreamInfo
from rtemo.sources.xdf.chunks import BOUNDARY, MAGIC, Tag, chunk_bytes
from rtemo.sources.xdf.file import XdfFile
from rtemo.sources.xdf.reader import read_stream
from rtemo.sources.xdf.samples import DTYPES
from rtemo.sources.xdf.scan import XdfIndex, XdfStream, scan
from rtemo.sources.xdf.source import XdfSource
from rtemo.sources.xdf.writer import XdfWriter


def stream(stream_id="1", name="amp", kind="EEG", fmt="float32", rate=100.0, labels=("Fz", "Cz"), **more) -> StreamInfo:
    return StreamInfo(stream_id, name, kind, fmt, rate, tuple(Channel(label) for label in labels), **more)


def ramp(stream_id="1", begin=0, n=100, rate=100.0, start_s=1000.0, channels=2, fmt="float32") -> Chunk:
    """Values are the sample's index, in every channel."""
    index = np.arange(begin, begin + n)
    values = np.repeat(index[:, None], channels, axis=1)
    values = values.astype(str).astype(object) if fmt == "string" else values.astype(DTYPES[fmt])
    return Chunk(stream_id, start_s + index / rate, values)


def write(path: Path, *items: StreamInfo | Chunk | ClockOffset, session: str = "", continues: str = "") -> Path:
    with XdfWriter(path, session, continues) as writer:
        for item in items:
            if isinstance(item, StreamInfo):
                writer.add_stream(item)
            elif isinstance(item, Chunk):
                writer.write_chunk(item)
            else:
                writer.write_offset(item)
    return path


def header(number: int, fmt="float32", rate="100", channels=2, name="amp", desc="", extra="") -> bytes:
    xml = (
        f"<info><name>{name}</name><type>EEG</type><channel_count>{channels}</channel_count>"
        f"<nominal_srate>{rate}</nominal_srate><channel_format>{fmt}</channel_format>{extra}<desc>{desc}</desc></info>"
    )
    return chunk_bytes(Tag.STREAM_HEADER, xml.encode("latin-1"), number)


def records(values: np.ndarray, stamps: list[float | None]) -> bytes:
    """Samples as they lie in the file; None: without a stamp."""
    rows = zip(stamps, values, strict=True)
    return b"".join((b"\0" if s is None else b"\x08" + struct.pack("<d", s)) + row.tobytes() for s, row in rows)


def samples(number: int, values: np.ndarray, stamps: list[float | None], count: int | None = None) -> bytes:
    n = len(stamps) if count is None else count
    return chunk_bytes(Tag.SAMPLES, b"\x04" + struct.pack("<I", n) + records(values, stamps), number)


def offset(number: int, time_s: float, offset_s: float) -> bytes:
    return chunk_bytes(Tag.CLOCK_OFFSET, struct.pack("<dd", time_s, offset_s), number)


def boundary() -> bytes:
    return chunk_bytes(Tag.BOUNDARY, BOUNDARY)


def raw_file(path: Path, *chunks: bytes) -> Path:
    path.write_bytes(MAGIC + chunk_bytes(Tag.FILE_HEADER, b"<info><version>1.0</version></info>") + b"".join(chunks))
    return path


def read_index(path: Path) -> XdfIndex:
    return scan(XdfFile(path))


def read_all(path: Path) -> dict[int, tuple[XdfStream, np.ndarray, Any]]:
    """Every stream whole: what the index says, raw stamps (n,), values (n, channels)."""
    file = XdfFile(path)
    found = {}
    with file.open() as handle:
        for one in scan(file).streams:
            blocks = list(read_stream(handle, one, lambda byte, n: None))
            stamps = np.concatenate([block.stamps for block in blocks] or [np.empty(0)])
            empty = np.empty((0, one.info.n_channels), object)
            values = np.concatenate([block.values for block in blocks]) if blocks else empty
            found[one.number] = (one, stamps, values)
    file.close()
    return found


def drain(source: XdfSource) -> dict[str, tuple[np.ndarray, Any]]:
    """Stamps and values of every stream that a started source gives."""
    chunks: dict[str, list[Chunk]] = {}
    while not source.exhausted:
        for item in source.read(0.0):
            if isinstance(item, Chunk):
                chunks.setdefault(item.stream_id, []).append(item)
    return {
        key: (np.concatenate([c.stamps for c in part]), np.concatenate([c.values for c in part]))
        for key, part in chunks.items()
    }
