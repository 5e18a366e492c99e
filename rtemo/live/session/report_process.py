"""Has the report of a session written, in a process of its own that nobody waits for.

The engine only starts it and looks now and then whether it is done. Whatever goes wrong there is shown and does no harm
to the session; the report can be written again with `rtemo report`. The process outlives the engine.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rtemo.live.service.snapshot import ReportState, ReportView
from rtemo.recordings.session_folder import SessionFolder

Command = Callable[[Path], Sequence[str]]


class ReportProcess:
    """The report of the last session."""

    def __init__(self, command: Command | None) -> None:
        """command: what writes the report of a session folder; None: no reports."""
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._view: ReportView | None = None

    def begin(self, folder: Path) -> None:
        """Start writing the report of a session that is over. Never raises."""
        if self._command is None:
            return
        out = str(SessionFolder(folder).report)
        try:
            self._process = _start(self._command(folder))
        except OSError as error:
            self._view = ReportView(out, ReportState.FAILED, error.strerror or str(error))
            return
        self._view = ReportView(out, ReportState.WRITING)

    def look(self) -> ReportView | None:
        """Where it stands; None before the first session's end. Returns at once."""
        process, view = self._process, self._view
        if process is None or view is None or (code := process.poll()) is None:
            return view
        output = process.stderr.read().decode("utf-8", "replace") if process.stderr is not None else ""
        if process.stderr is not None:
            process.stderr.close()
        self._process = None
        if code == 0 and Path(view.path).is_file():
            self._view = ReportView(view.path, ReportState.READY)
        else:
            lines = [line for line in output.splitlines() if line.strip()]
            self._view = ReportView(view.path, ReportState.FAILED, lines[-1] if lines else f"exit code {code}")
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
