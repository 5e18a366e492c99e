"""Band covariances of the EEG signal in the tangent space, with a logistic regression: by pyriemann.

Covariances of the signal, not of band power over frames: the cross-spectrum of the 4 s window summed over each band is
the covariance of the signal filtered to that band. At most the 19 channels nearest to the 10-20 places, since 62 would
be 9,765 features. Re-centring: each session's covariances are whitened by the Riemannian mean of its first two minutes
(of the windows that end by then), which is unlabelled and no later than what a live session has as its baseline.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pyriemann.geometry.base import invsqrtm
from pyriemann.geometry.mean import mean_riemann
from pyriemann.geometry.tangentspace import tangent_space
from torch import nn

from offline.evaluation.methods.base import Array, Model
from offline.evaluation.methods.features import Features
from offline.evaluation.methods.linear import Linear, logistic
from offline.evaluation.methods.signal_channels import GRID_HZ, SAMPLES, read_signal
from offline.evaluation.methods.tangent_graph import FLAT, SHRINK, TangentGraph
from offline.evaluation.methods.training import pieces
from offline.evaluation.window_table import BANDS_HZ, TEN_TWENTY, Windows, WindowTable
from offline.training.choices import Choice
from rtemo.core.eeg.montage import place
from rtemo.core.errors import RtemoError
from rtemo.core.types import FloatArray

RECENTRE_S = 120.0
_BATCH = 256
_FOR_MEAN = 600  # training windows that the fixed point is the mean of, evenly spaced


@dataclass(frozen=True, slots=True)
class Riemann:
    """Tangent space and logistic regression."""

    modalities: tuple[str, ...] = ("eeg",)

    def fit(self, train: Windows, validation: Windows, seed: int) -> Model:
        return self._classifier.fit(train, validation, seed)

    def refit(self, people: Windows, chosen: Choice, seed: int) -> Model:
        return self._classifier.refit(people, chosen, seed)

    @property
    def _classifier(self) -> Linear:
        return Linear(self.modalities, Features(tangent, _no_graph, ("signal", "eeg_mask")), logistic)


def not_live() -> RtemoError:
    """Why it cannot become a bundle, whatever the montage."""
    return RtemoError(
        "the method riemann cannot run live",
        "it re-centres each recording by its first two minutes, which a window does not hold",
        "use riemann-fixed, which does not, and takes any montage",
    )


def _no_graph(_: WindowTable) -> nn.Module:
    raise not_live()


@dataclass(frozen=True, slots=True)
class RiemannFixed:
    """The same without re-centring: around the mean of the training people, so that a window is all it needs."""

    modalities: tuple[str, ...] = ("eeg",)

    def fit(self, train: Windows, validation: Windows, seed: int) -> Model:
        return self._classifier(train).fit(train, validation, seed)

    def refit(self, people: Windows, chosen: Choice, seed: int) -> Model:
        return self._classifier(people).refit(people, chosen, seed)

    def _classifier(self, train: Windows) -> Linear:
        own = train.of(train.has("eeg"))
        if not len(own):
            raise RtemoError("there is nothing to learn from", "no window has EEG", "use another method")
        some = own.at(np.unique(np.linspace(0, len(own) - 1, min(len(own), _FOR_MEAN)).round().astype(np.int64)))
        covariances = band_covariances(some)
        bands = range(covariances.shape[1])
        whitening = np.stack([invsqrtm(mean_riemann(covariances[:, band])) for band in bands])
        features = Features(
            lambda windows: tangent_around(windows, whitening),
            lambda table: TangentGraph(_chosen(table), whitening),
            ("signal", "eeg_mask"),
        )
        return Linear(self.modalities, features, logistic)


def tangent_around(windows: Windows, whitening: Array) -> Array:
    """(n, bands * T * (T + 1) / 2) around a fixed point, 0 where there is no EEG. whitening (bands, T, T)."""
    covariances = band_covariances(windows)
    n, bands, size = covariances.shape[:3]
    out = np.zeros((n, bands, size * (size + 1) // 2))
    seen = windows.has("eeg") & (np.trace(covariances[:, 0], axis1=1, axis2=2) > FLAT)
    for band in range(bands) if seen.any() else ():
        out[seen, band] = tangent_space(whitening[band] @ covariances[seen, band] @ whitening[band], np.eye(size))
    return out.reshape(n, -1)


def tangent(windows: Windows) -> Array:
    """(n, bands * T * (T + 1) / 2), 0 where there is no EEG."""
    table, covariances = windows.table, band_covariances(windows)
    n, bands, size = covariances.shape[:3]
    out = np.zeros((n, bands, size * (size + 1) // 2))
    seen = windows.has("eeg") & (np.trace(covariances[:, 0], axis1=1, axis2=2) > FLAT)
    for number in np.unique(table.shard[windows.rows[seen]]):
        own = seen & (table.shard[windows.rows] == number)
        for band in range(bands):
            whitening = _whitening(table, int(number))[band]
            centred = whitening @ covariances[own, band] @ whitening
            out[own, band] = tangent_space(centred, np.eye(size))
    return out.reshape(n, -1)


def band_covariances(windows: Windows) -> Array:
    """(n, bands, T, T), shrunk; the mean size of a channel in a band is kept."""
    chosen = _chosen(windows.table)
    return np.concatenate([_covariances(read_signal(part)[:, chosen]) for part in pieces(windows, _BATCH)])


def _covariances(signal: FloatArray) -> Array:
    spectrum = np.fft.rfft(signal * np.hanning(SAMPLES + 1)[:-1], axis=2)
    frequency = np.fft.rfftfreq(SAMPLES, 1.0 / GRID_HZ)
    found = []
    for low, high in BANDS_HZ:
        part = spectrum[:, :, (frequency >= low) & (frequency < high)]
        covariance = np.real(part @ part.conj().transpose(0, 2, 1)) / SAMPLES**2
        level = np.trace(covariance, axis1=1, axis2=2)[:, None, None] / covariance.shape[1] + 1e-9
        found.append((1.0 - SHRINK) * covariance + SHRINK * level * np.eye(covariance.shape[1]))
    return np.stack(found, axis=1)


@lru_cache(maxsize=256)
def _whitening(table: WindowTable, number: int) -> Array:
    """(bands, T, T) inverse square root of the mean covariance of a recording's first two minutes."""
    rows = np.flatnonzero((table.shard == number) & table.offers["eeg"])
    times = table.shards[number].rows["end_s"]
    early = rows[times[table.index[rows]] <= times[0] + RECENTRE_S]
    first = Windows(table, early if len(early) else rows[:1], ("eeg",))
    covariances = band_covariances(first)
    return np.stack([invsqrtm(mean_riemann(covariances[:, band])) for band in range(covariances.shape[1])])


@lru_cache(maxsize=8)
def _chosen(table: WindowTable) -> NDArray[np.int64]:
    """The fixed channels nearest to the 10-20 places."""
    places = place(TEN_TWENTY.split()).positions
    distance = np.linalg.norm(places[:, None] - table.channels.positions[None], axis=2)
    return np.unique(distance.argmin(axis=1))
