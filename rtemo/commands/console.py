"""Messages on stderr, and stopping on Ctrl-C with everything closed."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

INTERRUPTED = 130


def say(text: str) -> None:
    """A line for people, on stderr."""
    from tqdm import tqdm  # only where something is said: the window has to be there at once

    tqdm.write(text, file=sys.stderr)


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
