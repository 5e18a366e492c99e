"""Eye-tracking in BIDS 1.11: `*_physio.tsv.gz` with `PhysioType: eyetrack`, one file an eye, as one gaze stream.

Left and right eye become one stream where their samples are the same moments; a cyclopean file is used where there is
neither. Times are StartTime plus the timestamp column where its unit is known and fits the sampling rate, else plus
row / SamplingFrequency. Rows are read one after the other. Data sets older than 1.11 that name the same columns and no
PhysioType are taken too.
"""

from __future__ import annotations

import gzip
import itertools
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from offline.datasets.bids.names import metadata, number, parse_name
from rtemo.core.channel_map import Screen
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Chunk

_AXES = ("x_coordinate", "y_coordinate")
_TIME_UNITS = {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "\u00b5s": 1e-6}
_TIME_UNITS |= {"millisecond": 1e-3, "milliseconds": 1e-3, "\u03bcs": 1e-6, "ns": 1e-9}
_RATE_TOLERANCE = 0.05
_LOOKED_AT = 1000  # rows that the timestamps' unit is checked on
_EYES = ("left", "right", "cyclopean")


@dataclass(frozen=True, slots=True)
class EyeFile:
    """One eye's recording. columns: x, y and pupil (-1: none) in the file. time_s: factor of column `time`, or 0."""

    path: Path
    eye: str
    rate_hz: float
    start_s: float
    columns: tuple[int, int, int]
    time: int
    time_s: float
    channels: tuple[Channel, ...]


def eye_files(root: Path, eeg: Path) -> tuple[tuple[EyeFile, ...], Screen | None, list[str]]:
    """The eye recordings of one EEG run, its screen, and what about them cannot be used, with the reason."""
    found: dict[str, EyeFile] = {}
    problems = []
    for path in _physio_of(eeg):
        try:
            about = metadata(root, path, "physio")
            one = _eye_file(path, about) if _is_eyetrack(about) else None
        except RtemoError as error:
            problems.append(str(error))
            continue
        if one is not None and one.eye in found:
            problems.append(f"{path.name} is a second file of the {one.eye} eye, after {found[one.eye].path.name}")
        elif one is not None:
            found[one.eye] = one
    chosen = tuple(found[eye] for eye in _EYES if eye in found and not (eye == "cyclopean" and len(found) > 1))
    if len(chosen) == 2 and (chosen[0].rate_hz, chosen[0].start_s) != (chosen[1].rate_hz, chosen[1].start_s):
        problems.append(f"{chosen[1].path.name} does not sample the same moments as {chosen[0].path.name}")
        chosen = chosen[:1]
    try:
        screen = screen_of(metadata(root, eeg, "events").get("StimulusPresentation", {}))
    except RtemoError as error:
        return (), None, [*problems, str(error)]
    return chosen, screen, problems


def _physio_of(eeg: Path) -> list[Path]:
    """The physio files of any datatype folder of the session that belong to the same task and run."""
    ours = parse_name(eeg).entities
    paths = sorted(eeg.parent.parent.glob("*/*_physio.tsv.gz"))
    return [
        path
        for path in paths
        if all(parse_name(path).entities.get(key) == ours.get(key) for key in ("sub", "ses", "task", "run"))
    ]


def _is_eyetrack(about: Mapping[str, Any]) -> bool:
    kind = about.get("PhysioType", "eyetrack" if set(_AXES) <= set(about.get("Columns", [])) else "generic")
    return bool(kind == "eyetrack")


def _eye_file(path: Path, about: Mapping[str, Any]) -> EyeFile:
    columns, rate_hz = list(about.get("Columns", [])), about.get("SamplingFrequency")
    if not set(_AXES) <= set(columns) or not isinstance(rate_hz, int | float) or rate_hz <= 0:
        raise RtemoError(f"{path.name} lacks x_coordinate, y_coordinate or SamplingFrequency", f"columns {columns}")
    if about.get("SampleCoordinateSystem", "gaze-on-screen") != "gaze-on-screen":
        raise RtemoError(f"{path.name} is not gaze on a screen", f"it is {about['SampleCoordinateSystem']}")
    eye = str(about.get("RecordedEye", "cyclopean"))
    if eye not in _EYES:
        raise RtemoError(f"{path.name} does not state which eye it recorded", f"RecordedEye is {eye!r}")
    time = columns.index("timestamp") if "timestamp" in columns else -1
    pupil = columns.index("pupil_size") if "pupil_size" in columns else -1
    one = EyeFile(
        path=path,
        eye=eye,
        rate_hz=float(rate_hz),
        start_s=float(about.get("StartTime", 0.0)),
        columns=(columns.index(_AXES[0]), columns.index(_AXES[1]), pupil),
        time=time,
        time_s=_TIME_UNITS.get(_unit(about, "timestamp").casefold(), 0.0) if time >= 0 else 0.0,
        channels=_channels(about, eye, has_pupil=pupil >= 0),
    )
    return one if _timestamps_fit(one) else replace(one, time_s=0.0)


