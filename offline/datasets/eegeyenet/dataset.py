"""EEGEyeNet: 128 EGI channels and an EyeLink at 500 Hz, three gaze tasks, no emotions.

Read from the synchronised recordings (synchronised.py) where they are there, else from the prepared one-second epochs:

    [data/][prepared/]<task>_with_<dataset>_synchronised_<min|max>.npz
    EEG (N, 500, 129) in uV, 500 Hz; labels (N, 1 + k): subject number, then what was looked at

The epochs of a person are laid end to end in the order of the file. They were cut from different moments: the signal
jumps at every whole second, and no eye data came with them. The Hilbert variant is no signal and is not read.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from offline.datasets.base import (
    Dataset,
    DatasetCard,
    Entry,
    Omission,
    Recording,
    Segment,
    Stream,
    Trial,
    lay_out,
    natural_key,
    segment_chunks,
)
from offline.datasets.eegeyenet import synchronised as raw
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Modality, StreamInfo

RATE_HZ, EPOCH = 500.0, 500
LABELS = (*(f"E{number}" for number in range(1, 129)), "Cz")
CARD = DatasetCard(
    name="eegeyenet",
    title="EEGEyeNet",
    labels={},
    licence="see license.txt at osf.io/ktv7m",
    citation="Kastrati, Plomecka, Pascual, Wolf, Gillioz, Wattenhofer & Langer, EEGEyeNet, arXiv:2111.05100, 2021",
    url="https://osf.io/ktv7m",
    notes=(
        "the 800 x 600 pixels of the screen are published; its size (400 x 299 mm) and distance (680 mm) are not "
        "verified: degrees of visual angle depend on them",
        "both variants (min, max) were filtered over whole files by their authors",
    ),
)
TARGETS: Mapping[str, tuple[str, ...]] = {
    "LR_task": ("right",),
    "Direction_task": ("amplitude_px", "angle_rad"),
    "Position_task": ("x_px", "y_px"),
}
_NAME = re.compile(r"(LR_task|Direction_task|Position_task)_with_(.+)_synchroni[sz]ed_(min|max)(_hilbert)?")


def load(root: Path, mapping: Path | None = None) -> Dataset:
    """The data set under root: the folder with data/measured or the npz files."""
    if mapping is not None:
        raise RtemoError("eegeyenet takes no mapping file", str(mapping), "it has no labels; leave it out")
    runs, omissions = raw.scan(root)
    found = [path for folder in _folders(root) for path in sorted(folder.glob("*.npz"))]
    prepared = {path: name for path in found if (name := _NAME.fullmatch(path.stem))}
    if runs:
        entries = [
            Entry(subject, task, paths, partial(raw.recording, subject, task, paths))
            for (subject, task), paths in sorted(runs.items(), key=lambda item: (natural_key(item[0][0]), item[0][1]))
        ]
        omissions += [Omission("file", str(path), "the recordings that it was cut from are read") for path in prepared]
        return Dataset(CARD, tuple(entries), tuple(omissions))
    if not prepared:
        raise RtemoError(
            "no EEGEyeNet data was found",
            f"looked in {root} for measured/<task>_data/synchronised_min/<subject>/ and <task>_with_..._min.npz",
            "give the folder that holds data/measured or the prepared npz files",
        )
    entries = []
    for path, name in prepared.items():
        try:
            entries += _prepared_entries(path, name)
        except RtemoError as error:
            omissions.append(Omission("file", str(path), str(error)))
    entries.sort(key=lambda entry: (natural_key(entry.subject), entry.session))
    return Dataset(CARD, tuple(entries), tuple(omissions))


def _folders(root: Path) -> list[Path]:
    return [root, root / "prepared", root / "data", root / "data" / "prepared"]


@dataclass(frozen=True, slots=True)
class _Epochs:
    """One person's rows of one npz. begin: the byte where the rows of `EEG` begin in the file."""

    path: Path
    begin: int
    dtype: str
    n_rows: int
    rows: tuple[int, ...]
    targets: tuple[Mapping[str, float], ...]


