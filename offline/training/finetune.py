"""Supervised training of the network and its three heads, from scratch or from weights that are given.

People are disjoint between training, selection, calibration and test (offline.splits). All randomness is drawn from
(seed, epoch), so that a resumed run goes on exactly as if it had not stopped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from offline.corpus.corpus import UNLABELLED, Corpus, Shard
from offline.splits import SubjectSplit, check_disjoint, person, split_subjects
from offline.training.batches import Picked, TrainingBatch, pick_epoch, plain_batches, training_batches
from offline.training.choices import part_of, prefixed
from offline.training.data_parallel import device_of
from offline.training.deadline import look_at_the_clock
from offline.training.frozen_network import FrozenNetwork
from offline.training.optimizer import schedule, set_rate
from offline.training.probe import ProbeWindows, fit_heads
from offline.training.training_run import (
    Training,
    TrainingSettings,
    begin,
    best_network,
    resume_training,
    save_training,
    weights,
)
from rtemo.core.errors import RtemoError
from rtemo.model.network import Heads, Network

__all__ = ["Training", "TrainingSettings", "batch_loss", "chosen_of", "fit", "fit_frozen", "fit_whole", "train"]

_VALIDATION_PER_TRIAL = 12
_STRENGTH = "strength"


def train(
    corpus: Corpus,
    settings: TrainingSettings,
    checkpoint: Path,
    init: Mapping[str, Tensor] | None = None,
    split: SubjectSplit | None = None,
    pretrained_on: Collection[str] = (),
    origin: Collection[str] = (),
) -> Training:
    """Train to the end, or to where patience or time ends; a checkpoint after every epoch. Goes on from `checkpoint`
    where it exists. pretrained_on, origin: who the given weights know (offline.splits.person), and from
    which corpora.

    Raises RtemoError where the checkpoint belongs to another corpus, seed or split, where somebody held out was
    pretrained on, or where the loss is not finite.
    """
    device = device_of(settings.device)
    if split is None:
        labelled = sorted({shard.about.subject for shard in corpus if len(shard.labelled)})
        split = split_subjects(labelled, settings.seed)
    check_disjoint(split)
    _check_unseen(corpus, split, pretrained_on)
    if checkpoint.exists():
        state = resume_training(corpus, settings, checkpoint, device, pretrained_on, given=init is not None)
        if state.split != split:
            raise RtemoError(f"{checkpoint} was trained with another split", "", "use the same, or begin anew")
    else:
        state = begin(settings, len(corpus.labels), device, init, split, pretrained_on, origin)
    _run(
        state,
        corpus.of(split.train),
        corpus.of(split.validation),
        settings,
        lambda: save_training(state, corpus, settings, checkpoint),
    )
    return state


def _check_unseen(corpus: Corpus, split: SubjectSplit, pretrained_on: Collection[str]) -> None:
    held_out = {person(shard.about) for shard in corpus if shard.about.subject not in split.train}
    if known := sorted(held_out & set(pretrained_on)):
        raise RtemoError(
            "the given weights were trained on people who are held out",
            f"{len(known)}, such as {known[0]}",
            "pretrain without the people of this corpus (--exclude)",
        )


def fit(
    train: Sequence[Shard],
    validation: Sequence[Shard],
    settings: TrainingSettings,
    init: Mapping[str, Tensor] | None = None,
    n_labels: int | None = None,
) -> tuple[Network, Heads]:
    """Train on the labelled windows of some recordings, select on those of others; no file is read or written.

    n_labels: how many labels there are; by default as many as the recordings have. Gives the best weights, on the CPU.
    """
    return best_network(fit_selecting(train, validation, settings, init, n_labels))


def fit_selecting(
    train: Sequence[Shard],
    validation: Sequence[Shard],
    settings: TrainingSettings,
    init: Mapping[str, Tensor] | None = None,
    n_labels: int | None = None,
) -> Training:
    """`fit` with all that came of it (`best_network`, `chosen_of`)."""
    if n_labels is None:
        codes = np.concatenate([shard.rows["label"] for shard in (*train, *validation)])
        n_labels = int(codes.max(initial=UNLABELLED)) + 1
    state = begin(settings, n_labels, device_of(settings.device), init)
    _run(state, train, validation, settings, lambda: None)
    return state


def fit_whole(
    people: Sequence[Shard],
    settings: TrainingSettings,
    init: Mapping[str, Tensor] | None,
    n_labels: int,
    chosen: Mapping[str, float],
) -> tuple[Network, Heads]:
    """Train on everybody, with what other runs chose (`chosen_of`): nobody is held out, and the last weights count."""
    state = begin(settings, n_labels, device_of(settings.device), init)
    _fit_new_heads(FrozenNetwork(state.network), state.heads, people, None, settings, chosen)
    device = next(state.network.parameters()).device
    bar = tqdm(total=round(chosen["epochs"]), desc="training on everybody", unit="epoch", disable=None)
    while state.epoch < round(chosen["epochs"]):
        _epoch(state, people, settings, device)
        state.epoch += 1
        bar.update()
    bar.close()
    state.best = weights(state)
    return best_network(state)


def chosen_of(state: Training) -> dict[str, float]:
    """What the people held out for selection decided: epochs, and the strength of each head before the first."""
    return {"epochs": float(state.best_epoch + 1), **state.strengths}


def fit_frozen(
    known: dict[int, FrozenNetwork],
    train: Sequence[Shard],
    validation: Sequence[Shard] | None,
    settings: TrainingSettings,
    init: Mapping[str, Tensor] | None,
    n_labels: int,
    chosen: Mapping[str, float] | None = None,
) -> tuple[FrozenNetwork, Heads, dict[str, float]]:
    """New heads on a network that stays as it is, given or untrained; on the CPU. Third: what was chosen.

    known: networks with what they made of windows, from calls with the same init; this call's is added.
    validation: None where nobody is held out, and `chosen` has what other runs chose.
    """
    begun = begin(settings, n_labels, torch.device("cpu"), init)
    which = settings.seed if init is None else 0  # given weights are the same for every seed
    if which not in known:
        known[which] = FrozenNetwork(best_network(begun)[0])
    used = _fit_new_heads(known[which], begun.heads, train, validation, settings, chosen)
    return known[which], begun.heads.eval(), used


def _run(
    state: Training,
    shards: Sequence[Shard],
    held_out: Sequence[Shard],
    settings: TrainingSettings,
    keep: Callable[[], None],
) -> None:
    device = next(state.network.parameters()).device
    selection, began = _selection(held_out, settings), time.monotonic()
    if not math.isfinite(state.best_loss):
        state.strengths = _fit_new_heads(FrozenNetwork(state.network), state.heads, shards, held_out, settings)
        state.best, state.best_loss = weights(state), _held_out_loss(state, held_out, selection, device)
        keep()
    bar = tqdm(total=settings.epochs, initial=state.epoch, desc="training", unit="epoch", disable=None)
    while not _finished(state, settings) and time.monotonic() - began < 60.0 * settings.max_minutes:
        train_loss = _epoch(state, shards, settings, device)
        held_out_loss = _held_out_loss(state, held_out, selection, device)
        state.history.append({"epoch": state.epoch, "train_loss": train_loss, "validation_loss": held_out_loss})
        if held_out_loss < state.best_loss:
            state.best, state.best_loss, state.best_epoch = weights(state), held_out_loss, state.epoch
        state.epoch += 1
        keep()
        bar.update()
        bar.set_postfix(train=f"{train_loss:.3f}", held_out=f"{held_out_loss:.3f}", best=f"{state.best_loss:.3f}")
    bar.close()


def _fit_new_heads(
    frozen: FrozenNetwork,
    heads: Heads,
    train: Sequence[Shard],
    validation: Sequence[Shard] | None,
    settings: TrainingSettings,
    chosen: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Sets the heads as training begins with them, and as mode "probe" leaves them (offline.training.probe).

    Gives the strengths, named for `chosen_of`. validation: None where `chosen` has them already.
    """
    first = pick_epoch(train, _per_trial(train, settings), np.random.default_rng([settings.seed, 4]))
    select = None if validation is None else ProbeWindows(validation, _selection(validation, settings))
    given = None if chosen is None else part_of(_STRENGTH, chosen)
    return prefixed(_STRENGTH, fit_heads(frozen, heads, ProbeWindows(train, first), select, given))


