"""The corpus: windows of many people on disk, memory-mapped, with a manifest that says what they are.

    manifest.json                 written last: a folder without it is no corpus
    recordings/<id>/about.json    subject, session, channels, counts, what was dropped, hashes
    recordings/<id>/*.npy         eeg (W, F, C, B) float16, eeg_mask (W, F, C), eye (W, E), eye_valid (W, E),
                                  positions (C, 3), rows (W,) of ROW

One recording is one shard: its channels are the same throughout, and its windows are in order of time. A recording's
folder appears in one step, so a killed build goes on where it stopped. Normalised EEG is kept as float16: its values
lie within +-6, so the rounding (at most 0.002) is far below the spread of one window's log-power.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError
from rtemo.core.types import Window

FORMAT = 1
MANIFEST, ABOUT, RECORDINGS = "manifest.json", "about.json", "recordings"
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
ARRAYS = ("eeg", "eeg_mask", "eye", "eye_valid", "positions", "rows")


@dataclass(frozen=True, slots=True)
class About:
    """What one recording is. key: hash of all that it was made from; content: hash of its arrays.

    clips: trial number -> stimulus. dropped: reason -> count, or the reason alone.
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


class Shard:
    """One recording's arrays, opened when they are first read."""

    def __init__(self, folder: Path, about: About) -> None:
        self.folder, self.about = folder, about

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
    def eye_valid(self) -> NDArray[np.bool_]:
        return self._open("eye_valid")

    @cached_property
    def positions(self) -> NDArray[np.float32]:
        return self._open("positions")

    @cached_property
    def rows(self) -> NDArray[Any]:
        return np.array(self._open("rows"))

    @property
    def labelled(self) -> NDArray[np.int64]:
        """Indices of the windows that lie in a labelled trial."""
        return np.flatnonzero(self.rows["label"] != UNLABELLED)

    def window(self, i: int) -> Window:
        """Window i as the pipeline gave it, but for raw values, which are not kept, and the float16 rounding."""
        eeg, row = self.eeg[i].astype(np.float32), self.rows[i]
        return Window(
            end_s=float(row["end_s"]),
            eeg=eeg,
            eeg_power=np.full_like(eeg, np.nan),
            eeg_mask=np.array(self.eeg_mask[i]),
            eye=np.array(self.eye[i]),
            eye_raw=np.full_like(self.eye[i], np.nan),
            eye_valid=np.array(self.eye_valid[i]),
            positions=np.array(self.positions),
            channels=self.about.channels,
            eeg_coverage=float(row["eeg_coverage"]),
            gaze_coverage=float(row["gaze_coverage"]),
            settled=bool(row["settled"]),
        )


@dataclass(frozen=True, slots=True)
class Corpus:
    """An open corpus. pipeline: the settings that made every window. labels: names of the label codes."""

    path: Path
    name: str
    pipeline: Mapping[str, Any]
    labels: tuple[str, ...]
    description: Mapping[str, Any]
    shards: tuple[Shard, ...]
    fingerprint: str

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(sorted({shard.about.subject for shard in self.shards}))

    def of(self, subjects: Sequence[str]) -> tuple[Shard, ...]:
        """The recordings of these people."""
        wanted = set(subjects)
        return tuple(shard for shard in self.shards if shard.about.subject in wanted)

    def __iter__(self) -> Iterator[Shard]:
        return iter(self.shards)


