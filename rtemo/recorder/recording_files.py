"""The files of a recording: one, or a next one wherever the last can be written or found no longer.

What it keeps true: what was written and is not known to be on the disk yet stays in memory until it is, and goes into
the next file; what has gone with a file is counted; no file that exists is touched. One thread owns it.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, ClockOffset, StreamInfo
from rtemo.recorder.file_faults import FileFault, FileWatch, Rescue, samples_in_file
from rtemo.sources.private_files import make_folder, sync_folder
from rtemo.sources.xdf.parts import part_name
from rtemo.sources.xdf.recording_log import LogEntry, log_info
from rtemo.sources.xdf.writer import XdfWriter

_LOG = logging.getLogger("rtemo.recorder")

RETRY_S, LONGEST_RETRY_S = 0.5, 5.0  # how often a place is looked for while there is none
YOUNG_S = 10.0  # a file that is lost sooner speaks against its folder
LONGEST_AVOIDED_S = 60.0
LONGEST_TEXT = 4000  # characters of an entry in the log

OpenWriter = Callable[..., XdfWriter]
Lost = Callable[[str, int, str], None]


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry of the recorder's log without its place, which depends on the file. stream_id, replaces: in the file."""

    entry: LogEntry
    time_s: float  # LSL time
    stream_id: str = ""
    replaces: str = ""


Record = Chunk | ClockOffset | Logged


@dataclass(slots=True, eq=False)
class _Unsafe:
    """What was written since the disk was last waited for. end: the file's length behind it."""

    record: Record
    end: float = math.inf


@dataclass(frozen=True, slots=True)
class _Left:
    """A file that is gone on without. safe: its first bytes, which count. cut: what lies beyond is to be cut off.

    full: it could grow no further, and nothing is wrong with its folder.
    """

    why: str
    safe: int
    cut: bool
    full: bool = False


