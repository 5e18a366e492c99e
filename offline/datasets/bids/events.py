"""Events of one BIDS run: the rows of events.tsv, else the annotations inside the EEG file, every row accounted for.

Onsets are seconds from the EEG's first sample. Other units are recognised by the side-car or, where seconds are
impossible, by the recording's length, and noted. A row whose onset or duration makes no sense becomes an event with a
problem: if the mapping file asks for it, it is listed as left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from offline.datasets.account import Account
from offline.datasets.bids.side_cars import Row, SideCars, Table
from offline.datasets.cells import given, number, with_decimal_commas
from offline.datasets.eeg_files.mne_raw import RawFile
from offline.datasets.mapping import TrialMap
from offline.datasets.trial_finding import RecordedEvent

TIME_UNITS: Mapping[str, float] = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "\u00b5s", "\u03bcs", "usec", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("ns", "nanosecond", "nanoseconds"), 1e-9),
}
_NAMES = {1.0: "s", 1e-3: "ms", 1e-6: "\u00b5s", 1e-9: "ns"}
_BEGINNING = 0.01  # of the recording: events that all lie within it by a stated unit have another one
_EARLY_S = 0.5  # by which a marker that is sent as the recording starts may be before its first sample
_DUST_S = 0.001  # by which a time may lie behind the end: stamps of segments are whole microseconds
_REAL = "real_onset"  # a column of rtemo's exports: seconds that passed since the first sample, pauses included
_SHORTEST_S = 0.1  # of a trial, where the unit of durations is not stated


@dataclass(frozen=True, slots=True)
class _Units:
    """Factors to seconds."""

    onset: float
    duration: float


def run_events(cars: SideCars, file: RawFile, rules: TrialMap, start_s: float, account: Account) -> list[RecordedEvent]:
    """The events of a run whose first sample is at start_s on the recording's clock.

    The annotations inside the file count where there is no events.tsv, or where none of its rows begins a trial.
    """
    table = cars.table(file.path, "events")
    rows = _of_table(cars, table, file, rules, start_s, account)
    if any(rules.begins(event) for event in rows):
        return rows
    inside = [
        RecordedEvent(start_s + onset_s, text, duration_s or None, f"{file.path.name} annotation at {onset_s:g} s")
        for onset_s, duration_s, text in file.annotations
    ]
    if any(rules.begins(event) for event in inside):
        where = "no row of events.tsv begins a trial" if rows else "there are no rows in events.tsv"
        account.note(f"trials of {file.path.name} are its own annotations: {where}")
        return inside
    if table.path is None and not inside:
        account.omit("event", file.path.name, "there is no events.tsv that can be read, and no annotation in the file")
    return rows or inside


def _of_table(
    cars: SideCars, table: Table, file: RawFile, rules: TrialMap, start_s: float, account: Account
) -> list[RecordedEvent]:
    if table.path is None:
        return []
    if missing := [name for name in ("onset", rules.column) if not table.has(name)]:
        why = f"it has no column {' and no column '.join(map(repr, missing))}, but {', '.join(table.columns)}"
        account.omit("event", table.path.name, why)
        return []
    cells = {name: _numbers(table, name, account) for name in ("onset", "duration")}
    units = _units(cars, table, file, rules, cells, account)
    return [
        _event(table, row, rules.column, file, start_s, units, onset, duration)
        for row, onset, duration in zip(table, cells["onset"], cells["duration"], strict=True)
    ]


def _numbers(table: Table, column: str, account: Account) -> list[float | None]:
    """The column's finite numbers, None for the others."""
    cells = [row.get(column) for row in table]
    if with_decimal_commas(cells):
        assert table.path is not None
        account.note(f"{table.path.name}: commas in {column} are read as decimal points")
        cells = [cell.replace(",", ".") for cell in cells]
    return [number(cell) for cell in cells]


def _event(
    table: Table,
    row: Row,
    column: str,
    file: RawFile,
    start_s: float,
    units: _Units,
    onset: float | None,
    duration: float | None,
) -> RecordedEvent:
    """The row as an event; with a problem where its numbers cannot be used."""
    assert table.path is not None
    source = f"{table.path.name} row {row.line}"
    text = row.get(column)
    if onset is None:
        problem = f"its onset is {row.get('onset')!r}, not a number of seconds"
        return RecordedEvent(start_s, text, None, source, problem, row.cells)
    onset_s = units.onset * onset
    source = f"{source} at {onset_s:g} s"
    problem = ""
    if duration is None and given(row.get("duration")):
        problem = f"its duration is {row.get('duration')!r}, not a number of seconds"
    elif duration is not None and duration < 0:
        problem = f"its duration is {duration:g}, which is negative"
    elif onset_s < -_EARLY_S:
        problem = "it begins before the recording"
    elif onset_s > file.samples_s + _DUST_S:
        problem = f"it begins after the recording, which is {file.samples_s:g} s long"
    duration_s = None if duration is None else units.duration * duration
    real_s = number(row.get(_REAL))
    time_s = start_s + (file.real_s(onset_s) if real_s is None else real_s)
    if duration_s is not None and not problem:
        duration_s = file.real_s(onset_s + duration_s) - file.real_s(onset_s)
    return RecordedEvent(time_s, text, duration_s, source, problem, row.cells)


