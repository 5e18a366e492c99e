"""Monitors requested LSL streams: opens them, detects stalls and losses, and reconnects when they return.

Driven by `tick`, with the time and what is visible as arguments; knows LSL only through what it is given.
How a loss is noticed: a steady stream that is silent too long has stalled; one that is off the network as well, or
whose connection is over, is lost. How a return is noticed: data comes again; or a newcomer from the same sender shows.
Where this process itself stood still, no stream can be judged until what has come meanwhile was taken over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rtemo.core.errors import RtemoError
from rtemo.core.types import Item, StreamInfo, StreamNotice, StreamState
from rtemo.sources.lsl.presence import TWIN_S, ConnectedStream, Connection, VisibleStream
from rtemo.sources.lsl.stream_requests import OneStream, StreamRequest, sender, shortened, unchanged
from rtemo.sources.lsl.stream_state import LslStream

SETTLE_S = 1.0  # a newcomer is chosen only after others had the time to show: there may be two
RETRY_S = 2.0
DRAIN_S = 2.0
SILENT_S = 5.0  # how long a stream that has a rate may be connected without a sample before it is reported
MAX_WARNINGS = 200
GRACE_S = 1.5  # to take over what has come while nobody received, and to see again who is there
MAX_OPEN = 500  # streams that are open at once: each takes threads and a buffer

Name = Callable[[StreamInfo, Sequence[str]], str]


@dataclass(slots=True)
class Monitor:
    """The requested streams. Used by one thread, except for `streams` and `warnings`, which are replaced, never
    changed.

    put: hands an item to the reader. connect: makes a connection, given the newest raw stamp of the stream so far.
    name: a stream_id that is none of those given.
    """

    requests: Sequence[StreamRequest]
    put: Callable[[Item], None]
    connect: Callable[[LslStream, VisibleStream, float | None], Connection]
    name: Name
    streams: tuple[LslStream, ...] = ()
    warnings: tuple[str, ...] = ()
    _connected: list[ConnectedStream] = field(default_factory=list)
    _ids: set[str] = field(default_factory=set)
    _leaving: list[Connection] = field(default_factory=list)
    _noticed: set[str] = field(default_factory=set)
    _fair_s: float = -math.inf  # from when on silence and absence say something again

    def begin(self, now_s: float, seen: Mapping[str, VisibleStream]) -> tuple[StreamInfo, ...]:
        """Opens what is requested and there. Raises RtemoError where a request is ambiguous."""
        chosen = [(request, uid) for request in self.requests for uid in self._chosen(request, seen, list(seen))]
        for request, uid in chosen:
            self._open(request, seen[uid], now_s, announced=True)
        return tuple(stream.info for stream in self.streams)

    def tick(self, now_s: float, seen: Mapping[str, VisibleStream], dead: Collection[str] = ()) -> set[str]:
        """Look after everything once. dead: uids that are known to be gone. Returns the uids whose life is in doubt."""
        self._leaving = [connection for connection in self._leaving if not connection.join(0.0)]
        if now_s < self._fair_s:
            for connected in self._connected:
                connected.seen_s = connected.seen_s if connected.absent else now_s
            return set()
        doubts = {connected.uid for connected in list(self._connected) if self._watch(connected, now_s, seen, dead)}
        for request in self.requests:
            self._serve(request, now_s, seen)
        return doubts

    def stood_still(self, now_s: float, seconds: float) -> None:
        """Take in that this process, or the whole computer, did nothing for a while."""
        self._fair_s = now_s + GRACE_S
        text = f"rtemo stood still for {seconds:.1f} s, frozen or suspended: what came meanwhile comes late"
        self.put(StreamNotice("", text))

    def end(self, timeout_s: float) -> bool:
        """Ends all connections. Returns whether all have ended in time."""
        everything = [*self._leaving, *(connected.connection for connected in self._connected)]
        for connection in everything:
            connection.stop()
        ended = [connection.join(timeout_s) for connection in everything]
        return all(ended)

    def warn(self, text: str, stream: LslStream | None = None) -> None:
        """Keep a warning, and hand it to the reader as a notice, once. stream: the one that it is about, if any."""
        line = f"{stream.stream_id}: {text}" if stream is not None else text
        if line in self.warnings or len(self.warnings) >= MAX_WARNINGS:
            return
        self.warnings = (*self.warnings, line)
        if stream is not None:
            stream.notice(text)
        else:
            self.notice(text)

    def notice(self, text: str) -> None:
        """Hand the reader something that is about no stream that it knows, once."""
        if text not in self._noticed and len(self._noticed) < MAX_WARNINGS:
            self._noticed.add(text)
            self.put(StreamNotice("", text))

    def _watch(
        self, connected: ConnectedStream, now_s: float, seen: Mapping[str, VisibleStream], dead: Collection[str]
    ) -> bool:
        """Look after one stream. Returns whether it should be asked if it is still alive."""
        stream, is_visible = connected.stream, connected.uid in seen
        connected.update(now_s, is_visible)
        if connected.connection.over:
            connected.over_s = connected.over_s or now_s
            stream.mark_down(StreamState.LOST, connected.connection.ended)
        elif is_visible:
            for twin in connected.note_bystanders(now_s, seen):
                self.warn(f"another stream is called the same and is left alone: {_who(twin)}", stream)
        stream.mark_stalled(now_s)
        if connected.is_mute(now_s, SILENT_S):
            self.warn(f"it is connected, but no sample came in {SILENT_S:g} s", stream)
        if connected.uid in dead or connected.is_gone(now_s):
            connected.absent = True
            stream.mark_down(StreamState.LOST, "gone from the network")
        if connected.connection.over or not is_visible:
            self._look_for_successor(connected, now_s, seen)
            return False
        if (stream.down or connected.returned_s) and connected.needs_new_connection(now_s):
            self._reconnect(connected, seen[connected.uid], now_s)
            return False
        return stream.state is StreamState.STALLED or bool(connected.successors(seen, self._in_use()))

    def _look_for_successor(self, connected: ConnectedStream, now_s: float, seen: Mapping[str, VisibleStream]) -> None:
        stream = connected.stream
        found = connected.successors(seen, self._in_use())
        if len(found) == 1:
            self._reconnect(connected, seen[found[0].uid], now_s)
        elif found:
            listed = " | ".join(_who(info) for info in found)
            self.warn(f"several streams came back under its name, none is taken: {listed}", stream)
        elif connected.connection.over and connected.uid in seen and now_s - connected.over_s > RETRY_S:
            self._reconnect(connected, seen[connected.uid], now_s)

    def _reconnect(self, connected: ConnectedStream, visible: VisibleStream, now_s: float) -> None:
        """Give the stream a new connection; one that came back changed becomes a new LslStream."""
        stream, old = connected.stream, connected.connection
        stream.mark_down(StreamState.LOST, old.ended or "its sender was started again")
        old.stop()
        if not old.wait_drained(DRAIN_S):
            self.warn("its old connection does not end", stream)
            return
        self._leaving.append(old)
        if unchanged(stream.info, visible.info):
            stream.reconnect(replace(visible.info, stream_id=stream.stream_id))
            newest = old.newest
        else:
            stream, newest = self._successor(visible.info, stream), None
        self._connected[self._connected.index(connected)] = self._connect_to(stream, visible, now_s, newest)
        self._update_streams()

    def _serve(self, request: StreamRequest, now_s: float, seen: Mapping[str, VisibleStream]) -> None:
        """Connect new streams that a request may take."""
        holders = [connected for connected in self._connected if request.label in connected.stream.requested_by]
        if isinstance(request, OneStream) and any(not connected.stream.down for connected in holders):
            return
        new = [uid for uid, visible in seen.items() if self._is_new(request, uid, visible, now_s, holders)]
        settled = {uid for uid in new if now_s - seen[uid].first_seen_s >= SETTLE_S}
        try:
            chosen = self._chosen(request, seen, new)
        except RtemoError as error:
            if settled.issuperset(new):  # before that one of them may be an outlet that has just gone
                self.warn(f"{request.label}: {error}")
            return
        for uid in chosen:
            if uid not in settled:
                continue
            before = next((connected.stream for connected in holders), None)
            if isinstance(request, OneStream):
                self._leave(request, holders)
                self._open(request, seen[uid], now_s, announced=False, replaced=before)
            else:
                self._open(request, seen[uid], now_s, announced=False)

    def _is_new(
        self, request: StreamRequest, uid: str, visible: VisibleStream, now_s: float, holders: Sequence[ConnectedStream]
    ) -> bool:
        """Whether a request may take it: no bystander of what it lost, and none of its own that may have come back."""
        strangers = [connected.stream for connected in holders if uid not in connected.stream.bystanders]
        if isinstance(request, OneStream):
            return len(strangers) == len(holders)
        may_return = any(sender(visible.info) == sender(stream.info) for stream in strangers)
        return not may_return or now_s - visible.first_seen_s > TWIN_S + SETTLE_S

    def _chosen(self, request: StreamRequest, seen: Mapping[str, VisibleStream], uids: Sequence[str]) -> list[str]:
        """Which of these streams a request takes that it does not have yet."""
        infos = _named([seen[uid].info for uid in uids if seen[uid].described], self.name)
        if isinstance(request, OneStream):
            info = request.choose(infos) if infos else None
            chosen = [] if info is None else [info.uid]
        else:
            chosen = [info.uid for info in infos if request.accept(info)]
        has = {connected.uid for connected in self._connected if request.label in connected.stream.requested_by}
        return [uid for uid in chosen if uid not in has]

    def _open(
        self,
        request: StreamRequest,
        visible: VisibleStream,
        now_s: float,
        *,
        announced: bool,
        replaced: LslStream | None = None,
    ) -> None:
        """Connect to a stream, or share the connection that another request has. replaced: the stream before it."""
        for connected in self._connected:
            if connected.uid == visible.info.uid:
                connected.stream.requested_by.add(request.label)
                return
        if len(self._connected) >= MAX_OPEN:
            self.warn(f"{MAX_OPEN} streams are open; the others are left alone")
            return
        stream = self._new_stream(visible.info, announced=announced, replaced=replaced)
        stream.requested_by.add(request.label)
        self._connected.append(self._connect_to(stream, visible, now_s, None))
        self._update_streams()

    def _leave(self, request: OneStream, holders: Sequence[ConnectedStream]) -> None:
        """Another stream takes the request; a lost one that nobody else asked for is given up."""
        for connected in holders:
            connected.stream.requested_by.discard(request.label)
            if not connected.stream.requested_by:
                connected.connection.stop()
                self._leaving.append(connected.connection)
                self._connected.remove(connected)

    def _new_stream(self, info: StreamInfo, *, announced: bool, replaced: LslStream | None) -> LslStream:
        stream_id = self.name(info, tuple(self._ids))
        self._ids.add(stream_id)
        before = replaced.stream_id if replaced is not None and replaced.announced else ""
        return LslStream(replace(info, stream_id=stream_id), self.put, announced=announced, replaces=before)

    def _successor(self, info: StreamInfo, before: LslStream) -> LslStream:
        """The stream that takes the place of one that came back changed."""
        stream = self._new_stream(info, announced=False, replaced=before)
        stream.requested_by, stream.bystanders = before.requested_by, before.bystanders
        stream.n_returns = before.n_returns + 1
        return stream

    def _connect_to(
        self, stream: LslStream, visible: VisibleStream, now_s: float, newest: float | None
    ) -> ConnectedStream:
        connection = self.connect(stream, visible, newest)
        connection.start()
        return ConnectedStream(stream, connection, seen_s=now_s)

    def _update_streams(self) -> None:
        self.streams = tuple(connected.stream for connected in self._connected)

    def _in_use(self) -> set[str]:
        return {connected.uid for connected in self._connected}


def _named(infos: Sequence[StreamInfo], name: Name) -> list[StreamInfo]:
    """Each with a stream_id of its own, for whoever chooses among them."""
    found: list[StreamInfo] = []
    for info in sorted(infos, key=lambda info: (info.name, info.type, info.hostname, info.source_id, info.uid)):
        found.append(replace(info, stream_id=name(info, [other.stream_id for other in found])))
    return found


def _who(info: StreamInfo) -> str:
    return f"{shortened(info.describe(), 300)} uid={info.uid[:8]}"
