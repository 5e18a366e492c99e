"""Writing the report of a session or a recording; of several participants an overview, and a report for each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

import rtemo
from rtemo.model.uncertainty.valence_arousal import mean_place
from rtemo.presentation.html import Html, tag
from rtemo.presentation.numbers import clock, number, percent
from rtemo.presentation.page import TEXT, numbers, page, paragraph, section, table, write_page
from rtemo.recordings.study.synchrony import SHORTEST_S, WINDOW_S, synchrony
from rtemo.report.page import model_warning, report_page
from rtemo.report.read_session import ReportInputs, read_each
from rtemo.report.session_record import FloatTable, Predictions, SessionRecord
from rtemo.report.troubles import interruptions

ON_SYNCHRONY = (
    f"Correlation of the smoothed valence of two participants in windows of {WINDOW_S:g} s, averaged over the session. "
    "p is the share of circular shifts of one course against the other that give as much or more; there is none below "
    f"{SHORTEST_S / 60:g} minutes. It does not tell why: people who see the same thing at the same time go together "
    "without any bond between them."
)


def write_report(target: Path, out: Path, means: ReportInputs) -> None:
    """Write the report at `out`; of several participants an overview there, and beside it a report for each.

    Raises RtemoError where nothing can be reported or written.
    """
    records = read_each(target, means)
    if len(records) == 1:
        write_page(out, report_page(records[0]))
        return
    own = {record.subject: out.with_name(f"{record.subject}.{out.name}") for record in records}
    for record in records:
        write_page(own[record.subject], report_page(record))
    write_page(out, overview_page(target.name, records, {who: path.name for who, path in own.items()}))


def overview_page(title: str, records: Sequence[SessionRecord], pages: Mapping[str, str]) -> Html:
    """The participants side by side, with links to their own reports. pages: the names of these, by participant."""
    rows = [_row(record, pages[record.subject]) for record in records]
    columns = [("participant", TEXT), *numbers("duration", "predictions", "named", "EEG usable", "gaze usable", "lost")]
    pairs = [_pair(one, other) for one, other in combinations(records, 2)]
    return page(
        title,
        model_warning(records[0]),
        section("Participants", table(columns, rows)),
        section(
            "Synchrony",
            table([("pair", TEXT), *numbers("mean r", "p", "windows")], pairs),
            paragraph(ON_SYNCHRONY, "caption"),
        ),
        above="Session report of several participants",
        foot=f"Written by rtemo {rtemo.__version__}.",
        tab=f"{title} – rtemo report",
    )


def _row(record: SessionRecord, name: str) -> list[str]:
    predictions = record.predictions
    named = 1 - float(predictions.silent.mean()) if len(predictions) else math.nan
    usable = [_mean(predictions.eeg_coverage), _mean(predictions.gaze_coverage)]
    return [
        tag("a", record.subject, href=name),
        clock(record.duration_s),
        f"{len(predictions):,}",
        percent(named),
        *(percent(share) for share in usable),
        f"{len(interruptions(record.events))}",
    ]


def _pair(one: SessionRecord, other: SessionRecord) -> list[str]:
    a, b = one.predictions, other.predictions
    found = synchrony(a.times, valence_of(a), b.times, valence_of(b))
    n = int(np.isfinite(found.r).sum())
    return [f"{one.subject} and {other.subject}", number(found.mean_r, 2), number(found.p, 3), f"{n}"]


def valence_of(predictions: Predictions) -> FloatTable:
    """(n,) smoothed valence, NaN where the model abstains or has none."""
    rows = (dict(zip(predictions.labels, row, strict=True)) for row in predictions.smoothed.tolist())
    places = [mean_place(row) for row in rows]
    found = np.array([math.nan if place is None else place[0] for place in places], np.float64)
    return np.where(predictions.silent, math.nan, found)


def _mean(values: FloatTable) -> float:
    return float(values.mean()) if len(values) else math.nan
