"""A process beside a session, which is watched: it may crash or hang, and harms only itself.

What it prints, and its traceback, are the last lines of its log. One that ends is not started again by itself: what
crashed once would crash again, and the session goes on without it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from rtemo.live.log_file import log_folder
from rtemo.live.output.output_queue import OutputState, OutputStatus
from rtemo.recordings.events import EventKind

END_S = 2.0
LAST_BYTES = 4000


class BesideProcess:
    """Started at once; it ends with this process. `look` is to be called now and then."""

    def __init__(
        self, name: str, words: Sequence[str], note: Callable[[EventKind, str], object], hangs_s: float | None = None
    ) -> None:
        """name: for people. words: of the command of rtemo. note: takes what happens to it, as an event.

        hangs_s: one that has not shown for so long that it is alive hangs; None: it never shows it.
        """
        self._note, self._name, self._hangs_s = note, name, hangs_s
        folder = log_folder()
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / f"{name.replace(' ', '-')[:50].removesuffix('.py')}-{os.getpid()}.log"
        self._alive_s = time.monotonic()
        self._n_given = 0
        self._state, self._error = OutputState.WORKING, ""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rtemo", *words, "--owner", str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        note(EventKind.NOTE, f"{self._name} is started; what it prints is in {self._log}")

    def alive(self) -> None:
        """It has taken what is new."""
        self._alive_s = time.monotonic()

    def given(self) -> None:
        """It has given something out."""
        self._n_given += 1
        self.alive()

    def look(self) -> None:
        """Let what has happened to it be an event."""
        code = self._process.poll()
        if self._state in (OutputState.FAILED, OutputState.CLOSED):
            return
        if code is not None:
            how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
            line = self._last_line() if code else ""
            self._state = OutputState.FAILED if code else OutputState.CLOSED
            self._error = "; ".join(part for part in (how, line) if part) if code else ""
            kind = EventKind.FAILURE if code else EventKind.NOTE
            self._note(kind, f"{self._name} ended: {self._error or how}; the session goes on without it")
        elif self._hangs_s is not None and time.monotonic() - self._alive_s > self._hangs_s:
            if self._state is OutputState.WORKING:
                self._state, self._error = OutputState.BEHIND, f"it has taken nothing for {self._hangs_s:g} s"
                self._note(EventKind.FAILURE, f"{self._name} hangs: {self._error}; the session goes on")
        elif self._state is OutputState.BEHIND:
            self._state, self._error = OutputState.WORKING, ""
            self._note(EventKind.NOTE, f"{self._name} goes on")

    def status(self) -> OutputStatus:
        return OutputStatus(self._name, self._state, self._error, self._n_given)

    def close(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(END_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _last_line(self) -> str:
        try:
            with self._log.open("rb") as file:
                file.seek(max(0, self._log.stat().st_size - LAST_BYTES))
                lines = file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")
