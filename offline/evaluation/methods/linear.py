"""Linear classifiers on features, and their fusions. The regularisation is chosen on the validation people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from sklearn.covariance import ledoit_wolf
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from torch import Tensor, nn

from offline.evaluation.methods.base import Array, Model
from offline.evaluation.methods.features import Features, Fed, read_both, read_de, read_eye
from offline.evaluation.temperature import equal_units, fit_fusion, fit_temperature, weighted_nll
from offline.evaluation.window_table import MODALITIES, Windows, WindowTable
from offline.training.choices import Choice, part_of, prefixed
from offline.training.deadline import look_at_the_clock
from rtemo.core.errors import RtemoError
from rtemo.model.bundle_schema import ModelInput
from rtemo.model.uncertainty.probabilities import FLOOR, logs, tempered

__all__ = ["LateFusion", "Linear", "Majority", "logistic", "read_both", "read_de", "read_eye", "svm"]

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)
OFFERED_BY = {"eeg": "eeg_mask", "eye": "eye_valid"}  # the input that says whether a window has anything of a modality
PRINCIPAL = 24  # features that a live model's novelty is judged by
Make = Callable[[float, int], Any]


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
        return Prior(counts / counts.sum(), train.table)

    def refit(self, people: Windows, chosen: Choice, seed: int) -> Model:  # noqa: ARG002
        return self.fit(people, people, seed)


@dataclass(frozen=True, slots=True)
class Prior:
    """The same probabilities (K,) for every window."""

    shares: Array
    table: WindowTable = field(repr=False)
    chosen: Choice = field(default_factory=dict)
    inputs: tuple[ModelInput, ...] = (*read_de.inputs[1:], *read_eye.inputs[1:])

    def probabilities(self, windows: Windows) -> Array:
        return np.tile(self.shares, (len(windows), 1))

    def novelty(self, windows: Windows) -> Array | None:  # noqa: ARG002
        return None

    def outputs(self, windows: Windows) -> tuple[Array, Array]:
        return logs(self.probabilities(windows)), np.zeros((len(windows), 0))

    def graph(self) -> nn.Module:
        return PriorGraph(logs(self.shares))


class PriorGraph(nn.Module):
    """The same logits (K,) for every window."""

    logits: Tensor

    def __init__(self, logits: Array) -> None:
        super().__init__()
        self.register_buffer("logits", torch.from_numpy(logits))

    def forward(self, fed: Fed) -> tuple[Tensor]:
        nothing = torch.zeros_like(next(iter(fed.values())).flatten(1)[:, :1], dtype=torch.float64)
        return (nothing + self.logits,)


@dataclass(frozen=True, slots=True)
class Linear:
    """Standardised features into a linear classifier, both with every trial counting the same."""

    modalities: tuple[str, ...]
    read: Features
    make: Make
    strengths: Sequence[float] = STRENGTHS

    def fit(self, train: Windows, validation: Windows, seed: int) -> LinearModel:
        fits, validation = self._fits(train, self.strengths, seed), self._offering(validation)
        if not len(validation):
            return fits[0]
        return min((fit.tempered_on(validation) for fit in fits), key=lambda one: one[0])[1]

    def refit(self, people: Windows, chosen: Choice, seed: int) -> LinearModel:
        fit = self._fits(people, (chosen["strength"],), seed)[0]
        return replace(fit, chosen=dict(chosen))

    def _fits(self, train: Windows, strengths: Sequence[float], seed: int) -> list[LinearModel]:
        train = self._offering(train)
        if len(np.unique(train.labels)) < 2:
            raise RtemoError("training has windows of one label only", f"{len(train)} windows of one label", "")
        features = self.read(train)
        scaler = StandardScaler().fit(features, sample_weight=train.weights)
        scaled = scaler.transform(features)
        fits: list[LinearModel] = []
        for strength in strengths:
            look_at_the_clock()
            estimator = self.make(strength, seed).fit(scaled, train.labels, sample_weight=train.weights)
            fits.append(LinearModel(self.read, scaler, estimator, train.n_labels, train, {"strength": strength}))
        return fits

    def _offering(self, windows: Windows) -> Windows:
        return windows.of(np.any([windows.has(modality) for modality in self.modalities], axis=0))


@dataclass(eq=False)
class LinearModel:
    """train: the windows that it was fitted on, for novelty. chosen: the strength and, where people were held out to
    choose on, the temperature there: what is said of windows means the same at every strength.
    """

    read: Features
    scaler: StandardScaler
    estimator: Any
    n_labels: int
    train: Windows = field(repr=False)
    chosen: Choice = field(default_factory=dict)

    @property
    def temperature(self) -> float:
        """What its scores are divided by."""
        return self.chosen.get("temperature", 1.0)

    @property
    def table(self) -> WindowTable:
        return self.train.table

    @property
    def inputs(self) -> tuple[ModelInput, ...]:
        return self.read.inputs

    def log_p(self, windows: Windows) -> Array:
        """(n, K) scores up to a constant in each row; labels never seen in training have next to none."""
        return self._scores(self.scaler.transform(self.read(windows)))

    def _scores(self, scaled: Array) -> Array:
        scores = np.asarray(self.estimator.decision_function(scaled))
        if scores.ndim == 1:
            scores = np.stack((-0.5 * scores, 0.5 * scores), axis=1)
        scores = scores / self.temperature
        least = np.minimum(scores.min(axis=1, keepdims=True), 0.0)
        out = np.repeat(least + np.log(FLOOR), self.n_labels, axis=1)
        out[:, self.estimator.classes_] = scores
        return out

    def outputs(self, windows: Windows) -> tuple[Array, Array]:
        scaled = self.scaler.transform(self.read(windows))
        return self._scores(scaled), scaled @ self.principal

    def graph(self) -> nn.Module:
        return LinearGraph(self)

    @cached_property
    def principal(self) -> Array:
        """(d, PRINCIPAL or fewer): onto the principal components of the training features, each with variance 1."""
        features = self.scaler.transform(self.read(self.train))
        values, vectors = np.linalg.eigh(np.cov(features, rowvar=False).reshape(features.shape[1], -1))
        kept = np.argsort(-values, kind="stable")[:PRINCIPAL]
        kept = kept[values[kept] > 1e-6 * values.max()]
        return np.asarray(vectors[:, kept] / np.sqrt(values[kept]))

    def probabilities(self, windows: Windows) -> Array:
        return tempered(self.log_p(windows), 1.0)

    def tempered_on(self, windows: Windows) -> tuple[float, LinearModel]:
        """The least NLL over temperatures, each person counting the same, and the model at that temperature."""
        log_p, weight = self.log_p(windows), equal_units(windows.subject)
        temperature = fit_temperature(log_p, windows.labels, weight)
        at_best = np.log(np.maximum(tempered(log_p, temperature), FLOOR))
        chosen = {**self.chosen, "temperature": self.temperature * temperature}
        return weighted_nll(at_best, windows.labels, weight), replace(self, chosen=chosen)

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


class LinearGraph(nn.Module):
    """The scores and principal components of a fitted linear model, in double precision."""

    def __init__(self, model: LinearModel) -> None:
        super().__init__()
        coefficients, intercept = model.estimator.coef_, model.estimator.intercept_
        if len(coefficients) == 1:  # two labels
            coefficients = np.concatenate((-0.5 * coefficients, 0.5 * coefficients))
            intercept = np.concatenate((-0.5 * intercept, 0.5 * intercept))
        onto = np.zeros((len(coefficients), model.n_labels))  # from the labels that were seen in training to all
        onto[np.arange(len(coefficients)), model.estimator.classes_] = 1.0
        self.read = model.read.graph(model.table)
        arrays = {
            "mean": model.scaler.mean_,
            "scale": model.scaler.scale_,
            "weight": coefficients.T / model.temperature,
            "bias": intercept / model.temperature,
            "onto": onto,
            "unseen": np.where(onto.any(axis=0), 0.0, 1.0),
            "principal": model.principal,
        }
        for name, value in arrays.items():
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(value, np.float64)))

    def forward(self, fed: Fed) -> tuple[Tensor, Tensor]:
        scaled = (self.read(fed) - self.mean) / self.scale
        scores = scaled @ self.weight + self.bias
        least = scores.min(dim=1, keepdim=True).values.clamp(max=0.0) + float(np.log(FLOOR))
        return scores @ self.onto + least * self.unseen, scaled @ self.principal


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

    def _fused(self, models: Sequence[LinearModel], weights: Array) -> Fused:
        names = tuple(part.modalities[0] for part in self.parts)
        chosen: dict[str, float] = {}
        for name, model, weight in zip(names, models, weights, strict=True):
            chosen |= prefixed(name, {**model.chosen, "weight": float(weight)})
        return Fused(tuple(models), names, weights, chosen)


@dataclass(frozen=True, slots=True)
class Fused:
    """models, in the order of their modalities; weights (M,). Where a modality is missing the others decide alone."""

    models: tuple[LinearModel, ...]
    modalities: tuple[str, ...]
    weights: Array
    chosen: Choice = field(default_factory=dict)

    @property
    def table(self) -> WindowTable:
        return self.models[0].table

    @property
    def inputs(self) -> tuple[ModelInput, ...]:
        return tuple(name for model in self.models for name in model.inputs)

    def outputs(self, windows: Windows) -> tuple[Array, Array]:
        return logs(self.probabilities(windows)), np.concatenate([one.outputs(windows)[1] for one in self.models], 1)

    def graph(self) -> nn.Module:
        return FusedGraph([model.graph() for model in self.models], self.modalities, self.weights)

    def probabilities(self, windows: Windows) -> Array:
        there = np.array([windows.has(modality) for modality in self.modalities])
        alone = there.sum(axis=0) < len(self.models)
        weight = np.where(alone, there.astype(np.float64), self.weights[:, None])
        return tempered(np.sum(weight[..., None] * _logs(self.models, windows), axis=0), 1.0)

    def novelty(self, windows: Windows) -> Array | None:  # noqa: ARG002
        return None


class FusedGraph(nn.Module):
    """The same as a graph: logarithms of the fused probabilities, and the features of all parts."""

    weights: Tensor

    def __init__(self, parts: Sequence[nn.Module], modalities: Sequence[str], weights: Array) -> None:
        super().__init__()
        self.parts, self.masks = nn.ModuleList(parts), [OFFERED_BY[modality] for modality in modalities]
        self.register_buffer("weights", torch.from_numpy(np.asarray(weights, np.float64)))

    def forward(self, fed: Fed) -> tuple[Tensor, Tensor]:
        outputs = [part(fed) for part in self.parts]
        logs = torch.stack([torch.log_softmax(logits, dim=1).clamp(min=float(np.log(FLOOR))) for logits, _ in outputs])
        there = torch.stack([fed[mask].flatten(1).any(dim=1) for mask in self.masks]).double()  # (M, N)
        alone = there.sum(dim=0, keepdim=True) < len(self.parts)
        weight = torch.where(alone, there, self.weights[:, None].expand_as(there))
        fused = torch.log_softmax((weight[:, :, None] * logs).sum(dim=0), dim=1).clamp(min=float(np.log(FLOOR)))
        return fused, torch.cat([features for _, features in outputs], dim=1)


def _logs(models: Sequence[Model], windows: Windows) -> Array:
    return np.stack([np.log(np.maximum(model.probabilities(windows), FLOOR)) for model in models])
