"""The three linear heads refitted for one person: MAP logistic regression with the trained heads as the prior mean.

Loss: the mean over clips of a clip's mean negative log-likelihood, labels weighted alike, plus
strength / 2 * (|W - W0|^2 + |b - b0|^2). A clip counts once however long it is: its windows say much the same. The
strength of each head is chosen by leaving out one clip at a time; infinite strength, the trained head, is one choice.
Embeddings come out of a LayerNorm, so all their dimensions have about one scale and one strength does for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from rtemo.core.types import FloatArray
from rtemo.model.bundle import Head

STRENGTHS = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003)  # besides infinity, from stiff to loose
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


@dataclass(frozen=True, slots=True)
class Refit:
    """The chosen head. held_out: logits (n, K) of each clip by the heads that did not see it; at their strength."""

    head: Head
    strength: float
    held_out: tuple[Array, ...]


def refit(prior: Head, temperature: float, clips: Sequence[Rows]) -> Refit:
    """The head with the least loss on clips that were left out. Clips may be empty, and are then not fitted on."""
    rows = [clip.thinned() for clip in clips]
    trained = tuple(logits_of(prior, clip.z) for clip in clips)
    best = (_loss(trained, clips, temperature), float("inf"), trained)
    left_out = [_path(prior, temperature, _others(rows, i)) for i in range(len(rows))]
    for k, strength in enumerate(STRENGTHS):
        logits = tuple(logits_of(heads[k], clip.z) for heads, clip in zip(left_out, clips, strict=True))
        loss = _loss(logits, clips, temperature)
        if loss < best[0]:
            best = (loss, strength, logits)
    _, strength, held_out = best
    if strength == float("inf"):
        return Refit(prior, strength, held_out)
    chosen = _path(prior, temperature, rows)[STRENGTHS.index(strength)]
    return Refit(chosen, strength, held_out)


def clip_weights(labels: Sequence[int], has_rows: Sequence[bool]) -> Array:
    """Weights that add up to 1: labels alike, and the clips of one label alike. 0 for clips without rows."""
    counts = {k: sum(1 for label, has in zip(labels, has_rows, strict=True) if has and label == k) for k in labels}
    n_labels = sum(1 for count in counts.values() if count)
    pairs = zip(labels, has_rows, strict=True)
    return np.array([1.0 / (n_labels * counts[label]) if has else 0.0 for label, has in pairs])


def _others(rows: Sequence[Rows], i: int) -> list[Rows]:
    return [*rows[:i], *rows[i + 1 :]]


def _path(prior: Head, temperature: float, clips: Sequence[Rows]) -> list[Head]:
    """One head a strength, each fit begun at the stiffer one's."""
    used = [clip for clip in clips if len(clip.z)]
    if len({clip.label for clip in used}) < 2:
        return [prior] * len(STRENGTHS)
    weights = clip_weights([clip.label for clip in used], [True] * len(used))
    z = np.concatenate([clip.z for clip in used]).astype(np.float64)
    x = np.concatenate([z, np.ones((len(z), 1))], axis=1) / temperature
    labels = np.concatenate([np.full(len(clip.z), clip.label) for clip in used])
    w = np.concatenate([np.full(len(clip.z), weight / len(clip.z)) for clip, weight in zip(used, weights, strict=True)])
    target = np.zeros((len(z), len(prior.bias)))
    target[np.arange(len(z)), labels] = 1.0
    start = np.concatenate([prior.weight, prior.bias[:, None]], axis=1).astype(np.float64)
    basis = _directions(x)
    given, reduced = x @ start.T, x @ basis.T
    moved, heads = np.zeros((len(start), len(basis))), []
    for strength in STRENGTHS:
        moved = _fit(moved, given, strength, reduced, target, w)
        theta = start + moved @ basis
        heads.append(Head(theta[:, :-1].astype(np.float32), theta[:, -1].astype(np.float32)))
    return heads


def _directions(x: Array) -> Array:
    """(r, d) orthonormal: the fewest directions that hold KEPT_SHARE of the rows' squared length.

    A ridge solution lies in the rows' span anyway; leaving out what is hardly there makes the fit many times faster.
    """
    _, lengths, basis = np.linalg.svd(x, full_matrices=False)
    share = np.cumsum(lengths**2) / np.sum(lengths**2)
    return np.asarray(basis[: int(np.searchsorted(share, KEPT_SHARE)) + 1])


def _fit(moved: Array, given: Array, strength: float, x: Array, target: Array, weight: Array) -> Array:
    """The change (K, r) of the head in the reduced directions. given (n, K): the trained head's logits."""
    shape = moved.shape

    def objective(flat: Array) -> tuple[float, Array]:
        moved = flat.reshape(shape)
        logits = given + x @ moved.T
        top = logits - logits.max(axis=1, keepdims=True)
        p = np.exp(top)
        total = p.sum(axis=1, keepdims=True)
        loss = float(weight @ (np.log(total[:, 0]) - (top * target).sum(axis=1)))
        slope = ((p / total - target) * weight[:, None]).T @ x + strength * moved
        return loss + 0.5 * strength * float((moved * moved).sum()), slope.ravel()

    found = minimize(objective, moved.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS})
    return np.asarray(found.x, np.float64).reshape(shape)


def _loss(logits: Sequence[Array], clips: Sequence[Rows], temperature: float) -> float:
    """Negative log-likelihood, clips weighted as in the fit."""
    weights = clip_weights([clip.label for clip in clips], [bool(len(clip.z)) for clip in clips])
    each = [nll(one / temperature, clip.label) if len(one) else 0.0 for one, clip in zip(logits, clips, strict=True)]
    return float(weights @ np.array(each))


def nll(logits: Array, label: int) -> float:
    """Mean negative log-likelihood of one label over (n, K) logits."""
    top = logits - logits.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(top).sum(axis=1)) - top[:, label]))


def logits_of(head: Head, z: FloatArray) -> Array:
    """(n, d) -> (n, K), in double precision."""
    return z.astype(np.float64) @ head.weight.T.astype(np.float64) + head.bias.astype(np.float64)
