"""Errors that a user can act on. Everything the program raises on purpose derives from RtemoError."""

from __future__ import annotations

import errno

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
LONGEST = 4_000  # characters of a part: what is quoted from a file may be a million characters of nothing


class RtemoError(Exception):
    """A problem the user can act on: the fact, what was found, what to do. The command line exits with 2.

    Parameters are joined by "; " into the one line that the command line prints after "error: ". Of a part that is too
    long to be read, its beginning and its end are kept.
    """

    exit_code = 2

    def __init__(self, fact: str, found: str = "", todo: str = "") -> None:
        self.fact, self.found, self.todo = _readable(fact), _readable(found), _readable(todo)
        super().__init__("; ".join(part for part in (self.fact, self.found, self.todo) if part))


class StreamMissing(RtemoError):
    """A required stream was never found, or was lost for good. The command line exits with 3."""

    exit_code = 3


def error_of_files(error: OSError) -> RtemoError | None:
    """What the system refused to do with a file; None where the error is about something else, and so a fault of ours.

    The system names the file where it is opened, and not where it is written: a full disk has no name.
    """
    found = " ".join((error.strerror or str(error) or type(error).__name__).split())
    if error.filename is not None:
        return RtemoError(f"{error.filename!s:.200} cannot be used", found, "name another")
    if error.errno in _DISK or (error.errno is None and type(error) is OSError):
        return RtemoError("a file cannot be written", found, "free some space, or name a place on another disk")
    return None


def _readable(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST - 300]} … ({len(text) - LONGEST + 100:,} characters left out) … {text[-200:]}"
