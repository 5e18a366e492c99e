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
        self._doubts: dict[str, StreamNotice] = {}  # of streams whose times cannot be believed now

    def note(self, items: Iterable[Item]) -> None:
        for item in items:
            match item:
                case StreamUp(info):
                    self.infos[info.stream_id] = info
                    self._doubts.pop(info.stream_id, None)
                    self.states[info.stream_id] = StreamState.STREAMING
                case StreamDown():
                    self.states[item.stream_id] = item.state
                case ClockOffset():
                    self._offsets[item.stream_id] = item
                case StreamNotice():
                    if item.trusted is False:
                        self._doubts[item.stream_id] = item
                    elif item.trusted:
                        self._doubts.pop(item.stream_id, None)
                case _:
                    self.states[item.stream_id] = StreamState.STREAMING

    def opening(self) -> list[Item]:
        """What an engine must be given first. A stream that is lost is announced when it comes back."""
        there = [info for info in self.infos.values() if self.states[info.stream_id] not in GONE]
        known = [found.get(info.stream_id) for info in there for found in (self._offsets, self._doubts)]
        return [*(StreamUp(info) for info in there), *(item for item in known if item is not None)]