class RecordingFiles:
    """Streams and records into the newest of a recording's files. Errors of the disk stay inside and are `error`."""

    def __init__(
        self,
        path: Path,
        session_id: str,
        elsewhere: Sequence[Path],
        open_writer: OpenWriter,
        lost: Lost,
        problem: Callable[[str], None],
        clock: Callable[[], float],
        continues: str = "",
        continues_bytes: int | None = None,
    ) -> None:
        """Creates the file and waits until it is on the disk. Raises RtemoError where that cannot be done.

        elsewhere: folders to go on in where the file's own does not work. lost, problem: called with what goes wrong.
        clock: LSL time. continues, continues_bytes: the name of the file that the first one goes on from, and how much
        of that counts.
        """
        self._asked, self.paths = path, [path]
        self.error = ""  # why no file takes what is written; empty while one does
        self._session_id, self._open_writer, self._clock = session_id, open_writer, clock
        self._lost, self._problem = lost, problem
        self._folders = tuple(dict.fromkeys([path.parent, *elsewhere]))
        self._streams: dict[str, StreamInfo] = {}
        self._log = log_info(session_id)
        self._tail: list[_Unsafe] = []
        self._offsets: dict[str, ClockOffset] = {}  # the newest that is safe
        self._notices: dict[str, Logged] = {}  # streams whose times are not trusted
        self._avoided: dict[Path, tuple[int, float]] = {}  # folder -> files lost there in a row, until when
        self._failed_folder: Path | None = None  # the last to be tried again
        self._before = 0  # bytes in the files before this one
        self._why = ""  # it was left
        self._continued_bytes: int | None = None
        self._tried, self._retry_s = 0, 0.0
        self._rescues: list[Rescue] = []
        self._writer: XdfWriter | None = (
            open_writer(path, session_id, continues, continues_bytes) if continues else open_writer(path, session_id)
        )
        try:
            self._begin(self._writer)
        except OSError as error:
            self._writer.abandon()
            raise RtemoError(
                f"cannot record to {path}", error.strerror or str(error), "give a folder that can be written"
            ) from error

    @property
    def flushed_bytes(self) -> int:
        """How much of the newest file the operating system has."""
        return self._flushed

    @property
    def bytes_written(self) -> int:
        return self._before + (self._writer.bytes_written if self._writer is not None else 0)

    def add_stream(self, info: StreamInfo) -> None:
        """Raises what is wrong with the description itself; then it is not added."""
        self._streams[info.stream_id] = info
        if self._writer is not None:
            try:
                self._writer.add_stream(info)
            except OSError as error:
                self._leave_disk(error)
            except Exception:
                del self._streams[info.stream_id]
                raise

    def write(self, record: Record) -> None:
        """Raises what is wrong with the record itself; then nothing of it was written."""
        if isinstance(record, Logged) and self._log.stream_id not in self._streams:
            self.add_stream(self._log)
            self.write(ClockOffset(self._log.stream_id, record.time_s, 0.0))  # its stamps are LSL's own
        unsafe = _Unsafe(record)
        self._tail.append(unsafe)
        if self._writer is not None:
            try:
                self._put(self._writer, record)
                unsafe.end = self._writer.bytes_written
            except OSError as error:
                self._leave_disk(error)
            except Exception:
                self._tail.remove(unsafe)
                raise

    def flush(self) -> None:
        """Hand everything to the operating system, after a look at the file: what follows a cut would hide it."""
        self.look()
        if self._writer is not None:
            try:
                self._writer.flush()
                self._flushed = self._writer.bytes_written
            except OSError as error:
                self._leave_disk(error)

    def sync(self) -> None:
        """Wait for the disk, after a look at the file."""
        self.look()
        if self._writer is not None:
            try:
                self._writer.sync()
            except OSError as error:
                self._asked_in_vain = True
                self._leave_disk(error)
            else:
                self._flushed = self._synced = self._writer.bytes_written
                self._settle(self._synced)

    def look(self) -> None:
        """Look whether the file is still there and whole; go on in another where it is not, or where there is none."""
        if self._writer is None:
            if time.monotonic() >= self._retry_s:
                self._go_on()
            return
        try:
            fault = self._watch.look(self._writer.fileno(), self._flushed)
            left = self._set_aside(self._writer, fault) if fault is not None else None
        except OSError as error:
            self._leave_disk(error)
        else:
            if left is not None:
                self._leave(left)

    def close(self) -> None:
        """Write the rest and the footers. What no place takes is counted as lost."""
        if self._log.stream_id not in self._streams:
            self.add_stream(self._log)
        self.sync()
        if self._writer is None:
            self._avoided.clear()
            self._go_on()
        if self._writer is None:
            for unsafe in self._tail:
                self._count_lost(unsafe.record, self.error)
            self._tail = []
        else:
            self._end(self._writer)
        for rescue in self._rescues:
            rescue.thread.join()

    def _end(self, writer: XdfWriter) -> None:
        try:
            writer.close()
            self._before += writer.bytes_written
            self._writer = None
        except OSError as error:
            self._problem(f"{self.paths[-1]} has no footers, and all samples: {error.strerror or error}")
            self._before += self._synced
            self._abandon(self._synced)

    def abandon(self) -> None:
        """Close without waiting, after an error that nobody thought of."""
        self._abandon(None)

    def _abandon(self, keep_bytes: int | None) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.abandon(keep_bytes)

    def _begin(self, writer: XdfWriter) -> None:
        """Make sure that a new file and its name are on the disk. Raises OSError."""
        writer.sync()
        sync_folder(writer.path.parent)
        self._flushed = self._synced = writer.bytes_written
        self._asked_in_vain = False
        self._watch = FileWatch(writer.path, writer.fileno())
        self._begun_s = time.monotonic()

    def _put(self, writer: XdfWriter, record: Record) -> None:
        match record:
            case Chunk():
                writer.write_chunk(record)
            case ClockOffset():
                writer.write_offset(record)
            case Logged():
                writer.write_chunk(self._log_chunk(writer, record))

    def _log_chunk(self, writer: XdfWriter, logged: Logged) -> Chunk:
        """The entry with its place in this file, which is exact: what came before it is written before it."""
        entry, stream = logged.entry, logged.stream_id
        document = LogEntry(
            kind=entry.kind,
            stream=writer.number(stream) if stream else 0,
            sample=writer.n_samples[stream] if stream else 0,
            replaces=writer.number(logged.replaces) if logged.replaces else 0,
            state=entry.state,
            text=entry.text[:LONGEST_TEXT],
            trusted=entry.trusted,
            noted=entry.noted,
            participant=entry.participant,
        ).document()
        return Chunk(self._log.stream_id, np.array([logged.time_s]), np.array([[document]], dtype=object))

    def _settle(self, safe: float) -> None:
        """Forget what is on the disk, but for what a next file needs again."""
        for unsafe in self._tail:
            if unsafe.end <= safe:
                match unsafe.record:
                    case ClockOffset() as offset:
                        self._offsets[offset.stream_id] = offset
                    case Logged(entry=entry) as logged if entry.trusted is not None:
                        self._notices[logged.stream_id] = logged
        self._tail = [unsafe for unsafe in self._tail if unsafe.end > safe]

    def _set_aside(self, writer: XdfWriter, fault: FileFault) -> _Left:
        """Save what can be saved of a file that something else has taken or cut, and count the rest. Raises OSError."""
        path, samples = self.paths[-1], writer.n_samples
        if fault is FileFault.TRUNCATED:
            kept, whole = samples_in_file(path, os.fstat(writer.fileno()).st_size)
            again = self._unsafe_samples(whole)
            for stream, n in samples.items():
                gone = n - kept[writer.number(stream)] - again[stream]
                if gone > 0:
                    self._lost(stream, gone, f"{path} {fault.value}")
            return _Left(f"{path} {fault.value}", whole, cut=True)
        if fault is FileFault.DELETED:
            return _Left(f"{path} {fault.value}", self._rescue(writer), cut=False)
        writer.sync()
        writer.close()
        return _Left(f"{path} {fault.value}", writer.bytes_written, cut=False)

    def _rescue(self, writer: XdfWriter) -> int:
        """Have a file that was deleted and is still open written again. Returns how much of it counts."""
        samples, rescue = writer.n_samples, Rescue(self.paths[-1], os.dup(writer.fileno()), self._problem)
        self.paths[-1] = rescue.path
        self._rescues.append(rescue)
        try:
            writer.close()
            safe = writer.bytes_written
        except OSError:
            safe = self._synced
        again = self._unsafe_samples(safe)
        counted = {writer.number(stream): (stream, n - again[stream]) for stream, n in samples.items()}
        rescue.begin(safe, counted, self._lost)
        return safe

    def _leave_disk(self, error: OSError) -> None:
        """Go on without a disk that has failed. Only what it confirms counts: the rest is written again."""
        path, full = self.paths[-1], error.errno == errno.EFBIG
        self._failed_folder = None if full else path.parent
        why = f"{path} cannot be written any more: {error.strerror or error}"
        self._leave(_Left(why, self._confirmed(), cut=True, full=full))

    def _confirmed(self) -> int:
        """How much of the file is on the disk: asked once, as a disk reports what it lost only once."""
        if self._writer is None or self._asked_in_vain:
            return self._synced
        try:
            size = os.fstat(self._writer.fileno()).st_size
            os.fsync(self._writer.fileno())
        except OSError:
            return self._synced
        return max([self._synced, *(int(unsafe.end) for unsafe in self._tail if unsafe.end <= size)])

    def _leave(self, left: _Left) -> None:
        self._settle(left.safe)
        self._abandon(left.safe if left.cut else None)
        self._before += left.safe
        self._continued_bytes = left.safe if left.cut else None
        self._why, self.error = left.why, left.why
        if not left.full:
            self._avoid(self.paths[-1].parent)
        self._tried = 0
        self._go_on()

    def _avoid(self, folder: Path) -> None:
        """Leave a folder alone for a while in which one file after the other was lost at once."""
        now_s = time.monotonic()
        n = self._avoided.get(folder, (0, 0.0))[0] + 1 if now_s - self._begun_s < YOUNG_S else 0
        pause_s = min(2.0 ** (n - 1), LONGEST_AVOIDED_S) if n > 1 else 0.0
        self._avoided[folder] = (n, now_s + pause_s)

    def _go_on(self) -> None:
        """Find a place for the next file. Where there is none, it is looked for again later."""
        now_s = time.monotonic()
        free = [folder for folder in self._folders if self._avoided.get(folder, (0, 0.0))[1] <= now_s]
        for folder in sorted(free, key=lambda folder: folder == self._failed_folder):
            writer = self._open_in(folder)
            if writer is not None:
                self._writer = writer
                self._problem(f"{self._why}; the recording goes on in {writer.path}")
                self.paths.append(writer.path)
                self._failed_folder, self.error = None, ""
                return
        self._retry_s = now_s + min(RETRY_S * 2**self._tried, LONGEST_RETRY_S)
        self._tried += 1

    def _open_in(self, folder: Path) -> XdfWriter | None:
        """A new file with everything in it that is not safe; None where the folder does not take it."""
        writer = None
        try:
            make_folder(folder)
            writer = self._create(folder)
            self._write_again(writer)
            self._begin(writer)
        except (OSError, ValueError, RtemoError) as error:
            _LOG.warning("%s; no recording in %s: %s", self._why, folder, error)
            if writer is not None:
                writer.abandon()
                with contextlib.suppress(OSError):
                    writer.path.unlink()  # nothing but a copy of what is in memory
            return None
        return writer

    def _create(self, folder: Path) -> XdfWriter:
        for number in count(len(self.paths) + 1):
            path = part_name(folder / self._asked.name, number)
            try:
                return self._open_writer(path, self._session_id, self.paths[-1].name, self._continued_bytes)
            except RtemoError as error:
                if not isinstance(error.__cause__, FileExistsError):
                    raise
        raise AssertionError  # count never ends

    def _write_again(self, writer: XdfWriter) -> None:
        """The streams under their numbers, what holds of them, and what is not safe elsewhere. Raises OSError."""
        for info in self._streams.values():
            writer.add_stream(info)
        for offset in self._offsets.values():
            writer.write_offset(offset)
        if self._log.stream_id in self._streams:
            text = f"goes on from {self.paths[-1].name}: {self._why}"
            self._put(writer, Logged(LogEntry("annotation", text=text), self._clock()))
            for notice in self._notices.values():
                if notice.entry.trusted is False:
                    self._put(writer, notice)
        for unsafe in list(self._tail):
            try:
                self._put(writer, unsafe.record)
                unsafe.end = writer.bytes_written
            except OSError:
                raise
            except Exception as error:  # noqa: BLE001 - the record is at fault, and costs itself alone
                self._tail.remove(unsafe)
                self._count_lost(unsafe.record, f"{type(error).__name__}: {error}")

    def _unsafe_samples(self, safe: float) -> Counter[str]:
        """Samples in memory that are not within the first bytes of the file."""
        found: Counter[str] = Counter()
        for unsafe in self._tail:
            if unsafe.end > safe and isinstance(unsafe.record, Chunk):
                found[unsafe.record.stream_id] += len(unsafe.record)
        return found

    def _count_lost(self, record: Record, why: str) -> None:
        if isinstance(record, Chunk):
            self._lost(record.stream_id, len(record), why)
