"""Messages on stderr, and stopping on Ctrl-C with everything closed."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType

INTERRUPTED = 130
END_S = 4.0  # for what a command has half written to be removed
OWNER_S = 1.0  # how often it is asked whether the owner lives


def say(text: str) -> None:
    """A line for people, on stderr."""
    if "tqdm" not in sys.modules:  # no progress bar that the line would run into
        print(text, file=sys.stderr)
        return
    from tqdm import tqdm

    tqdm.write(text, file=sys.stderr)


def warn(text: str) -> None:
    """A warning on stderr."""
    say(f"warning: {text}")


@contextlib.contextmanager
def stop_on_signal() -> Iterator[threading.Event]:
    """An event that Ctrl-C, a polite kill and the end of the terminal set. A second Ctrl-C ends at once."""
    stop = threading.Event()

    def handle(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT and stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    with _handled(handle):
        yield stop


@dataclass(frozen=True, slots=True)
class StopRequest:
    """Set by signals. hurry: whoever asked does not wait, as at the end of a terminal or of the computer's session."""

    asked: threading.Event = field(default_factory=threading.Event)
    hurry: threading.Event = field(default_factory=threading.Event)


HURRIED = ("SIGTERM", "SIGHUP", "SIGBREAK")  # the last one is Windows'


@contextlib.contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """What Ctrl-C, a polite kill and the end of the terminal ask for. A second Ctrl-C is in a hurry."""
    request = StopRequest()

    def handle(number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGINT or request.asked.is_set():
            request.hurry.set()
        request.asked.set()

    with _handled(handle):
        yield request


@contextlib.contextmanager
def tidied() -> Iterator[None]:
    """A polite kill and the end of the terminal end what runs here as Ctrl-C does, so that what it has half written is
    removed. A process that is busy with something else is gone END_S later all the same.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked, told = socket.socketpair()
    told.settimeout(0.0)

    def handle(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    threading.Thread(target=_insist, args=(asked,), name="insist", daemon=True).start()
    before = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    try:
        with _handled(handle):
            yield
    finally:
        signal.set_wakeup_fd(before)
        told.close()


def _insist(asked: socket.socket) -> None:
    """End the process some time after a signal that a handler may not have got to; not after Ctrl-C."""
    hurried = {getattr(signal, name) for name in HURRIED if hasattr(signal, name)}
    with asked:
        while numbers := asked.recv(64):  # nothing: the block has ended
            if hurried.intersection(numbers):
                asked.settimeout(END_S)
                with contextlib.suppress(TimeoutError):
                    while asked.recv(64):
                        pass
                    return
                os._exit(INTERRUPTED)


@contextlib.contextmanager
def _handled(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Have the signals by which a program is asked to end handled meanwhile."""
    numbers = [signal.SIGINT, *(getattr(signal, name) for name in HURRIED if hasattr(signal, name))]
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_with(owner: int | None, stop: threading.Event) -> None:
    """Have the event set when another process is gone, however it ended. None: there is none to wait for."""
    if owner is not None:
        threading.Thread(target=_watch, args=(owner, stop), name="owner", daemon=True).start()


def _watch(owner: int, stop: threading.Event) -> None:
    import psutil

    with contextlib.suppress(psutil.Error):  # it is gone already
        process = psutil.Process(owner)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE and not stop.wait(OWNER_S):
            pass  # is_running: also false where another process has its number by now
    stop.set()
