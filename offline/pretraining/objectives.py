"""Self-supervised loss terms of pretraining. Each term can be switched off by its weight.

latent    foretell, from the context, the target's tokens of the frames that the context does not see, and the target's
          three embeddings (I-JEPA, arXiv 2301.08243; for EEG EEG2Rep, arXiv 2402.17772). Where the target is a
          neighbour in time, the embeddings hold what stays the same for some seconds.
collapse  keep the embeddings spread out. SIGReg (LeJEPA, arXiv 2511.08544): every random projection of them is to be
          standard normal, by the test statistic of Epps and Pulley (1983). VICReg (arXiv 2105.04906): variance and
          covariance. Both take the mean of a recording's rows away first: to distinguish people earns nothing.
spectral  foretell the log-power of hidden channels and frames from the frame's token and the channel's place.
moment    find which of the recording's other windows is the one of this moment, from EEG, eyes or both, to EEG, eyes or
          both (InfoNCE, arXiv 1807.03748). Windows of a moment share no sample, so what helps is what lasts for some
          seconds and differs within a recording; to know the person or the cap does not (after time-contrastive
          learning, Hyvarinen and Morioka 2016, and slow feature analysis, Wiskott and Sejnowski 2002). Where the target
          is another person at the same moment of the same clip, what helps is what the clip does to both (CLISA, Shen
          et al. 2022, doi:10.1109/TAFFC.2022.3164516): what they feel, and how bright the screen is.
cross     foretell one modality's shared half of the embedding from the other's whole, both ways, and draw the two
          shared halves together. The other half of each embedding is the modality's own (PhysioOmni, arXiv 2504.19596).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from offline.training.data_parallel import ProcessGroup, gathered, share_of_mean
from rtemo.core.errors import RtemoError
from rtemo.model.network import Network, NetworkConfig

_SPECTRAL_WIDTH = 64
_MOMENT_WIDTH, _TEMPERATURE = 64, 0.1
_MOMENT_PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (1, 0))  # from the context's embedding to the target's, as in HEADS
_SLICES, _KNOTS, _REACH = 64, 17, 3.0  # of SIGReg: random projections, points of the characteristic function
_VICREG_COVARIANCE = 0.04  # the paper's 1 : 25 of covariance to variance
Tensors = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class Weights:
    """Of the terms in the loss; 0 leaves a term out. against: which term keeps the embeddings from collapsing."""

    latent: float = 1.0
    collapse: float = 0.05
    spectral: float = 0.2
    cross: float = 0.25
    moment: float = 1.0
    against: Literal["sigreg", "vicreg"] = "sigreg"

    def __post_init__(self) -> None:
        if self.against not in ("sigreg", "vicreg"):
            raise RtemoError("there is no such term against collapse", repr(self.against), 'use "sigreg" or "vicreg"')


@dataclass(frozen=True, slots=True)
class Pairs:
    """How contexts and targets belong together, as in offline.pretraining.contexts_and_targets.ContextsAndTargets:
    same (N,), across (N,), near.
    """

    same: Tensor
    across: Tensor
    near: Tensor


@dataclass(frozen=True, slots=True)
class Encoded:
    """One view after the network: z by head (N, width), frames (N, F, width), and what was there (N,)."""

    z: tuple[Tensor, Tensor, Tensor]
    frames: Tensor
    has: tuple[Tensor, Tensor, Tensor]


def encode(network: Network, inputs: Tensors) -> Encoded:
    """All that the terms look at, from one pass through the network."""
    config = network.config
    z, joints = network.encode(*inputs).float(), config.joint_tokens
    eeg, eye = inputs[1].any(dim=2).any(dim=1), inputs[4].any(dim=1)
    return Encoded(
        z=(z[:, joints], z[:, joints + 1 + config.frames], z[:, 0]),
        frames=z[:, joints + 1 : joints + 1 + config.frames],
        has=(eeg, eye, eeg | eye),
    )


class Objectives(nn.Module):
    """The parts that are needed in pretraining only."""

    def __init__(self, config: NetworkConfig, weights: Weights, group: int) -> None:
        super().__init__()
        width = config.width
        self.weights, self.group, self.shared = weights, group, width // 2
        self.token = _predictor(width, width)
        self.embedding = nn.ModuleList(_predictor(width, width) for _ in range(3))
        self.cross = nn.ModuleList(_predictor(width, self.shared) for _ in range(2))
        self.moment = nn.ModuleList(nn.Linear(width, _MOMENT_WIDTH, bias=False) for _ in range(3))
        self.spectrum = nn.Linear(width, _SPECTRAL_WIDTH)
        self.place = nn.Linear(3 + 6 * config.octaves, _SPECTRAL_WIDTH)
        self.power = nn.Sequential(nn.GELU(), nn.Linear(_SPECTRAL_WIDTH, config.bands))

    def forward(
        self, network: Network, target: Tensors, context: Tensors, pairs: Pairs, step: int, processes: ProcessGroup
    ) -> tuple[dict[str, Tensor], Encoded]:
        """The terms that have a weight, unweighted, and the target as it was encoded."""
        seen, known = encode(network, target), encode(network, context)
        hidden = pairs.same & seen.has[0] & known.has[0]
        w, terms = self.weights, {}
        if w.latent:
            terms["latent"] = self._latent(seen, known, context[1], hidden, pairs, processes)
        if w.collapse:
            terms["collapse"] = self._collapse(seen, step, processes)
        if w.spectral:
            terms["spectral"] = self._spectral(network, target, context, known, hidden, processes)
        if w.cross:
            terms["cross"] = self._cross(seen, processes)
        if w.moment:
            terms["moment"] = self._moment(seen, known, pairs, processes)
        return terms, seen

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """The weighted sum."""
        return torch.stack([getattr(self.weights, name) * term for name, term in terms.items()]).sum()

    def _latent(
        self, seen: Encoded, known: Encoded, mask: Tensor, rows: Tensor, pairs: Pairs, processes: ProcessGroup
    ) -> Tensor:
        hidden = ~mask.any(dim=2) & rows[:, None]
        error = (self.token(known.frames) - seen.frames).square().mean(dim=2)
        parts = [share_of_mean(error.flatten(), hidden.flatten(), processes)]
        for predict, foretold, from_z, there, given in zip(
            self.embedding, seen.z, known.z, seen.has, known.has, strict=True
        ):
            error = (predict(from_z) - foretold).square().mean(dim=1)
            parts.append(share_of_mean(error, there & given & ~pairs.across, processes))
        return torch.stack(parts).mean()

    def _collapse(self, seen: Encoded, step: int, processes: ProcessGroup) -> Tensor:
        one_frame = seen.frames[torch.arange(len(seen.frames)), torch.arange(len(seen.frames)) % seen.frames.shape[1]]
        pairs = zip((*seen.z, one_frame), (*seen.has, seen.has[0]), strict=True)
        losses = []
        for z, has in pairs:
            within, whole = self._within(z, has)
            everyone = gathered(within, processes)[gathered(whole, processes)]
            if len(everyone) > self.group:
                losses.append(sigreg(everyone, step) if self.weights.against == "sigreg" else vicreg(everyone))
        return torch.stack(losses).mean() if losses else seen.frames.sum() * 0.0

    def _within(self, z: Tensor, has: Tensor) -> tuple[Tensor, Tensor]:
        """Less the mean of the recording's rows, at the variance of before; only groups that are there throughout."""
        if self.group == 1:
            return z, has
        groups = z.reshape(-1, self.group, z.shape[1])
        centred = (groups - groups.mean(dim=1, keepdim=True)) * math.sqrt(self.group / (self.group - 1))
        whole = has.reshape(-1, self.group).all(dim=1)
        return centred.reshape(z.shape), whole.repeat_interleave(self.group)

    def _spectral(
        self, network: Network, target: Tensors, context: Tensors, known: Encoded, rows: Tensor, processes: ProcessGroup
    ) -> Tensor:
        place = self.place(network.channels.fourier(target[2]))  # (N, C, S)
        foretold = self.power(self.spectrum(known.frames)[:, :, None] + place[:, None])  # (N, F, C, B)
        hidden = target[1] & ~context[1] & rows[:, None, None]
        error = functional.smooth_l1_loss(foretold, target[0], reduction="none").mean(dim=3)
        return share_of_mean(error.flatten(), hidden.flatten(), processes)

    def _cross(self, seen: Encoded, processes: ProcessGroup) -> Tensor:
        both = seen.has[0] & seen.has[1]
        eeg, eye = seen.z[0], seen.z[1]
        shared_eeg, shared_eye = eeg[:, : self.shared], eye[:, : self.shared]
        errors = (self.cross[0](eeg) - shared_eye, self.cross[1](eye) - shared_eeg, shared_eeg - shared_eye)
        return torch.stack([share_of_mean(e.square().mean(dim=1), both, processes) for e in errors]).mean()

    def _moment(self, seen: Encoded, known: Encoded, pairs: Pairs, processes: ProcessGroup) -> Tensor:
        asked, offered = ([self._place(i, one.z[i]) for i in range(3)] for one in (known, seen))
        others = pairs.near & ~torch.eye(self.group, dtype=torch.bool, device=pairs.near.device)
        losses = []
        for a, b in _MOMENT_PAIRS:
            columns = seen.has[b].reshape(-1, 1, self.group)
            rows = known.has[a] & seen.has[b] & ~pairs.same
            alike = (asked[a] @ offered[b].transpose(1, 2) / _TEMPERATURE).masked_fill(others | ~columns, -1e4)
            error = -torch.diagonal(alike.log_softmax(dim=2), dim1=1, dim2=2)
            losses.append(share_of_mean(error.flatten(), rows, processes))
        return torch.stack(losses).mean()

    def _place(self, head: int, z: Tensor) -> Tensor:
        """(N, width) -> (N / group, group, S) of length 1, seen from the recording's mean."""
        projected = self.moment[head](z).reshape(-1, self.group, _MOMENT_WIDTH)
        return functional.normalize(projected - projected.mean(dim=1, keepdim=True), dim=2)


