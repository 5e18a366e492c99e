"""BIDS file names and the inheritance of side-cars: which metadata files apply to a data file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


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


def entities_of(path: Path, but: tuple[str, ...] = ()) -> dict[str, str]:
    """The entities of a file's name, without those in `but`."""
    return {key: value for key, value in parse_name(path).entities.items() if key not in but}


def side_cars(root: Path, data: Path, suffix: str, ending: str, but: tuple[str, ...] = ()) -> list[Path]:
    """The files of this suffix and ending that apply to a data file, from the root down, the most specific last.

    A file applies if it lies in a folder on the way to the data and all its entities (but those in `but`) are the
    data's own. Where none does, those count whose names differ in the case of letters only, unless another data file
    has exactly that name.
    """
    ours = entities_of(data)
    near = list(_candidates(root, data, suffix, ending))
    found = [(depth, path) for depth, path in near if entities_of(path, but).items() <= ours.items()]
    if not found:
        folded, taken = _folded(ours), _other_names(data)
        found = [
            (depth, path)
            for depth, path in near
            if _folded(entities_of(path, but)).items() <= folded.items() and entities_of(path, but) not in taken
        ]
    return [path for _, path in sorted(found, key=lambda one: (one[0], len(entities_of(one[1], but)), one[1]))]


def same_case(path: Path, data: Path) -> bool:
    """Whether a side-car's entities are the data's to the letter."""
    ours = entities_of(data)
    return all(ours.get(key, value) == value for key, value in entities_of(path).items())


def _candidates(root: Path, data: Path, suffix: str, ending: str) -> Iterator[tuple[int, Path]]:
    folders = [folder for folder in (data.parent, *data.parent.parents) if folder == root or root in folder.parents]
    for folder in folders:
        for path in sorted(folder.glob(f"*{suffix}{ending}")):
            name = parse_name(path)
            if name.suffix == suffix and name.ending == ending:
                yield len(folder.parts), path


def _folded(entities: Mapping[str, str]) -> dict[str, str]:
    return {key.casefold(): value.casefold() for key, value in entities.items()}


def _other_names(data: Path) -> list[dict[str, str]]:
    """The entities of the other data files in the folder."""
    suffix = parse_name(data).suffix
    return [entities_of(path) for path in data.parent.glob(f"*_{suffix}.*") if entities_of(path) != entities_of(data)]
