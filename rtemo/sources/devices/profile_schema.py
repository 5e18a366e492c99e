"""Device profiles as records. The files are described in devices/README.md and read by profile_file.py.

A profile states how to recognise the streams of one device and what their columns mean where the streams themselves
do not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from rtemo.core.channel_map import GazeUnit, Origin
from rtemo.core.types import Modality

Frame = Literal["screen", "scene"]


@dataclass(frozen=True, slots=True)
class MatchRule:
    """What a stream must look like. Everything given must fit; texts are regular expressions, case does not matter."""

    type: re.Pattern[str] | None = None
    name: re.Pattern[str] | None = None
    source_id: re.Pattern[str] | None = None
    labels: tuple[str, ...] = ()  # all of them are among the stream's labels
    n_channels: tuple[int, ...] = ()  # one of these
    description: re.Pattern[str] | None = None  # found anywhere in the stream's XML


@dataclass(frozen=True, slots=True)
class Ignored:
    """Streams of the device that are neither EEG nor gaze although they look like it, with the reason."""

    rule: MatchRule
    reason: str


@dataclass(frozen=True, slots=True)
class EegRules:
    """What an EEG profile adds to the stream's own description."""

    unit: str = ""  # what the values are, whatever the stream states
    scale_from: str = ""  # element of each channel's description that holds a factor
    drop: tuple[re.Pattern[str], ...] = ()  # labels of columns that are no EEG
    labels: tuple[str, ...] = ()  # for streams without any label, by column
    assumption: str = ""  # what using those labels takes for granted


@dataclass(frozen=True, slots=True)
class ColumnRef:
    """One column of a stream: by label, with eye or order where several have it, or by number (from 1)."""

    label: str = ""
    eye: str = ""
    nth: int = 1
    column: int = 0


@dataclass(frozen=True, slots=True)
class FlagRef:
    """A column that marks whether a sample is valid."""

    ref: ColumnRef
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, slots=True)
class EyeRules:
    """The columns of one eye, or of both where they share one gaze point."""

    x: ColumnRef | None = None
    y: ColumnRef | None = None
    pupil: ColumnRef | None = None
    valid: tuple[FlagRef, ...] = ()


@dataclass(frozen=True, slots=True)
class GazeRules:
    """What a gaze profile adds to the stream. Eyes without columns: the labels are read as for any unknown tracker."""

    unit: GazeUnit = ""
    origin: Origin = "top-left"
    frame: Frame = "screen"
    scene_px: tuple[float, float] = (0.0, 0.0)
    scene_deg: tuple[float, float] = (0.0, 0.0)
    missing: tuple[float, ...] = (0.0, -1.0)
    zero_pupil_is_blink: bool = False
    pupil_unit: str = ""
    pupil_scale: float = 1.0
    pupil_is_area: bool = False
    left: EyeRules = field(default_factory=EyeRules)
    right: EyeRules = field(default_factory=EyeRules)
    both: EyeRules = field(default_factory=EyeRules)

    @property
    def names_columns(self) -> bool:
        return any(eye.x is not None for eye in (self.left, self.right, self.both))


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """One device as rtemo knows it. `facts`: where the facts come from. `notes`: what a researcher should know."""

    id: str
    name: str
    kind: Modality
    facts: str
    match: tuple[MatchRule, ...]
    ignore: tuple[Ignored, ...] = ()
    notes: tuple[str, ...] = ()
    latency_s: float = 0.0
    eeg: EegRules = field(default_factory=EegRules)
    gaze: GazeRules = field(default_factory=GazeRules)
