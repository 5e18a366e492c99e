"""What the markers and annotations divide a session into, and what the model said meanwhile.

Markers: a text with the word start (begin, begins, on) lasts until the same text with end (stop, ends, off) on the same
stream. `id=...` is dropped from the name, so that the same condition shown with several stimuli is one condition. On a
stream without any such pair a text lasts until the stream's next one. Annotations are moments: they count for the
AFTER_S seconds after them; those that come in pairs (a baseline begins and ends) last as markers do.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from rtemo.recordings.events import Event, EventKind
from rtemo.recordings.session_facts import is_plan, note_of
from rtemo.report.session_record import FloatTable, Predictions

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


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """A condition over all its stretches. mean (K,): of the windows that lie wholly in it, NaN where none does."""

    name: str
    n_intervals: int
    seconds: float
    n_windows: int
    mean: FloatTable
    abstains: float


def marker_intervals(events: Iterable[Event], end_s: float) -> list[Interval]:
    """The stretches that the markers and the paired annotations make, in order of time. end_s: of the session."""
    found: list[Interval] = []
    for stream, its in _by_stream(events).items():
        paired, alone = _paired(its)
        if stream and not paired:
            paired = _one_after_the_other(its, end_s)
        elif stream:  # what the session's end cut off
            paired += [Interval(_name(e.text), e.time_s, end_s) for e in alone if _OPENS.search(e.text)]
        found += paired
    return sorted(found, key=lambda interval: (interval.begin_s, -interval.end_s))


def after_annotations(events: Iterable[Event], end_s: float) -> list[Interval]:
    """The AFTER_S seconds after each annotation that is no part of a pair."""
    moments = lone_annotations(events)
    return [Interval(event.text, event.time_s, min(event.time_s + AFTER_S, end_s)) for event in moments]


def lone_annotations(events: Iterable[Event]) -> list[Event]:
    """The annotations that are no part of a pair, in order of time."""
    return _paired(_by_stream(events).get("", []))[1]


def summed_up(intervals: Sequence[Interval], predictions: Predictions, window_s: float) -> list[Condition]:
    """Each condition once, in the order of its first stretch. Windows count that lie wholly in a stretch."""
    stretches: dict[str, list[Interval]] = {}
    for interval in intervals:
        stretches.setdefault(interval.name, []).append(interval)
    return [_condition(name, its, predictions, window_s) for name, its in stretches.items()]


def _condition(name: str, stretches: Sequence[Interval], predictions: Predictions, window_s: float) -> Condition:
    inside = np.zeros(len(predictions), bool)
    for one in stretches:
        inside |= (predictions.times >= one.begin_s + window_s) & (predictions.times <= one.end_s)
    spoken = predictions.probabilities[inside]
    spoken = spoken[np.isfinite(spoken).all(axis=1)]
    n, silent = int(inside.sum()), predictions.silent[inside]
    return Condition(
        name=name,
        n_intervals=len(stretches),
        seconds=sum(one.end_s - one.begin_s for one in stretches),
        n_windows=n,
        mean=spoken.mean(axis=0) if len(spoken) else np.full(len(predictions.labels), np.nan),
        abstains=float(silent.mean()) if n else float("nan"),
    )


def _by_stream(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Markers by their stream, annotations under an empty name, each in order of time."""
    by_stream: dict[str, list[Event]] = defaultdict(list)
    for event in sorted(events, key=lambda event: event.time_s):
        if event.kind is EventKind.MARKER:
            by_stream[event.stream or "markers"].append(event)
        elif event.kind is EventKind.ANNOTATION and note_of(event) is None and not is_plan(event):
            by_stream[""].append(event)
    return by_stream


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
