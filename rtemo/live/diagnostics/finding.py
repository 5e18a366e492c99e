"""A finding of `rtemo doctor`: what was checked, its state, the fact, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FindingState(StrEnum):
    """The state of what was checked, from good to bad."""

    OK = "ok"
    WARN = "warn"  # works, but often causes problems
    FAIL = "fail"  # rtemo cannot work here


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `todo` may be set where the state is OK: a hint for when it is not."""

    name: str
    state: FindingState
    fact: str
    todo: str = ""
