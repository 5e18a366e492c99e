"""One output behind a queue: a thread of its own writes, so that one that is slow or broken holds up nobody.

What it keeps true: `put` neither waits nor raises; what is written is in the order in which it was put; what is not
written is counted; a change of state is reported once; a broken output is tried again; `close` keeps to its time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from rtemo.core.errors import RtemoError
from rtemo.live.output.prediction_files import PredictionSink
from rtemo.model.prediction import Prediction

T = TypeVar("T")

LIMIT = 2000  # entries that wait, at most: eight minutes of predictions at the usual hop
BEHIND_S = 1.0  # an output that does not take an entry for so long is behind
RETRY_S, LONGEST_RETRY_S = 0.5, 30.0
CLOSE_S = 2.0
SLOW = "it takes less than what comes"

_LOG = logging.getLogger("rtemo.output")


class OutputState(StrEnum):
    """Whether an output takes what it is given."""

    WORKING = "working"
    BEHIND = "behind"  # slower than what comes; the oldest entries are dropped where there is no room
    FAILED = "failed"  # the last entry could not be written; it is tried again
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class OutputStatus:
    """error: why it failed or is behind, one line. n_dropped: entries that were not written and will not be.

    for_good: whoever read it has gone, and nobody can come in his place.
    """

    name: str
    state: OutputState
    error: str = ""
    n_written: int = 0
    n_dropped: int = 0
    n_waiting: int = 0
    for_good: bool = False


Changed = Callable[[OutputStatus], None]


class OutputQueue(Generic[T]):
    """Gives entries to `write` one by one. Everything may be called from any thread."""

    def __init__(
        self,
        name: str,
        write: Callable[[T], object],
        close: Callable[[], object] | None = None,
        changed: Changed | None = None,
        limit: int = LIMIT,
        longest_retry_s: float | None = None,
    ) -> None:
        """write: may block and raise; after an OSError it is given the same entry again, after another one the next.

        close: what is called at the end, in the thread. changed: called with each change of the state but the last, to
        CLOSED; it must not wait. longest_retry_s: the pause before another try grows up to it.
        """
        self.name = name
        self._longest_retry_s = LONGEST_RETRY_S if longest_retry_s is None else longest_retry_s
        self._write_entry, self._close, self._changed, self._limit = write, close, changed, limit
        self._wake = threading.Condition()
        self._entries: deque[T] = deque()
        self._state, self._error, self._for_good = OutputState.WORKING, "", False
        self._n_written = self._n_dropped = 0
        self._in_hand = 0  # taken from the queue, and neither written nor dropped
        self._since_s = float("inf")  # when the entry in hand was taken
        self._retry_s = RETRY_S
        self._ending = self._over = False
        self._untold: deque[OutputStatus] = deque()
        self._telling = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, entry: T) -> None:
        """Have an entry written. Where there is no room, the oldest one is dropped."""
        with self._wake:
            if self._ending:
                self._n_dropped += 1
                return
            full = len(self._entries) >= self._limit
            if full:
                self._entries.popleft()
                self._n_dropped += 1
            self._entries.append(entry)
            self._start()
            self._wake.notify()
            changed = (full or self._slow) and self._state is OutputState.WORKING
            if changed:
                self._become(OutputState.BEHIND, SLOW)
        self._tell()

    def status(self) -> OutputStatus:
        with self._wake:
            n_waiting = len(self._entries) + self._in_hand
            state, error = self._state, self._error
            if state is OutputState.WORKING and self._slow:
                state, error = OutputState.BEHIND, SLOW
            return OutputStatus(self.name, state, error, self._n_written, self._n_dropped, n_waiting, self._for_good)

    def end(self) -> None:
        """Take nothing more, and write what waits; see `close`."""
        with self._wake:
            self._ending = True
            self._start()
            self._wake.notify()

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """Write what waits and close the output. One that takes longer is left to itself, and what waits is dropped."""
        self.end()
        if self._thread is not None and not self._over:
            self._thread.join(timeout_s)
        with self._wake:
            if not self._over:
                self._over = True  # from now on the thread, should it ever come back, changes nothing
                self._drop_rest()
                self._state, self._error = OutputState.BEHIND, f"it did not take the rest within {timeout_s:.3g} s"

    @property
    def _slow(self) -> bool:
        """Whether the entry in hand has not been taken for long."""
        return time.monotonic() - self._since_s > BEHIND_S

    def _start(self) -> None:
        """The first entry starts the thread. The lock is held."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"rtemo-output {self.name}", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while self._take() and self._deliver():
            pass
        error = None
        if self._close is not None:
            try:
                self._close()
            except Exception as caught:  # noqa: BLE001 - whatever it is, it becomes the state
                error = caught
        with self._wake:
            if not self._over:
                self._over = True
                self._drop_rest()
                if error is not None:
                    self._state, self._error = OutputState.FAILED, _sentence(error, self.name)
                elif self._state is not OutputState.FAILED:
                    self._state, self._error = OutputState.CLOSED, ""

    def _take(self) -> bool:
        """Take the next entry in hand. False: there is none, and none will come."""
        with self._wake:
            self._wake.wait_for(lambda: self._entries or self._ending)
            if not self._entries or self._over:
                return False
            self._entry, self._in_hand, self._since_s = self._entries.popleft(), 1, time.monotonic()
            return True

    def _deliver(self) -> bool:
        """Write the entry in hand, however often it takes. False: the output is broken, and the end has come."""
        while True:
            ending = self._ending
            try:
                self._write_entry(self._entry)
            except Exception as error:  # noqa: BLE001 - whatever it is, it becomes the state
                again = isinstance(error, OSError)
                self._failed(error, dropped=ending or not again)
                if ending:
                    return False
                self._pause()
                if not again:
                    return True
            else:
                self._worked()
                return True

    def _failed(self, error: Exception, *, dropped: bool) -> None:
        with self._wake:
            if self._over:
                return
            changed = self._state is not OutputState.FAILED
            if dropped:
                self._n_dropped += self._in_hand
                self._in_hand, self._since_s = 0, float("inf")
            self._for_good = isinstance(error, BrokenPipeError)
            self._become(OutputState.FAILED, _sentence(error, self.name))
        if changed:
            _LOG.warning("%s cannot be written", self.name, exc_info=None if isinstance(error, OSError) else error)
            self._tell()

    def _worked(self) -> None:
        with self._wake:
            if self._over:
                return
            self._n_written += self._in_hand
            self._in_hand, self._since_s, self._retry_s = 0, float("inf"), RETRY_S
            behind = self._state is OutputState.BEHIND and not self._entries
            if behind or self._state is OutputState.FAILED:
                self._for_good = False
                self._become(OutputState.WORKING, "")
        self._tell()

    def _pause(self) -> None:
        """Wait before the next try, longer each time. The end wakes it."""
        with self._wake:
            self._wake.wait_for(lambda: self._ending, self._retry_s)
        self._retry_s = min(2 * self._retry_s, self._longest_retry_s)

    def _drop_rest(self) -> None:
        self._n_dropped += len(self._entries) + self._in_hand
        self._entries.clear()
        self._in_hand = 0

    def _become(self, state: OutputState, error: str) -> None:
        """Note a state, and that it is to be reported where it is another. The lock is held."""
        changed, self._state, self._error = state is not self._state, state, error
        if changed:
            self._untold.append(self.status())

    def _tell(self) -> None:
        """Report what changed, in the order in which it did. Does not wait for a thread that does so already."""
        while self._untold and self._telling.acquire(blocking=False):
            try:
                while self._untold:
                    self._tell_one(self._untold.popleft())
            finally:
                self._telling.release()

    def _tell_one(self, status: OutputStatus) -> None:
        if self._changed is not None:
            try:
                self._changed(status)
            except Exception:  # noqa: BLE001 - the output itself works all the same
                _LOG.exception("the state of %s was not taken", self.name)


class QueuedSink:
    """A PredictionSink behind a queue."""

    def __init__(self, sink: PredictionSink, name: str, changed: Changed | None = None) -> None:
        self._sink = sink
        self.queue: OutputQueue[Prediction] = OutputQueue(name, sink.put, sink.close, changed)

    def put(self, prediction: Prediction) -> None:
        self.queue.put(prediction)

    def discard(self) -> None:
        self._sink.discard()

    def close(self) -> None:
        self.queue.close()


def close_all(queues: Sequence[OutputQueue[Any]], timeout_s: float = CLOSE_S) -> None:
    """Close several outputs within the time of one."""
    end_s = time.monotonic() + timeout_s
    for queue in queues:
        queue.end()
    for queue in queues:
        queue.close(max(end_s - time.monotonic(), 0.0))


def _sentence(error: Exception, name: str) -> str:
    """What went wrong, in one line, with the file where that is not the output's name."""
    if isinstance(error, OSError) and error.strerror:
        file = "" if error.filename is None or str(error.filename) == name else f"{error.filename}: "
        return f"{file}{error.strerror}"
    text = str(error) if isinstance(error, RtemoError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())[:500]
