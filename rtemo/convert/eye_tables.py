"""Exports of eye trackers' programs: Tobii Pro Lab, Pupil Core, Neon, Gazepoint Analysis, and any table with a mapping.

Each is recognised by its columns. Gaze stays in the unit of the file; what is not valid by the file's own flags is
missing. Pupils that lie in a file of their own are taken at the gaze sample nearest in time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from rtemo.convert.recorded import Converted, Doubles, Eyes, FileSignal, in_order, rate_of, stacked
from rtemo.convert.tables import ExportedTable, read_table
from rtemo.core.errors import RtemoError
from rtemo.core.records import Check, Reader
from rtemo.core.types import Channel

_SECONDS: Mapping[str, float] = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "\u00b5s": 1e-6, "\u03bcs": 1e-6, "ns": 1e-9}
_RATES = (5.0, 4000.0)  # of eye trackers, in Hz
_NEAR_S = 0.05


def read_eye_table(path: Path, mapping: Path | None = None) -> Converted:
    """What the table holds. mapping: for tables of no known program. RtemoError where its columns are not known."""
    table = read_table(path)
    if mapping is not None:
        return _mapped(table, _read_mapping(mapping))
    for fits, read in _KINDS:
        if fits(table):
            return read(table)
    raise RtemoError(f"{path} is of no known program", f"its columns are {table.named}", "describe them with --mapping")


def _signal(table: ExportedTable, name: str, times_s: Doubles, eyes: Eyes, notes: list[str]) -> FileSignal:
    if not eyes.columns:
        raise RtemoError(f"{table.path} holds no gaze", f"its columns are {table.named}")
    columns = {str(k): values for k, values in enumerate(eyes.columns)}
    times_s, columns, left_out = in_order(times_s, columns)
    if not len(times_s):
        raise RtemoError(f"{table.path} holds no sample with a time", f"{len(table.rows)} rows", "export it again")
    if left_out:
        notes.append(f"{table.path.name}: {left_out} rows are left out: they have no time, or that of another row")
    rate_hz = rate_of(times_s)
    return FileSignal(name, "Gaze", tuple(eyes.channels), rate_hz, times_s, stacked(list(columns.values())))


# -- Tobii Pro Lab ----------------------------------------------------------------------------------------------------


def _is_tobii(table: ExportedTable) -> bool:
    return table.has("Recording timestamp") and table.find(r"gaze point (left |right )?x") is not None


def _tobii(table: ExportedTable) -> Converted:
    notes: list[str] = []
    stamps = table.numbers("Recording timestamp")
    unit = _SECONDS.get(table.unit("Recording timestamp").strip(), 0.0) or _likely_unit(stamps, table, notes)
    times_s = stamps * unit
    events = table.texts("Event") if table.has("Event") else [""] * len(stamps)
    samples = np.array([not text for text in events], bool)
    if table.has("Sensor") and "Eye Tracker" in (sensors := table.texts("Sensor")):
        samples = np.array([text == "Eye Tracker" for text in sensors], bool)
    marks = _marks(times_s, events)
    eyes = Eyes()
    for side in ("left", "right"):
        for axis in "xy":
            values = table.optional(table.find(rf"gaze point {side} {axis}"))
            eyes.add(f"gaze_{axis}_{side}", f"Screen{axis.upper()}", "pixels", side, _of(values, samples))
        pupil = table.optional(table.find(rf"pupil diameter {side}"))
        eyes.add(f"pupil_{side}", "pupilsize", "mm", side, _of(pupil, samples))
    if not any(channel.label.startswith("gaze") for channel in eyes.channels):
        for axis in "xy":
            values = table.optional(table.find(f"gaze point {axis}"))
            eyes.add(f"gaze_{axis}", f"Screen{axis.upper()}", "pixels", "both", _of(values, samples))
    signal = _signal(table, "Tobii Pro Lab", times_s[samples], eyes, notes)
    return Converted(table.path, "Tobii Pro Lab", (signal,), marks, notes=tuple(notes))


def _of(values: Doubles | None, kept: np.ndarray[Any, np.dtype[np.bool_]]) -> Doubles | None:
    return None if values is None else values[kept]


def _likely_unit(stamps: Doubles, table: ExportedTable, notes: list[str]) -> float:
    """The unit by which the rows come at a rate that eye trackers have. RtemoError where none does."""
    steps = np.diff(np.unique(stamps[np.isfinite(stamps)]))
    step = float(np.median(steps)) if len(steps) else 0.0
    for name, unit in (("\u00b5s", 1e-6), ("ms", 1e-3), ("s", 1.0), ("ns", 1e-9)):
        if step > 0 and _RATES[0] <= 1.0 / (step * unit) <= _RATES[1]:
            notes.append(
                f"{table.path.name}: its timestamps are taken as {name}: {1.0 / (step * unit):.4g} rows a second"
            )
            return unit
    raise RtemoError(f"the unit of the timestamps of {table.path} cannot be told", f"they step by {step:g}")


def _marks(times_s: Doubles, texts: Sequence[str]) -> tuple[tuple[float, str], ...]:
    pairs = zip(times_s.tolist(), texts, strict=False)
    return tuple((time_s, text) for time_s, text in pairs if text and np.isfinite(time_s))


# -- Pupil Core and Neon ----------------------------------------------------------------------------------------------


def _is_core(table: ExportedTable) -> bool:
    return table.has("gaze_timestamp", "norm_pos_x", "norm_pos_y")


def _core(table: ExportedTable) -> Converted:
    """Called as Pupil Capture's relay calls them, so that a recording is read as a live Pupil Core is."""
    notes: list[str] = []
    times_s = table.numbers("gaze_timestamp")
    eyes = Eyes()
    for name in ("confidence", "norm_pos_x", "norm_pos_y"):
        eyes.add(name, "", "normalized", "", table.optional(name))
    _core_pupils(table, times_s, eyes, notes)
    marks: tuple[tuple[float, str], ...] = ()
    if (beside := _beside(table.path, "annotations.csv")) is not None and beside.has("timestamp", "label"):
        marks = _marks(beside.numbers("timestamp"), beside.texts("label"))
    signal = _signal(table, "pupil_capture", times_s, eyes, notes)
    return Converted(table.path, "Pupil Core", (signal,), marks, notes=tuple(notes))


