"""The window's side of the engine: attaches to the one that runs, or starts one, and asks it for news in a thread.

    client = EngineClient(Launch())
    client.send("start", subject="P01", notes="", root="/data")
    snapshot = client.poll()

An engine is a process of its own that outlives whoever started it. Where it dies, `failure` says so, and nothing is
started again before `restart_engine` is asked for.
"""

from __future__ import annotations

import multiprocessing.connection
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from pathlib import Path
from typing import Any, Protocol

import psutil

from rtemo.core.errors import RtemoError
from rtemo.live.service.endpoint import DEFAULT_NAME, Address, Endpoint
from rtemo.live.service.feed import join_eeg, join_gaze
from rtemo.live.service.snapshot import EegBlock, GazeBlock, Snapshot
from rtemo.live.service.wire import MAX_BYTES, Command, Poll, pack_request, unpack


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


POLL_S = 0.03  # a little faster than the window paints
START_S = 30.0  # for an engine to answer after it was started
END_S = 15.0  # for an engine to end after it was asked to: it may have a recording to close
ANSWER_S = 10.0  # an engine that takes longer is not there
RETRY_S = 0.2
SAMPLES_S = 60.0  # of display samples that wait for a window that does not look
LOST = (OSError, EOFError, AuthenticationError, RtemoError)
RESTART = "restart_engine"


@dataclass(frozen=True, slots=True)
class Launch:
    """Which engine, and how one is started. options: of `rtemo engine`. folder: where its address lies."""

    name: str = DEFAULT_NAME
    options: tuple[str, ...] = ()
    folder: Path | None = None
    start: bool = True  # whether to start one where none runs


class EngineClient:
    """One connection to one engine, kept by a thread. No method waits for the engine, except `close` for its thread."""

    def __init__(self, launch: Launch | None = None) -> None:
        self._launch = launch or Launch()
        self._endpoint = Endpoint(self._launch.name, self._launch.folder)
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._news: Snapshot | None = None
        self._outbox: list[Command] = []
        self._connected, self._failure, self._closed = False, "", False
        self._restart = False
        self._process: subprocess.Popen[bytes] | None = None
        self._token = ""
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

    def poll(self) -> Snapshot | None:
        """The newest state with everything new since the last poll; None where nothing is new. Never blocks."""
        with self._lock:
            news, self._news = self._news, None
            return news

    def send(self, command: str, **arguments: Any) -> None:
        """Ask the engine for something. What came of it shows in a later snapshot.

        Raises RtemoError for a command that is not known or takes other arguments. What is asked for while no engine
        answers is dropped, except restart_engine.
        """
        if command == RESTART:
            self._restart = True
        else:
            asked = Command(command, arguments)
            pack_request(asked)
            with self._lock:
                if self._connected:
                    self._outbox.append(asked)
        self._wake.set()

    def close(self) -> None:
        """Leave the engine alone. It goes on. What was asked for before is still sent."""
        self._closed = True
        self._wake.set()
        self._thread.join(ANSWER_S)
        if self._process is not None and self._process.poll() is None:
            self._process.returncode = 0  # it lives on, which Popen would warn of

    def _run(self) -> None:
        may_start = self._launch.start
        while not self._closed:
            try:
                connection = self._attach(may_start=may_start)
                may_start = False
                self._talk(connection)
            except LOST as error:
                self._connected = False
                if not self._restart:
                    self._failure = self._why(error)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
                self._connected, self._failure = False, f"{type(error).__name__}: {error}"
            if self._restart:
                self._end_engine()
                self._restart, may_start = False, True
            elif not self._closed:
                self._wake.wait(RETRY_S)
                self._wake.clear()

    def _attach(self, *, may_start: bool) -> Connection:
        """A connection to the engine that runs, or to one that is started now. Raises one of LOST."""
        address = self._endpoint.find()
        if address is not None and psutil.pid_exists(address.pid):
            try:
                return _connect(address)
            except LOST:
                if not may_start:
                    raise
        if not may_start:
            raise RtemoError("no engine runs", "", "restart it")
        self._process = _start(self._launch, self._endpoint)
        end_s = time.monotonic() + START_S
        while time.monotonic() < end_s and not self._closed:
            address = self._endpoint.find()
            if address is not None and address.pid == self._process.pid:
                return _connect(address)
            if self._process.poll() is not None:
                raise RtemoError("the engine did not start", _last_line(self._endpoint.log), "see `rtemo doctor`")
            self._wake.wait(RETRY_S)
            self._wake.clear()
        raise RtemoError("the engine did not start in time", _last_line(self._endpoint.log), "see `rtemo doctor`")

    def _talk(self, connection: Connection) -> None:
        """Ask again and again. Raises one of LOST when the engine does not answer any more."""
        with connection:
            due_s = time.monotonic()
            while not self._restart:
                with self._lock:
                    outbox, self._outbox = self._outbox, []
                for command in outbox:
                    connection.send_bytes(pack_request(command))
                if self._closed:
                    return
                connection.send_bytes(pack_request(Poll(self._token)))
                _await_answer(connection)
                self._take(*unpack(connection.recv_bytes(MAX_BYTES)))
                due_s = max(due_s + POLL_S, time.monotonic())  # what was late is not made up for
                self._wake.wait(due_s - time.monotonic())
                self._wake.clear()

    def _take(self, snapshot: Snapshot, token: str) -> None:
        with self._lock:
            self._token = token
            self._news = snapshot if self._news is None else merged(self._news, snapshot)
            self._connected, self._failure = True, ""

    def _why(self, error: BaseException) -> str:
        """Why there is no engine, for people."""
        if self._process is not None and (code := self._process.poll()) is not None:
            if code == 0:
                return "the engine was shut down"
            how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
            said = _last_line(self._endpoint.log)
            return "; ".join(part for part in (f"the engine ended: {how}", said) if part)
        address = self._endpoint.find()
        if address is None or not psutil.pid_exists(address.pid):
            return "the engine has ended"
        return str(error) or "the engine does not answer"

    def _end_engine(self) -> None:
        """Ask the engine to end, then make it."""
        self._connected = False
        address = self._endpoint.find()
        if address is None or not psutil.pid_exists(address.pid):
            return
        try:
            with _connect(address) as connection:
                connection.send_bytes(pack_request(Command("shutdown", {})))
        except LOST:
            pass  # it is ended below
        _wait_or_kill(address.pid)


