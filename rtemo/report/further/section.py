"""The section of a report on further streams: a figure with a lane for each channel, and a table of their values."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rtemo.presentation.html import Html, join, tag
from rtemo.presentation.numbers import number, shortened
from rtemo.presentation.page import TEXT, numbers, paragraph, section, table
from rtemo.report.further.summary import TraceSummary
from rtemo.report.svg import path, picture, runs, text, tip
from rtemo.report.time_axis import LEFT, RIGHT, WIDTH, Axis

LANE, APART = 54.0, 8.0
MOST_LANES = 24


def further_section(traces: Sequence[TraceSummary], axis: Axis) -> Html:
    """Empty where no further stream was recorded."""
    if not traces:
        return Html()
    caption = (
        "What was recorded beside EEG and gaze, as it came: mean and range, each channel on a scale of its own. It "
        "changes no prediction."
    )
    columns = [
        ("Stream", TEXT),
        ("Channel", TEXT),
        ("Unit", TEXT),
        *numbers("Lowest", "Mean", "Highest", "of the time"),
    ]
    left_out = len(traces) - MOST_LANES
    rest = f"{left_out} more channels are in the table alone." if left_out > 0 else ""
    return section(
        "Further streams",
        paragraph(caption, "caption"),
        _figure(traces[:MOST_LANES], axis),
        paragraph(rest, "muted") if rest else Html(),
        table(columns, [_row(one, axis) for one in traces]),
    )


def _row(one: TraceSummary, axis: Axis) -> list[str]:
    low, high = float(np.nanmin(one.low)), float(np.nanmax(one.high))
    digits = digits_of(high - low)
    inside = (one.times >= axis.begin_s) & (one.times <= axis.end_s)
    share = float(np.isfinite(one.mean[inside]).mean()) if inside.any() else math.nan
    values = (number(value, digits) for value in (low, float(np.nanmean(one.mean)), high))
    return [one.stream, one.channel, one.unit, *values, number(100 * share, 0, "%")]


def _figure(traces: Sequence[TraceSummary], axis: Axis) -> Html:
    inside, y = [axis.drawn(4, 4 + len(traces) * (LANE + APART) - APART)], 4.0
    for one in traces:
        inside.append(_lane(one, axis, y))
        y += LANE + APART
    return picture(WIDTH, y - APART + axis.foot, *inside, label="Further streams over time")


def _lane(one: TraceSummary, axis: Axis, y: float) -> Html:
    """The range as a band and the mean as a line, open where nothing came."""
    low, high = float(np.nanmin(one.low)), float(np.nanmax(one.high))
    span, digits = max(high - low, 1e-12), digits_of(high - low)
    name = f"{one.stream} {one.channel}" if one.channel.casefold() not in one.stream.casefold() else one.stream
    drawn = [
        tag("text", tip(name), shortened(one.stream, 14), x=LEFT - 8, y=y + 24, class_="tick", text_anchor="end"),
        text(LEFT - 8, y + 37, shortened(one.channel, 14), class_="tick", text_anchor="end"),
        text(LEFT - 8, y + 10, number(high, digits), class_="tick", text_anchor="end"),
        text(LEFT - 8, y + LANE - 1, number(low, digits), class_="tick", text_anchor="end"),
        tag("rect", x=LEFT, y=y, width=WIDTH - LEFT - RIGHT, height=LANE, class_="ground"),
    ]
    half_s = float(one.times[1] - one.times[0]) / 2 if len(one.times) > 1 else 0.5

    def at(value: float) -> float:
        return y + LANE - 2 - (LANE - 4) * (value - low) / span

    shown = np.isfinite(one.mean) & (one.times >= axis.begin_s) & (one.times <= axis.end_s)
    for first, stop, there in runs(shown.tolist()):
        if not there:
            continue
        xs = [axis.x(t) for t in (one.times[first] - half_s, *one.times[first:stop], one.times[stop - 1] + half_s)]
        rows = [first, *range(first, stop), stop - 1]
        edges = [[(x, at(float(values[k]))) for x, k in zip(xs, rows, strict=True)] for values in (one.high, one.low)]
        band = path([*edges[0], *edges[1][::-1]], closed=True)
        line = path([(x, at(float(one.mean[k]))) for x, k in zip(xs, rows, strict=True)], closed=False)
        drawn.append(tag("path", tip(f"{name}: range"), d=band, class_="covered", opacity=0.4))
        drawn.append(tag("path", tip(f"{name}: mean"), d=line, class_="traced"))
    return join(drawn)


def digits_of(span: float) -> int:
    """Decimals that tell values of a range apart."""
    return max(0, min(6, 1 - math.floor(math.log10(span)))) if math.isfinite(span) and span > 0 else 2
