"""Folds that are done, on disk, so that an interrupted fit goes on. No pickle."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from offline.export.session_outputs import NetworkOutputs
from offline.fit.held_out_outputs import FoldTask, HeldOut, hold_out
from offline.splits import CrossFold
from rtemo.core.errors import RtemoError
from rtemo.core.records import Reader
from rtemo.model.embeddings import HEADS
from rtemo.model.uncertainty.novelty import Familiar

_PLAIN: Mapping[str, Any] = {
    "group": int,
    "chosen": Mapping[str, float],
    "seconds": float,
    "recordings": tuple[int, ...],
    "familiar": tuple[tuple[str, ...], ...],
}


@dataclass(frozen=True, slots=True)
class KeptFolds:
    """Does a fold unless it is in the folder. key: what its outputs depend on besides the fold."""

    folder: Path
    key: str

    def __call__(self, task: FoldTask, fold: CrossFold) -> HeldOut:
        name = hashlib.sha256(f"{self.key} {fold.split.name}".encode()).hexdigest()[:16]
        path = self.folder / f"{name}.npz"
        if path.exists():
            return _read(path, task)
        done = hold_out(task, fold)
        _write(path, task, done)
        return done


def _write(path: Path, task: FoldTask, done: HeldOut) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = {shard.about.id: number for number, shard in enumerate(task.table.shards)}
    arrays: dict[str, NDArray[Any]] = {}
    for i, (session, mine) in enumerate(zip(done.sessions, done.mine, strict=True)):
        arrays |= {f"{i}|mine": mine}
        arrays |= {f"{i}|logits|{head}": session.logits[head] for head in HEADS}
        arrays |= {f"{i}|z|{head}": session.z[head] for head in HEADS}
        arrays |= {f"{i}|rating|{rating}|{name}": values for (rating, name), values in session.ratings.items()}
        for name, near in session.familiar.items():
            arrays |= {f"{i}|mean|{name}": near.mean, f"{i}|precision|{name}": near.precision}
    plain = {
        "group": done.group,
        "chosen": dict(done.chosen),
        "seconds": done.seconds,
        "recordings": [numbers[session.shard.about.id] for session in done.sessions],
        "familiar": [list(session.familiar) for session in done.sessions],
    }
    partial = path.with_name(f".{path.stem}.partial.npz")
    np.savez_compressed(partial, **arrays, plain=np.array(json.dumps(plain)), allow_pickle=False)
    partial.replace(path)


def _read(path: Path, task: FoldTask) -> HeldOut:
    reader = Reader(f"the fold {path}", "remove it; the fold is then done again")
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        plain = reader.table(_PLAIN, reader.json(str(arrays["plain"])))
        sessions = tuple(_session(arrays, task, i, *pair) for i, pair in enumerate(_pairs(plain)))
        mine = tuple(arrays[f"{i}|mine"] for i in range(len(sessions)))
    except (OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile) as error:
        raise RtemoError(f"{path} cannot be read", str(error), reader.todo) from error
    return HeldOut(plain["group"], sessions, mine, plain["chosen"], plain["seconds"])


def _pairs(plain: Mapping[str, Any]) -> list[tuple[int, tuple[str, ...]]]:
    return list(zip(plain["recordings"], plain["familiar"], strict=True))


def _session(
    arrays: Mapping[str, NDArray[Any]], task: FoldTask, i: int, number: int, near: tuple[str, ...]
) -> NetworkOutputs:
    return NetworkOutputs(
        shard=task.table.shards[number],
        z={head: arrays[f"{i}|z|{head}"] for head in HEADS},
        logits={head: arrays[f"{i}|logits|{head}"] for head in HEADS},
        passes=dict(task.passes[number]),
        ratings={_rating(key): values for key, values in arrays.items() if key.startswith(f"{i}|rating|")},
        familiar={name: Familiar(arrays[f"{i}|mean|{name}"], arrays[f"{i}|precision|{name}"]) for name in near},
    )


def _rating(key: str) -> tuple[str, str]:
    """Rating and combination of an array's name; a rating may have any name."""
    rating, _, name = key.split("|", 2)[2].rpartition("|")
    return rating, name
