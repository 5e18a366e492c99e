"""What stands above the probabilities: conditions as bars, annotations as flags, in as many lanes as they need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rtemo.presentation.html import Html, join, tag
from rtemo.presentation.numbers import shortened
from rtemo.recordings.events import Event
from rtemo.recordings.study.conditions import Interval, lone_annotations, marker_intervals
from rtemo.report.session_record import SessionRecord
from rtemo.report.svg import text, tip
from rtemo.report.time_axis import RIGHT, WIDTH, Axis

LANE, LANES = 17.0, 3
LETTER = 6.6  # width of a small letter, roughly
MOST = 400
LONGEST = 26


@dataclass(frozen=True, slots=True)
class _Placed:
    """Something from x to right in a lane. words: as much of its text as there is room for."""

    x: float
    right: float
    lane: int
    words: str
    whole: str


class TimelineMarks:
    """Lays the bars and flags out; `height` is what they need."""

    def __init__(self, record: SessionRecord, axis: Axis) -> None:
        inside = [one for one in marker_intervals(record.events, record.end_s, record.conditions) if _seen(one, axis)]
        self._bars = _bars(inside[:MOST], axis)
        self._flags = _flags(lone_annotations(record.events)[:MOST], axis)
        self._n_bars = 1 + max((one.lane for one in self._bars), default=-1)
        self._n_flags = 1 + max((one.lane for one in self._flags), default=-1)

    @property
    def height(self) -> float:
        return LANE * (self._n_bars + self._n_flags)

    def drawn(self, bottom: float) -> Html:
        """The bars with hairlines at their ends, and the flags with their lines down to the plot's bottom."""
        found = []
        for one in self._bars:
            y = LANE * (self._n_flags + one.lane)  # long bars come first: no line of a shorter one crosses them
            size = {"width": max(one.right - one.x - 1, 1.0), "height": LANE - 3, "rx": 3}
            edges = [tag("line", x1=x, x2=x, y1=y + LANE - 3, y2=bottom, class_="mark") for x in (one.x, one.right)]
            label = text(one.x + 5, y + 11, one.words, class_="label marker") if one.words else ""
            found.append(tag("g", tip(one.whole), *edges, tag("rect", x=one.x, y=y, class_="condition", **size), label))
        for one in self._flags:
            y = LANE * (self._n_flags - 1 - one.lane)
            line = tag("line", x1=one.x, x2=one.x, y1=y + 2, y2=bottom, class_="mark annotation")
            label = text(one.x + 4, y + 12, one.words, class_="label annotation") if one.words else ""
            found.append(tag("g", tip(one.whole), line, label))
        return join(found)


def _bars(intervals: Sequence[Interval], axis: Axis) -> list[_Placed]:
    free = [-math.inf] * LANES
    placed = []
    for one in intervals:
        x, right = axis.x(one.begin_s), axis.x(one.end_s)
        lane = _first(free, x + 0.5)
        free[lane] = max(free[lane], right)
        placed.append(_Placed(x, right, lane, _fitting(one.name, int((right - x - 8) / LETTER)), one.name))
    return placed


def _fitting(name: str, room: int) -> str:
    """As much of a condition's name as fits; where it does not, of "clip emotion=fear" "fear" matters more."""
    words = name if len(name) <= room else name.rpartition("=")[2]
    return shortened(words, min(room, LONGEST)) if room >= min(3, len(words)) else ""


def _flags(events: Sequence[Event], axis: Axis) -> list[_Placed]:
    free = [-math.inf] * LANES
    placed = []
    for event in events:
        x, words = axis.x(event.time_s), shortened(event.text, LONGEST)
        right = x + LETTER * len(words) + 10
        lane = _first(free, x)
        if free[lane] > x or right > WIDTH + RIGHT:  # no room: the line alone
            placed.append(_Placed(x, x, 0, "", event.text))
        else:
            free[lane] = right
            placed.append(_Placed(x, right, lane, words, event.text))
    return placed


def _first(free: Sequence[float], x: float) -> int:
    """The first lane that is free at x, or the one that is free the soonest."""
    return next((lane for lane, taken in enumerate(free) if taken <= x), min(range(len(free)), key=free.__getitem__))


def _seen(interval: Interval, axis: Axis) -> bool:
    return interval.end_s > axis.begin_s and interval.begin_s < axis.end_s
