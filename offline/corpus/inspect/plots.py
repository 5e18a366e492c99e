"""The plots of `inspect`: coverage, features before and after normalisation, spectra and topographies by label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from offline.corpus.corpus import Corpus
from offline.corpus.inspect.facts import windows_by_label
from offline.corpus.inspect.numbers import (
    LEAST_CHANNELS,
    band_axis,
    bands_between,
    class_maps,
    class_profiles,
    flattened,
    known_mean,
    largest_cap,
    n_mapped,
    quantiles_of_histogram,
    quantiles_of_windows,
)
from offline.corpus.shards import Shard
from offline.datasets.base import natural_key
from offline.datasets.feature_sources import RELEASED
from rtemo.core.gaze.features import GAZE_FEATURES
from rtemo.presentation.palette import LIGHT, SERIES, emotion_colours

MAPPED = (("theta", 4.0, 8.0), ("alpha", 8.0, 14.0), ("beta", 14.0, 31.0), ("gamma", 31.0, 48.0))
_AT_MOST = 20_000  # windows that distributions after normalisation are drawn from


@dataclass(frozen=True, slots=True)
class Section:
    """One plot with what it shows."""

    title: str
    text: str
    figure: Figure


def sections(corpus: Corpus) -> Iterator[Section]:
    """Those for which the corpus has data."""
    yield _coverage(corpus)
    with_eeg = [shard for shard in corpus if shard.about.channels]
    if with_eeg:
        yield _eeg_distributions(corpus, with_eeg)
        if corpus.labels:
            yield _spectra(corpus, with_eeg)
            largest = largest_cap(with_eeg)
            if n_mapped(corpus, largest) >= LEAST_CHANNELS:
                yield _topographies(corpus, largest)
    with_eye = [shard for shard in corpus if shard.about.counts.get("eye", 0)]
    if with_eye:
        yield _eye_distributions(corpus, with_eye)


def _coverage(corpus: Corpus) -> Section:
    """Stacked windows by label, and coverage, of each recording."""
    shards = sorted(corpus, key=lambda s: (natural_key(s.about.subject), natural_key(s.about.session)))
    counts = np.array([windows_by_label(shard, len(corpus.labels)) for shard in shards])
    figure = Figure(figsize=(9.5, 4.2), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    base, x = np.zeros(len(shards)), np.arange(len(shards))
    colours = {**emotion_colours(corpus.labels), "unlabelled": LIGHT.line}
    for code, (name, colour) in enumerate(colours.items()):
        above.bar(x, counts[:, code], bottom=base, width=0.9, color=colour, label=name)
        base += counts[:, code]
    above.set_ylabel("windows")
    above.legend(ncols=6, fontsize=8, frameon=False, loc="lower left", bbox_to_anchor=(0, 1.0))
    for name, key, colour in (("EEG", "eeg_coverage", SERIES[0]), ("eye", "gaze_coverage", SERIES[1])):
        below.plot(x, [100 * s.rows[key].mean() for s in shards], "o", ms=3.5, color=colour, label=name)
    below.set(ylim=(-4, 104), ylabel="coverage in %", xlabel="recording, by subject and session")
    below.legend(fontsize=8, frameon=False, loc="lower left")
    _tidy([above, below])
    return Section(
        "Windows and coverage", "Of each recording: windows by label, and the mean share of usable samples.", figure
    )


def _eeg_distributions(corpus: Corpus, shards: Sequence[Shard]) -> Section:
    """Quantiles of every band before and after normalisation, all channels together; the spread of people's medians."""
    names, x = band_axis(corpus, shards[0])
    figure = Figure(figsize=(9.5, 3.8), layout="constrained")
    before, after = figure.subplots(1, 2)
    raw = [quantiles_of_histogram(shard.summary.histogram) for shard in shards]
    normal = [quantiles_of_windows(shard, _share(corpus)) for shard in shards]
    unit = "released units" if corpus.sources.eeg == RELEASED else "ln(µV²/Hz)"
    for axes, found, title, y in ((before, raw, "before", unit), (after, normal, "after", "normalised")):
        every = np.array(found)
        medians = every[:, 2]
        for low, high, alpha in ((0, 4, 0.15), (1, 3, 0.3)):
            middle = known_mean(every)
            axes.fill_between(x, middle[low], middle[high], color=SERIES[0], alpha=alpha, lw=0)
        axes.plot(x, medians.T, color=LIGHT.ink, lw=0.5, alpha=0.35)
        axes.plot(x, known_mean(medians), color=SERIES[0], lw=2)
        axes.set(title=f"{title} normalisation", ylabel=y)
        _band_ticks(axes, names, x)
    _tidy([before, after])
    text = (
        "EEG power by band over all channels. Blue: median, middle half and middle 90 % of an average recording; thin "
        f"lines: each recording's median. After normalisation {_share_text(corpus)}."
    )
    return Section("EEG features before and after normalisation", text, figure)


