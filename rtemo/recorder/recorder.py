"""XDF recorder: a thread of its own writes what it is handed and never holds up whoever hands it.

What it keeps true: everything that was handed over is in the file, raw, or is counted in `lost` with the reason in
`problems`; what is older than CYCLE_S survives a kill of the process, and what is older than CYCLE_S + SYNC_S a power
cut; an error of the disk becomes the state FAILED and stays there, and the rest of the session goes on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import numpy as np

from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, ClockOffset, Item, StreamDown, StreamInfo, StreamUp
from rtemo.recorder.stream_routes import Routes, misfit
from rtemo.sources.base import Source
from rtemo.sources.xdf.writer import XdfWriter

_LOG = logging.getLogger("rtemo.recorder")

CYCLE_S = 0.25  # how often the queue is written out and handed to the operating system
SYNC_S = 0.75  # how often the disk is waited for
QUEUE_BYTES = 64 << 20  # about four minutes of 64 channels at 1000 Hz: a disk may well stall for some seconds


class RecorderState(StrEnum):
    """Whether what is handed over reaches the file."""

    RECORDING = "recording"
    FAILED = "failed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """Samples are counted by the stream_id under which the stream was first announced."""

    state: RecorderState
    error: str  # why it failed, one line; empty while it has not
    samples: dict[str, int]  # written
    lost: dict[str, int]  # handed over and not written
    problems: tuple[str, ...]
    bytes_written: int
    queue_bytes: int
    queue_high_bytes: int


class Recorder:
    """Records items into one XDF file. `submit` may be called from any thread."""

    def __init__(
        self,
        path: Path | str,
        queue_bytes: int = QUEUE_BYTES,
        open_writer: Callable[[Path, str], XdfWriter] = XdfWriter,
        session_id: str = "",
    ) -> None:
        """Creates the file and starts. Raises RtemoError when the file exists or cannot be made.

        session_id: written into the file's header, see XdfWriter.
        """
        self.path = Path(path)
        self._writer = open_writer(self.path, session_id)
        self._limit = queue_bytes
        self._changed = threading.Condition()
        self._queue: list[Item] = []
        self._queued = self._high = self._n_submitted = self._n_flushed = 0
        self._closing = False
        self._state, self._error = RecorderState.RECORDING, ""
        self._samples: Counter[str] = Counter()
        self._lost: Counter[str] = Counter()
        self._problems: dict[str, None] = {}
        self._routes = Routes()
        self._in_flight: list[tuple[str, Chunk]] = []  # taken from the queue and not yet safe
        self._thread = threading.Thread(target=self._run, name="rtemo-recorder", daemon=True)
        self._thread.start()

    @property
    def state(self) -> RecorderState:
        return self._state

    @property
    def error(self) -> str:
        return self._error

    def status(self) -> RecorderStatus:
        with self._changed:
            return RecorderStatus(
                state=self._state,
                error=self._error,
                samples=dict(self._samples),
                lost=dict(self._lost),
                problems=tuple(self._problems),
                bytes_written=self._writer.bytes_written,
                queue_bytes=self._queued,
                queue_high_bytes=self._high,
            )

    def submit(self, item: Item) -> bool:
        """Takes an item to be written; never waits for the disk. The item's arrays must not change afterwards.

        False: it is not recorded (the queue is full, or the recorder has failed or is closed), which is counted.
        """
        size = _size(item)
        with self._changed:
            reason = self._refusal(item, size)
            if reason:
                self._lose(item, reason)
                return False
            self._queue.append(item)
            self._n_submitted += 1
            self._queued += size
            self._high = max(self._high, self._queued)
            if self._queued > self._limit // 4:
                self._changed.notify_all()
            return True

    def wait_flushed(self, timeout_s: float) -> bool:
        """Waits until everything submitted so far would survive the end of this process. Does not hurry the writer."""
        with self._changed:
            goal = self._n_submitted
            self._changed.wait_for(
                lambda: self._n_flushed >= goal or self._state is not RecorderState.RECORDING, timeout_s
            )
            return self._n_flushed >= goal

    def close(self, timeout_s: float = 10.0) -> None:
        """Writes the rest and the footers. A disk that takes longer than timeout_s is left to itself: state FAILED."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._fail(f"the disk did not take the rest within {timeout_s:g} s")

    def _refusal(self, item: Item, size: int) -> str:
        if self._state is not RecorderState.RECORDING or self._closing:
            return f"handed over when the recorder was {'closed' if self._closing else self._state.value}"
        if isinstance(item, Chunk) and self._queued + size > self._limit:
            return "the disk is too slow: the recorder's queue was full"
        return ""

    def _lose(self, item: Item, reason: str) -> None:
        """Counts a chunk that will not be in the file. The lock is held."""
        if isinstance(item, Chunk):
            target = self._routes.target(item.stream_id)
            self._lost[target.stream_id if target else item.stream_id] += len(item)
        self._problems.setdefault(reason)

    def _run(self) -> None:
        synced_s = time.monotonic()
        try:
            while True:
                batch, closing = self._take()
                self._write(batch)
                self._settle(len(batch))
                if time.monotonic() - synced_s >= SYNC_S:
                    self._writer.sync()
                    synced_s = time.monotonic()
                if closing:
                    break
            self._writer.close()
        except OSError as error:
            self._fail(f"{self.path} cannot be written any more: {error.strerror or error}")
        except Exception as error:  # noqa: BLE001 - whatever it is, it must be seen: it becomes the state
            _LOG.exception("the recorder stopped")
            self._fail(f"{self.path} cannot be written any more: {type(error).__name__}: {error}")
        else:
            with self._changed:
                self._state = RecorderState.CLOSED if self._state is RecorderState.RECORDING else self._state
                self._changed.notify_all()
        finally:
            self._writer.abandon()

    def _take(self) -> tuple[list[Item], bool]:
        """What has come in one cycle, or sooner when there is much of it."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._queued > self._limit // 4, CYCLE_S)
            batch, self._queue = self._queue, []
            self._queued = 0
            return batch, self._closing

    def _write(self, batch: list[Item]) -> None:
        """Writes a batch, each stream's samples joined into one chunk."""
        pending: dict[str, list[Chunk]] = {}
        for item in batch:
            if isinstance(item, Chunk):
                key = self._accept(item)
                if key:
                    self._in_flight.append((key, item))
                    pending.setdefault(key, []).append(item)
            elif isinstance(item, ClockOffset):
                self._write_offset(item)
            elif isinstance(item, StreamUp):
                self._connect(item.info)
            elif isinstance(item, StreamDown):
                self._routes.disconnect(item)
        for key, chunks in pending.items():
            self._writer.write_chunk(_join(key, chunks))
        self._writer.flush()

    def _settle(self, n_items: int) -> None:
        """Counts what the operating system has now."""
        with self._changed:
            for key, chunk in self._in_flight:
                self._samples[key] += len(chunk)
            self._in_flight = []
            self._n_flushed += n_items
            self._changed.notify_all()

    def _accept(self, chunk: Chunk) -> str:
        """The stream of the file that a chunk belongs to; empty, and counted, when it cannot be written."""
        target = self._routes.target(chunk.stream_id)
        reason = f"stream {chunk.stream_id} was never announced" if target is None else misfit(chunk, target)
        if target is None or reason:
            with self._changed:
                self._lose(chunk, reason)
            return ""
        return target.stream_id

    def _write_offset(self, offset: ClockOffset) -> None:
        target = self._routes.target(offset.stream_id)
        if target is not None:
            self._writer.write_offset(replace(offset, stream_id=target.stream_id))

    def _connect(self, info: StreamInfo) -> None:
        with self._changed:
            new = self._routes.connect(info)
        if new is not None:
            self._writer.add_stream(new)

    def _fail(self, error: str) -> None:
        with self._changed:
            self._state, self._error = RecorderState.FAILED, error
            for key, chunk in self._in_flight:
                self._lost[key] += len(chunk)
            for item in self._queue:
                self._lose(item, error)
            self._in_flight, self._queue, self._queued = [], [], 0
            self._changed.notify_all()


