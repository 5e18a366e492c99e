"""`rtemo streams`: list the streams on the network, with their descriptions and what was measured on them."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rtemo.core.types import StreamInfo
from rtemo.sources.lsl.discovery import named
from rtemo.sources.lsl.source import EveryStream, LslSource, LslStreamStatus
from rtemo.sources.lsl.stream_requests import shortened
from rtemo.sources.lsl.stream_state import not_opened

READ_S = 0.1
MIN_MEASURE_S = 1.5  # the first clock measurement takes 0.64 s
MAX_LABELS = 4
MAX_WIDTH = 40  # of a name in the table

COLUMNS = ("name", "type", "channels", "nominal", "measured", "age", "clock", "host", "profile")


@dataclass(frozen=True, slots=True)
class StreamList:
    """The streams that were found. profiles: the ids of their device profiles, empty where none matches."""

    streams: tuple[LslStreamStatus, ...]
    profiles: tuple[str, ...]
    warnings: tuple[str, ...]


def list_streams(timeout_s: float, profile_of: Callable[[StreamInfo], str]) -> StreamList:
    """Search and measure for timeout_s in all, but measure for at least MIN_MEASURE_S.

    profile_of: the id of a stream's device profile, or empty.
    """
    source = LslSource([EveryStream("listing", lambda _info: True)], look_s=max(0.5, timeout_s - MIN_MEASURE_S))
    try:
        source.start()
        end_s = time.monotonic() + MIN_MEASURE_S
        while (left_s := end_s - time.monotonic()) > 0:
            source.read(min(READ_S, left_s))
        opened = source.status()
        known = {status.info.uid for status in opened}
        closed = tuple(not_opened(info) for info in named(source.visible) if info.uid not in known)
        streams = tuple(sorted((*opened, *closed), key=lambda status: status.info.stream_id.casefold()))
        return StreamList(streams, tuple(profile_of(status.info) for status in streams), source.warnings)
    finally:
        source.stop()


def as_json(found: StreamList) -> str:
    """The list as a JSON document. What is not known is null."""
    streams = [_record(status, profile) for status, profile in zip(found.streams, found.profiles, strict=True)]
    return json.dumps({"streams": streams, "warnings": list(found.warnings)}, indent=2, ensure_ascii=False)


def as_table(found: StreamList) -> str:
    """The list as a text table, one line for each stream."""
    rows = [COLUMNS, *(_row(status, profile) for status, profile in zip(found.streams, found.profiles, strict=True))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def _record(status: LslStreamStatus, profile: str) -> dict[str, Any]:
    info = status.info
    return {
        "name": info.name,
        "type": info.type,
        "source_id": info.source_id,
        "hostname": info.hostname,
        "uid": info.uid,
        "format": info.channel_format,
        "n_channels": info.n_channels,
        "channels": [{"label": c.label, "type": c.type, "unit": c.unit} for c in info.channels],
        "nominal_rate_hz": info.nominal_rate_hz,
        "measured_rate_hz": _known(status.rate_hz, 3),
        "age_s": _known(status.age_s, 4),
        "state": status.state.value,
        "clock": status.clock.value,
        "clock_offset_s": _known(status.offset_s, 6),
        "clock_uncertainty_s": _known(status.uncertainty_s, 6),
        "samples_missing": status.n_missing,
        "profile": profile or None,
    }


def _row(status: LslStreamStatus, profile: str) -> Sequence[str]:
    info = status.info
    return (
        shortened(info.name, MAX_WIDTH),
        shortened(info.type, MAX_WIDTH) or "-",
        _channels(info),
        f"{info.nominal_rate_hz:g} Hz" if info.nominal_rate_hz else "irregular",
        f"{status.rate_hz:.4g} Hz" if math.isfinite(status.rate_hz) else "-",
        f"{1e3 * status.age_s:.0f} ms" if math.isfinite(status.age_s) else "no data",
        status.clock.value,
        shortened(info.hostname, MAX_WIDTH) or "-",
        profile or "-",
    )


def _channels(info: StreamInfo) -> str:
    labels = [shortened(label, MAX_WIDTH) for label in info.labels[: 10 * MAX_LABELS] if label]
    if not info.n_channels:
        return "0"
    if not labels:
        return f"{info.n_channels} (no labels)"
    more = ", ..." if len(labels) > MAX_LABELS else ""
    return f"{info.n_channels} ({', '.join(labels[:MAX_LABELS])}{more})"


def _known(value: float, digits: int) -> float | None:
    return round(value, digits) if math.isfinite(value) else None
