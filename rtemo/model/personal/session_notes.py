"""Labels, calibrations and channels as a session notes them: what a predictor is given, live and in a replay.

A label counts for windows that end NOTICE_S after it was given: whenever it is read, those are still to come.
"""

from __future__ import annotations

from dataclasses import dataclass

NOTICE_S = 2.0


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


@dataclass(frozen=True, slots=True)
class ChannelMarked:
    """An EEG channel counts as bad, or as good, for frames that end after from_s; automatic: as it is found to be."""

    label: str
    mark: str  # a ChannelMark
    from_s: float

    @property
    def text(self) -> str:
        return f"channel {self.label} marked {self.mark} from {self.from_s!r}"


Note = LabelGiven | LabelWithdrawn | CalibrationBegun | CalibrationEnded | ChannelMarked
