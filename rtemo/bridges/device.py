"""What a bridge needs of a device: open, read, close; and how its streams are described. No LSL here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol
from xml.etree import ElementTree as ET

from numpy.typing import NDArray

from rtemo.core.errors import RtemoError
from rtemo.core.types import STRING_FORMAT, Channel, StreamInfo, TimeArray
from rtemo.sources.stream_xml import parse_xml, stream_xml

READ_S = 0.1  # how long a read may block


class DeviceLost(Exception):
    """The device is not there, or not any more: it is tried again."""


@dataclass(frozen=True, slots=True, eq=False)
class DeviceSamples:
    """DeviceSamples of one stream, in order. stream: which, by its place in what `open` returned.

    device_s: (n,) seconds of the device's own clock. values: (n, channels). arrived_s: when the newest one came into
    this computer, LSL time. lost: samples that the device has counted and that never came, before these.
    """

    stream: int
    device_s: TimeArray
    values: NDArray[Any]
    arrived_s: float
    lost: int = 0


class Device(Protocol):
    """One device. Owned by one thread."""

    shares_clock: bool  # whether device_s is LSL time already, as with what this computer itself measures

    def open(self) -> tuple[StreamInfo, ...]:
        """Connect, start, and describe the streams. Raises DeviceLost where nothing answers, RtemoError where what
        answers cannot be used.
        """
        ...

    def read(self) -> Sequence[DeviceSamples]:
        """What has come, after READ_S at most. Raises DeviceLost."""
        ...

    def close(self) -> None:
        """Stop and disconnect, also where opening failed half-way."""
        ...


def described(
    stream_id: str,
    name: str,
    kind: str,
    rate_hz: float,
    channels: Sequence[Channel],
    source_id: str,
    model: str,
    channel_format: str = "float32",
) -> StreamInfo:
    """A stream with its XML, which says what it comes from."""
    info = StreamInfo(stream_id, name, kind, channel_format, rate_hz, tuple(channels), source_id)
    root = parse_xml(stream_xml(info))
    desc = root.find("desc")
    assert desc is not None
    acquisition = ET.SubElement(desc, "acquisition")
    ET.SubElement(acquisition, "model").text = model
    ET.SubElement(acquisition, "bridge").text = "rtemo"
    return replace(info, xml='<?xml version="1.0"?>\n' + ET.tostring(root, encoding="unicode"))


def marker_stream(name: str, source_id: str, model: str) -> StreamInfo:
    """The device's own triggers, as text."""
    channels = (Channel("marker", "Markers"),)
    return described("markers", name, "Markers", 0.0, channels, source_id, model, STRING_FORMAT)


def needed(package: str, extra: str, error: ImportError) -> RtemoError:
    """The error where a vendor's library is not there."""
    return RtemoError(f"this bridge needs {package}", str(error), extra)