def _core_pupils(table: ExportedTable, times_s: Doubles, eyes: Eyes, notes: list[str]) -> None:
    beside = _beside(table.path, "pupil_positions.csv")
    size = beside.optional("diameter_3d") if beside is not None and beside.has("pupil_timestamp", "eye_id") else None
    if beside is None or size is None:
        notes.append(f"{table.path.name}: there are no pupils in mm beside it (pupil_positions.csv, diameter_3d)")
        return
    stamps, eye = beside.numbers("pupil_timestamp"), beside.numbers("eye_id")
    for number in (0, 1):
        own = (eye == number) & np.isfinite(stamps) & (size > 0)
        eyes.add(f"diameter{number}_3d", "", "mm", "", _nearest(stamps[own], size[own], times_s))
    notes.append(f"{beside.path.name}: pupils are those nearest in time, at most {_NEAR_S:g} s away")


def _is_neon(table: ExportedTable) -> bool:
    return table.has("timestamp", "gaze x", "gaze y") and table.unit("timestamp") == "ns"


def _neon(table: ExportedTable) -> Converted:
    notes = [f"{table.path.name}: gaze is in pixels of the scene camera, not of a screen"]
    times_s = table.numbers("timestamp") * 1e-9
    eyes = Eyes()
    worn = table.optional("worn")
    for axis in "xy":
        values = table.numbers(f"gaze {axis}")
        values = values if worn is None else np.where(worn > 0, values, np.nan)
        eyes.add(axis, f"Screen{axis.upper()}", "pixels", "both", values)
    states = _beside(table.path, "3d_eye_states.csv")
    if states is not None and states.has("timestamp"):
        stamps = states.numbers("timestamp") * 1e-9
        for side in ("left", "right"):
            size = states.optional(states.find(rf"pupil diameter {side}"))
            if size is not None:
                eyes.add("PupilDiameter", "", "mm", side, _nearest(stamps, size, times_s))
    marks: tuple[tuple[float, str], ...] = ()
    if (events := _beside(table.path, "events.csv")) is not None and events.has("timestamp", "name"):
        marks = _marks(events.numbers("timestamp") * 1e-9, events.texts("name"))
    signal = _signal(table, "Companion_Neon Gaze", times_s, eyes, notes)
    return Converted(table.path, "Pupil Labs Neon", (signal,), marks, unix=True, notes=tuple(notes))


def _beside(path: Path, name: str) -> ExportedTable | None:
    other = path.with_name(name)
    return read_table(other) if other.is_file() else None


def _nearest(stamps: Doubles, values: Doubles, wanted_s: Doubles) -> Doubles | None:
    """The values nearest to these times; NaN where none is near."""
    order = np.argsort(stamps)
    stamps, values = stamps[order], values[order]
    if not len(stamps):
        return None
    right = np.clip(np.searchsorted(stamps, wanted_s), 1, max(1, len(stamps) - 1)).clip(max=len(stamps) - 1)
    left = np.maximum(right - 1, 0)
    at = np.where(wanted_s - stamps[left] <= stamps[right] - wanted_s, left, right)
    return np.asarray(np.where(np.abs(stamps[at] - wanted_s) <= _NEAR_S, values[at], np.nan))


# -- Gazepoint Analysis -----------------------------------------------------------------------------------------------

_POINTS = ("LPOG", "RPOG", "BPOG")


