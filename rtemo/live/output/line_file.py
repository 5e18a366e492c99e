"""Text that is written line by line: into a file, whole lines or none, or to standard output without a lock."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path
from typing import IO, Protocol

from rtemo.core.errors import RtemoError
from rtemo.sources.private_files import make_folder, owner_only

LONGEST_LINE = 1 << 20
FULL = frozenset((errno.ENOSPC, errno.EDQUOT))  # then the file itself is sound


class TextTarget(Protocol):
    """Where lines go."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> None: ...

    def close(self) -> None: ...


class LineFile:
    """A new file for its owner alone, to which text is appended: all of it, or, with an OSError, none.

    Where the file has been deleted or cannot be written any more, though the disk is not full, the next text goes into
    a next file, `NAME_2`, with the same head. No file that exists is touched.
    """

    def __init__(self, path: Path, head: str = "", *, goes_on: bool = False) -> None:
        """goes_on: the file is there already, of the same session; a line that was cut off is taken out of it.

        Raises RtemoError where the file exists or cannot be made.
        """
        self.path, self._asked, self._head = path, path, head
        try:
            self._file: IO[bytes] | None = _go_on(path) if goes_on and path.exists() else _create(path)
            self._begun = os.fstat(self._file.fileno()).st_size > 0
            self.write("")
        except FileExistsError as error:
            raise RtemoError(f"{path} exists already", "nothing is overwritten", "name another file") from error
        except (OSError, ValueError) as error:  # ValueError: a name with NUL or half a character
            found = getattr(error, "strerror", None) or str(error)
            raise RtemoError(f"{path!s:.300} cannot be written", found, "name another file") from error

    def write(self, text: str) -> None:
        if self._file is None:
            self._file, self._begun = self._next_file(), False
        self._append(self._file, text if self._begun else self._head + text)
        self._begun = True

    def flush(self) -> None:
        """There is nothing left to be flushed."""

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _append(self, file: IO[bytes], text: str) -> None:
        data = text.encode("utf-8", "backslashreplace")
        try:
            found = os.fstat(file.fileno())
            if found.st_nlink == 0:
                raise FileNotFoundError(errno.ENOENT, "the file was deleted")
            try:
                while data:
                    data = data[file.write(data) :]
            except OSError:
                os.ftruncate(file.fileno(), found.st_size)  # half a line would spoil the next one
                raise
        except OSError as error:
            if error.errno not in FULL:
                with contextlib.suppress(OSError):
                    file.close()
                self._file = None
            raise

    def _next_file(self) -> IO[bytes]:
        make_folder(self._asked.parent)
        number = 1
        while True:
            number += 1
            self.path = self._asked.with_name(f"{self._asked.stem}_{number}{self._asked.suffix}")
            with contextlib.suppress(FileExistsError):
                return _create(self.path)


class StandardOutput:
    """Standard output, past Python's own buffer: a reader that stops reading must not hold the program at its end."""

    name = "standard output"

    def write(self, text: str) -> None:
        number = _descriptor()
        if number is None:
            sys.stdout.write(text)
            sys.stdout.flush()
            return
        data = text.encode(sys.stdout.encoding, "backslashreplace")
        while data:
            data = data[os.write(number, data) :]

    def line(self, text: str) -> None:
        """Write a text and the end of its line."""
        self.write(text + "\n")

    def flush(self) -> None:
        """There is nothing left to be flushed."""

    def close(self) -> None:
        """It is not ours to close."""


def name_of(file: object) -> str:
    """What people call the place that lines go to."""
    return str(getattr(file, "path", getattr(file, "name", "a file")))


def _create(path: Path) -> IO[bytes]:
    def opener(name: str, flags: int) -> int:
        return owner_only(name, flags | os.O_APPEND)

    return open(path, "xb", buffering=0, opener=opener)


def _go_on(path: Path) -> IO[bytes]:
    """A file that is there, behind its last whole line."""
    with path.open("r+b") as file:
        begin = file.seek(max(0, path.stat().st_size - LONGEST_LINE))
        file.truncate(begin + file.read().rfind(b"\n") + 1)
    return path.open("ab", buffering=0)


def _descriptor() -> int | None:
    """Of standard output, where it is one: tests and consoles of Windows have their own."""
    if sys.platform == "win32" and sys.stdout.isatty():
        return None
    try:
        return sys.stdout.fileno()
    except (OSError, ValueError):
        return None
