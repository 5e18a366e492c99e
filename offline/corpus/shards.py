"""One recording of a corpus on disk, read memory-mapped; shard_writer.py writes it.

    about.json        subject, session, channels, counts, what was dropped, source files, hashes
    eeg (W, F, C, B) float16     eeg_mask (W, F, C)     eye, eye_raw (W, E) float32     eye_valid (W, E)
    positions (C, 3)  rows (W,) of ROW
    signal (S, C) float16, signal_runs (m, 2): optional, see eeg_signal.py
    class_label (m,), class_power, class_frames (m, C, B), power_histogram (B, bins): see summary.py

A recording is one shard: its channels are the same throughout, and its windows are in order of time. Its folder appears
in one step, so whatever is there is whole. Normalised EEG is kept as float16: its values lie within +-6 and the
rounding (at most 0.002) is far below one window's spread; measured in offline/README.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from offline.corpus.summary import Summary
from rtemo.core.errors import RtemoError
from rtemo.core.records import Reader
from rtemo.core.types import Window

ABOUT, RECORDINGS = "about.json", "recordings"
UNLABELLED = -1
ROW = np.dtype(
    [
        ("end_s", np.float64),
        ("label", np.int16),  # UNLABELLED outside trials and where a trial has no label
        ("trial", np.int32),  # UNLABELLED outside trials
        ("eeg_coverage", np.float32),
        ("gaze_coverage", np.float32),
        ("settled", np.bool_),
    ]
)
ARRAYS = ("eeg", "eeg_mask", "eye", "eye_raw", "eye_valid", "positions", "rows")


@dataclass(frozen=True, slots=True)
class ShardMetadata:
    """What one recording is. key: hash of all that it was made from; content: hash of its arrays.

    clips: trial number -> stimulus. targets: trial number -> other published values, such as ratings. dropped: what was
    left out and why, the kind first. files: source file -> SHA-256. baseline: what set the normaliser. counts: windows
    in all, labelled, with EEG, with eye features; rows that were read, used and left out (row_names).
    """

    id: str
    subject: str
    session: str
    dataset: str
    key: str
    channels: tuple[str, ...]
    n_windows: int
    clips: Mapping[str, str]
    dropped: tuple[str, ...]
    content: str
    notes: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    baseline: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    targets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ShardMetadata:
        """Strict: every name and no other, but for those that older corpora lack."""
        return _READER.read(cls, {**LATER_FIELDS, **data} if isinstance(data, Mapping) else data)


LATER_FIELDS: Mapping[str, Any] = {"targets": {}}  # that older corpora lack, and what stands for them


_READER = Reader("a recording's description", "build the corpus again", complete=True)


class Shard:
    """One recording's arrays, opened when they are first read."""

    def __init__(self, folder: Path, about: ShardMetadata) -> None:
        self.folder, self.about = folder, about

    def __getstate__(self) -> dict[str, Any]:
        """Without what was read: another process reads it from the same folder."""
        return {name: value for name, value in self.__dict__.items() if name not in (*ARRAYS, "summary")}

    def array(self, name: str) -> NDArray[Any]:
        """One of the optional arrays, such as those of eeg_signal.py."""
        return self._open(name)

    def _open(self, name: str) -> NDArray[Any]:
        path = self.folder / f"{name}.npy"
        try:
            return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        except (OSError, ValueError) as error:
            raise RtemoError(f"{path} cannot be read", str(error), "build the corpus again") from error

    @cached_property
    def eeg(self) -> NDArray[np.float16]:
        return self._open("eeg")

    @cached_property
    def eeg_mask(self) -> NDArray[np.bool_]:
        return self._open("eeg_mask")

    @cached_property
    def eye(self) -> NDArray[np.float32]:
        return self._open("eye")

    @cached_property
    def eye_raw(self) -> NDArray[np.float32]:
        """Before normalisation, NaN where not valid; in the units of the core's schema, or of the release."""
        return self._open("eye_raw")

    @cached_property
    def eye_valid(self) -> NDArray[np.bool_]:
        return self._open("eye_valid")

    @cached_property
    def positions(self) -> NDArray[np.float32]:
        return self._open("positions")

    @cached_property
    def rows(self) -> NDArray[Any]:
        return np.array(self._open("rows"))

    @cached_property
    def summary(self) -> Summary:
        """The raw EEG features, of which only this is kept."""
        return Summary.of({name: np.array(self._open(name)) for name in Summary.ARRAYS})

    @property
    def seen_as(self) -> tuple[str, ...]:
        """The same for two that show a network the same."""
        return (str(self.folder),)

    @property
    def labelled(self) -> NDArray[np.int64]:
        """Indices of the windows that lie in a labelled trial."""
        return np.flatnonzero(self.rows["label"] != UNLABELLED)

    def window(self, i: int) -> Window:
        """Window i as the pipeline gave it, but for raw EEG power, which is not kept, and the float16 rounding."""
        eeg, row = self.eeg[i].astype(np.float32), self.rows[i]
        return Window(
            end_s=float(row["end_s"]),
            eeg=eeg,
            eeg_power=np.full_like(eeg, np.nan),
            eeg_mask=np.array(self.eeg_mask[i]),
            eye=np.array(self.eye[i]),
            eye_raw=np.array(self.eye_raw[i]),
            eye_valid=np.array(self.eye_valid[i]),
            positions=np.array(self.positions),
            channels=self.about.channels,
            eeg_coverage=float(row["eeg_coverage"]),
            gaze_coverage=float(row["gaze_coverage"]),
            settled=bool(row["settled"]),
        )


_OF_ROWS = ("read", "used", "left out")


def row_names(kind: str) -> tuple[str, ...]:
    """What rows of a kind, such as events, are called in `counts`: read, used and left out."""
    return tuple(f"{kind} rows {what}" for what in _OF_ROWS)


def row_counts(counts: Mapping[str, int]) -> list[tuple[str, int, int, int]]:
    """Each kind of rows in `counts`: how many were read, used and left out. The rest is what nobody asked for."""
    kinds = [name.removesuffix(" rows read") for name in counts if name.endswith(" rows read")]
    found = [(kind, [counts.get(name, 0) for name in row_names(kind)]) for kind in kinds]
    return [(kind, read, used, lost) for kind, (read, used, lost) in found]


def read_recording(corpus: Path, identifier: str, key: str) -> ShardMetadata | None:
    """What an earlier run wrote for this recording, if it was made from the same; else None."""
    path = corpus / RECORDINGS / identifier / ABOUT
    if not path.is_file():
        return None
    try:
        about = ShardMetadata.from_dict(_READER.json_file(path))
    except RtemoError:
        return None  # another version's: it is built again
    return about if about.key == key else None
