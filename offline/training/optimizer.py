"""AdamW with layer-wise learning rates, and the schedule of the rate over a run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from rtemo.model.network import Heads, Network

Named = tuple[str, nn.Parameter]


def layered(
    network: Network, heads: Heads, rate: float, weight_decay: float, layer_decay: float
) -> torch.optim.Optimizer:
    """The heads learn at the full rate, every layer below at layer_decay times that of the layer above it.

    What feeds the first block is one layer. Biases, norms and single tokens are not decayed by weight_decay.
    """
    top = len(network.blocks) + 1
    named = [(top, p) for p in heads.parameters()]
    named += [(_layer(name, top), p) for name, p in network.named_parameters()]
    groups: list[dict[str, list[Tensor] | float]] = []
    for layer in range(top, -1, -1):
        scale = layer_decay ** (top - layer)
        groups += _groups((p for at, p in named if at == layer), weight_decay, scale)
    return torch.optim.AdamW(groups, lr=rate)


def flat(parameters: Iterable[nn.Parameter], rate: float, weight_decay: float) -> torch.optim.Optimizer:
    """One rate for all."""
    return torch.optim.AdamW(list(_groups(parameters, weight_decay, 1.0)), lr=rate)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The rate of the top layer; the others keep their share of it."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"]


def schedule(done: float, warm_up: float) -> float:
    """Linear warm-up, then a cosine to zero; done and warm_up are shares of all steps."""
    if done < warm_up:
        return done / warm_up
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, (done - warm_up) / (1.0 - warm_up))))


def _layer(name: str, top: int) -> int:
    if name.startswith("blocks."):
        return int(name.split(".")[1]) + 1
    return top - 1 if name.startswith("norm.") else 0  # the last norm goes with the last block


def _groups(
    parameters: Iterable[nn.Parameter], weight_decay: float, scale: float
) -> Iterator[dict[str, list[Tensor] | float]]:
    everything = list(parameters)
    matrices, vectors = ([p for p in everything if (p.ndim > 1) is many] for many in (True, False))
    for decay, chosen in ((weight_decay, matrices), (0.0, vectors)):
        if chosen:
            yield {"params": list[Tensor](chosen), "weight_decay": decay, "scale": scale}
