"""Accuracy of given weights with labels of few people: `python -m offline.benchmarks.few_labels`.

A quick measure for offline/LOG.md, not the evaluation.

Balanced accuracy of single windows by the joint head on people who were neither trained on nor selected on. For every
seed the people are dealt anew; of the same seed all runs have the same people, so that they can be compared in pairs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from offline.corpus.corpus import Corpus, Shard, open_corpus
from offline.evaluation.metrics import balanced_accuracy
from offline.splits import person
from offline.training.batches import NONE, Augmentation, all_labelled
from offline.training.finetune import fit, fit_frozen
from offline.training.frozen_network import FrozenNetwork
from offline.training.initial_weights import read_initial
from offline.training.probe import ProbeWindows
from offline.training.training_run import TrainingSettings
from rtemo.core.errors import RtemoError
from rtemo.model.embeddings import HEADS
from rtemo.model.network import Heads

_SELECTING, _TESTING = 1 / 6, 0.45  # of the people
_AUGMENTATIONS = {"full": Augmentation(), "light": Augmentation(0.3, 0.5, 0.15, 0.15, 0.2, 0.05, 0.05), "none": NONE}


def ablate(
    corpus: Corpus,
    settings: TrainingSettings,
    init: Mapping[str, Tensor] | None,
    n_people: int,
    seeds: Sequence[int],
    frozen: dict[int, FrozenNetwork],
) -> dict[str, list[float]]:
    """Head -> the mean over the tested people, for each seed. n_people: whose labels are used for training.

    frozen: what is kept of frozen networks, for the next call with the same weights; empty at first.
    """
    found: dict[str, list[float]] = {head: [] for head in HEADS}
    for seed in seeds:
        learning, selecting, testing = deal(corpus, n_people, seed)
        own = replace(settings, seed=seed)
        if settings.mode == "full":
            network, heads = fit(learning, selecting, own, init, len(corpus.labels))
            known = FrozenNetwork(network)
        else:
            known, heads, _ = fit_frozen(frozen, learning, selecting, own, init, len(corpus.labels))
        by_person = [accuracies(known, heads, shard) for shard in testing]
        for head in HEADS:
            found[head].append(float(np.mean([one[head] for one in by_person if head in one])))
    return found


def deal(corpus: Corpus, n_people: int, seed: int) -> tuple[tuple[Shard, ...], ...]:
    """Deal the people: recordings to train on, to select on, and to test on."""
    people = sorted({shard.about.subject for shard in corpus if len(shard.labelled)})
    order = [str(who) for who in np.random.default_rng([seed, 11]).permutation(people)]
    n_test, n_select = round(_TESTING * len(order)), max(1, round(_SELECTING * len(order)))
    rest = order[n_test + n_select :]
    return corpus.of(rest[:n_people]), corpus.of(order[n_test : n_test + n_select]), corpus.of(order[:n_test])


def accuracies(network: FrozenNetwork, heads: Heads, shard: Shard) -> dict[str, float]:
    """Head -> balanced accuracy over the recording's labelled windows that offer it its modality."""
    part = ProbeWindows((shard,), all_labelled((shard,)))
    embedded, truth = network.embed(part.shards, part.picked), part.labels
    with torch.inference_mode():
        logits = heads(embedded.as_tensors())
    found = {}
    for head, has, of_head in zip(HEADS, embedded.offered(), logits, strict=True):
        if has.any():
            found[head] = balanced_accuracy(truth[has], of_head.argmax(dim=1).numpy()[has])
    return found


def main() -> int:
    """Print one JSON line for each number of people."""
    parser = argparse.ArgumentParser(prog="python -m offline.benchmarks.few_labels", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, metavar="C")
    parser.add_argument("--init", type=Path, metavar="CKPT", help="(default: random weights)")
    parser.add_argument("--people", type=int, nargs="+", default=[4, 12], metavar="N", help="(default: 4 12)")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="(default: 3)")
    parser.add_argument("--epochs", type=int, default=TrainingSettings().epochs, metavar="N")
    parser.add_argument("--mode", choices=["full", "probe"], default="full")
    parser.add_argument("--augmentation", choices=sorted(_AUGMENTATIONS), default="full")
    asked = parser.parse_args()
    augmentation = _AUGMENTATIONS[asked.augmentation]
    settings = TrainingSettings(epochs=asked.epochs, mode=asked.mode, augmentation=augmentation)
    corpus, weights = open_corpus(asked.corpus), None
    if asked.init is not None:
        initial = read_initial(asked.init)
        initial.check_fits(corpus)
        if known := {person(shard.about) for shard in corpus} & set(initial.people):
            raise RtemoError(
                f"{asked.init} was trained on people of {asked.corpus}", sorted(known)[0], "use other people"
            )
        settings, weights = replace(settings, network=initial.network), initial.weights
    frozen: dict[int, FrozenNetwork] = {}
    for n_people in asked.people:
        found = ablate(corpus, settings, weights, n_people, range(asked.seeds), frozen)
        sys.stdout.write(json.dumps({"people": n_people, **found}) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
