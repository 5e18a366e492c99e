"""Eye-tracking in BIDS 1.11: `*_physio.tsv.gz` with `PhysioType: eyetrack`, one file an eye, as one gaze stream.

A file belongs to the EEG with which all its entities but `recording` agree. Left and right eye become one stream by
time: a row of one eye that has no partner within half a sample stands alone. A cyclopean file is used where there is no
single eye. Data sets older than 1.11 that name the same columns and no PhysioType are taken too. Every file that is not
used is listed with the reason, and what was recognised in spite of its side-car is noted. gazepoint.py reads the files
whose columns are Gazepoint's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from offline.datasets.account import Account
from offline.datasets.bids.events import TIME_UNITS
from offline.datasets.bids.eye_clock import Eeg, clock
from offline.datasets.bids.eye_samples import EyeSamples
from offline.datasets.bids.gazepoint import eyes_of_gazepoint, gazepoint_parts
from offline.datasets.bids.names import entities_of, parse_name
from offline.datasets.bids.physio_rows import read_rows
from offline.datasets.bids.side_cars import SideCars
from offline.datasets.cells import given, number
from rtemo.core.channel_map import Screen
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel

PHYSIO = ("physio", "eyetrack")
_AXES = ("x_coordinate", "y_coordinate")
_EYES = ("left", "right", "cyclopean")
_WORDS = {"l": "left", "r": "right", "left eye": "left", "right eye": "right", "lefteye": "left", "righteye": "right"}
_EYE_WORDS = ("eye", "gaze", "pupil")
_LARGEST_SCREEN_M, _LARGEST_DISTANCE_M = 10.0, 30.0


@dataclass(frozen=True, slots=True)
class _SideCar:
    """What the side-car of an eye file states. columns: x, y and pupil, if there is one. time: its column, or -1."""

    eye: str
    rate_hz: float
    start: float | None
    names: tuple[str, ...]
    columns: tuple[int, ...]
    time: int
    time_s: float | None
    channels: tuple[Channel, ...]


def physio_files(session: Path) -> list[Path]:
    """Every file of a session's folder that may hold eye-tracking, side-cars apart."""
    found = [path for suffix in PHYSIO for path in session.glob(f"*/*_{suffix}.*") if path.suffix != ".json"]
    return sorted(found)


def belongs(path: Path, eeg: Path) -> bool:
    """Whether all entities but `recording` of an eye file are those of the EEG."""
    return entities_of(path, ("recording",)) == entities_of(eeg)


def is_eyetracking(cars: SideCars, path: Path) -> bool:
    """Whether a file's side-car says that it holds gaze. RtemoError where it looks like it and does not say so."""
    suffix = parse_name(path).suffix
    about = cars.metadata(path, suffix)
    if gazepoint_parts(about):
        return True
    kind = _kind(path, about, suffix)
    if kind == "unknown":
        found = f"PhysioType {about.get('PhysioType')!r}, columns {_columns(about)}"
        raise RtemoError("it is not known to be eye-tracking", found, "name columns x_coordinate and y_coordinate")
    return kind == "eyetrack"


def eyes_of(cars: SideCars, paths: Sequence[Path], eeg: Eeg, account: Account) -> tuple[EyeSamples, ...]:
    """The eyes of one EEG run from the files that belong to it: left and right, one of them, or both as one."""
    vendor = {path: about for path in paths if gazepoint_parts(about := cars.metadata(path, parse_name(path).suffix))}
    if vendor:
        return eyes_of_gazepoint(vendor, eeg, account)
    found: dict[str, EyeSamples] = {}
    for path in paths:
        with account.omitting("gaze", path.name):
            one = _read(cars, path, eeg, account)
            if one is not None and one.eye in found:
                why = f"it is a second file of the {one.eye} eye, after {found[one.eye].path.name}"
                raise RtemoError(why, "", "keep one of them")
            if one is not None:
                found[one.eye] = one
    if len(found) > 1 and (both := found.pop("cyclopean", None)):
        account.note(f"{both.path.name} is not used: the single eyes are")
    return _partners([found[eye] for eye in _EYES if eye in found], account)


