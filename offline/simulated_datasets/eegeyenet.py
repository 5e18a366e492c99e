"""Writes EEGEyeNet's layouts: synchronised recordings as MATLAB v5 or v7.3 (HDF5), and prepared one-second epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat

from offline.datasets.eegeyenet.dataset import EPOCH, LABELS, RATE_HZ, TARGETS
from offline.datasets.eegeyenet.synchronised import TASKS
from rtemo.core.errors import RtemoError

EYE_LABELS = ("TIME", "L-GAZE-X", "L-GAZE-Y", "L-AREA")
_FILES = {"antisaccade": "oip_{:0>3.3}_AS", "dots": "{:.4}_DOTS{}", "processing_speed": "{:0>3.3}_WI2"}
_STRUCT = {"antisaccade": "EEG", "dots": "sEEG", "processing_speed": "sEEG"}
_USERBLOCK = 512


@dataclass(frozen=True, slots=True)
class EyeEvent:
    """One row of EEG.event. latency counts samples from 1; positions in pixels; NaN where a field means nothing."""

    type: str
    latency: float
    duration: float = 0.0
    endtime: float = np.nan
    sac_amplitude: float = np.nan
    sac_startpos_x: float = np.nan
    sac_startpos_y: float = np.nan
    sac_endpos_x: float = np.nan
    sac_endpos_y: float = np.nan
    fix_avgpos_x: float = np.nan
    fix_avgpos_y: float = np.nan


def write_v5(
    root: Path, task: str, subject: str, run: int, samples: NDArray[np.floating], events: Sequence[EyeEvent] = ()
) -> Path:
    """samples: (T, 133) at 500 Hz: 129 EEG in uV, TIME in ms, gaze x and y in pixels, pupil area."""
    path = _path(root, task, subject, run, samples)
    struct = {
        "setname": f"{subject} {task}",
        "nbchan": float(samples.shape[1]),
        "trials": 1.0,
        "pnts": float(len(samples)),
        "srate": RATE_HZ,
        "data": np.asarray(samples, dtype=np.float64).T,
        "chanlocs": _struct_array({"labels": [*LABELS, *EYE_LABELS], "type": _types()}),
        "event": _struct_array({f.name: [getattr(event, f.name) for event in events] for f in fields(EyeEvent)}),
    }
    savemat(str(path), {_STRUCT[task]: struct}, format="5", oned_as="row")
    return path


def write_hdf5(
    root: Path, task: str, subject: str, run: int, samples: NDArray[np.floating], events: Sequence[EyeEvent] = ()
) -> Path:
    """The same as write_v5, as MATLAB v7.3 saves it."""
    path = _path(root, task, subject, run, samples)
    with h5py.File(path, "w", userblock_size=_USERBLOCK) as file:
        references = file.create_group("#refs#")
        struct = file.create_group(_STRUCT[task])
        struct.attrs["MATLAB_class"] = np.bytes_(b"struct")
        struct["srate"] = np.array([[RATE_HZ]])
        struct["data"] = np.asarray(samples, dtype=np.float64)
        _hdf5_struct_array(struct, references, "chanlocs", {"labels": [*LABELS, *EYE_LABELS], "type": _types()})
        rows = {f.name: [getattr(event, f.name) for event in events] for f in fields(EyeEvent)}
        _hdf5_struct_array(struct, references, "event", rows)
    text = b"MATLAB 7.3 MAT-file, Platform: simulated people".ljust(124)
    with path.open("r+b") as raw:
        raw.write(text + b"\x00\x02IM")
    return path


def write_prepared(
    root: Path, task: str, dataset: str, epochs: NDArray[np.floating], labels: NDArray[np.floating]
) -> Path:
    """epochs: (N, 500, 129) in uV; labels: (N, 1 + k), the subject's number and the task's targets."""
    if epochs.shape[1:] != (EPOCH, len(LABELS)) or labels.shape != (len(epochs), 1 + len(TARGETS[task])):
        raise RtemoError("the epochs or labels have other shapes", f"{epochs.shape} and {labels.shape}")
    root.mkdir(parents=True, exist_ok=True)
    path = root / f"{task}_with_{dataset}_synchronised_min.npz"
    np.savez(path, EEG=np.asarray(epochs, dtype=np.float64), labels=np.asarray(labels, dtype=np.float64))
    return path


def _path(root: Path, task: str, subject: str, run: int, samples: NDArray[np.floating]) -> Path:
    folder, pattern = TASKS[task]
    name = _FILES[task].format(subject, run) + "_EEG"
    if samples.ndim != 2 or samples.shape[1] != len(LABELS) + len(EYE_LABELS):
        raise RtemoError("an EEGEyeNet recording has 133 channels", f"got {samples.shape}")
    if not pattern.fullmatch(name):
        raise RtemoError(f"{subject!r} cannot be a subject of {task}", f"its file would be {name}.mat")
    path = root / "measured" / folder / "synchronised_min" / subject / f"{name}.mat"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _types() -> list[str]:
    return [""] * len(LABELS) + ["EYE"] * len(EYE_LABELS)


def _struct_array(columns: Mapping[str, Sequence[Any]]) -> NDArray[np.void]:
    """A 1 x n MATLAB struct array."""
    n = max((len(column) for column in columns.values()), default=0)
    array = np.zeros((1, n), dtype=[(name, object) for name in columns])
    for name, column in columns.items():
        for row, value in enumerate(column):
            array[name][0, row] = value if isinstance(value, str) else float(value)
    return array


def _hdf5_struct_array(parent: Any, references: Any, name: str, columns: Mapping[str, Sequence[str | float]]) -> None:
    group = parent.create_group(name)
    group.attrs["MATLAB_class"] = np.bytes_(b"struct")
    for field, column in columns.items():
        links = np.empty((len(column), 1), dtype=h5py.ref_dtype)
        for row, value in enumerate(column):
            links[row, 0] = _hdf5_value(references, value).ref
        group.create_dataset(field, data=links, dtype=h5py.ref_dtype)


def _hdf5_value(references: Any, value: str | float) -> Any:
    name = f"v{len(references)}"
    if not isinstance(value, str):
        return references.create_dataset(name, data=np.array([[float(value)]]))
    codes = np.array([[ord(char)] for char in value], dtype=np.uint16)
    dataset = references.create_dataset(name, data=codes if value else np.zeros(2, dtype=np.uint64))
    dataset.attrs["MATLAB_class"] = np.bytes_(b"char")
    if not value:
        dataset.attrs["MATLAB_empty"] = np.uint8(1)
    return dataset
