"""Writes the electrode positions that rtemo opens (assets/montages/*.csv) from the montages that MNE ships.

Every table is projected onto the unit sphere around a sphere fitted to its own electrodes; x right, y front, z up.
rtemo itself never imports MNE. Run again with `python -m offline.make_assets.montages` when a table is to be added.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import mne
import numpy as np
from numpy.typing import NDArray

from rtemo import resources

TEN_FIVE = ("colin27_1005", "standard_1005")  # the same table: MNE 1.13 renamed it
OLD_NAMES = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
REFERENCES = {"A1", "A2", "M1", "M2"}
# SEED's cap has two electrodes that are no 10-05 names. The position file published with the group's own feature
# extractor (MAET, channel_62_pos.locs) has PO7, CB1 and O1 on one ring at -135, -150 and -165 degrees: CB1 lies
# midway between PO7 and O1, CB2 midway between PO8 and O2.
MIDWAY = {"CB1": ("PO7", "O1"), "CB2": ("PO8", "O2")}
EGI_NETS = {32: "GSN-HydroCel-32", 64: "GSN-HydroCel-65_1.0", 128: "GSN-HydroCel-129", 256: "GSN-HydroCel-257"}
BIOSEMI_NAMED = (16, 32, 64)  # A1.. and B1.. are 10-20 names there, in the order of MNE's table
BIOSEMI_ABC = (128, 160, 256)

Row = tuple[str, str, NDArray[np.float64]]


def fit_sphere(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Centre and radius of the sphere with the least algebraic error through (n, 3) points."""
    design = np.column_stack([2 * points, np.ones(len(points))])
    solution = np.linalg.lstsq(design, (points**2).sum(axis=1), rcond=None)[0]
    centre = solution[:3]
    return centre, float(np.sqrt(solution[3] + centre @ centre))


def directions(montage: str) -> dict[str, NDArray[np.float64]]:
    """Label -> unit vector from the centre of the sphere fitted to this montage of MNE."""
    found = mne.channels.make_standard_montage(montage).get_positions()["ch_pos"]
    points = np.array([np.asarray(point, float) for point in found.values()])
    offsets = points - fit_sphere(points)[0]
    return dict(zip(found, offsets / np.linalg.norm(offsets, axis=1, keepdims=True), strict=True))


def ten_five() -> list[Row]:
    """The 10-05 names with the old names as aliases, and SEED's CB1 and CB2."""
    known = set(mne.channels.get_builtin_montages())
    placed = directions(next(name for name in TEN_FIVE if name in known))
    easycap = directions("easycap-M1")
    placed |= {name: easycap[name] for name in ("O9", "O10")}
    for name, (one, other) in MIDWAY.items():
        placed[name] = (placed[one] + placed[other]) / np.linalg.norm(placed[one] + placed[other])
    return [(label, OLD_NAMES.get(label, label), at) for label, at in placed.items() if label not in REFERENCES]


def egi(size: int) -> list[Row]:
    """E1..En of a HydroCel net; its vertex electrode answers to Cz and to E(n+1)."""
    placed = directions(EGI_NETS[size])
    rows = [(label, label, at) for label, at in placed.items()]
    return [*rows, (f"E{size + 1}", "Cz", placed["Cz"])]


def biosemi(size: int, names: Mapping[str, NDArray[np.float64]]) -> list[Row]:
    """The amplifier's own labels (A1, A2, ... B1 ...). Small caps are 10-20 caps, large ones have only these labels."""
    if size in BIOSEMI_NAMED:
        order = mne.channels.make_standard_montage(f"biosemi{size}").ch_names
        own = [f"{'AB'[index // 32]}{index % 32 + 1}" for index in range(size)]
        return [(label, name, names[name]) for label, name in zip(own, order, strict=True)]
    return [(label, label, at) for label, at in directions(f"biosemi{size}").items()]


def write(path: Path, rows: Sequence[Row]) -> None:
    """One table as CSV: label, electrode name, x, y, z with five digits."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["label", "name", "x", "y", "z"])
        writer.writerows([label, name, *(f"{value + 0.0:.5f}" for value in at)] for label, name, at in rows)


def write_all(folder: Path) -> list[Path]:
    """Writes every table into the folder and returns their paths."""
    mne.set_log_level("ERROR")
    named = ten_five()
    positions = {label: at for label, _, at in named}
    tables = {"10-05": named}
    tables |= {f"egi-{size}": egi(size) for size in EGI_NETS}
    tables |= {f"biosemi-{size}": biosemi(size, positions) for size in (*BIOSEMI_NAMED, *BIOSEMI_ABC)}
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        write(folder / f"{name}.csv", rows)
    return [folder / f"{name}.csv" for name in tables]


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes every table."""
    parser = argparse.ArgumentParser(description="write the electrode position tables from MNE's montages")
    parser.add_argument("--out", type=Path, default=None, help="folder (default: assets/montages)")
    given = parser.parse_args(arguments)
    for path in write_all(given.out or resources.assets() / "montages"):
        sys.stderr.write(f"{path.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
