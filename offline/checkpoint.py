"""Training state on disk. Written in one step; read without running any code from it."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from rtemo.core.errors import RtemoError

FORMAT = 1


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """state: tensors, numbers, texts, lists and dictionaries of them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    torch.save({"format": FORMAT, **state}, partial)
    partial.replace(path)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Tensors come to the CPU. Raises RtemoError where the file is none, or holds anything but plain values."""
    if not path.is_file():
        raise RtemoError(f"{path} is no checkpoint", "there is no such file", "name the file that training wrote")
    if not zipfile.is_zipfile(path):  # what torch.save writes; anything else would reach an older reader
        raise RtemoError(f"{path} cannot be read as a checkpoint", "it is no archive", "train again")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RtemoError(f"{path} cannot be read as a checkpoint", reason, "train again") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise RtemoError(f"{path} is no checkpoint of this version", "its format does not fit", "train again")
    return state
