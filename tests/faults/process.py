"""Processes of the program under test: started alone in a folder, their lines timed, ended by pid and never by name."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

REPOSITORY = Path(__file__).resolve().parents[2]


def environment(folder: Path) -> dict[str, str]:
    """LSL kept on this computer and in a session of its own; logs and settings in the folder."""
    config = folder / "lsl_api.cfg"
    if not config.exists():
        session = f"rtemo-faults-{os.getpid()}-{secrets.token_hex(4)}"
        config.write_text(
            f"[lab]\nSessionID = {session}\nKnownPeers = {{127.0.0.1}}\n[multicast]\nResolveScope = machine\n"
            f"[ports]\nBasePort = {17000 + 200 * secrets.randbelow(75)}\nPortRange = 200\n[log]\nlevel = -3\n",
            encoding="utf-8",
        )
    home = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("STATE", "CONFIG", "DATA", "CACHE")}
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    return {
        **os.environ,
        **home,
        "LSLAPICFG": str(config),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(REPOSITORY),
        "XDG_RUNTIME_DIR": str(runtime),
        "QT_QPA_PLATFORM": "offscreen",
        "PYTHONUNBUFFERED": "1",
    }


@dataclass(slots=True)
class Line:
    """One line that a process printed. at_s: of the monotonic clock, which is LSL's on this system."""

    at_s: float
    text: str
    error: bool


@dataclass(slots=True)
class Watched:
    """A running process and what it has printed."""

    process: subprocess.Popen[bytes]
    lines: list[Line] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)
    reading: threading.Event = field(default_factory=threading.Event)
    ended_s: float = float("nan")

    def wait_for(self, text: str, timeout_s: float) -> Line | None:
        """The first line that begins with a text, once it is there; None where the process ends or time is over."""
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s:
            found = next((line for line in list(self.lines) if line.text.startswith(text)), None)
            if found is not None or self.process.poll() is not None:
                return found
            time.sleep(0.02)
        return None

    def end(self, number: int, timeout_s: float) -> bool:
        """Send a signal and wait; what does not end in time is killed. Whether it ended by itself."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        return self.wait(timeout_s)

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end, and read the rest. Kills the process, and its children, where it takes longer."""
        in_time = True
        children = self.family()
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            in_time = False
            for one in children:
                with contextlib.suppress(psutil.Error):
                    one.kill()
            self.process.kill()
            self.process.wait()
        self.ended_s = time.monotonic()
        self.reading.set()
        for thread in self.threads:
            thread.join(5.0)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        return in_time

    def family(self) -> list[psutil.Process]:
        """Its children, and theirs."""
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.Error:
            return []


def start(arguments: list[str], folder: Path, stdout: Any = subprocess.PIPE, **options: Any) -> Watched:
    """Start `python -m …`."""
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=options.pop("cwd", folder),
        env=environment(folder),
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=subprocess.PIPE,
        **options,
    )
    made = Watched(process)
    made.reading.set()
    for pipe, error in ((process.stdout, False), (process.stderr, True)):
        if pipe is not None:
            thread = threading.Thread(target=_listen, args=(made, pipe, error), daemon=True)
            made.threads.append(thread)
            thread.start()
    return made


def _listen(made: Watched, pipe: Any, error: bool) -> None:
    with contextlib.suppress(OSError, ValueError):
        for line in pipe:
            if not error:
                made.reading.wait()
            made.lines.append(Line(time.monotonic(), line.decode(errors="replace").rstrip("\n"), error))


def run(arguments: list[str], folder: Path, timeout_s: float, **options: Any) -> tuple[Watched, bool]:
    """Run to the end. Whether it ended in time."""
    made = start(arguments, folder, **options)
    if made.process.stdin is not None:
        made.process.stdin.close()
        made.process.stdin = None
    return made, made.wait(timeout_s)


def role_of(process: psutil.Process) -> str:
    """Which of the program's processes this is, by its command line: recorder, engine, window; else empty."""
    try:
        words = process.cmdline()
    except psutil.Error:
        return ""
    if "--recorder" in words:  # the command that a user types, run as the engine beside a recorder
        return "engine"
    return "recorder" if "recorder" in words else "window" if "app" in words else ""


def child_named(made: Watched, role: str) -> psutil.Process | None:
    """The child process that has a role, or None."""
    return next((child for child in made.family() if role_of(child) == role), None)


def freeze(made: Watched, seconds: float) -> None:
    """All processes of a session stand still for a while, as those of a suspended computer do."""
    family = [psutil.Process(made.process.pid), *made.family()]
    for one in family:
        with contextlib.suppress(psutil.Error):
            one.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    for one in family:
        with contextlib.suppress(psutil.Error):
            one.send_signal(signal.SIGCONT)
