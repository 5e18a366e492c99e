"""Weights to begin from, and what they know: whose data, through which pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor

from offline.corpus.corpus import Corpus
from offline.training import training_run as training
from offline.training.checkpoint import load_checkpoint
from rtemo.core.errors import RtemoError
from rtemo.core.records import Made, Reader
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
        if bundle.spec.model.kind != "network":
            model = f"{bundle.spec.model.kind} {bundle.spec.model.name}"
            raise RtemoError(f"{path} holds no network to begin from", model, "name a bundle of rtemo's own network")
        spec, reader = bundle.spec, Reader(f"the model bundle {path}", "export it again")
        weights = {name: torch.from_numpy(value).float() for name, value in read_network(path).items()}
        people, origin = (
            reader.value(tuple[str, ...], spec.training.get(name, ()), f"training.{name}")
            for name in ("seen", "origin")
        )
        origin = (*origin, f"{spec.training.get('corpus')} ({spec.trained_on})")
        network = NetworkConfig.from_dict(spec.network)
        return InitialWeights(path, "bundle", weights, network, people, spec.pipeline, origin)
    saved = load_checkpoint(path, PRETRAIN, training.KIND)
    reader = Reader(f"the checkpoint {path}", "train it again")
    about = reader.read(_CheckpointAbout, {name: saved[name] for name in _CheckpointAbout.__slots__ if name in saved})
    best = saved if saved["kind"] == PRETRAIN else reader.value(Mapping[str, Any], saved.get("best"), "best")
    weights = reader.value(Mapping[str, Annotated[Tensor, Made(Any, _tensor)]], best.get("network"), "network")
    origin = tuple(one.said for one in about.corpora) if saved["kind"] == PRETRAIN else (*about.origin, about.said)
    return InitialWeights(
        path, saved["kind"], weights, about.settings, about.people, about.pipeline, origin, about.clips
    )


def _tensor(value: object) -> Tensor:
    if not isinstance(value, Tensor):
        raise ValueError("not a tensor")  # noqa: TRY004  what Made turns into the error with the key
    return value


def _network(settings: Mapping[str, Any]) -> NetworkConfig:
    return NetworkConfig.from_dict(settings.get("network", {}))


@dataclass(frozen=True, slots=True)
class _CorpusIdentity:
    fingerprint: str
    said: str


@dataclass(frozen=True, slots=True)
class _CheckpointAbout:
    """What a checkpoint says about its weights. corpora: of pretraining; origin, said: of fine-tuning."""

    settings: Annotated[NetworkConfig, Made(Mapping[str, Any], _network)]
    pipeline: Annotated[PipelineSettings, Made(Mapping[str, Any], PipelineSettings.from_dict)]
    people: tuple[str, ...]
    clips: tuple[str, ...] | None = None
    corpora: tuple[_CorpusIdentity, ...] = ()
    origin: tuple[str, ...] = ()
    said: str = ""


def live_settings(corpus: Corpus) -> PipelineSettings:
    """The corpus's pipeline settings with the hop of a live session: what a window holds does not depend on it."""
    return PipelineSettings.from_dict(corpus.pipeline).with_hop(PipelineSettings().window.hop_s)


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))
