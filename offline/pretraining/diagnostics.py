"""Diagnostics of pretraining: collapse of the embeddings, and gradients of the loss terms against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from offline.pretraining.objectives import Encoded
from offline.training.data_parallel import ProcessGroup, average, gathered
from rtemo.model.embeddings import HEADS


def spread(seen: Encoded, processes: ProcessGroup) -> dict[str, float]:
    """For each embedding the mean standard deviation of its values over the batch, and its effective rank.

    A standard deviation near 0 or a rank near 1 is a collapse. Effective rank: the exponential of the entropy of the
    singular values' shares (Roy and Vetterli 2007).
    """
    found = {}
    for head, z, has in zip(HEADS, seen.z, seen.has, strict=True):
        everyone = gathered(z.detach(), processes)[gathered(has, processes)]
        if len(everyone) > 1:
            found[f"std_{head}"] = float(everyone.std(dim=0).mean())
            found[f"rank_{head}"] = effective_rank(everyone)
    return found


def effective_rank(z: Tensor) -> float:
    """Of (n, width) with its mean taken away: from 1 to the smaller of both, 1 where there is no spread at all."""
    values = torch.linalg.svdvals((z - z.mean(dim=0)).double())
    total = values.sum()
    if total <= 0.0:
        return 1.0
    shares = values / total
    return float(torch.exp(torch.special.entr(shares).sum()))


def gradients(
    terms: Mapping[str, Tensor], total: Tensor, parameters: Sequence[nn.Parameter], processes: ProcessGroup
) -> dict[str, float]:
    """Norm of each unweighted term's gradient in the network, and its cosine with that of the whole loss."""
    whole = _gradient(total, parameters, processes)
    found = {"gradient": float(whole.norm())}
    for name, term in terms.items():
        own = _gradient(term, parameters, processes)
        found[f"gradient_{name}"] = float(own.norm())
        found[f"cosine_{name}"] = float(torch.cosine_similarity(own, whole, dim=0))
    return found


def _gradient(loss: Tensor, parameters: Sequence[nn.Parameter], processes: ProcessGroup) -> Tensor:
    grads = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    parts = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, grads, strict=True)]
    return average(torch.cat([part.flatten() for part in parts]), processes)
