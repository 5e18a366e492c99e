"""A line with its connection, seen against what is visible on the network: is it there, and who else is it or is not?

Decides from times and descriptions that it is given; reads no clock and knows no LSL.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from rtemo.core.types import StreamInfo
from rtemo.sources.lsl.stream_state import LslStream
from rtemo.sources.lsl.wanted import successors

GONE_S = 0.5  # off the network, and silent for so long: lost
TWIN_S = 6.0  # both visible for so long: the older one is alive. More than a dead stream stays visible
BORN_MARGIN_S = 0.05
RETURN_S = 2.0  # a stream that is visible again gets so long to send on over the old connection
LONG_ABSENCE_S = 10.0  # after which a sender may have given up the connection without our side knowing


class VisibleStream(Protocol):
    """What is needed of a visible stream: see lsl_discovery.Sighting."""

    @property
    def info(self) -> StreamInfo: ...
    @property
    def first_seen_s(self) -> float: ...
    @property
    def created_s(self) -> float: ...
    @property
    def described(self) -> bool: ...


class Connection(Protocol):
    """What is needed of a connection: see lsl_inlet.Pump."""

    newest: float | None
    ended: str
    opened_s: float

    @property
    def uid(self) -> str: ...
    @property
    def over(self) -> bool: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def wait_drained(self, timeout_s: float) -> bool: ...
    def join(self, timeout_s: float) -> bool: ...


@dataclass(slots=True)
class ConnectedStream:
    """One wanted stream while it has this connection."""

    line: LslStream
    connection: Connection
    seen_s: float  # when it was last visible
    absent: bool = False  # it was missed since
    absence_s: float = 0.0  # how long it was away before it came back
    returned_s: float = 0.0  # when it came back; 0: its return is settled
    over_s: float = 0.0  # when the connection was over

    @property
    def uid(self) -> str:
        return self.connection.uid

    def look(self, now_s: float, visible: bool) -> None:  # noqa: FBT001
        """Note whether it is visible now."""
        if not visible:
            return
        if self.absent:
            self.absence_s, self.returned_s = now_s - self.seen_s, now_s
        self.seen_s, self.absent = now_s, False

    def gone(self, now_s: float) -> bool:
        """Off the network and silent. One that still delivers is only hidden."""
        silent = not now_s - self.line.last_arrival_s < GONE_S  # also where there was no sample yet
        return silent and now_s - self.seen_s >= GONE_S

    def needs_new_connection(self, now_s: float) -> bool:
        """Whether the old connection of a stream that is visible again is dead.

        It may live: what the sender kept for us then comes in one burst. Of events nobody knows when the next is due.
        """
        if self.line.last_arrival_s > self.returned_s:
            self.returned_s = 0.0
            return False
        if self.line.info.nominal_rate_hz > 0:
            return now_s - self.returned_s > RETURN_S
        if self.absence_s > LONG_ABSENCE_S:
            return True
        self.returned_s = 0.0
        self.line.up()
        return False

    def note_bystanders(self, now_s: float, seen: Mapping[str, VisibleStream]) -> list[StreamInfo]:
        """Remember which others were there while this one was alive. Returns those that are called the same."""
        met = [uid for uid in seen.keys() - self.line.bystanders - {self.uid} if self._together(seen[uid], now_s)]
        self.line.bystanders.update(met)
        return [seen[uid].info for uid in met if seen[uid].info.key == self.line.info.key]

    def successors(self, seen: Mapping[str, VisibleStream], in_use: Collection[str]) -> list[StreamInfo]:
        """The newcomers that may be this stream come back."""
        free = seen.keys() - self.line.bystanders - set(in_use)
        return successors(self.line.info, [seen[uid].info for uid in sorted(free) if seen[uid].described])

    def _together(self, sight: VisibleStream, now_s: float) -> bool:
        last_s = self.line.last_arrival_s
        if sight.info.hostname == self.line.info.hostname:
            born_s = sight.created_s + self.line.offset_s  # made on the same computer, that is by the same clock
            if self.connection.opened_s < born_s < last_s - BORN_MARGIN_S:
                return True
        return last_s > sight.first_seen_s or now_s - sight.first_seen_s > TWIN_S
