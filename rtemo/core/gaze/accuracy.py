"""Accuracy and precision of an eye tracker on points whose place is known, in degrees of visual angle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtemo.core.channel_map import ViewGeometry
from rtemo.core.types import BoolArray

MIN_SAMPLES = 5  # valid ones, at a point; with fewer it says nothing


@dataclass(frozen=True, slots=True, eq=False)
class FixatedPoint:
    """A point and the gaze while it was looked at: (x, y) and (n, 2), canonical, NaN where invalid."""

    at: tuple[float, float]
    gaze: NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class GazeAccuracy:
    """accuracy_deg: mean distance of the mean gaze from its point. precision_deg: rms from sample to sample, mean over
    the points. valid: share of the samples. offsets_deg: of each point, right and down; NaN where nothing was seen. NaN
    where no point was seen.
    """

    accuracy_deg: float
    precision_deg: float
    valid: float
    offsets_deg: tuple[tuple[float, float], ...]


def gaze_accuracy(points: Sequence[FixatedPoint], view: ViewGeometry) -> GazeAccuracy:
    """Definitions as in Holmqvist et al., Eye Tracking (2011), chapter 2: accuracy, and precision as RMS-S2S."""
    offsets, distances, noises = [], [], []
    n_valid = n_all = 0
    for point in points:
        degrees = view.to_degrees(np.asarray(point.gaze, np.float64).reshape(-1, 2))
        seen: BoolArray = np.asarray(np.isfinite(degrees).all(axis=1))
        n_valid, n_all = n_valid + int(seen.sum()), n_all + len(seen)
        if seen.sum() < MIN_SAMPLES:
            offsets.append((float("nan"), float("nan")))
            continue
        off = degrees[seen].mean(axis=0) - view.to_degrees(np.array([point.at]))[0]
        steps = np.diff(degrees, axis=0)
        steps = steps[seen[1:] & seen[:-1]]
        offsets.append((float(off[0]), float(off[1])))
        distances.append(float(np.hypot(*off)))
        if len(steps):
            noises.append(float(np.sqrt((steps**2).sum(axis=1).mean())))
    return GazeAccuracy(_mean(distances), _mean(noises), n_valid / n_all if n_all else 0.0, tuple(offsets))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
