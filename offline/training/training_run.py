"""A supervised run: its settings, its state between two epochs, and both on disk."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from offline.corpus.corpus import Corpus
from offline.splits import SubjectSplit, person
from offline.training.batches import Augmentation
from offline.training.checkpoint import load_checkpoint, save_checkpoint
from offline.training.optimizer import layered
from rtemo.core.errors import RtemoError
from rtemo.model.network import Heads, Network, NetworkConfig

KIND = "finetune"
NOBODY = SubjectSplit((), (), (), ())  # where recordings are handed over and nothing is kept
_FREE = ("device", "max_minutes", "epochs", "patience")  # may differ from run to run


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How the network is trained. per_trial: windows of each trial in an epoch. patience: epochs without progress.

    mode: "probe" fits the heads only (offline.training.probe). Where training begins from given weights, it begins with
    those heads, and layer_decay is each layer's rate over that of the layer above it.
    """

    seed: int = 0
    device: str = "auto"
    max_minutes: float = math.inf
    epochs: int = 24
    patience: int = 8
    batch: int = 128
    per_trial: int = 12
    least_steps: int = 16  # in an epoch: with few trials each gives more windows, or epochs would teach nothing
    rate: float = 2e-3
    warm_up: float = 0.05  # share of all steps
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    mode: Literal["full", "probe"] = "full"
    layer_decay: float = 0.75
    network: NetworkConfig = field(default_factory=NetworkConfig)
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        if self.mode not in ("full", "probe"):
            raise RtemoError("there is no such mode of training", repr(self.mode), 'use "full" or "probe"')


@dataclass(slots=True)
class Training:
    """The state of a run between two epochs. given: it began from given weights, which know pretrained_on, and come
    from origin (offline.training.initial_weights).
    """

    network: Network
    heads: Heads
    optimizer: torch.optim.Optimizer
    given: bool
    pretrained_on: tuple[str, ...]
    origin: tuple[str, ...]
    split: SubjectSplit
    best: dict[str, dict[str, Tensor]]  # "network" and "heads"
    best_loss: float = math.inf
    best_epoch: int = -1  # before the first
    epoch: int = 0  # the next one
    history: list[dict[str, float]] = field(default_factory=list)
    strengths: dict[str, float] = field(default_factory=dict)  # of the heads' regularisation before the first epoch


def begin(
    settings: TrainingSettings,
    n_labels: int,
    device: torch.device,
    init: Mapping[str, Tensor] | None,
    split: SubjectSplit = NOBODY,
    pretrained_on: Collection[str] = (),
    origin: Collection[str] = (),
) -> Training:
    """A run that has not begun, from random or from given weights."""
    torch.manual_seed(settings.seed)
    network, heads = Network(settings.network), Heads(settings.network.width, n_labels)
    if init is not None:
        load_weights(network, init)
    network, heads = network.to(device), heads.to(device)
    given = init is not None
    optimizer = _optimizer(network, heads, settings, given=given)
    state = Training(network, heads, optimizer, given, tuple(sorted(pretrained_on)), tuple(origin), split, {})
    state.best = weights(state)
    return state


def load_weights(network: Network, init: Mapping[str, Tensor]) -> None:
    """Raises RtemoError where the weights are those of a network of another shape."""
    try:
        network.load_state_dict(dict(init))
    except RuntimeError as error:
        raise RtemoError("the given weights do not fit the network", str(error).splitlines()[-1].strip(), "") from error


def weights(state: Training) -> dict[str, dict[str, Tensor]]:
    """A copy of both parts' weights on the CPU."""
    return {
        name: {key: value.detach().cpu().clone() for key, value in module.state_dict().items()}
        for name, module in (("network", state.network), ("heads", state.heads))
    }


def best_network(state: Training) -> tuple[Network, Heads]:
    """The weights that did best on the people held out for selection, on the CPU, rounded to what float16 holds.

    Rounded before anything is calibrated: the bundle keeps the weights twice (for ONNX and for further training), and
    as float16 the second copy is small and still exactly the same numbers.
    """
    network, heads = Network(state.network.config), Heads(state.network.config.width, _n_labels(state.heads))
    network.load_state_dict({name: value.half().float() for name, value in state.best["network"].items()})
    heads.load_state_dict(state.best["heads"])
    return network.eval(), heads.eval()


