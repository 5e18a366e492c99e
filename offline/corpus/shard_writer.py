"""Write one recording of a corpus window by window, a few in memory at a time; shards.py describes the format."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from offline.corpus.shards import ABOUT, RECORDINGS, ROW, UNLABELLED, ShardMetadata
from offline.corpus.summary import Summary
from rtemo.core.types import Window

_BATCH = 64  # windows that are buffered until they are written


class ShardWriter:
    """Writes windows as they come, a few in memory at a time. Leaving the context without `finish` leaves nothing."""

    def __init__(self, corpus: Path, about: ShardMetadata) -> None:
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

    def count(self, names: Sequence[str], numbers: Sequence[int]) -> None:
        """Counts beside those of the windows."""
        self._counts |= zip(names, numbers, strict=True)

    def append(self, name: str, values: NDArray[Any]) -> None:
        """Rows of an optional array, which has nothing to do with the windows; part of the recording's hash."""
        self._append(name, values)

    def finish(self, **more: Any) -> ShardMetadata:
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
        """Write the number of rows into the header. Does nothing the second time."""
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
    corpus: Path, about: ShardMetadata, windows: Sequence[Window], labels: Sequence[int], trials: Sequence[int]
) -> ShardMetadata:
    """Write one recording that is in memory and return what it is, with its counts and content hash."""
    with ShardWriter(corpus, about) as writer:
        for one in zip(windows, labels, trials, strict=True):
            writer.add(*one)
        return writer.finish()


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
