"""What is noted of a session about its person, as the texts of annotations, and how a replay reads them again.

    label 3: sad from 1000.25 to 1060.25     a self-report or the label of a clip, LSL times
    label 3 forgotten
    calibration begins at 1300.5             a personal calibration (its file is in the session's folder) counts
    calibration ends at 1400.5               the trained heads count again

A label counts for windows that end NOTICE_S after its annotation: whenever it is heard, live or in a replay, those are
still to come. The times in the last two are those from which they count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NOTICE_S = 2.0

_LABEL = re.compile(r"label (\d+): (.+) from (\S+) to (\S+)")
_FORGOTTEN = re.compile(r"label (\d+) forgotten")
_ENDS = re.compile(r"calibration ends at (\S+)")
PREFIX = "annotation: "  # of annotations in the stream of events, see outlet.py


@dataclass(frozen=True, slots=True)
class Labelled:
    """A stretch with a label, counted from 0 in a session."""

    number: int
    label: str
    begin_s: float
    end_s: float

    @property
    def text(self) -> str:
        return f"label {self.number}: {self.label} from {self.begin_s!r} to {self.end_s!r}"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The label of this number does not count any more."""

    number: int

    @property
    def text(self) -> str:
        return f"label {self.number} forgotten"


@dataclass(frozen=True, slots=True)
class Ended:
    """The personal calibration does not count for windows that end after from_s."""

    from_s: float

    @property
    def text(self) -> str:
        return f"calibration ends at {self.from_s!r}"


Note = Labelled | Forgotten | Ended


def begun(from_s: float) -> str:
    """The text of a calibration that counts for windows that end after from_s; its file says the same."""
    return f"calibration begins at {from_s!r}"


def read_note(text: str) -> Note | None:
    """The note that a text is, None for any other text."""
    text = text.removeprefix(PREFIX)
    try:
        if found := _LABEL.fullmatch(text):
            return Labelled(int(found[1]), found[2], float(found[3]), float(found[4]))
        if found := _FORGOTTEN.fullmatch(text):
            return Forgotten(int(found[1]))
        if found := _ENDS.fullmatch(text):
            return Ended(float(found[1]))
    except ValueError:  # no numbers after all
        return None
    return None
