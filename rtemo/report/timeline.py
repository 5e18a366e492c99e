"""The report's plots over time: probabilities, coverage and bad channels, all with the same axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rtemo.presentation.html import Html, join, tag
from rtemo.presentation.numbers import clock, number, percent, shortened
from rtemo.presentation.palette import FAULTS, OTHER_FAULT, emotion_colours
from rtemo.report.session_record import FloatTable, Predictions, SessionRecord, SignalQuality
from rtemo.report.svg import binned, path, picture, runs, text, tip
from rtemo.report.time_axis import LEFT, RIGHT, WIDTH, Axis
from rtemo.report.timeline_marks import TimelineMarks

BINS = 480
PLOT = 190.0
MOST_CHANNELS = 24
SELDOM = 0.02  # channels that are bad for less of the time are not listed


def probabilities(record: SessionRecord) -> Html:
    """Stacked smoothed probabilities, hatched where no emotion was named, with markers and annotations above."""
    axis, shown = axis_of(record), record.predictions
    above = TimelineMarks(record, axis)
    top = above.height + 6
    bottom = top + PLOT
    inside = [_hatch(), axis.drawn(top, bottom), _stacked(shown, axis, top), _silences(shown, axis, top)]
    inside.append(above.drawn(bottom))
    for share in (0.0, 0.5, 1.0):
        y = bottom - share * PLOT
        inside.append(text(LEFT - 8, y + 4, percent(share), class_="tick", text_anchor="end"))
    return picture(WIDTH, bottom + axis.foot + 2, *inside, label="Smoothed probabilities over time")


def axis_of(record: SessionRecord) -> Axis:
    """The time axis of a session's plots."""
    return Axis(record.begin_s, record.end_s, record.local(record.begin_s))


def coverage(predictions: Predictions, axis: Axis, quality: SignalQuality | None = None) -> Html:
    """How much of the signals could be used, and of the electrodes, over the session."""
    rows = [
        ("EEG usable", predictions.times, predictions.eeg_coverage),
        ("Gaze usable", predictions.times, predictions.gaze_coverage),
    ]
    if quality is not None and quality.labels and len(quality.times):
        rows.insert(0, ("Good channels", quality.times, (quality.faults == 0).mean(axis=1)))
    inside, y = [axis.drawn(4, 4 + len(rows) * 46 - 8)], 4.0
    for name, times, values in rows:
        inside.append(text(LEFT - 8, y + 24, name, class_="tick", text_anchor="end"))
        inside.append(tag("rect", x=LEFT, y=y, width=WIDTH - LEFT - RIGHT, height=38, class_="ground"))
        found = binned(times, values[:, None], axis.begin_s, axis.end_s, bins_for(times, axis.span_s))
        for points in _pieces(found, axis):
            tops = [(x, y + 38 - 38 * float(row[0])) for x, row in points]
            inside.append(tag("path", d=path([*tops, *_floor(points, y + 38)], closed=True), class_="covered"))
        y += 46
    return picture(WIDTH, y - 8 + axis.foot, *inside, label="Good electrodes, usable EEG and gaze over time")


def ratings(record: SessionRecord) -> Html:
    """The estimate of each rating as a line in its interval, each on a scale of its own."""
    axis, rows, height = axis_of(record), record.predictions.ratings, 96.0
    inside, y = [axis.drawn(4, 4 + len(rows) * (height + 8) - 8)], 4.0
    for name, values in rows.items():
        inside.append(text(LEFT - 8, y + 14, shortened(name, 12), class_="tick", text_anchor="end"))
        inside.append(tag("rect", x=LEFT, y=y, width=WIDTH - LEFT - RIGHT, height=height, class_="ground"))
        times = record.predictions.times
        found = binned(times, values, axis.begin_s, axis.end_s, bins_for(times, axis.span_s))
        if np.isfinite(found).any():
            least, most = float(np.nanmin(found)), float(np.nanmax(found))
            for value, at in ((most, y + 30), (least, y + height - 4)):
                inside.append(text(LEFT - 8, at, number(value, 2), class_="tick", text_anchor="end"))
            for points in _pieces(found, axis):
                places = [
                    [(x, y + height * (1 - (float(row[k]) - least) / max(most - least, 1e-9))) for x, row in points]
                    for k in range(3)
                ]
                band = path([*places[1], *places[2][::-1]], closed=True)
                inside.append(tag("path", tip(f"{name}: interval"), d=band, class_="covered", opacity=0.3))
                line = path([*places[0], *((x, at + 1.5) for x, at in places[0][::-1])], closed=True)
                inside.append(tag("path", tip(name), d=line, class_="covered"))
        y += height + 8
    return picture(WIDTH, y - 8 + axis.foot, *inside, label="Estimated ratings over time")


