"""`rtemo demo`: a simulated person as real LSL streams of another process, and a session on them.

LSL is kept on this computer and in a session of its own: the demo neither shows up in the lab's network nor picks up
its streams.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence

from rtemo.commands.arguments import seconds
from rtemo.commands.console import say
from rtemo.commands.supervised import supervised
from rtemo.live.service.client import Launch

OPEN_END_S = 1800.0  # how long the simulated person stays where no duration is given
MARGIN_S = 60.0  # the person is there before the session begins and stays until it is over
END_S = 5.0
LAST_LINES = 10


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    p.add_argument("--headless", action="store_true", help="print predictions instead of opening the window")
    p.add_argument("--duration", type=seconds, metavar="S", help="stop after S seconds (default: until Ctrl-C)")
    p.add_argument("--seed", type=int, default=1, help="which simulated person (default: 1)")


def run(args: argparse.Namespace) -> int:
    """The demonstration."""
    session = f"rtemo-demo-{os.getpid()}"
    say("This is a simulated person, not a recording. The model was trained on simulated people.")
    duration_s = args.duration or OPEN_END_S
    if not args.headless:
        return _window(session, args.seed, duration_s)
    with simulated(session, args.seed, duration_s + MARGIN_S):
        words = ["live", "--eeg", "name=rtemo simulated EEG", "--gaze", "name=rtemo simulated gaze", "--lines"]
        words += ["--duration", f"{duration_s:g}", "--wait", "30", "--lsl-session", session]
        return supervised(words, session, lsl_session=session, duration_s=duration_s)


def _window(session: str, seed: int, duration_s: float) -> int:
    """The window on an engine of the demonstration's own, which ends with it, and a session too."""
    from rtemo.commands.session.app import open_window

    with simulated(session, seed, duration_s + MARGIN_S):
        options = ("--lsl-session", session, "--linger", "2", "--owner", str(os.getpid()))
        return open_window(Launch(name=session, options=options), goes_on=False)


@contextlib.contextmanager
def simulated(session: str, seed: int, duration_s: float, options: Sequence[str] = ()) -> Iterator[threading.Event]:
    """The simulated person's streams, in a process of their own, until the block ends, or this process does.

    options: of `rtemo simulate`. Gives what is set when the streams are there, or never will be.
    """
    command = [sys.executable, "-m", "rtemo", "simulate", "--seed", str(seed), "--duration", f"{duration_s:g}"]
    person = subprocess.Popen(
        [*command, *options, "--lsl-session", session, "--owner", str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    leaving, ready = threading.Event(), threading.Event()
    threading.Thread(target=_hear, args=(person, leaving, ready), name="simulated person", daemon=True).start()
    try:
        yield ready
    finally:
        leaving.set()
        person.terminate()
        try:
            person.wait(END_S)
        except subprocess.TimeoutExpired:
            person.kill()
            person.wait()


def _hear(person: subprocess.Popen[str], leaving: threading.Event, ready: threading.Event) -> None:
    """Read the output of the person's process, and pass the last of it on where it ends before its time."""
    lines: deque[str] = deque(maxlen=LAST_LINES)
    assert person.stderr is not None
    with person.stderr:
        for line in person.stderr:
            lines.append(line.rstrip())
            ready.set()  # with the first line
    ready.set()
    code = person.wait()
    if code and not leaving.is_set():
        say("error: " + "\n".join([f"the simulated person ended with exit code {code}", *lines]))
