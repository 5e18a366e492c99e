"""A fault as data: what is done to a sound session, and what must come out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Changes = tuple[tuple[str, dict[str, Any]], ...]
ANY = 10**9  # so many samples may be lost
LOST = (
    r"usable time|wrong stamp|out of line|lost|dropped|left out|not used"  # how a sample that is not used may be named
)
GAP = r"[1-9]\d* gaps?\b|\bgap in|missing|lost|stall|pause|without"
UNKNOWABLE_MS = 1e9  # misplaced by so much at most: no one could know from this file


@dataclass(frozen=True, slots=True)
class Want:
    """What is right. Samples are counted; times are seconds after the fault begins; regexes ignore case.

    lost: samples that were sent and are not in the recording, at most. eeg_unused, gaze_unused: samples that were
    recorded and not used, at most. misplaced_ms: of used samples that a settled prediction rests on. said: each must
    be found in what the program prints or notes as an event. not_said: must not. refused: no predictions, and an error
    of one line with this in it. exit: codes that are right. gap_s: between two predictions, at most.
    """

    lost: int = 0
    eeg_unused: int = 0
    gaze_unused: int = 0
    misplaced_ms: float = 15.0
    said: tuple[str, ...] = ()
    within_s: float = 3.0
    not_said: str = ""
    refused: str = ""
    exit: tuple[int, ...] = (0, 130)
    gap_s: float = 10.0
    predictions: int = 20
    gaze_used: int = ANY  # at most
    repeated: int = 0  # samples that may be in the recording more often than they were sent
    same_as_replay: bool = True
    ends_within_s: float = 20.0  # after it was asked to end


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. changes: of the plan, see plan.py. acts: what is done to the program, (at_s, act, parameters).

    begins_s: when the fault begins, for `said`. options: more arguments for the command.
    """

    name: str
    mode: Literal["xdf", "live"]
    changes: Changes = ()
    want: Want = field(default_factory=Want)
    seconds: float = 45.0
    begins_s: float = 0.0
    acts: tuple[tuple[float, str, dict[str, Any]], ...] = ()
    options: tuple[str, ...] = ()
    quick: bool = False
    plays: str = ""  # the fault whose plan the sender plays; its own where it is in the catalog
