"""Tobii Pro Lab's tab-separated export, as SEED-VII ships it: gaze in pixels, pupils in mm with decimal commas.

Columns are found by name. Rows without a later time than the row before (events, repeated rows) are skipped; an empty
cell is a missing value. Rows are read one after the other, so a file of any size needs little memory.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from offline.datasets.base import Stream
from offline.datasets.foreign import reading
from rtemo.core.channel_map import Screen
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Chunk, Modality, StreamInfo

RATE_HZ = 250.0  # Tobii Pro Fusion
_TIME, _START = "Recording timestamp", "Recording start time"
_VALUES = ("Gaze point X", "Gaze point Y", "Pupil diameter left", "Pupil diameter right")
_RESOLUTION = ("Recording resolution width", "Recording resolution height")
_INFO = StreamInfo(
    stream_id="gaze",
    name="Gaze",
    type="Gaze",
    channel_format="float32",
    nominal_rate_hz=RATE_HZ,
    channels=(
        Channel("gaze_x", "ScreenX", "pixels", "both"),
        Channel("gaze_y", "ScreenY", "pixels", "both"),
        Channel("pupil_left", "Diameter", "mm", "left"),
        Channel("pupil_right", "Diameter", "mm", "right"),
    ),
)


@dataclass(frozen=True, slots=True)
class TobiiFile:
    """The columns of a file, when it was begun (seconds of the day), and its screen where the export states it."""

    path: Path
    columns: dict[str, int]
    began_s: float
    screen: Screen | None


def open_tobii(path: Path) -> TobiiFile:
    """Reads the first two rows. RtemoError where a column that is needed is missing."""
    with reading(path), path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        columns = {name.strip(): index for index, name in enumerate(next(rows, []))}
        first = next(rows, [])
    absent = [name for name in (_TIME, _START, *_VALUES) if name not in columns]
    if absent or len(first) < len(columns):
        raise RtemoError(f"{path} is no Tobii export with gaze", f"missing {absent or 'the first row'}")
    return TobiiFile(path, columns, clock_s(first[columns[_START]]), _screen(columns, first))


def clock_s(text: str) -> float:
    """'HH:MM:SS.fff' -> seconds of the day. RtemoError where it is no time of the day."""
    try:
        hours, minutes, seconds = text.strip().split(":")
        return int(hours) * 3600.0 + int(minutes) * 60.0 + float(seconds.replace(",", "."))
    except ValueError as error:
        raise RtemoError(f"{text!r} is no time of the day", todo="it should look like 14:25:34.120") from error


def gaze_stream(file: TobiiFile, offset_s: float) -> Stream:
    """The file's gaze, its own clock shifted by offset_s onto the recording's."""
    return Stream(_INFO, Modality.GAZE, partial(_chunks, file, offset_s), screen=file.screen)


def _screen(columns: dict[str, int], first: list[str]) -> Screen | None:
    width, height = (_number(first[columns[name]]) if name in columns else np.nan for name in _RESOLUTION)
    sensible = 0 < width < np.inf and 0 < height < np.inf
    return Screen(width_px=int(width), height_px=int(height)) if sensible else None


def _chunks(file: TobiiFile, offset_s: float, block_s: float) -> Iterator[Chunk]:
    at = [file.columns[name] for name in _VALUES]
    stamps: list[float] = []
    values: list[list[float]] = []
    with file.path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        last_s = -np.inf
        for row in rows:
            time_s = _number(row[file.columns[_TIME]]) * 1e-6 + offset_s if len(row) > max(at) else np.nan
            if not time_s > last_s:
                continue
            if stamps and time_s - stamps[0] >= block_s:
                yield _chunk(stamps, values)
                stamps, values = [], []
            last_s = time_s
            stamps.append(time_s)
            values.append([_number(row[index]) for index in at])
    if stamps:
        yield _chunk(stamps, values)


def _chunk(stamps: list[float], values: list[list[float]]) -> Chunk:
    return Chunk(_INFO.stream_id, np.array(stamps), np.array(values, dtype=np.float32))


def _number(text: str) -> float:
    """A number with a decimal point or comma; NaN for anything else, which is how a missing value is written."""
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return float("nan")
