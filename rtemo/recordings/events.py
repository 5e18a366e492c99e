"""What happened in a session: losses, returns, annotations, changes of state. Every event is kept and shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from rtemo.core.errors import RtemoError


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
    """One event. time_s: LSL time. stream: a stream's name, where it is about one."""

    time_s: float
    kind: EventKind
    text: str
    stream: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def to_json_line(self) -> str:
        record = {key: value for key, value in asdict(self).items() if value not in ("", {})}
        return json.dumps(record, ensure_ascii=False)


Listener = Callable[[Event], None]


class EventLog:
    """Keeps the events of a session, writes them to a file as they come, and tells its listeners."""

    def __init__(self, path: Path | None = None) -> None:
        self.events: list[Event] = []
        self._listeners: list[Listener] = []
        self._file: IO[str] | None = None
        if path is not None:
            try:
                self._file = path.open("x", encoding="utf-8")
            except OSError as error:
                raise RtemoError(f"{path} cannot be written", error.strerror or "", "choose another folder") from error

    def listen(self, listener: Listener) -> None:
        """Call `listener` with every event from now on."""
        self._listeners.append(listener)

    def add(self, event: Event) -> None:
        self.events.append(event)
        if self._file is not None:
            self._file.write(event.to_json_line() + "\n")
            self._file.flush()
        for listener in self._listeners:
            listener(event)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
