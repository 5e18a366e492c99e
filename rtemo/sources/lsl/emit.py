"""Replays a recording as LSL streams: all metadata, samples when they are due, stamped as of now.

Every stamp is the sample's LSL time after clock correction, moved by the same amount for all streams, so that what was
simultaneous in the recording is simultaneous again. Played faster, stamps lie closer by the speed.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from xml.etree import ElementTree as ET

import pylsl
from pylsl.lib import lib

from rtemo.core.errors import RtemoError
from rtemo.core.types import STRING_FORMAT, Chunk, StreamInfo, TimeArray
from rtemo.sources.lsl.ports import open_outlet
from rtemo.sources.paced import PacedSource
from rtemo.sources.stream_xml import parse_xml, recordable_xml, stream_xml
from rtemo.sources.xdf.source import XdfSource

POLL_S = 0.1
LINGER_S = 1.0  # destroyed outlets drop what they have not sent yet, and liblsl does not say when that is

# The outlet writes its own values into these, but only where the description has some text already.
_OUTLETS_OWN = {"version": "1.1", "created_at": "0", "uid": "-", "session_id": "-", "hostname": "-", "v4data_port": "0",
                "v4service_port": "0", "v6data_port": "0", "v6service_port": "0"}  # fmt: skip


def emit(
    recording: XdfSource,
    speed: float,
    stop: threading.Event,
    on_ready: Callable[[Sequence[pylsl.StreamOutlet]], None] = lambda _outlets: None,
) -> dict[str, int]:
    """Plays a recording into LSL until it ends or `stop` is set. Returns the samples sent, by stream_id.

    on_ready is called when all outlets are there and before the first sample: whoever must not miss it waits there.
    Raises RtemoError when the recording cannot be read.
    """
    source = PacedSource(recording, speed, clock=pylsl.local_clock, wait=lambda seconds: _wait(stop, seconds))
    outlets: dict[str, tuple[StreamInfo, pylsl.StreamOutlet]] = {}
    sent: dict[str, int] = {}
    try:
        for info in source.start():
            outlets[info.stream_id] = (info, open_outlet(lsl_info(info)))
            sent[info.stream_id] = 0
        on_ready([outlet for _, outlet in outlets.values()])
        while not (stop.is_set() or source.exhausted):
            for timed in source.read_timed(POLL_S):
                if isinstance(timed.item, Chunk):
                    info, outlet = outlets[timed.item.stream_id]
                    _push(outlet, info, timed.item, source.wall_s(0.0) + timed.elapsed / speed)
                    sent[info.stream_id] += len(timed.item)
        _wait(stop, LINGER_S)
    finally:
        source.stop()
    return sent


def lsl_info(info: StreamInfo) -> pylsl.StreamInfo:
    """A stream's description for an outlet, with everything that its XML holds. liblsl replaces host, uid and ports."""
    xml = _complete(parse_xml(recordable_xml(info)), info)
    lib.lsl_streaminfo_from_xml.restype = ctypes.c_void_p
    made = pylsl.StreamInfo(handle=lib.lsl_streaminfo_from_xml(ctypes.c_char_p(xml)))
    if made.channel_count() != info.n_channels or made.nominal_srate() != info.nominal_rate_hz:
        raise RtemoError("liblsl does not take a stream's description", info.describe(), "leave the stream out")
    return made


def _complete(root: ET.Element, info: StreamInfo) -> bytes:
    core = ET.fromstring(stream_xml(info))
    for tag in ("name", "type", "channel_count", "channel_format", "source_id", "nominal_srate"):
        _set(root, tag, core.findtext(tag) or "")
    if not info.name:
        _set(root, "name", f"stream {info.stream_id}")  # liblsl refuses an empty one
    for tag, value in _OUTLETS_OWN.items():
        if not (root.findtext(tag) or "").strip():
            _set(root, tag, value)
    if root.find("desc") is None:
        ET.SubElement(root, "desc")
    return ('<?xml version="1.0"?>' + ET.tostring(root, encoding="unicode")).encode()


def _set(root: ET.Element, tag: str, text: str) -> None:
    node = root.find(tag)
    if node is None:
        node = ET.SubElement(root, tag)
    node.text = text


def _push(outlet: pylsl.StreamOutlet, info: StreamInfo, chunk: Chunk, stamps: TimeArray) -> None:
    if not info.n_channels:
        return
    values = chunk.values.tolist() if info.channel_format == STRING_FORMAT else chunk.values
    outlet.push_chunk(values, stamps.tolist())


def _wait(stop: threading.Event, seconds: float) -> None:
    stop.wait(seconds)
