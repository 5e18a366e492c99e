"""The mark in a folder of simulated people. Apart from what writes them, which takes a second to load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from offline.datasets.base import Dataset
from rtemo.core.records import Reader

MARK = ".rtemo-simulated.json"  # in the folder, so that nobody takes simulated people for recorded ones


@dataclass(frozen=True, slots=True)
class Simulated:
    """The marker file in a folder of simulated people: how they were simulated."""

    made_of: Mapping[str, Any]

    def relabel(self, dataset: Dataset) -> Dataset:
        """The same data set, but with a card that states that nobody was recorded."""
        about = ", ".join(f"{name} {value}" for name, value in self.made_of.items())
        card = replace(
            dataset.card,
            title=f"simulated people in the layout of {dataset.card.title}",
            licence="none needed",
            citation="rtemo.simulate",
            url="",
            notes=(f"simulated: {about}", *dataset.card.notes),
        )
        return replace(dataset, card=card)


def simulated_as(root: Path) -> Simulated | None:
    """What was simulated into a folder; None for a folder that `synthesize` did not write."""
    path = root / MARK
    if not path.exists():
        return None
    reader = Reader(f"the mark {path}", "synthesize the folder again")
    return Simulated(reader.read(dict[str, Any], reader.json_file(path)))
