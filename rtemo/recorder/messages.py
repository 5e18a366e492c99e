"""Messages between the recorder's process and the engine: items and documents as bytes, without pickle.

A message is any number of records: kind (1 byte), length (uint32), payload; little-endian. A document is JSON; numbers
of a stream lie as they lie in memory, behind their description. Reading is strict: what does not fit is an RtemoError.
"""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from rtemo.core.errors import RtemoError
from rtemo.core.records import Reader
from rtemo.core.types import Chunk, ClockOffset, Item, StreamDown, StreamInfo, StreamNotice, StreamUp
from rtemo.recorder.recorder import RecorderStatus
from rtemo.recorder.recording_source import RunningRecording
from rtemo.sources.lsl.stream_state import LslStreamStatus

MAX_BYTES = 256 << 20
_RECORD = struct.Struct("<BI")
_SAMPLES = struct.Struct("<HBIId")  # length of the stream_id, dtype, samples, channels, arrival
_DOCUMENT, _NUMBERS, _TEXTS = 1, 2, 3
_DTYPES = ("<f4", "<f8", "<i1", "<i2", "<i4", "<i8")


def _path(hint: Any, value: Any, _key: str) -> Any:
    return Path(value) if hint is Path and isinstance(value, str) else NotImplemented


_READER = Reader("a message of the recorder", "use one version of rtemo", longest=MAX_BYTES, nan=True, special=_path)
_ITEMS = {"up": StreamUp, "down": StreamDown, "offset": ClockOffset, "notice": StreamNotice}
_NAMES = {kind: name for name, kind in _ITEMS.items()}
_STATUS = {name: hint for name, hint in get_type_hints(LslStreamStatus).items() if name != "info"}


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer."""

    name: str
    fields: dict[str, Any] = field(default_factory=dict)


def pack(name: str, **fields: Any) -> bytes:
    """A request or an answer."""
    return _record({"message": name, **fields})


def pack_item(item: Item) -> bytes:
    """An item of a source."""
    if not isinstance(item, Chunk):
        return _record({"item": _NAMES[type(item)], **asdict(item)})
    if item.values.dtype == object:
        rows = [[str(text) for text in row] for row in item.values]
        return _record([item.stream_id, item.arrived_s, item.stamps.tolist(), item.values.shape[1], rows], _TEXTS)
    name = item.stream_id.encode("utf-8", "surrogatepass")
    values = np.ascontiguousarray(item.values)
    code = _DTYPES.index(values.dtype.newbyteorder("<").str.replace("|", "<"))
    lead = _SAMPLES.pack(len(name), code, len(item), values.shape[1], item.arrived_s)
    parts = (lead, name, np.ascontiguousarray(item.stamps).tobytes(), values.tobytes())
    return _RECORD.pack(_NUMBERS, sum(map(len, parts))) + b"".join(parts)


def unpack(data: bytes | memoryview) -> Iterator[Item | Message]:
    """What the bytes hold. Raises RtemoError for anything that does not fit."""
    view, at = memoryview(data), 0
    while at < len(view):
        try:
            kind, length = _RECORD.unpack_from(view, at)
            at += _RECORD.size
            payload = _part(view, at, length)
            yield _READERS[kind](payload)
        except (struct.error, ValueError, TypeError, LookupError, RecursionError) as error:
            raise RtemoError(
                "a message of the recorder does not fit", str(error), "use one version of rtemo"
            ) from error
        at += length


def ask(connection: Connection, request: str, wait_s: float, **fields: Any) -> Message:
    """Ask the recorder one thing, for whoever reads no items from it. Raises EOFError where no answer comes in time."""
    connection.send_bytes(pack(request, **fields))
    end_s = time.monotonic() + wait_s
    while connection.poll(max(0.0, end_s - time.monotonic())):
        for one in unpack(connection.recv_bytes(MAX_BYTES)):
            if isinstance(one, Message):
                return one
    raise EOFError("the recorder does not answer")


def recorder_fields(status: RecorderStatus | None) -> dict[str, Any] | None:
    """How a recording stands, as JSON values."""
    return None if status is None else {**asdict(status), "paths": [str(path) for path in status.paths]}


def read_recorder_status(fields: object) -> RecorderStatus:
    """How a recording stands. Raises RtemoError."""
    return _READER.read(RecorderStatus, fields)


def read_running(fields: object) -> RunningRecording:
    """A recording that is being made. Raises RtemoError."""
    return _READER.read(RunningRecording, fields)


def refusal(answer: Message) -> RtemoError | None:
    """The error by which a request was refused; None where it was not."""
    if answer.name != "refused":
        return None
    return RtemoError(*map(str, answer.fields.get("error", ["the recorder refused", "", ""])))


def _part(view: memoryview, at: int, length: int) -> memoryview:
    if at + length > len(view):
        raise ValueError(f"{length} bytes announced, {len(view) - at} there")
    return view[at : at + length]


def status_fields(status: LslStreamStatus) -> dict[str, Any]:
    """A stream's status without its description."""
    return {name: _plain(getattr(status, name)) for name in _STATUS}


def read_status(info: StreamInfo, fields: object) -> LslStreamStatus:
    """The status of a stream. Raises RtemoError."""
    return LslStreamStatus(info=info, **_READER.table(_STATUS, fields, "status"))


def read_info(fields: object) -> StreamInfo:
    """The description of a stream. Raises RtemoError."""
    return _READER.read(StreamInfo, fields, "info")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _record(document: Any, kind: int = _DOCUMENT) -> bytes:
    payload = json.dumps(document).encode()
    return _RECORD.pack(kind, len(payload)) + payload


def _document(payload: memoryview) -> Item | Message:
    fields: dict[str, Any] = dict(_READER.value(Mapping[str, Any], _READER.json(bytes(payload))))
    if (item := fields.pop("item", None)) is not None:
        found: Item = _READER.read(_ITEMS[str(item)], fields) if item in _ITEMS else _unknown(item)
        return found
    return Message(str(fields.pop("message", "")), fields)


def _unknown(item: object) -> Item:
    raise ValueError(f"an item of the kind {item!r}"[:200])


def _texts(payload: memoryview) -> Chunk:
    """Whatever the texts hold: they are a sender's, and nothing of them may end the connection."""
    stream_id, arrived_s, stamps, width, rows = json.loads(bytes(payload))
    values = np.empty((len(stamps), width), dtype=object)
    for row, texts in enumerate(rows):
        values[row] = [str(text) for text in texts]
    return Chunk(str(stream_id), np.array(stamps, dtype=np.float64), values, float(arrived_s))


def _numbers(payload: memoryview) -> Chunk:
    length, code, n, width, arrived_s = _SAMPLES.unpack_from(payload)
    begin = _SAMPLES.size
    stream_id = bytes(payload[begin : begin + length]).decode("utf-8", "surrogatepass")
    begin += length
    dtype = np.dtype(_DTYPES[code])
    if len(payload) != begin + 8 * n + dtype.itemsize * n * width:
        raise ValueError(f"{len(payload)} bytes for {n} samples of {width} channels")
    stamps = np.frombuffer(payload, "<f8", n, begin)
    values = np.frombuffer(payload, dtype, n * width, begin + 8 * n).reshape(n, width)
    return Chunk(stream_id, stamps, values, arrived_s)


_READERS: dict[int, Callable[[memoryview], Item | Message]] = {
    _DOCUMENT: _document,
    _NUMBERS: _numbers,
    _TEXTS: _texts,
}
