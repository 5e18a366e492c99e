"""The receivers on the network that the settings ask for: OSC and WebSocket, each behind a queue with a state.

They outlive a session: whoever listens sees sessions begin and end. What waits is short and not kept: a receiver that
comes back is given what is new, not what was.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rtemo.live.output.news import EventNews, News, PredictionNews, StateNews
from rtemo.live.output.output_queue import Changed, OutputQueue, OutputStatus, close_all
from rtemo.model.prediction import Prediction
from rtemo.recordings.events import Event
from rtemo.sources.output_settings import OutputSettings

LIMIT = 20
RETRY_S = 1.0
STATE_S = 1.0  # the same state is sent again after so long


class Receivers:
    """A PredictionSink. Everything may be called from any thread; nothing waits for a receiver."""

    def __init__(self, token: str = "") -> None:
        """There are none before `adopt`. token: what WebSocket readers on the network need."""
        self._settings, self._token = OutputSettings(), token
        self._queues: dict[str, OutputQueue[News]] = {}
        self._server: Any = None
        self.changed: Changed | None = None  # called with changes of their states, while a session wants to know
        self._told: tuple[Mapping[str, Any], float] = ({}, float("-inf"))

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return bool(self._queues)

    def adopt(self, settings: OutputSettings) -> None:
        """Go on with other settings. Raises RtemoError where it cannot be listened; then nobody is."""
        if settings.websocket != self._settings.websocket:
            self._reopen_websocket(settings)
        if settings.osc != self._settings.osc:
            self._end("osc")
            if settings.osc is not None:
                from rtemo.live.output.osc import OscSender  # only where somebody wants it

                sender = OscSender(settings.osc)
                self._queues["osc"] = self._queue(f"OSC {settings.osc}", sender.write, sender.close)
        self._settings = settings
        self._told = ({}, float("-inf"))

    def put(self, prediction: Prediction) -> None:
        self.send(PredictionNews(prediction, prediction.participant or ""))

    def put_event(self, event: Event) -> None:
        """Send an event; what is its document stays here."""
        self.send(EventNews(event))

    def put_state(self, state: Mapping[str, Any]) -> None:
        """Send the state where it is another, and once a second."""
        now_s = time.monotonic()
        if state != self._told[0] or now_s - self._told[1] >= STATE_S:
            self._told = (state, now_s)
            self.send(StateNews(state))

    def send(self, news: News) -> None:
        for queue in list(self._queues.values()):
            queue.put(news)

    def statuses(self) -> tuple[OutputStatus, ...]:
        """Of each, and of each WebSocket reader."""
        readers = self._server.statuses() if self._server is not None else ()
        return (*(queue.status() for queue in self._queues.values()), *readers)

    def discard(self) -> None:
        """What was sent cannot be taken back."""

    def close(self) -> None:
        """They are closed by whoever opened them; see `end`."""

    def end(self) -> None:
        """Send what waits, and close them."""
        close_all(list(self._queues.values()))
        self._queues, self._server = {}, None

    def _reopen_websocket(self, settings: OutputSettings) -> None:
        self._end("websocket")
        self._server = None
        if settings.websocket is None:
            return
        from rtemo.live.output.websocket import WebSocketServer  # only where somebody wants it

        try:
            self._server = WebSocketServer(settings.websocket, self._token, self._tell)
        except BaseException:
            self._settings = OutputSettings(osc=self._settings.osc)
            raise
        name = f"WebSocket {settings.websocket}"
        self._queues["websocket"] = self._queue(name, self._server.write, self._server.close)

    def _queue(self, name: str, write: Any, close: Any) -> OutputQueue[News]:
        return OutputQueue(name, write, close, self._tell, LIMIT, RETRY_S)

    def _end(self, name: str) -> None:
        queue = self._queues.pop(name, None)
        if queue is not None:
            queue.close()

    def _tell(self, status: OutputStatus) -> None:
        changed = self.changed
        if changed is not None:
            changed(status)
