"""Linear classifiers on features, and their fusions. The regularisation is chosen on the validation people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.covariance import ledoit_wolf
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from offline.evaluation.methods.base import Array, Model
from offline.evaluation.temperature import equal_units, fit_fusion, fit_temperature, weighted_nll
from offline.evaluation.window_table import MODALITIES, Windows
from offline.training.choices import Choice, part_of, prefixed
from offline.training.deadline import look_at_the_clock
from rtemo.core.errors import RtemoError
from rtemo.model.uncertainty.probabilities import FLOOR, tempered

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)

Read = Callable[[Windows], Array]
Make = Callable[[float, int], Any]


def read_de(windows: Windows) -> Array:
    """(n, T * 5)."""
    return windows.de.reshape(len(windows), -1).astype(np.float64)


def read_eye(windows: Windows) -> Array:
    """(n, 31)."""
    return windows.eye.astype(np.float64)


def read_both(windows: Windows) -> Array:
    """(n, T * 5 + 31)."""
    return np.concatenate((read_de(windows), read_eye(windows)), axis=1)


def logistic(strength: float, seed: int) -> LogisticRegression:
    """C is the strength; multinomial."""
    return LogisticRegression(C=strength, max_iter=300, tol=1e-3, random_state=seed)


def svm(strength: float, seed: int) -> LinearSVC:
    """C is the strength; one label against the rest."""
    return LinearSVC(C=strength, dual=False, max_iter=1000, tol=1e-3, random_state=seed)


@dataclass(frozen=True, slots=True)
class Majority:
    """The labels' shares in training; it uses no features."""

    modalities: tuple[str, ...] = MODALITIES

    def fit(self, train: Windows, validation: Windows, seed: int) -> Model:  # noqa: ARG002
        counts = np.bincount(train.labels, weights=train.weights, minlength=train.n_labels)
        return Prior(counts / counts.sum())

    def refit(self, people: Windows, chosen: Choice, seed: int) -> Model:  # noqa: ARG002
        return self.fit(people, people, seed)


@dataclass(frozen=True, slots=True)
class Prior:
    """The same probabilities (K,) for every window."""

    shares: Array
    chosen: Choice = field(default_factory=dict)

    def probabilities(self, windows: Windows) -> Array:
        return np.tile(self.shares, (len(windows), 1))

    def novelty(self, windows: Windows) -> Array | None:  # noqa: ARG002
        return None


@dataclass(frozen=True, slots=True)
class Linear:
    """Standardised features into a linear classifier, both with every trial counting the same."""

    modalities: tuple[str, ...]
    read: Read
    make: Make
    strengths: Sequence[float] = STRENGTHS

    def fit(self, train: Windows, validation: Windows, seed: int) -> Model:
        fits, validation = self._fits(train, self.strengths, seed), self._offering(validation)
        return min(fits, key=lambda model: model.loss(validation)) if len(validation) else fits[0]

    def refit(self, people: Windows, chosen: Choice, seed: int) -> Model:
        return self._fits(people, (chosen["strength"],), seed)[0]

    def _fits(self, train: Windows, strengths: Sequence[float], seed: int) -> list[LinearModel]:
        train = self._offering(train)
        if len(np.unique(train.labels)) < 2:
            raise RtemoError("training has windows of one label only", f"{len(train)} windows of one label", "")
        features = self.read(train)
        scaler = StandardScaler().fit(features, sample_weight=train.weights)
        scaled = scaler.transform(features)
        fits = []
        for strength in strengths:
            look_at_the_clock()
            estimator = self.make(strength, seed).fit(scaled, train.labels, sample_weight=train.weights)
            fits.append(LinearModel(self.read, scaler, estimator, train.n_labels, train, {"strength": strength}))
        return fits

    def _offering(self, windows: Windows) -> Windows:
        return windows.of(np.any([windows.has(modality) for modality in self.modalities], axis=0))


