"""What the markers and annotations divide a session into.

Markers: a text with the word start (begin, begins, on) lasts until the same text with end (stop, ends, off) on the same
stream. `id=...` is dropped from the name, so that the same condition shown with several stimuli is one condition. On a
stream without any such pair a text lasts until the stream's next one. Annotations are moments: they count for the
AFTER_S seconds after them; those that come in pairs (a baseline begins and ends) last as markers do.

A lab may choose by name which markers are conditions; the others are then only shown among the events.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rtemo.recordings.events import Event, EventKind
from rtemo.recordings.session_facts import is_plan, note_of

AFTER_S = 10.0
_OPENS = re.compile(r"[\W_]*\b(?:start|starts|begin|begins|onset|on)\b", re.IGNORECASE)
_CLOSES = re.compile(r"[\W_]*\b(?:end|ends|stop|stops|offset|off)\b", re.IGNORECASE)
_NUMBER = re.compile(r"\s*\bid=\S*")


@dataclass(frozen=True, slots=True)
class Interval:
    """One stretch of a condition. LSL seconds."""

    name: str
    begin_s: float
    end_s: float


def marker_intervals(events: Iterable[Event], end_s: float, chosen: Sequence[str] = ()) -> list[Interval]:
    """The stretches that the markers and the paired annotations make, in order of time.

    end_s: of the session. chosen: names of the markers that are conditions, see is_chosen; annotations always count.
    """
    found: list[Interval] = []
    for stream, its in _by_stream(events).items():
        paired, alone = _paired(its)
        if stream and not paired:
            paired = _one_after_the_other(its, end_s)
        elif stream:  # what the session's end cut off
            paired += [Interval(_name(e.text), e.time_s, end_s) for e in alone if _OPENS.search(e.text)]
        found += [one for one in paired if not stream or is_chosen(one.name, chosen)]
    return sorted(found, key=lambda interval: (interval.begin_s, -interval.end_s))


def running_conditions(events: Iterable[Event]) -> list[str]:
    """The names of the conditions that have begun and not ended by the last event, the one that began last first.

    Whether a text that opens will ever be closed is not known while it runs: it counts as the begin of its condition.
    """
    found: list[tuple[float, str]] = []
    for stream, its in _by_stream(events).items():
        begun: dict[str, float] = {}
        for event in its:
            name = _name(event.text)
            if _OPENS.search(event.text):
                begun.setdefault(name, event.time_s)
            elif _CLOSES.search(event.text):
                begun.pop(name, None)
        if stream and not any(_OPENS.search(event.text) for event in its):
            begun[its[-1].text] = its[-1].time_s
        found += [(time_s, name) for name, time_s in begun.items()]
    return [name for _, name in sorted(found, reverse=True)]


def is_chosen(name: str, chosen: Sequence[str]) -> bool:
    """Whether a condition of this name is one of the chosen ones, * being any text; all are where none is chosen."""
    patterns = (".*".join(map(re.escape, one.split("*"))) for one in chosen)
    return not chosen or any(re.fullmatch(pattern, name, re.DOTALL) for pattern in patterns)


def after_annotations(events: Iterable[Event], end_s: float) -> list[Interval]:
    """The AFTER_S seconds after each annotation that is no part of a pair."""
    moments = lone_annotations(events)
    return [Interval(event.text, event.time_s, min(event.time_s + AFTER_S, end_s)) for event in moments]


def lone_annotations(events: Iterable[Event]) -> list[Event]:
    """The annotations that are no part of a pair, in order of time."""
    return _paired(_by_stream(events).get("", []))[1]


def _by_stream(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Markers by their stream, annotations under an empty name, each in order of time."""
    by_stream: dict[str, list[Event]] = defaultdict(list)
    for event in sorted(events, key=lambda event: event.time_s):
        if event.kind is EventKind.MARKER:
            by_stream[event.stream or "markers"].append(event)
        elif event.kind is EventKind.ANNOTATION and note_of(event) is None and not is_plan(event):
            if by_stream[""] and _is_longer(by_stream[""][-1], event):
                by_stream[""].pop()
            by_stream[""].append(event)
    return by_stream


def _is_longer(first: Event, second: Event) -> bool:
    """Whether the second states the baseline of the first once more, as one that was made longer."""
    same = (first.time_s, first.participant) == (second.time_s, second.participant)
    return same and first.details.get("fact") == second.details.get("fact") == "baseline_begins"


def _paired(events: Sequence[Event]) -> tuple[list[Interval], list[Event]]:
    """Stretches between a text that opens and the one that closes it, and the events that are no part of one."""
    waiting: dict[str, Event] = {}
    found, alone = [], []
    for event in events:
        name = _name(event.text)
        if _OPENS.search(event.text) and name not in waiting:
            waiting[name] = event
        elif _CLOSES.search(event.text) and name in waiting:
            found.append(Interval(name, waiting.pop(name).time_s, event.time_s))
        else:
            alone.append(event)
    return found, sorted([*alone, *waiting.values()], key=lambda event: event.time_s)


def _one_after_the_other(events: Sequence[Event], end_s: float) -> list[Interval]:
    ends = [event.time_s for event in events[1:]] + [end_s]
    pairs = zip(events, ends, strict=True)
    return [Interval(event.text, event.time_s, to_s) for event, to_s in pairs if to_s > event.time_s]


def _name(text: str) -> str:
    """What a text that opens and the one that closes have in common. What follows a colon differs between them."""
    plain = _CLOSES.sub("", _OPENS.sub("", text.partition(":")[0], count=1), count=1)
    return _NUMBER.sub("", plain).strip(" /_-") or text
