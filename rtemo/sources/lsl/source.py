"""LslSource: live streams of the Lab Streaming Layer as a source. One thread a stream, and one that watches them all.

    source = LslSource([OneStream("eeg", choose_eeg), EveryStream("markers", is_marker)])
    infos = source.start()
    while ...:
        for item in source.read(0.1): ...
    source.stop()

Stamps stay raw and liblsl processes nothing. Keeps looking for what is wanted and not there, all session long.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace

from rtemo.core.errors import RtemoError
from rtemo.core.types import Item, StreamInfo
from rtemo.sources.lsl.config import configure, lsl_version
from rtemo.sources.lsl.discovery import Directory, DiscoveredStream, discover, free_id
from rtemo.sources.lsl.inlet import InletThread
from rtemo.sources.lsl.item_queue import ItemQueue
from rtemo.sources.lsl.liblsl import local_clock
from rtemo.sources.lsl.monitor import Monitor
from rtemo.sources.lsl.presence import VisibleStream
from rtemo.sources.lsl.self_test import self_test
from rtemo.sources.lsl.stream_requests import EveryStream, OneStream, StreamRequest
from rtemo.sources.lsl.stream_state import LslStream, LslStreamStatus

__all__ = [
    "EveryStream",
    "LslSource",
    "LslStreamStatus",
    "OneStream",
    "configure",
    "discover",
    "local_clock",
    "lsl_clock",
    "lsl_version",
    "self_test",
]

lsl_clock = local_clock

_LOG = logging.getLogger("rtemo.lsl")

LOOK_S = 1.0  # how long `start` looks around: streams elsewhere in the lab answer within half a second
DESCRIBE_S = 0.5  # and how much longer it waits for descriptions
TICK_S = 0.1
FROZEN_S = 1.0  # a tick that takes so long: nobody looked, and nobody received
STOP_S = 3.0


class LslSource:
    """A source of live streams; see rtemo.sources.base. `status` and `warnings` may be read from any thread."""

    def __init__(self, requests: Sequence[StreamRequest], look_s: float = LOOK_S) -> None:
        self._look_s = look_s
        self._items = ItemQueue()
        self._monitor = Monitor(requests, self._items.put, _connect, free_id)
        self._watch = _Watch(self._monitor)
        # Threads that still receive while the interpreter shuts down would end in a crash of liblsl.
        self._close = weakref.finalize(self, self._watch.stop)

    def start(self) -> tuple[StreamInfo, ...]:
        """Looks around and opens what is wanted and there, which may be nothing: the rest is announced when it comes.

        Raises RtemoError where several streams fit one request, and leaves nothing open.
        """
        try:
            return self._watch.begin(self._look_s)
        except BaseException:
            self.stop()
            raise

    def listen(self, come: Callable[[], None]) -> None:
        """Have it called, by any thread, whenever something has come."""
        self._items.come = come

    def read(self, timeout_s: float) -> list[Item]:
        """What has come since the last call; waits at most timeout_s for the first item."""
        items = self._items.take(timeout_s)
        if not items and self._watch.failure:
            raise RtemoError("the search for LSL streams stopped", self._watch.failure, "start the session again")
        return items

    @property
    def exhausted(self) -> bool:
        """Live streams never end: true only after stop(), once everything is read."""
        return not self._close.alive and self._items.empty

    def stop(self) -> None:
        """Closes everything. What has been received can still be read."""
        self._close()

    def status(self) -> tuple[LslStreamStatus, ...]:
        """The state of every stream that is or was open."""
        now_s = local_clock()
        statuses = (stream.status(now_s) for stream in self._monitor.streams)
        return tuple(replace(status, n_dropped=self._items.n_dropped(status.info.stream_id)) for status in statuses)

    @property
    def visible(self) -> tuple[StreamInfo, ...]:
        """Every stream that is on the network, wanted or not. Those that have not described themselves lack labels."""
        return self._watch.visible

    @property
    def missing(self) -> tuple[str, ...]:
        """The labels of the requests that no stream has been found for, or whose stream is lost."""
        have = {label for stream in self._monitor.streams if not stream.down for label in stream.requested_by}
        return tuple(request.label for request in self._monitor.requests if request.label not in have)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd about the streams, one line each: twins, ambiguity, clocks, streams that do not answer."""
        return (*self._monitor.warnings, *self._watch.problems, *_clock_warnings(self.status()))


class _Watch:
    """The thread that drives the monitor. Knows nothing of the source, so that a forgotten source is closed."""

    def __init__(self, monitor: Monitor) -> None:
        self.failure = ""
        self.problems: tuple[str, ...] = ()
        self.visible: tuple[StreamInfo, ...] = ()
        self._monitor = monitor
        self._stop = threading.Event()
        self._directory: Directory | None = None
        self._thread: threading.Thread | None = None

    def begin(self, look_s: float) -> tuple[StreamInfo, ...]:
        self._directory = Directory()
        infos = self._monitor.begin(local_clock(), self._look_around(self._directory, look_s))
        self._thread = threading.Thread(target=self._run, args=(self._directory,), name="lsl watch", daemon=True)
        self._thread.start()
        return infos

    def stop(self) -> None:
        """Ends everything within STOP_S. A connection that does not end is left to itself: it is never destroyed
        under a thread that uses it.
        """
        self._stop.set()
        if self._thread is not None:
            self._thread.join(STOP_S)
        self._monitor.end(STOP_S)
        if self._directory is not None:
            self._directory.close()
            self._directory = None

    def _look_around(self, directory: Directory, look_s: float) -> dict[str, DiscoveredStream]:
        begin_s = local_clock()
        while True:
            seen = dict(directory.look())
            passed_s = local_clock() - begin_s
            silent = any(not (stream.described or stream.refused) for stream in seen.values())
            if passed_s >= look_s + (DESCRIBE_S if silent else 0.0) or self._stop.is_set():
                return seen
            time.sleep(TICK_S / 4)

    def _run(self, directory: Directory) -> None:
        try:
            begin_s = local_clock()
            while not self._stop.wait(TICK_S):
                if (waited_s := local_clock() - begin_s) > FROZEN_S:
                    self._monitor.stood_still(local_clock(), waited_s)
                seen = directory.look()
                self.visible = tuple(stream.info for stream in seen.values())
                directory.doubt(self._monitor.tick(local_clock(), seen, directory.dead))
                self.problems = tuple(directory.problems.values())
                for problem in self.problems:
                    self._monitor.notice(problem)
                begin_s = local_clock()
        except Exception as error:  # noqa: BLE001 - read() raises it
            _LOG.exception("looking for streams stopped")
            self.failure = f"{type(error).__name__}: {error}"


def _connect(stream: LslStream, visible: VisibleStream, newest: float | None) -> InletThread:
    assert isinstance(visible, DiscoveredStream)
    return InletThread(stream, visible.handle, newest)


def _clock_warnings(statuses: Sequence[LslStreamStatus]) -> list[str]:
    return [f"{status.info.stream_id}: {text}" for status in statuses if (text := _CLOCKS.get(status.clock.value))]


_CLOCKS = {
    "foreign": "its stamps are not in LSL time; they are placed by their arrival, late by the transport's delay",
    "unmeasurable": "its sender does not answer clock requests (UDP blocked?); its samples are placed by their arrival",
}
