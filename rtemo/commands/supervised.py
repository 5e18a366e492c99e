"""Runs a command's work in two processes, the recorder and the engine, and looks after both."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rtemo.commands.asked_settings import token
from rtemo.commands.console import say, stop_requests, stop_with
from rtemo.live.log_file import logged
from rtemo.live.supervisor import Supervisor, apart
from rtemo.recorder.endpoint import Endpoint

PROGRAM = (sys.executable, "-m", "rtemo")


def supervised(
    words: Sequence[str],
    name: str,
    *,
    lsl_session: str = "",
    folder: Path | None = None,
    owner: int | None = None,
    duration_s: float | None = None,
) -> int:
    """Run `rtemo WORDS` as the engine, with a recorder beside it. Returns the engine's exit code.

    name: of this pair of processes. folder: of their addresses. owner: a process with which everything ends.
    """
    recorder = Endpoint(f"{name}-recorder", folder)
    at = ["--recorder-at", str(folder)] if folder is not None else []
    engine_command = [*PROGRAM, *words, "--recorder", recorder.name, *at]
    recorder_command = _recorder_command(recorder, lsl_session, folder)
    token()  # the same for an engine that is started again
    with logged(f"{name}-supervisor", say), stop_requests() as stop:
        stop_with(owner, stop.asked)
        return Supervisor(recorder, recorder_command, engine_command, say).run(stop.asked, stop.hurry, duration_s)


@contextlib.contextmanager
def recorder_process(lsl_session: str) -> Iterator[tuple[Endpoint, subprocess.Popen[bytes]]]:
    """A recorder that nobody looks after, until the block ends, and how to reach it."""
    recorder = Endpoint(f"{lsl_session}-recorder")
    process = subprocess.Popen(_recorder_command(recorder, lsl_session, None), **apart())
    try:
        yield recorder, process
    finally:
        process.terminate()
        process.wait()


def _recorder_command(recorder: Endpoint, lsl_session: str, folder: Path | None) -> list[str]:
    place = ["--endpoint", str(folder)] if folder is not None else []
    session = ["--lsl-session", lsl_session] if lsl_session else []
    return [*PROGRAM, "recorder", "--name", recorder.name, "--owner", str(os.getpid()), *place, *session]
