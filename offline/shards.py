"""One recording of a corpus on disk: written window by window, read memory-mapped.

    about.json        subject, session, channels, counts, what was dropped, source files, hashes
    eeg (W, F, C, B) float16     eeg_mask (W, F, C)     eye, eye_raw (W, E) float32     eye_valid (W, E)
    positions (C, 3)  rows (W,) of ROW
    signal (S, C) float16, signal_runs (m, 2): optional, see signals.py
    class_label (m,), class_power, class_frames (m, C, B), power_histogram (B, bins): see summary.py

A recording is one shard: its channels are the same throughout, and its windows are in order of time. Its folder appears
in one step, so whatever is there is whole. Normalised EEG is kept as float16: its values lie within +-6 and the
rounding (at most 0.002) is far below one window's spread; measured in offline/README.md.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from offline.summary import Summary
from rtemo.core.errors import RtemoError
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
_BATCH = 64  # windows that are held until they are written


@dataclass(frozen=True, slots=True)
class About:
    """What one recording is. key: hash of all that it was made from; content: hash of its arrays.

    clips: trial number -> stimulus. dropped: what was left out and why, the kind first. files: source file -> SHA-256.
    baseline: what set the normaliser. counts: windows in all, labelled, with EEG, with eye features.
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

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> About:
        """Strict: every name and no other."""
        names = {one.name for one in fields(cls)}
        if set(data) != names:
            found = f"unknown {sorted(set(data) - names)}, missing {sorted(names - set(data))}"
            raise RtemoError("a recording's description does not fit", found, "build the corpus again")
        values: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in data.items()}
        return cls(**values)


class Shard:
    """One recording's arrays, opened when they are first read."""

    def __init__(self, folder: Path, about: About) -> None:
        self.folder, self.about = folder, about

    def array(self, name: str) -> NDArray[Any]:
        """One of the optional arrays, such as those of signals.py."""
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


