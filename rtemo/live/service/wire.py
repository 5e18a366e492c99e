"""Snapshots and commands as bytes, without pickle: a JSON header, then the arrays as they lie in memory.

    b"RTS1" | length of the header, uint32 | header | arrays, each padded to 8 bytes

All little-endian. The header is {"snapshot": fields, "arrays": [[dtype, shape], ...], "token": text}; where a field is
an array, it holds the array's number. Reading is strict: what is unknown, missing, of a wrong type or too large is
refused with RtemoError, so that a broken or foreign peer cannot do harm.
"""

from __future__ import annotations

import dataclasses
import json
import math
import struct
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError
from rtemo.live.service.snapshot import Snapshot

MAGIC = b"RTS1"
MAX_BYTES = 64 << 20
MAX_REQUEST_BYTES = 64 << 10
MAX_TEXT = 20_000
MAX_ARRAYS = 16
_LEAD = struct.Struct("<4sI")
_ALIGN = 8
_DTYPES = ("<f4", "<f8")
LASTING = ("streams", "channels", "bundle")  # fields without arrays that seldom change between two messages
_LASTING_PATHS = frozenset(f"snapshot.{name}" for name in LASTING)
_HEADER_KEYS = {"snapshot", "arrays", "token"}

# what a client may ask for: argument -> type. A float may be given as an int.
COMMANDS: Mapping[str, Mapping[str, type]] = {
    "choose": {"role": str, "stream_id": str},
    "configure": {"settings": str},
    "exclude": {"label": str, "excluded": bool},
    "start": {"subject": str, "notes": str, "root": str},
    "stop": {},
    "pause": {},
    "resume": {},
    "annotate": {"text": str},
    "baseline": {"seconds": float},
    "label": {"label": str, "begin_s": float, "end_s": float},
    "forget_label": {"index": int},
    "calibrate": {},
    "uncalibrate": {},
    "open_replay": {"path": str},
    "play": {},
    "hold": {},
    "seek": {"position_s": float},
    "speed": {"factor": float},
    "close_replay": {},
    "export": {"path": str, "replace": bool},
    "shutdown": {},
}


@dataclasses.dataclass(frozen=True, slots=True)
class Poll:
    """A client asks for what is new. token: from its last snapshot; empty at first."""

    token: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Command:
    """A client asks for something to be done."""

    name: str
    arguments: Mapping[str, Any]


def pack(snapshot: Snapshot, token: str = "") -> bytes:
    """A snapshot, and the token with which the client asks for what comes after it."""
    arrays: list[NDArray[Any]] = []
    fields = {field.name: _plain_field(snapshot, field.name, arrays) for field in dataclasses.fields(snapshot)}
    described = [[array.dtype.newbyteorder("<").str, list(array.shape)] for array in arrays]
    header = json.dumps({"snapshot": fields, "arrays": described, "token": token}, ensure_ascii=False).encode()
    parts = [_LEAD.pack(MAGIC, len(header)), header]
    for array in arrays:
        parts.append(b"\0" * (-sum(map(len, parts)) % _ALIGN))
        parts.append(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    return b"".join(parts)


def unpack(data: bytes) -> tuple[Snapshot, str]:
    """The snapshot and its token. Arrays are read-only views of `data`. Raises RtemoError for anything not as it is."""
    if len(data) > MAX_BYTES or len(data) < _LEAD.size:
        raise _wrong("its length", len(data))
    magic, length = _LEAD.unpack_from(data)
    if magic != MAGIC or _LEAD.size + length > len(data):
        raise _wrong("its beginning", data[: _LEAD.size])
    header = _json(data[_LEAD.size : _LEAD.size + length])
    if not isinstance(header, dict) or set(header) != _HEADER_KEYS:
        raise _wrong("its header", header)
    arrays = _arrays(data, _LEAD.size + length, header["arrays"])
    snapshot = _read(Snapshot, header["snapshot"], arrays, "snapshot")
    return snapshot, _read(str, header["token"], arrays, "token")


def pack_request(request: Poll | Command) -> bytes:
    """A client's request. Raises RtemoError for a command that is not known or does not fit."""
    if isinstance(request, Poll):
        return json.dumps({"poll": request.token}).encode()
    arguments = _checked(request.name, request.arguments)
    data = json.dumps({"command": request.name, "arguments": arguments}, ensure_ascii=False).encode()
    if len(data) > MAX_REQUEST_BYTES:
        raise _wrong(f"the length of {request.name}", len(data))
    return data


def unpack_request(data: bytes) -> Poll | Command:
    """The request. Raises RtemoError for anything that is none."""
    if len(data) > MAX_REQUEST_BYTES:
        raise _wrong("its length", len(data))
    document = _json(data)
    if not isinstance(document, dict):
        raise _wrong("the request", document)
    if set(document) == {"poll"}:
        return Poll(_read(str, document["poll"], [], "poll"))
    if set(document) != {"command", "arguments"}:
        raise _wrong("the request", document)
    name, arguments = document["command"], document["arguments"]
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise _wrong("the command", document)
    return Command(name, _checked(name, arguments))


def _checked(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    expected = COMMANDS.get(name)
    if expected is None:
        raise RtemoError(f"the engine knows no command {name!r}", "", f"it knows {', '.join(COMMANDS)}")
    if set(arguments) != set(expected):
        raise RtemoError(f"{name} takes {', '.join(expected) or 'nothing'}", f"found {', '.join(arguments)}")
    checked = {key: _read(hint, arguments[key], [], f"{name}.{key}") for key, hint in expected.items()}
    for key, value in checked.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise _wrong(f"{name}.{key}", value)
    return checked


_written: dict[str, tuple[Any, Any]] = {}  # field -> the value that was packed last, and its JSON values
_understood: dict[str, tuple[Any, Any]] = {}  # field -> the JSON values that were read last, and their value


def _plain_field(snapshot: Snapshot, name: str, arrays: list[NDArray[Any]]) -> Any:
    """A field as JSON values. Many messages tell the same state: what is the very same object is not walked again."""
    value = getattr(snapshot, name)
    if name not in LASTING:
        return _plain(value, arrays)
    before = _written.get(name)
    if before is None or before[0] is not value:
        before = _written[name] = (value, _plain(value, arrays))
    return before[1]


def _plain(value: Any, arrays: list[NDArray[Any]]) -> Any:
    """Any part of a snapshot as JSON values; arrays go to the list."""
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return len(arrays) - 1
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name), arrays) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(part, arrays) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(part, arrays) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _wrong("its text", str(error)) from error


