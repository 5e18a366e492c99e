"""Training state on disk. Written in one step; read without running any code from it."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch

from rtemo.core.errors import RtemoError
from rtemo.core.records import shown

FORMAT = 3


def save_checkpoint(path: Path, kind: str, state: dict[str, Any]) -> None:
    """state: tensors, numbers, texts, lists and dictionaries of them. kind: what wrote it.

    Raises RtemoError where it cannot be written (a full disk); what was there before stays as it was.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save({"format": FORMAT, "kind": kind, **state}, partial)
        partial.replace(path)
    except (OSError, RuntimeError) as error:  # torch's writer raises RuntimeError where the disk is full
        partial.unlink(missing_ok=True)
        raise RtemoError(
            f"{path} cannot be written", _first_line(error), "make room, then go on with --resume"
        ) from error


def load_checkpoint(path: Path, *kinds: str) -> dict[str, Any]:
    """Tensors come to the CPU. Raises RtemoError where the file is none of these kinds, or where it holds anything but
    plain values.
    """
    if not path.is_file():
        raise RtemoError(f"{path} is no checkpoint", "there is no such file", "name the file that training wrote")
    try:
        with zipfile.ZipFile(path):  # what torch.save writes; anything else would reach an older reader
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of any kind: torch takes its own archives for whole
        raise RtemoError(f"{path} cannot be read as a checkpoint", _first_line(error), "train again") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise RtemoError(f"{path} is no checkpoint of this version", "its format does not fit", "train again")
    if state.get("kind") not in kinds:
        wanted, kind = " or ".join(kinds), shown(state.get("kind")).strip("'")
        raise RtemoError(f"{path} was written by {kind}", f"wanted: {wanted}", f"name a file of {wanted}")
    return state


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
