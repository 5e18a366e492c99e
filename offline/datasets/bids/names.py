"""BIDS file names and the inheritance of side-cars: which metadata apply to a data file."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtemo.core.errors import RtemoError


@dataclass(frozen=True, slots=True)
class BidsName:
    """sub-01_ses-02_task-rest_eeg.vhdr: entities {sub: 01, ses: 02, task: rest}, suffix eeg, ending .vhdr."""

    entities: Mapping[str, str]
    suffix: str
    ending: str


def parse_name(path: Path) -> BidsName:
    """Entities keep the order of the name. Parts without a dash before the suffix are ignored."""
    stem, dot, ending = path.name.partition(".")
    *parts, suffix = stem.split("_")
    pairs = (part.split("-", 1) for part in parts if "-" in part)
    return BidsName(dict(pairs), suffix, dot + ending)


def side_cars(root: Path, data: Path, suffix: str, ending: str, but: tuple[str, ...] = ()) -> list[Path]:
    """The files of this suffix and ending that apply to a data file, from the root down, the most specific last.

    A file applies if it lies in a folder on the way to the data and all its entities (but those in `but`) are the
    data's own.
    """
    ours = parse_name(data).entities
    found: list[tuple[int, int, Path]] = []
    folders = [folder for folder in (data.parent, *data.parent.parents) if folder == root or root in folder.parents]
    for folder in folders:
        for path in folder.glob(f"*{suffix}{ending}"):
            name = parse_name(path)
            theirs = {key: value for key, value in name.entities.items() if key not in but}
            if name.suffix == suffix and name.ending == ending and theirs.items() <= ours.items():
                found.append((len(folder.parts), len(theirs), path))
    return [path for _, _, path in sorted(found)]


def metadata(root: Path, data: Path, suffix: str) -> dict[str, Any]:
    """The merged JSON side-cars; what is nearer to the data wins."""
    merged: dict[str, Any] = {}
    for path in side_cars(root, data, suffix, ".json"):
        merged |= read_json(path)
    return merged


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; RtemoError where it is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise RtemoError(f"{path} cannot be read", str(error), "it should hold a JSON object") from error
    if not isinstance(content, dict):
        raise RtemoError(f"{path} holds no JSON object", f"found a {type(content).__name__}")
    return content


def table(root: Path, data: Path, suffix: str, but: tuple[str, ...] = ()) -> list[dict[str, str]]:
    """The rows of the most specific TSV that applies; none where there is none."""
    paths = side_cars(root, data, suffix, ".tsv", but)
    if not paths:
        return []
    try:
        with paths[-1].open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE, restval="n/a"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RtemoError(f"{paths[-1]} cannot be read", str(error)) from error


def number(text: str | None) -> float | None:
    """A TSV cell as a number; None for n/a and everything else that is none."""
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
