"""The network: EEG of any montage and one vector of eye features in, three embeddings out. torch lives here only.

Each channel and 1 s frame is a token made of its log-power spectrum and its place on the head. A few learned queries
pool the channels of a frame (so the number of channels is free and a masked channel has no influence) into one token,
and a small pre-LN transformer joins the frames with the eye features. Attention is blocked so that CLS_eeg sees EEG
only, CLS_eye sees the eyes only, and the joint tokens see everything: every head stays valid when the other modality is
missing.

What is linear need not be learned by attention: the window's mean log-power at fixed places of the head also goes
straight into the embeddings. With few labelled people a linear model of it is hard to beat. Eye features have heavy
tails; a straight way for them made things worse (offline/LOG.md).

The network knows no labels: the heads are linear, lie outside the exported graph and travel as arrays in the bundle.
There is no BatchNorm, so no output depends on the batch. Sources of the design: LUNA (arXiv 2510.22257) for the pooling
queries, REVE (arXiv 2510.21585) for the Fourier features of coordinates, MAET for one CLS and one head per modality,
and the attention bottleneck of Nagrani et al. 2021 (arXiv 2107.00135) for the joint tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rtemo.core.records import Reader
from rtemo.model.embeddings import HEADS

_REGION_SLOPE = 2.0  # of a query head's scores over the unit sphere, before training
_KERNEL, _LEAST_WEIGHT = 0.3, 0.1  # radii of the head: about the spacing of 64 channels; of all channels at a place
_LOWEST = -0.35  # of the places, on the unit sphere: just below the ears
_LIMIT = 8.0  # normalised values beyond this many deviations carry no more information, only leverage


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The network's shape. frames, bands and eye_features are those of the windows it is fed."""

    frames: int = 4
    bands: int = 20
    eye_features: int = 33
    channel_width: int = 64
    queries: int = 4
    pool_heads: int = 4
    octaves: int = 4  # of the Fourier features of the electrode coordinates
    places: int = 32  # of the straight way from band power to the embeddings; 0: there is none
    joint_tokens: int = 4
    width: int = 160
    layers: int = 4
    heads: int = 5
    drop_path: float = 0.1  # share of windows that pass by a block's branch in training

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> NetworkConfig:
        """Raises RtemoError where a name is unknown or missing: what is ignored or assumed is another network."""
        return _READER.read(cls, data)


_READER = Reader("the network", "train it again", "the network's settings are not of this version", complete=True)


