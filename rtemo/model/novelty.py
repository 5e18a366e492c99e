"""How unlike the training data a window is, from its embedding. A hint, never a proof that a window is valid.

Two measures: the Mahalanobis distance of the embedding from the training embeddings (shrunk covariance, no classes),
and the energy of the logits (Liu et al. 2020, arXiv 2010.03759). Both are centred and scaled by held-out people, the
larger one counts, and 1.0 is the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import FloatArray


@dataclass(frozen=True, slots=True)
class NoveltyScale:
    """(centre, spread) of both measures on held-out people, and the scaled value that counts as 1.0."""

    distance: tuple[float, float]
    energy: tuple[float, float]
    threshold: float


@dataclass(frozen=True, slots=True)
class Familiar:
    """The training embeddings of one head: mean (d,), precision (d, d)."""

    mean: FloatArray
    precision: FloatArray


def distance(z: NDArray[np.float32], familiar: Familiar) -> NDArray[np.float64]:
    """(n, d) or (d,) -> (n,) or (): Mahalanobis distance per root dimension, about 1 on training data."""
    centred = np.asarray(z - familiar.mean, np.float64)
    squared = np.sum((centred @ familiar.precision) * centred, axis=-1)
    return np.asarray(np.sqrt(np.maximum(squared, 0.0) / z.shape[-1]))


def energy(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, K) or (K,) -> (n,) or (): -log sum exp(logits); high where no label fits."""
    top = logits.max(axis=-1)
    return np.asarray(-(top + np.log(np.exp(logits - top[..., None]).sum(axis=-1))))


def novelty(
    z: NDArray[np.float32], logits: NDArray[np.float64], familiar: Familiar, scale: NoveltyScale
) -> NDArray[np.float64]:
    """(n,) or (): 0 for an ordinary window, 1.0 at the threshold."""
    far = (distance(z, familiar) - scale.distance[0]) / scale.distance[1]
    flat = (energy(logits) - scale.energy[0]) / scale.energy[1]
    return np.asarray(np.maximum(np.maximum(far, flat), 0.0) / scale.threshold)
