"""XDF recorder: a thread of its own writes what it is handed and never holds up whoever hands it.

What it keeps true: everything that was handed over is in a file, raw, or is counted in `lost` with the reason in
`problems`; what is older than CYCLE_S survives a kill of the process, and what is older than CYCLE_S + SYNC_S a power
cut; a file that is deleted, moved, cut, or on a disk that fails is gone on from in the next one; an item that cannot be
written costs itself alone.
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
from typing import Protocol

import numpy as np

from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, ClockOffset, Item, StreamDown, StreamInfo, StreamNotice, StreamUp
from rtemo.recorder.recording_files import Logged, OpenWriter, RecordingFiles
from rtemo.recorder.stream_routes import Routes, misfit
from rtemo.sources.base import Source
from rtemo.sources.xdf.recording_log import LOG_NAME, LogEntry
from rtemo.sources.xdf.writer import XdfWriter

_LOG = logging.getLogger("rtemo.recorder")

CYCLE_S = 0.25  # how often the queue is written out and handed to the operating system
SYNC_S = 0.75  # how often the disk is waited for
STALLED_S = 1.25  # a disk that has not answered for so long is waited for
QUEUE_BYTES = 64 << 20  # about four minutes of 64 channels at 1000 Hz: a disk may well stall for some seconds
MOST_PROBLEMS = 200
LONGEST_PROBLEM = 500  # characters


class RecorderState(StrEnum):
    """Whether what is handed over reaches a file."""

    RECORDING = "recording"
    WAITING = "waiting"  # no place takes it, or the disk does not answer; it is kept in memory, and tried again
    FAILED = "failed"  # samples are being lost; until it is closed, it is tried again
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """Samples are counted by the stream_id under which the stream was first announced.

    paths: all files of the recording, in order. stalled_s: for how long the disk has not answered.
    """

    state: RecorderState
    error: str  # why it waits or failed, one line; empty while it does not
    samples: dict[str, int]  # written
    lost: dict[str, int]  # handed over and not in a file
    problems: tuple[str, ...]
    bytes_written: int
    queue_bytes: int
    queue_high_bytes: int
    paths: tuple[Path, ...] = ()
    stalled_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Unwritten:
    """What a recorder that was killed had not written. path, size: its last file, and how much of that counts.

    entries: in order, after the streams that were there; each with the time when it was submitted.
    """

    path: Path
    size: int
    entries: tuple[tuple[Item | LogEntry, float], ...]


class UnwrittenItems(Protocol):
    """Keeps what is not in the file yet, see rtemo.recorder.journal."""

    def append(self, item: Item | LogEntry, time_s: float, packed: bytes | None) -> None: ...

    def strike_off(self, n: int, path: Path, size: int) -> None: ...

    def close(self) -> None: ...


class Recorder:
    """Records items into an XDF file, or several where one is lost. `submit` may be called from any thread."""

    def __init__(
        self,
        path: Path | str,
        queue_bytes: int = QUEUE_BYTES,
        open_writer: OpenWriter = XdfWriter,
        session_id: str = "",
        elsewhere: Sequence[Path] = (),
        clock: Callable[[], float] = time.monotonic,
        continues: str = "",
        continues_bytes: int | None = None,
    ) -> None:
        """Creates the file and starts. Raises RtemoError when the file exists or cannot be made.

        session_id: written into the file's header, see XdfWriter. elsewhere: folders in which the recording goes on
        where the file's own no longer works. clock: LSL time, for the stamps of the recorder's own log. continues: the
        name of the file that it goes on from. continues_bytes: how much of that counts; None: all.
        """
        self.path = Path(path)
        self._limit, self._clock = queue_bytes, clock
        self._changed = threading.Condition()
        self._queue: list[tuple[Item | LogEntry, float]] = []  # with the time where it is for the log
        self._queued = self._high = self._n_taken = self._n_submitted = self._n_flushed = 0
        self._closing = self._over = False
        self._state, self._error = RecorderState.RECORDING, ""
        self._samples: Counter[str] = Counter()  # given to the files, less what these lost
        self._unsettled: Counter[str] = Counter()  # of these, what the operating system does not have yet
        self._lost: Counter[str] = Counter()
        self._problems: dict[str, None] = {}
        self._routes = Routes([LOG_NAME])
        self._pending: dict[str, list[Chunk]] = {}
        self._busy_since_s: float | None = None
        self._synced_s = time.monotonic()
        self._files = RecordingFiles(
            self.path,
            session_id,
            elsewhere,
            open_writer,
            self._lost_in_file,
            self._add_problem,
            clock,
            continues,
            continues_bytes,
        )
        self._journal: UnwrittenItems | None = None
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
            busy_since_s, state, error = self._busy_since_s, self._state, self._error
            stalled_s = 0.0 if busy_since_s is None else time.monotonic() - busy_since_s
            if stalled_s >= STALLED_S and state is RecorderState.RECORDING:
                state, error = RecorderState.WAITING, f"{self._files.paths[-1]}: the disk does not answer"
            return RecorderStatus(
                state=state,
                error=error,
                samples=dict(self._samples - self._unsettled),
                lost=dict(self._lost),
                problems=tuple(self._problems),
                bytes_written=self._files.bytes_written,
                queue_bytes=self._queued,
                queue_high_bytes=self._high,
                paths=tuple(self._files.paths),
                stalled_s=stalled_s,
            )

    def keep_in(self, journal: UnwrittenItems) -> None:
        """Have what is not in the file yet kept. Nothing has been submitted."""
        self._journal = journal

    def submit(self, item: Item, packed: bytes | None = None) -> bool:
        """Takes an item to be written; never waits for the disk. The item's arrays must not change afterwards.

        packed: the same as bytes, for the journal. False: it is not recorded (the queue is full, or the recorder is
        closed), which is counted.
        """
        return self._submit(item, packed=packed)

    def submit_again(self, item: Item | LogEntry, time_s: float) -> bool:
        """Takes what a recorder before this one had not written. time_s: when it took it."""
        return self._submit(item, time_s)

    def annotate(self, text: str, time_s: float, participant: str = "") -> bool:
        """Writes what a person noted at a time, LSL's, into the recorder's log. False: it is not recorded.
        participant: whom it is about, of several.
        """
        return self._submit(LogEntry("annotation", text=text, noted=True, participant=participant), time_s)

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

    def _submit(self, item: Item | LogEntry, time_s: float | None = None, packed: bytes | None = None) -> bool:
        size = _size(item)
        if time_s is None:
            time_s = 0.0 if isinstance(item, Chunk | ClockOffset) else self._clock()
        with self._changed:
            reason = self._refusal(item, size)
            if reason:
                self._lose(item, reason)
                return False
            self._queue.append((item, time_s))
            self._n_submitted += 1
            if self._journal is not None:
                self._journal.append(item, time_s, packed)
            self._queued += size
            self._high = max(self._high, self._queued)
            if self._queued > self._limit // 4:
                self._changed.notify_all()
            return True

    def _refusal(self, item: Item | LogEntry, size: int) -> str:
        if self._closing or self._over:
            return "handed over when the recorder was closed"
        limit = self._limit if isinstance(item, Chunk) else 2 * self._limit  # what is about streams finds room
        if self._queued + size <= limit:
            return ""
        if self._state is RecorderState.RECORDING:
            return "the disk is too slow: the recorder's queue was full"
        self._state = RecorderState.FAILED
        self._changed.notify_all()
        return self._error

    def _lose(self, item: Item | LogEntry, reason: str) -> None:
        """Counts a chunk that will not be in a file. The lock is held."""
        if isinstance(item, Chunk):
            target = self._routes.target(item.stream_id)
            self._lost[target.stream_id if target else item.stream_id] += len(item)
        self._note(reason)

    def _note(self, problem: str) -> None:
        if len(self._problems) < MOST_PROBLEMS:
            self._problems.setdefault(problem[:LONGEST_PROBLEM])

    def _add_problem(self, problem: str) -> None:
        _LOG.warning("%s", problem)
        with self._changed:
            self._note(problem)

    def _lost_in_file(self, stream_id: str, n: int, reason: str) -> None:
        if n > 0 and stream_id != LOG_NAME:
            with self._changed:
                self._samples[stream_id] -= n
                self._lost[stream_id] += n
                self._note(reason)

    def _run(self) -> None:
        try:
            while not self._turn():
                pass
            self._files.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must be seen: it becomes the state
            _LOG.exception("the recorder stopped")
            self._fail(f"{self._files.paths[-1]} cannot be written any more: {type(error).__name__}: {error}")
        else:
            with self._changed:
                if not self._over:
                    self._error = self._files.error
                    self._state = RecorderState.FAILED if self._error else RecorderState.CLOSED
                    self._unsettled.clear()
                    if self._journal is not None:
                        self._journal.close()
                self._over = True
                self._changed.notify_all()
        finally:
            self._files.abandon()

    def _turn(self) -> bool:
        """Writes what has come in one cycle, and looks after the file. True: it was the last."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closing or (self._queued > self._limit // 4 and not self._files.error), CYCLE_S
            )
            closing, now_s = self._closing, time.monotonic()
            self._busy_since_s = now_s
        if self._files.error:
            self._files.look()
        with self._changed:
            batch: list[tuple[Item | LogEntry, float]] = []
            if closing or not self._files.error:
                batch, self._queue, self._queued = self._queue, [], 0
        for item, time_s in batch:
            self._take(item, time_s)
        self._write_pending()
        self._files.flush()
        if now_s - self._synced_s >= SYNC_S:
            self._files.sync()
            self._synced_s = now_s
        self._settle(len(batch))
        return closing

    def _settle(self, n_items: int) -> None:
        """Counts what the operating system has now, and states whether it has."""
        with self._changed:
            self._busy_since_s = None
            self._n_taken += n_items
            if self._over:
                return
            if self._files.error:
                self._error = self._files.error
                if self._state is RecorderState.RECORDING:
                    self._state = RecorderState.WAITING
            else:
                self._state, self._error = RecorderState.RECORDING, ""
                self._n_flushed = self._n_taken
                self._unsettled.clear()
                if self._journal is not None:
                    self._journal.strike_off(self._n_flushed, self._files.paths[-1], self._files.flushed_bytes)
            self._changed.notify_all()

    def _take(self, item: Item | LogEntry, time_s: float) -> None:
        """Writes an item. One that cannot be written, whatever the reason, costs itself alone."""
        try:
            if isinstance(item, Chunk):
                self._accept(item)
            elif isinstance(item, ClockOffset):
                self._write_offset(item)
            else:
                self._write_logged(item, time_s)
        except Exception as error:  # noqa: BLE001 - it is reported and counted
            _LOG.exception("an item was not recorded")
            with self._changed:
                self._lose(item, f"not recorded: {type(error).__name__}: {error}")

    def _accept(self, chunk: Chunk) -> None:
        """Puts a chunk to those of its stream that are written as one; counted when it cannot be written."""
        target = self._routes.target(chunk.stream_id)
        reason = f"stream {chunk.stream_id} was never announced" if target is None else misfit(chunk, target)
        if target is None or reason:
            with self._changed:
                self._lose(chunk, reason)
        else:
            self._pending.setdefault(target.stream_id, []).append(chunk)

    def _write_pending(self) -> None:
        """Writes the chunks that have come, each stream's joined into one."""
        for key in list(self._pending):
            self._write_chunks(key)

    def _write_chunks(self, key: str) -> None:
        chunks = self._pending.pop(key, [])
        if not chunks:
            return
        try:
            self._write_chunk(_join(key, chunks))
        except Exception:  # noqa: BLE001 - one of them is at fault
            for chunk in chunks:
                try:
                    self._write_chunk(replace(chunk, stream_id=key))
                except Exception as error:  # noqa: BLE001 - it is reported and counted
                    with self._changed:
                        self._lose(chunk, f"stream {key}: samples not recorded: {type(error).__name__}: {error}")

    def _write_chunk(self, chunk: Chunk) -> None:
        self._files.write(chunk)
        with self._changed:
            self._samples[chunk.stream_id] += len(chunk)
            self._unsettled[chunk.stream_id] += len(chunk)

    def _write_offset(self, offset: ClockOffset) -> None:
        target = self._routes.target(offset.stream_id)
        if target is not None:
            self._files.write(replace(offset, stream_id=target.stream_id))

    def _write_logged(self, item: StreamUp | StreamDown | StreamNotice | LogEntry, time_s: float) -> None:
        """Writes what happened to a stream behind the samples that came before it, so that its place is exact."""
        if isinstance(item, LogEntry):
            self._files.write(Logged(item, time_s))
            return
        replaced = self._routes.target(item.replaces) if isinstance(item, StreamUp) else None
        if isinstance(item, StreamUp):
            with self._changed:
                self._routes.replace(item.replaces, item.info)
            self._connect(item.info)
        elif isinstance(item, StreamDown):
            self._routes.disconnect(item)
        target = self._routes.target(item.info.stream_id if isinstance(item, StreamUp) else item.stream_id)
        if target is None:
            return
        self._write_chunks(target.stream_id)
        before = replaced.stream_id if replaced is not None and replaced != target else ""
        self._files.write(Logged(_entry(item), time_s, target.stream_id, before))

    def _connect(self, info: StreamInfo) -> None:
        with self._changed:
            new = self._routes.connect(info)
        if new is not None:
            self._files.add_stream(new)

    def _fail(self, error: str) -> None:
        """Ends for good. What was not safe counts as lost."""
        with self._changed:
            if self._over:
                return
            self._state, self._error, self._over = RecorderState.FAILED, error, True
            for key, n in self._unsettled.items():
                self._samples[key] -= n
                self._lost[key] += n
            self._unsettled.clear()
            waiting = [*(item for item, _ in self._queue), *(c for chunks in self._pending.values() for c in chunks)]
            for item in waiting:
                self._lose(item, error)
            self._queue, self._queued = [], 0
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


def _entry(item: StreamUp | StreamDown | StreamNotice) -> LogEntry:
    """The entry of the log for what happened to a stream."""
    match item:
        case StreamUp():
            return LogEntry("up")
        case StreamDown():
            return LogEntry("down", state=item.state, text=item.reason)
        case StreamNotice():
            return LogEntry("notice", text=item.text, trusted=item.trusted)


def _join(key: str, chunks: list[Chunk]) -> Chunk:
    if len(chunks) == 1:
        return replace(chunks[0], stream_id=key)
    stamps = np.concatenate([chunk.stamps for chunk in chunks])
    return Chunk(key, stamps, np.concatenate([chunk.values for chunk in chunks]))


def _size(item: Item | LogEntry) -> int:
    """Bytes that an item holds in the queue, roughly."""
    if isinstance(item, LogEntry):
        return 256 + 4 * len(item.text)
    if isinstance(item, StreamUp):
        return 1024 + 4 * len(item.info.xml) + 512 * item.info.n_channels
    if not isinstance(item, Chunk):
        return 256
    text = 64 * item.values.size if item.values.dtype == object else 0
    if text:
        text += sum(len(value) for value in item.values.flat if isinstance(value, str))
    return 256 + item.stamps.nbytes + item.values.nbytes + text
