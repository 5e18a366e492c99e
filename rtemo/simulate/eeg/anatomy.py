"""Simulated heads: positions of electrodes, cortical dipoles, eyes and muscles, and the lead fields between them.

Lead fields were computed once with MNE (offline/make_assets/leadfields.py) for every electrode that rtemo can place; a
channel set is a choice of rows. Units: uV per nAm for cortex; eyes and
muscles relative to one electrode. x right,
y front, z up, origin in the centre of the head's sphere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rtemo import resources
from rtemo.core.errors import RtemoError
from rtemo.core.types import FloatArray
from rtemo.simulate.families import FAMILIES

# Infinite-medium corneo-retinal dipoles, a little deeper than the cornea so that the fall-off
# from Fp1 to Fpz, AF3 and Cz (about 10 %, Lins 1993) comes out right. Of a head with a radius of 95 mm.
EYES_MM = np.array([[-32.0, 75.0, -37.0], [32.0, 75.0, -37.0]])
EYES_RADIUS_MM = 95.0
BLINK_DIRECTION = np.array([0.0, 0.6, 0.8])  # the lid slides over the cornea: mostly along the optical axis and up
SPIKE_DIRECTION = np.array([0.0, -0.8, -0.6])  # extraocular muscles pull backwards: negative at the front

# Where a muscle's signal is strongest, and how many degrees it spreads over the scalp (one sigma). Empirical: facial
# and neck EMG falls to a tenth within some 5 cm.
MUSCLES = {
    "temporalis left": ((-0.93, 0.30, -0.20), 22.0),
    "temporalis right": ((0.93, 0.30, -0.20), 22.0),
    "frontalis left": ((-0.45, 0.88, -0.15), 18.0),
    "frontalis right": ((0.45, 0.88, -0.15), 18.0),
    "neck left": ((-0.45, -0.80, -0.40), 22.0),
    "neck right": ((0.45, -0.80, -0.40), 22.0),
    "zygomatic left": ((-0.72, 0.50, -0.48), 20.0),
    "zygomatic right": ((0.72, 0.50, -0.48), 20.0),
}
DEFAULT_REFERENCE = ("TP9", "TP10")  # where linked mastoids are, among the placed electrodes


@dataclass(frozen=True, slots=True)
class Atlas:
    """One family's stored head. E electrodes, S dipoles.

    labels: as stored. rows: lower-case label -> row. electrodes (E, 3) and dipoles (S, 3) are unit vectors.
    gain (E, S) uV/nAm.
    """

    family: str
    labels: tuple[str, ...]
    rows: Mapping[str, int]
    electrodes: FloatArray
    dipoles: FloatArray
    radius_mm: float
    gain: FloatArray


@dataclass(frozen=True, slots=True)
class SimulatedHead:
    """What C chosen channels see, against their reference.

    positions (C, 3) unit vectors; cortex (C, S) uV/nAm; eyes (C, 3): horizontal rotation (positive = gaze to the
    right; 1 at F8), vertical rotation (positive = gaze up; 1 at Fp1) and lid closure (1 at Fp1); spike (C,): 1 at Fp1
    in size, negative there; muscles (C, M): 1 at the muscle.
    """

    labels: tuple[str, ...]
    positions: FloatArray
    dipoles: FloatArray
    cortex: FloatArray
    eyes: FloatArray
    spike: FloatArray
    muscles: FloatArray


@lru_cache(maxsize=len(FAMILIES))
def atlas(family: str) -> Atlas:
    """The stored head of a family. RtemoError when there is none of that name."""
    if family not in FAMILIES:
        raise RtemoError("unknown family of simulated heads", f"{family!r}", f"choose one of {', '.join(FAMILIES)}")
    with np.load(resources.assets() / "leadfields" / f"{FAMILIES[family].head}.npz", allow_pickle=False) as stored:
        labels = tuple(str(label) for label in stored["labels"])
        return Atlas(
            family,
            labels,
            {label.lower(): row for row, label in enumerate(labels)},
            stored["electrodes"],
            stored["dipoles"],
            float(stored["radius_mm"]),
            stored["gain"],
        )


def head(family: str, electrodes: Sequence[str], reference: Sequence[str] = DEFAULT_REFERENCE) -> SimulatedHead:
    """The head as these electrodes see it, referred to the mean of the reference electrodes.

    Electrodes are 10-05 names (any case), CB1, CB2 or E1..E129. RtemoError names those that have no place.
    """
    stored = atlas(family)
    unknown = [name for name in (*electrodes, *reference) if name.lower() not in stored.rows]
    if unknown:
        raise RtemoError(
            "cannot simulate electrodes without a known place", ", ".join(unknown), "use 10-05 names or E1..E129"
        )
    rows = [stored.rows[name.lower()] for name in electrodes]
    against = [stored.rows[name.lower()] for name in reference]

    def referred(field: NDArray[np.floating]) -> FloatArray:
        return np.asarray(field[rows] - field[against].mean(axis=0), dtype=np.float32)

    return SimulatedHead(
        tuple(electrodes),
        stored.electrodes[rows],
        stored.dipoles,
        referred(stored.gain),
        referred(_eye_field(stored)),
        referred(_spike_field(stored)),
        referred(_muscle_field(stored)),
    )


def _dipole_pair(stored: Atlas, direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """(E,) potential of one dipole in each eye, in an infinite homogeneous medium, in arbitrary units."""
    eyes = EYES_MM * stored.radius_mm / EYES_RADIUS_MM
    away = stored.electrodes[:, None, :] * stored.radius_mm - eyes
    field: NDArray[np.float64] = ((away @ direction) / np.linalg.norm(away, axis=2) ** 3).sum(axis=1)
    return field


def _at(stored: Atlas, field: NDArray[np.float64], label: str) -> float:
    return float(abs(field[stored.rows[label]]))


def _eye_field(stored: Atlas) -> NDArray[np.float64]:
    """(E, 3) horizontal, vertical, blink."""
    right = _dipole_pair(stored, np.array([1.0, 0.0, 0.0]))
    up = _dipole_pair(stored, np.array([0.0, 0.0, 1.0]))
    lid = _dipole_pair(stored, BLINK_DIRECTION)
    return np.column_stack(
        [right / _at(stored, right, "f8"), up / _at(stored, up, "fp1"), lid / _at(stored, lid, "fp1")]
    )


def _spike_field(stored: Atlas) -> NDArray[np.float64]:
    field = _dipole_pair(stored, SPIKE_DIRECTION)
    return field / _at(stored, field, "fp1")


def _muscle_field(stored: Atlas) -> NDArray[np.float64]:
    """(E, M): a Gaussian of the angle between electrode and muscle."""
    columns = []
    for centre, spread_deg in MUSCLES.values():
        towards = np.asarray(centre) / np.linalg.norm(centre)
        angle = np.degrees(np.arccos(np.clip(stored.electrodes @ towards, -1.0, 1.0)))
        columns.append(np.exp(-0.5 * (angle / spread_deg) ** 2))
    return np.column_stack(columns)
