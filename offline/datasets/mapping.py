r"""The mapping file: how a lab's own recordings or a BIDS folder name their trials, clips and labels. TOML, strict.

    [dataset]
    name = "my-study"              # tells its people and clips from those of other data sets

    [trials]
    start = 'clip/start id=(?P<clip>\S+) emotion=(?P<label>\S+)'   # regular expression for the whole text
    stop = 'clip/end.*'            # or duration_s = 60.0; BIDS events may bring durations of their own
    column = "trial_type"          # BIDS: the column of events.tsv that start and stop are compared with
    start_stream = "Stimuli.*"     # XDF: regular expressions for the names of the streams that start and stop come from
    stop_stream = "Responses"
    least_s = 5.0                  # shorter trials begin earlier by what they lack, so that a whole window lies in them
    onset_unit = "s"               # BIDS: s, ms, us, ns or samples, where the data set states none or a wrong one
    offset_s = 0.0                 # by how much trials begin and end later than their markers
    label_from = "session"         # BIDS: session, task, run or subject, in place of the group `label`
    clip_from = "task"             # BIDS: the same, in place of the group `clip`
    label_column = "emotion"       # in place of both: the column of the trial's row, or of [table], with the word
    clip_column = "video"          # XDF: the label or the number of a channel of the marker stream
    targets = ["Valence"]          # columns that are kept as numbers, trial by trial

    [table]                        # BIDS: where label_column, clip_column, targets and ratings are looked up too
    file = "beh"                   # the suffix of a TSV beside the recording; or participants; or phenotype/NAME
    key = "trial_number"           # the column that it shares with events.tsv; or order = true: its rows are the trials
    event_key = "label"            # what that column is called in events.tsv, where it is something else
    key_pattern = '(.+)\.mp4'      # what of its cells is compared, and of the events' cells (event_key_pattern)

    [labels]                       # their word = ours; a trial whose word is not here is left out
    "01" = "attentive"
    "02" = "distracted"

    [ratings]                      # in place of [labels]: our label = what must hold of the trial's columns
    positive = "Valence >= 5"      # >=, >, <=, <, == and !=, joined by `and`; a trial that fits none or two is left out
    negative = "Valence < 5"       # and `Valence is low`, middle or high: thirds of the person's own ratings

    [baseline]                     # markers around the rest that the normaliser is set by
    start = "rest begins"          # regular expressions; in place of stop: duration_s = 120.0
    stop = "rest ends"

    [files]                        # XDF: found in a file's path below the root; else the path is the subject
    name = '(?P<subject>P\d+)_(?P<session>S\d+)'

    [streams]                      # XDF: as --eeg, --gaze and --markers of rtemo replay
    eeg = "type=EEG"

    [screen]                       # what gaze refers to, where the data does not say it
    width_px = 1920

Without [trials] every BIDS run is one trial and an XDF file has none. Label codes count in the order of [labels].
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from offline.datasets.ratings import RatingCondition
from rtemo.core.channel_map import Screen
from rtemo.core.errors import RtemoError
from rtemo.core.records import Check, Made, Misfit, NotNegative, Positive, Reader, regex
from rtemo.core.types import Modality
from rtemo.model.bundle_schema import A_LABEL, is_label
from rtemo.sources.stream_choice import StreamQuery

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_TABLE = re.compile(r"[A-Za-z0-9]+|phenotype/[A-Za-z0-9_-]+")

Entity = Literal["session", "task", "run", "subject"]
Unit = Literal["s", "ms", "us", "ns", "samples"]
_Name = Annotated[str, Check(lambda name: bool(_NAME.fullmatch(name)), "letters, digits and dashes")]
Pattern = Annotated[re.Pattern[str], Made(str, regex)]


class TextEvent(Protocol):
    """What trials are made of: a text, and the stream that it came from, where there are several."""

    @property
    def text(self) -> str: ...

    @property
    def stream(self) -> str: ...


@dataclass(frozen=True, slots=True)
class TrialMap:
    """What a mapping file says. labels: their word -> ours; empty: words are taken as they are."""

    start: re.Pattern[str] | None = None
    stop: re.Pattern[str] | None = None
    duration_s: float | None = None
    start_stream: re.Pattern[str] | None = None
    stop_stream: re.Pattern[str] | None = None
    least_s: float = 0.0
    column: str = "trial_type"
    onset_unit: Unit | None = None
    offset_s: float = 0.0
    label_from: Entity | None = None
    clip_from: Entity | None = None
    label_column: str | None = None
    clip_column: str | None = None
    targets: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    ratings: Mapping[str, RatingCondition] = field(default_factory=dict)
    table: TableLookup | None = None
    files: re.Pattern[str] | None = None
    queries: Mapping[Modality, StreamQuery] = field(default_factory=dict)
    screen: Screen | None = None
    rest: TrialMap | None = None  # the baseline, as trials without labels
    dataset: str = ""  # its name
    source: Mapping[str, str] = field(default_factory=dict)  # the file's name, SHA-256 and text

    @property
    def codes(self) -> dict[str, int]:
        """Our labels, numbered in the order of the file."""
        names = dict.fromkeys([*self.ratings, *self.labels.values()])
        return {label: code for code, label in enumerate(names)}

    def begins(self, event: TextEvent) -> bool:
        """Whether a trial starts with this event."""
        return self.start_of(event) is not None

    def start_of(self, event: TextEvent) -> re.Match[str] | None:
        """What the event says of the trial that starts with it; None where none does."""
        return _matched(self.start, self.start_stream, event)

    def ends(self, event: TextEvent) -> bool:
        """Whether a trial ends with this event."""
        return _matched(self.stop, self.stop_stream, event) is not None

    def asks_for(self, event: TextEvent) -> bool:
        """Whether this event begins or ends a trial."""
        return self.begins(event) or self.ends(event)

    def label_of(self, word: str) -> str | None:
        """Our label for their word; None where the file does not list it."""
        return self.labels.get(word) if self.labels else word


def _matched(pattern: re.Pattern[str] | None, stream: re.Pattern[str] | None, event: TextEvent) -> re.Match[str] | None:
    if pattern is None or (stream is not None and not stream.fullmatch(event.stream)):
        return None
    return pattern.fullmatch(event.text)


def _label(value: object) -> str:
    if not isinstance(value, str) or not is_label(value):
        raise ValueError(f"not {A_LABEL}")
    return value


@dataclass(frozen=True, slots=True)
class _TrialsTable:
    start: Pattern | None = None
    stop: Pattern | None = None
    duration_s: Positive | None = None
    start_stream: Pattern | None = None
    stop_stream: Pattern | None = None
    least_s: NotNegative = 0.0
    column: str = "trial_type"
    onset_unit: Unit | None = None
    offset_s: float = 0.0
    label_from: Entity | None = None
    clip_from: Entity | None = None
    label_column: str | None = None
    clip_column: str | None = None
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableLookup:
    """Another table with more columns of each trial.

    file: the suffix beside the recording, such as beh; or participants, or phenotype/NAME. key: the column that it
    shares with the events, where it may be called event_key. The patterns' first groups are what is compared of both.
    order: its rows are the trials in order, as many as they are.
    """

    file: str
    key: str | None = None
    order: bool = False
    event_key: str | None = None
    key_pattern: Pattern | None = None
    event_key_pattern: Pattern | None = None

    @property
    def of_people(self) -> bool:
        """Whether it has a row for each person, not for each trial."""
        return self.file == "participants" or self.file.startswith("phenotype/")

    def __post_init__(self) -> None:
        """Refuses a table of which it is not said how its rows belong to the trials."""
        if not _TABLE.fullmatch(self.file):
            raise Misfit("file", "neither a suffix such as beh, nor participants, nor phenotype/NAME")
        if not self.of_people and (self.key is None) == (not self.order):
            raise Misfit("key", "give the column that the events have too, or order = true")
        for name in ("key_pattern", "event_key_pattern"):
            pattern = getattr(self, name)
            if pattern is not None and pattern.groups != 1:
                raise Misfit(name, "it needs one group, such as in '(.+)\\.mp4'")


@dataclass(frozen=True, slots=True)
class _BaselineTable:
    start: Pattern
    stop: Pattern | None = None
    duration_s: Positive | None = None

    def __post_init__(self) -> None:
        if (self.stop is None) == (self.duration_s is None):
            raise Misfit("stop", "give either stop or duration_s")


@dataclass(frozen=True, slots=True)
class _DatasetTable:
    name: _Name


@dataclass(frozen=True, slots=True)
class _FilesTable:
    name: Pattern | None = None


@dataclass(frozen=True, slots=True)
class _MappingFile:
    dataset: _DatasetTable | None = None
    trials: _TrialsTable = _TrialsTable()
    labels: Mapping[str, Annotated[str, Made(Any, _label)]] = field(default_factory=dict)
    ratings: Mapping[str, Annotated[RatingCondition, Made(str, RatingCondition.parse)]] = field(default_factory=dict)
    table: TableLookup | None = None
    baseline: _BaselineTable | None = None
    files: _FilesTable = _FilesTable()
    streams: Mapping[Modality, Annotated[StreamQuery, Made(str, StreamQuery.parse)]] = field(default_factory=dict)
    screen: Screen | None = None

    def __post_init__(self) -> None:
        start = self.trials.start
        named = [self.trials.label_from, self.trials.label_column, start is not None and "label" in start.groupindex]
        if not self.labels and any(named):
            raise Misfit("labels", 'trials have labels, but [labels] does not list them: write "their word" = "label"')
        if self.ratings and (self.labels or any(named)):
            raise Misfit("ratings", "labels come from words already: give either [labels] or [ratings]")
        if self.trials.label_column and sum(map(bool, named)) > 1:
            raise Misfit("trials", "labels come from two places: give one of label_from, label_column and (?P<label>)")


def read_mapping(path: Path) -> TrialMap:
    """RtemoError with the section and key that is wrong."""
    reader = Reader(
        f"the mapping file {path}", "correct the file: offline/README.md lists its keys", "{what} does not fit"
    )
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        raise RtemoError(
            f"the mapping file {path} cannot be read", str(error), "name the file that holds it"
        ) from error
    file = reader.read(_MappingFile, reader.toml(content))
    rest = file.baseline
    return TrialMap(
        **{name: getattr(file.trials, name) for name in _TrialsTable.__slots__},
        labels=file.labels,
        ratings=file.ratings,
        dataset=file.dataset.name if file.dataset is not None else "",
        table=file.table,
        files=file.files.name,
        queries=file.streams,
        screen=file.screen,
        rest=None if rest is None else TrialMap(rest.start, rest.stop, rest.duration_s),
        source={
            "file": path.name,
            "sha256": hashlib.sha256(content).hexdigest(),
            "text": content.decode("utf-8-sig"),
        },
    )
