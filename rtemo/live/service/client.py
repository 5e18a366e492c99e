"""Client of the engine: attaches to the one that runs, or starts one, and polls it in a thread.

    client = EngineClient(Launch())
    client.send("start", subject="P01", notes="", root="/data")
    snapshot = client.poll()

An engine is a process of its own that outlives the one that started it. Where it dies, `failure` gives the reason, and
no other is started before the command `restart_engine`.
"""

from __future__ import annotations

import contextlib
import math
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from rtemo.core.errors import RtemoError
from rtemo.live.service.feed import join_eeg, join_gaze, join_traces
from rtemo.live.service.recorder_link import RecorderLink, RecorderLook
from rtemo.live.service.snapshot import EegBlock, GazeBlock, Snapshot, TraceBlock
from rtemo.live.service.wire import MAX_BYTES, Command, Poll, pack_request, unpack
from rtemo.recorder.endpoint import DEFAULT_NAME, Endpoint
from rtemo.recorder.local_server import ANSWER_S, CONNECTION_ERRORS, connect

POLL_S = 0.03  # a little faster than the window paints
CLOSE_S = 2.0  # for the thread to end where nothing has to be sent any more
START_S = 30.0  # for an engine to answer after it was started
STOP_WAIT_S = 20.0  # for an engine to come that ends a session properly; then the recorder closes it
STOP_S = 5.0  # for an engine to end where it was asked to
RETRY_S, LONGEST_RETRY_S = 0.2, 10.0  # from try to try; where no engine starts at all each wait is twice the one before
SAMPLES_S = 60.0  # of display samples, kept for a window that does not poll
RESTART = "restart_engine"
DISMISS = "dismiss"  # end once no window is connected and no session is kept: another one may still need the engine
USE_MODEL = "use_model"  # path: of a bundle, empty for rtemo's own; the engine starts again with it
OF_MODEL = ("--model", "--person")  # options that are about one model
ENDING = ("stop", "shutdown")  # kept for an engine that answers only later


@dataclass(frozen=True, slots=True)
class Launch:
    """Which engine to attach to, and how to start one. options: of `rtemo engine`. folder: of its address file."""

    name: str = DEFAULT_NAME
    options: tuple[str, ...] = ()
    folder: Path | None = None
    start: bool = True  # whether to start one where none runs
    watches: bool = False  # whether it may only look: nothing is ever sent but polls


class ClientProtocol(Protocol):
    """What the window needs of its connection to the engine; the tests give it a scripted one.

    The commands and their arguments are rtemo.live.service.wire.COMMANDS, restart_engine and dismiss without any, and
    use_model.
    """

    @property
    def connected(self) -> bool: ...

    @property
    def failure(self) -> str: ...

    @property
    def restarting(self) -> bool: ...

    @property
    def recorder(self) -> RecorderLook | None: ...

    def refusals(self) -> list[str]: ...

    def poll(self) -> Snapshot | None: ...

    def send(self, command: str, **arguments: Any) -> None: ...

    def show_participant(self, participant: str) -> None: ...


