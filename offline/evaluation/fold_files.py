"""A fold's outcome on disk, in one .npz without pickle that appears in one step."""

from __future__ import annotations

import json
import zipfile
from dataclasses import fields
from pathlib import Path

import numpy as np

from offline.evaluation.folds import Answers, FoldOutcome
from rtemo.core.errors import RtemoError

_TEXTS = ("subject", "session")
_PLAIN = ("name", "auroc", "promised", "counts", "temperature", "seconds")


def write_outcome(path: Path, outcome: FoldOutcome) -> None:
    """Makes the folder where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    named = {"main": outcome.main, **{f"other {name}": answers for name, answers in outcome.others.items()}}
    arrays = {}
    for name, answers in named.items():
        for field in fields(Answers):
            value = getattr(answers, field.name)
            arrays[f"{name}|{field.name}"] = value.astype(str) if field.name in _TEXTS else value
    plain = json.dumps({name: getattr(outcome, name) for name in _PLAIN})
    partial = path.with_name(f".{path.stem}.partial.npz")
    np.savez_compressed(partial, **arrays, plain=np.array(plain), allow_pickle=False)
    partial.replace(path)


def read_outcome(path: Path) -> FoldOutcome:
    """Raises RtemoError where the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise RtemoError(f"{path} cannot be read", str(error), "remove it; the fold is then run again") from error
    names = sorted({key.split("|")[0] for key in arrays if "|" in key})
    answers = {name: Answers(**{f.name: arrays[f"{name}|{f.name}"] for f in fields(Answers)}) for name in names}
    others = {name.removeprefix("other "): value for name, value in answers.items() if name != "main"}
    return FoldOutcome(main=answers["main"], others=others, **json.loads(str(arrays["plain"])))
