"""Snapshots and commands as bytes, without pickle: a JSON header, then the arrays as they lie in memory.

    b"RTS1" | length of the header, uint32 | header | arrays, each padded to 8 bytes

All little-endian. The header is {"snapshot": fields, "arrays": [[dtype, shape], ...], "token": text}; where a field is
an array, it holds the array's number. Reading is strict: what is unknown, missing, of a wrong type or too large is
refused with RtemoError, so that a broken or foreign peer cannot do harm.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import struct
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError
from rtemo.core.records import Check, Reader
from rtemo.live.service.snapshot import Snapshot

MAGIC = b"RTS1"
MAX_BYTES = 64 << 20
MAX_REQUEST_BYTES = 64 << 10
MAX_TEXT = 20_000
MAX_ARRAYS = 48
_LEAD = struct.Struct("<4sI")
_ALIGN = 8
LASTING = ("streams", "channels", "bundle", "participants")  # without arrays; they change less often than messages come
_READER = Reader(
    "this message", "use one version of rtemo", "{what} is not understood: {key}", complete=True, longest=MAX_TEXT
)
_SHAPE = Annotated[
    tuple[int, ...],
    Check(lambda shape: 1 <= len(shape) <= 2 and all(0 <= size <= MAX_BYTES for size in shape), "a shape"),
]
_ARRAYS = Annotated[
    tuple[tuple[Literal["<f4", "<f8"], _SHAPE], ...], Check(lambda found: len(found) <= MAX_ARRAYS, "so many arrays")
]
_HEADER = {"snapshot": Mapping[str, Any], "arrays": _ARRAYS, "token": str}

# what a client may ask for: argument -> type. A float may be given as an int. What concerns one of several participants
# may name that one as `participant`, see ABOUT_ONE.
COMMANDS: Mapping[str, Mapping[str, type]] = {
    "choose": {"role": str, "stream_id": str},
    "configure": {"settings": str},
    "record_stream": {"stream_id": str, "recorded": bool},
    "exclude": {"label": str, "excluded": bool},
    "start": {"subject": str, "notes": str, "root": str},
    "stop": {},
    "pause": {},
    "resume": {},
    "annotate": {"text": str},
    "edit_annotation": {"noted_s": float, "was": str, "text": str, "time_s": float},
    "mark_channel": {"label": str, "mark": str},
    "gaze_check": {"accuracy_deg": float, "precision_deg": float, "valid": float},
    "describe": {"settings": str},
    "give": {"values": str, "text": str, "time_s": float},
    "baseline": {"seconds": float},
    "label": {"label": str, "begin_s": float, "end_s": float},
    "forget_label": {"index": int},
    "calibrate": {},
    "uncalibrate": {},
    "open_replay": {"path": str},
    "show_participant": {"participant": str},
    "play": {},
    "hold": {},
    "seek": {"position_s": float},
    "speed": {"factor": float},
    "close_replay": {},
    "export": {"path": str, "replace": bool},
    "shutdown": {},
    "restart": {},
}
ABOUT_ONE = frozenset(
    {
        "choose",
        "exclude",
        "annotate",
        "give",
        "mark_channel",
        "gaze_check",
        "baseline",
        "label",
        "forget_label",
        "calibrate",
        "uncalibrate",
    }
)


@dataclasses.dataclass(frozen=True, slots=True)
class Poll:
    """A client asks for what is new. token: from its last snapshot; empty at first. watches: it needs no engine of its
    own. participant: whose samples it shows, of several; empty: the first one's.
    """

    token: str = ""
    watches: bool = False
    participant: str = ""


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
    header = _READER.table(_HEADER, _READER.json(data[_LEAD.size : _LEAD.size + length]))
    arrays = _arrays(data, _LEAD.size + length, header["arrays"])
    reader = dataclasses.replace(_READER, nan=True, special=functools.partial(_special, arrays))
    snapshot = reader.read(Snapshot, header["snapshot"], "snapshot")
    _understood.update({f"snapshot.{name}": (header["snapshot"][name], getattr(snapshot, name)) for name in LASTING})
    return snapshot, header["token"]


def pack_request(request: Poll | Command) -> bytes:
    """A client's request. Raises RtemoError for a command that is not known or does not fit."""
    if isinstance(request, Poll):
        asked = {"watches": request.watches, "participant": request.participant}
        return json.dumps({"poll": request.token} | {name: value for name, value in asked.items() if value}).encode()
    arguments = _checked(request.name, request.arguments)
    data = json.dumps({"command": request.name, "arguments": arguments}, ensure_ascii=False).encode()
    if len(data) > MAX_REQUEST_BYTES:
        raise _wrong(f"the length of {request.name}", len(data))
    return data


def unpack_request(data: bytes) -> Poll | Command:
    """The request. Raises RtemoError for anything that is none."""
    if len(data) > MAX_REQUEST_BYTES:
        raise _wrong("its length", len(data))
    document = _READER.value(Mapping[str, Any], _READER.json(data))
    if "poll" in document:
        fields = {"poll": str, "watches": bool, "participant": str}
        asked = _READER.table(fields, {"watches": False, "participant": "", **document})
        return Poll(asked["poll"], asked["watches"], asked["participant"])
    found = _READER.table({"command": str, "arguments": Mapping[str, Any]}, document)
    return Command(found["command"], _checked(found["command"], found["arguments"]))


def _checked(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    expected = COMMANDS.get(name)
    if expected is None:
        raise RtemoError(f"the engine knows no command {name!r}"[:200], "", f"it knows {', '.join(COMMANDS)}")
    if name in ABOUT_ONE and "participant" in arguments:
        expected = {**expected, "participant": str}
    return _READER.table(expected, arguments, name)


_written: dict[str, tuple[Any, Any]] = {}  # field -> the value that was packed last, and its JSON values
_understood: dict[str, tuple[Any, Any]] = {}  # path -> the JSON values that were read last, and their value


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


def _arrays(data: bytes, begin: int, described: tuple[tuple[str, tuple[int, ...]], ...]) -> list[NDArray[Any]]:
    arrays: list[NDArray[Any]] = []
    for dtype, shape in described:
        begin += -begin % _ALIGN
        count = math.prod(shape)
        size = count * np.dtype(dtype).itemsize
        if begin + size > len(data):
            raise _wrong("an array that is cut off", shape)
        arrays.append(np.frombuffer(data, dtype, count, begin).reshape(shape))
        begin += size
    if begin != len(data):
        raise _wrong("what follows the arrays", len(data) - begin)
    return arrays


def _special(arrays: list[NDArray[Any]], hint: Any, value: Any, where: str) -> Any:
    """An array by its number, and what is equal to the same field of the last message, which is checked already."""
    if (before := _understood.get(where)) is not None and before[0] == value:
        return before[1]
    if typing.get_origin(hint) is not np.ndarray:
        return NotImplemented
    scalar = typing.get_args(typing.get_args(hint)[1])[0]
    if type(value) is not int or not 0 <= value < len(arrays) or arrays[value].dtype != np.dtype(scalar):
        raise _wrong(where, value)
    return arrays[value]


def _wrong(where: str, found: object) -> RtemoError:
    return _READER.wrong(where, found, "which does not fit")
