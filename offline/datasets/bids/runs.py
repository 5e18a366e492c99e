"""One run of a BIDS session: its EEG file or eye files with their side-cars, checked for gaps and missing ends."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from offline.datasets.account import Account
from offline.datasets.bids.eye_clock import Eeg
from offline.datasets.bids.eye_samples import EyeSamples
from offline.datasets.bids.eyetrack import eyes_of, screen_of
from offline.datasets.bids.side_cars import SideCars, Table
from offline.datasets.cells import given, number
from offline.datasets.eeg_files import mne_raw
from rtemo.core.channel_map import Screen
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, StreamInfo

# what a data set that `rtemo export` wrote has besides: a table of the samples' times, and their rate as it was stated
STAMPS, STAMP, NOMINAL_RATE = "_recording-stamps_physio.tsv.gz", "stamp", "NominalSamplingFrequency"
_SHORTER = 0.02  # by how much a file may be shorter than its side-car states, beyond a second
# Electrode coordinates that BIDS defines: which of x, y, z points right and front, and with which sign.
_AXES = {"captrak": ((0, 1.0), (1, 1.0)), "eeglab": ((1, -1.0), (0, 1.0)), "eeglab-hj": ((1, -1.0), (0, 1.0))}
_MILLIMETRES = {"mm": 1.0, "cm": 10.0, "m": 1000.0}


@dataclass(frozen=True, slots=True, eq=False)
class BidsRun:
    """An EEG file that was looked at, and its eyes. file stands for the eyes' own span where there is no EEG."""

    file: mne_raw.RawFile
    info: StreamInfo
    eyes: tuple[EyeSamples, ...]
    screen: Screen | None
    stamps: NDArray[np.float64] | None = None  # seconds from the first sample, as they were sent, where they are known


def run_of_eeg(cars: SideCars, path: Path, eyes: Sequence[Path], account: Account) -> BidsRun:
    """One EEG file with its side-cars. Which channels are EEG follows from channels.tsv before the file."""
    file = mne_raw.header(path)
    for note in file.notes:
        account.note(note)
    _check_continuity(cars, file, account)
    names = _eeg_names(cars, file, account)
    places = _places(cars, path, account)
    channels = tuple(Channel(name, "EEG", "microvolts", location_mm=places.get(name)) for name in names)
    stamps = _stamps(cars, file, account)
    nominal_hz = None if stamps is None else number(cars.metadata(path, "eeg").get(NOMINAL_RATE))
    info = StreamInfo("eeg", "EEG", "EEG", "float32", file.rate_hz if nominal_hz is None else nominal_hz, channels)
    if file.interruptions is not None and file.interruptions.guessed and eyes:
        why = f"the EEG of {path.name} was cut, and how much was taken out is not known: its times fit no more"
        for eye in eyes:
            account.omit("gaze", eye.name, why)
        eyes = ()
    found = eyes_of(cars, eyes, Eeg(file.duration_s, file.measured_s), account)
    try:
        presentation = cars.metadata(path, "events").get("StimulusPresentation")
        screen = screen_of(presentation, cars.nearest(path, "events"), account)
    except RtemoError as error:
        if found:
            account.omit("gaze", path.name, error)
        return BidsRun(file, info, (), None, stamps)
    return BidsRun(file, info, found, screen, stamps)


def _stamps(cars: SideCars, file: mne_raw.RawFile, account: Account) -> NDArray[np.float64] | None:
    """(n,) seconds of the samples from the first one, as they were sent, where an export of rtemo holds them."""
    path = file.path.with_name(file.path.stem.removesuffix("_eeg") + STAMPS)
    if not path.is_file() or cars.metadata(path, "physio").get("Columns") != [STAMP]:
        return None
    n = sum(part.n for part in file.stretches)
    try:
        stamps = np.loadtxt(path, np.float64, ndmin=1)
        why = "" if stamps.shape == (n,) else f"it has {len(stamps)} rows, the EEG {n} samples"
    except (OSError, ValueError, EOFError, zlib.error) as error:
        why = f"it cannot be read: {error}"
    if why:
        account.omit("side-car", path.name, f"{why}; the EEG's own times count")
        return None
    return stamps


def run_of_eyes(cars: SideCars, path: Path, eyes: Sequence[Path], account: Account) -> BidsRun:
    """A run without EEG: its eyes count from where its events do."""
    rows = cars.table(path, "events")
    ends = [(number(row.get("onset")) or 0.0) + (number(row.get("duration")) or 0.0) for row in rows]
    found = eyes_of(cars, eyes, Eeg(max(ends, default=math.inf) or math.inf), account)
    if not found:
        raise RtemoError(f"{path.name} has no eyes that can be used", "; ".join(map(str, account.omissions)))
    last_s = max(*(float(eye.times_s[-1]) for eye in found), *ends, 0.0)
    rate_hz = found[0].rate_hz
    file = mne_raw.RawFile(path, rate_hz, max(1, math.ceil(last_s * rate_hz)), (), ())
    info = StreamInfo("eeg", "EEG", "EEG", "float32", rate_hz, ())
    screen = screen_of(cars.metadata(path, "events").get("StimulusPresentation"), cars.nearest(path, "events"), account)
    return BidsRun(file, info, found, screen)


