"""Auxiliary columns of an engine's streams: their events, each before the first sample that knows of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from rtemo.core.auxiliary.columns import AuxiliaryReader
from rtemo.core.timing.clock_correction import ClockModel
from rtemo.core.types import Chunk, ClockOffset, StreamInfo
from rtemo.recordings.auxiliary_events import auxiliary_events, auxiliary_reader
from rtemo.recordings.events import Event
from rtemo.sources.stream_roles import StreamRoles


class AuxiliaryStreams:
    """The readers of one engine, by stream_id."""

    def __init__(self) -> None:
        self._infos: dict[str, StreamInfo] = {}
        self._clocks: dict[str, ClockModel] = {}
        self.readers: dict[str, AuxiliaryReader] = {}

    def add(self, info: StreamInfo, roles: StreamRoles) -> None:
        """Read a stream from here on, where it has such columns. Its clock goes on."""
        reader = auxiliary_reader(info, roles)
        self.readers.pop(info.stream_id, None)
        if reader is not None:
            self._infos[info.stream_id], self.readers[info.stream_id] = info, reader
            self._clocks.setdefault(info.stream_id, ClockModel())

    def note(self, offset: ClockOffset) -> None:
        """Take a measurement of a clock."""
        if offset.stream_id in self.readers:
            self._clocks[offset.stream_id].add(offset)

    def parts(self, chunk: Chunk) -> Iterator[Chunk | Event]:
        """The chunk in parts with the events in between: so what goes by an event does not depend on how the samples
        were cut into chunks.
        """
        reader = self.readers.get(chunk.stream_id)
        if reader is None:
            yield chunk
            return
        found = reader.take(self._clocks[chunk.stream_id].to_lsl(chunk.stamps), chunk.values)
        done = 0
        for row, event in auxiliary_events(found, self._infos[chunk.stream_id]):
            if row > done:
                yield replace(chunk, stamps=chunk.stamps[done:row], values=chunk.values[done:row])
                done = row
            yield event
        yield replace(chunk, stamps=chunk.stamps[done:], values=chunk.values[done:]) if done else chunk

    def flush(self) -> Iterator[tuple[str, Event]]:
        """What was counted and not reported yet, each with its stream."""
        for stream_id, reader in self.readers.items():
            yield from ((stream_id, event) for _, event in auxiliary_events(reader.flush(), self._infos[stream_id]))

    def state(self) -> dict[str, Any]:
        """For an engine that goes on from here."""
        return {"infos": self._infos, "clocks": self._clocks, "readers": self.readers}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from the state of another one."""
        self._infos, self._clocks = dict(state["infos"]), dict(state["clocks"])
        self.readers = dict(state["readers"])
