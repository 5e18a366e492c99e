"""From a finished training run to a model bundle: calibrate, score on people used for nothing else, write."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from offline.corpus.corpus import Corpus, Shard
from offline.export import calibrate
from offline.export.bundle_scores import score
from offline.export.model_card import model_card
from offline.export.onnx_graph import head_arrays, write_onnx
from offline.export.session_outputs import NetworkOutputs, run_network
from offline.splits import person
from offline.training.initial_weights import live_settings
from offline.training.training_run import Training, best_network
from rtemo.core.errors import RtemoError
from rtemo.model.bundle import Bundle, write_bundle
from rtemo.model.bundle_schema import BundleSpec, Combination, InputShape, ModalityGate
from rtemo.model.uncertainty.novelty import Familiar

GATE = ModalityGate(eeg_coverage=0.5, eeg_channels=2.0, eeg_share=0.25, gaze_coverage=0.4, eye_share=0.3)
_NOVELTY_SESSIONS = 40  # training sessions that give mean and covariance of the embeddings


def export(state: Training, corpus: Corpus, name: str, out: Path, seed: int) -> Bundle:
    """Write the bundle to the folder `out`, which must not exist."""
    if out.exists():
        raise RtemoError(f"{out} exists already", "nothing is overwritten", "name another folder")
    corpus.sources.live_combinations()  # refuses what could never run before any work
    network, heads = best_network(state)
    sides = {
        side: run_network(network, heads, _labelled(corpus.of(people)), GATE, f"{side} people")
        for side, people in asdict(replace(state.split, train=_some(state.split.train))).items()
    }
    spec, familiar = _calibrated(state, corpus, name, seed, sides)
    arrays = head_arrays(heads)
    draft = Bundle(out, spec, arrays, familiar, "")
    metrics = {name: score(draft, sides["test"], name) for name in spec.combinations}
    spec = replace(spec, metrics={name: value for name, value in metrics.items() if value is not None})
    weights = {key: value.half().numpy() for key, value in network.state_dict().items()}
    return write_bundle(out, spec, arrays, familiar, weights, lambda path: write_onnx(network, path), model_card(spec))


def _calibrated(
    state: Training, corpus: Corpus, name: str, seed: int, sides: Mapping[str, Sequence[NetworkOutputs]]
) -> tuple[BundleSpec, dict[str, Familiar]]:
    validation, held_out = sides["validation"], sides["calibration"]
    by_head = calibrate.temperatures(validation)
    fused = calibrate.fusion_weights(validation, by_head)
    weights = {one: fused[one] for one in corpus.sources.live_combinations()}
    settings = live_settings(corpus)
    prior = calibrate.label_shares(sides["train"], len(corpus.labels))
    smoothing, decorrelation = calibrate.fit_smoothing(weights, by_head, prior, settings.window.length_s, validation)
    familiar = {one: calibrate.familiar(sides["train"], one) for one in weights}
    combinations: dict[str, Combination] = {}
    for one, own in weights.items():
        fitted = (own, by_head, smoothing, decorrelation[one])
        warmth = calibrate.smoothed_temperature(one, *fitted, validation)
        combinations[one] = calibrate.combination(one, *fitted, warmth, held_out, familiar[one])
    config = state.network.config
    spec = BundleSpec(
        name=name,
        labels=corpus.labels,
        pipeline=settings,
        input=InputShape(config.frames, config.bands, config.eye_features, config.width),
        network=config.to_dict(),
        temperatures=by_head,
        combinations=combinations,
        gate=GATE,
        smoothing=smoothing,
        decision=calibrate.decision(len(corpus.labels)),
        trained_on=str(corpus.description["people"]),
        training=_training(state, corpus, seed),
        metrics={},
    )
    return spec, familiar


def _training(state: Training, corpus: Corpus, seed: int) -> dict[str, Any]:
    return {
        "corpus": corpus.name,
        "corpus_fingerprint": corpus.fingerprint,
        "description": dict(corpus.description),
        "people": {side: len(people) for side, people in asdict(state.split).items()},
        "sessions": len(corpus.shards),
        "windows": sum(len(shard.labelled) for shard in corpus),
        "origin": list(state.origin),
        "seen": sorted({*state.pretrained_on, *(person(shard.about) for shard in _shaping(state, corpus))}),
        "seed": seed,
        "epochs": state.epoch,
        "best_epoch": state.best_epoch,
        "history": state.history,
        "versions": {
            "python": platform.python_version(),
            **{package: importlib.metadata.version(package) for package in ("torch", "numpy", "onnx", "onnxruntime")},
        },
    }


def _shaping(state: Training, corpus: Corpus) -> tuple[Shard, ...]:
    """The recordings of all who have a part in the bundle; who is tested has none."""
    return corpus.of([*state.split.train, *state.split.validation, *state.split.calibration])


def _some(people: Sequence[str]) -> tuple[str, ...]:
    """Training people evenly spread over the sorted ids: enough for a mean and a covariance."""
    at = np.unique(np.linspace(0, len(people) - 1, min(len(people), _NOVELTY_SESSIONS)).astype(int))
    return tuple(people[i] for i in at)


def _labelled(shards: Sequence[Shard]) -> list[Shard]:
    return [shard for shard in shards if len(shard.labelled)]
