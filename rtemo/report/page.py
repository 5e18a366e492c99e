"""The report as one HTML page that needs nothing else: no script, no font, no picture from elsewhere.

Every text that may come from the network, a file or the researcher goes through `escape`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

import numpy as np

import rtemo
from rtemo.presentation.numbers import clock, number, percent, several, size
from rtemo.presentation.palette import emotion_colours
from rtemo.recordings.events import Event, EventKind
from rtemo.report import charts, timeline
from rtemo.report.conditions import AFTER_S, Condition, after_annotations, marker_intervals, summed_up
from rtemo.report.session_record import SessionRecord, SignalQuality
from rtemo.report.style import SHEET
from rtemo.report.time_axis import Axis

MOST_EVENTS = 3000
POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # whatever got in could load nothing and run nothing


def page(record: SessionRecord) -> str:
    """The whole page."""
    parts: tuple[Callable[[SessionRecord], str], ...] = (
        _header, _warning, _tiles, _problems, _over_time, _conditions, _quality, _streams, _abstentions, _events,
        _setup,
    )  # fmt: skip
    body = "\n".join(part(record) for part in parts)
    about = f"Written by rtemo {escape(rtemo.__version__)}. Times count from the session's start."
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(record.title)} – rtemo report</title>\n<style>{SHEET}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n<footer>{about}</footer>\n</main>\n</body>\n</html>\n"
    )


def _header(record: SessionRecord) -> str:
    kind = "Session report" if record.live else "Report on a replayed recording"
    facts = [escape(fact) for fact in (record.when, record.title if record.subject else "", record.notes) if fact]
    name = record.subject or record.title
    return (
        f'<header><p class="muted">{kind}</p><h1>{escape(name)}</h1><p class="muted">{" · ".join(facts)}</p></header>'
    )


def _warning(record: SessionRecord) -> str:
    if not record.model.simulated:
        return ""
    said = f"The model {escape(record.model.name)!s} was trained on: {escape(record.model.trained_on)}."
    return _section(
        "",
        f"<p><strong>Simulated training.</strong> {said} It has never seen a human being. "
        "The probabilities below show that the set-up works; they say nothing about what a real person felt.</p>",
        "warning",
    )


def _tiles(record: SessionRecord) -> str:
    shown = record.predictions
    named = 1 - float(shown.silent.mean()) if len(shown) else math.nan
    lost = sum(event.kind is EventKind.STREAM_DOWN for event in record.events)
    latency = shown.latency_ms[np.isfinite(shown.latency_ms)]
    tiles = [
        (clock(record.duration_s), "duration", False),
        (f"{len(shown):,}", "predictions", not len(shown)),
        (percent(named), "with an emotion named", False),
        (percent(_mean(shown.eeg_coverage)), "EEG usable", _mean(shown.eeg_coverage) < 0.7),
        (percent(_mean(shown.gaze_coverage)), "gaze usable", _mean(shown.gaze_coverage) < 0.6),
        (f"{lost}", "stream interruptions", lost > 0),
    ]
    if len(latency):
        tiles.append((number(float(np.percentile(latency, 99)), 0, "ms"), "latency, 99th percentile", False))
    if record.recording_bytes:
        tiles.append((size(record.recording_bytes), "recording", False))
    inside = "".join(
        f'<div class="tile{" bad" * bad}"><b>{value}</b><span>{name}</span></div>' for value, name, bad in tiles
    )
    return f'<section class="tiles">{inside}</section>'


def _problems(record: SessionRecord) -> str:
    if not record.problems:
        return ""
    items = "".join(f"<li>{escape(problem)}</li>" for problem in record.problems)
    return _section("What is not as it should be", f"<ul>{items}</ul>", "warning")


def _over_time(record: SessionRecord) -> str:
    if not len(record.predictions):
        return _section("Probabilities over time", '<p class="muted">There is no prediction.</p>')
    swatches = [f'<span><i style="background:{ink}"></i>{escape(label)}</span>' for label, ink in _colours(record)]
    swatches.append('<span><i class="hatched"></i>no emotion named</span>')
    caption = "Smoothed probabilities. Above them: conditions as bars, annotations as flags."
    drawn = timeline.probabilities(record)
    return _section(
        "Probabilities over time",
        f'<p class="caption">{caption}</p><div class="legend">{"".join(swatches)}</div>{drawn}',
    )


def _conditions(record: SessionRecord) -> str:
    window_s = record.model.window_s
    by_marker = summed_up(marker_intervals(record.events, record.end_s), record.predictions, window_s)
    by_note = summed_up(after_annotations(record.events, record.end_s), record.predictions, window_s)
    if not by_marker and not by_note:
        return ""
    chance = 1 / max(len(record.predictions.labels), 1)
    caption = (
        f"Mean probabilities of the windows ({window_s:g} s long) that lie wholly inside, unsmoothed. Equal "
        f"probabilities would be {percent(chance)} each. "
        "Neighbouring windows overlap, so their number is no sample size."
    )
    body = f'<p class="caption">{caption}</p>'
    if by_marker:
        body += _condition_table(record, by_marker, "Condition")
    if by_note:
        body += f"<h3>The {AFTER_S:g} s after each annotation</h3>" + _condition_table(record, by_note, "Annotation")
    return _section("What the model said in each condition", body)


def _condition_table(record: SessionRecord, found: Iterable[Condition], name: str) -> str:
    labels = record.predictions.labels
    head = [(name, ""), ("", ""), *((label, "n") for label in labels)]
    head += [("times", "n"), ("in all", "n"), ("windows", "n"), ("silent", "n")]
    rows = []
    for one in found:
        cells = [(escape(one.name), ""), (charts.bars(labels, one.mean), "bar")]
        cells += [(percent(p), "n") for p in one.mean.tolist()]
        rest = (f"{one.n_intervals}", clock(one.seconds), f"{one.n_windows:,}", percent(one.abstains))
        rows.append([*cells, *((cell, "n") for cell in rest)])
    return _table(head, rows)


def _quality(record: SessionRecord) -> str:
    axis = Axis(record.begin_s, record.end_s)
    body = timeline.coverage(record.predictions, axis) if len(record.predictions) else ""
    quality = record.quality
    if quality is not None and quality.labels:
        worst = timeline.worst_channels(quality)
        said = f"{len(quality.labels) - len(worst)} of {several(len(quality.labels), 'electrode')} good throughout."
        reasons = "".join(
            f'<span><i style="background:{ink}"></i>{escape(reason)}</span>'
            for reason, ink in charts.legend(quality).items()
        )
        body += f'<h3>Electrodes</h3><p class="caption">{said}</p>'
        body += f'<div class="legend">{reasons}</div>{timeline.bad_channels(quality, axis)}'
        body += f'<div class="beside"><div>{charts.head(quality)}</div><div>{_worst_table(quality, worst)}</div></div>'
    return _section("Signal quality", body) if body else ""


def _worst_table(quality: SignalQuality, worst: list[int]) -> str:
    rows = [
        [
            (escape(quality.labels[k]), ""),
            (escape(quality.usual_fault(k)), ""),
            (percent(float(quality.bad_share[k])), "n"),
        ]
        for k in worst
    ]
    return _table([("Electrode", ""), ("Usually", ""), ("of the time", "n")], rows) if rows else ""


def _streams(record: SessionRecord) -> str:
    """The streams with what is missing, and everything that was lost and came back."""
    head = [("Stream", ""), ("Type", ""), ("Used as", ""), *((name, "n") for name in ("Channels", "Rate", "Measured"))]
    head += [("Samples", "n"), ("Gaps", "n"), ("Unusable", "n")]
    rows = [
        [
            (escape(stream.name), ""),
            (escape(stream.type), ""),
            (stream.role or "–", ""),
            (f"{stream.n_channels}", "n"),
            (number(stream.nominal_hz, 0, "Hz") if stream.nominal_hz else "irregular", "n"),
            (number(stream.rate_hz, 2, "Hz"), "n"),
            (f"{stream.n_samples:,}", "n"),
            ("–" if stream.n_gaps is None else f"{stream.n_gaps}", "n"),
            ("–" if stream.n_unusable is None else f"{stream.n_unusable:,}", "n"),
        ]
        for stream in record.streams
    ]
    kinds = (EventKind.STREAM_DOWN, EventKind.LOSS, EventKind.FAILURE)
    trouble = [e for e in record.events if e.kind in kinds or (e.kind is EventKind.STREAM_UP and e.text[:4] == "back")]
    body = _table(head, rows) if rows else '<p class="muted">The recording could not be read.</p>'
    body += "<h3>Losses and reconnections</h3>"
    if not trouble:
        return _section("Streams and losses", f'{body}<p class="muted">None.</p>')
    told = [
        [(clock(e.time_s - record.begin_s), "time"), (_kind(e.kind), "kind"), (escape(_said(e)), "")] for e in trouble
    ]
    return _section("Streams and losses", body + _table([], told))


def _abstentions(record: SessionRecord) -> str:
    counts = Counter(reason for reason in record.predictions.abstain if reason)
    if not counts:
        return ""
    caption = "How often no emotion was named, by reason."
    drawn = charts.counted(dict(counts.most_common()), len(record.predictions))
    return _section("Abstentions", f'<p class="caption">{caption}</p>{drawn}')


def _events(record: SessionRecord) -> str:
    rows = [
        [
            (clock(event.time_s - record.begin_s), "time"),
            (_kind(event.kind), "kind"),
            (escape(_said(event)), ""),
        ]
        for event in record.events[:MOST_EVENTS]
    ]
    more = len(record.events) - MOST_EVENTS
    rest = f'<p class="muted">and {several(more, "event")} more in events.jsonl</p>' if more > 0 else ""
    return _section("Events", f'<div class="scroll">{_table([], rows)}</div>{rest}') if rows else ""


def _setup(record: SessionRecord) -> str:
    model = record.model
    facts = [("Model", model.name), ("Trained on", model.trained_on), ("Fingerprint", model.fingerprint)]
    settings = [(name, value) for name, value in _flattened(record.settings) if value not in ("", "[]")]
    versions = [(name, str(value)) for name, value in record.versions.items()]
    body = ""
    for title, found in (("Model", facts), ("Settings", settings), ("Versions", versions)):
        rows = [[(escape(name), "time"), (escape(value), "")] for name, value in found]
        body += f"<h3>{title}</h3>{_table([], rows)}" if rows else ""
    if model.card:
        body += f"<details><summary>The model's card</summary><pre>{escape(model.card)}</pre></details>"
    return _section("Model, settings, versions", body)


def _section(title: str, body: str, kind: str = "") -> str:
    heading = f"<h2>{escape(title)}</h2>" if title else ""
    return f'<section class="{kind}">{heading}{body}</section>'


def _table(head: list[tuple[str, str]], rows: list[list[tuple[str, str]]]) -> str:
    """head: names and their classes, escaped here; rows: cells of HTML and their classes."""
    top = "".join(f'<th class="{kind}">{escape(name)}</th>' for name, kind in head)
    body = "".join(f"<tr>{''.join(f'<td class={kind!r}>{cell}</td>' for cell, kind in row)}</tr>" for row in rows)
    return f"<table>{f'<thead><tr>{top}</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"


def _colours(record: SessionRecord) -> Iterable[tuple[str, str]]:
    return emotion_colours(record.predictions.labels).items()


def _kind(kind: EventKind) -> str:
    return kind.value.replace("_", " ")


def _said(event: Event) -> str:
    return f"{event.stream}: {event.text}" if event.stream else event.text


def _flattened(document: Mapping[str, Any], where: str = "") -> list[tuple[str, str]]:
    """Nested tables as dotted names."""
    found: list[tuple[str, str]] = []
    for key, value in document.items():
        name = f"{where}.{key}" if where else key
        found += _flattened(value, name) if isinstance(value, Mapping) else [(name, str(value))]
    return found


def _mean(values: np.ndarray[Any, Any]) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else math.nan
