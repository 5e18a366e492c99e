"""Messages on stderr, and stopping on Ctrl-C with everything closed."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

import psutil

INTERRUPTED = 130
OWNER_S = 1.0  # how often it is asked whether the owner lives


def say(text: str) -> None:
    """A line for people, on stderr."""
    from tqdm import tqdm  # only where a line is printed: the window has to be there at once

    tqdm.write(text, file=sys.stderr)


def warn(text: str) -> None:
    """A warning on stderr."""
    say(f"warning: {text}")


@contextlib.contextmanager
def stop_on_signal() -> Iterator[threading.Event]:
    """An event that Ctrl-C and a polite kill set. A second Ctrl-C ends at once."""
    stop = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_with(owner: int | None, stop: threading.Event) -> None:
    """Have the event set when another process is gone, however it ended. None: there is none to wait for."""
    if owner is not None:
        threading.Thread(target=_watch, args=(owner, stop), name="owner", daemon=True).start()


def _watch(owner: int, stop: threading.Event) -> None:
    while psutil.pid_exists(owner) and not stop.wait(OWNER_S):
        pass
    stop.set()
