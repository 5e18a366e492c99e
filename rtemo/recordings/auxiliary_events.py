"""Events that a stream's own auxiliary columns show: losses by its sample counter, markers by its trigger columns.

They follow from the samples, so whoever reads the samples finds them again: a replay, an export and a corpus take them
from there, and pass over those that the session wrote down.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

import numpy as np

from rtemo.core.auxiliary.columns import AuxiliaryReader
from rtemo.core.auxiliary.losses import Loss
from rtemo.core.auxiliary.triggers import Trigger
from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, StreamInfo
from rtemo.recordings.events import DERIVED, Event, EventKind
from rtemo.sources.devices.auxiliary_columns import impedance_stream_columns, is_impedance_stream
from rtemo.sources.participants import OWN_ROLES
from rtemo.sources.stream_roles import StreamRoles
from rtemo.sources.xdf.source import XdfSource


def auxiliary_reader(info: StreamInfo, roles: StreamRoles) -> AuxiliaryReader | None:
    """The reader of a stream's auxiliary columns; None where it has none. RtemoError where its columns do not fit."""
    role = roles.role_of(info)
    if role is not None and role in OWN_ROLES:
        layout = roles.layout(info, role)
        columns, latency_s = layout.auxiliary, layout.latency_s
    elif role is None and is_impedance_stream(info):
        columns, latency_s = impedance_stream_columns(info), 0.0
    else:
        return None
    return AuxiliaryReader(columns, info.nominal_rate_hz, latency_s) if columns else None


def auxiliary_events(found: Iterable[Loss | Trigger], info: StreamInfo) -> list[tuple[int, Event]]:
    """What a reader found, as events, each with the row at which it is certain."""
    made = ((one.row, _trigger(one, info) if isinstance(one, Trigger) else _loss(one, info)) for one in found)
    return [(row, event) for row, event in made if np.isfinite(event.time_s)]


def recorded_auxiliary_events(
    source: XdfSource, infos: Sequence[StreamInfo], roles: StreamRoles
) -> list[tuple[StreamInfo, Event]]:
    """The auxiliary events of a recording with their streams, by time. source: of the file, not started yet.

    infos: as another source of the same file names them. Reads the samples of streams with such columns once.
    """
    readers: dict[StreamInfo, AuxiliaryReader] = {}
    for info in infos:
        with suppress(RtemoError):  # a stream that cannot be read as EEG or gaze says so where it is read
            reader = auxiliary_reader(info, roles)
            if reader is not None and (reader.columns.counter is not None or reader.columns.triggers):
                readers[info] = reader
    if not readers:
        return []
    by_id = {info.stream_id: info for info in readers}
    found: list[tuple[StreamInfo, Event]] = []
    source.start()
    try:
        source.select(tuple(by_id))
        while not source.exhausted:
            for timed in source.read_timed():
                if isinstance(timed.item, Chunk) and timed.item.stream_id in by_id:
                    info = by_id[timed.item.stream_id]
                    taken = readers[info].take(timed.times, timed.item.values)
                    found += [(info, event) for _, event in auxiliary_events(taken, info)]
    finally:
        source.stop()
    for info, reader in readers.items():
        found += [(info, event) for _, event in auxiliary_events(reader.flush(), info)]
    return sorted(found, key=lambda one: one[1].time_s)


def _trigger(one: Trigger, info: StreamInfo) -> Event:
    if one.problem:
        return Event(one.time_s, EventKind.NOTE, one.problem, info.name, {DERIVED: "trigger"})
    return Event(one.time_s, EventKind.MARKER, one.text, f"{info.name}/{one.label}", {DERIVED: "trigger"})


def _loss(one: Loss, info: StreamInfo) -> Event:
    if one.problem:
        return Event(one.time_s, EventKind.NOTE, one.problem, info.name, {DERIVED: "counter"})
    parts = []
    if one.lost:
        parts.append(f"{_samples(one.lost)} never came")
    if one.filled:
        parts.append(f"{_samples(one.filled)} made up by the sender for lost ones")
    if one.twice:
        parts.append(f"{_samples(one.twice)} came twice")
    if one.restarts:
        parts.append("the counter began anew" + (f" {one.restarts} times" if one.restarts > 1 else ""))
    places = f", at {one.n_places} places in {one.time_s - one.since_s:.1f} s" if one.n_places > 1 else ""
    kind = EventKind.LOSS if one.lost or one.filled else EventKind.NOTE
    numbers = {"lost": one.lost, "filled": one.filled, "twice": one.twice}
    details = {DERIVED: "counter", **{key: n for key, n in numbers.items() if n}}
    return Event(one.time_s, kind, f"by its sample counter {', '.join(parts)}{places}", info.name, details)


def _samples(n: int) -> str:
    return "1 sample" if n == 1 else f"{n} samples"
