"""Watches the streams that are wanted: opens them, notices when they stall or go, takes them up again when they return.

Driven by `tick`, with the time and what is visible as arguments; knows LSL only through the two things it is given.
How a loss is noticed: a steady stream that is silent too long has stalled; one that is off the network as well, or
whose connection is over, is lost. How a return is noticed: data comes again; or a newcomer from the same sender shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from rtemo.core.errors import RtemoError
from rtemo.core.types import Item, StreamInfo, StreamState
from rtemo.sources.lsl_line import Line
from rtemo.sources.lsl_wants import One, Want, sender, successors, unchanged

GONE_S = 2.0  # off the network for so long, and silent: lost
SETTLE_S = 1.0  # a newcomer is chosen only after others had the time to show: there may be two
TWIN_S = 3.0  # both visible for so long: the older one is alive. More than a dead stream stays visible
BORN_MARGIN_S = 0.05
RETURN_S = 2.0  # a stream that is visible again gets so long to send on over the old connection
LONG_ABSENCE_S = 10.0  # after which a sender may have given up the connection without our side knowing
RETRY_S = 2.0
DRAIN_S = 2.0


class Sight(Protocol):
    """What the monitor needs to know of a visible stream: see Sighting."""

    @property
    def info(self) -> StreamInfo: ...
    @property
    def first_seen_s(self) -> float: ...
    @property
    def created_s(self) -> float: ...
    @property
    def described(self) -> bool: ...


class Connection(Protocol):
    """What the monitor needs of a connection: see Pump."""

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
class _Held:
    """A line with its connection."""

    line: Line
    connection: Connection
    seen_s: float  # when it was last visible
    absent: bool = False
    absent_s: float = 0.0  # how long it was away
    returned_s: float = 0.0
    over_s: float = 0.0


@dataclass(slots=True)
class Monitor:
    """The wanted streams. Used by one thread, except for `lines` and `warnings`, which are replaced, never changed."""

    wants: Sequence[Want]
    put: Callable[[Item], None]
    connect: Callable[[Line, Sight, float | None], Connection]
    name: Callable[[StreamInfo, Sequence[str]], str]
    lines: tuple[Line, ...] = ()
    warnings: tuple[str, ...] = ()
    _held: list[_Held] = field(default_factory=list)
    _ids: set[str] = field(default_factory=set)
    _leaving: list[Connection] = field(default_factory=list)

    def begin(self, now_s: float, seen: Mapping[str, Sight]) -> tuple[StreamInfo, ...]:
        """Opens what is wanted and there. Raises RtemoError where a want is ambiguous."""
        for want in self.wants:
            for uid in self._chosen(want, seen, list(seen)):
                self._open(want, seen[uid], now_s, announced=True)
        return tuple(line.info for line in self.lines)

    def tick(self, now_s: float, seen: Mapping[str, Sight]) -> None:
        """Look after everything once."""
        self._leaving = [connection for connection in self._leaving if not connection.join(0.0)]
        for held in list(self._held):
            self._watch(held, now_s, seen)
        for want in self.wants:
            self._serve(want, now_s, seen)

    def end(self, timeout_s: float) -> bool:
        """Ends all connections. Returns whether all have ended in time."""
        everything = [*self._leaving, *(held.connection for held in self._held)]
        for connection in everything:
            connection.stop()
        ended = [connection.join(timeout_s) for connection in everything]
        return all(ended)

    def warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings = (*self.warnings, text)

    # Watching what is open

    def _watch(self, held: _Held, now_s: float, seen: Mapping[str, Sight]) -> None:
        line, uid = held.line, held.connection.uid
        visible = uid in seen
        if visible:
            held.absent_s = now_s - held.seen_s if held.absent else 0.0
            held.returned_s = now_s if held.absent else held.returned_s
            held.seen_s, held.absent = now_s, False
        if held.connection.over:
            held.over_s = held.over_s or now_s
            line.go_down(StreamState.LOST, held.connection.ended)
        elif visible:
            self._note_bystanders(held, now_s, seen)
        line.fell_silent(now_s)
        if self._gone(held, now_s):
            held.absent = True
            line.go_down(StreamState.LOST, "gone from the network")
        if held.connection.over or not visible:
            self._look_for_successor(held, now_s, seen)
        elif line.down or held.returned_s:
            self._welcome_back(held, now_s, seen)

    def _gone(self, held: _Held, now_s: float) -> bool:
        """Off the network and silent. One that still delivers is only hidden."""
        silent = not now_s - held.line.last_arrival_s < GONE_S  # also where there was no sample yet
        return silent and now_s - held.seen_s >= GONE_S

    def _note_bystanders(self, held: _Held, now_s: float, seen: Mapping[str, Sight]) -> None:
        line, own = held.line, held.connection.uid
        for uid, sight in seen.items():
            if uid == own or uid in line.bystanders or not self._together(held, sight, now_s):
                continue
            line.bystanders.add(uid)
            if sight.info.key == line.info.key:
                self.warn(f"{line.stream_id}: another stream is called the same and is left alone: {_who(sight.info)}")

    def _together(self, held: _Held, sight: Sight, now_s: float) -> bool:
        """Whether our stream was alive while the other one was there."""
        last_s = held.line.last_arrival_s
        born_s = sight.created_s + held.line.offset_s  # on the same computer, that is in the same clock
        same_host = sight.info.hostname == held.line.info.hostname
        if same_host and held.connection.opened_s < born_s < last_s - BORN_MARGIN_S:
            return True
        return last_s > sight.first_seen_s or now_s - sight.first_seen_s > TWIN_S

    def _look_for_successor(self, held: _Held, now_s: float, seen: Mapping[str, Sight]) -> None:
        line = held.line
        free = {
            uid: s for uid, s in seen.items() if s.described and not self._in_use(uid) and uid not in line.bystanders
        }
        found = successors(line.info, [sight.info for sight in free.values()])
        if len(found) == 1:
            self._reconnect(held, free[found[0].uid], now_s)
        elif found:
            self.warn(
                f"{line.stream_id}: several streams came back under its name, none is taken: "
                + " | ".join(_who(info) for info in found)
            )
        elif held.connection.over and held.connection.uid in seen and now_s - held.over_s > RETRY_S:
            self._reconnect(held, seen[held.connection.uid], now_s)

    def _welcome_back(self, held: _Held, now_s: float, seen: Mapping[str, Sight]) -> None:
        """The same outlet is visible again. Its connection may live, and what it kept for us comes in one burst."""
        line, arrived_s = held.line, held.line.last_arrival_s
        if arrived_s > held.returned_s:
            held.returned_s = 0.0
        elif line.info.nominal_rate_hz > 0:
            if now_s - held.returned_s > RETURN_S:
                self._reconnect(held, seen[held.connection.uid], now_s)
        elif held.absent_s > LONG_ABSENCE_S:
            self._reconnect(held, seen[held.connection.uid], now_s)
        else:
            held.returned_s = 0.0
            line.up()

    def _reconnect(self, held: _Held, sight: Sight, now_s: float) -> None:
        """Give the line a new connection; a stream that came back changed gets a line of its own."""
        line, old = held.line, held.connection
        line.go_down(StreamState.LOST, old.ended or "its sender was started again")
        old.stop()
        if not old.wait_drained(DRAIN_S):
            self.warn(f"{line.stream_id}: its old connection does not end")
            return
        self._leaving.append(old)
        if unchanged(line.info, sight.info):
            line.reconnect(replace(sight.info, stream_id=line.stream_id))
            newest = old.newest
        else:
            line, newest = self._new_line(sight.info, line), None
        self._held[self._held.index(held)] = self._connected(line, sight, now_s, newest)
        self.lines = tuple(h.line for h in self._held)

    # Serving what is wanted

    def _serve(self, want: Want, now_s: float, seen: Mapping[str, Sight]) -> None:
        holders = [held for held in self._held if want.label in held.line.wanted_by]
        if isinstance(want, One) and any(not held.line.down for held in holders):
            return
        new = [uid for uid, sight in seen.items() if self._is_new(want, uid, sight, now_s, holders)]
        settled = {uid for uid in new if now_s - seen[uid].first_seen_s >= SETTLE_S}
        try:
            chosen = self._chosen(want, seen, new)
        except RtemoError as error:
            if settled.issuperset(new):  # before that one of them may be an outlet that has just gone
                self.warn(f"{want.label}: {error}")
            return
        for uid in settled.intersection(chosen):
            if isinstance(want, One):
                self._leave(want, holders)
            self._open(want, seen[uid], now_s, announced=False)

    def _is_new(self, want: Want, uid: str, sight: Sight, now_s: float, holders: Sequence[_Held]) -> bool:
        """Whether a want may take it: no bystander of what it lost, and none of its own that may have come back."""
        strangers = [held.line for held in holders if uid not in held.line.bystanders]
        if isinstance(want, One):
            return len(strangers) == len(holders)
        may_return = any(sender(sight.info) == sender(line.info) for line in strangers)
        return not may_return or now_s - sight.first_seen_s > TWIN_S + SETTLE_S

    def _chosen(self, want: Want, seen: Mapping[str, Sight], uids: Sequence[str]) -> list[str]:
        """Which of these streams it takes that it does not have yet."""
        infos = [seen[uid].info for uid in uids if seen[uid].described]
        if isinstance(want, One):
            info = want.choose(_named(infos, self.name)) if infos else None
            chosen = [] if info is None else [info.uid]
        else:
            chosen = [info.uid for info in _named(infos, self.name) if want.accept(info)]
        return [uid for uid in chosen if want.label not in self._labels(uid)]

    def _open(self, want: Want, sight: Sight, now_s: float, *, announced: bool) -> None:
        """Connect to a stream, or share the connection that another want has."""
        for held in self._held:
            if held.connection.uid == sight.info.uid:
                held.line.wanted_by.add(want.label)
                return
        line = self._new_line(sight.info, None, announced=announced)
        line.wanted_by.add(want.label)
        self._held.append(self._connected(line, sight, now_s, None))
        self.lines = tuple(held.line for held in self._held)

    def _leave(self, want: One, holders: Sequence[_Held]) -> None:
        """Another stream plays the part now; a lost one that nobody else wants is given up."""
        for held in holders:
            held.line.wanted_by.discard(want.label)
            if not held.line.wanted_by:
                held.connection.stop()
                self._leaving.append(held.connection)
                self._held.remove(held)

    def _new_line(self, info: StreamInfo, before: Line | None, *, announced: bool = False) -> Line:
        stream_id = self.name(info, tuple(self._ids))
        self._ids.add(stream_id)
        line = Line(replace(info, stream_id=stream_id), self.put, announced=announced)
        if before is not None:
            line.wanted_by, line.bystanders, line.n_returns = before.wanted_by, before.bystanders, before.n_returns + 1
        return line

    def _connected(self, line: Line, sight: Sight, now_s: float, newest: float | None) -> _Held:
        connection = self.connect(line, sight, newest)
        connection.start()
        return _Held(line, connection, seen_s=now_s)

    def _in_use(self, uid: str) -> bool:
        return any(held.connection.uid == uid for held in self._held)

    def _labels(self, uid: str) -> set[str]:
        return next((held.line.wanted_by for held in self._held if held.connection.uid == uid), set())


def _named(infos: Sequence[StreamInfo], name: Callable[[StreamInfo, Sequence[str]], str]) -> list[StreamInfo]:
    found: list[StreamInfo] = []
    for info in infos:
        found.append(replace(info, stream_id=name(info, [other.stream_id for other in found])))
    return found


def _who(info: StreamInfo) -> str:
    return f"{info.describe()} uid={info.uid[:8]}"
