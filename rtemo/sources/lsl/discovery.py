"""Discovery of LSL streams with their whole description, without ever waiting for one that is dead."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto

from rtemo.core.errors import RtemoError
from rtemo.core.types import StreamInfo
from rtemo.sources.lsl.inlet import refusal
from rtemo.sources.lsl.liblsl import local_clock, pylsl
from rtemo.sources.lsl.stream_requests import shortened
from rtemo.sources.stream_xml import stream_info

FORGET_S = 4.0  # liblsl asks every 1 to 1.75 s: after two answers that did not come a stream is off the list
ANSWER_S = 3.0  # how long a stream may take to describe itself
RETRY_S = 5.0
DOUBT_S = 0.5  # between two questions to a stream whose life is in doubt
POLL_S = 0.05
MAX_STREAMS = 1000  # that are looked at; no lab has as many
MAX_DESCRIPTIONS = 64 << 20  # characters that the descriptions of all streams may take together


@dataclass(frozen=True, slots=True)
class DiscoveredStream:
    """A stream that is on the network now.

    info: as it describes itself; without channel labels while `described` is false, which it stays for a stream that
    cannot be opened. handle: what an inlet is made of.
    first_seen_s, created_s: LSL time here, and the sender's clock when it made its outlet.
    """

    info: StreamInfo
    handle: pylsl.StreamInfo
    first_seen_s: float
    created_s: float
    described: bool
    refused: bool = False  # it can only be listed


class _Reply(Enum):
    NONE_YET = auto()
    DESCRIBED = auto()
    REFUSED = auto()  # nobody listens there any more
    SILENT = auto()


class _Question:
    """Asks one stream for its description. liblsl asks in a thread of its own; with timeout 0 nothing waits here."""

    def __init__(self, handle: pylsl.StreamInfo, now_s: float) -> None:
        self.asked_s = now_s
        self.xml = ""
        self.reply = _Reply.NONE_YET
        # An inlet that may not recover: with a dead stream it gives up at once and can be thrown away safely.
        self._inlet: pylsl.StreamInlet | None = pylsl.StreamInlet(handle, max_buflen=1, recover=False)

    def poll(self, now_s: float) -> _Reply:
        if self._inlet is not None:
            try:
                self.xml = self._inlet.info(timeout=0.0).as_xml()
                self.reply = _Reply.DESCRIBED
            except pylsl.util.TimeoutError:
                if now_s - self.asked_s > ANSWER_S:
                    self.reply = _Reply.SILENT
            except pylsl.util.LostError:
                self.reply = _Reply.REFUSED
        if self.reply is not _Reply.NONE_YET:
            self._inlet = None
        return self.reply


class Directory:
    """Watches the network in the background. `look` is cheap and never waits; used by one thread."""

    def __init__(self) -> None:
        self._resolver = pylsl.ContinuousResolver(forget_after=FORGET_S)
        self._seen: dict[str, DiscoveredStream] = {}
        self._questions: dict[str, _Question] = {}
        self._doubts: dict[str, _Question] = {}
        self.dead: set[str] = set()  # uids of streams that are known to be gone, however fresh their last answer is
        self.problems: dict[str, str] = {}  # uid -> why a stream cannot be used

    def look(self) -> Mapping[str, DiscoveredStream]:
        """The streams that are there now, by uid; each has answered within the last FORGET_S."""
        now_s = local_clock()
        handles = {str(handle.uid()): handle for handle in self._resolver.results()}
        for uid in self._seen.keys() - handles.keys():
            self._forget(uid)
        self.dead &= handles.keys()
        for uid in self.problems.keys() - handles.keys() - {_TOO_MANY}:
            del self.problems[uid]
        for uid, handle in handles.items():
            if uid in self._seen or uid in self.problems or uid in self.dead:
                continue
            if len(self._seen) >= MAX_STREAMS:
                self.problems[_TOO_MANY] = (
                    f"more than {MAX_STREAMS} streams are on the network; the others are left out"
                )
                break
            self._meet(uid, handle, now_s)
        for uid in list(self._questions):
            self._ask(uid, now_s)
        for uid in list(self._doubts):
            self._check(uid, now_s)
        return dict(self._seen)

    def doubt(self, uids: Iterable[str]) -> None:
        """Ask whether these are still alive. A computer that is there answers at once that a program is not."""
        now_s = local_clock()
        for uid in uids:
            last = self._doubts.get(uid)
            if uid in self._seen and (last is None or now_s - last.asked_s > DOUBT_S):
                self._doubts[uid] = _Question(self._seen[uid].handle, now_s)

    def close(self) -> None:
        """Ends the background search."""
        self._questions.clear()
        self._doubts.clear()
        self._seen.clear()
        self._resolver = None

    def _meet(self, uid: str, handle: pylsl.StreamInfo, now_s: float) -> None:
        try:
            info = stream_info(handle.as_xml(), "")
        except RtemoError as error:
            self.problems[uid] = f"{shortened(handle.name())!r}: {error}"
            return
        why = refusal(info)
        self._seen[uid] = DiscoveredStream(info, handle, now_s, handle.created_at(), described=False, refused=bool(why))
        if why:
            self.problems[uid] = f"{shortened(info.name)!r} on {info.hostname!r} {why} and is never opened"
            return
        self._questions[uid] = _Question(handle, now_s)

    def _forget(self, uid: str) -> None:
        self._seen.pop(uid, None)
        self._questions.pop(uid, None)
        self._doubts.pop(uid, None)

    def _ask(self, uid: str, now_s: float) -> None:
        """Get a stream's description."""
        question, stream = self._questions[uid], self._seen[uid]
        match question.poll(now_s):
            case _Reply.DESCRIBED:
                del self._questions[uid]
                self._describe(uid, stream, question.xml)
            case _Reply.REFUSED | _Reply.SILENT:
                self.problems[uid] = (
                    f"{shortened(stream.info.name)!r} on {stream.info.hostname!r} is announced but does not answer: "
                    "a firewall between, or a sender that hangs"
                )
                if now_s - question.asked_s > RETRY_S:
                    self._questions[uid] = _Question(stream.handle, now_s)

    def _describe(self, uid: str, stream: DiscoveredStream, xml: str) -> None:
        """Take a description; of one that is too large the core, which is known already."""
        name = repr(shortened(stream.info.name))
        self.problems.pop(uid, None)
        try:
            info = stream_info(xml, "")
        except RtemoError as error:
            self.problems[uid] = f"{name}: {error}"
            return
        room = MAX_DESCRIPTIONS - sum(len(other.info.xml) for other in self._seen.values() if other.described)
        if len(info.xml) > room:
            info = stream.info
        if info.xml != xml:
            self.problems[uid] = f"{name}: its description is too large and left out; its channels have no labels"
        self._seen[uid] = replace(stream, info=info, described=True)

    def _check(self, uid: str, now_s: float) -> None:
        """Strike a stream off that is gone: nobody listens there, or somebody else does."""
        question = self._doubts[uid]
        reply = question.poll(now_s)
        if reply is _Reply.REFUSED or (reply is _Reply.DESCRIBED and f"<uid>{uid}</uid>" not in question.xml):
            self.dead.add(uid)
            self._forget(uid)