def _channels(about: Mapping[str, Any], eye: str, *, has_pupil: bool) -> tuple[Channel, ...]:
    """Named so that the generic gaze profile understands them."""
    side = "both" if eye == "cyclopean" else eye
    pair = zip("xy", _AXES, strict=True)
    axes = tuple(
        Channel(f"gaze_{axis}_{side}", f"Screen{axis.upper()}", _unit(about, column), side) for axis, column in pair
    )
    if not has_pupil:
        return axes
    described = str(about.get("pupil_size", {}).get("Description", "")).casefold()
    label = f"pupil_area_{side}" if "area" in described else f"pupil_{side}"
    return (*axes, Channel(label, "pupilsize", _unit(about, "pupil_size"), side))


def _unit(about: Mapping[str, Any], column: str) -> str:
    """A column's unit; BIDS before 1.11 kept the gaze's in a field of its own."""
    own = about.get(column, {})
    unit = str(own.get("Units", "")) if isinstance(own, dict) else ""
    return unit or (str(about.get("SampleCoordinateUnits", "")) if column in _AXES else "")


def _timestamps_fit(one: EyeFile) -> bool:
    """Do the first rows' timestamps, in their stated unit, give the stated rate?"""
    if not one.time_s:
        return True
    times = np.array([row[one.time] for row in itertools.islice(_rows(one.path), _LOOKED_AT)]) * one.time_s
    if len(times) < 2 or not np.isfinite(times).all():
        return False
    return bool(abs(float(np.median(np.diff(times))) * one.rate_hz - 1.0) <= _RATE_TOLERANCE)


def screen_of(presentation: Mapping[str, Any]) -> Screen | None:
    """StimulusPresentation of events.json; None where it names no resolution. RtemoError for another origin."""
    resolution, size = presentation.get("ScreenResolution"), presentation.get("ScreenSize")
    if not isinstance(resolution, list):
        return None
    if presentation.get("ScreenOrigin", ["top", "left"]) != ["top", "left"]:
        raise RtemoError("gaze counts from another corner than the top left", f"{presentation['ScreenOrigin']}")
    distance = presentation.get("ScreenDistance")
    distance = distance[-1] if isinstance(distance, list) else distance
    given: dict[str, Any] = {"width_px": int(resolution[0]), "height_px": int(resolution[1])}
    if isinstance(size, list):
        given |= {"width_mm": 1000.0 * float(size[0]), "height_mm": 1000.0 * float(size[1])}
    if isinstance(distance, int | float):
        given["distance_mm"] = 1000.0 * float(distance)
    return Screen(**given)


@dataclass(frozen=True, slots=True)
class BidsGaze:
    """The eyes of one EEG run, whose first sample is at start_s; samples outside span_s are left out."""

    files: tuple[EyeFile, ...]
    start_s: float
    span_s: tuple[float, float]


def gaze_chunks(runs: tuple[BidsGaze, ...], block_s: float) -> Iterator[Chunk]:
    """The runs one after the other, all eyes of a run side by side."""
    for run in runs:
        samples = _samples(run)
        block: list[tuple[float, list[float]]] = []
        for time_s, values in samples:
            if block and time_s - block[0][0] >= block_s:
                yield _chunk(block)
                block = []
            block.append((time_s, values))
        if block:
            yield _chunk(block)


def _chunk(block: list[tuple[float, list[float]]]) -> Chunk:
    return Chunk("gaze", np.array([time_s for time_s, _ in block]), np.array([row for _, row in block], np.float32))


def _samples(run: BidsGaze) -> Iterator[tuple[float, list[float]]]:
    """Time on the recording's clock and the eyes' columns. Rows that lack columns or a time are skipped."""
    lead, width = run.files[0], max(max(*one.columns, one.time) for one in run.files) + 1
    first: float | None = None
    for index, rows in enumerate(zip(*(_rows(one.path) for one in run.files), strict=False)):
        if min(map(len, rows)) < width:
            continue
        elapsed_s = index / lead.rate_hz
        if lead.time_s:
            first = rows[0][lead.time] if first is None else first
            elapsed_s = (rows[0][lead.time] - first) * lead.time_s
        time_s = run.start_s + lead.start_s + elapsed_s
        if run.span_s[0] <= time_s <= run.span_s[1]:
            pairs = zip(run.files, rows, strict=True)
            yield time_s, [row[column] for one, row in pairs for column in one.columns if column >= 0]


def gaze_channels(files: tuple[EyeFile, ...]) -> tuple[Channel, ...]:
    """The columns of gaze_chunks."""
    return tuple(channel for one in files for channel in one.channels)


def _rows(path: Path) -> Iterator[list[float]]:
    """Every row as numbers, NaN for n/a."""
    try:
        with gzip.open(path, "rt", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                yield [_cell(cell) for cell in line.rstrip("\r\n").split("\t")]
    except (OSError, EOFError, zlib.error) as error:
        raise RtemoError(f"{path} cannot be read", f"{type(error).__name__}: {error}", "copy it again") from error


def _cell(text: str) -> float:
    value = number(text)
    return float("nan") if value is None else value
