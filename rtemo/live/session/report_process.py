"""Has the report of a session written, in a process of its own that nobody waits for.

The engine only starts it and looks now and then whether it is done. Whatever goes wrong there is an event, is tried
again, and does no harm to the session; `rtemo report` writes the report too. The process outlives the engine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rtemo.live.service.snapshot import ReportState, ReportView
from rtemo.recordings.events import EventKind
from rtemo.recordings.session_folder import SessionFolder

RETRIES_S = (5.0, 60.0)

Command = Callable[[Path], Sequence[str]]


class ReportProcess:
    """The report of the last session."""

    def __init__(
        self,
        command: Command | None,
        say: Callable[[EventKind, str], None] = lambda _kind, _text: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """command: what writes the report of a session folder; None: no reports. say: takes what goes wrong, as an
        event. clock: seconds.
        """
        self._command, self._say, self._clock = command, say, clock
        self._folder = Path()
        self._retries: list[float] = []  # seconds until each further try
        self._next_s = float("inf")
        self._process: subprocess.Popen[bytes] | None = None
        self._view: ReportView | None = None

    def begin(self, folder: Path) -> None:
        """Start writing the report of a session that is over. Never raises."""
        if self._command is not None:
            self._folder, self._retries = folder, list(RETRIES_S)
            self._try(self._command)

    def _try(self, command: Command) -> None:
        self._next_s, out = float("inf"), str(SessionFolder.named(self._folder).report)
        self._view = ReportView(out, ReportState.WRITING)
        try:
            self._process = _start(command(self._folder))
        except OSError as error:
            self._failed(out, error.strerror or str(error))

    def _failed(self, out: str, why: str) -> None:
        self._view = ReportView(out, ReportState.FAILED, why)
        again = f"try `rtemo report {self._folder}`"
        if self._retries:
            wait_s = self._retries.pop(0)
            self._next_s, again = self._clock() + wait_s, f"it is tried again in {wait_s:g} s"
        self._say(EventKind.FAILURE, f"no report was written: {why}; {again}")

    def look(self) -> ReportView | None:
        """Where it stands; None before the first session's end. Returns at once."""
        if self._command is not None and self._clock() >= self._next_s:
            self._try(self._command)
        process, view = self._process, self._view
        if process is None or view is None or (code := process.poll()) is None:
            return view
        output = process.stderr.read().decode("utf-8", "replace") if process.stderr is not None else ""
        if process.stderr is not None:
            process.stderr.close()
        self._process = None
        if code == 0 and Path(view.path).is_file():
            self._view = ReportView(view.path, ReportState.READY)
            if len(self._retries) < len(RETRIES_S):
                self._say(EventKind.NOTE, f"the report was written: {view.path}")
        else:
            lines = [line for line in output.splitlines() if line.strip()]
            self._failed(view.path, lines[-1] if lines else f"exit code {code}")
        return self._view


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """A process of low priority that does not end with this one."""
    apart: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        idle = subprocess.IDLE_PRIORITY_CLASS
        apart = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP | idle}
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **apart
    )
    if sys.platform != "win32":
        os.setpriority(os.PRIO_PROCESS, process.pid, 5)  # more, and a busy computer never gets to it
    return process
