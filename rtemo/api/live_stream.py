"""Live predictions in a loop: `rtemo live` in processes of its own, its JSON lines as records."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from rtemo.api.model import PathLike
from rtemo.api.prediction_table import PredictionRecord
from rtemo.core.errors import RtemoError, StreamMissing

PROGRAM = (sys.executable, "-m", "rtemo", "live", "--json-lines")
STOPPED = (0, 130)  # exit codes of a session that was whole
STOP_S = 15.0  # for everything to be closed


class LiveStream(Iterator[PredictionRecord]):
    """Predictions as they come, until the session ends or the loop is left. Close it, or use it in a `with` block."""

    def __init__(self, options: Sequence[str], program: Sequence[str] = PROGRAM) -> None:
        self._messages: IO[bytes] = tempfile.TemporaryFile(prefix="rtemo-")  # noqa: SIM115 - closed in close()
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NEW_PROCESS_GROUP
        self._process = subprocess.Popen(
            [*program, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            creationflags=flags,
        )
        self.latest: PredictionRecord | None = None
        self._said = ""

    def __next__(self) -> PredictionRecord:
        """The next prediction. Raises RtemoError where the session failed."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline() if not self._process.stdout.closed else b""
        if not line.endswith(b"\n"):  # nothing more comes, or the last line was cut off
            code = self._process.wait()
            messages = self.messages
            self.close()
            if code not in STOPPED:
                raise _failure(messages, code)
            raise StopIteration
        self.latest = json.loads(line)
        return self.latest

    @property
    def messages(self) -> str:
        """What the session has written for people so far: streams that came and went, warnings, the summary."""
        if not self._messages.closed:
            self._messages.seek(0)
            self._said = self._messages.read().decode("utf-8", errors="replace")
        return self._said

    def close(self) -> None:
        """End the session with everything closed. Does nothing where it has ended."""
        if self._process.poll() is None:
            if sys.platform == "win32":
                self._process.send_signal(signal.CTRL_BREAK_EVENT)
            else:
                self._process.send_signal(signal.SIGINT)
            try:
                self._process.communicate(timeout=STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.communicate()
        if self._process.stdout is not None:
            self._process.stdout.close()
        _ = self.messages
        self._messages.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __del__(self) -> None:
        """A loop that was left leaves no session behind."""
        if hasattr(self, "_process"):
            self.close()


def stream(
    *,
    eeg: str | None = None,
    gaze: str | None = None,
    markers: str | None = None,
    model: PathLike | None = None,
    hop_s: float | None = None,
    settings: PathLike | None = None,
    baseline: PathLike | None = None,
    persons: PathLike | Sequence[PathLike] = (),
    record: PathLike | None = None,
    session: PathLike | None = None,
    subject: str | None = None,
    duration_s: float | None = None,
    wait_s: float | None = None,
    outlet: bool = True,
    lsl_session: str | None = None,
) -> LiveStream:
    """Predict from live LSL streams: `for prediction in rtemo.stream(eeg="name=LiveAmp"): ...`.

    Everything is as with `rtemo live`: eeg, gaze and markers choose streams by key=value[,key=value]; session makes a
    session folder in a folder, record an XDF file; outlet: whether predictions are an LSL stream too; lsl_session
    keeps LSL on this computer. Each prediction is the record of a JSON line. The first one comes when the streams have
    been found and a window is full. Raises RtemoError from the loop where the session cannot run.
    """
    given: dict[str, object] = {
        "--eeg": eeg,
        "--gaze": gaze,
        "--markers": markers,
        "--model": model,
        "--hop": hop_s,
        "--settings": settings,
        "--baseline": baseline,
        "--record": record,
        "--session": session,
        "--subject": subject,
        "--duration": duration_s,
        "--wait": wait_s,
        "--lsl-session": lsl_session,
    }
    options = [f"{option}={value}" for option, value in given.items() if value is not None]
    options += [f"--person={path}" for path in ([persons] if isinstance(persons, Path | str) else persons)]
    return LiveStream([*options, *([] if outlet else ["--no-outlet"])])


def _failure(messages: str, code: int) -> RtemoError:
    """The error that the command line printed."""
    lines = [line.removeprefix("error: ") for line in messages.splitlines() if line.startswith("error: ")]
    kind = StreamMissing if code == StreamMissing.exit_code else RtemoError
    return kind(
        lines[-1] if lines else f"the live session ended with exit code {code}", "", "" if lines else messages[-500:]
    )