def bins_for(times: FloatTable, span_s: float) -> int:
    """So many bins that none stays empty between two neighbours: a bin is at least two steps long."""
    known = times[np.isfinite(times)]
    step_s = float(np.median(np.diff(known))) if len(known) > 2 else span_s
    n_bins = span_s / max(2 * step_s, 1e-9)
    return max(1, int(min(BINS, n_bins))) if math.isfinite(n_bins) else 1


def worst_channels(quality: SignalQuality) -> list[int]:
    """The channels that were bad for a while, the worst first."""
    shares = quality.bad_share
    return [int(k) for k in np.argsort(-shares, kind="stable") if shares[k] >= SELDOM]


def bad_channels(quality: SignalQuality, axis: Axis) -> Html:
    """One row for what the whole stream had, and one for each channel that was bad for a while, coloured by the reason;
    empty where there is none.
    """
    shares, own, of_stream = quality.bad_share, quality.own_faults, quality.of_stream
    rows = [
        (f"{shortened(quality.labels[k], 9)} {percent(shares[k])}", quality.labels[k], own[:, k])
        for k in worst_channels(quality)[:MOST_CHANNELS]
    ]
    if of_stream.any():
        rows.insert(0, (f"all {percent(float((of_stream > 0).mean()))}", "all electrodes", of_stream))
    if not rows:
        return Html()
    height = 15.0
    inside = [axis.drawn(4, 4 + height * len(rows))]
    half_s = (float(np.median(np.diff(quality.times))) if len(quality.times) > 1 else 1.0) / 2
    for row, (name, whose, faults) in enumerate(rows):
        y = 4 + row * height
        inside.append(text(LEFT - 8, y + 11, name, class_="tick", text_anchor="end"))
        inside.append(tag("rect", x=LEFT, y=y + 1, width=WIDTH - LEFT - RIGHT, height=height - 2, class_="ground"))
        for first, stop, fault in runs(faults.tolist()):
            if fault:
                reason = quality.reasons[int(str(fault))]
                left, right = quality.times[first] - half_s, quality.times[stop - 1] + half_s
                x = axis.x(left)
                ink = FAULTS.get(reason, OTHER_FAULT)[0]
                when = f"{clock(left - axis.begin_s)} to {clock(right - axis.begin_s)}"
                label = f"{whose}: {reason}, {when}"
                size = {"width": max(axis.x(right) - x, 0.8), "height": height - 2}
                inside.append(tag("rect", tip(label), x=x, y=y + 1, fill=ink, **size))
    return picture(WIDTH, 4 + height * len(rows) + axis.foot, *inside, label="Bad channels over time")


def _stacked(predictions: Predictions, axis: Axis, top: float) -> Html:
    """The areas, one upon the other, the first label at the bottom."""
    n_bins = bins_for(predictions.times, axis.span_s)
    found = binned(predictions.times, predictions.smoothed, axis.begin_s, axis.end_s, n_bins)
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
    return join(drawn)


def _pieces(found: FloatTable, axis: Axis) -> list[list[tuple[float, FloatTable]]]:
    """The bins that hang together, each with its place. One bin alone is given a width."""
    step = axis.span_s / len(found)
    there = np.asarray(np.isfinite(found).all(axis=1), bool)
    pieces = []
    for first, stop, given in runs(list(there)):
        if given:
            middles = [(axis.x(axis.begin_s + (k + 0.5) * step), found[k]) for k in range(first, stop)]
            edge = axis.x(axis.begin_s + first * step), axis.x(axis.begin_s + stop * step)
            pieces.append([(edge[0], found[first]), *middles, (edge[1], found[stop - 1])])
    return pieces


def _floor(points: Sequence[tuple[float, FloatTable]], y: float) -> list[tuple[float, float]]:
    return [(points[-1][0], y), (points[0][0], y)]


def _silences(predictions: Predictions, axis: Axis, top: float) -> Html:
    """Hatching where no emotion was named for most of a bin."""
    silent = predictions.silent.astype(float)[:, None]
    n_bins = bins_for(predictions.times, axis.span_s)
    found = binned(predictions.times, silent, axis.begin_s, axis.end_s, n_bins)[:, 0]
    step, drawn = axis.span_s / n_bins, []
    for first, stop, quiet in runs((found > 0.5).tolist()):
        if quiet:
            x = axis.x(axis.begin_s + first * step)
            width = axis.x(axis.begin_s + stop * step) - x
            drawn.append(tag("rect", x=x, y=top, width=width, height=PLOT, class_="veil"))
            drawn.append(tag("rect", tip("no emotion named"), x=x, y=top, width=width, height=PLOT, fill="url(#hatch)"))
    return join(drawn)


def _hatch() -> Html:
    line = tag("line", x1=0, y1=0, x2=0, y2=7, class_="hatch")
    size: dict[str, float | str] = {"width": 7, "height": 7}
    size |= {"patternUnits": "userSpaceOnUse", "patternTransform": "rotate(45)"}
    return tag("defs", tag("pattern", line, id="hatch", **size))
