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
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from offline.datasets.base import Omission, Trial
from rtemo.core.channel_map import Screen
from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality
from rtemo.sources.stream_choice import StreamQuery

ENTITIES = ("session", "task", "run", "subject")
_SECTIONS: Mapping[str, tuple[str, ...] | None] = {  # None: any key
    "trials": ("start", "stop", "duration_s", "column", "label_from", "clip_from"),
    "baseline": ("start", "stop", "duration_s"),
    "labels": None,
    "files": ("name",),
    "streams": ("eeg", "gaze", "markers"),
    "screen": Screen.__slots__,
}


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
    label_from: str = ""
    clip_from: str = ""
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


def read_mapping(path: Path) -> TrialMap:
    """RtemoError with the section and key that is wrong."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RtemoError(
            f"the mapping file {path} cannot be read", str(error), "see offline/datasets/mapping.py"
        ) from error
    for section, values in content.items():
        allowed = _SECTIONS.get(section, ())
        unknown = [section] if section not in _SECTIONS or not isinstance(values, dict) else []
        unknown += (
            [f"{section}.{key}" for key in values if allowed is not None and key not in allowed] if not unknown else []
        )
        if unknown:
            raise _wrong(path, f"{', '.join(unknown)} is not known", f"known are {', '.join(_SECTIONS)} and their keys")
    trials, screen = content.get("trials", {}), content.get("screen")
    for key in ("label_from", "clip_from"):
        if trials.get(key, "session") not in ENTITIES:
            raise _wrong(path, f"trials.{key} is {trials[key]!r}", f"use one of {', '.join(ENTITIES)}")
    length_s, rest = _duration(path, trials, "trials"), content.get("baseline")
    if rest is not None and ("start" not in rest or ("stop" in rest) == ("duration_s" in rest)):
        raise _wrong(path, "baseline does not say where it begins and ends", "give start, and stop or duration_s")
    if any(not isinstance(label, str) or not label for label in content.get("labels", {}).values()):
        raise _wrong(path, "a label is not a word", 'write "their word" = "label"')
    start = _pattern(path, trials, "start")
    if not content.get("labels") and (trials.get("label_from") or (start is not None and "label" in start.groupindex)):
        raise _wrong(path, "trials have labels, but [labels] does not list them", 'write "their word" = "label"')
    return TrialMap(
        start=start,
        stop=_pattern(path, trials, "stop"),
        duration_s=length_s,
        column=str(trials.get("column", "trial_type")),
        label_from=str(trials.get("label_from", "")),
        clip_from=str(trials.get("clip_from", "")),
        labels=dict(content.get("labels", {})),
        files=_pattern(path, content.get("files", {}), "name"),
        queries={Modality(key): StreamQuery.parse(str(text)) for key, text in content.get("streams", {}).items()},
        screen=Screen(**screen) if screen is not None else None,
        rest=None if rest is None else _rest(path, rest),
    )


def _rest(path: Path, rest: Mapping[str, Any]) -> TrialMap:
    length_s = _duration(path, rest, "baseline")
    return TrialMap(start=_pattern(path, rest, "start"), stop=_pattern(path, rest, "stop"), duration_s=length_s)


def _duration(path: Path, section: Mapping[str, Any], name: str) -> float | None:
    length_s = section.get("duration_s")
    if length_s is not None and not (isinstance(length_s, int | float) and length_s > 0):
        raise _wrong(path, f"{name}.duration_s is {length_s!r}", "give a number of seconds")
    return length_s


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


def _pattern(path: Path, section: Mapping[str, Any], key: str) -> re.Pattern[str] | None:
    if key not in section:
        return None
    try:
        return re.compile(str(section[key]))
    except re.error as error:
        raise _wrong(path, f"{key} is no regular expression: {error}", f"found {section[key]!r}") from error


def _wrong(path: Path, found: str, todo: str) -> RtemoError:
    return RtemoError(f"the mapping file {path} does not fit", found, todo)