def sigreg(z: Tensor, step: int) -> Tensor:
    """(n, width) -> how far random projections are from standard normal; the projections follow from the step."""
    random = torch.Generator().manual_seed(step)
    slices = functional.normalize(torch.randn(z.shape[1], _SLICES, generator=random), dim=0).to(z.device)
    t = torch.linspace(0.0, _REACH, _KNOTS, device=z.device)
    normal = torch.exp(-0.5 * t.square())
    share = torch.full_like(t, 2.0 * _REACH / (_KNOTS - 1))
    share[0] = share[-1] = _REACH / (_KNOTS - 1)
    phase = (z @ slices).unsqueeze(-1) * t
    error = (phase.cos().mean(dim=0) - normal).square() + phase.sin().mean(dim=0).square()
    return (error @ (share * normal)).mean() * len(z)


def vicreg(z: Tensor) -> Tensor:
    """(n, width) -> what the variances lack to 1, and the covariances."""
    centred = z - z.mean(dim=0)
    spread = torch.sqrt(centred.square().sum(dim=0) / (len(z) - 1) + 1e-4)
    covariance = centred.T @ centred / (len(z) - 1)
    off_diagonal = covariance - torch.diag(torch.diagonal(covariance))
    return functional.relu(1.0 - spread).mean() + _VICREG_COVARIANCE * off_diagonal.square().sum() / z.shape[1]


def _predictor(width: int, out: int) -> nn.Module:
    return nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, out))
