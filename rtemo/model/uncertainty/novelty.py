"""Novelty detection: how unlike the training data a window's embedding is. A hint, never a proof of validity.

Three measures: the Mahalanobis distance of the embedding from the training embeddings (shrunk covariance, no classes),
the energy of the logits (Liu et al. 2020, arXiv 2010.03759), and, where both modalities are there, how far their heads
disagree. Each is centred and scaled by held-out people, the largest one counts, and 1.0 is the threshold. What they
can and cannot detect is measured in README.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from rtemo.core.records import Check, Positive
from rtemo.core.types import FloatArray

CentreAndSpread = Annotated[tuple[float, float], Check(lambda found: found[1] > 0, "a centre and a positive spread")]


@dataclass(frozen=True, slots=True)
class NoveltyScale:
    """(centre, spread) of each measure on held-out people, and the scaled value that counts as 1.0.

    disagreement: None where there is only one modality.
    """

    distance: CentreAndSpread
    energy: CentreAndSpread
    disagreement: CentreAndSpread | None
    threshold: Positive


@dataclass(frozen=True, slots=True)
class Familiar:
    """The training embeddings of one head: mean (d,), precision (d, d); exact: the latter as distances take it."""

    mean: FloatArray
    precision: FloatArray
    exact: NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "exact", self.precision.astype(np.float64))  # once, not for every window


def distance(z: NDArray[np.float32], familiar: Familiar) -> NDArray[np.float64]:
    """(n, d) or (d,) -> (n,) or (): Mahalanobis distance per root dimension, about 1 on training data."""
    centred = np.asarray(z - familiar.mean, np.float64)
    squared = np.sum((centred @ familiar.exact) * centred, axis=-1)
    return np.asarray(np.sqrt(np.maximum(squared, 0.0) / z.shape[-1]))


def energy(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, K) or (K,) -> (n,) or (): -log sum exp(logits); high where no label fits."""
    top = logits.max(axis=-1)
    return np.asarray(-(top + np.log(np.exp(logits - top[..., None]).sum(axis=-1))))


def disagreement(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, K) or (K,) probabilities of two heads -> (n,) or (): Jensen-Shannon divergence, 0 to ln 2 (Lin 1991)."""
    middle = 0.5 * (p + q)
    return np.asarray(0.5 * (_divergence(p, middle) + _divergence(q, middle)))


def _divergence(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sum(p * (np.log(np.maximum(p, 1e-300)) - np.log(np.maximum(q, 1e-300))), axis=-1))


def novelty(
    far: NDArray[np.float64], flat: NDArray[np.float64], apart: NDArray[np.float64] | None, scale: NoveltyScale
) -> NDArray[np.float64]:
    """(n,) or (): 0 for an ordinary window, 1.0 at the threshold.

    far, flat, apart: distance, energy and disagreement; the last is left out where the scale has none.
    """
    most = np.maximum(_scaled(far, scale.distance), _scaled(flat, scale.energy))
    if scale.disagreement is not None and apart is not None:
        most = np.maximum(most, _scaled(apart, scale.disagreement))
    return np.asarray(np.maximum(most, 0.0) / scale.threshold)


def _scaled(value: NDArray[np.float64], scale: tuple[float, float]) -> NDArray[np.float64]:
    return (value - scale[0]) / scale[1]
