"""What else can happen to a file that is being written: deleted, renamed, replaced, cut. Noticed, and mended."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import IO

from rtemo.sources.private_files import make_folder, owner_only, sync_folder
from rtemo.sources.xdf.chunks import HEAD_BYTES, MAGIC, Tag, parse_head, read_length

COPIED_BYTES = 1 << 20


class FileFault(StrEnum):
    """What something else has done to the file."""

    DELETED = "was deleted"
    MOVED = "was renamed or moved"
    REPLACED = "was replaced by another file"
    TRUNCATED = "was cut short"


class FileWatch:
    """Compares an open file with what its name leads to."""

    def __init__(self, path: Path, number: int) -> None:
        """number: the descriptor of the file, which was just created."""
        self._path = path
        # Some network disks give a file other numbers under its name than when it is open.
        self._comparable = _identity(path.stat()) == _identity(os.fstat(number))

    def look(self, number: int, flushed: int) -> FileFault | None:
        """The fault, if there is one. flushed: how long the file must be. Raises OSError where the disk is gone."""
        opened = os.fstat(number)
        if opened.st_nlink == 0:
            return FileFault.DELETED
        try:
            named = self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return FileFault.MOVED
        except PermissionError:
            named = opened  # the folder was closed to us; the file is open
        if self._comparable and _identity(named) != _identity(opened):
            return FileFault.REPLACED
        return FileFault.TRUNCATED if opened.st_size < flushed else None


def samples_in_file(path: Path, size: int) -> tuple[Counter[int], int]:
    """Samples of each stream in the first bytes of an XDF file, by the streams' numbers, and where its last whole chunk
    ends. Raises OSError.
    """
    samples: Counter[int] = Counter()
    with path.open("rb") as file:
        end = len(MAGIC) if file.read(len(MAGIC)) == MAGIC else 0
        while end:
            file.seek(end)
            head = file.read(HEAD_BYTES + 9)
            chunk = parse_head(head, end)
            if chunk is None or chunk.end > size:
                break
            if chunk.tag == Tag.SAMPLES and (counted := read_length(head, chunk.body - end)) is not None:
                samples[chunk.stream] += counted[0]
            end = chunk.end
    return samples, end


class Rescue:
    """Writes a file that was deleted, and is still open, again, in a thread of its own."""

    def __init__(self, path: Path, number: int, problem: Callable[[str], None]) -> None:
        """Takes the file's name again, or one beside it where another file has it now: that is `path`.

        number: a descriptor of the file, which is closed at the end. problem: called with how it went.
        """
        self.path, self._number, self._problem = path, number, problem
        self._file: IO[bytes] | None = None
        try:
            make_folder(path.parent)
            self._file = self._create()
        except OSError as error:
            self._error = error
        self.thread = threading.Thread(target=self._run, name="rtemo-rescue", daemon=True)

    def begin(self, size: int, samples: Mapping[int, tuple[str, int]], lost: Callable[[str, int, str], None]) -> None:
        """size: how many bytes of the file count.

        samples: number of a stream -> its name and its samples in these, to count what cannot be saved.
        """
        self._size, self._samples, self._lost = size, samples, lost
        self.thread.start()

    def _create(self) -> IO[bytes]:
        named = self.path
        for n in count():
            try:
                return open(self.path, "xb", opener=owner_only)
            except FileExistsError:
                self.path = named.with_name(f"{named.stem}_rescued{n or ''}{named.suffix}")
        raise AssertionError  # count never ends

    def _run(self) -> None:
        try:
            if self._file is None:
                raise self._error
            with self._file:
                self._copy(self._file)
            sync_folder(self.path.parent)
        except OSError as error:
            self._count_lost(f"{self.path} was deleted and cannot be written again: {error.strerror or error}")
        else:
            self._problem(f"what was deleted is whole again in {self.path}, from the file that was still open")
        finally:
            os.close(self._number)

    def _copy(self, file: IO[bytes]) -> None:
        os.lseek(self._number, 0, os.SEEK_SET)
        left = self._size
        while block := os.read(self._number, min(left, COPIED_BYTES)):
            file.write(block)
            left -= len(block)
        file.flush()
        os.fsync(file.fileno())

    def _count_lost(self, why: str) -> None:
        """What did come into the new file is not lost."""
        kept: Counter[int] = Counter()
        with contextlib.suppress(OSError):
            kept = samples_in_file(self.path, self.path.stat().st_size)[0] if self._file is not None else kept
        for number, (stream, n) in self._samples.items():
            self._lost(stream, n - kept[number], why)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
