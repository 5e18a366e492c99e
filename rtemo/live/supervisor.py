"""The supervisor: starts the recorder and the engine, and starts again what ends without being asked to.

It computes nothing, reads no stream and holds no data, so that hardly anything can break it. The recorder is looked
after first: whatever the engine does, the recording goes on until it is asked to end.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rtemo.core.errors import RtemoError
from rtemo.recorder.endpoint import Endpoint
from rtemo.recorder.local_server import CONNECTION_ERRORS, connect
from rtemo.recorder.messages import Message, ask

_LOG = logging.getLogger("rtemo.supervisor")

LOOK_S = 0.1
ASK_S = 1.0  # how often the recorder is asked how things stand
HANG_S = 5.0  # without an answer for so long a recorder hangs; the next one for twice as long, as with engines
START_S = 15.0  # the same for one that has not answered yet: a busy computer takes long to start a program
SILENT_S = 1.5  # an engine that has read nothing for longer: with ASK_S and its own pauses it is stated within 3 s
ENGINE_HANGS_S = 10.0  # the same for so long: a stop that it would catch up with is over by then; then twice as long
TRIES, WITHIN_S = 5, 60.0  # an engine that ends more often is given up; the recording goes on
FROZEN_S = 2.0  # between two looks: everything stood still, and hardly the recorder alone
POLITE_S = 0.5  # for a recorder to answer at the end
END_S = 2.0  # for an engine to end its session where whoever asked is in a hurry
PATIENT_S = 8.0  # the same where nobody is: longer than outputs that take nothing more are waited for
QUIT_S = 1.0  # for a recorder to close its file
DONE_S = 600.0  # for an engine whose session is closed to write its report, where nobody is in a hurry
INTERRUPTED = 130  # the exit code of what was asked to end
RESTART = 75  # the exit code by which an engine asks to be started again
_ASKED = (0, 2, 3, INTERRUPTED)  # exit codes of an engine that knew what it did


class _Child:
    """A process that is started again."""

    def __init__(self, command: Sequence[str], streams: Mapping[str, Any]) -> None:
        self._command, self._streams = command, streams
        self._starts: deque[float] = deque(maxlen=TRIES)
        self.process = self._start(())

    @property
    def tries_left(self) -> int:
        """How often it may still be started now."""
        return TRIES - sum(time.monotonic() - start_s < WITHIN_S for start_s in self._starts)

    def restart(self, *options: str) -> None:
        """Start it again."""
        self.process = self._start(options)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def wait(self, timeout_s: float) -> bool:
        """Whether it has ended by then."""
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _start(self, options: Sequence[str]) -> subprocess.Popen[bytes]:
        self._starts.append(time.monotonic())
        return subprocess.Popen([*self._command, *options], **self._streams, **apart())


def apart() -> Mapping[str, Any]:
    """How a process is started that the terminal's Ctrl-C and end do not reach: it is asked to end."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


