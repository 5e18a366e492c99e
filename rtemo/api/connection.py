"""The engine that runs (behind the window, or `rtemo engine`) from Python: start, annotate, stop, predictions."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rtemo.api.model import PathLike
from rtemo.api.prediction_table import PredictionRecord
from rtemo.core.errors import RtemoError
from rtemo.live.service.client import ClientProtocol, EngineClient, Launch
from rtemo.live.service.snapshot import Phase, Snapshot
from rtemo.live.session.readiness import obstacle
from rtemo.recorder.endpoint import DEFAULT_NAME
from rtemo.sources.session_settings import parse_settings

LOOK_S = 0.02  # how often it is looked for what is new
WAIT_S = 10.0  # for a command's outcome to show
KEPT = 100_000  # predictions and events that nobody has fetched
RUNNING = (Phase.RUNNING, Phase.PAUSED)


class EngineConnection:
    """One connection. The engine goes on when it is closed; the window shows all that is done here."""

    def __init__(self, client: ClientProtocol, wait_s: float = WAIT_S) -> None:
        """Waits for the engine's first answer. Raises RtemoError where none runs."""
        self._client, self._wait_s = client, wait_s
        self._state: Snapshot | None = None
        self._predictions: deque[PredictionRecord] = deque(maxlen=KEPT)
        self._events: deque[Mapping[str, Any]] = deque(maxlen=KEPT)
        self._n_failures = 0
        self._newest_failure = ""
        try:
            self._await(lambda state: state is not None, "the engine does not answer")
        except BaseException:
            self.close()
            raise

    @property
    def state(self) -> Snapshot:
        """The engine's newest state: phase, streams, subject, folder, health."""
        self._look()
        assert self._state is not None
        return self._state

    @property
    def obstacle(self) -> str:
        """Why no session can start now, for example a stream that does not deliver; empty where one can."""
        state = self.state
        settings = parse_settings(state.settings)
        return obstacle(state.streams, settings.required, settings.participants)

    def start(self, subject: str, root: PathLike, notes: str = "") -> Path:
        """Start a session in a new folder below root, as soon as the streams deliver. Returns the folder.

        Raises RtemoError where it does not start, with the engine's reason; after `wait_s` at the latest.
        """
        if self.state.phase in RUNNING:
            raise RtemoError("a session runs already", f"in {self.state.folder}", "stop it first")
        self._waited(lambda _state: not self.obstacle)  # else the engine says why not
        self._do("start", lambda state: state.phase in RUNNING, subject=subject, notes=notes, root=str(root))
        return Path(self.state.folder)

    def stop(self) -> None:
        """Stop the session; everything is written when this returns."""
        self._do("stop", lambda state: state.phase not in RUNNING)

    def annotate(self, text: str) -> None:
        """Put a note into the recording and the events, at the time of now. Returns when it is there."""
        self._look()
        seen = len(self._events)
        self._do("annotate", lambda _state: any(one.get("text") == text for one in [*self._events][seen:]), text=text)

    def baseline(self, seconds: float) -> None:
        """Begin a rest that sets the baseline."""
        self.command("baseline", seconds=float(seconds))

    def label(self, label: str, begin_s: float, end_s: float) -> None:
        """State what the participant felt between two LSL times."""
        self.command("label", label=label, begin_s=begin_s, end_s=end_s)

    def mark_channel(self, label: str, mark: str) -> None:
        """Let an EEG channel of the running session count as "bad", "good" or "automatic" from two seconds on."""
        self.command("mark_channel", label=label, mark=mark)

    def command(self, name: str, **arguments: Any) -> None:
        """Send any command of the engine (rtemo.live.service.wire.COMMANDS). Its outcome shows in `state` and `events`.

        Raises RtemoError for one that is not known or does not fit.
        """
        self._client_ready()
        self._client.send(name, **arguments)

    def events(self) -> list[Mapping[str, Any]]:
        """What has happened since the last call, as the records of events.jsonl."""
        self._look()
        found = list(self._events)
        self._events.clear()
        return found

    def predictions(self, seconds: float | None = None) -> Iterator[PredictionRecord]:
        """Predictions as they come, for so long; None: until the engine is gone, which raises RtemoError."""
        end_s = None if seconds is None else time.monotonic() + seconds
        while True:
            self._look()
            while self._predictions:
                yield self._predictions.popleft()
            if end_s is not None and time.monotonic() >= end_s:
                return
            if self._client.failure:
                raise RtemoError("the connection to the engine is lost", self._client.failure, "connect again")
            time.sleep(LOOK_S)

    def close(self) -> None:
        """Disconnect; the engine and its session go on."""
        if isinstance(self._client, EngineClient):
            self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _do(self, name: str, done: Callable[[Snapshot], bool], **arguments: Any) -> None:
        """Send a command and wait until it is done. Raises RtemoError with the engine's reason where it refuses."""
        self._client_ready()
        failures = self._n_failures
        self._client.send(name, **arguments)

        def over(state: Snapshot | None) -> bool:
            if self._n_failures > failures:
                raise RtemoError(f"the engine did not {name}", self._newest_failure, "see its events")
            return state is not None and done(state)

        self._await(over, f"the engine did not {name} within {self._wait_s:g} s")

    def _client_ready(self) -> None:
        self._look()
        if not self._client.connected:
            raise RtemoError("no engine answers", self._client.failure, "open the window, or start `rtemo engine`")

    def _look(self) -> None:
        new = self._client.poll()
        if new is None:
            return
        self._state = new
        self._predictions.extend(new.predictions)
        for event in new.events:
            self._events.append(event)
            if event.get("kind") == "failure":
                self._n_failures += 1
                self._newest_failure = str(event.get("text", ""))

    def _await(self, condition: Callable[[Snapshot | None], bool], fact: str) -> None:
        if not self._waited(condition):
            raise RtemoError(fact, self._client.failure, "see `rtemo doctor`")

    def _waited(self, condition: Callable[[Snapshot | None], bool]) -> bool:
        """Whether it holds within the time to wait. Raises RtemoError where the engine is gone."""
        end_s = time.monotonic() + self._wait_s
        while True:
            self._look()
            if condition(self._state):
                return True
            if self._client.failure and not self._client.connected:
                raise RtemoError("no engine answers", self._client.failure, "open the window, or start `rtemo engine`")
            if time.monotonic() >= end_s:
                return False
            time.sleep(LOOK_S)


def connect(name: str = DEFAULT_NAME, *, folder: PathLike | None = None, wait_s: float = WAIT_S) -> EngineConnection:
    """Connect to the engine that runs on this computer for this user. Raises RtemoError where none runs.

    name: of the engine, as `rtemo engine --name`. folder: of its address, where it is not the usual one.
    wait_s: how long to wait for the outcome of a command.
    """
    launch = Launch(name, folder=Path(folder) if folder is not None else None, start=False)
    return EngineConnection(EngineClient(launch), wait_s)
