"""Files and folders with a participant's data: only their owner may read them, and a new one is on the disk at once."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO


def owner_only(path: str, flags: int) -> int:
    """An `opener` for `open`: what is created can be read and written by its owner alone."""
    return os.open(path, flags | getattr(os, "O_BINARY", 0), 0o600)


def replace_file(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """A file that is its owner's alone and always whole: another process reads what was there before, or the new one.

    One process at a time writes it. Raises OSError; then what was there before stays.
    """
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        with open(partial, "xb", opener=owner_only) as file:
            write(file)
        partial.replace(path)
    except OSError:  # nothing half written stays, as on a full disk
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


def lock_file(file: IO[bytes]) -> bool:
    """Lock a file for as long as it is open; False where another process has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def make_folder(path: Path) -> None:
    """A folder that is its owner's alone, with those above it that are missing. One that exists stays as it is.

    Raises OSError.
    """
    for folder in (*reversed(path.parents), path):
        if not folder.is_dir():
            folder.mkdir(mode=0o700, exist_ok=True)


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk, on the systems that can be asked for it."""
    with contextlib.suppress(OSError):  # Windows opens no folders, some network disks cannot sync them
        number = os.open(path, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
