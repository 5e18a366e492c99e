"""The training commands as functions: what they read, what they write, and what they refuse before any work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from offline.checkpoint import load_checkpoint
from offline.corpus import open_corpus
from offline.export import export as export_bundle
from offline.finetune import TrainingSettings, read_trained, train
from rtemo.core.errors import RtemoError
from rtemo.model.bundle import Bundle, load_bundle, read_network


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


def initial_weights(path: Path) -> dict[str, Tensor]:
    """The network's weights in a checkpoint or a bundle."""
    if path.is_dir():
        load_bundle(path)
        return {name: torch.from_numpy(value).float() for name, value in read_network(path).items()}
    best: dict[str, Any] = load_checkpoint(path).get("best", {})
    if "network" not in best:
        raise RtemoError(f"{path} holds no network", f"found {sorted(best)}", "name a checkpoint of finetune")
    return dict(best["network"])