def _partners(eyes: Sequence[EyeSamples], account: Account) -> tuple[EyeSamples, ...]:
    """The eyes that can be joined by time."""
    if len(eyes) < 2:
        return tuple(eyes)
    lead, other = eyes
    why = ""
    if abs(other.rate_hz / lead.rate_hz - 1.0) > 0.01:
        why = f"it has {other.rate_hz:g} Hz, {lead.path.name} {lead.rate_hz:g} Hz: not the same moments"
    elif (lead.by_rows or other.by_rows) and len(lead.times_s) != len(other.times_s):
        rows = f"{len(other.times_s)} rows, {lead.path.name} {len(lead.times_s)}"
        why = f"without timestamps it cannot be told which rows belong together: it has {rows}"
    if why:
        account.omit("gaze", other.path.name, why)
        return (lead,)
    return (lead, other)


def _read(cars: SideCars, path: Path, eeg: Eeg, account: Account) -> EyeSamples | None:
    """One file with its side-car; None where it is no eye-tracking. RtemoError where it cannot be used."""
    ending = parse_name(path).ending
    if ending not in (".tsv.gz", ".tsv"):
        raise RtemoError(f"{path.name} is no table", f"its ending is {ending}", "convert it to *_physio.tsv.gz")
    if not is_eyetracking(cars, path):
        return None
    car = _side_car(path, cars.metadata(path, parse_name(path).suffix))
    rows = read_rows(path, car.names, car.columns, car.time)
    if rows.damage:
        account.omit("gaze", path.name, f"it cannot be read behind row {rows.read}: {rows.damage}; copy it again")
    if rows.has_header:
        account.note(f"{path.name}: its first line names the columns, against BIDS, and is skipped")
    if not np.isfinite(rows.values[:, :2]).all(axis=1).any():
        commas = "; numbers are written with commas" if rows.has_commas else ""
        raise RtemoError("it holds no gaze", f"no row has both coordinates{commas}", "correct the file")
    clocked = clock(rows.index, rows.stamps, car.time_s, car.rate_hz, car.start, eeg)
    for note in clocked.notes:
        account.note(f"{path.name}: {note}")
    left_out = rows.skipped + clocked.left_out
    for why, n in left_out.items():
        account.omit("gaze", path.name, f"{n} of {rows.read} rows: {why}")
    account.count("gaze", rows.read, 0, sum(left_out.values()))
    return EyeSamples(
        path=path,
        eye=car.eye,
        rate_hz=clocked.rate_hz,
        channels=car.channels,
        times_s=clocked.times_s,
        values=rows.values[clocked.kept],
        by_rows=clocked.by_rows,
    )


def _columns(about: Mapping[str, Any]) -> list[str]:
    found = about.get("Columns")
    return [str(name).strip() for name in found] if isinstance(found, list) else []


def _kind(path: Path, about: Mapping[str, Any], suffix: str) -> str:
    """eyetrack, other (such as an ECG), or unknown: it looks like eyes, and cannot be read as such."""
    columns = {name.casefold() for name in _columns(about)}
    stated = str(about.get("PhysioType", "eyetrack" if suffix == "eyetrack" else "")).strip().casefold()
    if stated == "eyetrack" or (not stated and set(_AXES) <= columns):
        return "eyetrack"
    recording = entities_of(path).get("recording", "").casefold()
    looks = any(word in text for word in _EYE_WORDS for text in (recording, *columns))
    return "unknown" if (looks and not stated) or not columns else "other"


def _side_car(path: Path, about: Mapping[str, Any]) -> _SideCar:
    """The side-car's values, however they are spelt. RtemoError where one that is needed makes no sense."""
    names = _columns(about)
    folded = [name.casefold() for name in names]
    rate_hz = number(about.get("SamplingFrequency"))
    if not set(_AXES) <= set(folded) or rate_hz is None or rate_hz <= 0:
        found = f"columns {names}, SamplingFrequency {about.get('SamplingFrequency')!r}"
        raise RtemoError(f"{path.name} lacks x_coordinate, y_coordinate or SamplingFrequency", found)
    system = str(about.get("SampleCoordinateSystem", "gaze-on-screen"))
    if system.strip().casefold().replace(" ", "-").replace("_", "-") != "gaze-on-screen":
        raise RtemoError(f"{path.name} is not gaze on a screen", f"it is {system}")
    start = about.get("StartTime")
    if given(start) and number(start) is None:
        raise RtemoError(f"the StartTime of {path.name} is no number", f"it is {start!r}", "give it in seconds")
    eye = _eye(path, about)
    time = folded.index("timestamp") if "timestamp" in folded else -1
    pupil = [folded.index("pupil_size")] if "pupil_size" in folded else []
    return _SideCar(
        eye=eye,
        rate_hz=rate_hz,
        start=number(start),
        names=tuple(names),
        columns=(folded.index(_AXES[0]), folded.index(_AXES[1]), *pupil),
        time=time,
        time_s=TIME_UNITS.get(_unit(about, "timestamp").strip().casefold()),
        channels=_channels(about, eye, has_pupil=bool(pupil)),
    )


