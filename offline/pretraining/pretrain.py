"""Self-supervised pretraining on the windows of several corpora, with or without eye data, with or without labels.

Everything that is random follows from (seed, step), so that a resumed run is bitwise the one that was not interrupted.
Under torchrun every process takes its rows of each batch (offline.training.data_parallel). The checkpoint lists the
people that it was trained on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from tqdm import tqdm

from offline.corpus.corpus import Corpus, Shard
from offline.pretraining.contexts_and_targets import Masking, Sampler, clips_read, readable
from offline.pretraining.diagnostics import gradients, spread
from offline.pretraining.material import material
from offline.pretraining.objectives import Objectives, Pairs, Tensors, Weights
from offline.splits import person
from offline.training.batches import TrainingBatch
from offline.training.checkpoint import load_checkpoint, save_checkpoint
from offline.training.data_parallel import (
    ProcessGroup,
    average,
    average_gradients,
    check_divides,
    device_of,
    in_precision,
    process_group,
)
from offline.training.initial_weights import PRETRAIN, live_settings
from offline.training.optimizer import flat, schedule, set_rate
from offline.training.training_log import TrainingLog
from rtemo.core.errors import RtemoError
from rtemo.model.network import Network, NetworkConfig

_FREE = ("device", "max_minutes", "save_every", "precision")  # may differ from run to run


@dataclass(frozen=True, slots=True)
class PretrainSettings:
    """How the network is pretrained. precision: "bf16", "fp32", or "auto" for bf16 where a GPU has it."""

    seed: int = 0
    device: str = "auto"
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    max_minutes: float = math.inf
    steps: int = 1500
    batch: int = 192
    rate: float = 1e-3
    warm_up: float = 0.1  # share of all steps
    weight_decay: float = 0.05
    balance: float = 0.5  # of several corpora, see material.py
    log_every: int = 25
    save_every: int = 100
    network: NetworkConfig = field(default_factory=NetworkConfig)
    masking: Masking = field(default_factory=Masking)
    weights: Weights = field(default_factory=Weights)


@dataclass(slots=True)
class Pretraining:
    """The state of a run between two steps."""

    network: Network
    objectives: Objectives
    optimizer: torch.optim.Optimizer
    people: tuple[str, ...]
    clips: tuple[str, ...]
    step: int = 0  # the next one
    left_out: tuple[str, ...] = ()  # recordings and people, one line each


def pretrain(
    corpora: Sequence[Corpus],
    settings: PretrainSettings,
    checkpoint: Path,
    exclude: Collection[str] = (),
    tensorboard: Path | None = None,
    exclude_clips: Collection[str] = (),
    keep_out: Sequence[Corpus] = (),
) -> Pretraining:
    """Train to the end, or to where time ends, and keep a checkpoint. Goes on from `checkpoint` where it exists.

    exclude: people (offline.splits.person) whose windows are not read; exclude_clips: clips, likewise; keep_out:
    corpora whose people are not read, under whatever name they are there. The log lies beside the checkpoint.
    Raises RtemoError where the corpora were built with different settings, where the checkpoint is of another run,
    where nobody has a name that is to be excluded, or where the loss is not finite.
    """
    _check_alike(corpora, settings.network)
    chosen = material(corpora, exclude, keep_out, settings.balance)
    shards = chosen.shards
    sampler = Sampler(shards, settings.masking, settings.seed, exclude_clips, chosen.shares)
    with process_group() as own:
        check_divides(settings.batch, settings.masking.group, own.size)
        device = device_of(settings.device)
        state = _begin(settings, shards, device, frozenset(exclude_clips))
        state.left_out = chosen.left_out
        if checkpoint.exists():
            _resume(state, corpora, settings, checkpoint)
        log = TrainingLog(log_path(checkpoint), state.step, tensorboard) if own.rank == 0 else None
        try:
            _run(state, sampler, corpora, settings, checkpoint, own, log)
        finally:
            if log is not None:
                log.close()
    return state


def log_path(checkpoint: Path) -> Path:
    """Where the numbers of a run are."""
    return checkpoint.with_name(f"{checkpoint.name}.log.jsonl")


def _run(
    state: Pretraining,
    sampler: Sampler,
    corpora: Sequence[Corpus],
    settings: PretrainSettings,
    checkpoint: Path,
    own: ProcessGroup,
    log: TrainingLog | None,
) -> None:
    began, first = time.monotonic(), state.step
    bar = tqdm(total=settings.steps, initial=first, desc="pretraining", unit="step", disable=None if log else True)
    while state.step < settings.steps and not _time_is_up(began, settings, own):
        values = _step(state, sampler, settings, own)
        if log is not None and values:
            log.write(state.step, values)
            speed = settings.batch * (state.step + 1 - first) / (time.monotonic() - began)
            bar.set_postfix(loss=f"{values['loss']:.3f}", windows_per_s=f"{speed:.0f}")
        state.step += 1
        if log is not None and (state.step % settings.save_every == 0 or state.step == settings.steps):
            _save(state, corpora, settings, checkpoint)
        bar.update()
    bar.close()
    if log is not None and (first < state.step < settings.steps or not checkpoint.exists()):
        _save(state, corpora, settings, checkpoint)


def _step(state: Pretraining, sampler: Sampler, settings: PretrainSettings, own: ProcessGroup) -> dict[str, float]:
    """One step of the optimizer; the numbers for the log where its turn has come, else nothing."""
    device = next(state.network.parameters()).device
    views = sampler.views(state.step, own.rows(settings.batch))
    target, context = _tensors(views.target, device), _tensors(views.context, device)
    pairs = Pairs(*(torch.from_numpy(value).to(device) for value in (views.same, views.across, views.near)))
    with in_precision(settings.precision, device):
        terms, seen = state.objectives(state.network, target, context, pairs, state.step, own)
    total = state.objectives.total(terms)
    values = {name: float(average(term.detach().clone(), own)) for name, term in terms.items()}
    if odd := [name for name, value in values.items() if not math.isfinite(value)]:
        raise RtemoError(f"the loss is not finite: {', '.join(odd)}", f"step {state.step}", "lower the learning rate")
    logged: dict[str, float] = {}
    rate = settings.rate * schedule(state.step / settings.steps, settings.warm_up)
    if state.step % settings.log_every == 0:
        loss = float(average(total.detach().clone(), own))
        logged = {"loss": loss, **values, "rate": rate, **spread(seen, own)}
        logged |= gradients(terms, total, list(state.network.parameters()), own)
    set_rate(state.optimizer, rate)
    state.optimizer.zero_grad()
    total.backward()  # type: ignore[no-untyped-call]
    parameters = [*state.network.parameters(), *state.objectives.parameters()]
    average_gradients(parameters, own)
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    state.optimizer.step()
    return logged


def _time_is_up(began: float, settings: PretrainSettings, own: ProcessGroup) -> bool:
    """Decided by the first process for all."""
    late = torch.tensor([float(time.monotonic() - began >= 60.0 * settings.max_minutes)])
    if own.size == 1:
        return bool(late)
    late = late.to(device_of(settings.device))
    torch.distributed.broadcast(late, 0)
    return bool(late)


def _tensors(batch: TrainingBatch, device: torch.device) -> Tensors:
    values = (batch.eeg, batch.eeg_mask, batch.positions, batch.eye, batch.eye_valid)
    eeg, mask, positions, eye, valid = (torch.from_numpy(value).to(device) for value in values)
    return eeg, mask, positions, eye, valid


def _begin(
    settings: PretrainSettings, shards: Sequence[Sequence[Shard]], device: torch.device, without: frozenset[str]
) -> Pretraining:
    torch.manual_seed(settings.seed)
    network = Network(settings.network).to(device).eval()  # the masks are disturbance enough
    objectives = Objectives(settings.network, settings.weights, settings.masking.group).to(device)
    optimizer = flat([*network.parameters(), *objectives.parameters()], settings.rate, settings.weight_decay)
    people = sorted({person(shard.about) for one in shards for shard in one if len(readable(shard, without))})
    clips = sorted(set().union(*(clips_read(shard, without) for one in shards for shard in one)))
    return Pretraining(network, objectives, optimizer, tuple(people), tuple(clips))


def _save(state: Pretraining, corpora: Sequence[Corpus], settings: PretrainSettings, path: Path) -> None:
    save_checkpoint(
        path,
        PRETRAIN,
        {
            "settings": asdict(settings),
            "pipeline": dict(corpora[0].pipeline),
            "corpora": [_identity(corpus) for corpus in corpora],
            "people": list(state.people),
            "clips": list(state.clips),
            "left_out": list(state.left_out),
            "network": _copy(state.network),
            "objectives": _copy(state.objectives),
            "optimizer": state.optimizer.state_dict(),
            "step": state.step,
        },
    )


def _resume(state: Pretraining, corpora: Sequence[Corpus], settings: PretrainSettings, path: Path) -> None:
    saved = load_checkpoint(path, PRETRAIN)
    if saved["corpora"] != [_identity(corpus) for corpus in corpora]:
        names = ", ".join(one["said"] for one in saved["corpora"])
        raise RtemoError(f"{path} was trained on other corpora", names, "name those, in that order, or begin anew")
    settings_before = {"balance": 0.0, **saved["settings"]}  # which older checkpoints do not have
    before, now = ({k: v for k, v in s.items() if k not in _FREE} for s in (settings_before, asdict(settings)))
    if before != now:
        changed = sorted(key for key in now if before.get(key) != now[key])
        raise RtemoError(f"{path} was trained with other settings", f"{changed} differ", "use the same, or begin anew")
    if tuple(saved["people"]) != state.people:
        raise RtemoError(f"{path} was trained on other people", "", "exclude the same, or begin anew")
    if tuple(saved["clips"]) != state.clips:
        raise RtemoError(f"{path} was trained on other clips", "", "exclude the same, or begin anew")
    state.network.load_state_dict(saved["network"])
    state.objectives.load_state_dict(saved["objectives"])
    state.optimizer.load_state_dict(saved["optimizer"])
    state.step = saved["step"]


def _identity(corpus: Corpus) -> dict[str, str]:
    return {"fingerprint": corpus.fingerprint, "said": corpus.said}


def _copy(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in module.state_dict().items()}


def _check_alike(corpora: Sequence[Corpus], network: NetworkConfig) -> None:
    if not corpora:
        raise RtemoError("there is nothing to pretrain on", "no corpus", "name one or more")
    for other in corpora[1:]:
        if live_settings(other) != live_settings(corpora[0]):
            todo = "build them again with one version"
            raise RtemoError(f"{other.path} was built with other pipeline settings", f"than {corpora[0].path}", todo)
    for corpus in corpora:
        eeg, eye = corpus.shards[0].eeg.shape, corpus.shards[0].eye.shape
        found, wanted = (eeg[1], eeg[3], eye[1]), (network.frames, network.bands, network.eye_features)
        if found != wanted:
            raise RtemoError(f"the windows of {corpus.path} do not fit the network", f"{found}, not {wanted}", "")