def save_training(state: Training, corpus: Corpus, settings: TrainingSettings, path: Path) -> None:
    """Everything that the run needs to go on, and what `export` needs."""
    shaping = {*state.split.train, *state.split.validation}  # validation people choose the epoch
    people = {person(shard.about) for shard in corpus if shard.about.subject in shaping}
    save_checkpoint(
        path,
        KIND,
        {
            "corpus": str(corpus.path),
            "corpus_fingerprint": corpus.fingerprint,
            "pipeline": dict(corpus.pipeline),
            "labels": list(corpus.labels),
            "settings": asdict(settings),
            "split": {name: list(side) for name, side in asdict(state.split).items()},
            "people": sorted(people | set(state.pretrained_on)),
            "given": state.given,
            "pretrained_on": list(state.pretrained_on),
            "origin": list(state.origin),
            "said": corpus.said,
            "weights": weights(state),
            "optimizer": state.optimizer.state_dict(),
            "best": state.best,
            "best_loss": state.best_loss,
            "best_epoch": state.best_epoch,
            "epoch": state.epoch,
            "history": state.history,
        },
    )


def resume_training(
    corpus: Corpus,
    settings: TrainingSettings,
    path: Path,
    device: torch.device,
    pretrained_on: Collection[str],
    *,
    given: bool,
) -> Training:
    """A run as it was saved. Raises RtemoError where that belongs to another corpus or was made with other settings."""
    saved = load_checkpoint(path, KIND)
    before, now = ({k: v for k, v in s.items() if k not in _FREE} for s in (saved["settings"], asdict(settings)))
    if saved["corpus_fingerprint"] != corpus.fingerprint:
        raise RtemoError(f"{path} was trained on another corpus", saved["corpus"], "name that one, or begin anew")
    if before != now:
        changed = sorted(key for key in now if before.get(key) != now[key])
        raise RtemoError(f"{path} was trained with other settings", f"{changed} differ", "use the same, or begin anew")
    if saved["given"] != given or saved["pretrained_on"] != sorted(pretrained_on):
        raise RtemoError(f"{path} began from other weights", "this run does not", "begin from the same, or anew")
    return _restore(saved, settings, device)


def read_trained(checkpoint: Path) -> tuple[Training, dict[str, Any]]:
    """A run as it was saved, and the whole of what was saved."""
    saved = load_checkpoint(checkpoint, KIND)
    values = dict(saved["settings"])
    network, augmentation = NetworkConfig.from_dict(values.pop("network")), Augmentation(**values.pop("augmentation"))
    settings = TrainingSettings(**values, network=network, augmentation=augmentation)
    return _restore(saved, settings, torch.device("cpu")), saved


def _restore(saved: Mapping[str, Any], settings: TrainingSettings, device: torch.device) -> Training:
    network, heads = (
        Network(settings.network).to(device),
        Heads(settings.network.width, len(saved["labels"])).to(device),
    )
    network.load_state_dict(saved["weights"]["network"])
    heads.load_state_dict(saved["weights"]["heads"])
    optimizer = _optimizer(network, heads, settings, given=saved["given"])
    optimizer.load_state_dict(saved["optimizer"])
    return Training(
        network=network,
        heads=heads,
        optimizer=optimizer,
        given=saved["given"],
        pretrained_on=tuple(saved["pretrained_on"]),
        origin=tuple(saved["origin"]),
        split=SubjectSplit(**{name: tuple(people) for name, people in saved["split"].items()}),
        best=saved["best"],
        best_loss=saved["best_loss"],
        best_epoch=saved["best_epoch"],
        epoch=saved["epoch"],
        history=saved["history"],
    )


def _optimizer(network: Network, heads: Heads, settings: TrainingSettings, *, given: bool) -> torch.optim.Optimizer:
    decay = settings.layer_decay if given else 1.0
    return layered(network, heads, settings.rate, settings.weight_decay, decay)


def _n_labels(heads: Heads) -> int:
    return int(next(iter(heads.parameters())).shape[0])