class Supervisor:
    """Runs one recorder and one engine until the engine has done its work or is asked to end."""

    def __init__(
        self,
        recorder: Endpoint,
        recorder_command: Sequence[str],
        engine_command: Sequence[str],
        say: Callable[[str], None],
        streams: Mapping[str, Any] | None = None,
    ) -> None:
        """recorder: where the recorder can be reached. streams: of the processes, for subprocess.Popen."""
        self._endpoint, self._say = recorder, say
        streams = streams or {}
        self._recorder = _Child(recorder_command, {"stdin": subprocess.DEVNULL, **streams})
        self._engine = _Child(engine_command, {"stdin": subprocess.DEVNULL, **streams})
        self._asked_s = self._answered_s = time.monotonic()
        self._engine_over = self._engine_silent = self._recorder_answers = False
        self._engine_began = False  # whether this engine has ever read from a recorder
        self._recorder_hangs_s, self._engine_hangs_s = HANG_S, ENGINE_HANGS_S
        self._records = True  # by the last answer; a recorder that does not answer may well record

    def run(self, stop: threading.Event, hurry: threading.Event, duration_s: float | None = None) -> int:
        """Until the engine has ended as it should, or `stop` is set. Returns the exit code.

        hurry: whoever set `stop` does not wait. duration_s: how long a recording lasts whose engine was given up.
        """
        begin_s = looked_s = time.monotonic()
        try:
            while not stop.wait(LOOK_S):
                now_s = time.monotonic()
                if now_s - looked_s > FROZEN_S:  # what could not answer gets time to do so
                    self._asked_s = self._answered_s = now_s
                looked_s = now_s
                code = self._engine.process.poll()
                if code in _ASKED and not self._engine_over:
                    return int(code)
                if code is not None and not self._engine_over:
                    self._restart_engine(code)
                if self._recorder.process.poll() is not None:
                    self._restart_recorder()
                if time.monotonic() - self._asked_s >= ASK_S:
                    self._look_after()
                if self._engine_over and (not self._records or _passed(begin_s, duration_s)):
                    return 1
            return self._end(hurry)
        finally:
            self._quit()

    def _restart_engine(self, code: int) -> None:
        how = "asked to be started again" if code == RESTART else _how(code)
        self._engine_silent = self._engine_began = False
        if (left := self._engine.tries_left) > 0:
            self._engine.restart("--again", *(("--last-try",) if left == 1 else ()))
            _LOG.error("the engine ended: %s; it is started again", how)
            self._say(f"warning: the engine ended: {how}; the recording goes on, predictions are restarted")
        else:
            self._engine_over = True
            _LOG.error("the engine ended: %s; it is given up", how)
            self._say(f"error: the engine ended {TRIES} times, the last time: {how}; no predictions; recording goes on")

    def _restart_recorder(self) -> None:
        how = _how(self._recorder.process.returncode)
        _LOG.error("the recorder ended: %s; it is started again", how)
        if self._recorder.tries_left <= 0:
            time.sleep(1.0)  # it ends again and again: it is tried for ever, but not in a hurry
        self._recorder.restart("--resume")
        self._recorder_answers = False
        self._say(f"warning: the recorder ended: {how}; it is started again and goes on in another file")
        self._answered_s = time.monotonic()

    def _look_after(self) -> None:
        """Kill what hangs, so that it is started again."""
        self._asked_s = time.monotonic()
        state = self._ask("state", HANG_S)
        now_s = time.monotonic()
        if state is not None:
            self._answered_s, self._records = now_s, bool(state.fields.get("paths"))
            self._recorder_answers = True
            self._engine_began = self._engine_began or bool(state.fields.get("engine"))
            self._hear_engine(state.fields.get("engine_age_s", 0.0) if state.fields.get("engine") else 0.0)
        elif now_s - self._answered_s > (self._recorder_hangs_s if self._recorder_answers else START_S):
            _LOG.error("the recorder hangs: it is killed")
            self._recorder_hangs_s *= 2.0
            self._recorder.kill()

    def _hear_engine(self, age_s: float) -> None:
        """State that the engine reads nothing, or reads again; kill it where that lasts. age_s: since it last read."""
        if (age_s > SILENT_S) != self._engine_silent:
            self._engine_silent = not self._engine_silent
            silent = f"the engine has not answered for {age_s:.1f} s; the recording goes on, predictions wait"
            text = silent if self._engine_silent else "the engine answers again"
            _LOG.warning("%s", text)
            self._say(f"{'warning' if self._engine_silent else 'note'}: {text}")
        if age_s > self._engine_hangs_s:
            _LOG.error("the engine hangs: it is killed")
            self._engine_hangs_s *= 2.0  # where the computer is too slow for it, the next one must get further
            self._engine.kill()

    def _end(self, hurry: threading.Event) -> int:
        """Ask the engine to end its session; one that does not is killed, and the recording closed."""
        ending = self._ask("end", POLITE_S)
        begun = self._engine_began or (ending is not None and bool(ending.fields.get("engine")))
        if ending is None:  # the recorder hangs, or is not there
            self._recorder.kill()
        records = ending is None and self._recorder_answers and self._records
        if not (begun or records):  # only starting: there is nothing to close, and nobody to be asked
            self._engine.kill()
            return INTERRUPTED
        if ending is None:
            self._engine.process.terminate()
        asked_s = time.monotonic()
        while time.monotonic() - asked_s < (END_S if hurry.is_set() else PATIENT_S):
            if self._engine.wait(LOOK_S):
                return self._code()
        state = self._ask("state", POLITE_S)
        if state is None or state.fields.get("paths"):
            self._say("warning: the engine does not end; it is killed, and the recording is closed")
            self._engine.kill()
            return 1
        end_s = time.monotonic() + DONE_S  # the session is closed: it writes its report
        while time.monotonic() < end_s and not hurry.is_set():
            if self._engine.wait(LOOK_S):
                return self._code()
        return INTERRUPTED

    def _code(self) -> int:
        code = self._engine.process.returncode
        return code if code in _ASKED else 1

    def _quit(self) -> None:
        """End the recorder; what it records is closed."""
        if self._recorder.process.poll() is None:
            self._ask("quit", QUIT_S)
            if not self._recorder.wait(QUIT_S):
                self._recorder.kill()

    def _ask(self, request: str, timeout_s: float) -> Message | None:
        """The recorder's answer; None where there is none in time."""
        address = self._endpoint.find()
        if address is None:
            return None
        try:
            with connect(address, timeout_s) as connection:
                return ask(connection, request, timeout_s)
        except CONNECTION_ERRORS as error:
            if isinstance(error, RtemoError):
                _LOG.error("%s", error)
        return None


def _passed(begin_s: float, duration_s: float | None) -> bool:
    return duration_s is not None and time.monotonic() - begin_s >= duration_s


def _how(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
