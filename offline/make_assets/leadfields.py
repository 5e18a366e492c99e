"""Computes the lead fields of the simulated heads (assets/leadfields/*.npz) with MNE, once. rtemo only opens them.

Two families, so that a model is not tested on its own simulator: other radii and conductivities, other dipoles.
A lead field is electrodes x dipoles, in uV per nAm, for potentials against infinity. Electrodes are the unit-sphere
positions of assets/montages (CB1 and CB2 by the rule written in offline/make_assets/montages.py), scaled to the head's
radius. Run with `python -m offline.make_assets.leadfields` when the electrode tables or the heads change.
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np
from numpy.typing import NDArray

from rtemo import resources

TABLES = ("10-05", "egi-128")
GOLDEN_ANGLE = np.pi * (3.0 - np.sqrt(5.0))
LOWEST_Z = -0.42  # of the unit sphere: the cortex ends about at the level of T9 and the orbits
V_PER_AM_TO_UV_PER_NAM = 1e-3


@dataclass(frozen=True, slots=True)
class HeadModel:
    """A four-shell sphere (brain, cerebrospinal fluid, skull, scalp) and how its dipoles are laid out."""

    radius_m: float
    relative_radii: tuple[float, float, float, float]
    sigmas_s_m: tuple[float, float, float, float]
    n_dipoles: int
    depth: tuple[float, float]  # of the dipoles, as shares of the head's radius
    tilt: float  # size of the random vector that is added to the radial unit vector
    seed: int


# The first head is MNE's default sphere. The second has a thicker, better conducting skull (brain to skull 1:25
# instead of 1:82), within the range that in-vivo estimates span, and deeper, more tangential sources.
HEADS = {
    "default": HeadModel(0.095, (0.90, 0.92, 0.97, 1.0), (0.33, 1.0, 0.004, 0.33), 320, (0.74, 0.85), 0.5, 1),
    "held-out": HeadModel(0.090, (0.87, 0.89, 0.96, 1.0), (0.33, 1.79, 0.013, 0.43), 320, (0.68, 0.82), 0.8, 2),
}


def electrodes() -> dict[str, NDArray[np.float64]]:
    """Label -> unit vector, x right, y front, z up; every label of the tables, the first table first."""
    placed: dict[str, NDArray[np.float64]] = {}
    for table in TABLES:
        with (resources.assets() / "montages" / f"{table}.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                at = np.array([float(row["x"]), float(row["y"]), float(row["z"])])
                placed.setdefault(row["label"], at / np.linalg.norm(at))
    return placed


def dipoles(head: HeadModel) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit directions and unit orientations, (S, 3) each: a Fibonacci lattice over the cortical shell.

    Gyri are radial, sulci tangential: orientations are the radial vector plus a random one.
    """
    rng = np.random.default_rng(head.seed)
    z = 1.0 - (1.0 - LOWEST_Z) * (np.arange(head.n_dipoles) + 0.5) / head.n_dipoles
    angle = GOLDEN_ANGLE * np.arange(head.n_dipoles) + rng.uniform(0, 2 * np.pi)
    ring = np.sqrt(1.0 - z**2)
    at = np.column_stack([ring * np.cos(angle), ring * np.sin(angle), z])
    towards = at + head.tilt * rng.standard_normal(at.shape)
    return at, towards / np.linalg.norm(towards, axis=1, keepdims=True)


def lead_field(
    head: HeadModel,
    places: NDArray[np.float64],
    orientations: NDArray[np.float64],
    sensors: dict[str, NDArray[np.float64]],
) -> NDArray[np.float32]:
    """(electrodes, dipoles) in uV/nAm; places are the dipoles' positions in metres."""
    info = mne.create_info(list(sensors), 1000.0, "eeg")
    positions = {label: head.radius_m * at for label, at in sensors.items()}
    info.set_montage(mne.channels.make_dig_montage(positions, coord_frame="head"))
    sphere = mne.make_sphere_model((0.0, 0.0, 0.0), head.radius_m, None, head.relative_radii, head.sigmas_s_m)
    space = mne.setup_volume_source_space(
        pos={"rr": places, "nn": orientations}, sphere=sphere, sphere_units="m", mindist=0.0
    )
    forward = mne.make_forward_solution(info, trans=None, src=space, bem=sphere, meg=False, mindist=0.0)
    found: NDArray[np.float64] = forward["sol"]["data"].reshape(len(sensors), -1, 3)
    if found.shape[1] != len(places):
        raise SystemExit(f"MNE kept {found.shape[1]} of {len(places)} dipoles: they must lie inside the brain's shell")
    gain = np.einsum("csk,sk->cs", found, orientations)
    scaled: NDArray[np.float32] = (V_PER_AM_TO_UV_PER_NAM * gain).astype(np.float32)
    return scaled


def write(folder: Path, name: str) -> Path:
    """One family's file: labels, electrodes (E, 3), dipoles (S, 3), radius_mm, gain (E, S)."""
    head, sensors = HEADS[name], electrodes()
    at, orientations = dipoles(head)
    depth = np.random.default_rng(head.seed + 100).uniform(*head.depth, size=(len(at), 1))
    gain = lead_field(head, head.radius_m * depth * at, orientations, sensors)
    path = folder / f"{name}.npz"
    np.savez_compressed(
        path,
        labels=np.array(list(sensors)),
        electrodes=np.array(list(sensors.values()), dtype=np.float32),
        dipoles=at.astype(np.float32),
        radius_mm=np.float32(1000 * head.radius_m),
        gain=gain,
    )
    return path


def main() -> int:
    """Write every family's lead field."""
    parser = argparse.ArgumentParser(prog="python -m offline.make_assets.leadfields", description=__doc__)
    parser.add_argument("--out", type=Path, default=resources.assets() / "leadfields", help="folder to write into")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    mne.set_log_level("ERROR")
    for name in HEADS:
        path = write(folder, name)
        sys.stderr.write(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
