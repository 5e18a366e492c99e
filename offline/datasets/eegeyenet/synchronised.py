"""EEGEyeNet's synchronised recordings: MATLAB v5 or v7.3 (HDF5), a struct `EEG` or `sEEG` as EEGLAB saves it.

    [data/]measured/<task>/synchronised_<min|max>/<subject>/<file>_EEG.mat
    data (133, T): E1..E128, Cz in uV, then TIME, L-GAZE-X, L-GAZE-Y, L-AREA (chanlocs.type EYE); srate 500

A v5 struct can only be read whole, so one run at a time is in memory; HDF5 is read in blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

from offline.datasets.base import Omission, Recording, Segment, Stream, Trial, lay_out, segment_chunks, slices
from offline.datasets.foreign import check_content, isolated, reading, unreadable
from rtemo.core.channel_map import Screen
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Modality, StreamInfo

# 800 x 600 pixels are published; millimetres and distance are from memory of the paper, see the card's note.
SCREEN = Screen(width_px=800, height_px=600, width_mm=400.0, height_mm=299.0, distance_mm=680.0)
TASKS = {
    "antisaccade": ("antisaccade_task_data", re.compile(r"[go]ip_..._AS_EEG")),
    "dots": ("dots_data", re.compile(r"(ep|EP).._DOTS._EEG")),
    "processing_speed": ("processing_speed_data", re.compile(r"..._WI2_EEG")),
}
PREPROCESSED = ("synchronised_min", "synchronized_min", "synchronised_max", "synchronized_max")
_STRUCTS = ("EEG", "sEEG")
_READ_AT_ONCE_S = 16.0


@dataclass(frozen=True, slots=True)
class SynchronisedFile:
    """One file. eeg, gaze: columns of its data; labels and eyes as the file names them."""

    path: Path
    rate_hz: float
    n_samples: int
    labels: tuple[str, ...]
    eeg: tuple[int, ...]
    gaze: tuple[int, ...]  # x, y and pupil area of one eye; empty where there is none

    @property
    def duration_s(self) -> float:
        return self.n_samples / self.rate_hz


def scan(root: Path) -> tuple[dict[tuple[str, str], tuple[Path, ...]], list[Omission]]:
    """(subject, task) -> its runs in order, for every task folder under root, measured or data/measured."""
    found: dict[tuple[str, str], tuple[Path, ...]] = {}
    omissions = []
    for task, (name, pattern) in TASKS.items():
        bases = [root / name, root / "measured" / name, root / "data" / "measured" / name]
        folder = next((base / kind for base in bases for kind in PREPROCESSED if (base / kind).is_dir()), None)
        for subject in sorted(folder.iterdir()) if folder else []:
            files = sorted(subject.glob("*.mat")) if subject.is_dir() else []
            if runs := tuple(path for path in files if pattern.fullmatch(path.stem)):
                found[subject.name, task] = runs
            strange = [path for path in files if path not in found.get((subject.name, task), ())]
            omissions += [Omission("file", str(path), f"its name is not that of a {task} run") for path in strange]
    return found, omissions


def recording(subject: str, task: str, paths: tuple[Path, ...]) -> Recording:
    """All runs of one person in one task, one after the other. RtemoError where none can be read."""
    where = f"eegeyenet {task} subject {subject}"
    runs: list[SynchronisedFile] = []
    omissions = []
    for path in paths:
        try:
            run = index(path)
            if runs and (run.labels, run.eeg, run.gaze, run.rate_hz) != _shape(runs[0]):
                omissions.append(Omission("trial", str(path), f"its channels or rate are not those of {runs[0].path}"))
                continue
            runs.append(run)
        except RtemoError as error:
            omissions.append(Omission("trial", str(path), str(error)))
    if not runs:
        raise RtemoError(f"no run of {where} can be used", str(omissions[0]) if omissions else "")
    if not runs[0].gaze:
        omissions.append(Omission("gaze", where, "the files hold no gaze channels"))
    starts = lay_out(run.duration_s for run in runs)
    return Recording(
        dataset="eegeyenet",
        subject=subject,
        session=task,
        trials=tuple(
            Trial(number, None, None, start_s, start_s + run.duration_s)
            for number, (run, start_s) in enumerate(zip(runs, starts, strict=True), start=1)
        ),
        streams=tuple(_streams(runs, starts)),
        files=tuple(run.path for run in runs),
        omissions=tuple(omissions),
        notes=(f"{where}: {paths[0].parent.parent.name}, filtered over whole files by its authors, not causal",),
    )


def _shape(run: SynchronisedFile) -> tuple[tuple[str, ...], tuple[int, ...], tuple[int, ...], float]:
    return run.labels, run.eeg, run.gaze, run.rate_hz


def _streams(runs: Sequence[SynchronisedFile], starts: Sequence[float]) -> Iterator[Stream]:
    first = runs[0]
    eeg = tuple(Channel(first.labels[column], "EEG", "microvolts") for column in first.eeg)
    info = StreamInfo("eeg", "EEG", "EEG", "float32", first.rate_hz, eeg)
    yield Stream(info, Modality.EEG, partial(segment_chunks, "eeg", _segments(runs, starts, first.eeg)))
    if first.gaze:
        eye = "left" if first.labels[first.gaze[0]].startswith("L") else "right"
        channels = (
            Channel(f"gaze_x_{eye}", "ScreenX", "pixels", eye),
            Channel(f"gaze_y_{eye}", "ScreenY", "pixels", eye),
            Channel(f"pupil_area_{eye}", "pupilsize", "arbitrary", eye),
        )
        info = StreamInfo("gaze", "EyeLink", "Gaze", "float32", first.rate_hz, channels)
        chunks = partial(segment_chunks, "gaze", _segments(runs, starts, first.gaze))
        yield Stream(info, Modality.GAZE, chunks, screen=SCREEN)


def _segments(
    runs: Sequence[SynchronisedFile], starts: Sequence[float], columns: tuple[int, ...]
) -> tuple[Segment, ...]:
    return tuple(
        Segment(start_s, run.rate_hz, partial(_blocks, run, columns, columns == run.gaze))
        for run, start_s in zip(runs, starts, strict=True)
    )


def _blocks(run: SynchronisedFile, columns: tuple[int, ...], is_gaze: bool, n: int) -> Iterator[NDArray[np.floating]]:  # noqa: FBT001
    for block in _read(run, columns, n):
        yield _without_blinks(block) if is_gaze else block


def _without_blinks(gaze: NDArray[np.floating]) -> NDArray[np.floating]:
    """EyeLink writes a pupil area of 0 where it saw no eye; gaze there means nothing."""
    gaze = np.array(gaze, dtype=np.float32)
    gaze[~(gaze[:, 2] > 0)] = np.nan
    return gaze


def index(path: Path) -> SynchronisedFile:
    """Channels, rate and length of one file. RtemoError where it is none of EEGEyeNet's."""
    try:
        check_content(path)
        rate_hz, n_samples, width, labels, types = isolated(_header, path)
    except RtemoError:
        raise
    except Exception as error:
        raise unreadable(path, error, "as an EEGEyeNet recording") from error
    if width != len(labels):
        raise RtemoError(f"{path} names {len(labels)} channels", f"its data have {width}")
    eyes = {label.upper(): column for column, label in enumerate(labels) if types[column].upper() == "EYE"}
    eeg = tuple(column for column in range(width) if types[column].upper() != "EYE")
    sides = [tuple(eyes.get(f"{side}-{what}", -1) for what in ("GAZE-X", "GAZE-Y", "AREA")) for side in "LR"]
    gaze = next((columns for columns in sides if -1 not in columns), ())
    return SynchronisedFile(path, rate_hz, n_samples, labels, eeg, gaze)


