"""The session report as one self-contained HTML page.

Every text that may come from the network, a file or the researcher is plain text here, so the page maker escapes it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import rtemo
from rtemo.presentation.html import Html, tag
from rtemo.presentation.numbers import MISSING, clock, number, percent, several, size
from rtemo.presentation.page import (
    BAR,
    NUMBER,
    TEXT,
    TIME,
    bullets,
    facts,
    folded,
    numbers,
    page,
    paragraph,
    section,
    subheading,
    table,
)
from rtemo.presentation.palette import emotion_colours
from rtemo.recordings.events import BACK, Event, EventKind
from rtemo.recordings.session_facts import gaze_check_of
from rtemo.recordings.study.conditions import AFTER_S, after_annotations, marker_intervals
from rtemo.report import charts, timeline
from rtemo.report.conditions import Condition, summed_up
from rtemo.report.further.section import further_section
from rtemo.report.session_record import SessionRecord, SignalQuality
from rtemo.report.time_shares import time_shares
from rtemo.report.troubles import interruptions, troubles

MOST_EVENTS = 3000
POOR_GAZE_DEG = 2.0
TROUBLE = (EventKind.STREAM_DOWN, EventKind.LOSS, EventKind.FAILURE)


def report_page(record: SessionRecord) -> Html:
    """The whole page."""
    parts: tuple[Callable[[SessionRecord], Html], ...] = (
        model_warning, _tiles, _problems, _over_time, _ratings, _shares, _conditions, _quality, _further, _streams,
        _abstentions, _events, _setup,
    )  # fmt: skip
    return page(
        record.subject or record.title,
        *(part(record) for part in parts),
        above="Session report" if record.live else "Report on a replayed recording",
        below=" · ".join(
            fact for fact in (_when(record), record.title if record.subject else "", record.notes) if fact
        ),
        foot=f"Written by rtemo {rtemo.__version__}. Times count from the session's start; times of day are local.",
        tab=f"{record.title} – rtemo report",
    )


def model_warning(record: SessionRecord) -> Html:
    """What nobody may overlook about the model: not calibrated, trained on simulated people."""
    return Html(_uncalibrated(record) + _simulated(record))


def _uncalibrated(record: SessionRecord) -> Html:
    if record.model.calibrated:
        return Html()
    text = (
        f" The model {record.model.name} was never checked on people whom it does not know: its numbers are no "
        "probabilities but what it puts out, and there are no sets and no novelty."
    )
    return section("", tag("p", tag("strong", "Not calibrated."), text), kind="warning")


def _simulated(record: SessionRecord) -> Html:
    if not record.model.simulated:
        return Html()
    text = (
        f" The model {record.model.name} was trained on: {record.model.trained_on}. It has never seen a human being. "
        "The probabilities below show that the set-up works; they say nothing about what a real person felt."
    )
    return section("", tag("p", tag("strong", "Simulated training."), text), kind="warning")


def _tiles(record: SessionRecord) -> Html:
    predictions = record.predictions
    named = 1 - float(predictions.silent.mean()) if len(predictions) else math.nan
    lost = len(interruptions(record.events))
    latency = predictions.latency_ms[np.isfinite(predictions.latency_ms)]
    tiles = [
        (clock(record.duration_s), "duration", False),
        (f"{len(predictions):,}", "predictions", not len(predictions)),
        (percent(named), "with an emotion named", False),
        (percent(_mean(predictions.eeg_coverage)), "EEG usable", _mean(predictions.eeg_coverage) < 0.7),
        (percent(_mean(predictions.gaze_coverage)), "gaze usable", _mean(predictions.gaze_coverage) < 0.6),
        (f"{lost}", "stream interruptions", lost > 0),
    ]
    if len(latency):
        tiles.append((number(float(np.percentile(latency, 99)), 0, "ms"), "latency, 99th percentile", False))
    if checks := [check for event in record.events if (check := gaze_check_of(event)) is not None]:
        off_deg = checks[-1].accuracy_deg
        tiles.append((f"{off_deg:.1f}°", "gaze accuracy in the last check", off_deg > POOR_GAZE_DEG))
    if record.recording_bytes:
        tiles.append((size(record.recording_bytes), "recording", False))
    shown = (tag("div", tag("b", value), tag("span", name), class_="tile" + " bad" * bad) for value, name, bad in tiles)
    return section("", *shown, kind="tiles")


def _problems(record: SessionRecord) -> Html:
    found = troubles(record)
    return section("What is not as it should be", bullets(found), kind="warning") if found else Html()


def _over_time(record: SessionRecord) -> Html:
    if not len(record.predictions):
        return section("Probabilities over time", paragraph("There is no prediction.", "muted"))
    swatches = [_swatch(label, ink) for label, ink in emotion_colours(record.predictions.labels).items()]
    return section(
        "Probabilities over time",
        paragraph("Smoothed probabilities. Above them: conditions as bars, annotations as flags.", "caption"),
        _legend([*swatches, tag("span", tag("i", class_="hatched"), "no emotion named")]),
        timeline.probabilities(record),
    )


def _when(record: SessionRecord) -> str:
    """Day, beginning and end by the clock of the place, as 30 November 2026, 14:02:11 to 14:31:40."""
    began, ended = record.local(record.begin_s), record.local(record.end_s)
    if began is None or ended is None:
        return record.when
    day = f"{began.day} {began.strftime('%B %Y, %H:%M:%S')}"
    return f"{day} to {ended.strftime('%H:%M:%S')}"


def _ratings(record: SessionRecord) -> Html:
    """Estimates of a model that was fitted on ratings."""
    found = record.predictions.ratings
    if not found:
        return Html()
    rows = []
    for name, values in found.items():
        known = values[np.isfinite(values).all(axis=1)]
        cells = [_mean(known[:, 0]), *(np.ptp(known[:, 1:], axis=1)[:1] / 2 if len(known) else [math.nan])]
        rows.append([name, *(number(cell, 2) for cell in cells), percent(len(known) / max(len(values), 1))])
    columns = [("Rating", TEXT), *numbers("mean estimate", "± interval", "of the time")]
    caption = (
        "What the model, which was fitted on such ratings, estimates, in their units, with its conformal interval. On "
        "people who were held out the rating lay within it as often as the model's card says."
    )
    return section("Estimated ratings", paragraph(caption, "caption"), timeline.ratings(record), table(columns, rows))


def _shares(record: SessionRecord) -> Html:
    """How much of the time each emotion was named, and how much none."""
    found = time_shares(record.predictions)
    if not found:
        return Html()
    inks = emotion_colours(record.predictions.labels)
    return section(
        "Share of time",
        paragraph(
            "How long each emotion was the one that was named; without a name where the model abstained.", "caption"
        ),
        charts.shares(found, inks),
    )


def _conditions(record: SessionRecord) -> Html:
    window_s = record.model.window_s
    by_marker = summed_up(
        marker_intervals(record.events, record.end_s, record.conditions), record.predictions, window_s
    )
    by_note = summed_up(after_annotations(record.events, record.end_s), record.predictions, window_s)
    if not by_marker and not by_note:
        return Html()
    chance = 1 / max(len(record.predictions.labels), 1)
    caption = (
        f"Mean probabilities of the windows ({window_s:g} s long) that lie wholly inside, unsmoothed. Equal "
        f"probabilities would be {percent(chance)} each. "
        "Neighbouring windows overlap, so their number is no sample size."
    )
    parts = [paragraph(caption, "caption")]
    if by_marker:
        parts.append(_condition_table(record, by_marker, "Condition"))
    if by_note:
        title = subheading(f"The {AFTER_S:g} s after each annotation")
        parts += [title, _condition_table(record, by_note, "Annotation")]
    return section("Model output by condition", *parts)


def _condition_table(record: SessionRecord, found: Sequence[Condition], name: str) -> Html:
    labels = record.predictions.labels
    columns = [(name, TEXT), ("", BAR), *numbers(*labels, "times", "in all", "windows", "silent")]
    rows = []
    for one in found:
        counts = (f"{one.n_intervals}", clock(one.seconds), f"{one.n_windows:,}", percent(one.abstains))
        rows.append([one.name, charts.bars(labels, one.mean), *map(percent, one.mean.tolist()), *counts])
    return table(columns, rows)


def _quality(record: SessionRecord) -> Html:
    axis, quality = timeline.axis_of(record), record.quality
    parts = [timeline.coverage(record.predictions, axis, quality)] if len(record.predictions) else []
    if quality is not None and quality.labels:
        worst = timeline.worst_channels(quality)
        good = f"{len(quality.labels) - len(worst)} of {several(len(quality.labels), 'electrode')} good throughout."
        if quality.of_stream.any():
            good += " What all of them had at once, as a gap of the stream, is stated once and counts for none of them."
        head, names = tag("div", charts.head(quality)), tag("div", _worst_table(quality, worst))
        parts += [
            subheading("Electrodes"),
            paragraph(good, "caption"),
            _legend([_swatch(reason, ink) for reason, ink in charts.legend(quality).items()]),
            timeline.bad_channels(quality, axis),
            tag("div", head, names, class_="beside"),
        ]
    parts += _impedances(record)
    return section("Signal quality", *parts) if parts else Html()


def _further(record: SessionRecord) -> Html:
    return further_section(record.traces, timeline.axis_of(record))


def _impedances(record: SessionRecord) -> list[Html]:
    """The impedances that the device sent, the highest first."""
    if not record.impedances:
        return []
    worst_first = sorted(record.impedances, key=lambda one: -one.latest)
    rows = [
        [one.electrode, *(number(value, 1, "kΩ") for value in (one.first, one.latest, one.highest))]
        for one in worst_first
    ]
    columns = [("Electrode", TEXT), *numbers("First", "Last", "Highest")]
    return [subheading("Impedances as the device sent them"), table(columns, rows)]


def _worst_table(quality: SignalQuality, worst: list[int]) -> Html:
    of_stream, shares = quality.of_stream, quality.bad_share
    rows = [
        ["all at once", quality.reasons[fault], percent(float((of_stream == fault).mean()))]
        for fault in np.unique(of_stream).tolist()
        if fault
    ]
    rows += [[quality.labels[k], quality.usual_fault(k), percent(float(shares[k]))] for k in worst]
    return table([("Electrode", TEXT), ("Usually", TEXT), ("of the time", NUMBER)], rows) if rows else Html()


def _streams(record: SessionRecord) -> Html:
    """The streams with what is missing, and everything that was lost and came back."""
    columns = [("Stream", TEXT), ("Type", TEXT), ("Used as", TEXT)]
    columns += numbers("Channels", "Rate", "Measured", "Samples", "Gaps", "Unusable")
    counted = any(stream.n_lost is not None for stream in record.streams)
    columns += numbers("Lost by its counter", "Sent twice") if counted else []
    rows = [
        [
            stream.name,
            stream.type,
            stream.role or MISSING,
            f"{stream.n_channels}",
            number(stream.nominal_hz, 0, "Hz") if stream.nominal_hz else "irregular",
            number(stream.rate_hz, 2, "Hz"),
            f"{stream.n_samples:,}",
            number(stream.n_gaps),
            number(stream.n_unusable),
            *([number(stream.n_lost), number(stream.n_twice)] if counted else []),
        ]
        for stream in record.streams
    ]
    trouble = [event for event in record.events if _is_trouble(event)]
    return section(
        "Streams and losses",
        table(columns, rows) if rows else paragraph("The recording could not be read.", "muted"),
        subheading("Losses and reconnections"),
        _event_table(record, trouble) if trouble else paragraph("None.", "muted"),
    )


def _is_trouble(event: Event) -> bool:
    """Losses, and streams that came back."""
    return event.kind in TROUBLE or (event.kind is EventKind.STREAM_UP and event.text.startswith(BACK))


def _abstentions(record: SessionRecord) -> Html:
    counts = Counter(reason for reason in record.predictions.abstain if reason)
    if not counts:
        return Html()
    drawn = charts.counted(dict(counts.most_common()), len(record.predictions))
    return section("Abstentions", paragraph("How often no emotion was named, by reason.", "caption"), drawn)


def _events(record: SessionRecord) -> Html:
    if not record.events:
        return Html()
    shown = tag("div", _event_table(record, record.events[:MOST_EVENTS]), class_="scroll")
    more = len(record.events) - MOST_EVENTS
    rest = f"and {several(more, 'event')} more in events.jsonl" if more > 0 else ""
    return section("Events", shown, paragraph(rest, "muted"))


def _event_table(record: SessionRecord, events: Sequence[Event]) -> Html:
    rows = []
    for event in events:
        text = f"{event.stream}: {event.text}" if event.stream else event.text
        when, kind = clock(event.time_s - record.begin_s), event.kind.value.replace("_", " ")
        day = record.local(event.time_s)
        rows.append([day.strftime("%H:%M:%S") if day is not None else "", when, kind, " ".join(text.split())])
    return table([("", TIME), ("", TIME), ("", TIME), ("", TEXT)], rows)


def _setup(record: SessionRecord) -> Html:
    model = record.model
    about = [("Model", model.name), ("Trained on", model.trained_on), ("Fingerprint", model.fingerprint)]
    settings = [(name, value) for name, value in _flattened(record.settings) if value not in ("", "[]")]
    versions = [(name, str(value)) for name, value in record.versions.items()]
    parts = []
    for title, found in (("Model", about), ("Settings", settings), ("Versions", versions)):
        parts += [subheading(title), facts(found)] if found else []
    if model.card:
        parts.append(folded("The model's card", tag("pre", model.card)))
    return section("Model, settings, versions", *parts)


def _legend(entries: Sequence[Html]) -> Html:
    return tag("div", *entries, class_="legend")


def _swatch(name: str, ink: str) -> Html:
    return tag("span", tag("i", style=f"background:{ink}"), name)


def _flattened(document: Mapping[str, Any], where: str = "") -> list[tuple[str, str]]:
    """Nested tables as dotted names."""
    found: list[tuple[str, str]] = []
    for key, value in document.items():
        name = f"{where}.{key}" if where else key
        found += _flattened(value, name) if isinstance(value, Mapping) else [(name, _plain(value))]
    return found


def _plain(value: object) -> str:
    """A setting as text: lists without brackets."""
    if isinstance(value, Mapping):
        return " ".join(f"{key} {_plain(part)}" for key, part in value.items())
    return ", ".join(map(_plain, value)) if isinstance(value, list | tuple) else str(value)


def _mean(values: np.ndarray[Any, Any]) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else math.nan
