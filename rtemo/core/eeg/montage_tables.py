"""The electrode positions that rtemo knows: the CSV files of assets/montages, read once and kept."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from rtemo import resources
from rtemo.core.eeg.electrode_names import canonical_key
from rtemo.core.errors import RtemoError


@dataclass(frozen=True, slots=True)
class ElectrodeTable:
    """One table of positions: canonical key -> electrode name, electrode name -> unit vector."""

    names: Mapping[str, str]
    positions: Mapping[str, tuple[float, float, float]]


@cache
def table(name: str) -> ElectrodeTable:
    """A table of assets/montages by its name: "10-05", "egi-128", "biosemi-64", ... Read once."""
    path = resources.assets() / "montages" / f"{name}.csv"
    if not path.is_file():
        raise RtemoError(f"the montage table {name!r} is missing", f"looked for {path}", "install rtemo again")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    positions = {row["name"]: (float(row["x"]), float(row["y"]), float(row["z"])) for row in rows}
    return ElectrodeTable({canonical_key(row["label"]): row["name"] for row in rows}, positions)
