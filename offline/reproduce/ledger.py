"""Which stages of a comparison are done, and how long each took. A stage that is done is not done again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtemo.core.errors import RtemoError
from rtemo.core.records import Reader


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
        return [_record(path) for path in sorted(self._folder.glob("*.json"))]

    def _path(self, stage: Stage) -> Path:
        plain = "".join(c if c.isalnum() or c in "-+=." else "_" for c in f"{stage.group}_{stage.name}")
        return self._folder / f"{plain}.json"

    def _read(self, stage: Stage) -> dict[str, Any]:
        path = self._path(stage)
        return _record(path) if path.exists() else {"seconds": 0.0, "done": False}

    def _write(self, stage: Stage, record: Mapping[str, Any]) -> None:
        write_json(self._path(stage), record)


def _record(path: Path) -> dict[str, Any]:
    reader = Reader(f"the record {path}", "remove it; the stage is then done again")
    return reader.table({"stage": str, "group": str, "seconds": float, "done": bool}, reader.json_file(path))


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
    reader = Reader(f"the settings {path}", "name another folder")
    known = reader.value(dict[str, Any], reader.json_file(path))
    if known != asked:
        changed = sorted(key for key in {*known, *asked} if known.get(key) != asked.get(key))
        found = f"{', '.join(changed)} differ from {path}"
        raise RtemoError(f"{path.parent} was begun with other settings", found, "use the same, or name another folder")