class ShardWriter:
    """Writes windows as they come, a few in memory at a time. Leaving the context without `finish` leaves nothing."""

    def __init__(self, corpus: Path, about: About) -> None:
        self._folder = corpus / RECORDINGS / about.id
        self._partial = self._folder.with_name(f".{about.id}.partial")
        self._about = about
        self._waiting: list[tuple[Window, int, int]] = []
        self._files: dict[str, _GrowingArray] = {}
        self._summary: Summary | None = None
        self._positions: NDArray[np.float32] = np.zeros((0, 3), np.float32)
        self._counts = dict.fromkeys(("windows", "labelled", "eeg", "eye"), 0)

    def __enter__(self) -> Self:
        shutil.rmtree(self._partial, ignore_errors=True)
        self._partial.mkdir(parents=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()
        shutil.rmtree(self._partial, ignore_errors=True)

    @property
    def n_windows(self) -> int:
        return self._counts["windows"] + len(self._waiting)

    def add(self, window: Window, label: int, trial: int) -> None:
        """One more window. label and trial are UNLABELLED where there is none."""
        self._waiting.append((window, label, trial))
        if len(self._waiting) == _BATCH:
            self._write()

    def append(self, name: str, values: NDArray[Any]) -> None:
        """Rows of an optional array, which has nothing to do with the windows; part of the recording's hash."""
        self._append(name, values)

    def finish(self, **more: Any) -> About:
        """Let the recording appear. more: what is only known now, such as dropped and channels. At least one window."""
        self._write()
        arrays: dict[str, NDArray[Any]] = {"positions": self._positions}
        if self._summary is not None:
            arrays |= self._summary.arrays()
        for name, values in arrays.items():
            self._append(name, values)
        for file in self._files.values():
            file.close()
        digests = [f"{name} {self._files[name].digest.hexdigest()}" for name in sorted(self._files)]
        content = hashlib.sha256("\n".join(digests).encode()).hexdigest()
        counts = dict(self._counts)
        done = replace(self._about, n_windows=counts["windows"], counts=counts, content=content, **more)
        (self._partial / ABOUT).write_text(json.dumps(done.to_dict(), indent=1), encoding="utf-8")
        shutil.rmtree(self._folder, ignore_errors=True)
        self._partial.rename(self._folder)
        return done

    def _write(self) -> None:
        if not self._waiting:
            return
        windows, labels, trials = zip(*self._waiting, strict=True)
        self._waiting = []
        arrays = _arrays(windows, labels, trials)
        for name, values in arrays.items():
            self._append(name, values)
        if self._summary is None:
            self._positions = windows[0].positions
            self._summary = Summary(*windows[0].eeg_power.shape[1:])
        self._summary.add(np.stack([window.eeg_power[-1] for window in windows]), np.array(labels))
        rows = arrays["rows"]
        self._counts["windows"] += len(rows)
        self._counts["labelled"] += int(np.count_nonzero(rows["label"] != UNLABELLED))
        self._counts["eeg"] += int(np.count_nonzero(rows["eeg_coverage"] > 0))
        self._counts["eye"] += int(np.count_nonzero(rows["gaze_coverage"] > 0))

    def _append(self, name: str, values: NDArray[Any]) -> None:
        if name not in self._files:
            self._files[name] = _GrowingArray(self._partial / f"{name}.npy", values.dtype, values.shape[1:])
        self._files[name].append(values)


class _GrowingArray:
    """An .npy file that grows along its first axis. NumPy's header keeps room for that axis's length."""

    def __init__(self, path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        self.digest = hashlib.sha256(repr((npy.dtype_to_descr(dtype), shape)).encode())
        self._dtype, self._shape, self._n = dtype, shape, 0
        self._file = path.open("wb")
        self._write_header()
        self._begin = self._file.tell()

    def append(self, values: NDArray[Any]) -> None:
        content = np.ascontiguousarray(values, dtype=self._dtype)
        if content.shape[1:] != self._shape:
            raise ValueError(f"windows of one recording differ in shape: {content.shape[1:]}, {self._shape}")
        self._file.write(content.data if content.size else b"")
        self.digest.update(content.data if content.size else b"")
        self._n += len(content)

    def close(self) -> None:
        """Say how many there are. Does nothing the second time."""
        if self._file.closed:
            return
        self._file.seek(0)
        self._write_header()
        assert self._file.tell() == self._begin
        self._file.close()

    def _write_header(self) -> None:
        shape = (self._n, *self._shape)
        header = {"descr": npy.dtype_to_descr(self._dtype), "fortran_order": False, "shape": shape}
        npy.write_array_header_1_0(self._file, header)


def write_recording(
    corpus: Path, about: About, windows: Sequence[Window], labels: Sequence[int], trials: Sequence[int]
) -> About:
    """Write one recording that is in memory and return what it is, with its counts and content hash."""
    with ShardWriter(corpus, about) as writer:
        for one in zip(windows, labels, trials, strict=True):
            writer.add(*one)
        return writer.finish()


def read_recording(corpus: Path, identifier: str, key: str) -> About | None:
    """What an earlier run wrote for this recording, if it was made from the same; else None."""
    path = corpus / RECORDINGS / identifier / ABOUT
    if not path.is_file():
        return None
    try:
        about = About.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RtemoError):
        return None  # another version's: it is built again
    return about if about.key == key else None


def _arrays(windows: Sequence[Window], labels: Sequence[int], trials: Sequence[int]) -> dict[str, NDArray[Any]]:
    rows = np.zeros(len(windows), ROW)
    for i, window in enumerate(windows):
        rows[i] = (window.end_s, labels[i], trials[i], window.eeg_coverage, window.gaze_coverage, window.settled)
    return {
        "eeg": np.stack([window.eeg for window in windows]).astype(np.float16),
        "eeg_mask": np.stack([window.eeg_mask for window in windows]),
        "eye": np.stack([window.eye for window in windows]),
        "eye_raw": np.stack([window.eye_raw for window in windows]),
        "eye_valid": np.stack([window.eye_valid for window in windows]),
        "rows": rows,
    }
