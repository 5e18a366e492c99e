"""What happened in a session: losses, returns, annotations, changes of state. Every event is kept and shown."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from rtemo.core.types import MAX_TIME_S


class EventKind(StrEnum):
    """Kinds of events, as they stand in events.jsonl."""

    SESSION = "session"  # start, stop, what it runs on
    STREAM_UP = "stream_up"
    STREAM_DOWN = "stream_down"
    MARKER = "marker"
    ANNOTATION = "annotation"
    NOTE = "note"  # something assumed or found out about a stream
    LOSS = "loss"  # samples or windows that are missing
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Event:
    """One event. time_s: LSL time. stream: a stream's name, where it is about one.

    text: a sentence for people. details: the same for programs, as JSON values; what a replay goes by has the key
    "fact" (see rtemo.recordings.session_facts). document: the text of a file that belongs to it; recorded with the
    event, and never published. participant: whom it is about, where several are told apart; empty: all of them.
    """

    time_s: float
    kind: EventKind
    text: str
    stream: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    document: str = field(default="", repr=False)
    participant: str = ""

    def concerns(self, participant: str) -> bool:
        """Whether it is about this participant, or about all."""
        return self.participant in ("", participant)

    @property
    def sentence(self) -> str:
        """The text with what it is about."""
        about = (self.participant, self.stream)
        return "".join(f"{one}: " for one in about if one) + self.text

    def to_json_line(self) -> str:
        """A line of events.jsonl."""
        return json.dumps({"time_s": self.time_s, **self._record()}, ensure_ascii=False)

    def payload(self, *, published: bool) -> str:
        """The event as JSON, for the second channel of the stream of events. Its time is the sample's stamp."""
        document = {} if published or not self.document else {"document": self.document}
        return json.dumps({**self._record(), **document}, ensure_ascii=False)

    def _record(self) -> dict[str, Any]:
        record = {"kind": self.kind.value, "text": self.text, "stream": self.stream, "details": self.details}
        record["participant"] = self.participant
        return {key: value for key, value in record.items() if value not in ("", {})}


FOUND, BACK = "found", "back"  # how the text of a stream begins that was discovered, or that came back
REPLACES = "replaces"  # among the details of a stream that came back as another one: the name of the one before


def is_discovery(event: Event) -> bool:
    """Whether a stream was there when the session began, or appeared for the first time."""
    return event.kind is EventKind.STREAM_UP and FOUND in event.text.split(": ")[:2]


DERIVED = "derived"  # the key in an event's details by which it follows from a stream's samples


def is_derived(event: Event) -> bool:
    """Whether an event follows from samples, so that whoever reads these finds it again."""
    return DERIVED in event.details


def is_of_the_file(event: Event) -> bool:
    """Whether a replay of the recording finds the same out by itself, from the streams and samples of the file."""
    return is_discovery(event) or is_derived(event) or (event.kind is EventKind.STREAM_UP and REPLACES in event.details)


def read_event(text: str, time_s: float | None = None) -> Event | None:
    """The event of a JSON text, as `to_json_line` and `payload` write it; None for any other text, and where no clock
    shows its time.

    time_s: the stamp, where the text has none.
    """
    try:
        record = json.loads(text)
        if time_s is None:
            time_s = float(record["time_s"])
            if not abs(time_s) <= MAX_TIME_S:
                return None
        details = record.get("details", {})
        if not isinstance(details, dict):
            return None
        texts = {key: str(record.get(key, "")) for key in ("stream", "document", "participant")}
        return Event(time_s, EventKind(record["kind"]), str(record["text"]), details=details, **texts)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        return None


Listener = Callable[[Event], None]

_LOG = logging.getLogger("rtemo.events")
LOGGED = {
    EventKind.FAILURE: logging.ERROR,
    EventKind.LOSS: logging.WARNING,
    EventKind.STREAM_DOWN: logging.WARNING,
    EventKind.STREAM_UP: logging.INFO,
}


def log_event(event: Event) -> None:
    """Put a failure, a loss, or a stream that went or came into the program's log."""
    if (level := LOGGED.get(event.kind)) is not None:
        _LOG.log(level, "%s: %s", event.kind.value, event.sentence)


class EventLog:
    """Keeps the events of a session and passes them to its listeners, one after the other. For any thread."""

    def __init__(self, keep: int | None = None, *, logged: bool = True) -> None:
        """keep: how many of the newest are kept, at least; None: all. A session may last for days.

        logged: whether what goes wrong is put into the program's log, too.
        """
        self._logged = logged
        self.events: list[Event] = []
        self._keep = keep
        self._listeners: list[Listener] = []
        self._lock = threading.RLock()  # a listener may add an event

    def listen(self, listener: Listener) -> None:
        """Call `listener` with every event from now on."""
        self._listeners.append(listener)

    def add(self, event: Event) -> None:
        with self._lock:
            self.events.append(event)
            if self._keep is not None and len(self.events) > 2 * self._keep:
                del self.events[: -self._keep]
            if self._logged:
                log_event(event)
            for listener in self._listeners:
                listener(event)


def participant_log(shared: EventLog, participant: str, *, states_shared: bool) -> EventLog:
    """The events of one participant's engine, passed on to the session's. states_shared: also those that are about
    all participants, which each engine has: one of them is to pass them on.
    """
    own = EventLog(1, logged=False)

    def pass_on(event: Event) -> None:
        if event.participant == participant or states_shared:
            shared.add(event)

    own.listen(pass_on)
    return own
