"""Windows of a corpus as feature arrays for the compared methods: the same windows for every method.

Fixed channels: methods of a fixed montage get the channels that all recordings have in common where these are at least
FEWEST_COMMON, else the 19 places of the 10-20 system. A channel that is missing or bad in a frame is estimated from the
usable ones around it (a Gaussian kernel over distance on the head).

DE: the mean of the pipeline's normalised log-powers within delta, theta, alpha, beta and gamma. The differential
entropy of a Gaussian is half the logarithm of its variance plus a constant, so this is DE up to scale; only the mean of
logarithms over the fine bands stands for the logarithm of their mean. What is not there is 0: the session's own mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from offline.corpus.corpus import UNLABELLED, Corpus, Shard
from offline.splits import WindowIds, window_ids
from rtemo.core.eeg.band_power import band_centres
from rtemo.core.eeg.interpolation import each_onto
from rtemo.core.eeg.montage import place
from rtemo.core.eeg.settings import EegSettings
from rtemo.core.types import BoolArray, FloatArray

Indices = NDArray[np.int64]
T = TypeVar("T", np.float32, np.bool_)

MODALITIES = ("eeg", "eye")
BANDS_HZ = ((1.0, 4.0), (4.0, 8.0), (8.0, 14.0), (14.0, 31.0), (31.0, 50.0))
EYE_COLUMNS = 31  # SEED-IV's; the two blink features that follow are not in it
FEWEST_COMMON = 8
TEN_TWENTY = "Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2"
_PIECE = 512


@dataclass(frozen=True, eq=False)
class ChannelSet:
    """The fixed channels: labels, positions (T, 3), and how they were chosen."""

    labels: tuple[str, ...]
    positions: FloatArray
    how: str


def fixed_channels(shards: Sequence[Shard]) -> ChannelSet:
    """Those in common, in the order of the first recording with EEG, or those of the 10-20 system."""
    with_eeg = [shard for shard in shards if shard.about.channels]
    common = set.intersection(*(set(shard.about.channels) for shard in with_eeg)) if with_eeg else set()
    if len(common) < FEWEST_COMMON:
        placed = place(TEN_TWENTY.split())
        return ChannelSet(placed.labels, placed.positions, f"{len(placed.labels)} places of the 10-20 system")
    labels = with_eeg[0].about.channels
    kept = [i for i, label in enumerate(labels) if label in common]
    positions = np.array(with_eeg[0].positions[kept])
    return ChannelSet(tuple(labels[i] for i in kept), positions, f"{len(kept)} channels in common")


@dataclass(frozen=True, eq=False)
class WindowTable:
    """N windows of some recordings. shard, index (N,): where each lies. bands: columns of each of BANDS_HZ.

    pipeline: the settings that made the windows.
    """

    shards: tuple[Shard, ...]
    shard: Indices
    index: Indices
    ids: WindowIds
    labels: tuple[str, ...]
    channels: ChannelSet
    bands: tuple[tuple[int, ...], ...]
    pipeline: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def de(self) -> FloatArray:
        """(N, T, 5)."""
        parts = [self._de_of(shard, self.index[self.shard == n]) for n, shard in enumerate(self.shards)]
        return np.concatenate(parts)

    @cached_property
    def eye(self) -> FloatArray:
        """(N, EYE_COLUMNS), 0 where not valid."""
        values = np.concatenate([s.eye[self.index[self.shard == n]] for n, s in enumerate(self.shards)])
        return np.where(self.eye_valid, values[:, :EYE_COLUMNS], np.float32(0.0))

    @cached_property
    def eye_valid(self) -> BoolArray:
        valid = np.concatenate([s.eye_valid[self.index[self.shard == n]] for n, s in enumerate(self.shards)])
        return np.asarray(valid[:, :EYE_COLUMNS])

    def load(self, modalities: Sequence[str]) -> None:
        """Compute the features now: worker processes then share them instead of each computing its own."""
        for modality in modalities:
            _ = self.de if modality == "eeg" else self.eye

    @cached_property
    def offers(self) -> dict[str, BoolArray]:
        """Modality -> (N,): whether the window has anything of it."""
        eeg = [s.eeg_mask[self.index[self.shard == n]].any(axis=(1, 2)) for n, s in enumerate(self.shards)]
        eye = [s.eye_valid[self.index[self.shard == n]].any(axis=1) for n, s in enumerate(self.shards)]
        return {"eeg": np.concatenate(eeg), "eye": np.concatenate(eye)}

    def _de_of(self, shard: Shard, index: Indices) -> FloatArray:
        out = np.zeros((len(index), len(self.channels.labels), len(self.bands)), np.float32)
        for start in range(0, len(index), _PIECE) if shard.about.channels else ():
            rows = index[start : start + _PIECE]
            fine = shard.eeg[rows].astype(np.float32)
            power = np.stack([fine[..., columns].mean(axis=-1) for columns in self.bands], axis=-1)
            out[start : start + _PIECE] = onto(power, shard.eeg_mask[rows], shard.positions, self.channels.positions)
        return out


def tabulate(corpus: Corpus, channels: ChannelSet | None = None, *, labelled: bool = True) -> WindowTable:
    """The labelled windows of a corpus, or all of them, in order of recording and time.

    channels: those of the training table, where this one is only tested on.
    """
    ids, sizes = window_ids(corpus), [len(shard.rows) for shard in corpus.shards]
    chosen = np.flatnonzero(ids.label != UNLABELLED) if labelled else np.arange(len(ids))
    centres = band_centres(EegSettings(**corpus.pipeline["eeg"]))
    return WindowTable(
        shards=corpus.shards,
        shard=np.repeat(np.arange(len(sizes)), sizes)[chosen],
        index=np.concatenate([np.arange(size) for size in sizes])[chosen],
        ids=WindowIds(**{field.name: getattr(ids, field.name)[chosen] for field in fields(WindowIds)}),
        labels=corpus.labels,
        channels=fixed_channels(corpus.shards) if channels is None else channels,
        bands=tuple(tuple(np.flatnonzero((centres >= low) & (centres < high)).tolist()) for low, high in BANDS_HZ),
        pipeline=corpus.pipeline,
    )


def onto(values: FloatArray, mask: BoolArray, positions: FloatArray, targets: FloatArray) -> FloatArray:
    """(n, F, C, K) of channels at positions (C, 3) -> (n, T, K) at targets (T, 3), the mean over frames.

    mask (n, F, C): the usable channels. 0 where a window has none.
    """
    at = each_onto(values, mask, positions, targets)
    seen = np.asarray(mask.any(axis=-1))[:, :, None, None]
    frames = np.maximum(seen.sum(axis=1), 1)
    return np.asarray((at * seen).sum(axis=1) / frames, np.float32)


@dataclass(frozen=True, eq=False)
class Windows:
    """Some windows of a table, and the modalities that a method may look at."""

    table: WindowTable
    rows: Indices
    modalities: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def labels(self) -> Indices:
        return self.table.ids.label[self.rows]

    @property
    def n_labels(self) -> int:
        return len(self.table.labels)

    @property
    def trial(self) -> Indices:
        """(n,) numbers, equal within a trial of a person."""
        return self.table.ids.keys["trial"][self.rows]

    @property
    def subject(self) -> Indices:
        """(n,) numbers, equal within a person."""
        return self.table.ids.keys["subject"][self.rows]

    @property
    def de(self) -> FloatArray:
        """(n, T, 5)."""
        return self._seen("eeg", self.table.de)

    @property
    def eye(self) -> FloatArray:
        """(n, 31)."""
        return self._seen("eye", self.table.eye)

    def has(self, modality: str) -> BoolArray:
        """(n,) whether the window offers it to the method."""
        return self._seen(modality, self.table.offers[modality])

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """(n,) with mean 1: every trial counts the same."""
        _, which, counts = np.unique(self.trial, return_inverse=True, return_counts=True)
        return np.asarray(len(self) / (len(counts) * counts[which]))

    def only(self, modalities: Sequence[str]) -> Windows:
        """The same with fewer modalities."""
        return replace(self, modalities=tuple(m for m in self.modalities if m in modalities))

    def of(self, mask: BoolArray) -> Windows:
        return replace(self, rows=self.rows[mask])

    def at(self, positions: Indices) -> Windows:
        """Those at these positions among the windows."""
        return replace(self, rows=self.rows[positions])

    def thinned(self, per_trial: int) -> Windows:
        """At most per_trial windows of each trial, evenly spaced."""
        kept = []
        for trial in np.unique(self.trial):
            own = np.flatnonzero(self.trial == trial)
            kept.append(own[np.linspace(0, len(own) - 1, min(per_trial, len(own))).round().astype(np.int64)])
        return replace(self, rows=self.rows[np.sort(np.concatenate(kept))])

    def _seen(self, modality: str, values: NDArray[T]) -> NDArray[T]:
        own = values[self.rows]
        return own if modality in self.modalities else np.zeros_like(own)


def windows_that_offer(table: WindowTable, modalities: Sequence[str]) -> WindowTable:
    """The table in which windows that have nothing of these modalities are not labelled: no split uses them."""
    offered = np.any([table.offers[modality] for modality in modalities], axis=0)
    label = np.where(offered, table.ids.label, UNLABELLED)
    return replace(table, ids=replace(table.ids, label=label))
