"""The numbers behind the plots of `inspect`: means by label, band axes, quantiles, places on a flat head."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from offline.corpus.corpus import Corpus
from offline.corpus.shards import Shard
from offline.corpus.summary import EDGES
from offline.datasets.feature_sources import RELEASED
from rtemo.core.eeg.band_power import band_centres
from rtemo.core.settings import PipelineSettings

RELEASED_BANDS = ("delta", "theta", "alpha", "beta", "gamma")
LEAST_CHANNELS = 8  # for a topography
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
UNKNOWN = np.full(len(QUANTILES), np.nan)


def largest_cap(shards: Sequence[Shard]) -> list[Shard]:
    """The recordings of the cap that most were made with, and of those the largest."""
    caps: dict[tuple[str, ...], list[Shard]] = {}
    for shard in shards:
        caps.setdefault(shard.about.channels, []).append(shard)
    fit = [own for cap, own in caps.items() if len(cap) >= LEAST_CHANNELS] or list(caps.values())
    return max(fit, key=lambda own: (len(own), len(own[0].about.channels)))


def n_mapped(corpus: Corpus, shards: Sequence[Shard]) -> int:
    """How many channels have power in every label and band that is measured at all."""
    values = known_mean(np.array([class_maps(corpus, shard) for shard in shards]))
    measured = np.isfinite(values).any(axis=(0, 1))
    return int(np.isfinite(values[:, :, measured]).all(axis=(0, 2)).sum()) if measured.any() else 0


def class_maps(corpus: Corpus, shard: Shard) -> NDArray[np.float64]:
    """(labels, C, B) mean raw power, NaN for labels that the recording lacks."""
    summary = shard.summary
    shape = summary.mean(summary.labels[0]).shape
    return np.array(
        [summary.mean(c) if c in summary.labels else np.full(shape, np.nan) for c in range(len(corpus.labels))]
    )


def class_profiles(corpus: Corpus, shard: Shard) -> NDArray[np.float64]:
    """(labels, B): the mean over channels."""
    return known_mean(class_maps(corpus, shard), axis=1)


def known_mean(values: NDArray[np.float64], axis: int = 0) -> NDArray[np.float64]:
    """The mean of what is not NaN; NaN without anything."""
    known = np.isfinite(values)
    n = known.sum(axis=axis)
    return np.asarray(np.where(n > 0, np.where(known, values, 0.0).sum(axis=axis), np.nan) / np.maximum(n, 1))


def band_axis(corpus: Corpus, shard: Shard) -> tuple[Sequence[str], NDArray[np.float64]]:
    """Names and places of the bands: frequencies on a logarithmic axis, or a release's five named ones."""
    if corpus.sources.eeg == RELEASED:
        n = shard.eeg.shape[-1]
        return RELEASED_BANDS[:n], np.arange(n, dtype=np.float64)
    return (), band_centres(PipelineSettings.from_dict(corpus.pipeline).eeg)


def bands_between(
    corpus: Corpus, names: Sequence[str], x: NDArray[np.float64], name: str, low: float, high: float
) -> NDArray[np.bool_]:
    """(B,): the bands of that name, or with a centre in [low, high) Hz."""
    if corpus.sources.eeg == RELEASED:
        return np.array([one == name for one in names])
    return (x >= low) & (x < high)


def quantiles_of_histogram(histogram: NDArray[np.int64]) -> NDArray[np.float64]:
    """(5, B) quantiles 5, 25, 50, 75, 95 % from counts (B, bins); NaN for a band without data."""
    total = histogram.sum(axis=1)
    share = np.cumsum(histogram, axis=1) / np.maximum(total, 1)[:, None]
    centres = 0.5 * (EDGES[1:] + EDGES[:-1])
    found = [
        [np.interp(q, row, centres) if n else np.nan for row, n in zip(share, total, strict=True)] for q in QUANTILES
    ]
    return np.array(found)


def quantiles_of_windows(shard: Shard, step: int) -> NDArray[np.float64]:
    """(5, B) of the newest frame's normalised power over every step-th window."""
    values, mask = np.array(shard.eeg[::step, -1], np.float64), np.array(shard.eeg_mask[::step, -1])
    usable = values[mask]
    if not len(usable):
        return np.full((len(QUANTILES), values.shape[-1]), np.nan)
    return np.quantile(usable, QUANTILES, axis=0)


def flattened(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vectors (C, 3) seen from above, angle from the top kept as distance: (C, 2), the equator at 1."""
    from_top = np.arccos(np.clip(positions[:, 2], -1, 1)) / (0.5 * np.pi)
    length = np.maximum(np.linalg.norm(positions[:, :2], axis=1), 1e-9)
    return np.asarray(positions[:, :2] / length[:, None] * from_top[:, None])