_TOO_MANY = ""  # beside the uids of the streams that have a problem


def discover(timeout_s: float = 2.0) -> tuple[StreamInfo, ...]:
    """All streams that answer within timeout_s (and at most a second more for their descriptions), by name.

    A stream that is announced but does not describe itself is listed without labels. Each has a readable stream_id.
    """
    directory = Directory()
    try:
        end_s = local_clock() + timeout_s
        seen = directory.look()
        while (now_s := local_clock()) < end_s or (
            now_s < end_s + 1.0 and any(not (stream.described or stream.refused) for stream in seen.values())
        ):
            time.sleep(POLL_S)
            seen = directory.look()
    finally:
        directory.close()
    return named(stream.info for stream in seen.values())


def named(infos: Iterable[StreamInfo]) -> tuple[StreamInfo, ...]:
    """The streams in a fixed order, each with a stream_id that is unique among them and readable."""
    ordered = sorted(infos, key=lambda i: (i.name, i.type, i.hostname, i.source_id, i.n_channels, i.uid))
    taken: set[str] = set()
    found = []
    for info in ordered:
        stream_id = free_id(info, taken)
        taken.add(stream_id)
        found.append(replace(info, stream_id=stream_id))
    return tuple(found)


def free_id(info: StreamInfo, taken: Iterable[str]) -> str:
    """A readable id that is not taken: the name, else with the type, else numbered."""
    taken = set(taken)
    name, type_ = shortened(info.name or info.type or "stream"), shortened(info.type)
    candidates = [name, f"{name} ({type_})"] if type_ and type_ != name else [name]
    numbered = (f"{candidates[-1]} #{n}" for n in range(2, len(taken) + 3))
    return next(candidate for candidate in (*candidates, *numbered) if candidate not in taken)
