"""Weights to begin from, and what they know: whose data, through which pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from offline.corpus.corpus import Corpus
from offline.training import training_run as training
from offline.training.checkpoint import load_checkpoint
from rtemo.core.errors import RtemoError
from rtemo.core.settings import PipelineSettings
from rtemo.model.bundle import load_bundle, read_network
from rtemo.model.network import NetworkConfig

PRETRAIN = "pretrain"  # the kind of checkpoint that pretraining writes


@dataclass(frozen=True, slots=True)
class InitialWeights:
    """A network's weights and shape. people: everybody who has shaped them (offline.splits.person), sorted.

    clips: everything that was seen, sorted; None where that is not known. origin: the corpora that they were trained
    on, in words.
    """

    path: Path
    kind: str
    weights: Mapping[str, Tensor]
    network: NetworkConfig
    people: tuple[str, ...]
    pipeline: PipelineSettings
    origin: tuple[str, ...]
    clips: tuple[str, ...] | None = None

    def check_fits(self, corpus: Corpus) -> None:
        """Raises RtemoError where the corpus was built with settings that give other windows."""
        own, other = self.pipeline, live_settings(corpus)
        if own.with_hop(other.window.hop_s) != other:
            changed = _differing(own.to_dict(), other.to_dict())
            raise RtemoError(
                f"{corpus.path} was built with other pipeline settings than {self.path}",
                f"{changed} differ",
                "build the corpus again, or begin from other weights",
            )


def read_initial(path: Path) -> InitialWeights:
    """From a checkpoint of pretrain or finetune, or from a bundle."""
    if path.is_dir():
        bundle = load_bundle(path)
        weights = {name: torch.from_numpy(value).float() for name, value in read_network(path).items()}
        people = tuple(bundle.spec.training.get("seen", ()))
        config = NetworkConfig.from_dict(bundle.spec.network)
        spec = bundle.spec
        origin = (*spec.training.get("origin", ()), f"{spec.training.get('corpus')} ({spec.trained_on})")
        return InitialWeights(path, "bundle", weights, config, people, spec.pipeline, origin)
    saved = load_checkpoint(path, PRETRAIN, training.KIND)
    config = NetworkConfig.from_dict(saved["settings"]["network"])
    pipeline = PipelineSettings.from_dict(saved["pipeline"])
    weights = saved["network"] if saved["kind"] == PRETRAIN else saved["best"]["network"]
    said = _said(saved)
    clips = tuple(saved["clips"]) if "clips" in saved else None
    return InitialWeights(path, saved["kind"], weights, config, tuple(saved["people"]), pipeline, tuple(said), clips)


def live_settings(corpus: Corpus) -> PipelineSettings:
    """The corpus's pipeline settings with the hop of a live session: what a window holds does not depend on it."""
    return PipelineSettings.from_dict(corpus.pipeline).with_hop(PipelineSettings().window.hop_s)


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))


def _said(saved: Mapping[str, Any]) -> list[str]:
    if saved["kind"] == PRETRAIN:
        return [one["said"] for one in saved["corpora"]]
    return [*saved["origin"], saved["said"]]
