"""Errors that a user can act on. Everything the program raises on purpose derives from RtemoError."""

from __future__ import annotations


class RtemoError(Exception):
    """A problem the user can act on: the fact, what was found, what to do. The command line exits with 2.

    Parameters are joined by "; " into the one line that the command line prints after "error: ".
    """

    exit_code = 2

    def __init__(self, fact: str, found: str = "", todo: str = "") -> None:
        self.fact, self.found, self.todo = fact, found, todo
        super().__init__("; ".join(part for part in (fact, found, todo) if part))


class StreamMissing(RtemoError):
    """A required stream was never found, or was lost for good. The command line exits with 3."""

    exit_code = 3
