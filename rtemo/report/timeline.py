"""The report's plots over time: probabilities, coverage and bad channels, all with the same axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtemo.live.events import Event, EventKind
from rtemo.report.palette import FAULTS, OTHER_FAULT, emotion_colours
from rtemo.report.record import FloatTable, Predictions, SessionRecord, SignalQuality
from rtemo.report.svg import binned, path, picture, runs, tag, text, ticks, tip
from rtemo.report.words import clock, shortened

WIDTH, LEFT, RIGHT = 1060.0, 92.0, 14.0
BINS = 480
PLOT, LANE, LANES = 190.0, 15.0, 4
LETTER = 6.4  # width of a small letter, roughly
MOST_MARKS = 400
MOST_CHANNELS = 24
SELDOM = 0.02  # channels that are bad for less of the time are not listed


@dataclass(frozen=True, slots=True)
class Axis:
    """Time from left to right."""

    begin_s: float
    end_s: float

    @property
    def span_s(self) -> float:
        return max(self.end_s - self.begin_s, 1e-9)

    def x(self, time_s: float) -> float:
        share = (time_s - self.begin_s) / self.span_s
        return LEFT + min(max(share, 0.0), 1.0) * (WIDTH - LEFT - RIGHT)

    def drawn(self, top: float, bottom: float) -> str:
        """Hairlines, and the times below."""
        found = []
        for moment in ticks(self.span_s, 10):
            x = self.x(self.begin_s + moment)
            found.append(tag("line", x1=x, x2=x, y1=top, y2=bottom, class_="grid"))
            found.append(text(x, bottom + 15, clock(moment), class_="tick", text_anchor="middle"))
        return "".join(found)


def probabilities(record: SessionRecord) -> str:
    """Stacked smoothed probabilities, hatched where no emotion was named, with markers and annotations above."""
    axis, shown = Axis(record.begin_s, record.end_s), record.predictions
    marks = _marks(record.events, axis)
    top = LANE * max((mark.lane + 1 for mark in marks if mark.words), default=0) + 8
    bottom = top + PLOT
    inside = [_hatch(), axis.drawn(top, bottom), _stacked(shown, axis, top), _silences(shown, axis, top)]
    inside += [mark.drawn(top, bottom) for mark in marks]
    for share in (0.0, 0.5, 1.0):
        y = bottom - share * PLOT
        inside.append(text(LEFT - 8, y + 4, f"{share:.0%}", class_="tick", text_anchor="end"))
    return picture(WIDTH, bottom + 24, *inside, label="Smoothed probabilities over time")


def coverage(predictions: Predictions, axis: Axis) -> str:
    """How much of the signals could be used."""
    inside, y = [axis.drawn(4, 4 + 2 * 46 - 8)], 4.0
    for name, values in (("EEG usable", predictions.eeg_coverage), ("Gaze usable", predictions.gaze_coverage)):
        inside.append(text(LEFT - 8, y + 24, name, class_="tick", text_anchor="end"))
        inside.append(tag("rect", x=LEFT, y=y, width=WIDTH - LEFT - RIGHT, height=38, class_="ground"))
        found = binned(predictions.times, values[:, None], axis.begin_s, axis.end_s, BINS)
        for points in _pieces(found, axis):
            tops = [(x, y + 38 - 38 * float(row[0])) for x, row in points]
            inside.append(tag("path", d=path([*tops, *_floor(points, y + 38)], closed=True), class_="covered"))
        y += 46
    return picture(WIDTH, y + 14, *inside, label="Share of usable EEG and gaze over time")


def bad_channels(quality: SignalQuality, axis: Axis) -> str:
    """One row for each channel that was bad for a while, coloured by the reason; empty where there is none."""
    shares = quality.bad_share
    worst = [int(k) for k in np.argsort(-shares, kind="stable") if shares[k] >= SELDOM][:MOST_CHANNELS]
    if not worst:
        return ""
    height = 15.0
    inside = [axis.drawn(4, 4 + height * len(worst))]
    half_s = (float(np.median(np.diff(quality.times))) if len(quality.times) > 1 else 1.0) / 2
    for row, channel in enumerate(worst):
        y = 4 + row * height
        name = f"{shortened(quality.labels[channel], 9)} {shares[channel]:.0%}"
        inside.append(text(LEFT - 8, y + 11, name, class_="tick", text_anchor="end"))
        inside.append(tag("rect", x=LEFT, y=y + 1, width=WIDTH - LEFT - RIGHT, height=height - 2, class_="ground"))
        for first, stop, fault in runs(quality.faults[:, channel].tolist()):
            if fault:
                reason = quality.reasons[int(str(fault))]
                left, right = quality.times[first] - half_s, quality.times[stop - 1] + half_s
                x = axis.x(left)
                ink = FAULTS.get(reason, OTHER_FAULT)[0]
                when = f"{clock(left - axis.begin_s)} to {clock(right - axis.begin_s)}"
                said = f"{quality.labels[channel]}: {reason}, {when}"
                size = {"width": max(axis.x(right) - x, 0.8), "height": height - 2}
                inside.append(tag("rect", tip(said), x=x, y=y + 1, fill=ink, **size))
    return picture(WIDTH, 4 + height * len(worst) + 22, *inside, label="Bad channels over time")


def _stacked(predictions: Predictions, axis: Axis, top: float) -> str:
    """The areas, one upon the other, the first label at the bottom."""
    found = binned(predictions.times, predictions.smoothed, axis.begin_s, axis.end_s, BINS)
    colours = list(emotion_colours(predictions.labels).values())
    drawn = []
    for points in _pieces(found, axis):
        floor = [(x, top + PLOT) for x, _ in points]
        height = np.zeros(len(points))
        for k, (label, ink) in enumerate(zip(predictions.labels, colours, strict=True)):
            height = height + np.array([row[k] for _, row in points])
            roof = [(x, top + PLOT * (1 - float(h))) for (x, _), h in zip(points, height, strict=True)]
            drawn.append(tag("path", tip(label), d=path([*roof, *floor[::-1]], closed=True), fill=ink, class_="area"))
            floor = roof
    return "".join(drawn)


def _pieces(found: FloatTable, axis: Axis) -> list[list[tuple[float, FloatTable]]]:
    """The bins that hang together, each with its place. One bin alone is given a width."""
    step = axis.span_s / len(found)
    there = np.isfinite(found).all(axis=1).tolist()
    pieces = []
    for first, stop, given in runs(there):
        if given:
            middles = [(axis.x(axis.begin_s + (k + 0.5) * step), found[k]) for k in range(first, stop)]
            edge = axis.x(axis.begin_s + first * step), axis.x(axis.begin_s + stop * step)
            pieces.append([(edge[0], found[first]), *middles, (edge[1], found[stop - 1])])
    return pieces


def _floor(points: Sequence[tuple[float, FloatTable]], y: float) -> list[tuple[float, float]]:
    return [(points[-1][0], y), (points[0][0], y)]


def _silences(predictions: Predictions, axis: Axis, top: float) -> str:
    """Hatching where no emotion was named for most of a bin."""
    silent = predictions.silent.astype(float)[:, None]
    found = binned(predictions.times, silent, axis.begin_s, axis.end_s, BINS)[:, 0]
    step, drawn = axis.span_s / BINS, []
    for first, stop, quiet in runs((found > 0.5).tolist()):
        if quiet:
            x = axis.x(axis.begin_s + first * step)
            width = axis.x(axis.begin_s + stop * step) - x
            drawn.append(tag("rect", x=x, y=top, width=width, height=PLOT, class_="veil"))
            drawn.append(tag("rect", tip("no emotion named"), x=x, y=top, width=width, height=PLOT, fill="url(#hatch)"))
    return "".join(drawn)


def _hatch() -> str:
    line = tag("line", x1=0, y1=0, x2=0, y2=7, class_="hatch")
    size = {"width": 7, "height": 7, "patternUnits": "userSpaceOnUse", "patternTransform": "rotate(45)"}
    return tag("defs", tag("pattern", line, id="hatch", **size))


@dataclass(frozen=True, slots=True)
class _Mark:
    """A marker or annotation with its place. words: empty where there is no room for them; lane 0 is the lowest."""

    event: Event
    x: float
    words: str
    lane: int

    def drawn(self, top: float, bottom: float) -> str:
        """A line, and the words beside its upper end."""
        kind = "annotation" if self.event.kind is EventKind.ANNOTATION else "marker"
        y = top - 8 - LANE * (self.lane + 1) if self.words else top
        line = tag("line", x1=self.x, x2=self.x, y1=y + 3, y2=bottom, class_=f"mark {kind}")
        label = text(self.x + 4, y + 12, self.words, class_=f"label {kind}") if self.words else ""
        return tag("g", tip(self.event.text), line, label)


def _marks(events: Sequence[Event], axis: Axis) -> list[_Mark]:
    """The markers and annotations, their texts in lanes as far as there is room."""
    marks = [e for e in events if e.kind in (EventKind.MARKER, EventKind.ANNOTATION)]
    marks = [e for e in marks if axis.begin_s <= e.time_s <= axis.end_s][:MOST_MARKS]
    free = [-math.inf] * LANES
    placed = []
    for event in marks:
        x, words = axis.x(event.time_s), shortened(event.text, 22)
        room = x + LETTER * len(words) + 10
        lane = next((k for k, taken in enumerate(free) if taken <= x), None)
        if lane is None or room > WIDTH:
            placed.append(_Mark(event, x, "", 0))
        else:
            free[lane] = room
            placed.append(_Mark(event, x, words, lane))
    return placed
