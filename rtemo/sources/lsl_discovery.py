"""What is on the network: streams with their whole description, without ever waiting for one that is dead."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from rtemo.core.errors import RtemoError
from rtemo.core.types import StreamInfo
from rtemo.sources.lsl_library import local_clock, pylsl
from rtemo.sources.stream_xml import stream_info

FORGET_S = 2.0  # the resolver asks once a second: after two answers that did not come a stream is off the list
ANSWER_S = 4.0  # how long a stream may take to describe itself
RETRY_S = 5.0
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Sighting:
    """A stream that is on the network now.

    info: as it describes itself; without channel labels while `described` is false. handle: what an inlet is made of.
    first_seen_s, created_s: LSL time here, and the sender's clock when it made its outlet.
    """

    info: StreamInfo
    handle: pylsl.StreamInfo
    first_seen_s: float
    created_s: float
    described: bool


class _Question:
    """Asks one stream for its description. pylsl asks in a thread of its own; with timeout 0 nothing waits here."""

    def __init__(self, handle: pylsl.StreamInfo, now_s: float) -> None:
        self.asked_s = now_s
        # An inlet that may not recover: with a dead stream it gives up at once and can be thrown away safely.
        self._inlet: pylsl.StreamInlet | None = pylsl.StreamInlet(handle, recover=False)

    def answer(self, now_s: float) -> StreamInfo | None:
        """The description, None while there is none. Raises RtemoError for one that cannot be used."""
        if self._inlet is None:
            return None
        try:
            xml = self._inlet.info(timeout=0.0).as_xml()
        except pylsl.util.TimeoutError:
            if now_s - self.asked_s > ANSWER_S:
                self._inlet = None
            return None
        except pylsl.util.LostError:
            self._inlet = None
            return None
        self._inlet = None
        return stream_info(xml, "")

    @property
    def given_up(self) -> bool:
        return self._inlet is None


class Directory:
    """Watches the network in the background. `look` is cheap and never waits; used by one thread."""

    def __init__(self) -> None:
        self._resolver = pylsl.ContinuousResolver(forget_after=FORGET_S)
        self._seen: dict[str, Sighting] = {}
        self._questions: dict[str, _Question] = {}
        self.problems: dict[str, str] = {}  # uid -> why a stream cannot be used

    def look(self) -> Mapping[str, Sighting]:
        """The streams that are there now, by uid; each has been visible within the last FORGET_S."""
        now_s = local_clock()
        handles = {handle.uid(): handle for handle in self._resolver.results()}
        for uid in self._seen.keys() - handles.keys():
            self._seen.pop(uid)
            self._questions.pop(uid, None)
        for uid, handle in handles.items():
            if uid not in self._seen and uid not in self.problems:
                self._meet(uid, handle, now_s)
            if uid in self._seen:
                self._ask(uid, now_s)
        return dict(self._seen)

    def close(self) -> None:
        """Ends the background search."""
        self._questions.clear()
        self._seen.clear()
        self._resolver = None

    def _meet(self, uid: str, handle: pylsl.StreamInfo, now_s: float) -> None:
        try:
            info = stream_info(handle.as_xml(), "")
        except RtemoError as error:
            self.problems[uid] = f"{handle.name()!r}: {error}"
            return
        self._seen[uid] = Sighting(info, handle, now_s, handle.created_at(), described=False)
        self._questions[uid] = _Question(handle, now_s)

    def _ask(self, uid: str, now_s: float) -> None:
        question = self._questions.get(uid)
        if question is None:
            return
        sighting = self._seen[uid]
        try:
            info = question.answer(now_s)
        except RtemoError as error:
            self.problems[uid] = f"{sighting.info.name!r}: {error}"
            del self._questions[uid]
            return
        if info is not None:
            self._seen[uid] = replace(sighting, info=info, described=True)
            self.problems.pop(uid, None)
            del self._questions[uid]
        elif question.given_up:
            self.problems[uid] = (
                f"{sighting.info.name!r} on {sighting.info.hostname!r} is announced but does not answer: "
                "a firewall between, or a sender that hangs"
            )
            if now_s - question.asked_s > RETRY_S:
                self._questions[uid] = _Question(sighting.handle, now_s)


def discover(timeout_s: float = 2.0) -> tuple[StreamInfo, ...]:
    """All streams that answer within timeout_s (and at most a second more for their descriptions), by name.

    A stream that is announced but does not describe itself is listed without labels. Each has a readable stream_id.
    """
    directory = Directory()
    try:
        end_s = local_clock() + timeout_s
        seen = directory.look()
        while (now_s := local_clock()) < end_s or (
            now_s < end_s + 1.0 and any(not sighting.described for sighting in seen.values())
        ):
            time.sleep(POLL_S)
            seen = directory.look()
    finally:
        directory.close()
    return named(sighting.info for sighting in seen.values())


def named(infos: Iterable[StreamInfo]) -> tuple[StreamInfo, ...]:
    """The streams in a fixed order, each with a stream_id that is unique among them and says what it is."""
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
    name = info.name or info.type or "stream"
    candidates = [name, f"{name} ({info.type})"] if info.type and info.type != name else [name]
    numbered = (f"{candidates[-1]} #{n}" for n in range(2, len(taken) + 3))
    return next(candidate for candidate in (*candidates, *numbered) if candidate not in taken)