def _eye(path: Path, about: Mapping[str, Any]) -> str:
    """The recorded eye, whatever the case of the word."""
    word = str(about.get("RecordedEye", "cyclopean")).strip().casefold().replace("_", " ").replace("-", " ")
    eye = _WORDS.get(word, word)
    if eye not in _EYES:
        found = f"RecordedEye is {about.get('RecordedEye')!r}"
        raise RtemoError(f"{path.name} does not state which eye it recorded", found, f"write {', '.join(_EYES)}")
    return eye


def _channels(about: Mapping[str, Any], eye: str, *, has_pupil: bool) -> tuple[Channel, ...]:
    """Named so that the generic gaze profile understands them."""
    side = "both" if eye == "cyclopean" else eye
    pair = zip("xy", _AXES, strict=True)
    axes = tuple(
        Channel(f"gaze_{axis}_{side}", f"Screen{axis.upper()}", _unit(about, column), side) for axis, column in pair
    )
    if not has_pupil:
        return axes
    own = _described(about, "pupil_size")
    label = f"pupil_area_{side}" if "area" in str(own.get("Description", "")).casefold() else f"pupil_{side}"
    return (*axes, Channel(label, "pupilsize", _unit(about, "pupil_size"), side))


def _described(about: Mapping[str, Any], column: str) -> Mapping[str, Any]:
    """What the side-car states about a column, whatever the case of its name."""
    found: object = next((value for name, value in about.items() if name.casefold() == column), {})
    return found if isinstance(found, Mapping) else {}


def _unit(about: Mapping[str, Any], column: str) -> str:
    """A column's unit; BIDS before 1.11 kept the gaze's in a field of its own."""
    unit = _described(about, column).get("Units", "")
    words = (str(unit), str(about.get("SampleCoordinateUnits", "")) if column in _AXES else "")
    return next((word for word in words if given(word)), "")


def screen_of(presentation: object, where: str, account: Account) -> Screen | None:
    """StimulusPresentation of events.json; None where it names no resolution. RtemoError for another origin."""
    if not isinstance(presentation, Mapping):
        if presentation is not None:
            account.omit("side-car", where, f"StimulusPresentation is {presentation!r}, not a table of values")
        return None
    resolution = _pair(presentation, "ScreenResolution", where, account, 1e6)
    size = _pair(presentation, "ScreenSize", where, account, _LARGEST_SCREEN_M)
    if resolution is None:
        return None
    origin = presentation.get("ScreenOrigin", ["top", "left"])
    corner = re.sub(r"[^a-z]", "", str(origin).casefold())  # BIDS has a list; MNE-BIDS writes what its user wrote
    if corner not in ("topleft", "lefttop", "upperleft", "leftupper"):
        raise RtemoError("gaze counts from another corner than the top left", f"ScreenOrigin is {origin}")
    distance = presentation.get("ScreenDistance")
    distance_m = number(distance[-1] if isinstance(distance, list) and distance else distance)
    values: dict[str, Any] = {"width_px": round(resolution[0]), "height_px": round(resolution[1])}
    if size is not None:
        values |= {"width_mm": 1000.0 * size[0], "height_mm": 1000.0 * size[1]}
    if distance_m is not None and 0 < distance_m <= _LARGEST_DISTANCE_M:
        values["distance_mm"] = 1000.0 * distance_m
    elif given(distance):
        account.omit("side-car", where, f"ScreenDistance is {distance!r}, no distance in metres; the usual is assumed")
    return Screen(**values)


def _pair(
    presentation: Mapping[str, Any], name: str, where: str, account: Account, most: float
) -> tuple[float, float] | None:
    """Two positive numbers; None, and listed, where they are something else."""
    value = presentation.get(name)
    if value is None:
        return None
    found = [number(one) for one in value] if isinstance(value, list) else []
    if len(found) == 2 and all(one is not None and 0 < one <= most for one in found):
        return (found[0] or 0.0, found[1] or 0.0)
    unit = "pixels" if name == "ScreenResolution" else "metres"
    account.omit("side-car", where, f"{name} is {value!r}, not a width and a height in {unit}")
    return None
