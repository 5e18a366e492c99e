"""Correlation-based fusion of EEG and eye features: linear and deep canonical correlation, and the bimodal autoencoder.

Each learns a projection of both modalities without labels, on the training people, and a logistic regression on top.
A missing modality is projected from zeros, which are its mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn import functional

from offline.evaluation.methods.base import Array, Model
from offline.evaluation.methods.features import Features, Fed, read_both, read_de, read_eye
from offline.evaluation.methods.linear import OFFERED_BY, Linear, logistic
from offline.evaluation.window_table import MODALITIES, Windows, WindowTable
from offline.training.choices import Choice
from rtemo.core.errors import RtemoError

COMMON = 12  # dimensions in common
RIDGE = 1e-2  # of the covariances' mean diagonal, as the features are correlated


@dataclass(frozen=True, slots=True)
class Scaled:
    """Both modalities, standardised by the training windows; 0 where a modality is missing."""

    eeg: StandardScaler
    eye: StandardScaler

    @classmethod
    def of(cls, train: Windows) -> Scaled:
        eeg, eye = train.of(train.has("eeg")), train.of(train.has("eye"))
        return cls(StandardScaler().fit(read_de(eeg)), StandardScaler().fit(read_eye(eye)))

    def __call__(self, windows: Windows) -> tuple[Array, Array]:
        eeg, eye = self.eeg.transform(read_de(windows)), self.eye.transform(read_eye(windows))
        return eeg * windows.has("eeg")[:, None], eye * windows.has("eye")[:, None]


@dataclass(frozen=True, slots=True)
class Projection:
    """(n, d_eeg), (n, d_eye) -> (n, D): a torch module, for arrays."""

    module: nn.Module

    def __call__(self, eeg: Array, eye: Array) -> Array:
        with torch.inference_mode():
            found: Array = self.module(torch.from_numpy(eeg), torch.from_numpy(eye)).double().numpy()
        return found


Learn = Callable[[Array, Array, int], Projection]


@dataclass(frozen=True, slots=True)
class Projected:
    """A projection that is learned on the windows that have both modalities, then a logistic regression on all."""

    learn: Learn
    modalities: tuple[str, ...] = MODALITIES

    def fit(self, train: Windows, validation: Windows, seed: int) -> Model:
        return self._classifier(train, seed).fit(train, validation, seed)

    def refit(self, people: Windows, chosen: Choice, seed: int) -> Model:
        return self._classifier(people, seed).refit(people, chosen, seed)

    def _classifier(self, train: Windows, seed: int) -> Linear:
        both = train.of(train.has("eeg") & train.has("eye"))
        if not len(both):
            raise RtemoError("there is nothing to correlate", "no window has both EEG and eyes", "use another method")
        scaled = Scaled.of(both)
        project = self.learn(*scaled(both), seed)
        features = Features(
            lambda windows: project(*scaled(windows)),
            lambda table: ProjectionGraph(table, scaled, project.module),
            read_both.inputs,
        )
        return Linear(MODALITIES, features, logistic)


class ProjectionGraph(nn.Module):
    """Both modalities, standardised and 0 where missing, through a projection."""

    def __init__(self, table: WindowTable, scaled: Scaled, projection: nn.Module) -> None:
        super().__init__()
        self.eeg = Standardised(read_de.graph(table), scaled.eeg, OFFERED_BY["eeg"])
        self.eye = Standardised(read_eye.graph(table), scaled.eye, OFFERED_BY["eye"])
        self.projection = projection

    def forward(self, fed: Fed) -> Tensor:
        projected: Tensor = self.projection(self.eeg(fed), self.eye(fed))
        return projected.double()


class Standardised(nn.Module):
    """Features as a StandardScaler gives them, 0 where their modality is missing."""

    mean: Tensor
    scale: Tensor

    def __init__(self, read: nn.Module, scaler: StandardScaler, mask: str) -> None:
        super().__init__()
        self.read, self.mask = read, mask
        self.register_buffer("mean", torch.from_numpy(scaler.mean_))
        self.register_buffer("scale", torch.from_numpy(scaler.scale_))

    def forward(self, fed: Fed) -> Tensor:
        offered = fed[self.mask].flatten(1).any(dim=1, keepdim=True)
        scaled: Tensor = (self.read(fed) - self.mean) / self.scale * offered
        return scaled


class LinearProjection(nn.Module):
    """Both modalities projected by a matrix each, side by side."""

    onto_eeg: Tensor
    onto_eye: Tensor

    def __init__(self, onto_eeg: Array, onto_eye: Array) -> None:
        super().__init__()
        self.register_buffer("onto_eeg", torch.from_numpy(np.ascontiguousarray(onto_eeg)))
        self.register_buffer("onto_eye", torch.from_numpy(np.ascontiguousarray(onto_eye)))

    def forward(self, eeg: Tensor, eye: Tensor) -> Tensor:
        return torch.cat((eeg @ self.onto_eeg, eye @ self.onto_eye), dim=1)


class Towers(nn.Module):
    """One encoder a modality, side by side."""

    def __init__(self, eeg: nn.Module, eye: nn.Module) -> None:
        super().__init__()
        self.eeg, self.eye = eeg, eye

    def forward(self, eeg: Tensor, eye: Tensor) -> Tensor:
        return torch.cat((self.eeg(eeg.float()), self.eye(eye.float())), dim=1)


class Code(nn.Module):
    """The code of a bimodal autoencoder."""

    def __init__(self, autoencoder: Autoencoder) -> None:
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, eeg: Tensor, eye: Tensor) -> Tensor:
        return self.autoencoder.encode(eeg.float(), eye.float())


def learn_cca(eeg: Array, eye: Array, seed: int) -> Projection:  # noqa: ARG001
    """Linear CCA (Hotelling 1936) with a ridge on both covariances; both projections side by side."""
    white_eeg, white_eye = _whitening(eeg), _whitening(eye)
    left, _, right = np.linalg.svd(white_eeg @ (eeg.T @ eye / len(eeg)) @ white_eye)
    onto_eeg, onto_eye = white_eeg @ left[:, :COMMON], white_eye @ right[:COMMON].T
    return Projection(LinearProjection(onto_eeg, onto_eye))


def _whitening(x: Array) -> Array:
    """(d, d) inverse square root of the covariance with its ridge."""
    covariance = x.T @ x / len(x)
    values, vectors = np.linalg.eigh(covariance + RIDGE * np.trace(covariance) / len(covariance) * np.eye(x.shape[1]))
    return np.asarray((vectors / np.sqrt(values)) @ vectors.T)


@dataclass(frozen=True, slots=True)
class Unsupervised:
    """How the deep projections are trained."""

    epochs: int = 15
    batch: int = 512  # the correlation of a batch needs many windows
    rate: float = 1e-3
    weight_decay: float = 1e-3


def tower(inputs: int, outputs: int) -> nn.Sequential:
    """One modality's encoder, as in DCCA for emotion (Liu, Qiu, Zheng, Lu 2022): sigmoid layers that get narrower."""
    return nn.Sequential(nn.Linear(inputs, 128), nn.Sigmoid(), nn.Linear(128, 64), nn.Sigmoid(), nn.Linear(64, outputs))


