"""Band covariances in the tangent space as a graph: Fourier lines, covariances and matrix logarithms by products alone.

ONNX knows no eigenvalues. The logarithm of a positive matrix A is 2^k log(A^(1/2^k)): roots by the coupled
Newton-Schulz iteration (Higham 2008, Functions of Matrices, ch. 6), then the series of log(I + E). In double precision,
it agrees with eigenvalues to 1e-8 where the condition number is below 1e4; SHRINK keeps it far below.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from offline.evaluation.methods.base import Array
from offline.evaluation.methods.features import Fed
from offline.evaluation.methods.signal_channels import GRID_HZ, SAMPLES
from offline.evaluation.window_table import BANDS_HZ

SHRINK = 0.05  # towards a multiple of the identity: the average reference takes one dimension
FLAT = 1e-6  # a trace below this is no signal
_ROOTS = (20, 10, 7, 6)  # iterations of each square root: the next matrix is nearer to the identity
_TERMS = 22


class TangentGraph(nn.Module):
    """(N, bands * T * (T + 1) / 2). channels (T,): columns of the signal. whitening: (bands, T, T)."""

    whitening: Tensor
    weight: Tensor
    same: Tensor

    def __init__(self, channels: NDArray[np.int64], whitening: Array) -> None:
        super().__init__()
        self.channels = channels.tolist()
        self.register_buffer("whitening", torch.from_numpy(np.ascontiguousarray(whitening)))
        self.register_buffer("same", torch.eye(len(channels), dtype=torch.float64))
        self.bands = len(BANDS_HZ)
        for i, wave in enumerate(_waves()):
            self.register_buffer(f"wave{i}", torch.from_numpy(wave.T.copy()))
        rows, columns = np.triu_indices(len(channels))
        self.upper = (rows * len(channels) + columns).tolist()
        self.register_buffer("weight", torch.from_numpy(np.where(rows == columns, 1.0, np.sqrt(2.0))))

    def forward(self, fed: Fed) -> Tensor:
        signal = fed["signal"][:, self.channels].double()
        covariances = torch.stack([self._covariance(signal, i) for i in range(self.bands)], dim=1)
        seen = fed["eeg_mask"].flatten(1).any(dim=1) & (self._trace(covariances[:, 0]) > FLAT)
        centred = self.whitening @ covariances @ self.whitening
        logs = logarithm(torch.where(seen[:, None, None, None], centred, self.same), self.same)
        flat = logs.flatten(2)[:, :, self.upper] * self.weight
        found: Tensor = (flat * seen[:, None, None]).flatten(1)
        return found

    def _covariance(self, signal: Tensor, i: int) -> Tensor:
        lines: Tensor = signal @ getattr(self, f"wave{i}")  # real and imaginary parts side by side
        covariance = lines @ lines.transpose(1, 2) / SAMPLES**2
        level = self._trace(covariance)[:, None, None] / covariance.shape[1] + 1e-9
        shrunk: Tensor = (1.0 - SHRINK) * covariance + SHRINK * level * self.same
        return shrunk

    def _trace(self, matrices: Tensor) -> Tensor:
        total: Tensor = (matrices * self.same).sum(dim=(-2, -1))
        return total


def logarithm(matrices: Tensor, same: Tensor) -> Tensor:
    """The logarithm of positive matrices (..., T, T). same: the identity (T, T)."""
    size = matrices.square().sum(dim=(-2, -1), keepdim=True).sqrt()
    root = matrices / size
    for iterations in _ROOTS:
        root = square_root(root, same, iterations)
    apart = root - same
    total = torch.zeros_like(apart)
    for k in range(_TERMS, 0, -1):
        total = apart @ (same * ((-1.0) ** (k + 1) / k) + total)
    return total * 2.0 ** len(_ROOTS) + torch.log(size) * same


def square_root(matrices: Tensor, same: Tensor, iterations: int) -> Tensor:
    """Of positive matrices whose eigenvalues lie in (0, 1]."""
    root, inverse = matrices, same.expand_as(matrices)
    for _ in range(iterations):
        step = 0.5 * (3.0 * same - inverse @ root)
        root, inverse = root @ step, step @ inverse
    return root


def _waves() -> list[Array]:
    """(2 k, SAMPLES) a band: Hann-tapered cosines and sines of its Fourier lines."""
    taper, frequency = np.hanning(SAMPLES + 1)[:-1], np.fft.rfftfreq(SAMPLES, 1.0 / GRID_HZ)
    time = np.arange(SAMPLES) / GRID_HZ
    found = []
    for low, high in BANDS_HZ:
        phase = 2.0 * np.pi * frequency[(frequency >= low) & (frequency < high)][:, None] * time
        found.append(np.concatenate([np.cos(phase), -np.sin(phase)]) * taper)
    return found
