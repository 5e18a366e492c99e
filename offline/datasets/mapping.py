r"""The mapping file: how a lab's own recordings or a BIDS folder name their trials, clips and labels. TOML, strict.

    [trials]
    start = 'clip/start id=(?P<clip>\S+) emotion=(?P<label>\S+)'   # regular expression for the whole text
    stop = 'clip/end.*'            # or duration_s = 60.0; BIDS events may bring durations of their own
    column = "trial_type"          # BIDS: the column of events.tsv that start and stop are compared with
    onset_unit = "s"               # BIDS: s, ms, us or ns, where the data set does not state it or states it wrongly
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

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from offline.datasets.base import Omission, RowCount, Trial
from rtemo.core.channel_map import Screen
from rtemo.core.errors import RtemoError
from rtemo.core.records import Made, Misfit, Positive, Reader, regex
from rtemo.core.types import Modality
from rtemo.sources.stream_choice import StreamQuery

_SLACK_S = 0.001  # by which a trial may end after its recording
_OVERLAP_S = 0.05  # by which one trial may begin before another one ends: durations are rounded
_TEXTS_SHOWN = 12
_UNSURE = "between its start and its end is a row without a time, which may have ended it"

Entity = Literal["session", "task", "run", "subject"]
Unit = Literal["s", "ms", "us", "ns"]
Pattern = Annotated[re.Pattern[str], Made(str, regex)]


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """Something with a text at a time on the recording's clock. duration_s is None where nobody says.

    source: the file and row that it is from, where there are rows. problem: why it cannot be used, though its text may
    be what the mapping asks for; its time means nothing then. columns: everything in its row, by column.
    """

    time_s: float
    text: str
    duration_s: float | None = None
    source: str = ""
    problem: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrialMap:
    """What a mapping file says. labels: their word -> ours; empty: words are taken as they are."""

    start: re.Pattern[str] | None = None
    stop: re.Pattern[str] | None = None
    duration_s: float | None = None
    column: str = "trial_type"
    onset_unit: Unit | None = None
    label_from: Entity | None = None
    clip_from: Entity | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    files: re.Pattern[str] | None = None
    queries: Mapping[Modality, StreamQuery] = field(default_factory=dict)
    screen: Screen | None = None
    rest: TrialMap | None = None  # the baseline, as trials without labels
    source: Mapping[str, str] = field(default_factory=dict)  # the file's name, SHA-256 and text

    @property
    def codes(self) -> dict[str, int]:
        """Our labels, numbered in the order of the file."""
        return {label: code for code, label in enumerate(dict.fromkeys(self.labels.values()))}

    def begins(self, text: str) -> bool:
        """Whether a trial starts with an event of this text."""
        return self.start is not None and self.start.fullmatch(text) is not None

    def ends(self, text: str) -> bool:
        """Whether a trial ends with an event of this text."""
        return self.stop is not None and self.stop.fullmatch(text) is not None

    def asks_for(self, text: str) -> bool:
        """Whether an event of this text begins or ends a trial."""
        return self.begins(text) or self.ends(text)

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
    onset_unit: Unit | None = None
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
    end before end_s, where the recording ends, and before the next trial's start. Its number counts all starts.
    """
    events = list(events)
    found: list[tuple[RecordedEvent, Trial]] = []
    omissions = [
        _omitted(event, where, event.problem) for event in events if event.problem and rules.asks_for(event.text)
    ]
    spans, orphans = _spans(events, rules)
    omissions += [_omitted(event, where, "no trial has begun that it could end") for event in orphans]
    for number, (event, match, stop_s, why) in enumerate(spans, start=1):
        groups = {**match.groupdict(), **{key: word for key, word in fixed.items() if word is not None}}
        word, clip = groups.get("label"), groups.get("clip")
        label = None if word is None else rules.label_of(word)
        if word is not None and label is None:
            why = f"its label {word!r} is not in the mapping file"
        elif not why and stop_s > end_s + _SLACK_S:
            why = "the recording ends before it does"
        if why:
            omissions.append(_omitted(event, where, why))
        else:
            trial = Trial(number, None if clip is None else f"{prefix}/{clip}", label, event.time_s, stop_s)
            found.append((event, trial))
    doubts = _overlaps([trial for _, trial in found])
    omissions += [_omitted(event, where, doubts[k]) for k, (event, _) in enumerate(found) if k in doubts]
    return [trial for k, (_, trial) in enumerate(found) if k not in doubts], omissions


