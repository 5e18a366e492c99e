"""Checks of a recording: what is odd about it, in one line each, and which of its clock offsets count.

An offset that is more than OUTLIER_S away from both its neighbours in the file, while these agree, is left out: it is a
failed measurement, not a clock reset, which the next measurement would confirm. One at the very end has no neighbour
to judge it by and stays; by the clock's rule (rtemo.core.timing.clock_correction) it touches only samples that come
after it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rtemo.core.timing.clock_correction import ClockModel
from rtemo.core.types import BoolArray, ClockOffset
from rtemo.sources.xdf.recording_log import is_log
from rtemo.sources.xdf.scan import XdfIndex, XdfStream

OUTLIER_S = 1.0
APART_S = 60.0  # streams of one recording that lie further apart than this have different clocks
RATE_TOLERANCE = 0.05
_NOT_SECONDS, _FACTOR_TOLERANCE = (1e3, 1e6, 1e9), 0.3  # stamps in ms, us and ns
ONE_CLOCK_S = 86_400.0  # streams that are measured against the recorder's clock may lie so far apart
_RATE_SPAN_S, _RATE_SAMPLES = 2.0, 20  # shorter streams say nothing about their rate


@dataclass(frozen=True, slots=True)
class StreamSpan:
    """From when to when a stream has samples. LSL time, seconds."""

    stream: XdfStream
    first_s: float
    last_s: float


@dataclass(frozen=True, slots=True)
class Checked:
    """A recording's clocks and extent, in LSL time, and what is odd about it.

    offsets and origins go by stream number. A stream's origin is the first sample of all streams that share its clock;
    first_s and last_s are of the streams that the recording is about, the largest group with one clock. spans: of
    every stream with samples and usable stamps. not_seconds: why those of a stream are not usable.
    """

    offsets: dict[int, tuple[ClockOffset, ...]]
    origins: dict[int, float]
    first_s: float
    last_s: float
    warnings: tuple[str, ...]
    spans: tuple[StreamSpan, ...] = ()
    not_seconds: Mapping[int, str] = field(default_factory=dict)


def check(index: XdfIndex) -> Checked:
    """Looks at descriptions, counts and offsets; samples are not read."""
    warnings = list(index.warnings)
    offsets: dict[int, tuple[ClockOffset, ...]] = {}
    spans: list[StreamSpan] = []
    for stream in index.streams:
        offsets[stream.number], notes = _offsets(stream)
        if is_log(stream.info):  # the recorder's own: its stamps are LSL time, and nothing of it can be missing
            continue
        warnings += notes
        if stream.n_samples:
            span = _span(stream, offsets[stream.number])
            spans.append(span)
    not_seconds = {span.stream.number: text for span in spans if (text := _not_seconds(span, spans))}
    warnings += [
        f"{_name(span.stream)}: {not_seconds[n]}" for span in spans if (n := span.stream.number) in not_seconds
    ]
    spans = [span for span in spans if span.stream.number not in not_seconds]
    warnings += [line for span in spans for line in _counts(span)]
    empty = [stream for stream in index.streams if not stream.n_samples and not is_log(stream.info)]
    warnings += [f"{_name(stream)} has no samples" for stream in empty]
    groups = _groups(spans)
    main = max(groups, key=lambda group: sum(span.stream.n_samples for span in group), default=[])
    first_s = min((span.first_s for span in main), default=0.0)
    last_s = max((span.last_s for span in main), default=0.0)
    warnings += [_foreign(span, first_s, last_s) for span in spans if span not in main]
    origins = dict.fromkeys(offsets, first_s)
    for group in groups:
        origins.update({span.stream.number: min(span.first_s for span in group) for span in group})
    return Checked(offsets, origins, first_s, last_s, tuple(warnings), tuple(spans), not_seconds)


def clock_of(offsets: tuple[ClockOffset, ...]) -> ClockModel:
    """A clock that knows all of a stream's measurements."""
    clock = ClockModel()
    for offset in offsets:
        clock.add(offset)
    return clock