def _prepared_entries(path: Path, match: re.Match[str]) -> list[Entry]:
    if match[4]:
        raise RtemoError(
            "these are Hilbert features", "not a signal", "use the file without _hilbert, or the recordings"
        )
    shape, begin, dtype = _rows_of(path, "EEG")
    labels = _labels(path)
    names = TARGETS[match[1]]
    if shape[1:] != (EPOCH, len(LABELS)) or labels.shape != (shape[0], 1 + len(names)):
        raise RtemoError("its arrays have other shapes", f"EEG {shape}, labels {labels.shape}")
    entries = []
    for number in np.unique(labels[:, 0]):
        rows = np.flatnonzero(labels[:, 0] == number)
        targets = tuple(dict(zip(names, map(float, row), strict=True)) for row in labels[rows, 1:])
        epochs = _Epochs(path, begin, dtype, shape[0], tuple(rows.tolist()), targets)
        subject, session = f"{match[2]}-{int(number)}", match[1].removesuffix("_task")
        entries.append(Entry(subject, session, (path,), partial(_prepared_recording, subject, session, epochs)))
    return entries


def _labels(path: Path) -> NDArray[np.float64]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return np.asarray(archive["labels"], dtype=np.float64)
    except Exception as error:
        raise RtemoError(f"{path} cannot be read", f"{type(error).__name__}: {error}", "copy it again") from error


def _rows_of(path: Path, member: str) -> tuple[tuple[int, ...], int, str]:
    """Shape, first byte and dtype of an array that lies uncompressed in an npz, so that rows can be read in place."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{member}.npy") as stream:
            info = archive.getinfo(f"{member}.npy")
            version = npy.read_magic(stream)
            header = npy.read_array_header_1_0(stream) if version == (1, 0) else npy.read_array_header_2_0(stream)
            inside = stream.tell()
    except Exception as error:
        raise RtemoError(f"{path} cannot be read", f"{type(error).__name__}: {error}", "copy it again") from error
    shape, fortran, dtype = header
    if info.compress_type != zipfile.ZIP_STORED or fortran or dtype.hasobject:
        raise RtemoError(f"{member} of {path} cannot be read in parts", "it is compressed or not in C order",
                         "save it again with numpy.savez")  # fmt: skip
    with path.open("rb") as file:
        file.seek(info.header_offset + 26)
        name, extra = (int.from_bytes(file.read(2), "little") for _ in range(2))
    return shape, info.header_offset + 30 + name + extra + inside, dtype.str


def _prepared_recording(subject: str, session: str, epochs: _Epochs) -> Recording:
    start_s = lay_out([0.0])[0]
    length_s = EPOCH / RATE_HZ
    info = StreamInfo("eeg", "EEG", "EEG", "float32", RATE_HZ, tuple(Channel(x, "EEG", "microvolts") for x in LABELS))
    segments = (Segment(start_s, RATE_HZ, partial(_blocks, epochs)),)
    return Recording(
        dataset=CARD.name,
        subject=subject,
        session=session,
        trials=tuple(
            Trial(n + 1, None, None, start_s + n * length_s, start_s + (n + 1) * length_s, targets)
            for n, targets in enumerate(epochs.targets)
        ),
        streams=(Stream(info, Modality.EEG, partial(segment_chunks, info.stream_id, segments)),),
        files=(epochs.path,),
        omissions=(Omission("gaze", f"eegeyenet {subject} {session}", "the prepared epochs hold no eye data"),),
        notes=(f"eegeyenet {subject} {session}: one-second epochs laid end to end, the signal jumps between them",),
    )


def _blocks(epochs: _Epochs, n: int) -> Iterator[NDArray[np.floating]]:
    shape = (epochs.n_rows, EPOCH, len(LABELS))
    stored = np.memmap(epochs.path, dtype=np.dtype(epochs.dtype), mode="r", offset=epochs.begin, shape=shape)
    kept = np.empty((0, len(LABELS)), dtype=np.float32)
    for row in epochs.rows:
        kept = np.concatenate([kept, stored[row].astype(np.float32)])
        while len(kept) >= n:
            yield kept[:n]
            kept = kept[n:]
    if len(kept):
        yield kept
