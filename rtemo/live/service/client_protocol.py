"""What the window needs of its connection to the engine, and the commands that it sends.

The real client is rtemo.live.service.client; the tests' is scripted. The window never waits for either.
"""

from __future__ import annotations

from typing import Any, Protocol

from rtemo.live.service.snapshot import Snapshot


class Client(Protocol):
    """One connection to one engine.

    Commands, with their arguments: choose(role, stream_id), configure(settings, a TOML file's
    text), exclude(label, excluded), start(subject, notes, root),
    stop, pause, resume, annotate(text), baseline(seconds), open_replay(path), play, hold, seek(position_s, from the
    recording's start), speed(factor), close_replay, export(path, replace), restart_engine, shutdown.
    """

    @property
    def connected(self) -> bool:
        """Whether an engine answers."""
        ...

    @property
    def failure(self) -> str:
        """Why there is no engine, or empty."""
        ...

    def poll(self) -> Snapshot | None:
        """The newest state, with everything new since the last poll merged; None where nothing is new. Never blocks."""
        ...

    def send(self, command: str, **arguments: Any) -> None:
        """Ask the engine for something. What came of it shows in a later snapshot."""
        ...