class EngineClient:
    """One connection to one engine, kept by a thread. No method waits for the engine, except `close` for its thread."""

    def __init__(self, launch: Launch | None = None) -> None:
        self._launch = launch or Launch()
        self._endpoint = Endpoint(self._launch.name, self._launch.folder)
        if self._launch.start:
            self._endpoint.need()
        self._supervisor = Endpoint(f"{self._launch.name}-supervisor", self._launch.folder)
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._unread: Snapshot | None = None
        self._outbox: list[Command] = []
        self._connected, self._failure, self._closed = False, "", False
        self._restart = False
        self._model: str | None = None  # that the engine is to start again with
        self._process: subprocess.Popen[bytes] | None = None
        self._token = self._shown = ""
        self._dismissed = False
        self._stop_due_s = math.inf  # when a session is ended without an engine
        self._refusals: list[str] = []
        self._link = RecorderLink(Endpoint(f"{self._launch.name}-recorder", self._launch.folder), self._refusals.append)
        self._thread = threading.Thread(target=self._run, name="engine client", daemon=True)
        self._thread.start()

    @property
    def connected(self) -> bool:
        """Whether an engine answers."""
        return self._connected

    @property
    def failure(self) -> str:
        """Why there is no engine, or empty."""
        return self._failure

    @property
    def restarting(self) -> bool:
        """Whether somebody is starting the engine again."""
        if self._connected or self._process_ended:
            return False
        supervisor = self._supervisor.find()
        return supervisor is not None and supervisor.alive

    @property
    def recorder(self) -> RecorderLook | None:
        """What the recorder answered last."""
        return self._link.look

    def refusals(self) -> list[str]:
        """What the recorder has refused since the last call."""
        found = self._refusals[:]
        del self._refusals[: len(found)]
        return found

    def poll(self) -> Snapshot | None:
        """The newest state, with everything new since the last poll merged; None where nothing is new. Never blocks."""
        with self._lock:
            unread, self._unread = self._unread, None
            return unread

    def send(self, command: str, **arguments: Any) -> None:
        """Send a command to the engine. Its outcome shows in a later snapshot.

        Raises RtemoError for a command that is not known or takes other arguments. While no engine answers, annotations
        go to the recorder, what ends a session or the engine waits for the next one, and everything else is dropped. A
        client that only watches refuses all.
        """
        if self._launch.watches:
            raise RtemoError("this window only watches", f"{command} was asked for", "use the session's own window")
        if command == RESTART:
            self._restart = True
        elif command == USE_MODEL:
            self._model = str(arguments["path"])
            self._restart = True
        elif command == DISMISS:
            self._dismissed = True
            self._endpoint.dismiss()  # no message: it must reach an engine that is busy, or only being started
        else:
            request = Command(command, arguments)
            pack_request(request)  # raises
            if command == "annotate" and (self._link.records or not self._connected):
                self._link.request("annotate", **arguments)
                return
            with self._lock:
                if self._connected or command in ENDING:
                    self._outbox.append(request)
                if not self._connected and command == "stop":
                    self._stop_due_s = time.monotonic() + STOP_WAIT_S
        self._wake.set()

    def show_participant(self, participant: str) -> None:
        """Have this participant's samples in the snapshots from now on, of several."""
        self._shown = participant
        self._wake.set()

    def close(self) -> None:
        """Disconnect; the engine keeps running. Commands that wait are still sent."""
        self._closed = True
        self._wake.set()
        self._thread.join(ANSWER_S if self._outbox else CLOSE_S)
        if self._link.records and any(command.name == "stop" for command in self._outbox):
            self._link.request("close")  # nobody is left to wait for an engine that ends the session properly
        self._link.close()
        if self._dismissed and not self._connected and not self._link.look.recording and self._process is not None:
            self._process.terminate()  # it has only begun: there is no need to let it
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(CLOSE_S / 2)  # it ends by itself, whoever waits for it
        if self._process is not None and self._process.poll() is None:
            self._process.returncode = 0  # it keeps running, which Popen would warn of

    def _run(self) -> None:
        may_start, wait_s = self._launch.start, RETRY_S
        while not self._closed:
            try:
                connection = self._attach(may_start=may_start)
                may_start, wait_s = False, RETRY_S
                self._exchange(connection)
            except CONNECTION_ERRORS as error:
                self._connected = False
                if not self._restart:
                    self._failure = self._failure_reason(error)
                self._stop_without_engine()
            except Exception as error:  # noqa: BLE001 - shown as the failure
                self._connected, self._failure = False, f"{type(error).__name__}: {error}"
            if self._restart:
                self._stop_engine()
                if self._model is not None:
                    self._await_supervisor()
                    options = with_model(self._launch.options, self._model)
                    self._launch, self._model, self._process = replace(self._launch, options=options), None, None
                self._restart, may_start, wait_s = False, True, RETRY_S
            elif not self._closed:
                self._wake.wait(wait_s)
                self._wake.clear()
                wait_s = min(2.0 * wait_s, LONGEST_RETRY_S) if may_start else RETRY_S

    def _stop_without_engine(self) -> None:
        """Have the recorder close a session that should have ended long ago."""
        if time.monotonic() < self._stop_due_s:
            return
        self._stop_due_s = math.inf
        with self._lock:
            self._outbox.clear()
        self._link.request("close")

    @property
    def _process_ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def _attach(self, *, may_start: bool) -> Connection:
        """A connection to the engine that runs, or to one that is started now. Raises one of CONNECTION_ERRORS."""
        address = self._endpoint.find()
        if address is not None and address.alive:
            try:
                return connect(address)
            except CONNECTION_ERRORS:
                if not may_start:
                    raise
        supervisor = self._supervisor.find()
        if supervisor is None or not supervisor.alive:
            if not may_start or self._closed:
                raise RtemoError("no engine runs", "", "restart it")
            self._process = _start(self._launch, self._endpoint)
        elif not may_start:
            raise RtemoError("the engine is being started again", "", "wait")
        end_s = time.monotonic() + START_S
        while time.monotonic() < end_s and not self._closed:
            address = self._endpoint.find()
            if address is not None and address.alive:
                return connect(address)
            if self._process is not None and self._process.poll() is not None:
                raise RtemoError("the engine did not start", _last_line(self._endpoint.log), "see `rtemo doctor`")
            self._wake.wait(RETRY_S)
            self._wake.clear()
        raise RtemoError("the engine did not start in time", _last_line(self._endpoint.log), "see `rtemo doctor`")

    def _exchange(self, connection: Connection) -> None:
        """Send commands and poll until closed. Raises one of CONNECTION_ERRORS where the engine is gone."""
        with connection:
            due_s = time.monotonic()
            while not self._restart:
                for command in self._due():
                    connection.send_bytes(pack_request(command))
                if self._closed and not self._outbox:
                    return
                connection.send_bytes(pack_request(Poll(self._token, self._launch.watches, self._shown)))
                _await_answer(connection)
                self._take(*unpack(connection.recv_bytes(MAX_BYTES)))
                due_s = max(due_s + POLL_S, time.monotonic())  # a late poll is not caught up
                self._wake.wait(due_s - time.monotonic())
                self._wake.clear()

    def _due(self) -> list[Command]:
        """Take the commands that may be sent now: a session ends after its annotations, which take another way."""
        with self._lock:
            waits = self._link.pending > 0 and self._link.records
            held = next((k for k, one in enumerate(self._outbox) if waits and one.name in ENDING), len(self._outbox))
            due, self._outbox = self._outbox[:held], self._outbox[held:]
            return due

    def _take(self, snapshot: Snapshot, token: str) -> None:
        with self._lock:
            self._token = token
            self._unread = snapshot if self._unread is None else merged(self._unread, snapshot)
            self._connected, self._failure, self._stop_due_s = True, "", math.inf

    def _failure_reason(self, error: BaseException) -> str:
        """Why there is no engine, as a text for the user."""
        if self._process is not None and (code := self._process.poll()) is not None:
            if code == 0:
                return "the engine was shut down"
            how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
            last_line = _last_line(self._endpoint.log)
            return "; ".join(part for part in (f"the engine ended: {how}", last_line) if part)
        address = self._endpoint.find()
        if address is None or not address.alive:
            return "the engine has ended"
        return str(error) or "the engine does not answer"

    def _stop_engine(self) -> None:
        """Have the engine end; kill it where it does not end in time. Its supervisor starts the next one."""
        self._connected = False
        address = self._endpoint.find()
        if address is None or not address.alive:
            return
        try:
            with connect(address) as connection:
                how = "restart" if self._model is None else "shutdown"
                connection.send_bytes(pack_request(Command(how, {})))
        except CONNECTION_ERRORS:
            pass  # it is ended below
        address.kill(STOP_S)

    def _await_supervisor(self) -> None:
        """Wait until whoever looks after the engine has ended with it: the next one has other options."""
        end_s = time.monotonic() + 2 * STOP_S
        while (supervisor := self._supervisor.find()) is not None and supervisor.alive and time.monotonic() < end_s:
            self._wake.wait(RETRY_S)
            self._wake.clear()
        if self._process is not None:
            self._process.poll()


