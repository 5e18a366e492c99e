"""Supervised training of the network and its three heads, from scratch or from weights that are given.

People are disjoint between training, selection, calibration and test (offline.splits). All randomness is drawn from
(seed, epoch), so that a resumed run goes on exactly as if it had not stopped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from offline.batches import Augmentation, Batch, Picked, pick_epoch, plain_batches, training_batches
from offline.checkpoint import load_checkpoint, save_checkpoint
from offline.corpus import Corpus, Shard
from offline.splits import SubjectSplit, check_disjoint, split_subjects
from rtemo.core.errors import RtemoError
from rtemo.model.network import Heads, Network, NetworkConfig

_VALIDATION_PER_TRIAL = 12


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How the network is trained. per_trial: windows of each trial in an epoch. patience: epochs without progress."""

    seed: int = 0
    device: str = "auto"
    max_minutes: float = math.inf
    epochs: int = 24
    patience: int = 8
    batch: int = 128
    per_trial: int = 12
    rate: float = 2e-3
    warm_up: float = 0.05  # share of all steps
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    network: NetworkConfig = field(default_factory=NetworkConfig)
    augmentation: Augmentation = field(default_factory=Augmentation)


@dataclass(slots=True)
class Training:
    """The state of a run between two epochs."""

    network: Network
    heads: Heads
    optimizer: torch.optim.Optimizer
    split: SubjectSplit
    best: dict[str, dict[str, Tensor]]  # "network" and "heads"
    best_loss: float = math.inf
    best_epoch: int = -1
    epoch: int = 0  # the next one
    history: list[dict[str, float]] = field(default_factory=list)


def train(
    corpus: Corpus, settings: TrainingSettings, checkpoint: Path, init: dict[str, Tensor] | None = None
) -> Training:
    """Train to the end, or to where patience or time ends; a checkpoint after every epoch. Goes on from `checkpoint`
    where it exists. Raises RtemoError where that belongs to another corpus or seed, or where the loss is not finite.
    """
    device = torch.device(_device(settings.device))
    state = (
        _resume(corpus, settings, checkpoint, device) if checkpoint.exists() else _begin(corpus, settings, device, init)
    )
    check_disjoint(state.split)
    shards, held_out = corpus.of(state.split.train), corpus.of(state.split.validation)
    selection = pick_epoch(held_out, _VALIDATION_PER_TRIAL, np.random.default_rng([settings.seed, 1]))
    began = time.monotonic()
    bar = tqdm(total=settings.epochs, initial=state.epoch, desc="training", unit="epoch", disable=None)
    while not _finished(state, settings) and time.monotonic() - began < 60.0 * settings.max_minutes:
        train_loss = _epoch(state, shards, settings, device)
        held_out_loss = _held_out_loss(state, held_out, selection, device)
        state.history.append({"epoch": state.epoch, "train_loss": train_loss, "validation_loss": held_out_loss})
        if held_out_loss < state.best_loss:
            state.best, state.best_loss, state.best_epoch = _weights(state), held_out_loss, state.epoch
        state.epoch += 1
        _save(state, corpus, settings, checkpoint)
        bar.update()
        bar.set_postfix(train=f"{train_loss:.3f}", held_out=f"{held_out_loss:.3f}", best=f"{state.best_loss:.3f}")
    bar.close()
    return state


def best_network(state: Training) -> tuple[Network, Heads]:
    """The weights that did best on the people held out for selection, on the CPU, rounded to what float16 holds.

    Rounded before anything is calibrated: the bundle keeps the weights twice (for ONNX and for further training), and
    as float16 the second copy is small and still exactly the same numbers.
    """
    network, heads = Network(state.network.config), Heads(state.network.config.width, _n_labels(state.heads))
    network.load_state_dict({name: value.half().float() for name, value in state.best["network"].items()})
    heads.load_state_dict(state.best["heads"])
    return network.eval(), heads.eval()


def read_trained(checkpoint: Path) -> tuple[Training, dict[str, Any]]:
    """A run as it was saved, and the whole of what was saved."""
    saved = load_checkpoint(checkpoint)
    network = Network(NetworkConfig.from_dict(saved["settings"]["network"]))
    heads = Heads(network.config.width, len(saved["labels"]))
    return _restore(saved, network, heads, torch.device("cpu")), saved


def _begin(
    corpus: Corpus, settings: TrainingSettings, device: torch.device, init: dict[str, Tensor] | None
) -> Training:
    torch.manual_seed(settings.seed)
    network = Network(settings.network)
    heads = Heads(settings.network.width, len(corpus.labels))
    if init is not None:
        _load_init(network, init)
    network, heads = network.to(device), heads.to(device)
    labelled = sorted({shard.about.subject for shard in corpus if len(shard.labelled)})
    split = split_subjects(labelled, settings.seed)
    state = Training(network, heads, _optimizer(network, heads, settings), split, {})
    state.best = _weights(state)
    return state


def _load_init(network: Network, init: dict[str, Tensor]) -> None:
    try:
        network.load_state_dict(init)
    except RuntimeError as error:
        raise RtemoError("the given weights do not fit the network", str(error).splitlines()[-1].strip(), "") from error


