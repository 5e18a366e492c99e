"""What models make of the recordings of people whom they do not know: the one thing that calibration rests on."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from offline.corpus.corpus import Corpus, Shard
from offline.evaluation.methods.base import Array, ExportableModel, Method, Model
from offline.evaluation.methods.own import OwnModel, OwnNetwork
from offline.evaluation.window_table import Windows, WindowTable
from offline.export import calibrate
from offline.export.exported_model import embedding_of
from offline.export.session_outputs import NetworkOutputs, passing, run_network
from offline.fit.rating_heads import fit_heads, with_ratings
from offline.splits import CrossFold
from offline.training.choices import Choice
from rtemo.core.types import BoolArray
from rtemo.model.bundle import LinearHead
from rtemo.model.bundle_schema import COMBINATIONS, MAIN_HEAD, ModalityGate
from rtemo.model.embeddings import HEADS
from rtemo.model.uncertainty.novelty import Familiar
from rtemo.model.uncertainty.probabilities import logs

Passes = Mapping[int, Mapping[str, BoolArray]]  # recording -> combination -> (W,)
MOST_SESSIONS = 40  # of training, that say what embeddings are familiar


@dataclass(frozen=True, eq=False)
class FoldTask:
    """What all folds share. table: every window, labelled or not. names: the combinations of modalities that are asked
    for. passes: which windows the signal gate lets pass.

    per_trial: windows of each trial that a method is fitted on, at most; the network draws its own. ratings: those that
    regressions on the embeddings are fitted on.
    """

    table: WindowTable
    method: Method
    modalities: tuple[str, ...]
    names: tuple[str, ...]
    gate: ModalityGate
    passes: Passes
    seed: int
    per_trial: int
    ratings: tuple[str, ...] = ()

    def learnable(self, rows: NDArray[np.int64]) -> Windows:
        """These windows, as the method is fitted on them."""
        windows = Windows(self.table, rows, self.modalities)
        return windows if isinstance(self.method, OwnNetwork) else windows.thinned(self.per_trial)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """One fold. sessions: whole recordings of the people it holds out; mine: recording -> (W,) which windows are its
    to answer. chosen: on people who are neither learned from nor held out.
    """

    group: int
    sessions: tuple[NetworkOutputs, ...]
    mine: tuple[BoolArray, ...]
    chosen: Choice
    seconds: float


def gate_passes(shards: Sequence[Shard], gate: ModalityGate) -> Passes:
    """What the signal gate lets pass, by recording and combination."""
    return {number: passing(shard, gate) for number, shard in enumerate(shards)}


def hold_out(task: FoldTask, fold: CrossFold) -> HeldOut:
    """Fit without the fold's people, and answer all their windows. Raises RtemoError where the method cannot be fit."""
    began = time.monotonic()
    train, validation = (task.learnable(rows) for rows in (fold.split.train, fold.split.validation))
    model = task.method.fit(train, validation, task.seed)
    chosen = model.chosen
    if not isinstance(model, OwnModel):  # it takes no time to learn from those too on whom was chosen
        together = np.concatenate((fold.split.train, fold.split.validation))
        model = task.method.refit(task.learnable(np.sort(together)), chosen, task.seed)
    numbers = np.unique(task.table.shard[fold.answers])
    answered = [task.table.index[fold.answers[task.table.shard[fold.answers] == n]] for n in numbers]
    mine = tuple(_mask(len(task.table.shards[n].rows), index) for n, index in zip(numbers, answered, strict=True))
    sessions = outputs_of(task, model, [int(n) for n in numbers], fold.split.train)
    if task.ratings:
        heads = rating_heads(task, model, np.concatenate((fold.split.train, fold.split.validation)))
        plain = raw_outputs(task, model, [int(n) for n in numbers])
        rated = [with_ratings(one, heads).ratings for one in plain]
        sessions = tuple(replace(one, ratings=own) for one, own in zip(sessions, rated, strict=True))
    return HeldOut(fold.group, sessions, mine, chosen, time.monotonic() - began)


def outputs_of(
    task: FoldTask, model: Model, numbers: Sequence[int], learned_from: NDArray[np.int64]
) -> tuple[NetworkOutputs, ...]:
    """What the model makes of these recordings, by modalities, and how far that is from what it learned from."""
    known = raw_outputs(task, model, some(np.unique(task.table.shard[learned_from])))
    return tuple(whitened(raw_outputs(task, model, numbers), known))


def rating_heads(task: FoldTask, model: Model, rows: NDArray[np.int64]) -> dict[str, dict[str, LinearHead]]:
    """Regressions on the model's embeddings of these windows, for each rating and combination of modalities."""
    numbers = [int(n) for n in np.unique(task.table.shard[rows])]
    index = [task.table.index[rows[task.table.shard[rows] == n]] for n in numbers]
    allowed = [_mask(len(task.table.shards[n].rows), own) for n, own in zip(numbers, index, strict=True)]
    return fit_heads(raw_outputs(task, model, numbers), task.names, task.ratings, allowed)