def with_model(options: Sequence[str], path: str) -> tuple[str, ...]:
    """Options of an engine with another model; an empty path is rtemo's own. Calibrations belong to the one before."""
    kept: list[str] = []
    rest = iter(options)
    for option in rest:
        if option in OF_MODEL:
            next(rest, None)
        else:
            kept.append(option)
    return (*kept, "--model", path) if path else tuple(kept)


def merged(old: Snapshot, new: Snapshot) -> Snapshot:
    """Merge two snapshots: newer state, lists of both, the newest SAMPLES_S of samples. Of two eras, only the newer."""
    if old.era != new.era:
        return new
    if old.participant != new.participant:
        return replace(new, predictions=old.predictions + new.predictions, events=old.events + new.events)
    return replace(
        new,
        predictions=old.predictions + new.predictions,
        events=old.events + new.events,
        gaze_events=old.gaze_events + new.gaze_events,
        window=new.window or old.window,
        eeg=_newest_eeg(join_eeg([block for block in (old.eeg, new.eeg) if block is not None])),
        gaze=_newest_gaze(join_gaze([block for block in (old.gaze, new.gaze) if block is not None])),
        traces=tuple(map(_newest_trace, join_traces([*old.traces, *new.traces]))),
    )


def _newest_eeg(block: EegBlock | None) -> EegBlock | None:
    if block is None or block.times[-1] - block.times[0] <= SAMPLES_S:
        return block
    kept = block.times > block.times[-1] - SAMPLES_S
    return EegBlock(block.times[kept], block.microvolts[kept])


def _newest_gaze(block: GazeBlock | None) -> GazeBlock | None:
    if block is None or block.times[-1] - block.times[0] <= SAMPLES_S:
        return block
    kept = block.times > block.times[-1] - SAMPLES_S
    return GazeBlock(block.times[kept], block.xy[kept], block.pupils_mm[kept])


def _newest_trace(block: TraceBlock) -> TraceBlock:
    kept = block.times > block.times[-1] - SAMPLES_S
    return block if kept.all() else TraceBlock(block.stream_id, block.times[kept], block.values[kept])


def _await_answer(connection: Connection) -> None:
    if not connection.poll(ANSWER_S):
        raise RtemoError("the engine does not answer", f"for {ANSWER_S:g} s", "restart it")


def _start(launch: Launch, endpoint: Endpoint) -> subprocess.Popen[bytes]:
    """Start a new engine that does not end with this process."""
    command = [sys.executable, "-m", "rtemo", "engine", "--name", launch.name, *launch.options]
    if launch.folder is not None:
        command += ["--endpoint", str(launch.folder)]
    detached: Mapping[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        detached = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    with endpoint.log.open("wb") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, **detached)


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