def _selection(shards: Sequence[Shard], settings: TrainingSettings) -> Picked:
    return pick_epoch(shards, _VALIDATION_PER_TRIAL, np.random.default_rng([settings.seed, 1]))


def _epoch(state: Training, shards: Sequence[Shard], settings: TrainingSettings, device: torch.device) -> float:
    torch.manual_seed(settings.seed * 100_003 + state.epoch)  # dropout
    random = np.random.default_rng([settings.seed, 2, state.epoch])
    picked = pick_epoch(shards, _per_trial(shards, settings), random)
    steps = math.ceil(len(picked.shard) / settings.batch)
    state.network.train()
    losses = []
    batches = training_batches(shards, picked, settings.batch, settings.augmentation, random)
    for step, batch in enumerate(tqdm(batches, total=steps, desc=f"epoch {state.epoch}", leave=False, disable=None)):
        look_at_the_clock()
        done = (state.epoch + step / steps) / settings.epochs
        set_rate(state.optimizer, settings.rate * schedule(done, settings.warm_up))
        loss = batch_loss(state.network, state.heads, batch, settings.label_smoothing, device)
        if not bool(torch.isfinite(loss)):
            raise RtemoError("the loss is not finite", f"epoch {state.epoch}, step {step}", "lower the learning rate")
        state.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([*state.network.parameters(), *state.heads.parameters()], 1.0)
        state.optimizer.step()
        losses.append(float(loss.detach()))
    return float(np.mean(losses))


def _per_trial(shards: Sequence[Shard], settings: TrainingSettings) -> int:
    trials = sum(len(np.unique(shard.rows["trial"][shard.labelled])) for shard in shards)
    return max(settings.per_trial, math.ceil(settings.least_steps * settings.batch / max(trials, 1)))


def batch_loss(network: Network, heads: Heads, batch: TrainingBatch, smoothing: float, device: torch.device) -> Tensor:
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


def _finished(state: Training, settings: TrainingSettings) -> bool:
    stale = state.epoch - 1 - state.best_epoch if math.isfinite(state.best_loss) else 0
    return settings.mode == "probe" or state.epoch >= settings.epochs or stale >= settings.patience