@dataclass(eq=False)
class LinearModel:
    """train: the windows that it was fitted on, for novelty."""

    read: Read
    scaler: StandardScaler
    estimator: Any
    n_labels: int
    train: Windows = field(repr=False)
    chosen: Choice = field(default_factory=dict)

    def log_p(self, windows: Windows) -> Array:
        """(n, K) scores up to a constant in each row; labels never seen in training have next to none."""
        scores = np.asarray(self.estimator.decision_function(self.scaler.transform(self.read(windows))))
        if scores.ndim == 1:
            scores = np.stack((-0.5 * scores, 0.5 * scores), axis=1)
        out = np.full((len(windows), self.n_labels), scores.min(initial=0.0) + np.log(FLOOR))
        out[:, self.estimator.classes_] = scores
        return out

    def probabilities(self, windows: Windows) -> Array:
        return tempered(self.log_p(windows), 1.0)

    def loss(self, windows: Windows) -> float:
        """NLL at the best temperature, each person counting the same."""
        log_p, weight = self.log_p(windows), equal_units(windows.subject)
        at_best = np.log(np.maximum(tempered(log_p, fit_temperature(log_p, windows.labels, weight)), FLOOR))
        return weighted_nll(at_best, windows.labels, weight)

    @cached_property
    def familiar(self) -> tuple[Array, Array]:
        """Mean (d,) and precision (d, d) of the standardised training features."""
        features = self.scaler.transform(self.read(self.train))
        return features.mean(axis=0), np.linalg.inv(ledoit_wolf(features)[0])

    def novelty(self, windows: Windows) -> Array | None:
        """Mahalanobis distance."""
        mean, precision = self.familiar
        centred = self.scaler.transform(self.read(windows)) - mean
        return np.asarray(np.sqrt(np.maximum(np.sum((centred @ precision) * centred, axis=1), 0.0)))


@dataclass(frozen=True, slots=True)
class LateFusion:
    """One classifier a modality; their log-probabilities are added with weights fitted on the validation people."""

    parts: tuple[Linear, ...]
    modalities: tuple[str, ...] = MODALITIES

    def fit(self, train: Windows, validation: Windows, seed: int) -> Model:
        models = tuple(part.fit(train, validation, seed) for part in self.parts)
        both = validation.of(np.all([validation.has(part.modalities[0]) for part in self.parts], axis=0))
        weights = np.full(len(models), 1.0 / len(models))
        if len(both):
            weights = fit_fusion(_logs(models, both), both.labels, equal_units(both.subject))
        return self._fused(models, weights)

    def refit(self, people: Windows, chosen: Choice, seed: int) -> Model:
        names = [part.modalities[0] for part in self.parts]
        models = [p.refit(people, part_of(name, chosen), seed) for name, p in zip(names, self.parts, strict=True)]
        return self._fused(models, np.array([chosen[f"{name} weight"] for name in names]))

    def _fused(self, models: Sequence[Model], weights: Array) -> Fused:
        names = tuple(part.modalities[0] for part in self.parts)
        chosen: dict[str, float] = {}
        for name, model, weight in zip(names, models, weights, strict=True):
            chosen |= prefixed(name, {**model.chosen, "weight": float(weight)})
        return Fused(tuple(models), names, weights, chosen)


@dataclass(frozen=True, slots=True)
class Fused:
    """models, in the order of their modalities; weights (M,). Where a modality is missing the others decide alone."""

    models: tuple[Model, ...]
    modalities: tuple[str, ...]
    weights: Array
    chosen: Choice = field(default_factory=dict)

    def probabilities(self, windows: Windows) -> Array:
        there = np.array([windows.has(modality) for modality in self.modalities])
        alone = there.sum(axis=0) < len(self.models)
        weight = np.where(alone, there.astype(np.float64), self.weights[:, None])
        return tempered(np.sum(weight[..., None] * _logs(self.models, windows), axis=0), 1.0)

    def novelty(self, windows: Windows) -> Array | None:  # noqa: ARG002
        return None


def _logs(models: Sequence[Model], windows: Windows) -> Array:
    return np.stack([np.log(np.maximum(model.probabilities(windows), FLOOR)) for model in models])
