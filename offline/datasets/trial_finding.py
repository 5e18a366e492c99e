"""Find the trials among the events of a recording, by the rules of a mapping file; every event is accounted for."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from offline.datasets.base import Omission, RowCount, Trial
from offline.datasets.cells import cell, given, number
from offline.datasets.mapping import TrialMap
from offline.datasets.ratings import Thirds, thirds_of

_SLACK_S = 0.001  # by which a trial may end after its recording
_OVERLAP_S = 0.05  # by which one trial may begin before another one ends: durations are rounded
_TEXTS_SHOWN = 12
_NO_THIRDS: Thirds = MappingProxyType({})
_UNSURE = "between its start and its end is a row without a time, which may have ended it"


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """Something with a text at a time on the recording's clock. duration_s is None where nobody says.

    source: the file and row that it is from, where there are rows. problem: why it cannot be used, though its text may
    be what the mapping asks for; its time means nothing then. columns: everything in its row, by column. stream: the
    name of the marker stream that it is from.
    """

    time_s: float
    text: str
    duration_s: float | None = None
    source: str = ""
    problem: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    stream: str = ""


def find_trials(
    events: Iterable[RecordedEvent],
    rules: TrialMap,
    end_s: float,
    where: str,
    fixed: Mapping[str, str | None],
    prefix: str,
    thirds: Thirds = _NO_THIRDS,
) -> tuple[list[Trial], list[Omission]]:
    """The trials among events, in order of time, and those that cannot be used.

    fixed: "label" and "clip" where they do not come from the event. prefix: put before a clip's name. thirds: of the
    person's ratings. A trial needs an end before end_s, where the recording ends, and before the next trial's start.
    Its number counts all starts.
    """
    events = list(events)
    found: list[tuple[RecordedEvent, Trial]] = []
    omissions = [_omitted(event, where, event.problem) for event in events if event.problem and rules.asks_for(event)]
    spans, orphans = _spans(events, rules)
    omissions += [_omitted(event, where, "no trial has begun that it could end") for event in orphans]
    for count, (event, match, stop_s, why) in enumerate(spans, start=1):
        groups = {**match.groupdict(), **{key: word for key, word in fixed.items() if word is not None}}
        label, unlabelled = _label(event, groups.get("label"), rules, thirds)
        targets, unrated = _targets(event, rules.targets)
        late = "the recording ends before it does" if stop_s + rules.offset_s > end_s + _SLACK_S else ""
        if why := unlabelled or why or late or unrated:
            omissions.append(_omitted(event, where, why))
            continue
        clip = groups.get("clip") if rules.clip_column is None else cell(event.columns, rules.clip_column)
        name = f"{prefix}/{clip}" if clip is not None and given(clip) else None
        start_s, stop_s = event.time_s + rules.offset_s, stop_s + rules.offset_s
        found.append((event, Trial(count, name, label, start_s, stop_s, targets)))
    doubts = _overlaps([trial for _, trial in found])
    longer = _with_lead_ins([trial for _, trial in found], rules.least_s)
    found = [(event, trial) for (event, _), trial in zip(found, longer, strict=True)]
    omissions += [_omitted(event, where, doubts[k]) for k, (event, _) in enumerate(found) if k in doubts]
    return [trial for k, (_, trial) in enumerate(found) if k not in doubts], omissions


def _with_lead_ins(trials: Sequence[Trial], least_s: float) -> list[Trial]:
    """Too short ones begin so much earlier that they are as long as they have to be, but not within the one before."""
    longer: list[Trial] = []
    for trial in trials:
        before_s = max((one.stop_s for one in longer), default=-math.inf)
        start_s = min(trial.start_s, max(trial.stop_s - least_s, before_s))
        longer.append(replace(trial, start_s=start_s, lead_in_s=trial.start_s - start_s))
    return longer


def lead_ins(trials: Sequence[Trial], where: str) -> list[str]:
    """A note on the trials that begin before their presentation."""
    early = [trial.lead_in_s for trial in trials if trial.lead_in_s]
    if not early:
        return []
    longest = f"{min(early):.3g} to {max(early):.3g} s" if len(early) > 1 else f"{early[0]:.3g} s"
    return [f"{where}: {len(early)} of {len(trials)} trials are too short for a window: they begin {longest} earlier"]


def thirds_among(events: Iterable[RecordedEvent], rules: TrialMap) -> Thirds:
    """The thirds of a person's ratings, where labels come from them; of all trials, whether they can be used or not."""
    columns = {column for condition in rules.ratings.values() for column, _ in condition.thirds}
    if not columns:
        return _NO_THIRDS
    starts = [event for event in events if rules.begins(event)]
    values = {column: [number(cell(event.columns, column)) for event in starts] for column in columns}
    return thirds_of({column: [one for one in own if one is not None] for column, own in values.items()})


