"""One file per data set; base.py holds the contract. A loader is imported when it is asked for: some need MNE."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rtemo.core.errors import RtemoError

if TYPE_CHECKING:
    from offline.datasets.base import Dataset

# NAME -> the module whose `load(root, mapping)` reads it.
LOADERS: Mapping[str, str] = {
    "seed-iv": "offline.datasets.seed.seed_iv",
    "seed-v": "offline.datasets.seed.seed_v",
    "seed-vii": "offline.datasets.seed.seed_vii",
    "seed": "offline.datasets.seed.seed",
    "eegeyenet": "offline.datasets.eegeyenet.dataset",
    "affec": "offline.datasets.affec",
    "bids": "offline.datasets.bids.dataset",
    "xdf": "offline.datasets.xdf",
}


def load(name: str, root: Path, mapping: Path | None = None) -> Dataset:
    """The data set NAME under root. mapping: for bids and xdf, see mapping.py. RtemoError where it is not there."""
    if name not in LOADERS:
        raise RtemoError(f"there is no data set {name!r}", f"known are {', '.join(LOADERS)}")
    if not root.is_dir():
        raise RtemoError(
            f"{root} is no folder", "" if not root.exists() else "it is a file", "give the data set's folder"
        )
    dataset: Dataset = importlib.import_module(LOADERS[name]).load(root, mapping)
    return dataset