def _read(run: SynchronisedFile, columns: tuple[int, ...], n: int) -> Iterator[NDArray[np.floating]]:
    """Blocks of n rows. The files are read in a process of its own, which some damaged ones take with them."""
    with reading(run.path):
        if not h5py.is_hdf5(run.path):
            yield from slices(isolated(_v5_rows, run.path, columns), n)
            return
        at_once = max(1, round(_READ_AT_ONCE_S * run.rate_hz / n)) * n
        for start in range(0, run.n_samples, at_once):
            yield from slices(isolated(_hdf5_rows, run.path, columns, start, start + at_once), n)


def _v5_rows(path: Path, columns: tuple[int, ...]) -> NDArray[np.floating]:
    return np.ascontiguousarray(np.asarray(_v5_struct(path).data[list(columns)], dtype=np.float32).T)


def _hdf5_rows(path: Path, columns: tuple[int, ...], start: int, stop: int) -> NDArray[np.floating]:
    with h5py.File(path, "r") as file:
        return np.asarray(file[_struct_name(list(file))]["data"][start:stop][:, list(columns)])


Header = tuple[float, int, int, tuple[str, ...], tuple[str, ...]]  # rate, samples, channels, labels, types


def _header(path: Path) -> Header:
    return _hdf5_header(path) if h5py.is_hdf5(path) else _v5_header(path)


def _v5_struct(path: Path) -> Any:
    content = loadmat(str(path), variable_names=list(_STRUCTS), squeeze_me=True, struct_as_record=False)
    return content[_struct_name(list(content))]


def _v5_header(path: Path) -> Header:
    struct = _v5_struct(path)
    locations = np.atleast_1d(struct.chanlocs)
    width, n_samples = struct.data.shape
    labels, types = (tuple(_text(getattr(place, name)) for place in locations) for name in ("labels", "type"))
    return float(struct.srate), n_samples, width, labels, types


def _text(value: Any) -> str:
    """MATLAB's empty char comes as an empty array."""
    return str(value).strip() if np.size(value) else ""


def _hdf5_header(path: Path) -> Header:
    with h5py.File(path, "r") as file:
        struct = file[_struct_name(list(file))]
        n_samples, width = struct["data"].shape  # MATLAB's columns come first in HDF5
        labels = tuple(_hdf5_text(file[ref]) for ref in struct["chanlocs"]["labels"][()].ravel())
        types = tuple(_hdf5_text(file[ref]) for ref in struct["chanlocs"]["type"][()].ravel())
        return float(struct["srate"][()].ravel()[0]), n_samples, width, labels, types


def _hdf5_text(dataset: Any) -> str:
    """Characters as numbers; an empty char is marked by an attribute and holds its own size instead."""
    if dataset.attrs.get("MATLAB_empty", 0):
        return ""
    return "".join(chr(int(code)) for code in dataset[()].ravel()).strip()


def _struct_name(names: Sequence[str]) -> str:
    found = [name for name in _STRUCTS if name in names]
    if not found:
        raise KeyError(f"neither EEG nor sEEG among {[name for name in names if name[0] not in '_#']}")
    return found[0]