def _check_continuity(cars: SideCars, file: mne_raw.RawFile, account: Account) -> None:
    """List gaps and what is missing at the end. RtemoError where it is not known when the samples were recorded."""
    path, about = file.path, cars.metadata(file.path, "eeg")
    kind = str(about.get("RecordingType", "")).strip().casefold()
    if kind == "epoched":
        todo = "put the continuous recording there"
        raise RtemoError(f"{path.name} holds epochs", "its side-car states RecordingType epoched", todo)
    if kind == "discontinuous" and len(file.stretches) == 1:
        found = "its side-car states RecordingType discontinuous, the file does not tell where the gaps are"
        raise RtemoError(f"{path.name} has gaps at unknown places", found, "export it as EDF+D or continuous")
    if len(file.stretches) > 1:
        ends = [part.start_s + part.n / file.rate_hz for part in file.stretches]
        gaps = [f"{part.start_s - end:g} s at {end:g} s" for end, part in zip(ends, file.stretches[1:], strict=False)]
        guessed = file.interruptions is not None and file.interruptions.guessed
        unknown = " (a length that is not stated counts as 20 s)" if guessed else ""
        account.note(f"{path.name} was interrupted {len(gaps)} times: {', '.join(gaps)}{unknown}")
    stated_s = number(about.get("RecordingDuration"))
    if stated_s is not None and file.duration_s < (1.0 - _SHORTER) * stated_s - 1.0:
        why = f"the file ends after {file.duration_s:g} of the {stated_s:g} s that its side-car states; is it cut off?"
        account.omit("eeg", path.name, why)


def _eeg_names(cars: SideCars, file: mne_raw.RawFile, account: Account) -> list[str]:
    """The EEG channels. RtemoError where there is none."""
    table = cars.table(file.path, "channels")
    _check_columns(table, ("name", "type"), account)
    types = {row.get("name"): row.get("type").upper() for row in table}
    known = {name for name, _ in file.channels}
    if table.path is not None and (others := [name for name in types if name not in known]):
        account.omit("side-car", table.path.name, f"{file.path.name} has no channels {', '.join(others)}")
    names = [name for name, kind in file.channels if (types.get(name) or kind.upper()) == "EEG"]
    if not names:
        raise RtemoError(
            f"{file.path} has no EEG channel", f"its channels are {[name for name, _ in file.channels][:8]}"
        )
    return names


def _check_columns(table: Table, columns: Sequence[str], account: Account) -> None:
    """List a table that lacks columns that are read."""
    if table.path is not None and (missing := [name for name in columns if not table.has(name)]):
        why = f"it has no column {', '.join(missing)}, but {', '.join(table.columns)}"
        account.omit("side-car", table.path.name, why)


def _places(cars: SideCars, path: Path, account: Account) -> dict[str, tuple[float, float, float]]:
    """electrodes.tsv in mm, x right and y front, where coordsystem.json names axes that we know."""
    about = cars.metadata(path, "coordsystem", but=("space",))
    axes = _AXES.get(str(about.get("EEGCoordinateSystem", "")).strip().casefold())
    unit = _MILLIMETRES.get(str(about.get("EEGCoordinateUnits", "")).strip().casefold())
    table = cars.table(path, "electrodes", but=("space",))
    _check_columns(table, ("name", *"xyz"), account)
    if table.path is None:
        return {}
    if axes is None or unit is None:
        found = f"{about.get('EEGCoordinateSystem')!r} in {about.get('EEGCoordinateUnits')!r}"
        known = f"known are {', '.join(_AXES)} in {', '.join(_MILLIMETRES)}"
        account.note(f"{table.path.name} is not used: its coordinates are {found}; {known}")
        return {}
    places = {}
    for row in table:
        xyz = [number(row.get(axis)) for axis in "xyz"]
        if None not in xyz:
            at = [unit * float(value or 0.0) for value in xyz]
            (right, right_sign), (front, front_sign) = axes
            places[row.get("name")] = (right_sign * at[right], front_sign * at[front], at[2])
        elif any(given(row.get(axis)) for axis in "xyz"):
            account.omit("side-car", f"{table.path.name} row {row.line}", f"{row.get('name')} has no three coordinates")
    return places


def check_alike(run: BidsRun, runs: Sequence[BidsRun]) -> None:
    """RtemoError where the run does not continue the session's first one."""
    if not runs:
        return
    first = runs[0]
    if (run.info.channels, run.info.nominal_rate_hz) != (first.info.channels, first.info.nominal_rate_hz):
        found = f"{len(run.info.channels)} channels at {run.info.nominal_rate_hz:g} Hz"
        usual = f"{len(first.info.channels)} at {first.info.nominal_rate_hz:g} Hz"
        raise RtemoError(f"its channels or rate are not those of {first.file.path.name}", f"{found}, not {usual}")