def _arrays(data: bytes, begin: int, described: Any) -> list[NDArray[Any]]:
    if not isinstance(described, list) or len(described) > MAX_ARRAYS:
        raise _wrong("its list of arrays", described)
    arrays: list[NDArray[Any]] = []
    for entry in described:
        if not isinstance(entry, list) or len(entry) != 2 or entry[0] not in _DTYPES or not _is_shape(entry[1]):
            raise _wrong("an array's description", entry)
        begin += -begin % _ALIGN
        count = math.prod(entry[1])
        size = count * np.dtype(entry[0]).itemsize
        if begin + size > len(data):
            raise _wrong("an array that is cut off", entry)
        arrays.append(np.frombuffer(data, entry[0], count, begin).reshape(entry[1]))
        begin += size
    if begin != len(data):
        raise _wrong("what follows the arrays", len(data) - begin)
    return arrays


def _is_shape(shape: Any) -> bool:
    return (
        isinstance(shape, list)
        and 1 <= len(shape) <= 2
        and all(type(size) is int and 0 <= size <= MAX_BYTES for size in shape)
    )


def _read(hint: Any, value: Any, arrays: list[NDArray[Any]], where: str) -> Any:
    """A value of the hinted type from JSON values."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _record(hint, value, arrays, where)
    if origin in (types.UnionType, typing.Union):
        return None if value is None else _read(inner[0], value, arrays, where)
    if origin is np.ndarray:
        return _array(typing.get_args(inner[1])[0], value, arrays, where)
    if origin is tuple and isinstance(value, list):
        return tuple(_read(inner[0], part, arrays, where) for part in value)
    if origin is dict and isinstance(value, dict):
        return {key: part if inner[1] is Any else _read(inner[1], part, arrays, where) for key, part in value.items()}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _enum(hint, value, where)
    if hint is float and type(value) in (int, float):
        return float(value)
    if type(value) is not hint or (hint is str and len(value) > MAX_TEXT):
        raise _wrong(where, value)
    return value


def _record(hint: Any, value: Any, arrays: list[NDArray[Any]], where: str) -> Any:
    hints = _hints(hint)
    if not isinstance(value, dict) or set(value) != set(hints):
        raise _wrong(where, value)
    return hint(**{name: _read_field(part, value[name], arrays, f"{where}.{name}") for name, part in hints.items()})


def _read_field(hint: Any, value: Any, arrays: list[NDArray[Any]], where: str) -> Any:
    """A field of a record. What is equal to the field of the last message is checked already."""
    if where not in _LASTING_PATHS:
        return _read(hint, value, arrays, where)
    before = _understood.get(where)
    if before is None or before[0] != value:
        before = _understood[where] = (value, _read(hint, value, arrays, where))
    return before[1]


_known_hints: dict[Any, dict[str, Any]] = {}


def _hints(record: Any) -> dict[str, Any]:
    """The types of a record's fields; resolving them takes longer than reading them."""
    if record not in _known_hints:
        _known_hints[record] = typing.get_type_hints(record)
    return _known_hints[record]


def _array(scalar: Any, value: Any, arrays: list[NDArray[Any]], where: str) -> NDArray[Any]:
    if type(value) is not int or not 0 <= value < len(arrays) or arrays[value].dtype != np.dtype(scalar):
        raise _wrong(where, value)
    return arrays[value]


def _enum(hint: type[Enum], value: Any, where: str) -> Enum:
    try:
        return hint(value)
    except ValueError as error:
        raise _wrong(where, value) from error


def _wrong(where: str, found: Any) -> RtemoError:
    return RtemoError(f"this message is not understood: {where}", f"found {found!r}"[:200], "use one version of rtemo")
