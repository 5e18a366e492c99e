"""Gazepoint GP3 and GP3 HD by the Open Gaze API: a TCP server in Gazepoint Control that sends XML fragments.

A fragment may be cut at any byte. Times are the tracker's (TIME, seconds), losses by its counter (CNT). Text that a
script sets with USER_DATA becomes a marker at the sample in which it changes.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence

import numpy as np

from rtemo.bridges.connection import DeviceConnection, add_address
from rtemo.bridges.device import DeviceLost, DeviceSamples, described, marker_stream
from rtemo.bridges.sample_counter import SampleCounter
from rtemo.core.types import Channel, StreamInfo

WANTED = (
    "COUNTER", "TIME", "POG_LEFT", "POG_RIGHT", "POG_BEST", "POG_FIX", "PUPIL_LEFT", "PUPIL_RIGHT", "EYE_LEFT",
    "EYE_RIGHT", "BLINK", "USER_DATA",
)  # fmt: skip
FIELDS: tuple[tuple[str, str, str], ...] = tuple(
    [
        (f"{eye}POG{axis}", side, "normalized")
        for eye, side in (("L", "left"), ("R", "right"), ("B", "both"))
        for axis in "XY"
    ]
    + [(f"{eye}POGV", side, "") for eye, side in (("L", "left"), ("R", "right"), ("B", "both"))]
    + [(f"{eye}PUPILD", side, "m") for eye, side in (("L", "left"), ("R", "right"))]
    + [(f"{eye}PUPILV", side, "") for eye, side in (("L", "left"), ("R", "right"))]
    + [(f"{eye}EYE{axis}", side, "m") for eye, side in (("L", "left"), ("R", "right")) for axis in "XYZ"]
    + [("BKID", "both", ""), ("BKDUR", "both", "s")]
)
_TYPES = {"POGX": "ScreenX", "POGY": "ScreenY", "PUPILD": "Diameter"}
MESSAGE = re.compile(r"<(\w+)\b([^<>]*)/>")
FIELD = re.compile(r'(\w+)\s*=\s*"([^"]*)"')
LONGEST = 1 << 16  # bytes without the end of a message: this is no Open Gaze server


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What this bridge takes."""
    add_address(p, "Gazepoint Control", ("127.0.0.1", 4242))


def device_of(args: argparse.Namespace, clock: Callable[[], float]) -> Gazepoint:
    """The device that was asked for."""
    host, port = args.address
    return Gazepoint(host, port, clock)


class Messages:
    """Whole messages, (tag, fields), of a stream of bytes that is cut anywhere."""

    def __init__(self) -> None:
        self._rest = ""

    def push(self, data: bytes) -> list[tuple[str, dict[str, str]]]:
        """What is complete now. Raises DeviceLost where no message ever ends."""
        text = self._rest + data.decode("latin-1")
        found, end = [], 0
        for match in MESSAGE.finditer(text):
            found.append((match[1], dict(FIELD.findall(match[2]))))
            end = match.end()
        self._rest = text[end:]
        if len(self._rest) > LONGEST:
            raise DeviceLost("what answers does not speak the Open Gaze API")
        return found


class Gazepoint:
    """The tracker behind one Gazepoint Control."""

    shares_clock = False

    def __init__(self, host: str, port: int, clock: Callable[[], float]) -> None:
        self._host, self._port, self._clock = host, port, clock
        self._connection: DeviceConnection | None = None
        self._messages, self._counter, self._user = Messages(), SampleCounter(), ""

    def open(self) -> tuple[StreamInfo, ...]:
        self._messages, self._counter = Messages(), SampleCounter()
        self._connection = DeviceConnection(self._host, self._port)
        for what in WANTED:
            self._connection.send(_set(f"ENABLE_SEND_{what}"))
        self._connection.send(_set("ENABLE_SEND_DATA"))
        channels = [Channel(label, _TYPES.get(label[1:], ""), unit, eye) for label, eye, unit in FIELDS]
        source_id = f"rtemo-gazepoint-{self._host}-{self._port}"
        return (
            described("gaze", "Gazepoint", "Gaze", 0.0, channels, source_id, "Gazepoint"),
            marker_stream("Gazepoint user data", f"{source_id}-user", "Gazepoint"),
        )

    def read(self) -> Sequence[DeviceSamples]:
        assert self._connection is not None
        data = self._connection.receive()
        arrived_s = self._clock()
        records = [fields for tag, fields in self._messages.push(data) if tag == "REC" and _number(fields, "TIME") > 0]
        if not records:
            return []
        times = np.array([_number(fields, "TIME") for fields in records])
        lost = 0
        if all("CNT" in fields for fields in records):
            lost = self._counter.count(np.array([_number(fields, "CNT") for fields in records]))[1]
        values = np.array([[_number(fields, label) for label, _, _ in FIELDS] for fields in records], np.float32)
        return [DeviceSamples(0, times, values, arrived_s, lost), *self._marks(records, times, arrived_s)]

    def _marks(self, records: Sequence[dict[str, str]], times: np.ndarray, arrived_s: float) -> list[DeviceSamples]:
        found = []
        for fields, time_s in zip(records, times, strict=True):
            text = fields.get("USER", self._user)
            if text != self._user:
                self._user = text
                if text:
                    found.append(DeviceSamples(1, np.array([time_s]), np.array([[text]], object), arrived_s))
        return found

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _set(name: str) -> bytes:
    return f'<SET ID="{name}" STATE="1" />\r\n'.encode()


def _number(fields: dict[str, str], name: str) -> float:
    try:
        return float(fields[name])
    except (KeyError, ValueError):
        return float("nan")
