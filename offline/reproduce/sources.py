"""Which data sets are compared: simulated stand-ins in the real layouts, or the folders that a roots.toml names.

[downstream]                    # labelled; the emotions of new people are to be recognised here
dataset = "seed-iv"
root = "/data/SEED_IV"

[[unlabelled]]                  # one or more; labels that they have are not used
name = "gaze estimation"        # how tables and plots call it; left out: the data set's name
dataset = "eegeyenet"
root = "/data/EEGEyeNet"        # relative to the file
mapping = "bids_labels.toml"    # for bids and xdf, see offline/README.md; or preset = "faced", for a public data set
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from os.path import isdir  # unlike Path.is_dir: False for a name that no system takes
from pathlib import Path
from typing import Any

from offline import datasets
from offline.datasets.base import Dataset
from offline.datasets.presets import LOADER_OF, preset
from offline.simulated_datasets.mark import simulated_as
from rtemo.core.errors import RtemoError
from rtemo.core.records import Reader

_ANY = ("bids", "xdf")  # loaders of anybody's folders


@dataclass(frozen=True, slots=True)
class ComparedDataset:
    """One data set. name: in tables. root: its folder. people: at most so many; None: all.

    seed and family: of the simulated people; None for a recorded data set.
    """

    name: str
    dataset: str
    root: Path
    people: int | None
    mapping: Path | None = None
    seed: int | None = None
    family: str = "default"

    @property
    def made_here(self) -> bool:
        """Whether the comparison itself simulates these people."""
        return self.seed is not None

    @property
    def simulated(self) -> bool:
        """Whether nobody was recorded; a root may name a folder that `synthesize` wrote."""
        return self.made_here or simulated_as(self.root) is not None

    def count(self) -> int:
        """How many people there are."""
        return self.people if self.made_here and self.people else len({one.subject for one in self.load().entries})

    def load(self) -> Dataset:
        """The data set with the first `people` of its people."""
        whole, mark = datasets.load(self.dataset, self.root, self.mapping), simulated_as(self.root)
        whole = whole if mark is None else mark.relabel(whole)
        if whole.card.name in _ANY:  # people of two such folders must not have the same names
            whole = replace(whole, card=replace(whole.card, name=slug(self.name)))
        chosen = list(dict.fromkeys(entry.subject for entry in whole.entries))[: self.people]
        return replace(whole, entries=tuple(entry for entry in whole.entries if entry.subject in chosen))


def slug(name: str) -> str:
    """Letters, digits and dashes of a name, for files."""
    return "".join(c if c.isalnum() else "-" for c in name.lower()).strip("-")


@dataclass(frozen=True, slots=True)
class ComparedDatasets:
    """What learns and is tested, and what is pretrained on."""

    downstream: ComparedDataset
    unlabelled: tuple[ComparedDataset, ...]

    def __iter__(self) -> Any:
        return iter((self.downstream, *self.unlabelled))


# name, data set, published number of people; the downstream set first. The held-out family: see rtemo.simulate.
STAND_INS = (
    ("emotion, labelled", "seed-iv", 15),
    ("gaze estimation", "eegeyenet", 117),
    ("attention", "bids", 47),
    ("emotion, unlabelled", "seed-v", 16),
)
FIRST_SEED = 40  # of the simulated people: each data set has its own, so nobody is in two of them


def stand_ins(folder: Path, people: tuple[int | None, ...]) -> ComparedDatasets:
    """Simulated people. Those who are tested come from another generator family than those who are pretrained on."""
    made = [
        ComparedDataset(
            name=name,
            dataset=dataset,
            root=folder / dataset,
            people=published if wanted is None else min(wanted, published),
            seed=FIRST_SEED + number,
            family="default" if number else "held-out",
        )
        for number, ((name, dataset, published), wanted) in enumerate(zip(STAND_INS, people, strict=True))
    ]
    return ComparedDatasets(made[0], tuple(made[1:]))


def read_roots(path: Path, people: tuple[int | None, ...]) -> ComparedDatasets:
    """The data sets that a TOML file names. RtemoError says what is wrong with it; no folder is read yet."""
    todo = "write a [downstream] table and [[unlabelled]] tables"
    document = Reader(f"the file of roots {path}", todo).toml_file(path)
    listed = document.get("unlabelled")
    if set(document) != {"downstream", "unlabelled"} or not isinstance(listed, list) or not listed:
        todo = "write one [downstream] table and at least one [[unlabelled]] table"
        raise RtemoError(
            "the file of roots has another form", f"{path} holds {', '.join(document)[:200] or 'nothing'}", todo
        )
    limits = [*people, *[people[-1]] * len(listed)]
    tables = [("downstream", document["downstream"]), *((f"unlabelled {n}", t) for n, t in enumerate(listed, start=1))]
    made = [_source(table, where, path.parent, limits[n]) for n, (where, table) in enumerate(tables)]
    names = [source.name for source in made]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise RtemoError("two data sets have the same name", ", ".join(twice), 'give each a "name" of its own')
    return ComparedDatasets(made[0], tuple(made[1:]))


def _source(table: object, where: str, base: Path, people: int | None) -> ComparedDataset:
    if not isinstance(table, Mapping):
        raise RtemoError(f"{where} is no table", f"{table!r}"[:200], f"write [{where.split()[0]}]")
    allowed, needed = {"name", "dataset", "root", "mapping", "preset"}, {"dataset", "root"}
    if wrong := sorted({*(set(table) - allowed), *(needed - set(table))}):
        todo = 'give "dataset" and "root", and if you like "name" and "mapping" or "preset"'
        raise RtemoError(f"{where} has unknown or missing keys", ", ".join(wrong)[:200], todo)
    if texts := sorted(key for key, value in table.items() if not isinstance(value, str)):
        raise RtemoError(f"{where}: {texts[0]} is no text", f"{table[texts[0]]!r}"[:200], "put it in quotes")
    if table["dataset"] not in datasets.LOADERS:
        todo = f"use one of {', '.join(datasets.LOADERS)}"
        raise RtemoError(f"{where} names no known data set", f"{table['dataset']!r}"[:200], todo)
    root = (base / table["root"]).expanduser()
    if not isdir(root):  # noqa: PTH112 - see the import
        raise RtemoError(f"{where}: the root is no folder", f"{root}"[:200], "check the path")
    mapping = (base / table["mapping"]).expanduser() if "mapping" in table else None
    if "preset" in table:
        if mapping is not None or table["preset"] not in LOADER_OF:
            todo = f"give one of {', '.join(LOADER_OF)}, and no mapping"
            raise RtemoError(f"{where}: the preset cannot be used", repr(table["preset"]), todo)
        mapping = preset(table["preset"], table["dataset"])
    return ComparedDataset(table.get("name", table["dataset"]), table["dataset"], root, people, mapping)
