"""Refitting a linear head for one person: MAP logistic regression around the trained head, then part of the way.

1. Loss: the mean over clips of a clip's mean negative log-likelihood, labels weighted alike, plus
   strength / 2 * (|W - W0|^2 + |b - b0|^2) around the trained head (W0, b0), strength = PRIOR_CLIPS / clips: what a
   prior that weighs as much as so many clips is. A clip counts once however long: its windows say much the same.
2. Of the way from the trained head to that one, clips / (clips + HALF_WAY_CLIPS) is gone.
The numbers were chosen on 30 simulated people with eight clips each and tried on 30 others (offline/LOG.md). The
person's mean embedding is not moved to that of the training people: it differs from day to day, and a head that was
moved by it does worse on another day. Embeddings come out of a LayerNorm, with at most a linear part of like size
added, so one strength does for all their dimensions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import FloatArray
from rtemo.model.bundle import LinearHead

PRIOR_CLIPS = 60.0
HALF_WAY_CLIPS = 24.0
MOST_ROWS = 16  # windows of a clip that are used, evenly spread: neighbours overlap and say much the same
KEPT_SHARE = 0.99  # of the embeddings' squared length: the update lies in the directions that hold it
_ITERATIONS = 40

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rows:
    """The windows of one clip that a head can read: z (n, d), and the clip's label."""

    z: FloatArray
    label: int

    def thinned(self) -> Rows:
        if len(self.z) <= MOST_ROWS:
            return self
        return Rows(self.z[np.linspace(0, len(self.z) - 1, MOST_ROWS).astype(int)], self.label)


def refit(trained: LinearHead, temperature: float, clips: Sequence[Rows]) -> LinearHead:
    """The head for the person of these clips.

    Clips may be empty, and do not count then. The trained head where clips of fewer than two labels are left.
    """
    used = [clip.thinned() for clip in clips if len(clip.z)]
    if len({clip.label for clip in used}) < 2:
        return trained
    weights = clip_weights([clip.label for clip in used])
    fitted = _around(trained, temperature, PRIOR_CLIPS / len(used), used, weights)
    share = len(used) / (len(used) + HALF_WAY_CLIPS)
    weight, bias = ((1.0 - share) * getattr(trained, k) + share * getattr(fitted, k) for k in ("weight", "bias"))
    return LinearHead(weight.astype(np.float32), bias.astype(np.float32))


def clip_weights(labels: Sequence[int]) -> Array:
    """(n,) weights of clips with these labels, which add up to 1: labels alike, and the clips of one label alike."""
    counts = Counter(labels)
    return np.array([1.0 / (len(counts) * counts[label]) for label in labels])


def _around(
    prior: LinearHead, temperature: float, strength: float, clips: Sequence[Rows], weights: Array
) -> LinearHead:
    """The head with the least loss around a prior one."""
    z = np.concatenate([clip.z for clip in clips]).astype(np.float64)
    x = np.concatenate([z, np.ones((len(z), 1))], axis=1) / temperature
    labels = np.concatenate([np.full(len(clip.z), clip.label) for clip in clips])
    w = np.concatenate(
        [np.full(len(clip.z), weight / len(clip.z)) for clip, weight in zip(clips, weights, strict=True)]
    )
    target = np.zeros((len(z), len(prior.bias)))
    target[np.arange(len(z)), labels] = 1.0
    start = np.concatenate([prior.weight, prior.bias[:, None]], axis=1).astype(np.float64)
    basis = _directions(x)
    moved = _fit(strength, x @ start.T, x @ basis.T, target, w)
    theta = start + moved @ basis
    return LinearHead(theta[:, :-1].astype(np.float32), theta[:, -1].astype(np.float32))


def _directions(x: Array) -> Array:
    """(r, d) orthonormal: the fewest directions that hold KEPT_SHARE of the rows' squared length.

    A ridge solution lies in the rows' span anyway; leaving out what is hardly there makes the fit many times faster.
    """
    _, lengths, basis = np.linalg.svd(x, full_matrices=False)
    share = np.cumsum(lengths**2) / np.sum(lengths**2)
    return np.asarray(basis[: int(np.searchsorted(share, KEPT_SHARE)) + 1])


def _fit(strength: float, given: Array, x: Array, target: Array, weight: Array) -> Array:
    """The change (K, r) of the head in the reduced directions. given (n, K): the prior head's logits."""
    shape = target.shape[1], x.shape[1]

    def objective(flat: Array) -> tuple[float, Array]:
        moved = flat.reshape(shape)
        logits = given + x @ moved.T
        top = logits - logits.max(axis=1, keepdims=True)
        p = np.exp(top)
        total = p.sum(axis=1, keepdims=True)
        loss = float(weight @ (np.log(total[:, 0]) - (top * target).sum(axis=1)))
        slope = ((p / total - target) * weight[:, None]).T @ x + strength * moved
        return loss + 0.5 * strength * float((moved * moved).sum()), slope.ravel()

    from scipy.optimize import minimize  # half a second to load, and most sessions refit nothing

    found = minimize(objective, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS})
    return np.asarray(found.x, np.float64).reshape(shape)


def logits_of(head: LinearHead, z: FloatArray) -> Array:
    """(n, d) -> (n, K), in double precision."""
    return z.astype(np.float64) @ head.weight.T.astype(np.float64) + head.bias.astype(np.float64)