def _offsets(stream: XdfStream) -> tuple[tuple[ClockOffset, ...], list[str]]:
    """The measurements that count, in file order, and what is odd about them."""
    times, values = np.array(stream.offset_times), np.array(stream.offset_values)
    finite = np.isfinite(times) & np.isfinite(values)
    times, values = times[finite], values[finite]
    keep = ~_outliers(values)
    notes = []
    left_out = int(np.sum(~finite) + np.sum(~keep))
    if left_out:
        notes.append(f"{_name(stream)}: {left_out} of {len(finite)} clock offsets cannot be right and are left out")
    times, values = times[keep], values[keep]
    resets = int(np.sum(np.abs(np.diff(values)) > OUTLIER_S))
    if resets:
        times_text = f"{resets} time{'s' * (resets > 1)}"
        notes.append(f"{_name(stream)}: its clock was reset ({times_text}), or its last clock offset is damaged")
    if not len(times) and stream.n_samples:
        notes.append(f"{_name(stream)} has no clock offsets; its stamps are taken for LSL time")
    pairs = zip(times.tolist(), values.tolist(), strict=True)
    return tuple(ClockOffset(stream.info.stream_id, time, value) for time, value in pairs), notes


def _outliers(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> BoolArray:
    out = np.zeros(len(values), bool)
    if len(values) >= 3:
        before, here, after = values[:-2], values[1:-1], values[2:]
        alone = (np.abs(here - before) > OUTLIER_S) & (np.abs(here - after) > OUTLIER_S)
        out[1:-1] = alone & (np.abs(after - before) < OUTLIER_S)
    return out


def _span(stream: XdfStream, offsets: tuple[ClockOffset, ...]) -> StreamSpan:
    raw = np.array([stream.first_s, stream.last_s])
    raw = np.where(np.isfinite(raw), raw, raw[0] if np.isfinite(raw[0]) else 0.0)  # damaged stamps
    first_s, last_s = clock_of(offsets).to_lsl(raw).tolist()
    if math.isnan(last_s):
        last_s = float(raw[1]) + offsets[-1].offset_s
    return StreamSpan(stream, first_s, max(first_s, last_s))


def _counts(span: StreamSpan) -> list[str]:
    stream, notes = span.stream, []
    if stream.footer_samples is not None and stream.n_samples < stream.footer_samples:
        notes.append(f"{_name(stream)}: {stream.n_samples} samples, but its recorder counted {stream.footer_samples}")
    nominal, length_s = stream.info.nominal_rate_hz, span.last_s - span.first_s
    if nominal and length_s >= _RATE_SPAN_S and stream.n_samples >= _RATE_SAMPLES:
        rate = (stream.n_samples - 1) / length_s
        if abs(rate - nominal) > RATE_TOLERANCE * nominal:
            notes.append(f"{_name(stream)}: {rate:.4g} samples a second, where it promises {nominal:g}")
    return notes


def _not_seconds(span: StreamSpan, spans: Sequence[StreamSpan]) -> str:
    """Why a stream's stamps are no seconds, by its nominal rate or else by the others' duration; "" where they are."""
    length_s, nominal = span.last_s - span.first_s, span.stream.info.nominal_rate_hz
    if length_s <= 0.0 or span.stream.n_samples < _RATE_SAMPLES:
        return ""
    others = [other.last_s - other.first_s for other in spans if other is not span and other.last_s > other.first_s]
    if nominal:
        times, by = nominal * length_s / (span.stream.n_samples - 1), "nominal rate"
    elif others:
        times, by = length_s / max(others), "others' duration"
    else:
        return ""
    found = next((factor for factor in _NOT_SECONDS if abs(times / factor - 1.0) < _FACTOR_TOLERANCE), 0.0)
    return f"stamps are not seconds: {found:.0f} times the {by}; its samples have no usable time" if found else ""


def _groups(spans: list[StreamSpan]) -> list[list[StreamSpan]]:
    """Streams that overlap in time, or nearly, belong together: they can share a clock. So do those of which each was
    measured against the recorder's clock, however long the pause between them.
    """
    groups: list[list[StreamSpan]] = []
    end_s, end_measured = -math.inf, False
    for span in sorted(spans, key=lambda span: span.first_s):
        measured = len(span.stream.offset_times) > 1
        if span.first_s - end_s > (ONE_CLOCK_S if measured and end_measured else APART_S):
            groups.append([])
        groups[-1].append(span)
        if span.last_s > end_s:
            end_s, end_measured = span.last_s, measured
    return groups


def _foreign(span: StreamSpan, first_s: float, last_s: float) -> str:
    return (
        f"{_name(span.stream)} lies at {span.first_s:.0f} to {span.last_s:.0f} s and the others at {first_s:.0f} to "
        f"{last_s:.0f} s: its clock is not theirs, they cannot be joined"
    )


def _name(stream: XdfStream) -> str:
    info = stream.info
    return f"stream {info.stream_id} ({info.name or 'no name'}, {info.type or 'no type'})"