def merged(old: Snapshot, new: Snapshot) -> Snapshot:
    """The newer state with the news of both; of the samples, the newest SAMPLES_S. Of another era, the newer alone."""
    if old.era != new.era:
        return new
    return replace(
        new,
        predictions=old.predictions + new.predictions,
        events=old.events + new.events,
        gaze_events=old.gaze_events + new.gaze_events,
        eeg=_newest_eeg(join_eeg([block for block in (old.eeg, new.eeg) if block is not None])),
        gaze=_newest_gaze(join_gaze([block for block in (old.gaze, new.gaze) if block is not None])),
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


def _await_answer(connection: Connection) -> None:
    if not connection.poll(ANSWER_S):
        raise RtemoError("the engine does not answer", f"for {ANSWER_S:g} s", "restart it")


def _connect(address: Address) -> Connection:
    connection = multiprocessing.connection.Client(address.address, address.family)
    try:
        _await_answer(connection)
        answer_challenge(connection, address.key)
        deliver_challenge(connection, address.key)
    except BaseException:
        connection.close()
        raise
    return connection


def _start(launch: Launch, endpoint: Endpoint) -> subprocess.Popen[bytes]:
    """A new engine that does not end with this process."""
    command = [sys.executable, "-m", "rtemo", "engine", "--name", launch.name, *launch.options]
    if launch.folder is not None:
        command += ["--endpoint", str(launch.folder)]
    apart: Mapping[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        apart = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    with endpoint.log.open("wb") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, **apart)


def _wait_or_kill(pid: int) -> None:
    try:
        process = psutil.Process(pid)
        try:
            process.wait(END_S)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(END_S)
    except psutil.Error:
        return  # it is gone


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
