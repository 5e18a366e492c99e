"""What is noted of a session about its person, as the texts of annotations, and how a replay reads them again.

    label 3: sad from 1000.25 to 1060.25     a self-report or the label of a clip, LSL times
    label 3 forgotten
    calibration begins at 1300.5             a personal calibration (its file is in the session's folder) counts
    calibration ends at 1400.5               the trained heads count again
    baseline planned: ..., baseline begins: ...   see baseline_plan.py

A label counts for windows that end NOTICE_S after its annotation: whenever it is heard, live or in a replay, those are
still to come. The times in the last two are those from which they count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rtemo.core.types import STRING_FORMAT, StreamInfo

TextsOf = Callable[[str], list[tuple[float, str]]]  # all texts of the stream with this id, with their LSL times

NOTICE_S = 2.0
EVENTS = "rtemo_events"  # the stream, see outlet.py

_LABEL = re.compile(r"label (\d+): (.+) from (\S+) to (\S+)")
_FORGOTTEN = re.compile(r"label (\d+) forgotten")
_BEGINS = re.compile(r"calibration begins at (\S+)")
_ENDS = re.compile(r"calibration ends at (\S+)")
EXPLAINED = "explanation: "  # how the text of an explanation begins in the stream of events; it is no marker
PREFIX = "annotation: "  # of annotations in the stream of events, see outlet.py
PLANNED, BASELINE_BEGINS = "baseline planned: ", "baseline begins: "  # see baseline_plan.py


@dataclass(frozen=True, slots=True)
class LabelGiven:
    """A stretch with a label, counted from 0 in a session."""

    number: int
    label: str
    begin_s: float
    end_s: float

    @property
    def text(self) -> str:
        return f"label {self.number}: {self.label} from {self.begin_s!r} to {self.end_s!r}"


@dataclass(frozen=True, slots=True)
class LabelWithdrawn:
    """The label of this number does not count any more."""

    number: int

    @property
    def text(self) -> str:
        return f"label {self.number} forgotten"


@dataclass(frozen=True, slots=True)
class CalibrationBegun:
    """A personal calibration counts for windows that end after from_s; its file says the same."""

    from_s: float

    @property
    def text(self) -> str:
        return f"calibration begins at {self.from_s!r}"


@dataclass(frozen=True, slots=True)
class CalibrationEnded:
    """The personal calibration does not count for windows that end after from_s."""

    from_s: float

    @property
    def text(self) -> str:
        return f"calibration ends at {self.from_s!r}"


Note = LabelGiven | LabelWithdrawn | CalibrationBegun | CalibrationEnded


def read_note(text: str) -> Note | None:
    """The note that a text is, None for any other text."""
    if not text.startswith(PREFIX):
        return None
    text = text.removeprefix(PREFIX)
    try:
        if found := _LABEL.fullmatch(text):
            return LabelGiven(int(found[1]), found[2], float(found[3]), float(found[4]))
        if found := _FORGOTTEN.fullmatch(text):
            return LabelWithdrawn(int(found[1]))
        if found := _BEGINS.fullmatch(text):
            return CalibrationBegun(float(found[1]))
        if found := _ENDS.fullmatch(text):
            return CalibrationEnded(float(found[1]))
    except ValueError:  # no numbers after all
        return None
    return None


def recorded_notes(texts_of: TextsOf, streams: Iterable[StreamInfo]) -> list[tuple[float, Note]]:
    """What rtemo noted in a recording, each with its LSL time. texts_of: the recording's. streams: its own."""
    ours = [info.stream_id for info in streams if info.name == EVENTS and info.channel_format == STRING_FORMAT]
    texts = [(time_s, read_note(text)) for stream_id in ours for time_s, text in texts_of(stream_id)]
    return [(time_s, note) for time_s, note in texts if note is not None]
