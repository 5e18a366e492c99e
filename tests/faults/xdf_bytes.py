"""XDF files of our own making and reading, byte by byte, so that the bench owes nothing to the program's reader."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

DTYPES = {"float32": "<f4", "double64": "<f8", "int8": "<i1", "int16": "<i2", "int32": "<i4", "int64": "<i8"}
HEADER, STREAM, SAMPLES, OFFSET, BOUNDARY, FOOTER = 1, 2, 3, 4, 5, 6


def length(n: int) -> bytes:
    """A variable-length integer."""
    return b"\x01" + struct.pack("<B", n) if n < 256 else b"\x04" + struct.pack("<I", n)


def stream_xml(description: dict[str, Any]) -> str:
    """A stream's header. description: name, type, nominal_hz, format, labels, units, source_id; desc: XML."""
    about = {"host": "bench", "uid": "u", "units": (), "source_id": "", "desc": None, **description}
    units = about["units"] or ["microvolts"] * len(about["labels"])
    channels = "".join(
        f"<channel><label>{escape(label)}</label><unit>{escape(unit)}</unit><type>{escape(about['type'])}</type></channel>"
        for label, unit in zip(about["labels"], units, strict=False)
    )
    desc = about["desc"] if about["desc"] is not None else f"<channels>{channels}</channels>"
    n = about.get("n_channels", len(about["labels"]))
    return (
        f'<?xml version="1.0"?><info><name>{escape(about["name"])}</name><type>{escape(about["type"])}</type>'
        f"<channel_count>{n}</channel_count><nominal_srate>{about['nominal_hz']}</nominal_srate>"
        f"<channel_format>{about['format']}</channel_format><source_id>{escape(about['source_id'])}</source_id>"
        f"<version>1.1</version><created_at>1</created_at><uid>{about['uid']}</uid><session_id>bench</session_id>"
        f"<hostname>{about['host']}</hostname><desc>{desc}</desc></info>"
    )


class XdfOut:
    """A file being written."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._file.write(b"XDF:")
        self.chunk(HEADER, b'<?xml version="1.0"?><info><version>1.0</version></info>')
        self._formats: dict[int, str] = {}

    def chunk(self, tag: int, body: bytes) -> None:
        self._file.write(length(len(body) + 2) + struct.pack("<H", tag) + body)

    def stream(self, number: int, description: dict[str, Any]) -> None:
        self._formats[number] = description["format"]
        self.chunk(STREAM, struct.pack("<I", number) + stream_xml(description).encode())

    def samples(self, number: int, stamps: Sequence[float] | NDArray[np.float64], rows: Iterable[Any]) -> None:
        body = bytearray(struct.pack("<I", number) + length(len(stamps)))
        for stamp, row in zip(stamps, rows, strict=True):
            body += b"\x08" + struct.pack("<d", stamp)
            if self._formats[number] == "string":
                for text in row:
                    body += length(len(str(text).encode())) + str(text).encode()
            else:
                body += np.asarray(row).astype(DTYPES[self._formats[number]]).tobytes()
        self.chunk(SAMPLES, bytes(body))

    def offset(self, number: int, time_s: float, offset_s: float) -> None:
        self.chunk(OFFSET, struct.pack("<Idd", number, time_s, offset_s))

    def close(self) -> None:
        self._file.close()


@dataclass(slots=True)
class Recorded:
    """One stream of a file. values: (n, channels) or rows of texts."""

    name: str
    source_id: str
    format: str
    n_channels: int
    nominal_hz: float
    stamps: list[float] = field(default_factory=list)
    parts: list[NDArray[Any]] = field(default_factory=list)
    texts: list[list[str]] = field(default_factory=list)

    @property
    def values(self) -> NDArray[Any]:
        return np.concatenate(self.parts) if self.parts else np.zeros((0, self.n_channels))


def read_xdf(path: Path) -> dict[int, Recorded]:
    """All streams of a file, as far as its chunks are whole; a file that is cut off ends where it is cut."""
    data = path.read_bytes()
    found: dict[int, Recorded] = {}
    at = 4
    while at < len(data) and data[:4] == b"XDF:":
        read = _length(data, at)
        if read is None or read[1] + read[0] > len(data):
            break
        size, begin = read
        tag = struct.unpack_from("<H", data, begin)[0]
        if tag in (STREAM, SAMPLES):
            number = struct.unpack_from("<I", data, begin + 2)[0]
            body = data[begin + 6 : begin + size]
            if tag == STREAM:
                found[number] = _described(body)
            elif number in found:
                _take(found[number], body)
        at = begin + size
    return found


def _length(data: bytes, at: int) -> tuple[int, int] | None:
    kind = data[at] if at < len(data) else 0
    form = {1: "<B", 4: "<I", 8: "<Q"}.get(kind)
    if form is None or at + 1 + kind > len(data):
        return None
    return int(struct.unpack_from(form, data, at + 1)[0]), at + 1 + kind


def _described(body: bytes) -> Recorded:
    root = ET.fromstring(body)
    text = {child.tag: (child.text or "") for child in root}
    rate = float(text.get("nominal_srate") or 0)
    return Recorded(text["name"], text.get("source_id", ""), text["channel_format"], int(text["channel_count"]), rate)


def _take(stream: Recorded, body: bytes) -> None:
    read = _length(body, 0)
    if read is None:
        return
    count, at = read
    if stream.format != "string":
        even = np.dtype([("size", "u1"), ("stamp", "<f8"), ("values", DTYPES[stream.format], (stream.n_channels,))])
        if len(body) - at == count * even.itemsize:
            rows = np.frombuffer(body, even, count, at)
            if (rows["size"] == 8).all():
                stream.stamps += rows["stamp"].tolist()
                stream.parts.append(rows["values"])
                return
    for _ in range(count):
        stamp = np.nan
        if body[at] == 8:
            stamp = struct.unpack_from("<d", body, at + 1)[0]
        elif stream.stamps:
            stamp = stream.stamps[-1] + (1.0 / stream.nominal_hz if stream.nominal_hz else 0.0)
        at += 1 + body[at]
        stream.stamps.append(stamp)
        if stream.format == "string":
            row = []
            for _ in range(stream.n_channels):
                size, at = _length(body, at) or (0, at)
                row.append(body[at : at + size].decode(errors="replace"))
                at += size
            stream.texts.append(row)
        else:
            dtype = np.dtype(DTYPES[stream.format])
            stream.parts.append(np.frombuffer(body, dtype, stream.n_channels, at)[None, :])
            at += dtype.itemsize * stream.n_channels