def _eye_distributions(corpus: Corpus, shards: Sequence[Shard]) -> Section:
    """Every eye feature, raw and normalised, as histograms over all windows."""
    step = _share(corpus)
    parts = [(np.array(s.eye_raw[::step]), np.array(s.eye[::step]), np.array(s.eye_valid[::step])) for s in shards]
    raw, normal, valid = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    used = [k for k in range(len(GAZE_FEATURES)) if valid[:, k].any()]
    columns = 6
    n_rows = -(-len(used) // columns)
    figure = Figure(figsize=(9.5, 1.75 * n_rows + 0.3), layout="constrained")
    grid = figure.subplots(n_rows, columns, squeeze=False).ravel()
    own = corpus.sources.eye == RELEASED
    for axes, k in zip(grid, used, strict=False):
        feature, seen = GAZE_FEATURES[k], valid[:, k]
        low, high = np.percentile(raw[seen, k], [0.5, 99.5])
        axes.hist(raw[seen, k], bins=40, range=(low, max(high, low + 1e-6)), color=SERIES[1], alpha=0.75)
        twin = axes.twiny()
        twin.hist(normal[seen, k], bins=40, range=(-6, 6), histtype="step", color=SERIES[0], lw=1.1)
        twin.set_xlim(-6, 6)
        unit = "" if own else f" [{feature.unit}]"
        axes.set_title(feature.name.replace("_", " ") + unit, fontsize=6.5)
        for one in (axes, twin):
            one.tick_params(labelsize=6, length=2)
            one.set_yticks([])
        twin.tick_params(axis="x", colors=SERIES[0], pad=0)
        _tidy([axes, twin])
    for axes in grid[len(used) :]:
        axes.remove()
    units = "the release's own units" if own else "the schema's units"
    text = (
        f"Filled: before normalisation, in {units} (lower axis). Line: after normalisation (upper axis, -6 to 6). "
        f"{len(GAZE_FEATURES) - len(used)} of {len(GAZE_FEATURES)} features are never valid. Drawn "
        f"{_share_text(corpus)}."
    )
    return Section("Eye features before and after normalisation", text, figure)


def _spectra(corpus: Corpus, shards: Sequence[Shard]) -> Section:
    """Mean power of each label over channels and people, and its difference from the person's mean over labels."""
    names, x = band_axis(corpus, shards[0])
    profiles = np.array([class_profiles(corpus, shard) for shard in shards])  # recording, label, band
    figure = Figure(figsize=(9.5, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    relative = profiles - known_mean(profiles, axis=1)[:, None]
    for code, (name, colour) in enumerate(emotion_colours(corpus.labels).items()):
        mean, n = known_mean(profiles[:, code]), np.isfinite(profiles[:, code]).sum(axis=0)
        left.plot(x, mean, color=colour, label=name)
        middle = known_mean(relative[:, code])
        spread = np.sqrt(known_mean((relative[:, code] - middle) ** 2) / np.maximum(n - 1, 1))
        right.plot(x, middle, color=colour)
        right.fill_between(x, middle - spread, middle + spread, color=colour, alpha=0.2, lw=0)
    right.axhline(0, color=LIGHT.ink, lw=0.6)
    left.set(title="mean over channels and recordings", ylabel="ln(µV²/Hz)")
    right.set(title="difference from the recording's mean over labels", ylabel="ln ratio")
    left.legend(fontsize=8, frameon=False)
    for axes in (left, right):
        _band_ticks(axes, names, x)
    _tidy([left, right])
    text = "Raw power before normalisation, in labelled windows. Bands on the right: standard error over recordings."
    return Section("Spectra by label", text, figure)


def _topographies(corpus: Corpus, shards: Sequence[Shard]) -> Section:
    """Where on the head each label differs from the recording's mean over labels."""
    from mne.viz import plot_topomap

    names, x = band_axis(corpus, shards[0])
    maps = [(name, bands_between(corpus, names, x, name, low, high)) for name, low, high in MAPPED]
    maps = [(name, chosen) for name, chosen in maps if chosen.any()]
    values = np.array([class_maps(corpus, shard) for shard in shards])  # recording, label, channel, band
    relative = known_mean(values - known_mean(values, axis=1)[:, None])  # label, channel, band
    places = flattened(np.array(shards[0].positions, np.float64))
    figure = Figure(figsize=(1.9 * len(maps) + 1.0, 1.75 * len(corpus.labels) + 0.4), layout="constrained")
    grid = figure.subplots(len(corpus.labels), len(maps), squeeze=False)
    for column, (name, chosen) in enumerate(maps):
        power = relative[:, :, chosen].mean(axis=2)
        known = np.isfinite(power).all(axis=0)
        limit = float(np.abs(power[:, known]).max()) if known.any() else 1.0
        for row, label in enumerate(corpus.labels):
            axes = grid[row, column]
            image, _ = plot_topomap(
                power[row, known], places[known], axes=axes, show=False, cmap="RdBu_r", vlim=(-limit, limit),
                contours=0, sphere=1.0, sensors="k.",
            )  # fmt: skip
            if row == 0:
                axes.set_title(name, fontsize=9)
            if column == 0:
                axes.text(-1.35, 0, label, rotation=90, ha="center", va="center", fontsize=9)
        bar = figure.colorbar(image, ax=list(grid[:, column]), shrink=0.5, location="bottom", pad=0.01)
        bar.ax.tick_params(labelsize=6)
    text = (
        f"Raw power (ln ratio) against the recording's mean over labels: {len(shards)} recordings of one cap with "
        f"{len(shards[0].about.channels)} channels. Each column has a scale of its own."
    )
    return Section("Topographies by label", text, figure)


def _band_ticks(axes: object, names: Sequence[str], x: NDArray[np.float64]) -> None:
    if names:
        axes.set_xticks(x, names)  # type: ignore[attr-defined]
        return
    axes.set_xscale("log")  # type: ignore[attr-defined]
    axes.set_xticks([1, 2, 4, 8, 16, 32], ["1", "2", "4", "8", "16", "32"])  # type: ignore[attr-defined]
    axes.minorticks_off()  # type: ignore[attr-defined]
    axes.set_xlabel("Hz")  # type: ignore[attr-defined]


def _share(corpus: Corpus) -> int:
    """Every how many-th window is looked at."""
    return max(1, sum(shard.about.n_windows for shard in corpus) // _AT_MOST)


def _share_text(corpus: Corpus) -> str:
    step = _share(corpus)
    return "from every window" if step == 1 else f"from every {step}th window"


def _tidy(axes: Sequence[object]) -> None:
    for one in axes:
        for side in ("top", "right"):
            one.spines[side].set_visible(False)  # type: ignore[attr-defined]
