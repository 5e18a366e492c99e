"""A limit of wall time for whatever trains in a block: loops look at it between two steps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from rtemo.core.errors import RtemoError

_at: ContextVar[float] = ContextVar("deadline", default=float("inf"))


class OutOfTime(RtemoError):
    """Training would have gone on past its limit."""


@contextmanager
def until(seconds: float | None) -> Iterator[None]:
    """Training in the block ends with OutOfTime after so many seconds; None: when it is done."""
    token = _at.set(float("inf") if seconds is None else time.monotonic() + seconds)
    try:
        yield
    finally:
        _at.reset(token)


def look_at_the_clock() -> None:
    """Raises OutOfTime where the limit of the block around is past."""
    if time.monotonic() > _at.get():
        raise OutOfTime("there is no time left to train", "the limit is past", "give it more minutes")
