"""The training commands as functions: what they read, what they write, and what they refuse before any work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from offline.checkpoint import load_checkpoint
from offline.corpus import open_corpus
from offline.export import export as export_bundle
from offline.export import live_settings
from offline.finetune import TrainingSettings, read_trained, train
from offline.scores import score as score_people
from offline.sessions import run_network
from rtemo.core.errors import RtemoError
from rtemo.model.bundle import Bundle, load_bundle, read_network
from rtemo.model.network import Heads, Network, NetworkConfig


def finetune(
    corpus: Path, out: Path, name: str, settings: TrainingSettings, init: Path | None, *, resume: bool
) -> Bundle:
    """Train, calibrate, and write the bundle. The checkpoint stays beside it, for `export` and for more epochs."""
    checkpoint = out.with_name(f"{out.name}.checkpoint.pt")
    if out.exists():
        raise RtemoError(f"{out} exists already", "nothing is overwritten", "name another folder")
    if checkpoint.exists() and not resume:
        raise RtemoError(f"{checkpoint} is there from an earlier run", "", "pass --resume, or remove it")
    data = open_corpus(corpus)
    state = train(data, settings, checkpoint, None if init is None else initial_weights(init))
    return export_bundle(state, data, name, out, settings.seed)


def export(checkpoint: Path, corpus: Path | None, out: Path, name: str) -> Bundle:
    """The second half of `finetune`, from its checkpoint."""
    state, saved = read_trained(checkpoint)
    data = open_corpus(Path(saved["corpus"]) if corpus is None else corpus)
    if data.fingerprint != saved["corpus_fingerprint"]:
        raise RtemoError(f"{checkpoint} was trained on another corpus", saved["corpus"], "name that one with --corpus")
    return export_bundle(state, data, name, out, int(saved["settings"]["seed"]))


def score(path: Path, corpus: Path) -> dict[str, Any]:
    """How a bundle does on a corpus of people that it was not trained on, by combination of modalities.

    Raises RtemoError where the corpus was built with other pipeline settings, has other labels, or trained the bundle.
    """
    bundle, data = load_bundle(path), open_corpus(corpus)
    if data.fingerprint == bundle.spec.training.get("corpus_fingerprint"):
        raise RtemoError(f"{path} was trained on {corpus}", "", "score it on other people")
    if live_settings(data) != bundle.spec.pipeline.with_hop(live_settings(data).window.hop_s):
        raise RtemoError(f"{corpus} was built with other pipeline settings than {path}", "", "build it again")
    if data.labels != bundle.labels:
        raise RtemoError(f"{corpus} has other labels", f"{data.labels}, not {bundle.labels}", "use another corpus")
    network, heads = _as_torch(bundle)
    labelled = [shard for shard in data if len(shard.labelled)]
    sessions = run_network(network, heads, labelled, bundle.spec.gate, "score")
    scores = {name: score_people(bundle, sessions, name) for name in bundle.spec.combinations}
    return {"bundle": bundle.fingerprint, "corpus": data.fingerprint, **scores}


def _as_torch(bundle: Bundle) -> tuple[Network, Heads]:
    network = Network(NetworkConfig.from_dict(bundle.spec.network))
    network.load_state_dict(initial_weights(bundle.path))
    heads = Heads(network.config.width, len(bundle.labels))
    values = {}
    for name, head in bundle.heads.items():
        values[f"linear.{name}.weight"] = torch.from_numpy(head.weight)
        values[f"linear.{name}.bias"] = torch.from_numpy(head.bias)
    heads.load_state_dict(values)
    return network, heads


def initial_weights(path: Path) -> dict[str, Tensor]:
    """The network's weights in a checkpoint or a bundle."""
    if path.is_dir():
        load_bundle(path)
        return {name: torch.from_numpy(value).float() for name, value in read_network(path).items()}
    best: dict[str, Any] = load_checkpoint(path).get("best", {})
    if "network" not in best:
        raise RtemoError(f"{path} holds no network", f"found {sorted(best)}", "name a checkpoint of finetune")
    return dict(best["network"])