def _is_gazepoint(table: ExportedTable) -> bool:
    return table.find(r"time(\(.*\))?") is not None and (table.has("BPOGX", "BPOGY") or table.has("LPOGX", "LPOGY"))


def _gazepoint(table: ExportedTable) -> Converted:
    """Called as the Open Gaze API calls them, so that a recording is read as a live Gazepoint is."""
    notes: list[str] = []
    eyes = Eyes()
    for point in _POINTS:
        x, y = table.optional(f"{point}X"), table.optional(f"{point}Y")
        if x is not None and y is not None:
            valid = table.optional(f"{point}V")
            eyes.add(f"{point}X", "", "normalized", "", x)
            eyes.add(f"{point}Y", "", "normalized", "", y)
            eyes.add(f"{point}V", "", "", "", np.ones(len(x)) if valid is None else valid)
    for side in "LR":
        size = table.optional(f"{side}PUPILD")
        if size is None and (millimetres := table.optional(f"{side}PMM")) is not None:
            size = 1e-3 * millimetres
        eyes.add(f"{side}PUPILD", "", "m", "", size)
    times_s = table.numbers(table.find(r"time(\(.*\))?") or "")
    marks = _marks(times_s, table.texts("USER") if table.has("USER") else [])
    changes = [mark for k, mark in enumerate(marks) if k == 0 or mark[1] != marks[k - 1][1]]  # held until the next one
    signal = _signal(table, "Gazepoint", times_s, eyes, notes)
    return Converted(table.path, "Gazepoint Analysis", (signal,), tuple(changes), notes=tuple(notes))


# -- any table with a mapping -----------------------------------------------------------------------------------------

Unit = Annotated[str, Check(lambda unit: unit in ("s", "ms", "us", "ns"), "s, ms, us or ns")]


@dataclass(frozen=True, slots=True)
class _Time:
    column: str
    unit: Unit = "s"
    unix: bool = False


@dataclass(frozen=True, slots=True)
class _Gaze:
    x: str = ""
    y: str = ""
    left_x: str = ""
    left_y: str = ""
    right_x: str = ""
    right_y: str = ""
    pupil: str = ""
    left_pupil: str = ""
    right_pupil: str = ""
    unit: str = ""
    pupil_unit: str = ""


@dataclass(frozen=True, slots=True)
class _Eeg:
    columns: tuple[str, ...]
    unit: str = "microvolts"


@dataclass(frozen=True, slots=True)
class _Markers:
    column: str


@dataclass(frozen=True, slots=True)
class TableMapping:
    """What a mapping file says of a plain table: TOML with [time], and [gaze], [eeg] and [markers] as far as there."""

    time: _Time
    gaze: _Gaze | None = None
    eeg: _Eeg | None = None
    markers: _Markers | None = None


def _read_mapping(path: Path) -> TableMapping:
    reader = Reader(
        f"the mapping file {path}", "name the columns: `rtemo convert --help`", "{what}: {key} does not fit"
    )
    return reader.read(TableMapping, reader.toml_file(path))


def _mapped(table: ExportedTable, mapping: TableMapping) -> Converted:
    notes: list[str] = []
    times_s = table.numbers(mapping.time.column) * _SECONDS[mapping.time.unit]
    signals = []
    if mapping.gaze is not None:
        eyes = Eyes()
        for name in (name for name in _Gaze.__slots__ if "unit" not in name):
            column = getattr(mapping.gaze, name)
            if column:
                kind = "pupilsize" if name.endswith("pupil") else f"Screen{name[-1].upper()}"
                unit = mapping.gaze.pupil_unit if name.endswith("pupil") else mapping.gaze.unit
                eye = name.split("_")[0] if "_" in name else "both"
                eyes.add(name, kind, unit, eye, table.numbers(column))
        signals.append(_signal(table, table.path.stem, times_s, eyes, notes))
    if mapping.eeg is not None:
        columns = {name: table.numbers(name) for name in mapping.eeg.columns}
        kept_s, columns, _ = in_order(times_s, columns)
        channels = tuple(Channel(name, "EEG", mapping.eeg.unit) for name in columns)
        values = stacked(list(columns.values()))
        signals.append(FileSignal(table.path.stem, "EEG", channels, rate_of(kept_s), kept_s, values))
    marks = () if mapping.markers is None else _marks(times_s, table.texts(mapping.markers.column))
    if not signals and not marks:
        raise RtemoError(f"nothing of {table.path} is named", "the mapping has neither [gaze], [eeg] nor [markers]")
    return Converted(table.path, "table", tuple(signals), marks, mapping.time.unix, tuple(notes))


_KINDS: tuple[tuple[Callable[[ExportedTable], bool], Callable[[ExportedTable], Converted]], ...] = (
    (_is_tobii, _tobii),
    (_is_core, _core),
    (_is_neon, _neon),
    (_is_gazepoint, _gazepoint),
)