def open_corpus(path: Path) -> Corpus:
    """Raises RtemoError where the folder is no complete corpus of this format."""
    if not (path / MANIFEST).is_file():
        raise RtemoError(f"{path} is no corpus", f"{MANIFEST} is missing", "build it; a killed build goes on")
    manifest = _read(path / MANIFEST)
    if manifest.get("format") != FORMAT:
        raise RtemoError(f"{path} is of another format", f"{manifest.get('format')!r}, not {FORMAT}", "build it again")
    shards = tuple(Shard(path / RECORDINGS / one["id"], _about(one)) for one in manifest["recordings"])
    missing = [s.about.id for s in shards for name in ARRAYS if not (s.folder / f"{name}.npy").is_file()]
    if missing:
        raise RtemoError(f"{path} is not complete", f"{missing[0]} lacks arrays", "build it again")
    return Corpus(
        path=path,
        name=manifest["name"],
        pipeline=manifest["pipeline"],
        labels=tuple(manifest["labels"]),
        description=manifest["description"],
        shards=shards,
        fingerprint=manifest["fingerprint"],
    )


def write_recording(
    corpus: Path, about: About, windows: Sequence[Window], labels: Sequence[int], trials: Sequence[int]
) -> About:
    """Write one recording's folder in one step and return what it is, with its counts and content hash."""
    folder = corpus / RECORDINGS / about.id
    partial = folder.with_name(f".{about.id}.partial")
    for leftover in (partial, folder):
        if leftover.exists():
            shutil.rmtree(leftover)
    partial.mkdir(parents=True)
    arrays = _arrays(windows, labels, trials)
    content = hashlib.sha256()
    for name in ARRAYS:
        np.save(partial / f"{name}.npy", arrays[name], allow_pickle=False)
        content.update(arrays[name].tobytes())
    done = replace(about, n_windows=len(windows), content=content.hexdigest())
    (partial / ABOUT).write_text(json.dumps(_plain(done), indent=1), encoding="utf-8")
    partial.rename(folder)
    return done


def read_recording(corpus: Path, identifier: str, key: str) -> About | None:
    """What an earlier run wrote for this recording, if it was made from the same; else None."""
    path = corpus / RECORDINGS / identifier / ABOUT
    if not path.is_file():
        return None
    about = _about(_read(path))
    return about if about.key == key else None


def write_manifest(
    corpus: Path,
    name: str,
    pipeline: Mapping[str, Any],
    labels: Sequence[str],
    description: Mapping[str, Any],
    recordings: Sequence[About],
) -> None:
    """Make the folder a corpus. Raises RtemoError where there is not one window."""
    if not any(about.n_windows for about in recordings):
        raise RtemoError("the corpus would be empty", f"{len(recordings)} recordings, no window", "look at the reasons")
    document = {
        "format": FORMAT,
        "name": name,
        "labels": list(labels),
        "pipeline": dict(pipeline),
        "description": dict(description),
        "recordings": [_plain(about) for about in recordings if about.n_windows],
    }
    canonical = json.dumps(document, sort_keys=True).encode()
    document["fingerprint"] = hashlib.sha256(canonical).hexdigest()
    partial = corpus / f".{MANIFEST}.partial"
    partial.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
    partial.replace(corpus / MANIFEST)


def _arrays(windows: Sequence[Window], labels: Sequence[int], trials: Sequence[int]) -> dict[str, NDArray[Any]]:
    rows = np.zeros(len(windows), ROW)
    for i, window in enumerate(windows):
        row = (window.end_s, labels[i], trials[i], window.eeg_coverage, window.gaze_coverage, window.settled)
        rows[i] = row
    return {
        "eeg": np.stack([window.eeg for window in windows]).astype(np.float16),
        "eeg_mask": np.stack([window.eeg_mask for window in windows]),
        "eye": np.stack([window.eye for window in windows]),
        "eye_valid": np.stack([window.eye_valid for window in windows]),
        "positions": windows[0].positions,
        "rows": rows,
    }


def _plain(about: About) -> dict[str, Any]:
    return {**asdict(about), "channels": list(about.channels), "dropped": list(about.dropped)}


def _about(data: Mapping[str, Any]) -> About:
    return About(**{**data, "channels": tuple(data["channels"]), "dropped": tuple(data["dropped"])})


def _read(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RtemoError(f"{path} cannot be read", str(error), "build the corpus again") from error
    return document
