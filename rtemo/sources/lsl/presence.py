"""Presence of a connected LSL stream on the network: still there, gone, returned, or replaced by another stream.

Decides from times and descriptions that it is given; reads no clock and knows no LSL.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from rtemo.core.types import StreamInfo, StreamState
from rtemo.sources.lsl.stream_requests import successors
from rtemo.sources.lsl.stream_state import LslStream

GONE_S = 0.5  # off the network, and silent for so long: lost
TWIN_S = 6.0  # both visible for so long: the older one is alive. More than a dead stream stays visible
BORN_MARGIN_S = 0.05
RETURN_S = 2.0  # a stream that is visible again gets so long to send on over the old connection
LONG_ABSENCE_S = 10.0  # after which a sender may have given up the connection without our side knowing


class VisibleStream(Protocol):
    """A stream that is on the network now, as much as is needed of it: see discovery.DiscoveredStream."""

    @property
    def info(self) -> StreamInfo: ...
    @property
    def first_seen_s(self) -> float: ...
    @property
    def created_s(self) -> float: ...
    @property
    def described(self) -> bool: ...


class Connection(Protocol):
    """A connection to an outlet, as much as is needed of it: see inlet.InletThread."""

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
    """One requested stream while it has this connection."""

    stream: LslStream
    connection: Connection
    seen_s: float  # when it was last visible
    absent: bool = False  # it was missed since
    absence_s: float = 0.0  # how long it was away before it came back
    returned_s: float = 0.0  # when it came back; 0: its return is settled
    over_s: float = 0.0  # when the connection was over

    @property
    def uid(self) -> str:
        return self.connection.uid

    def update(self, now_s: float, is_visible: bool) -> None:  # noqa: FBT001
        """Note whether it is visible now."""
        if not is_visible:
            return
        if self.absent:
            self.absence_s, self.returned_s = now_s - self.seen_s, now_s
        self.seen_s, self.absent = now_s, False

    def is_gone(self, now_s: float) -> bool:
        """Off the network and silent. One that still delivers is only hidden."""
        silent = not now_s - self.stream.last_arrival_s < GONE_S  # also where there was no sample yet
        return silent and now_s - self.seen_s >= GONE_S

    def is_mute(self, now_s: float, silence_s: float) -> bool:
        """Whether a stream that promises samples has delivered none since it was connected."""
        waits = self.stream.state is StreamState.WAITING and self.stream.info.nominal_rate_hz > 0
        return waits and now_s - self.connection.opened_s > silence_s

    def needs_new_connection(self, now_s: float) -> bool:
        """Whether the old connection of a stream that is visible again is dead.

        It may live: what the sender kept for us then comes in one burst. Of events nobody knows when the next is due.
        """
        if self.stream.last_arrival_s > self.returned_s:
            self.returned_s = 0.0
            return False
        if self.stream.info.nominal_rate_hz > 0:
            return now_s - self.returned_s > RETURN_S
        if self.absence_s > LONG_ABSENCE_S:
            return True
        self.returned_s = 0.0
        self.stream.mark_up()
        return False

    def note_bystanders(self, now_s: float, seen: Mapping[str, VisibleStream]) -> list[StreamInfo]:
        """Remember which others were there while this one was alive. Returns those that are called the same."""
        met = [uid for uid in seen.keys() - self.stream.bystanders - {self.uid} if self._together(seen[uid], now_s)]
        self.stream.bystanders.update(met)
        return [seen[uid].info for uid in met if seen[uid].info.key == self.stream.info.key]

    def successors(self, seen: Mapping[str, VisibleStream], in_use: Collection[str]) -> list[StreamInfo]:
        """The newcomers that may be this stream come back."""
        free = seen.keys() - self.stream.bystanders - set(in_use)
        return successors(self.stream.info, [seen[uid].info for uid in sorted(free) if seen[uid].described])

    def _together(self, visible: VisibleStream, now_s: float) -> bool:
        last_s = self.stream.last_arrival_s
        if visible.info.hostname == self.stream.info.hostname:
            born_s = visible.created_s + self.stream.offset_s  # made on the same computer, that is by the same clock
            if self.connection.opened_s < born_s < last_s - BORN_MARGIN_S:
                return True
        return last_s > visible.first_seen_s or now_s - visible.first_seen_s > TWIN_S
