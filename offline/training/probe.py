"""New heads on a frozen network: multinomial logistic regression on each embedding, solved to the optimum.

With few people it does better than steps of an optimizer, and takes seconds. Its regularisation is chosen on
the people held out for selection. Fine-tuning begins from these heads.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.nn import functional

from offline.corpus.shards import Shard
from offline.training.batches import Picked
from offline.training.deadline import look_at_the_clock
from offline.training.frozen_network import Embedded, FrozenNetwork
from rtemo.model.embeddings import HEADS
from rtemo.model.network import Heads

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # C of the regression on standardised embeddings
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ProbeWindows:
    """Windows of some recordings."""

    shards: Sequence[Shard]
    picked: Picked

    @property
    def labels(self) -> NDArray[np.int64]:
        rows = [shard.rows["label"] for shard in self.shards]
        at = zip(self.picked.shard, self.picked.index, strict=True)
        return np.array([rows[shard][i] for shard, i in at], np.int64)


def fit_heads(
    frozen: FrozenNetwork,
    heads: Heads,
    learn: ProbeWindows,
    select: ProbeWindows | None,
    strengths: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Sets the heads, in place, and gives the strength of each. A head whose modality no window offers, or that sees
    one label only, stays as it is.

    select: chooses among STRENGTHS; None: nobody is held out, and `strengths` has what was chosen elsewhere, by head.

    They learn every window twice, as it is and with fewer channels: what a network makes of few channels it makes
    elsewhere, and heads that have not seen that are lost there.
    """
    seen, labels = _both_ways(frozen, learn)
    selection = None if select is None else _both_ways(frozen, select)
    used: dict[str, float] = {}
    for i, (name, head, ok) in enumerate(zip(HEADS, heads.ordered(), seen.offered(), strict=True)):
        x, y = seen.z[ok, i].astype(np.float64), labels[ok]
        if len(np.unique(y)) < 2:
            continue
        mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-6
        tried = STRENGTHS if strengths is None else (strengths.get(name, STRENGTHS[0]),)
        fits = []
        for strength in tried:
            look_at_the_clock()
            fits.append((strength, _fit((x - mean) / scale, y, strength, head.out_features)))
        if selection is not None and (select_ok := selection[0].offered()[i]).any():
            new, truth = (selection[0].z[select_ok, i] - mean) / scale, selection[1][select_ok]
            losses = [_loss(fit, new, truth) for _, fit in fits]
            fits = [fits[int(np.argmin(losses))]]
        used[name], (weight, bias) = fits[0]
        _set(head, weight / scale, bias - (weight / scale) @ mean)
    return used


def _both_ways(frozen: FrozenNetwork, part: ProbeWindows) -> tuple[Embedded, NDArray[np.int64]]:
    whole, fewer = (frozen.embed(part.shards, part.picked, fewer=fewer) for fewer in (False, True))
    labels = part.labels
    return whole.and_then(fewer), np.concatenate((labels, labels))


def _fit(x: Array, y: NDArray[np.int64], strength: float, n_labels: int) -> tuple[Array, Array]:
    """Weights (K, width) and biases (K,). A label that nobody has is as unlikely as its absence makes it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # only weakly regularised ones, which seldom are the best
        found = LogisticRegression(C=strength, max_iter=300, tol=1e-4).fit(x, y)
    coefficients, intercepts = found.coef_, found.intercept_
    if len(found.classes_) == 2:
        coefficients, intercepts = np.concatenate((-coefficients, coefficients)) / 2, np.r_[-intercepts, intercepts] / 2
    weight, bias = np.zeros((n_labels, x.shape[1])), np.full(n_labels, intercepts.min() - np.log(len(x) + 1.0))
    weight[found.classes_], bias[found.classes_] = coefficients, intercepts
    return weight, bias


def _loss(fit: tuple[Array, Array], x: Array, y: NDArray[np.int64]) -> float:
    weight, bias = fit
    return float(functional.cross_entropy(torch.from_numpy(x @ weight.T + bias), torch.from_numpy(y)))


def _set(head: nn.Linear, weight: Array, bias: Array) -> None:
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight))
        head.bias.copy_(torch.from_numpy(bias))