def learn_deep_cca(eeg: Array, eye: Array, seed: int) -> Projection:
    """Deep CCA (Andrew et al. 2013): the sum of the canonical correlations of two encoders' outputs, raised."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        towers = Towers(tower(eeg.shape[1], COMMON), tower(eye.shape[1], COMMON))

        def loss(a: Tensor, b: Tensor) -> Tensor:
            return -correlation(towers.eeg(a), towers.eye(b))

        _train(towers, loss, _tensor(eeg), _tensor(eye), seed, Unsupervised())
    return Projection(towers)


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """The sum of the canonical correlations of two batches (n, d): the trace norm of their whitened covariance."""
    a, b = a - a.mean(dim=0), b - b.mean(dim=0)

    def half(x: Tensor) -> Tensor:
        covariance = x.T @ x / (len(x) - 1) + 1e-4 * torch.eye(x.shape[1])
        lower: Tensor = torch.linalg.cholesky(covariance)
        return lower

    within = torch.linalg.solve_triangular(half(a), a.T @ b / (len(a) - 1), upper=False)
    whitened = torch.linalg.solve_triangular(half(b), within.T, upper=False)
    total: Tensor = torch.linalg.svdvals(whitened).sum()
    return total


class Autoencoder(nn.Module):
    """The bimodal deep autoencoder (Ngiam et al. 2011; EmotionMeter, Zheng et al. 2019): one code for both modalities.

    EmotionMeter starts from restricted Boltzmann machines; here one modality of a training window is hidden at times
    and has to be rebuilt from the other, as Ngiam et al. do, and the start is random.
    """

    def __init__(self, n_eeg: int, n_eye: int, hidden: int = 64, code: int = 32) -> None:
        super().__init__()
        self.eeg, self.eye = nn.Linear(n_eeg, hidden), nn.Linear(n_eye, hidden)
        self.code = nn.Linear(2 * hidden, code)
        self.back = nn.Linear(code, 2 * hidden)
        self.eeg_out, self.eye_out = nn.Linear(hidden, n_eeg), nn.Linear(hidden, n_eye)

    def encode(self, eeg: Tensor, eye: Tensor) -> Tensor:
        both = torch.cat((torch.sigmoid(self.eeg(eeg)), torch.sigmoid(self.eye(eye))), dim=1)
        return torch.sigmoid(self.code(both))

    def forward(self, eeg: Tensor, eye: Tensor) -> tuple[Tensor, Tensor]:
        a, b = torch.sigmoid(self.back(self.encode(eeg, eye))).chunk(2, dim=1)
        return self.eeg_out(a), self.eye_out(b)

    def loss(self, eeg: Tensor, eye: Tensor) -> Tensor:
        """Error of both modalities, from both, from EEG alone or from the eyes alone: a third of the windows each."""
        kept = torch.randint(0, 3, (len(eeg), 1))
        eeg_out, eye_out = self(eeg * (kept != 1), eye * (kept != 2))
        return functional.mse_loss(eeg_out, eeg) + functional.mse_loss(eye_out, eye)


def learn_autoencoder(eeg: Array, eye: Array, seed: int) -> Projection:
    """BDAE's code (n, 32)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Autoencoder(eeg.shape[1], eye.shape[1])
        _train(network, network.loss, _tensor(eeg), _tensor(eye), seed, Unsupervised(batch=128))
    return Projection(Code(network))


def _train(
    module: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    eeg: Tensor,
    eye: Tensor,
    seed: int,
    how: Unsupervised,
) -> None:
    optimizer = torch.optim.AdamW(module.parameters(), lr=how.rate, weight_decay=how.weight_decay)
    batch = min(how.batch, len(eeg))
    for epoch in range(how.epochs):
        order = np.random.default_rng([seed, epoch]).permutation(len(eeg))
        for start in range(0, len(order) - batch + 1, batch):
            rows = order[start : start + batch]
            optimizer.zero_grad()
            loss(eeg[rows], eye[rows]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    module.eval()


def _tensor(x: NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(x.astype(np.float32))
