"""Training log: JSON lines always, TensorBoard on request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rtemo.core.errors import RtemoError
from rtemo.core.records import Reader


class TrainingLog:
    """One line of numbers a step, in a file that is cut back to where a resumed run goes on."""

    def __init__(self, path: Path, first_step: int, tensorboard: Path | None) -> None:
        reader = Reader(f"the log {path}", "move it away; it is begun anew")
        kept = [line for line in _lines(path) if _step(reader, line) < first_step]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        self._path, self._board = path, None if tensorboard is None else _board(tensorboard, first_step)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Raises RtemoError where the disk is full."""
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": step, **values}) + "\n")
        except OSError as error:
            todo = "make room, then go on with --resume"
            raise RtemoError(f"{self._path} cannot be written", str(error), todo) from error
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def close(self) -> None:
        if self._board is not None:
            self._board.close()


def _step(reader: Reader, line: str) -> int:
    values = reader.value(dict[str, Any], reader.json(line))
    return int(reader.value(int, values.get("step"), "step"))


def _lines(path: Path) -> list[str]:
    """Whole lines only: a killed run may leave half a one."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return text[: text.rfind("\n") + 1].splitlines()


def _board(folder: Path, first_step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise RtemoError("TensorBoard is not installed", str(error), 'pip install "rtemo[tensorboard]"') from error
    return SummaryWriter(str(folder), purge_step=first_step)
