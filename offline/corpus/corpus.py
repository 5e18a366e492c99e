"""The corpus: windows of many people on disk, memory-mapped, with a manifest that says what they are.

    manifest.json                 written last: a folder without it is no corpus
    recordings/<id>/              one recording each, see shards.py

description holds at least `people`, `sources` and `baseline`; build.py writes it.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os.path import isfile  # unlike Path.is_file: False for a name that no system takes
from pathlib import Path
from typing import Any

import numpy as np

import rtemo
from offline.corpus.shard_writer import write_recording
from offline.corpus.shards import (
    ARRAYS,
    LATER_FIELDS,
    RECORDINGS,
    ROW,
    UNLABELLED,
    Shard,
    ShardMetadata,
    read_recording,
)
from offline.corpus.summary import Summary
from offline.datasets.feature_sources import FeatureSources
from rtemo.core.errors import RtemoError
from rtemo.core.records import Reader, shown

__all__ = [
    "MANIFEST",
    "ROW",
    "UNLABELLED",
    "Corpus",
    "Shard",
    "ShardMetadata",
    "open_corpus",
    "read_recording",
    "write_manifest",
    "write_recording",
]  # fmt: skip

FORMAT = 2
MANIFEST = "manifest.json"


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

    @property
    def sources(self) -> FeatureSources:
        """Where each modality's features come from. RtemoError where the corpus does not say."""
        found = self.description.get("sources")
        return FeatureSources.from_dict(found if isinstance(found, Mapping) else {})

    @property
    def said(self) -> str:
        """In words: which layout, how many people, and whether anybody was recorded."""
        people = str(self.description.get("people", "people"))  # "simulated people", or what the data set is called
        return f"{self.name}: {len(self.subjects)} {people if people.endswith('people') else 'people'}"

    def of(self, subjects: Sequence[str]) -> tuple[Shard, ...]:
        """The recordings of these people."""
        wanted = set(subjects)
        return tuple(shard for shard in self.shards if shard.about.subject in wanted)

    def __iter__(self) -> Iterator[Shard]:
        return iter(self.shards)


@dataclass(frozen=True, slots=True)
class _Manifest:
    format: int
    name: str
    labels: tuple[str, ...]
    pipeline: Mapping[str, Any]
    description: Mapping[str, Any]
    recordings: tuple[ShardMetadata, ...]
    fingerprint: str
    made_with: Mapping[str, str]


def open_corpus(path: Path) -> Corpus:
    """Raises RtemoError where the folder is no complete corpus of this format."""
    if not (path / MANIFEST).is_file():
        raise RtemoError(f"{path} is no corpus", f"{MANIFEST} is missing", "build it; a killed build goes on")
    reader = Reader(f"the manifest {path / MANIFEST}", "build the corpus again", complete=True)
    document = reader.json_file(path / MANIFEST)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else document
        raise RtemoError(f"{path} is of another format", f"{shown(found)}, not {FORMAT}", "build it again")
    manifest = reader.read(_Manifest, _with_later_fields(document))
    shards = tuple(Shard(path / RECORDINGS / one.id, one) for one in manifest.recordings)
    names = (*ARRAYS, *Summary.ARRAYS)
    missing = [s.about.id for s in shards for name in names if not isfile(s.folder / f"{name}.npy")]  # noqa: PTH113 - see the import
    if missing:
        raise RtemoError(f"{path} is not complete", f"{missing[0]} lacks arrays"[:200], "build it again")
    return Corpus(
        path=path,
        name=manifest.name,
        pipeline=manifest.pipeline,
        labels=manifest.labels,
        description=manifest.description,
        shards=shards,
        fingerprint=manifest.fingerprint,
    )


def _with_later_fields(document: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest of an older version with the fields of recordings that it lacks."""
    recordings = document.get("recordings")
    if not isinstance(recordings, list):
        return dict(document)
    filled = [{**LATER_FIELDS, **one} if isinstance(one, dict) else one for one in recordings]
    return {**document, "recordings": filled}


def write_manifest(
    corpus: Path,
    name: str,
    pipeline: Mapping[str, Any],
    labels: Sequence[str],
    description: Mapping[str, Any],
    recordings: Sequence[ShardMetadata],
) -> None:
    """Make the folder a corpus, in one step. Raises RtemoError where there is not one window."""
    if not any(about.n_windows for about in recordings):
        raise RtemoError("the corpus would be empty", f"{len(recordings)} recordings, no window", "look at the reasons")
    document = {
        "format": FORMAT,
        "name": name,
        "labels": list(labels),
        "pipeline": dict(pipeline),
        "description": dict(description),
        "recordings": [about.to_dict() for about in recordings if about.n_windows],
    }
    canonical = json.dumps(document, sort_keys=True).encode()
    document["fingerprint"] = hashlib.sha256(canonical).hexdigest()
    document["made_with"] = {"rtemo": rtemo.__version__, "python": platform.python_version(), "numpy": np.__version__}
    partial = corpus / f".{MANIFEST}.partial"
    with partial.open("w", encoding="utf-8") as file:
        json.dump(document, file, indent=1, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(corpus / MANIFEST)
