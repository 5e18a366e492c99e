"""Labels, calibrations, channels, skipped windows and streams that came back as a session notes them: what a predictor
is given, live and in a replay.

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


@dataclass(frozen=True, slots=True)
class WindowsSkipped:
    """The model is slower than the hop: of the windows that end after from_s none is decided until resumes_s, and from
    then on those whose number, counted on the grid of LSL time, is a multiple of `every`; 1: all again.

    model: the bundle's fingerprint; hop_s: the session's. It counts for this model at this hop only.
    """

    from_s: float
    resumes_s: float
    every: int
    hop_s: float
    model: str

    @property
    def text(self) -> str:
        return f"one of {self.every} windows is decided from {self.resumes_s!r}"


@dataclass(frozen=True, slots=True)
class StreamReturned:
    """A stream that was lost is back, or another takes its place: windows up to until_s were given out without what it
    measured after after_s.
    """

    role: str  # a Modality
    after_s: float
    until_s: float
    n_timeless: int = 0  # samples without a time that came after the one at after_s, before it was lost

    @property
    def text(self) -> str:
        return f"{self.role} is back: of what it measured after {self.after_s!r} counts what follows {self.until_s!r}"


Note = (
    LabelGiven | LabelWithdrawn | CalibrationBegun | CalibrationEnded | ChannelMarked | WindowsSkipped | StreamReturned
)