def record_source(
    source: Source,
    streams: Sequence[StreamInfo],
    recorder: Recorder,
    stop: Callable[[], bool],
    early: Sequence[Item] = (),
    poll_s: float = 0.2,
) -> None:
    """Records a started source until it is exhausted, `stop` returns true or the recorder has failed.

    streams: what the source named; early: what has been read from it since. Stops the source and takes over what it
    still holds; the recorder stays open. Raises RtemoError when the source or the recorder fails.
    """
    try:
        for item in [*map(StreamUp, streams), *early]:
            recorder.submit(item)
        while not (stop() or source.exhausted or recorder.state is RecorderState.FAILED):
            for item in source.read(poll_s):
                recorder.submit(item)
    finally:
        source.stop()
    while not source.exhausted and (rest := source.read(0.0)):
        for item in rest:
            recorder.submit(item)
    if recorder.state is RecorderState.FAILED:
        raise RtemoError("the recording failed", recorder.error, "what was written before can be read")


def _join(key: str, chunks: list[Chunk]) -> Chunk:
    if len(chunks) == 1:
        return replace(chunks[0], stream_id=key)
    stamps = np.concatenate([chunk.stamps for chunk in chunks])
    return Chunk(key, stamps, np.concatenate([chunk.values for chunk in chunks]))


def _size(item: Item) -> int:
    """Bytes that an item holds in the queue, roughly."""
    if not isinstance(item, Chunk):
        return 256
    text = 64 * item.values.size if item.values.dtype == object else 0
    return 256 + item.stamps.nbytes + item.values.nbytes + text
