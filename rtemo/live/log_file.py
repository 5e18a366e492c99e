"""Rotating log file of an engine, in the platform's folder for logs, that a lab can send.

It holds failures, losses, lost streams and unexpected exceptions with their tracebacks, nothing of the signals. Only
the user can read it. An engine that cannot write it runs on. Files are named for what writes them and not for its
process, so that they stay few; each has one writer at a time, and whoever comes while one writes takes the next number.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO, Any

import platformdirs

from rtemo.core.errors import RtemoError
from rtemo.sources.private_files import lock_file, owner_only

BYTES, BACKUPS = 1 << 20, 2  # of one file, and how many older ones are kept
MOST_WRITERS = 16  # of one name at a time
_ROOT = logging.getLogger("rtemo")


class _PrivateFile(RotatingFileHandler):
    """Makes each file readable for this user only. When writing fails it says so once, and nothing else happens."""

    _failed = False
    claim: IO[bytes]  # held for as long as it is written

    def close(self) -> None:
        try:
            super().close()
        finally:
            self.claim.close()

    def _open(self) -> Any:
        os.close(os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002 - logging's name
        if not self._failed and sys.stderr is not None:
            sys.stderr.write(f"warning: {self.baseFilename} cannot be written any more: {sys.exc_info()[1]}\n")
        self._failed = True


def log_folder() -> Path:
    """Where logs lie."""
    return platformdirs.user_log_path("rtemo", appauthor=False)


@contextlib.contextmanager
def logged(name: str, warn: Callable[[str], None]) -> Iterator[None]:
    """Log what happens meanwhile, also exceptions that end this block, which then name the file, or another thread."""
    if start_log(name) is None:
        warn(f"warning: no log can be written in {log_folder()}; see rtemo doctor")
    before, threading.excepthook = threading.excepthook, _log_thread
    try:
        yield
    except Exception as error:
        if not isinstance(error, RtemoError):
            _ROOT.exception("%s stopped", name)
            if (path := log_path()) is not None:
                error.add_note(f"see {path}")
        raise
    finally:
        threading.excepthook = before
        stop_log()


def _log_thread(args: threading.ExceptHookArgs) -> None:
    """Log the exception that ended a thread, and print it as usual."""
    if args.exc_value is not None:
        _ROOT.error("thread %s stopped", args.thread.name if args.thread else "?", exc_info=args.exc_value)
    threading.__excepthook__(args)


def start_log(name: str, folder: Path | None = None) -> Path | None:
    """Write what is logged from now on into a file of this name, instead of an older one; None where it cannot be."""
    stop_log()
    stem = re.sub(r"-\d+(?=-|$)", "", re.sub(r"[^A-Za-z0-9_-]", "-", name))[:40] or "engine"  # without process numbers
    try:
        folder = folder or log_folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path, lock = _free_file(folder, stem)
        handler = _PrivateFile(path, maxBytes=BYTES, backupCount=BACKUPS, encoding="utf-8", errors="backslashreplace")
        handler.claim = lock
    except OSError:
        return None
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    _ROOT.addHandler(handler)
    _ROOT.setLevel(logging.INFO)
    return path


def _free_file(folder: Path, stem: str) -> tuple[Path, IO[bytes]]:
    """A log that nobody writes now, and what shows others that it is taken. Raises OSError."""
    for number in range(1, MOST_WRITERS + 1):
        path = folder / f"{stem}{f'-{number}' if number > 1 else ''}.log"
        lock = open(path.with_suffix(".lock"), "ab", opener=owner_only)  # noqa: SIM115 - open while the log is written
        if lock_file(lock):
            return path, lock
        lock.close()
    raise OSError(f"{MOST_WRITERS} processes write {stem}.log")


def log_path() -> Path | None:
    """The file that is written now."""
    handlers = [handler for handler in _ROOT.handlers if isinstance(handler, _PrivateFile)]
    return Path(handlers[0].baseFilename) if handlers else None


def stop_log() -> None:
    """Close the file."""
    for handler in [handler for handler in _ROOT.handlers if isinstance(handler, _PrivateFile)]:
        _ROOT.removeHandler(handler)
        with contextlib.suppress(OSError):  # what was not written yet finds no room
            handler.close()
