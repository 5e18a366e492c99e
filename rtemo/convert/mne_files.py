"""Recordings that MNE reads: EEG as FIF, GDF, EDF, BDF, BrainVision or EEGLAB, and EyeLink's ASC files.

MNE is loaded when it is needed. What it does not tell, a gap within a file, is looked for before and refused.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from rtemo.convert.recorded import Converted, FileSignal
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel
from rtemo.export.extras import needed
from rtemo.sources.edf_header import reader_options

EEG_ENDINGS = (".fif", ".gdf", ".edf", ".bdf", ".vhdr", ".set")
EYELINK = ".asc"
_BREAKS = ("boundary", "New Segment/")
_LONGEST = 300


def read_mne_file(path: Path) -> Converted:
    """The file's signals and annotations. RtemoError where MNE is not there or cannot read it."""
    mne = needed("mne", "mne")
    ending = path.suffix.casefold()
    _check_records(path, ending)
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            raw = _read_raw(mne, path, ending)
            found = _converted(path, raw, ending)
    except RtemoError:
        raise
    except Exception as error:  # readers of other projects fail in every way there is on damaged files
        why = " ".join(f"{type(error).__name__}: {error}".split())[:_LONGEST]
        raise RtemoError(f"{path} cannot be read", why, "copy the file again") from error
    notes = [f"{path.name}: {' '.join(str(one.message).split())[:_LONGEST]}" for one in warned]
    return Converted(
        found.path, found.kind, found.signals, found.marks, found.unix, (*found.notes, *dict.fromkeys(notes))
    )


def _read_raw(mne: Any, path: Path, ending: str) -> Any:
    if ending == EYELINK:
        return mne.io.read_raw_eyelink(path, verbose="WARNING")
    return mne.io.read_raw(path, preload=False, verbose="WARNING", **reader_options(path))


def _converted(path: Path, raw: Any, ending: str) -> Converted:
    began = raw.info["meas_date"] if ending != EYELINK else None  # EyeLink's date is of no stated time zone
    start_s = 0.0 if began is None else float(began.timestamp())
    marks, notes = _marks(path, raw, start_s)
    kinds = dict(zip(raw.ch_names, raw.get_channel_types(), strict=True))
    wanted = ("eyegaze", "pupil") if ending == EYELINK else ("eeg",)
    names = [name for name, kind in kinds.items() if kind in wanted]
    if not names or not raw.n_times:
        raise RtemoError(f"{path} holds nothing that is converted", f"its channels are {list(kinds.items())[:6]}")
    data = raw.get_data(picks=names, verbose="ERROR")
    values = (data * (1.0 if ending == EYELINK else 1e6)).T.astype(np.float32)
    channels = tuple(
        _eye(name, kinds[name]) if ending == EYELINK else Channel(name, "EEG", "microvolts") for name in names
    )
    times_s = start_s + np.arange(raw.n_times) / float(raw.info["sfreq"])
    name, kind = ("EyeLink", "Gaze") if ending == EYELINK else (path.stem, "EEG")
    signal = FileSignal(name, kind, channels, float(raw.info["sfreq"]), times_s, values)
    return Converted(path, "EyeLink" if ending == EYELINK else "EEG", (signal,), marks, began is not None, notes)


def _eye(name: str, kind: str) -> Channel:
    """MNE calls them xpos_left, ypos_left, pupil_left. Gaze is in pixels of the display."""
    side = next((side for side in ("left", "right") if side in name), "both")
    if kind == "pupil":
        return Channel(f"pupil_{side}", "pupilsize", "", side)
    axis = "x" if name.startswith("x") else "y"
    return Channel(f"gaze_{axis}_{side}", f"Screen{axis.upper()}", "pixels", side)


def _marks(path: Path, raw: Any, start_s: float) -> tuple[tuple[tuple[float, str], ...], tuple[str, ...]]:
    """The annotations, and a note on those that tell of breaks."""
    first_s = raw.first_time if raw.annotations.orig_time is not None else 0.0
    marks, breaks = [], 0
    for onset, text in zip(raw.annotations.onset, raw.annotations.description, strict=True):
        at_s = float(onset) - first_s
        if str(text).startswith(_BREAKS) and at_s > 0:
            breaks += 1
        marks.append((start_s + at_s, str(text)))
    if breaks:
        raise RtemoError(
            f"{path} was interrupted {breaks} times, and the file does not tell for how long",
            "its samples would stand at wrong times behind the first break",
            "export its continuous parts one by one",
        )
    return tuple(marks), ()


def _check_records(path: Path, ending: str) -> None:
    """RtemoError where an EDF or BDF file has gaps between its records, which MNE does not keep."""
    if ending not in (".edf", ".bdf"):
        return
    try:
        with path.open("rb") as file:
            reserved = file.read(236)[192:236]
    except OSError as error:
        raise RtemoError(f"{path} cannot be read", str(error), "check the file") from error
    if reserved.startswith((b"EDF+D", b"BDF+D")):
        raise RtemoError(f"{path} has gaps between its records", "it is EDF+D or BDF+D", "export it as EDF+C, in parts")