def raw_outputs(task: FoldTask, model: Model, numbers: Sequence[int]) -> list[NetworkOutputs]:
    """What the model makes of these recordings, with its own embeddings."""
    if isinstance(model, OwnModel):
        return run_network(model.frozen.network, model.heads, [task.table.shards[n] for n in numbers], task.gate)
    return [_of_method(task, model, number) for number in numbers]


def whitened(sessions: Sequence[NetworkOutputs], known: Sequence[NetworkOutputs]) -> list[NetworkOutputs]:
    """The sessions with embeddings whose distance from 0 is the one from what was learned: `known`, of the same model.

    So embeddings of several models can stand side by side.
    """
    near = {name: calibrate.familiar(known, name) for name in COMBINATIONS if any(s.passes[name].any() for s in known)}
    root = {name: np.linalg.cholesky(one.precision.astype(np.float64)) for name, one in near.items()}
    found = []
    for session in sessions:
        z = dict(session.z)
        for name, one in near.items():
            head = MAIN_HEAD[name]
            z[head] = ((session.z[head] - one.mean).astype(np.float64) @ root[name]).astype(np.float32)
        found.append(replace(session, z=z, familiar={name: _at_zero(one) for name, one in near.items()}))
    return found


def _at_zero(one: Familiar) -> Familiar:
    return Familiar(np.zeros_like(one.mean), np.eye(len(one.mean), dtype=np.float32))


def some(numbers: NDArray[np.int64]) -> list[int]:
    """Evenly spread over the recordings: enough for a mean and a covariance."""
    at = np.unique(np.linspace(0, len(numbers) - 1, min(len(numbers), MOST_SESSIONS)).astype(int))
    return [int(numbers[i]) for i in at]


def _of_method(task: FoldTask, model: Model, number: int) -> NetworkOutputs:
    """One output for each combination of modalities, which stands where the network has a head."""
    whole = Windows(task.table, np.flatnonzero(task.table.shard == number), task.modalities)
    logits, z = {}, {}
    for name in task.names:
        seen = whole if name == "both" else whole.only((name,))
        logits[MAIN_HEAD[name]], z[MAIN_HEAD[name]] = _outputs(model, seen)
    unused = [head for head in HEADS if head not in logits]
    first = next(iter(logits.values())), next(iter(z.values()))
    logits |= {head: np.zeros_like(first[0]) for head in unused}
    z |= {head: np.zeros_like(first[1]) for head in unused}
    return NetworkOutputs(task.table.shards[number], z, logits, dict(task.passes[number]))


def _outputs(model: Model, windows: Windows) -> tuple[Array, NDArray[np.float32]]:
    """Logits (n, K) and embeddings (n, d), as the live application has them where the method can go live."""
    if not isinstance(model, ExportableModel):
        logits = logs(model.probabilities(windows))
        return logits, logits.astype(np.float32)
    found, features = model.outputs(windows)
    return np.asarray(found, np.float64), embedding_of(found, features)


def joined(folds: Sequence[HeldOut]) -> dict[int, list[NetworkOutputs]]:
    """Group of people -> their recordings, every window as the model answers it that is to."""
    by_recording: dict[tuple[int, str], list[tuple[NetworkOutputs, BoolArray]]] = {}
    for fold in folds:
        for session, mask in zip(fold.sessions, fold.mine, strict=True):
            by_recording.setdefault((fold.group, session.shard.about.id), []).append((session, mask))
    found: dict[int, list[NetworkOutputs]] = {}
    for (group, _), parts in by_recording.items():
        found.setdefault(group, []).append(_assembled(parts))
    return found


def _assembled(parts: Sequence[tuple[NetworkOutputs, BoolArray]]) -> NetworkOutputs:
    first = parts[0][0]
    logits = {head: np.array(values) for head, values in first.logits.items()}
    z = {head: np.array(values) for head, values in first.z.items()}
    ratings = {
        key: np.array(values) for key, values in first.ratings.items() if all(key in s.ratings for s, _ in parts)
    }
    for one, mask in parts[1:]:
        for head in HEADS:
            logits[head][mask], z[head][mask] = one.logits[head][mask], one.z[head][mask]
        for key, values in ratings.items():
            values[mask] = one.ratings[key][mask]
    familiar = {name: near for name, near in first.familiar.items() if all(name in one.familiar for one, _ in parts)}
    return replace(first, logits=logits, z=z, familiar=familiar, ratings=ratings)


def _mask(n: int, index: NDArray[np.int64]) -> BoolArray:
    mask = np.zeros(n, np.bool_)
    mask[index] = True
    return mask


def live_combinations(corpus: Corpus, modalities: Sequence[str]) -> tuple[str, ...]:
    """The combinations of modalities that a live session can offer and that use nothing but these."""
    used = {"eeg": ("eeg",), "eye": ("eye",), "both": ("eeg", "eye")}
    return tuple(one for one in corpus.sources.live_combinations() if set(used[one]) <= set(modalities))
