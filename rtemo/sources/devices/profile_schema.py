"""Device profiles as records. The files are described in devices/README.md and read by profile_file.py: an
unknown key, a wrong type or a bad regular expression is refused, since a profile that is silently half understood would
give wrong microvolts or a flipped gaze.

A profile states how to recognise the streams of one device and what their columns mean where the streams themselves
do not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from rtemo.core.channel_map import GazeUnit, Origin
from rtemo.core.records import Check, Count, Made, Misfit, Positive, Short, regex
from rtemo.core.types import Modality
from rtemo.core.units import microvolts_per

Frame = Literal["screen", "scene"]


def _pattern(text: str) -> re.Pattern[str] | None:
    return regex(text, re.IGNORECASE) if text else None


Text = Annotated[str, Check(bool, "a text")]
Pattern = Annotated[re.Pattern[str] | None, Made(str, _pattern)]
Patterns = Annotated[
    tuple[re.Pattern[str], ...],
    Made(tuple[str, ...], lambda texts: tuple(regex(text, re.IGNORECASE) for text in texts)),
]
VoltageUnit = Annotated[str, Check(lambda unit: not unit or microvolts_per(unit) > 0, "a unit of voltage, such as uV")]
Kind = Annotated[Modality, Check((Modality.EEG, Modality.GAZE).__contains__, "eeg or gaze")]
Pair = Annotated[tuple[float, float], Check(lambda pair: min(pair) > 0, "two positive numbers: horizontal, vertical")]


@dataclass(frozen=True, slots=True)
class MatchRule:
    """What a stream must look like. Everything given must fit; texts are regular expressions, case does not matter."""

    type: Pattern = None
    name: Pattern = None
    source_id: Pattern = None
    labels: tuple[str, ...] = ()  # all of them are among the stream's labels
    n_channels: tuple[int, ...] = ()  # one of these
    description: Pattern = None  # found anywhere in the stream's XML

    def __post_init__(self) -> None:
        """Refuses a rule that every stream fits."""
        if not any((self.type, self.name, self.source_id, self.labels, self.n_channels, self.description)):
            raise Misfit("type", "a rule that fits every stream: give at least one of type, name, source_id, labels")


@dataclass(frozen=True, slots=True)
class Ignored(MatchRule):
    """Streams of the device that are neither EEG nor gaze although they look like it, with the reason."""

    reason: Text = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class EegRules:
    """What an EEG profile adds to the stream's own description."""

    unit: VoltageUnit = ""
    scale_from: str = ""  # element of each channel's description that holds a factor
    drop: Patterns = ()  # labels of columns that are no EEG
    labels: tuple[str, ...] = ()  # for streams without any label, by column
    assumption: str = ""  # what using those labels takes for granted

    def __post_init__(self) -> None:
        """Refuses labels without what they assume."""
        if bool(self.labels) != bool(self.assumption):
            raise Misfit("assumption", "labels without it or it without labels")


@dataclass(frozen=True, slots=True)
class ColumnRef:
    """One column of a stream: by label, with eye or order where several have it, or by number (from 1)."""

    label: str = ""
    eye: Literal["left", "right", "both", ""] = ""
    nth: Count = 1
    column: Annotated[int, Check(lambda n: n >= 0, "a column's number, counted from 1")] = 0

    def __post_init__(self) -> None:
        """Refuses two ways at once, and none."""
        if bool(self.label) == bool(self.column):
            raise Misfit("label", "give either a label or a column number, counted from 1")


Column = Annotated[ColumnRef, Short("label")]


@dataclass(frozen=True, slots=True)
class FlagRef(ColumnRef):
    """A column that says whether a sample is valid: by the values that mean so."""

    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        """Refuses a flag without a bound."""
        ColumnRef.__post_init__(self)
        if self.at_least is None and self.at_most is None:
            raise Misfit("at_least", "no bound: give at_least or at_most")


@dataclass(frozen=True, slots=True)
class EyeRules:
    """The columns of one eye, or of both where they share one gaze point."""

    x: Column | None = None
    y: Column | None = None
    pupil: Column | None = None
    valid: tuple[FlagRef, ...] = ()

    def __post_init__(self) -> None:
        """Refuses half a gaze point."""
        if (self.x is None) != (self.y is None):
            raise Misfit("x", "one of x and y without the other")


