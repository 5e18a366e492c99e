"""Watches the streams that are wanted: opens them, notices when they stall or go, takes them up again when they return.

Driven by `tick`, with the time and what is visible as arguments; knows LSL only through what it is given.
How a loss is noticed: a steady stream that is silent too long has stalled; one that is off the network as well, or
whose connection is over, is lost. How a return is noticed: data comes again; or a newcomer from the same sender shows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rtemo.core.errors import RtemoError
from rtemo.core.types import Item, StreamInfo, StreamState
from rtemo.sources.lsl.presence import TWIN_S, ConnectedStream, Connection, VisibleStream
from rtemo.sources.lsl.stream_state import LslStream
from rtemo.sources.lsl.wanted import OneStream, Want, sender, unchanged

SETTLE_S = 1.0  # a newcomer is chosen only after others had the time to show: there may be two
RETRY_S = 2.0
DRAIN_S = 2.0

Name = Callable[[StreamInfo, Sequence[str]], str]


@dataclass(slots=True)
class Monitor:
    """The wanted streams. Used by one thread, except for `lines` and `warnings`, which are replaced, never changed.

    put: takes an item to the reader. connect: makes a connection, given the newest raw stamp that the line handed over
    before. name: a stream_id that is none of those given.
    """

    wants: Sequence[Want]
    put: Callable[[Item], None]
    connect: Callable[[LslStream, VisibleStream, float | None], Connection]
    name: Name
    lines: tuple[LslStream, ...] = ()
    warnings: tuple[str, ...] = ()
    _held: list[ConnectedStream] = field(default_factory=list)
    _ids: set[str] = field(default_factory=set)
    _leaving: list[Connection] = field(default_factory=list)

    def begin(self, now_s: float, seen: Mapping[str, VisibleStream]) -> tuple[StreamInfo, ...]:
        """Opens what is wanted and there. Raises RtemoError where a want is ambiguous."""
        chosen = [(want, uid) for want in self.wants for uid in self._chosen(want, seen, list(seen))]
        for want, uid in chosen:
            self._open(want, seen[uid], now_s, announced=True)
        return tuple(line.info for line in self.lines)

    def tick(self, now_s: float, seen: Mapping[str, VisibleStream], dead: Collection[str] = ()) -> set[str]:
        """Look after everything once. dead: uids that are known to be gone. Returns the uids whose life is in doubt."""
        self._leaving = [connection for connection in self._leaving if not connection.join(0.0)]
        doubts = {held.uid for held in list(self._held) if self._watch(held, now_s, seen, dead)}
        for want in self.wants:
            self._serve(want, now_s, seen)
        return doubts

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

    def _watch(
        self, held: ConnectedStream, now_s: float, seen: Mapping[str, VisibleStream], dead: Collection[str]
    ) -> bool:
        """Look after one stream. Returns whether it should be asked if it is still alive."""
        line, visible = held.line, held.uid in seen
        held.look(now_s, visible)
        if held.connection.over:
            held.over_s = held.over_s or now_s
            line.go_down(StreamState.LOST, held.connection.ended)
        elif visible:
            for twin in held.note_bystanders(now_s, seen):
                self.warn(f"{line.stream_id}: another stream is called the same and is left alone: {_who(twin)}")
        line.fell_silent(now_s)
        if held.uid in dead or held.gone(now_s):
            held.absent = True
            line.go_down(StreamState.LOST, "gone from the network")
        if held.connection.over or not visible:
            self._look_for_successor(held, now_s, seen)
            return False
        if (line.down or held.returned_s) and held.needs_new_connection(now_s):
            self._reconnect(held, seen[held.uid], now_s)
            return False
        return line.state is StreamState.STALLED or bool(held.successors(seen, self._in_use()))

    def _look_for_successor(self, held: ConnectedStream, now_s: float, seen: Mapping[str, VisibleStream]) -> None:
        line = held.line
        found = held.successors(seen, self._in_use())
        if len(found) == 1:
            self._reconnect(held, seen[found[0].uid], now_s)
        elif found:
            listed = " | ".join(_who(info) for info in found)
            self.warn(f"{line.stream_id}: several streams came back under its name, none is taken: {listed}")
        elif held.connection.over and held.uid in seen and now_s - held.over_s > RETRY_S:
            self._reconnect(held, seen[held.uid], now_s)

    def _reconnect(self, held: ConnectedStream, sight: VisibleStream, now_s: float) -> None:
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
        self._show()

    def _serve(self, want: Want, now_s: float, seen: Mapping[str, VisibleStream]) -> None:
        """Look for what a want does not have yet."""
        holders = [held for held in self._held if want.label in held.line.wanted_by]
        if isinstance(want, OneStream) and any(not held.line.down for held in holders):
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
            if isinstance(want, OneStream):
                self._leave(want, holders)
            self._open(want, seen[uid], now_s, announced=False)

    def _is_new(
        self, want: Want, uid: str, sight: VisibleStream, now_s: float, holders: Sequence[ConnectedStream]
    ) -> bool:
        """Whether a want may take it: no bystander of what it lost, and none of its own that may have come back."""
        strangers = [held.line for held in holders if uid not in held.line.bystanders]
        if isinstance(want, OneStream):
            return len(strangers) == len(holders)
        may_return = any(sender(sight.info) == sender(line.info) for line in strangers)
        return not may_return or now_s - sight.first_seen_s > TWIN_S + SETTLE_S

    def _chosen(self, want: Want, seen: Mapping[str, VisibleStream], uids: Sequence[str]) -> list[str]:
        """Which of these streams it takes that it does not have yet."""
        infos = _named([seen[uid].info for uid in uids if seen[uid].described], self.name)
        if isinstance(want, OneStream):
            info = want.choose(infos) if infos else None
            chosen = [] if info is None else [info.uid]
        else:
            chosen = [info.uid for info in infos if want.accept(info)]
        has = {held.uid for held in self._held if want.label in held.line.wanted_by}
        return [uid for uid in chosen if uid not in has]

    def _open(self, want: Want, sight: VisibleStream, now_s: float, *, announced: bool) -> None:
        """Connect to a stream, or share the connection that another want has."""
        for held in self._held:
            if held.uid == sight.info.uid:
                held.line.wanted_by.add(want.label)
                return
        line = self._new_line(sight.info, None, announced=announced)
        line.wanted_by.add(want.label)
        self._held.append(self._connected(line, sight, now_s, None))
        self._show()

    def _leave(self, want: OneStream, holders: Sequence[ConnectedStream]) -> None:
        """Another stream plays the part now; a lost one that nobody else wants is given up."""
        for held in holders:
            held.line.wanted_by.discard(want.label)
            if not held.line.wanted_by:
                held.connection.stop()
                self._leaving.append(held.connection)
                self._held.remove(held)

    def _new_line(self, info: StreamInfo, before: LslStream | None, *, announced: bool = False) -> LslStream:
        stream_id = self.name(info, tuple(self._ids))
        self._ids.add(stream_id)
        line = LslStream(replace(info, stream_id=stream_id), self.put, announced=announced)
        if before is not None:
            line.wanted_by, line.bystanders, line.n_returns = before.wanted_by, before.bystanders, before.n_returns + 1
        return line

    def _connected(self, line: LslStream, sight: VisibleStream, now_s: float, newest: float | None) -> ConnectedStream:
        connection = self.connect(line, sight, newest)
        connection.start()
        return ConnectedStream(line, connection, seen_s=now_s)

    def _show(self) -> None:
        self.lines = tuple(held.line for held in self._held)

    def _in_use(self) -> set[str]:
        return {held.uid for held in self._held}


def _named(infos: Sequence[StreamInfo], name: Name) -> list[StreamInfo]:
    """Each with a stream_id of its own, for whoever chooses among them."""
    found: list[StreamInfo] = []
    for info in sorted(infos, key=lambda info: (info.name, info.type, info.hostname, info.source_id, info.uid)):
        found.append(replace(info, stream_id=name(info, [other.stream_id for other in found])))
    return found


def _who(info: StreamInfo) -> str:
    return f"{info.describe()} uid={info.uid[:8]}"
