"""Geometry on the head's unit sphere: named regions, neighbours, and directions from measured locations."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from rtemo import resources
from rtemo.core.eeg.electrode_names import canonical_key
from rtemo.core.errors import RtemoError
from rtemo.core.types import BoolArray, FloatArray

_LOBES = {
    "fp": "frontal", "af": "frontal", "f": "frontal", "fc": "central", "c": "central", "cp": "central",
    "ft": "temporal", "t": "temporal", "tp": "temporal", "p": "parietal", "po": "occipital", "o": "occipital",
    "i": "occipital",
}  # fmt: skip
_TEN_TEN = re.compile(r"(fp|af|f|fc|c|cp|ft|t|tp|p|po|o|i)(z|\d{1,2})")

_REACH = 1.6  # times the usual distance to the nearest electrode
_MAX_NEIGHBOUR_DEG = 60.0
_RADIUS_MM = (50.0, 130.0)
_SPHERE_POINTS = 10  # fewer points do not settle a centre: then it is the origin
_MAX_MISFIT_MM = 25.0
_MAX_TURN_DEG = 35.0  # electrodes that have both a name and a location must agree on average


def angles_deg(one: FloatArray, other: FloatArray) -> NDArray[np.float64]:
    """Angle between unit vectors, (n, 3) x (m, 3) -> (n, m) degrees."""
    cosine = np.clip(np.asarray(one, np.float64) @ np.asarray(other, np.float64).T, -1.0, 1.0)
    return np.degrees(np.arccos(cosine))


def regions(positions: FloatArray) -> tuple[str, ...]:
    """The region of each of (C, 3) unit vectors: that of the nearest electrode of the 10-10 system.

    "frontal-left", "central-midline", "temporal-right", ... Fp, AF, F are frontal; FC, C, CP central; FT, T, TP
    temporal; P parietal; PO, O, I occipital. Odd numbers are left, even ones right, z is the midline.
    """
    names, anchors = _anchors()
    nearest = angles_deg(positions, anchors).argmin(axis=1)
    return tuple(names[index] for index in nearest)


def neighbours(positions: FloatArray) -> BoolArray:
    """Which of (C, 3) unit vectors lie beside each other: symmetric (C, C), False on the diagonal.

    Beside means within 1.6 times the montage's median distance to the nearest electrode, and never beyond 60 degrees:
    dense and sparse caps both get the ring around each electrode.
    """
    apart = angles_deg(positions, positions)
    np.fill_diagonal(apart, np.inf)
    if len(apart) < 2:
        return np.zeros(apart.shape, bool)
    reach = min(_REACH * float(np.median(apart.min(axis=1))), _MAX_NEIGHBOUR_DEG)
    near: BoolArray = apart <= reach
    return near


def directions_of(
    locations_mm: Mapping[int, tuple[float, float, float]], named: Mapping[int, FloatArray]
) -> dict[int, FloatArray]:
    """Unit vectors of measured locations, or nothing where they are not plausible for a head in this frame.

    Plausible: finite, distinct, on a head of 50-130 mm around their fitted centre (metres and centimetres are
    recognised), misfit below 25 mm, and where a channel also has an electrode name, within 35 degrees of it on average.
    """
    columns = [column for column, point in locations_mm.items() if np.isfinite(point).all() and any(point)]
    points = np.array([locations_mm[column] for column in columns], np.float64).reshape(-1, 3)
    if len(np.unique(points, axis=0)) < max(len(points), 1):
        return {}
    offsets = points - _centre(points)
    radii = np.linalg.norm(offsets, axis=1)
    scale = next((factor for factor in (1.0, 10.0, 1000.0) if _fits_head(radii * factor)), None)
    if scale is None:
        return {}
    found = {column: (offset / radius).astype(np.float32) for column, offset, radius in
             zip(columns, offsets, radii, strict=True)}  # fmt: skip
    both = [column for column in columns if column in named]
    if both:
        turn = [angles_deg(found[column][None], named[column][None])[0, 0] for column in both]
        if np.mean(turn) > _MAX_TURN_DEG:
            return {}
    return found


def _fits_head(radii_mm: NDArray[np.float64]) -> bool:
    middle = float(np.median(radii_mm))
    spread = float(np.abs(radii_mm - middle).max())
    return _RADIUS_MM[0] <= middle <= _RADIUS_MM[1] and spread <= _MAX_MISFIT_MM


def _centre(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre of the least-squares sphere through the points; the origin where they are too few or too flat."""
    if len(points) < _SPHERE_POINTS:
        return np.zeros(3)
    design = np.column_stack([2 * points, np.ones(len(points))])
    if np.linalg.matrix_rank(design, tol=1e-6 * float(np.abs(design).max())) < design.shape[1]:
        return np.zeros(3)
    solution: NDArray[np.float64] = np.linalg.lstsq(design, (points**2).sum(axis=1), rcond=None)[0]
    return solution[:3]


@cache
def _anchors() -> tuple[tuple[str, ...], FloatArray]:
    names: list[str] = []
    places: list[tuple[float, float, float]] = []
    for name, position in table("10-05").positions.items():
        match = _TEN_TEN.fullmatch(name.casefold())
        if match is None:
            continue
        side = "midline" if match[2] == "z" else ("left" if int(match[2]) % 2 else "right")
        names.append(f"{_LOBES[match[1]]}-{side}")
        places.append(position)
    return tuple(names), np.array(places, np.float32)


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
