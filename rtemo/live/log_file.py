"""The log of an engine: a rotating file that a lab can send, in the platform's folder for logs.

It holds failures, losses, lost streams and unexpected exceptions with their tracebacks, nothing of the signals. Only
the user can read it. An engine that cannot write it runs on.
"""

from __future__ import annotations

import logging
import os
import re
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import platformdirs

BYTES, BACKUPS = 1 << 20, 2  # of one file, and how many older ones are kept
_ROOT = logging.getLogger("rtemo")


class _PrivateFile(RotatingFileHandler):
    """Makes each file readable for this user only."""

    def _open(self) -> Any:
        os.close(os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        return super()._open()


def log_folder() -> Path:
    """Where logs lie."""
    return platformdirs.user_log_path("rtemo", appauthor=False)


def start_log(name: str, folder: Path | None = None) -> Path | None:
    """Write what is logged from now on into a file of this name, instead of an older one; None where it cannot be."""
    stop_log()
    path = (folder or log_folder()) / f"{re.sub(r'[^A-Za-z0-9_-]', '-', name)[:40] or 'engine'}.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler = _PrivateFile(path, maxBytes=BYTES, backupCount=BACKUPS, encoding="utf-8", errors="backslashreplace")
    except OSError:
        return None
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    _ROOT.addHandler(handler)
    _ROOT.setLevel(logging.INFO)
    return path


def log_path() -> Path | None:
    """The file that is written now."""
    handlers = [handler for handler in _ROOT.handlers if isinstance(handler, _PrivateFile)]
    return Path(handlers[0].baseFilename) if handlers else None


def stop_log() -> None:
    """Close the file."""
    for handler in [handler for handler in _ROOT.handlers if isinstance(handler, _PrivateFile)]:
        _ROOT.removeHandler(handler)
        handler.close()