def _label(event: RecordedEvent, word: str | None, rules: TrialMap, thirds: Thirds) -> tuple[str | None, str]:
    """Our label of a trial, and why it cannot have the one that it should."""
    if rules.ratings:
        return _rated(event, rules, thirds)
    if rules.label_column is not None:
        word = cell(event.columns, rules.label_column)
        if word is None or not given(word):
            return None, f"its {rules.label_column} is {word!r}" if word is not None else _lacks(rules.label_column)
    label = None if word is None else rules.label_of(word)
    return label, f"its label {word!r} is not in the mapping file" if word is not None and label is None else ""


def _rated(event: RecordedEvent, rules: TrialMap, thirds: Thirds) -> tuple[str | None, str]:
    """The one label whose condition the trial's ratings fulfil."""
    columns = dict.fromkeys(column for condition in rules.ratings.values() for column in condition.columns)
    values, why = _targets(event, tuple(columns))
    if why:
        return None, why
    own = {column for condition in rules.ratings.values() for column, _ in condition.thirds}
    if missing := sorted(own - thirds.keys()):
        return None, f"the person has too few different ratings of {missing[0]} to tell low, middle and high ones"
    fit = [label for label, condition in rules.ratings.items() if condition.holds(values, thirds)]
    if len(fit) == 1:
        return fit[0], ""
    rated = ", ".join(f"{column} {value:g}" for column, value in values.items())
    return None, f"its ratings ({rated}) fit {'no label' if not fit else f'{len(fit)} labels: ' + ', '.join(fit)}"


def _targets(event: RecordedEvent, columns: Sequence[str]) -> tuple[dict[str, float], str]:
    """The trial's numbers in these columns, and why one of them is none."""
    values = {}
    for column in columns:
        text = cell(event.columns, column)
        value = number(text)
        if value is None:
            return {}, _lacks(column) if text is None else f"its {column} is {text!r}, not a number"
        values[column] = value
    return values, ""


def _lacks(column: str) -> str:
    return f"there is no column {column!r} in its row"


def event_rows(events: Iterable[RecordedEvent], rules: TrialMap, n_trials: int) -> RowCount:
    """What became of the events: those that begin or end a trial were used or left out, nobody asked for the others."""
    events = list(events)
    asked = sum(rules.asks_for(event) for event in events)
    used = min(asked, n_trials * (2 if rules.stop is not None else 1))  # one event may end a trial and begin the next
    return RowCount(len(events), used, asked - used)


def not_asked_for(events: Iterable[RecordedEvent], rules: TrialMap, where: str) -> list[str]:
    """A note on the events that neither begin nor end a trial, by their text."""
    others = Counter(event.text for event in events if not rules.asks_for(event))
    if not others or rules.start is None:
        return []
    shown = ", ".join(f"{text!r} ({n})" for text, n in others.most_common(_TEXTS_SHOWN))
    more = f" and {len(others) - _TEXTS_SHOWN} other texts" if len(others) > _TEXTS_SHOWN else ""
    return [f"{where}: {others.total()} events that the mapping does not name: {shown}{more}"]


def unmatched(events: Iterable[RecordedEvent], rules: TrialMap, where: str) -> list[Omission]:
    """What to say where the pattern of a trial's start fits nothing: otherwise a slip in it would pass unnoticed."""
    events = list(events)
    if rules.start is None or any(rules.begins(event) for event in events):
        return []
    there = dict.fromkeys(f"{event.text!r}{f' in {event.stream}' * bool(rules.start_stream)}" for event in events)
    wanted = f"start = {rules.start.pattern!r}"
    if rules.start_stream is not None:
        wanted += f" in a stream {rules.start_stream.pattern!r}"
    return [Omission("trial", where, f"no marker fits {wanted}; markers there: {', '.join(list(there)[:3]) or 'none'}")]


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
    lost = [k for k, event in enumerate(events) if event.problem and rules.asks_for(event)]
    usable = [(k, event) for k, event in enumerate(events) if not event.problem]
    for k, event in sorted(usable, key=lambda one: one[1].time_s):
        if rules.stop and rules.ends(event) and not (opened is None and rules.begins(event)):
            if opened is None:
                orphans.append(event)
            else:
                begun, start, match = opened
                unsure = any(begun < other < k for other in lost)
                spans.append((start, match, event.time_s, _UNSURE if unsure else ""))
                opened = None
        begin = rules.start_of(event)
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
