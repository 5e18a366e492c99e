"""Faults of the cap: it sits askew, or it is another one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.transform import Rotation

from offline.datasets.base import Stream
from offline.perturb.change import Change, Samples, edited, eeg_of
from rtemo.simulate.caps import spread
from rtemo.simulate.eeg.anatomy import atlas

HEAD_MM = 90.0  # radius of the scalp that a shift in mm is meant on
STIFFNESS, TERMS, RIDGE = 4, 50, 1e-5  # of the splines, as MNE has them
NOT_USED = "unused"


def shift(stream: Stream, severity: float, random: np.random.Generator) -> Change:
    """The cap turned by so many mm about a random axis; labels and positions are still those of a straight one.

    What the displaced electrodes would have picked up is estimated from all electrodes by spherical splines. With few
    electrodes the estimate is smooth: a small cap suffers less here than on a head.
    """
    layout = eeg_of(stream)
    axis = random.standard_normal(3)
    straight = layout.positions.astype(np.float64)
    turned = Rotation.from_rotvec(severity / HEAD_MM * axis / np.linalg.norm(axis)).apply(straight)
    matrix = spline_matrix(straight, turned) if severity else np.eye(len(turned))

    def edit(_stamps: NDArray[np.float64], eeg: Samples) -> Samples:
        lost = np.isnan(eeg)
        found: Samples = np.where(lost, np.nan, np.where(lost, 0.0, eeg) @ matrix.T)
        return found

    return edited(stream, layout, edit)


def spline_matrix(known: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """(W, C): potentials at unit vectors `wanted` from those at `known` (Perrin et al. 1989, equations 1 to 3)."""
    n = len(known)
    system = np.ones((n + 1, n + 1))
    system[:n, :n] = _legendre(known @ known.T) + RIDGE * np.eye(n)
    system[n, n] = 0.0
    rows = np.column_stack([_legendre(wanted @ known.T), np.ones(len(wanted))])
    matrix: NDArray[np.float64] = np.asarray(np.linalg.lstsq(system.T, rows.T, rcond=None)[0][:n].T, np.float64)
    return matrix


def _legendre(cosines: NDArray[np.float64]) -> NDArray[np.float64]:
    orders = np.arange(1, TERMS + 1)
    weights = (2 * orders + 1) / (orders * (orders + 1.0)) ** STIFFNESS / (4.0 * np.pi)
    found: NDArray[np.float64] = np.polynomial.legendre.legval(np.clip(cosines, -1.0, 1.0), [0.0, *weights])
    return found


def montage(stream: Stream, severity: float, random: np.random.Generator) -> Change:
    """The electrodes that lie nearest to a usual cap of so many; the others are no EEG any more. Nothing is random.

    A recording with no more electrodes than that stays as it is.
    """
    del random
    layout, wanted = eeg_of(stream), spread(round(severity))
    if len(layout.columns) <= len(wanted.electrodes):
        return Change(stream.info, lambda chunk: chunk)
    stored = atlas("default")
    places = stored.electrodes[[stored.rows[name.lower()] for name in wanted.electrodes]]
    _, nearest = linear_sum_assignment(-(places @ layout.positions.T))
    kept = {layout.columns[index] for index in nearest}
    types = {column: "EEG" if column in kept else NOT_USED for column in layout.columns}
    channels = tuple(
        replace(channel, type=types.get(column, channel.type or NOT_USED))
        for column, channel in enumerate(stream.info.channels)
    )
    return Change(replace(stream.info, channels=channels), lambda chunk: chunk)
