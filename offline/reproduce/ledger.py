"""Which stages of a comparison are done, and how long each took. A stage that is done is not done again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtemo.core.errors import RtemoError


@dataclass(frozen=True, slots=True)
class Stage:
    """One piece of work. group: what kind of work, for the table of costs. makes: the file or folder it ends with."""

    name: str
    group: str
    makes: Path
    work: Callable[[], object]


class Ledger:
    """A folder of small records, one a stage. Time of interrupted attempts counts towards a stage's cost."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(self, stage: Stage) -> bool:
        """Do the stage unless it is done. Returns whether there was anything to do. Raises what the work raises."""
        record = self._read(stage)
        if record["done"] and stage.makes.exists():
            return False
        began = time.monotonic()
        done = False
        try:
            stage.work()
            done = True
        finally:
            seconds = record["seconds"] + time.monotonic() - began
            self._write(stage, {"stage": stage.name, "group": stage.group, "seconds": seconds, "done": done})
        if not stage.makes.exists():
            raise RtemoError(f"{stage.name} did not make {stage.makes}", "", "report this")
        return True

    def costs(self) -> list[dict[str, Any]]:
        """Every record, by name."""
        return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(self._folder.glob("*.json"))]

    def _path(self, stage: Stage) -> Path:
        plain = "".join(c if c.isalnum() or c in "-+=." else "_" for c in f"{stage.group}_{stage.name}")
        return self._folder / f"{plain}.json"

    def _read(self, stage: Stage) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self._path(stage).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {"seconds": 0.0, "done": False}
        except ValueError as error:
            raise RtemoError(f"{self._path(stage)} cannot be read", str(error), "remove it") from error
        return found

    def _write(self, stage: Stage, record: Mapping[str, Any]) -> None:
        write_json(self._path(stage), record)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """In one step, so that an interruption leaves the old file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(path)


def hold_settings(path: Path, settings: Mapping[str, Any]) -> None:
    """Keep what a folder was begun with. RtemoError where it was begun with something else."""
    asked = json.loads(json.dumps(settings))
    if not path.exists():
        write_json(path, asked)
        return
    known = json.loads(path.read_text(encoding="utf-8"))
    if known != asked:
        changed = sorted(key for key in {*known, *asked} if known.get(key) != asked.get(key))
        found = f"{', '.join(changed)} differ from {path}"
        raise RtemoError(f"{path.parent} was begun with other settings", found, "use the same, or name another folder")
