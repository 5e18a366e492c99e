"""Training of small networks on windows: early stopping on the validation people, everything drawn from the seed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from offline.evaluation.methods.base import Array, Model
from offline.evaluation.methods.features import Features, Fed
from offline.evaluation.temperature import equal_units
from offline.evaluation.window_table import Indices, Windows, WindowTable
from offline.training.choices import Choice
from offline.training.deadline import look_at_the_clock
from rtemo.core.errors import RtemoError
from rtemo.model.bundle_schema import ModelInput
from rtemo.model.uncertainty.probabilities import tempered

_ASK_BATCH = 512


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a small network is trained. patience: epochs without a better validation loss."""

    epochs: int = 30
    patience: int = 5
    batch: int = 128
    rate: float = 1e-3
    weight_decay: float = 1e-2


@dataclass(frozen=True, slots=True)
class TrainedModule:
    """A network that turns what `read` gives of windows into logits."""

    read: Features
    module: nn.Module
    table: WindowTable = field(repr=False)
    chosen: Choice = field(default_factory=dict)

    @property
    def inputs(self) -> tuple[ModelInput, ...]:
        return self.read.inputs

    def outputs(self, windows: Windows) -> tuple[Array, Array]:
        return self.logits(windows), np.zeros((len(windows), 0))

    def graph(self) -> nn.Module:
        return NetworkGraph(self.read.graph(self.table), self.module)

    def logits(self, windows: Windows) -> Array:
        """(n, K)."""
        self.module.eval()
        with torch.inference_mode():
            parts = [
                self.module(torch.from_numpy(self.read(part).astype(np.float32))).numpy()
                for part in pieces(windows, _ASK_BATCH)
            ]
        return np.concatenate(parts).astype(np.float64)

    def probabilities(self, windows: Windows) -> Array:
        return tempered(self.logits(windows), 1.0)

    def novelty(self, windows: Windows) -> Array | None:  # noqa: ARG002
        return None


class NetworkGraph(nn.Module):
    """The logits of a network on features."""

    def __init__(self, read: nn.Module, network: nn.Module) -> None:
        super().__init__()
        self.read, self.network = read, network

    def forward(self, fed: Fed) -> tuple[Tensor]:
        return (self.network(self.read(fed).float()),)


def train_module(
    make: Callable[[], nn.Module], read: Features, train: Windows, validation: Windows, seed: int, recipe: Recipe
) -> Model:
    """A network with the weights that did best on the validation windows, each person counting the same there.

    Trials count the same in training. Raises RtemoError where the loss is not finite.
    """
    for side, windows in (("learn from", train), ("choose on", validation)):
        if not len(windows):
            raise RtemoError(f"there is nothing to {side}", "nobody there has what the method looks at", "")
    best: Mapping[str, Tensor] = {}
    best_loss, best_epoch = float("inf"), -1
    for epoch, module in enumerate(_epochs(make, read, train, seed, recipe)):
        loss = _loss(TrainedModule(read, module, train.table), validation)
        if loss < best_loss:
            best, best_loss, best_epoch = copy.deepcopy(module.state_dict()), loss, epoch
        elif epoch - best_epoch >= recipe.patience:
            break
    module.load_state_dict(best)
    return TrainedModule(read, module.eval(), train.table, {"epochs": best_epoch + 1})


def train_whole(
    make: Callable[[], nn.Module], read: Features, people: Windows, chosen: Choice, seed: int, recipe: Recipe
) -> Model:
    """A network trained on everybody for as many epochs as were chosen on others."""
    *_, module = _epochs(make, read, people, seed, replace(recipe, epochs=max(1, round(chosen["epochs"]))))
    return TrainedModule(read, module.eval(), people.table, chosen)


def _epochs(
    make: Callable[[], nn.Module], read: Features, train: Windows, seed: int, recipe: Recipe
) -> Iterator[nn.Module]:
    """The network after each epoch. Nobody else's random numbers are touched."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = make()
        state = torch.random.get_rng_state()
    optimizer = torch.optim.AdamW(module.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay)
    for epoch in range(recipe.epochs):
        order = np.random.default_rng([seed, epoch]).permutation(len(train))
        with torch.random.fork_rng(devices=[]):
            torch.random.set_rng_state(state)
            _epoch(module, optimizer, read, train, order, recipe)
            state = torch.random.get_rng_state()
        yield module


def _read(read: Features, windows: Windows) -> Tensor:
    return torch.from_numpy(read(windows).astype(np.float32, copy=False))


def pieces(windows: Windows, size: int) -> Iterator[Windows]:
    """The windows in order, `size` at a time."""
    for start in range(0, len(windows), size):
        yield windows.at(np.arange(start, min(start + size, len(windows))))


def _epoch(
    module: nn.Module, optimizer: torch.optim.Optimizer, read: Features, train: Windows, order: Indices, recipe: Recipe
) -> None:
    module.train()
    weights = torch.from_numpy(train.weights.astype(np.float32))
    labels = torch.from_numpy(train.labels)
    for start in range(0, len(order), recipe.batch):
        rows = order[start : start + recipe.batch]
        if len(rows) < 2:  # a batch norm needs two
            continue
        each = functional.cross_entropy(module(_read(read, train.at(rows))), labels[rows], reduction="none")
        _step((each * weights[rows]).mean(), module, optimizer)


def _step(loss: Tensor, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    look_at_the_clock()
    if not bool(torch.isfinite(loss)):
        raise RtemoError("the loss of this method is not finite", "", "look at the corpus: values that are not finite?")
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
    optimizer.step()


def _loss(model: TrainedModule, validation: Windows) -> float:
    each = functional.cross_entropy(
        torch.from_numpy(model.logits(validation)), torch.from_numpy(validation.labels), reduction="none"
    )
    return float(np.average(each.numpy(), weights=equal_units(validation.subject)))
