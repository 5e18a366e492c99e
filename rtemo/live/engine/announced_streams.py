"""Who is there: the streams that a source has announced and not taken back, with their newest clock measurement
and whether their times are believed.

From it an engine that takes over a running source gets what the one before it got.
"""

from __future__ import annotations

from collections.abc import Iterable

from rtemo.core.types import ClockOffset, Item, StreamDown, StreamInfo, StreamNotice, StreamState, StreamUp

GONE = (StreamState.LOST, StreamState.FAILED)


class AnnouncedStreams:
    """Fed with every item of a source."""

    def __init__(self) -> None:
        self.infos: dict[str, StreamInfo] = {}
        self.states: dict[str, StreamState] = {}
        self._offsets: dict[str, ClockOffset] = {}
        self._notices: dict[str, StreamNotice] = {}  # the newest that is about trust

    def note(self, items: Iterable[Item]) -> None:
        for item in items:
            match item:
                case StreamUp(info):
                    self.infos[info.stream_id] = info
                    self.states[info.stream_id] = StreamState.STREAMING
                case StreamDown():
                    self.states[item.stream_id] = item.state
                case ClockOffset():
                    self._offsets[item.stream_id] = item
                case StreamNotice():
                    if item.trusted is not None:
                        self._notices[item.stream_id] = item
                case _:
                    self.states[item.stream_id] = StreamState.STREAMING

    def opening(self) -> list[Item]:
        """What an engine must be given first. A stream that is lost is announced when it comes back."""
        there = [info for info in self.infos.values() if self.states[info.stream_id] not in GONE]
        known = [self._offsets.get(info.stream_id) for info in there]
        doubts = [self._notices.get(info.stream_id) for info in there]
        return [
            *(StreamUp(info) for info in there),
            *(offset for offset in known if offset is not None),
            *(notice for notice in doubts if notice is not None and not notice.trusted),
        ]