def _optimizer(network: Network, heads: Heads, settings: TrainingSettings) -> torch.optim.Optimizer:
    """AdamW; biases, norms and single tokens are not decayed."""
    everything = [*network.parameters(), *heads.parameters()]
    groups = [
        {"params": [p for p in everything if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in everything if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.rate)


def _epoch(state: Training, shards: Sequence[Shard], settings: TrainingSettings, device: torch.device) -> float:
    torch.manual_seed(settings.seed * 100_003 + state.epoch)  # dropout
    random = np.random.default_rng([settings.seed, 2, state.epoch])
    picked = pick_epoch(shards, settings.per_trial, random)
    steps = math.ceil(len(picked.shard) / settings.batch)
    state.network.train()
    losses = []
    batches = training_batches(shards, picked, settings.batch, settings.augmentation, random)
    for step, batch in enumerate(tqdm(batches, total=steps, desc=f"epoch {state.epoch}", leave=False, disable=None)):
        rate = settings.rate * _schedule((state.epoch + step / steps) / settings.epochs, settings.warm_up)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        loss = batch_loss(state.network, state.heads, batch, settings.label_smoothing, device)
        if not bool(torch.isfinite(loss)):
            raise RtemoError("the loss is not finite", f"epoch {state.epoch}, step {step}", "lower the learning rate")
        state.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([*state.network.parameters(), *state.heads.parameters()], 1.0)
        state.optimizer.step()
        losses.append(float(loss.detach()))
    return float(np.mean(losses))


def batch_loss(network: Network, heads: Heads, batch: Batch, smoothing: float, device: torch.device) -> Tensor:
    """The mean over the heads of the mean cross-entropy over the windows that offer the head its modality."""
    tensors = (batch.eeg, batch.eeg_mask, batch.positions, batch.eye, batch.eye_valid)
    logits = heads(network.embed(*(torch.from_numpy(value).to(device) for value in tensors)))
    labels = torch.from_numpy(batch.labels).to(device)
    eeg, eye = batch.eeg_mask.any(axis=(1, 2)), batch.eye_valid.any(axis=1)
    losses = []
    for head, offered in zip(logits, (eeg, eye, eeg | eye), strict=True):
        if offered.any():
            rows = torch.from_numpy(np.flatnonzero(offered)).to(device)
            losses.append(functional.cross_entropy(head[rows], labels[rows], label_smoothing=smoothing))
    return torch.stack(losses).mean()


def _held_out_loss(state: Training, shards: Sequence[Shard], picked: Picked, device: torch.device) -> float:
    state.network.eval()
    with torch.inference_mode():
        batches = plain_batches(shards, picked, 256)
        losses = [(batch_loss(state.network, state.heads, b, 0.0, device), len(b.labels)) for b in batches]
    return float(np.average([float(loss) for loss, _ in losses], weights=[n for _, n in losses]))


def _schedule(done: float, warm_up: float) -> float:
    """Linear warm-up, then a cosine to zero; done is the share of all steps."""
    if done < warm_up:
        return done / warm_up
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, (done - warm_up) / (1.0 - warm_up))))


def _finished(state: Training, settings: TrainingSettings) -> bool:
    stale = state.epoch - 1 - state.best_epoch if state.best_epoch >= 0 else 0
    return state.epoch >= settings.epochs or stale >= settings.patience


def _weights(state: Training) -> dict[str, dict[str, Tensor]]:
    return {
        name: {key: value.detach().cpu().clone() for key, value in module.state_dict().items()}
        for name, module in (("network", state.network), ("heads", state.heads))
    }


def _save(state: Training, corpus: Corpus, settings: TrainingSettings, path: Path) -> None:
    save_checkpoint(
        path,
        {
            "corpus": str(corpus.path),
            "corpus_fingerprint": corpus.fingerprint,
            "labels": list(corpus.labels),
            "settings": asdict(settings),
            "split": {name: list(people) for name, people in asdict(state.split).items()},
            "weights": _weights(state),
            "optimizer": state.optimizer.state_dict(),
            "best": state.best,
            "best_loss": state.best_loss,
            "best_epoch": state.best_epoch,
            "epoch": state.epoch,
            "history": state.history,
        },
    )


def _resume(corpus: Corpus, settings: TrainingSettings, path: Path, device: torch.device) -> Training:
    saved = load_checkpoint(path)
    free = ("device", "max_minutes", "epochs", "patience")  # may differ from run to run
    before, now = ({k: v for k, v in s.items() if k not in free} for s in (saved["settings"], asdict(settings)))
    if saved["corpus_fingerprint"] != corpus.fingerprint:
        raise RtemoError(f"{path} was trained on another corpus", saved["corpus"], "name that one, or begin anew")
    if before != now:
        changed = sorted(key for key in now if before.get(key) != now[key])
        raise RtemoError(f"{path} was trained with other settings", f"{changed} differ", "use the same, or begin anew")
    network, heads = Network(settings.network).to(device), Heads(settings.network.width, len(corpus.labels)).to(device)
    state = _restore(saved, network, heads, device)
    state.optimizer = _optimizer(network, heads, settings)
    state.optimizer.load_state_dict(saved["optimizer"])
    return state


def _restore(saved: dict[str, Any], network: Network, heads: Heads, device: torch.device) -> Training:
    network.load_state_dict(saved["weights"]["network"])
    heads.load_state_dict(saved["weights"]["heads"])
    return Training(
        network=network.to(device),
        heads=heads.to(device),
        optimizer=torch.optim.AdamW(network.parameters()),
        split=SubjectSplit(**{name: tuple(people) for name, people in saved["split"].items()}),
        best=saved["best"],
        best_loss=saved["best_loss"],
        best_epoch=saved["best_epoch"],
        epoch=saved["epoch"],
        history=saved["history"],
    )


def _n_labels(heads: Heads) -> int:
    return int(next(iter(heads.parameters())).shape[0])


def _device(name: str) -> str:
    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"
