"""New heads on a frozen network: multinomial logistic regression on each embedding, solved to the optimum.

With few people it does better than steps of an optimizer, and takes seconds. How strongly it is held back is chosen on
the people held out for selection. Fine-tuning begins from these heads.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.nn import functional

from offline.batches import Picked, plain_batches
from offline.shards import Shard
from rtemo.model.network import Heads, Network

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # C of the regression on standardised embeddings
_BATCH = 256
Array = NDArray[np.float64]


def fit_heads(
    network: Network, heads: Heads, learn: tuple[Sequence[Shard], Picked], select: tuple[Sequence[Shard], Picked]
) -> None:
    """Sets the heads, in place. A head whose modality no window offers, or that sees one label only, stays as it is.

    learn, select: recordings and the windows of them. The network is left alone.
    """
    (z, labels, offered), (z_held, labels_held, offered_held) = (_embedded(network, *part) for part in (learn, select))
    for i, head in enumerate(heads.ordered()):
        x, y, held = z[offered[i], i], labels[offered[i]], offered_held[i]
        if len(np.unique(y)) < 2:
            continue
        mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-6
        fits = [_fit((x - mean) / scale, y, strength, head.out_features) for strength in STRENGTHS]
        if held.any():
            seen, truth = (z_held[held, i] - mean) / scale, labels_held[held]
            fits.sort(key=lambda fit: _loss(fit, seen, truth))
        weight, bias = fits[0]
        _set(head, weight / scale, bias - (weight / scale) @ mean)


def _fit(x: Array, y: NDArray[np.int64], strength: float, n_labels: int) -> tuple[Array, Array]:
    """Weights (K, width) and biases (K,). A label that nobody has is as unlikely as its absence makes it."""
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


def _embedded(
    network: Network, shards: Sequence[Shard], picked: Picked
) -> tuple[Array, NDArray[np.int64], list[NDArray[np.bool_]]]:
    """(n, 3, width) embeddings in the order of HEADS, (n,) labels, and for each head which windows offer it."""
    training, device = network.training, next(network.parameters()).device
    network.eval()
    found, labels, eeg, eye = [], [], [], []
    with torch.inference_mode():
        for batch in plain_batches(shards, picked, _BATCH):
            tensors = (batch.eeg, batch.eeg_mask, batch.positions, batch.eye, batch.eye_valid)
            z = network.embed(*(torch.from_numpy(value).to(device) for value in tensors))
            found.append(torch.stack(z, dim=1).cpu().numpy().astype(np.float64))
            labels.append(batch.labels)
            eeg.append(batch.eeg_mask.any(axis=(1, 2)))
            eye.append(batch.eye_valid.any(axis=1))
    network.train(training)
    of_eeg, of_eye = np.concatenate(eeg), np.concatenate(eye)
    return np.concatenate(found), np.concatenate(labels), [of_eeg, of_eye, of_eeg | of_eye]
