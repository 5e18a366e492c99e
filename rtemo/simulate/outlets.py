"""Streams a simulated session through LSL outlets in real time.

Every sample leaves when its time has come by LSL's clock: times are computed from the start, never from the sample
before, so nothing drifts. Stamps are the samples' own times, moved so that the session starts now. A stream that a
fault takes away loses its outlet, and gets a new one with the same source_id when it returns.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pylsl

from rtemo.core.errors import RtemoError
from rtemo.core.types import STRING_FORMAT, Chunk, StreamDown, StreamInfo, StreamUp
from rtemo.simulate.company import SimulatedCompany
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.lsl.emit import lsl_info
from rtemo.sources.lsl.ports import open_outlet

BLOCK_S = 0.01
HEAD_START_S = 0.2  # between opening the outlets and the first sample
LINGER_S = 1.0  # an outlet that is destroyed drops what it has not sent yet


@dataclass(frozen=True, slots=True)
class Sent:
    """What went out: samples per stream_id; start_s: LSL time of the session's start."""

    samples: Mapping[str, int]
    start_s: float


def stream(
    session: SimulatedSession | SimulatedCompany,
    stop: threading.Event,
    *,
    block_s: float = BLOCK_S,
    start_s: float | None = None,
    on_ready: Callable[[float], None] = lambda _start_s: None,
    outlets: SimulatedOutlets | None = None,
) -> Sent:
    """Stream the session until its end or until `stop` is set; returns what was sent. Blocks the calling thread.

    Outlets are there at once; the session begins at start_s on LSL's clock (None: a moment later). on_ready is called
    with that time when the outlets are there. outlets: what the samples go through.
    RtemoError for clock faults, which one computer cannot show on LSL.
    """
    if any(fault.kind == "clock" for fault in session.plan.faults):
        raise RtemoError("a clock fault cannot be streamed", "LSL measures one clock on one computer", "write --xdf")
    outlets = outlets or SimulatedOutlets()
    try:
        for info in session.streams:
            outlets.open(info)
        begin = pylsl.local_clock() + HEAD_START_S if start_s is None else start_s
        on_ready(begin)
        _play(session, outlets, stop, begin, block_s)
        stop.wait(LINGER_S)
    finally:
        outlets.close_all()
    return Sent(dict(outlets.sent), begin)


def _play(
    session: SimulatedSession | SimulatedCompany,
    outlets: SimulatedOutlets,
    stop: threading.Event,
    begin: float,
    block_s: float,
) -> None:
    for complete_s, item in session.timed_items(block_s):
        if stop.wait(max(begin + complete_s - pylsl.local_clock(), 0.0)):
            break
        match item:
            case Chunk():
                outlets.push(item, begin - session.plan.start_s)
            case StreamUp():
                outlets.open(item.info)
            case StreamDown():
                outlets.close(item.stream_id)


class SimulatedOutlets:
    """The open outlets by stream_id, and how many samples each stream has sent so far."""

    def __init__(self) -> None:
        self._open: dict[str, pylsl.StreamOutlet] = {}
        self._strings: set[str] = set()
        self.sent: dict[str, int] = {}

    def open(self, info: StreamInfo) -> None:
        """Nothing happens when it is open already: the first run of a stream may begin late."""
        if info.stream_id not in self._open:
            self._open[info.stream_id] = open_outlet(lsl_info(info))
            self.sent.setdefault(info.stream_id, 0)
            if info.channel_format == STRING_FORMAT:
                self._strings.add(info.stream_id)

    def push(self, chunk: Chunk, shift_s: float) -> None:
        if len(chunk):
            values = chunk.values.tolist() if chunk.stream_id in self._strings else chunk.values
            self._open[chunk.stream_id].push_chunk(values, (chunk.stamps + shift_s).tolist())
            self.sent[chunk.stream_id] += len(chunk)

    def close(self, stream_id: str) -> None:
        self._open.pop(stream_id, None)  # the last reference: liblsl destroys the outlet

    def close_all(self) -> None:
        self._open.clear()
