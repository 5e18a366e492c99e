"""The window's own connection to the recorder: whether it records, and annotations that need no engine.

A thread asks the recorder twice a second and hands it what the researcher noted. What was handed over is kept until the
recorder has confirmed it, so that neither an engine nor a recorder that ends swallows a note.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtemo.core.errors import RtemoError
from rtemo.live.service.snapshot import RecorderView, recorder_view
from rtemo.recorder.endpoint import Endpoint
from rtemo.recorder.local_server import CONNECTION_ERRORS, connect
from rtemo.sources.recording_places import free_bytes
from rtemo.sources.session_settings import parse_settings

if TYPE_CHECKING:
    from rtemo.recorder.messages import Message

ASK_S = 0.5
ANSWER_S = 1.5  # a recorder that takes longer counts as gone


@dataclass(frozen=True, slots=True)
class RecorderLook:
    """What the recorder answered last.

    answered_s: when, by time.monotonic(); -inf where it never did. recording: None where nothing is recorded. engine:
    whether an engine reads from it. subject, folder, started_s: of the session that is recorded.
    """

    answered_s: float = float("-inf")
    recording: RecorderView | None = None
    engine: bool = False
    subject: str = ""
    folder: str = ""
    started_s: float = float("nan")


class RecorderLink:
    """Asks one recorder, whoever started it. No method waits for it, except `close` for the thread."""

    def __init__(self, endpoint: Endpoint, failed: Callable[[str], None] = lambda _text: None) -> None:
        """failed: is given what the recorder refused, as a text for the user; called by the thread."""
        self._endpoint, self._failed = endpoint, failed
        self._lock, self._wake = threading.Lock(), threading.Event()
        self._requests: deque[tuple[str, Mapping[str, Any]]] = deque()
        self._closed = False
        self.look = RecorderLook()
        self._about: tuple[object, str, str, float] = (None, "", "", float("nan"))
        self._thread = threading.Thread(target=self._run, name="recorder link", daemon=True)
        self._thread.start()

    @property
    def records(self) -> bool:
        """Whether the recorder answers and records."""
        look = self.look
        return look.recording is not None and time.monotonic() - look.answered_s <= ASK_S + ANSWER_S

    @property
    def pending(self) -> int:
        """How many requests are not confirmed yet."""
        return len(self._requests)

    def request(self, name: str, **fields: Any) -> None:
        """Have the recorder do something; it is tried until the recorder has answered."""
        with self._lock:
            self._requests.append((name, fields))
        self._wake.set()

    def close(self) -> None:
        """Stop asking. What waits is tried once more."""
        self._closed = True
        self._wake.set()
        self._thread.join(2 * ANSWER_S)

    def _run(self) -> None:
        while not self._closed:
            with contextlib.suppress(*CONNECTION_ERRORS):  # the age of its last answer shows that it is gone
                self._exchange()
            if not self._closed:
                self._wake.wait(ASK_S)
                self._wake.clear()

    def _exchange(self) -> None:
        """Ask as long as the recorder answers. Raises one of CONNECTION_ERRORS."""
        address = self._endpoint.find()
        if address is None or not address.alive:
            return
        from rtemo.recorder.messages import ask  # only where there is a recorder: the window paints before that

        with connect(address, ANSWER_S) as connection:
            while True:
                while self._requests:
                    name, fields = self._requests[0]
                    self._check(name, ask(connection, name, ANSWER_S, **fields), fields)
                    with self._lock:
                        self._requests.popleft()
                self.look = self._read(ask(connection, "state", ANSWER_S))
                if self._closed:
                    return
                self._wake.wait(ASK_S)
                self._wake.clear()

    def _check(self, name: str, answer: Message, fields: Mapping[str, Any]) -> None:
        from rtemo.recorder.messages import refusal

        if (error := refusal(answer)) is not None:
            self._failed(f"{name} {str(fields.get('text', ''))!r}: {error}")

    def _read(self, answer: Message) -> RecorderLook:
        from rtemo.recorder.messages import read_recorder_status

        fields = answer.fields
        status, paths, about = fields.get("recording"), fields.get("paths") or [], fields.get("about") or {}
        look = RecorderLook(time.monotonic(), engine=bool(fields.get("engine")))
        if not isinstance(status, Mapping) or not paths:
            return look
        stands, first = read_recorder_status(status), Path(str(paths[0]))
        now = stands.paths[-1] if stands.paths else first  # on another disk, where the first one is full
        view = recorder_view(stands, first, free_bytes(now))
        subject, folder, started_s = self._described(about)
        return replace(look, recording=view, subject=subject, folder=folder, started_s=started_s)

    def _described(self, about: Mapping[str, Any]) -> tuple[str, str, float]:
        """Participant, folder and start of the session that is recorded; empty for another program's recording."""
        if self._about[0] != about:
            try:
                subject = parse_settings(str(about["settings"])).subject
                self._about = (dict(about), subject, str(about["folder"]), float(about["started_s"]))
            except (KeyError, ValueError, RtemoError):
                self._about = (dict(about), "", "", float("nan"))
        return self._about[1:]
