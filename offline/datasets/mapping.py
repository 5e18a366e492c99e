r"""The mapping file: how a lab's own recordings or a BIDS folder name their trials, clips and labels. TOML, strict.

    [trials]
    start = 'clip/start id=(?P<clip>\S+) emotion=(?P<label>\S+)'   # regular expression for the whole text
    stop = 'clip/end.*'            # or duration_s = 60.0; BIDS events may bring durations of their own
    column = "trial_type"          # BIDS: the column of events.tsv that start and stop are compared with
    label_from = "session"         # BIDS: session, task, run or subject, in place of the group `label`
    clip_from = "task"             # BIDS: the same, in place of the group `clip`

    [labels]                       # their word = ours; a trial whose word is not here is left out
    "01" = "attentive"
    "02" = "distracted"

    [baseline]                     # XDF: markers around the rest that the normaliser is set by
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

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from offline.datasets.base import Omission, Trial
from rtemo.core.channel_map import Screen
from rtemo.core.records import Made, Misfit, Positive, Reader, regex
from rtemo.core.types import Modality
from rtemo.sources.stream_choice import StreamQuery

Entity = Literal["session", "task", "run", "subject"]
Pattern = Annotated[re.Pattern[str], Made(str, regex)]


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """Something with a text at a time on the recording's clock. duration_s is None where nobody says."""

    time_s: float
    text: str
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class TrialMap:
    """What a mapping file says. labels: their word -> ours; empty: words are taken as they are."""

    start: re.Pattern[str] | None = None
    stop: re.Pattern[str] | None = None
    duration_s: float | None = None
    column: str = "trial_type"
    label_from: Entity | None = None
    clip_from: Entity | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    files: re.Pattern[str] | None = None
    queries: Mapping[Modality, StreamQuery] = field(default_factory=dict)
    screen: Screen | None = None
    rest: TrialMap | None = None  # the baseline, as trials without labels

    @property
    def codes(self) -> dict[str, int]:
        """Our labels, numbered in the order of the file."""
        return {label: code for code, label in enumerate(dict.fromkeys(self.labels.values()))}

    def label_of(self, word: str) -> str | None:
        """Our label for their word; None where the file does not list it."""
        return self.labels.get(word) if self.labels else word


def _label(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("not a word")
    return value


@dataclass(frozen=True, slots=True)
class _TrialsTable:
    start: Pattern | None = None
    stop: Pattern | None = None
    duration_s: Positive | None = None
    column: str = "trial_type"
    label_from: Entity | None = None
    clip_from: Entity | None = None


@dataclass(frozen=True, slots=True)
class _BaselineTable:
    start: Pattern
    stop: Pattern | None = None
    duration_s: Positive | None = None

    def __post_init__(self) -> None:
        if (self.stop is None) == (self.duration_s is None):
            raise Misfit("stop", "give either stop or duration_s")


@dataclass(frozen=True, slots=True)
class _FilesTable:
    name: Pattern | None = None


@dataclass(frozen=True, slots=True)
class _MappingFile:
    trials: _TrialsTable = _TrialsTable()
    labels: Mapping[str, Annotated[str, Made(Any, _label)]] = field(default_factory=dict)
    baseline: _BaselineTable | None = None
    files: _FilesTable = _FilesTable()
    streams: Mapping[Modality, Annotated[StreamQuery, Made(str, StreamQuery.parse)]] = field(default_factory=dict)
    screen: Screen | None = None

    def __post_init__(self) -> None:
        start = self.trials.start
        if not self.labels and (self.trials.label_from or (start is not None and "label" in start.groupindex)):
            raise Misfit("labels", 'trials have labels, but [labels] does not list them: write "their word" = "label"')


def read_mapping(path: Path) -> TrialMap:
    """RtemoError with the section and key that is wrong."""
    reader = Reader(f"the mapping file {path}", "see offline/datasets/mapping.py", "{what} does not fit")
    file = reader.read(_MappingFile, reader.toml_file(path))
    rest = file.baseline
    return TrialMap(
        **{name: getattr(file.trials, name) for name in _TrialsTable.__slots__},
        labels=file.labels,
        files=file.files.name,
        queries=file.streams,
        screen=file.screen,
        rest=None if rest is None else TrialMap(rest.start, rest.stop, rest.duration_s),
    )


def find_trials(
    events: Iterable[RecordedEvent],
    rules: TrialMap,
    end_s: float,
    where: str,
    fixed: Mapping[str, str | None],
    prefix: str,
) -> tuple[list[Trial], list[Omission]]:
    """The trials among events, in order of time, and those that cannot be used.

    fixed: "label" and "clip" where they do not come from the event. prefix: put before a clip's name. A trial needs an
    end before end_s, where the recording ends, and before the next trial's start.
    """
    trials: list[Trial] = []
    omissions: list[Omission] = []
    for event, match, stop_s, why in _spans(events, rules):
        groups = {**match.groupdict(), **{key: word for key, word in fixed.items() if word is not None}}
        word, clip = groups.get("label"), groups.get("clip")
        label = None if word is None else rules.label_of(word)
        if word is not None and label is None:
            why = f"its label {word!r} is not in the mapping file"
        elif not why and stop_s > end_s + 0.001:
            why = "the recording ends before it does"
        if why:
            omissions.append(Omission("trial", f"{where} at {event.time_s:.3f} s, {event.text!r}", why))
        else:
            number = len(trials) + len(omissions) + 1
            trials.append(Trial(number, None if clip is None else f"{prefix}/{clip}", label, event.time_s, stop_s))
    return trials, omissions


def unmatched(events: Iterable[RecordedEvent], rules: TrialMap, where: str) -> list[Omission]:
    """What to say where the pattern of a trial's start fits nothing: otherwise a slip in it would pass unnoticed."""
    texts = list(dict.fromkeys(event.text for event in events))
    if rules.start is None or any(rules.start.fullmatch(text) for text in texts):
        return []
    there = ", ".join(repr(text) for text in texts[:3]) or "none"
    return [Omission("trial", where, f"no marker fits start = {rules.start.pattern!r}; markers there: {there}")]


Span = tuple[RecordedEvent, re.Match[str], float, str]  # the start, what it says, the end, or why there is none


def _spans(events: Iterable[RecordedEvent], rules: TrialMap) -> list[Span]:
    """Every start with its end."""
    spans: list[Span] = []
    opened: tuple[RecordedEvent, re.Match[str]] | None = None
    for event in sorted(events, key=lambda event: event.time_s):
        if opened and rules.stop and rules.stop.fullmatch(event.text):
            spans.append((*opened, event.time_s, ""))
            opened = None
        match = rules.start.fullmatch(event.text) if rules.start else None
        if match is None:
            continue
        if opened:
            spans.append((*opened, 0.0, "the next trial starts before it ends"))
        opened = (event, match) if rules.stop else None
        if not rules.stop:
            length_s = rules.duration_s or event.duration_s
            spans.append(
                (event, match, event.time_s + (length_s or 0.0), "" if length_s else "nothing says how long it lasts")
            )
    if opened:
        spans.append((*opened, 0.0, "the recording ends before it does"))
    return spans
