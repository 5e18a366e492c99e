"""One answer of `rtemo doctor`: what was looked at, how it is, the fact and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a thing is, from good to bad."""

    OK = "ok"
    WARN = "warn"  # works, but something that people trip over
    FAIL = "fail"  # rtemo cannot do its work here


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `todo` may be filled where all is well: a hint for when it is not."""

    name: str
    state: State
    fact: str
    todo: str = ""