@dataclass(frozen=True, slots=True)
class GazeRules:
    """What a gaze profile adds to the stream. Eyes without columns: the labels are read as for any unknown tracker.

    samples_per_row: how many samples of the tracker one row of the stream carries, at equal distance. sample_width: the
    columns of each, one group after the other; 0: all columns in equal parts. Eyes name columns of the first group.
    eye: the stream is of this eye alone, and another one, by a profile of its own, of the other eye.
    """

    unit: GazeUnit = ""
    origin: Origin = "top-left"
    frame: Frame = "screen"
    scene_px: Pair = (0.0, 0.0)
    scene_deg: Pair = (0.0, 0.0)
    missing: tuple[float, ...] = (0.0, -1.0)
    zero_pupil_is_blink: bool = False
    pupil_unit: Literal["mm", "px", ""] = ""
    pupil_scale: Positive = 1.0
    pupil_is_area: bool = False
    samples_per_row: Annotated[int, Check(lambda n: 1 <= n <= 64, "1 to 64")] = 1
    sample_width: Annotated[int, Check(lambda n: n >= 0, "a number of columns")] = 0
    eye: Literal["left", "right", ""] = ""
    left: EyeRules = field(default_factory=EyeRules)
    right: EyeRules = field(default_factory=EyeRules)
    both: EyeRules = field(default_factory=EyeRules)

    def __post_init__(self) -> None:
        """Refuses a scene camera of unknown size."""
        if self.frame == "scene" and not (all(self.scene_deg) and all(self.scene_px)):
            raise Misfit("frame", "give scene_px and scene_deg, the scene camera's size and field of view")

    @property
    def names_columns(self) -> bool:
        return any(eye.x is not None for eye in (self.left, self.right, self.both))


@dataclass(frozen=True, slots=True)
class AuxiliaryRef:
    """Columns that are neither EEG nor gaze: by label or type, both regular expressions, or by number (from 1)."""

    label: Pattern = None
    type: Pattern = None
    column: Annotated[int, Check(lambda n: n >= 0, "a column's number, counted from 1")] = 0

    def __post_init__(self) -> None:
        """Refuses two ways at once, and none."""
        if bool(self.label or self.type) == bool(self.column):
            raise Misfit("label", "give either a label or type, or a column number, counted from 1")


@dataclass(frozen=True, slots=True)
class CounterRules(AuxiliaryRef):
    """The column that counts samples. modulus: it wraps around to 0 there; every_second: it does so once a second.

    filled: the column that is above 0 where the sender made a sample up for one that it lost.
    """

    modulus: Annotated[int, Check(lambda n: n == 0 or 2 <= n <= 2**32, "0 or a number from 2 on")] = 0
    every_second: bool = False
    filled: Pattern = None


@dataclass(frozen=True, slots=True)
class TriggerRules(AuxiliaryRef):
    """Columns of digital inputs, whose edges are markers; see rtemo.core.auxiliary.triggers. values: number -> text."""

    rest: tuple[float, ...] = (0.0,)
    mask: Annotated[int, Check(lambda n: 0 <= n < 2**32, "bits of at most 32")] = 0
    inverted: bool = False
    hold_samples: Count = 1
    values: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuses values that are no numbers, and an inversion of no bits."""
        AuxiliaryRef.__post_init__(self)
        if self.inverted and not self.mask:
            raise Misfit("inverted", "no mask: give the bits that count")
        for value in self.values:
            try:
                float(value)
            except ValueError as error:
                raise Misfit("values", f"{value!r}, which is no number") from error


@dataclass(frozen=True, slots=True)
class ImpedanceRules(AuxiliaryRef):
    """Columns with impedances. The label is the electrode's, or holds it as the group `electrode`. unit: else kOhm."""

    unit: Literal["", "ohm", "kOhm", "MOhm"] = ""


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """One device as rtemo knows it. `facts`: where the facts come from. `notes`: what a researcher should know."""

    id: Text
    name: Text
    kind: Kind
    facts: Text
    match: Annotated[tuple[MatchRule, ...], Check(bool, "at least one [[match]] table")]
    ignore: tuple[Ignored, ...] = ()
    notes: tuple[str, ...] = ()
    latency_ms: float = 0.0
    eeg: EegRules = field(default_factory=EegRules)
    gaze: GazeRules = field(default_factory=GazeRules)
    counter: CounterRules | None = None
    trigger: tuple[TriggerRules, ...] = ()
    impedance: ImpedanceRules | None = None

    @property
    def latency_s(self) -> float:
        return self.latency_ms / 1000.0


@dataclass(frozen=True, slots=True)
class OwnProfile(DeviceProfile):
    """A profile that somebody wrote for this computer. digest: SHA-256 of its file, which recordings keep."""

    path: Path = Path()
    digest: str = ""