def _units(
    cars: SideCars,
    table: Table,
    file: RawFile,
    rules: TrialMap,
    cells: Mapping[str, Sequence[float | None]],
    account: Account,
) -> _Units:
    """The mapping's word first; then the side-car's, if it is possible; then what is possible."""
    assert table.path is not None
    name, about = table.path.name, cars.metadata(file.path, "events")
    stated = {column: _stated(about, column) for column in ("onset", "duration")}
    onsets = np.array([value for value in cells["onset"] if value is not None])
    durations = np.array([value for value in cells["duration"] if value is not None and value > 0])
    samples = [number(row.get("sample")) for row in table]
    if rules.onset_unit is not None:
        onset, why = TIME_UNITS.get(rules.onset_unit, 1.0 / file.rate_hz), ""
    else:
        onset, why = _onset_unit(onsets, stated["onset"], file, _from_samples(cells["onset"], samples, file.rate_hz))
    if why:
        account.note(f"{name}: onsets are taken as {_NAMES.get(onset, 'samples')}: {why}")
    duration, why = _duration_unit(durations, onsets * onset, stated["duration"], onset, file.samples_s)
    if why:
        account.note(f"{name}: durations are taken as {_NAMES.get(duration, 'samples')}: {why}")
    return _Units(onset, duration)


def _stated(about: Mapping[str, Any], column: str) -> float | None:
    own = about.get(column)
    word = str(own.get("Units", "")) if isinstance(own, Mapping) else ""
    return TIME_UNITS.get(word.strip().casefold())


def _from_samples(onsets: Sequence[float | None], samples: Sequence[float | None], rate_hz: float) -> float | None:
    """The unit of onsets by BIDS's optional column `sample`, where both have a unit in common."""
    pairs = [
        (o, s) for o, s in zip(onsets, samples, strict=True) if o is not None and s is not None and o > 0 and s > 0
    ]
    if len(pairs) < 2:
        return None
    factor = float(np.median([s / rate_hz / o for o, s in pairs]))
    return next((unit for unit in (*_NAMES, 1.0 / rate_hz) if abs(factor / unit - 1.0) < 0.01), None)


def _onset_unit(
    onsets: np.ndarray[Any, Any], stated: float | None, file: RawFile, by_samples: float | None
) -> tuple[float, str]:
    """Factor to seconds, and why it is not the stated one."""
    unit, length_s = stated or 1.0, file.samples_s
    if by_samples is not None and by_samples != unit:
        return by_samples, "so the column `sample` has it"
    if not len(onsets) or by_samples is not None:
        return unit, "" if unit == 1.0 else "so its side-car states"
    most, middle = float(onsets.max()), float(np.median(onsets))
    if middle * unit > length_s:
        possible = [other for other in (1e-3, 1e-6, 1.0 / file.rate_hz) if other < unit and most * other <= length_s]
        if possible:  # events go on to the end of a recording rather than stop in its first part
            return max(possible), f"the recording is {length_s:g} s long, the last onset is {most:g}"
    if unit < 1.0 and most * unit < _BEGINNING * length_s and most <= length_s:
        why = f"its side-car states {_NAMES[unit]}, by which all lie in the first {most * unit:g} s"
        return 1.0, why
    return unit, "" if unit == 1.0 else "so its side-car states"


def _duration_unit(
    durations: np.ndarray[Any, Any], onsets_s: np.ndarray[Any, Any], stated: float | None, onset: float, length_s: float
) -> tuple[float, str]:
    """Factor to seconds, and why, where it is not seconds."""
    unit = stated if stated is not None else onset
    if not len(durations):
        return unit, ""
    middle = float(np.median(durations))
    with np.errstate(over="ignore"):
        steps = np.diff(np.sort(onsets_s))
    room_s = float(np.median(steps)) if len(steps) else length_s
    if unit == 1.0 and middle > length_s and middle * 1e-3 <= length_s:
        return 1e-3, f"the recording is {length_s:g} s long, the median duration is {middle:g}"
    if stated is None and onset < 1.0 and middle * onset < _SHORTEST_S and middle <= room_s:
        return 1.0, f"in the unit of the onsets they would last {middle * onset:g} s"
    return unit, "" if unit == 1.0 else "as the onsets" if stated is None else "so its side-car states"