def event_rows(events: Iterable[RecordedEvent], rules: TrialMap, n_trials: int) -> RowCount:
    """What became of the events: those that begin or end a trial were used or left out, nobody asked for the others."""
    events = list(events)
    asked = sum(rules.asks_for(event.text) for event in events)
    used = min(asked, n_trials * (2 if rules.stop is not None else 1))  # one event may end a trial and begin the next
    return RowCount(len(events), used, asked - used)


def not_asked_for(events: Iterable[RecordedEvent], rules: TrialMap, where: str) -> list[str]:
    """A note on the events that neither begin nor end a trial, by their text."""
    others = Counter(event.text for event in events if not rules.asks_for(event.text))
    if not others or rules.start is None:
        return []
    shown = ", ".join(f"{text!r} ({n})" for text, n in others.most_common(_TEXTS_SHOWN))
    more = f" and {len(others) - _TEXTS_SHOWN} other texts" if len(others) > _TEXTS_SHOWN else ""
    return [f"{where}: {others.total()} events that the mapping does not name: {shown}{more}"]


def unmatched(events: Iterable[RecordedEvent], rules: TrialMap, where: str) -> list[Omission]:
    """What to say where the pattern of a trial's start fits nothing: otherwise a slip in it would pass unnoticed."""
    texts = list(dict.fromkeys(event.text for event in events))
    if rules.start is None or any(rules.begins(text) for text in texts):
        return []
    there = ", ".join(repr(text) for text in texts[:3]) or "none"
    return [Omission("trial", where, f"no marker fits start = {rules.start.pattern!r}; markers there: {there}")]


def _omitted(event: RecordedEvent, where: str, why: str) -> Omission:
    return Omission("trial", f"{event.source or f'{where} at {event.time_s:.3f} s'}, {event.text!r}", why)


def _overlaps(trials: Sequence[Trial]) -> dict[int, str]:
    """Which of the trials, in order of time, cannot be used since another one was shown at the same time, and why."""
    doubts: dict[int, str] = {}
    for k, trial in enumerate(trials):
        for other in range(k + 1, len(trials)):
            if trials[other].start_s >= trial.stop_s - _OVERLAP_S:
                break
            same = [getattr(trial, name) == getattr(trials[other], name) for name in ("clip", "label", "start_s")]
            if all(same) and abs(trial.stop_s - trials[other].stop_s) <= _OVERLAP_S:
                doubts.setdefault(other, "it is there twice")
                continue
            doubts[k] = f"trial {trials[other].number} begins before it ends"
            doubts[other] = f"it begins before trial {trial.number} ends"
    return doubts


Span = tuple[RecordedEvent, re.Match[str], float, str]  # the start, what it says, the end, or why there is none


def _spans(events: Sequence[RecordedEvent], rules: TrialMap) -> tuple[list[Span], list[RecordedEvent]]:
    """Every start with its end, and the ends without a start."""
    spans: list[Span] = []
    orphans: list[RecordedEvent] = []
    opened: tuple[int, RecordedEvent, re.Match[str]] | None = None
    lost = [k for k, event in enumerate(events) if event.problem and rules.asks_for(event.text)]
    usable = [(k, event) for k, event in enumerate(events) if not event.problem]
    for k, event in sorted(usable, key=lambda one: one[1].time_s):
        if rules.stop and rules.ends(event.text) and not (opened is None and rules.begins(event.text)):
            if opened is None:
                orphans.append(event)
            else:
                begun, start, match = opened
                unsure = any(begun < other < k for other in lost)
                spans.append((start, match, event.time_s, _UNSURE if unsure else ""))
                opened = None
        begin = rules.start.fullmatch(event.text) if rules.start else None
        if begin is None:
            continue
        if opened:
            spans.append((*opened[1:], 0.0, "the next trial starts before it ends"))
        opened = (k, event, begin) if rules.stop else None
        if not rules.stop:
            length_s = rules.duration_s or event.duration_s
            spans.append(
                (event, begin, event.time_s + (length_s or 0.0), "" if length_s else "nothing says how long it lasts")
            )
    if opened:
        spans.append((*opened[1:], 0.0, "the recording ends before it does"))
    return spans, orphans
