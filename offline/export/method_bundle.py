"""Write any exported model as a bundle: with the calibration that was made for it, or marked as uncalibrated."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from offline.corpus.corpus import Corpus
from offline.export.calibrate import Calibration, decision
from offline.export.export import GATE
from offline.export.exported_model import ExportedModel
from offline.export.model_card import model_card
from offline.splits import person
from rtemo.core.errors import RtemoError
from rtemo.core.settings import PipelineSettings
from rtemo.model.bundle import Bundle, RatingHeads, write_bundle
from rtemo.model.bundle_schema import MAIN_HEAD, BundleSpec, Combination, RatingSpec
from rtemo.model.embeddings import HEADS
from rtemo.model.uncertainty.smoothing import Smoothing

# Of a model without calibration; judgement, as nothing was fitted: an emotion lasts about a minute
UNFITTED_DWELL_S, UNFITTED_DECORRELATION_S = 60.0, 8.0


@dataclass(frozen=True, slots=True)
class TrainingFacts:
    """Where a model comes from, for bundle.json and the card.

    people: how many did what, such as {"trained on": 16, "held out in turn": 16}. people_sha256: of the sorted names of
    all who shaped it; seen: these names (offline.splits.person). promise: which guarantee the sets hold, in words.
    scores: combination -> scores on people not seen, as offline.export.bundle_scores.score gives them. candidates: a
    row for each method that was compared, for the card. ratings: rating -> combination -> scores of its regression.
    """

    trained_on: str
    people: Mapping[str, int]
    seed: int = 0
    corpus: str = ""
    corpus_fingerprint: str = ""
    description: Mapping[str, Any] = field(default_factory=dict)
    sessions: int = 0
    windows: int = 0
    seen: tuple[str, ...] = ()
    promise: str = ""
    scores: Mapping[str, Any] = field(default_factory=dict)
    candidates: Sequence[Mapping[str, Any]] = ()
    ratings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, corpus: Corpus, subjects: Collection[str], people: Mapping[str, int], **more: Any) -> TrainingFacts:
        """With what the corpus says; subjects: those who shaped the model."""
        shards = corpus.of(list(subjects))
        return cls(
            trained_on=str(corpus.description["people"]),
            people=people,
            corpus=corpus.name,
            corpus_fingerprint=corpus.fingerprint,
            description=dict(corpus.description),
            sessions=len(shards),
            windows=sum(len(shard.labelled) for shard in shards),
            seen=tuple(sorted({person(shard.about) for shard in shards})),
            **more,
        )

    def to_dict(self) -> dict[str, Any]:
        """As bundle.json keeps it under `training`."""
        names = hashlib.sha256("\n".join(self.seen).encode()).hexdigest()
        packages = ("numpy", "onnx", "onnxruntime", "scikit-learn", "torch")
        versions = {name: importlib.metadata.version(name) for name in packages}
        return {
            "corpus": self.corpus,
            "corpus_fingerprint": self.corpus_fingerprint,
            "description": dict(self.description),
            "people": dict(self.people),
            "people_sha256": names,
            "sessions": self.sessions,
            "windows": self.windows,
            "seen": list(self.seen),
            "origin": [],
            "seed": self.seed,
            "promise": self.promise,
            "candidates": [dict(one) for one in self.candidates],
            "versions": {"python": platform.python_version(), **versions},
            **({"ratings": dict(self.ratings)} if self.ratings else {}),
        }


def write_method_bundle(
    path: Path,
    model: ExportedModel,
    calibration: Calibration | None,
    training: TrainingFacts,
    card: str = "",
    *,
    name: str,
    labels: Sequence[str],
    settings: PipelineSettings,
    ratings: Mapping[str, RatingSpec] = MappingProxyType({}),
    regressions: RatingHeads = MappingProxyType({}),
) -> Bundle:
    """Write the bundle to the folder `path`, which must not exist.

    calibration: None for a model of which nothing is known on held-out people: it shows no sets and no novelty, and
    says so. card: Markdown that is added to the model card. settings: of the pipeline that made its windows. ratings,
    regressions: of continuous ratings. Raises RtemoError where the calibration was made for another model.
    """
    if calibration is not None and calibration.model != model.sha256:
        raise RtemoError(
            "this calibration was made for another model",
            f"the graph {calibration.model[:16]}, this one is {model.sha256[:16]}",
            "calibrate this model",
        )
    made = calibration or _uncalibrated(model, len(labels), settings)
    spec = BundleSpec(
        name=name,
        labels=tuple(labels),
        pipeline=settings,
        input=model.shape,
        network=dict(model.network),
        temperatures=made.temperatures,
        combinations=made.combinations,
        gate=GATE,
        smoothing=made.smoothing,
        decision=made.decision,
        trained_on=training.trained_on,
        training=training.to_dict(),
        metrics=dict(training.scores),
        model=model.declaration,
        calibrated=calibration is not None,
        ratings=dict(ratings),
    )
    text = model_card(spec) + (f"\n{card.strip()}\n" if card.strip() else "")
    return write_bundle(
        path, spec, model.heads, made.familiar, model.weights, lambda file: _write(file, model.graph), text, regressions
    )


def _write(file: Path, graph: bytes) -> None:
    file.write_bytes(graph)


def _uncalibrated(model: ExportedModel, n_labels: int, settings: PipelineSettings) -> Calibration:
    """What the decoder needs to run a model of which nothing was fitted."""
    combinations = {
        name: Combination({MAIN_HEAD[name]: 1.0}, UNFITTED_DECORRELATION_S, 1.0, {}, None)
        for name in model.combinations
    }
    smoothing = Smoothing(UNFITTED_DWELL_S, settings.window.length_s, (1.0 / n_labels,) * n_labels)
    return Calibration(model.sha256, dict.fromkeys(HEADS, 1.0), combinations, smoothing, {}, decision(n_labels))