class ChannelTokens(nn.Module):
    """(N, F, C, B) log-power and (N, C, 3) positions -> (N, F, C, D) tokens."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width = config.channel_width
        octaves = 2.0 ** torch.arange(config.octaves, dtype=torch.float32)
        self.register_buffer("octaves", octaves, persistent=False)
        self.spectrum = nn.Linear(config.bands, width)
        self.place = nn.Sequential(nn.Linear(3 + 6 * config.octaves, width), nn.GELU(), nn.Linear(width, width))
        self.mix = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def fourier(self, positions: Tensor) -> Tensor:
        """(N, C, 3) -> (N, C, 3 + 6 octaves): the coordinates and their sines and cosines at doubling frequencies."""
        octaves: Tensor = self.octaves  # type: ignore[assignment]
        phase = (positions.unsqueeze(-1) * octaves).flatten(-2)
        return torch.cat((positions, torch.sin(phase), torch.cos(phase)), dim=-1)

    def forward(self, eeg: Tensor, positions: Tensor) -> Tensor:
        token = self.spectrum(eeg) + self.place(self.fourier(positions)).unsqueeze(1)
        mixed: Tensor = token + self.mix(token)
        return mixed


class ChannelPool(nn.Module):
    """Learned queries attend over the channels of each frame: (N, F, C, D) -> (N, F, Q * D).

    The queries are constants, so their product with the key projection is one linear map from token to scores, and
    the value projection is applied after pooling: the same attention, without a key or a value per channel. A learned
    null token is always there to attend to: a frame with no usable channel becomes that token and never NaN. Each
    query head starts with a direction on the head that it prefers, so that training does not begin at the average of
    all channels, which distinguishes no regions.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width, queries, heads = config.channel_width, config.queries, config.pool_heads
        if width % heads:
            raise ValueError(f"channel_width {width} is no multiple of pool_heads {heads}")
        self.queries, self.heads = queries, heads
        self.norm = nn.LayerNorm(width)
        self.null = nn.Parameter(torch.zeros(width))
        self.scores = nn.Linear(width, queries * heads)
        self.regions = nn.Parameter(_REGION_SLOPE * torch.randn(3, queries * heads))
        self.values = nn.Parameter(torch.randn(heads, width, width // heads) / width**0.5)
        self.out = nn.Linear(width, width)

    def forward(self, tokens: Tensor, mask: Tensor, positions: Tensor) -> Tensor:
        n, frames, _, width = tokens.shape
        tokens = self.norm(tokens)
        scores = (self.scores(tokens) + (positions @ self.regions).unsqueeze(1)).masked_fill(
            ~mask.unsqueeze(-1), float("-inf")
        )
        of_null = self.scores(self.null).expand(n, frames, 1, -1)  # the null token has no place
        share = torch.cat((of_null, scores), dim=2).softmax(dim=2).transpose(2, 3)
        pooled = share[..., 1:] @ tokens + share[..., :1] * self.null  # (N, F, Q * H, D)
        by_head = pooled.reshape(n * frames * self.queries, self.heads, width).transpose(0, 1) @ self.values
        out: Tensor = self.out(by_head.transpose(0, 1).reshape(n, frames, self.queries, width))
        return out.flatten(2)


class Straight(nn.Module):
    """The linear way: the window's mean band power at fixed places, (N, 2 * width): for z_eeg and for z_joint.

    A channel counts at a place by a Gaussian of its distance. A place far from every usable channel gives 0, which is
    the session's own mean.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.register_buffer("places", _places(config.places), persistent=False)
        self.out = nn.Linear(config.places * config.bands, 2 * config.width, bias=False)

    def forward(self, eeg: Tensor, eeg_mask: Tensor, positions: Tensor) -> Tensor:
        """Masked values are 0."""
        usable = eeg_mask.to(eeg.dtype)
        mean = eeg.sum(dim=1) / usable.sum(dim=1).clamp(min=1.0).unsqueeze(-1)  # (N, C, B)
        places: Tensor = self.places  # type: ignore[assignment]
        apart = positions.square().sum(-1).unsqueeze(1) - 2.0 * places @ positions.transpose(1, 2) + 1.0
        weight = torch.exp(apart * (-0.5 / _KERNEL**2)) * usable.mean(dim=1).unsqueeze(1)  # (N, P, C)
        at = (weight @ mean) / (weight.sum(dim=-1, keepdim=True) + _LEAST_WEIGHT)
        found: Tensor = self.out(at.flatten(1))
        return found


class Block(nn.Module):
    """One pre-LN transformer layer whose attention is limited by `bias`, which is added to its scores.

    In training its two branches are skipped for a random share of the windows (stochastic depth, Huang et al. 2016,
    arXiv 1603.09382), which costs nothing, as dropping single values does not. The attention is written out: with so
    few tokens it is faster than torch's fused kernel on a CPU.
    """

    def __init__(self, width: int, heads: int, drop_path: float) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} is no multiple of heads {heads}")
        self.heads, self.rate = heads, drop_path
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mix = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        n, tokens, width = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(n, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        scores = (q * (width // self.heads) ** -0.5) @ k.transpose(-1, -2) + bias
        attended = scores.softmax(dim=-1) @ v
        x = x + self.drop(self.out(attended.transpose(1, 2).reshape(n, tokens, width)))
        return x + self.drop(self.mix(self.norm2(x)))

    def drop(self, x: Tensor) -> Tensor:
        if not self.training or not self.rate:
            return x
        kept = torch.rand(len(x), 1, 1, device=x.device) >= self.rate
        return x * (kept / (1.0 - self.rate))


class Network(nn.Module):
    """embed(eeg, eeg_mask, positions, eye, eye_valid) -> (z_eeg, z_eye, z_joint), each (N, width)."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        width, frames = config.width, config.frames
        self.channels, self.pool = ChannelTokens(config), ChannelPool(config)
        self.lift = nn.Linear(config.queries * config.channel_width, width)
        self.eye = nn.Sequential(nn.Linear(2 * config.eye_features, width), nn.GELU(), nn.Linear(width, width))
        self.missing_eye = nn.Parameter(torch.zeros(width))
        self.where = nn.Parameter(0.02 * torch.randn(frames, width))  # in the window, that is when
        self.cls_eeg, self.cls_eye = nn.Parameter(0.02 * torch.randn(width)), nn.Parameter(0.02 * torch.randn(width))
        self.joint = nn.Parameter(0.02 * torch.randn(config.joint_tokens, width))
        self.blocks = nn.ModuleList(Block(width, config.heads, config.drop_path) for _ in range(config.layers))
        self.norm = nn.LayerNorm(width)
        self.straight = Straight(config) if config.places else None
        self.register_buffer("bias", _bias(config.joint_tokens, frames), persistent=False)

    def eeg_tokens(self, eeg: Tensor, eeg_mask: Tensor, positions: Tensor) -> Tensor:
        """(N, F, C, B) with 0 where masked, (N, F, C), (N, C, 3) -> (N, F, width), one token per frame."""
        pooled = self.pool(self.channels(eeg, positions), eeg_mask, positions)
        lifted: Tensor = self.lift(pooled) + self.where
        return lifted

    def eye_token(self, eye: Tensor, eye_valid: Tensor) -> Tensor:
        """(N, E) with 0 where not valid, (N, E) -> (N, 1, width); with no valid one the learned missing token."""
        token = self.eye(torch.cat((eye, eye_valid.to(eye.dtype)), dim=-1))
        return torch.where(eye_valid.any(dim=-1, keepdim=True), token, self.missing_eye).unsqueeze(1)

    def embed(
        self, eeg: Tensor, eeg_mask: Tensor, positions: Tensor, eye: Tensor, eye_valid: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The three embeddings. z_eeg depends on the EEG alone, z_eye on the eyes alone, z_joint on both.

        Shapes: eeg (N, F, C, B), eeg_mask (N, F, C) bool, positions (N, C, 3), eye (N, E), eye_valid (N, E) bool.
        Masked values are never read; they may be anything.
        """
        z, joints = self.encode(eeg, eeg_mask, positions, eye, eye_valid), self.config.joint_tokens
        return z[:, joints], z[:, joints + 1 + self.config.frames], z[:, 0]

    def encode(self, eeg: Tensor, eeg_mask: Tensor, positions: Tensor, eye: Tensor, eye_valid: Tensor) -> Tensor:
        """All tokens as they come out, (N, T, width): the joint ones, CLS_eeg, one for each frame, CLS_eye, the eye."""
        n = eeg.shape[0]
        eeg = torch.where(eeg_mask.unsqueeze(-1), eeg, 0.0).clamp(-_LIMIT, _LIMIT)
        eye = torch.where(eye_valid, eye, 0.0).clamp(-_LIMIT, _LIMIT)
        eeg_tokens = self.eeg_tokens(eeg, eeg_mask, positions)
        cls_eeg, cls_eye = self.cls_eeg.expand(n, 1, -1), self.cls_eye.expand(n, 1, -1)
        parts = (self.joint.expand(n, -1, -1), cls_eeg, eeg_tokens, cls_eye, self.eye_token(eye, eye_valid))
        x = torch.cat(parts, dim=1)
        for block in self.blocks:
            x = block(x, self.bias)
        z: Tensor = self.norm(x)
        if self.straight is None:
            return z
        joints, frames = self.config.joint_tokens, self.config.frames
        of_eeg, of_both = self.straight(eeg, eeg_mask, positions).unsqueeze(1).chunk(2, dim=-1)
        first, rest, cls_eeg, others = torch.split(z, [1, joints - 1, 1, frames + 2], dim=1)
        return torch.cat((first + of_both, rest, cls_eeg + of_eeg, others), dim=1)

    def forward(
        self, eeg: Tensor, eeg_mask: Tensor, positions: Tensor, eye: Tensor, eye_valid: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        return self.embed(eeg, eeg_mask, positions, eye, eye_valid)


def _places(count: int) -> Tensor:
    """(count, 3): a Fibonacci lattice on the unit sphere above the ears."""
    index = torch.arange(count, dtype=torch.float32)
    height = 1.0 - (1.0 - _LOWEST) * (index + 0.5) / max(count, 1)
    around, angle = torch.sqrt(1.0 - height.square()), torch.pi * (3.0 - 5.0**0.5) * index
    return torch.stack((around * torch.cos(angle), around * torch.sin(angle), height), dim=1)


def _bias(joint_tokens: int, frames: int) -> Tensor:
    """(T, T), 0 where the token of the row may attend to the token of the column, else minus infinity."""
    group = torch.tensor([0] * joint_tokens + [1] * (1 + frames) + [2] * 2)
    allowed = (group[:, None] == group[None, :]) | (group[:, None] == 0)
    return torch.zeros(allowed.shape).masked_fill(~allowed, float("-inf"))


class Heads(nn.Module):
    """One linear head per embedding, kept apart from the network so that they can be refitted for a person."""

    def __init__(self, width: int, n_labels: int) -> None:
        super().__init__()
        self.linear = nn.ModuleDict({name: nn.Linear(width, n_labels) for name in HEADS})

    def ordered(self) -> tuple[nn.Linear, ...]:
        """In the order of HEADS."""
        return tuple(head for name in HEADS if isinstance(head := self.linear[name], nn.Linear))

    def forward(self, embeddings: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """(z_eeg, z_eye, z_joint) -> logits of the three heads, each (N, n_labels)."""
        eeg, eye, joint = (self.linear[name](z) for name, z in zip(HEADS, embeddings, strict=True))
        return eeg, eye, joint
