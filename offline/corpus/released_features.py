"""Features as a data set released them, by window of a trial, with a normaliser of their own.

A window takes the released one whose end is nearest (at most half a released window off). Values pass the core's
normaliser in the order of the session, so a value is normalised by what came before it. The core's prior is in the
core's units. For values in a release's own units the prior is the recording's own first BASELINE_S of released windows
(their mean), with the relative spread between people that the core's schema states; the share of a mean is the same in
every unit. Entropies are logarithms: their spread is the schema's. This needs no other person's data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from offline.datasets.base import EegWindows, EyeWindows, Trial
from rtemo.core.baseline.normaliser import Normaliser, NormaliserSettings, NormaliserState
from rtemo.core.gaze.features import GAZE_FEATURES
from rtemo.core.types import BoolArray, FloatArray, Window

Doubles = NDArray[np.float64]
_EEG_SPREAD = 0.5  # of differential entropy, 1/2 ln(2 pi e variance): half of the core's prior for ln power


@dataclass(frozen=True, slots=True)
class ReleasedTrial:
    """One trial's released windows, k of them: raw (k, ...), valid, normalised (0 where not valid), ready (k,)."""

    raw: FloatArray
    valid: BoolArray
    normal: FloatArray
    ready: BoolArray
    window_s: float

    def row_for(self, since_start_s: float) -> int | None:
        """See EyeWindows.row_for."""
        return EyeWindows(self.raw, self.valid, self.window_s, causal=False).row_for(since_start_s)


@dataclass(frozen=True, slots=True)
class Cap:
    """Where released EEG was measured: C channels, positions (C, 3), and how many bands it has."""

    channels: tuple[str, ...]
    positions: FloatArray
    n_bands: int


def blank(end_s: float, n_frames: int, n_bands: int) -> Window:
    """A window that holds nothing yet, for recordings of which nothing goes through the pipeline."""
    n = len(GAZE_FEATURES)
    return Window(
        end_s=end_s,
        eeg=np.zeros((n_frames, 0, n_bands), np.float32),
        eeg_power=np.zeros((n_frames, 0, n_bands), np.float32),
        eeg_mask=np.zeros((n_frames, 0), np.bool_),
        eye=np.zeros(n, np.float32),
        eye_raw=np.full(n, np.nan, np.float32),
        eye_valid=np.zeros(n, np.bool_),
        positions=np.zeros((0, 3), np.float32),
        channels=(),
        eeg_coverage=0.0,
        gaze_coverage=0.0,
        settled=True,
    )


def eye_tables(
    windows: Mapping[int, EyeWindows], trials: Sequence[Trial], settings: NormaliserSettings, *, core_units: bool
) -> dict[int, ReleasedTrial]:
    """Each trial's eye features, normalised in the order of the trials."""
    order = [trial.number for trial in trials if trial.number in windows]
    rows = [(windows[n].values[:, :, None], windows[n].valid[:, :, None]) for n in order]
    if not order:
        return {}
    typical = np.array([[feature.typical] for feature in GAZE_FEATURES])
    spread = np.array([[feature.spread] for feature in GAZE_FEATURES])
    length_s = windows[order[0]].window_s
    if not core_units:
        mean = _first_mean(rows, settings.baseline_s / length_s)
        mean = np.where(np.isfinite(mean), mean, typical)
        scaled = np.abs(mean) * spread / np.abs(typical)
        logarithm = np.array([[feature.unit == "nat"] for feature in GAZE_FEATURES])
        typical, spread = mean, np.where(logarithm | (scaled == 0), spread, scaled)
    return dict(zip(order, _normalised(rows, Normaliser(settings, typical, spread), length_s), strict=True))


def eeg_tables(
    windows: Mapping[int, EegWindows], columns: Sequence[int], trials: Sequence[Trial], settings: NormaliserSettings
) -> dict[int, ReleasedTrial]:
    """Each trial's band features (k, C, bands) of these columns' channels, normalised in the order of the trials."""
    order = [trial.number for trial in trials if trial.number in windows]
    kept = [windows[n].values[:, list(columns)] for n in order]
    rows = [(values, np.isfinite(values)) for values in kept]
    if not order:
        return {}
    length_s = windows[order[0]].window_s
    mean = np.nan_to_num(_first_mean(rows, settings.baseline_s / length_s))
    normaliser = Normaliser(settings, mean, np.full_like(mean, _EEG_SPREAD))
    return dict(zip(order, _normalised(rows, normaliser, length_s), strict=True))


def with_eye(window: Window, table: ReleasedTrial | None, since_start_s: float) -> Window:
    """The window with the eye features of its place in the trial; as it was where there are none."""
    row = None if table is None else table.row_for(since_start_s)
    if table is None or row is None or not table.valid[row].any():
        return window
    return replace(
        window,
        eye=table.normal[row, :, 0],
        eye_raw=table.raw[row, :, 0],
        eye_valid=table.valid[row, :, 0],
        gaze_coverage=1.0,  # the release does not state how much of the window was seen
        settled=window.settled and bool(table.ready[row]),
    )


def with_eeg(window: Window, table: ReleasedTrial | None, since_start_s: float, cap: Cap) -> Window:
    """The window with released band features as its one frame (1, C, bands), masked where there are none."""
    row = None if table is None else table.row_for(since_start_s)
    if table is None or row is None:
        nothing = np.zeros((1, len(cap.channels), cap.n_bands), np.float32)
        raw, normal, valid, ready = nothing[0] * np.nan, nothing[0], nothing[0] > 0, True
    else:
        raw, normal, valid, ready = table.raw[row], table.normal[row], table.valid[row], bool(table.ready[row])
    usable = valid.all(axis=1)
    return replace(
        window,
        eeg=np.where(usable[:, None], normal, 0)[None],
        eeg_power=np.where(usable[:, None], raw, np.nan)[None],
        eeg_mask=usable[None],
        channels=cap.channels,
        positions=cap.positions,
        eeg_coverage=float(usable.any()),
        settled=window.settled and ready,
    )


def _first_mean(rows: Sequence[tuple[FloatArray, BoolArray]], n: float) -> Doubles:
    """The mean of each feature's first n valid values; NaN without any."""
    values = np.concatenate([np.where(valid, raw, np.nan) for raw, valid in rows]).astype(np.float64)
    valid = np.isfinite(values)
    first = valid & (np.cumsum(valid, axis=0) <= n)
    count = first.sum(axis=0)
    return np.where(count > 0, np.where(first, values, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _normalised(
    rows: Sequence[tuple[FloatArray, BoolArray]], normaliser: Normaliser, length_s: float
) -> list[ReleasedTrial]:
    tables = []
    there = np.any([valid.any(axis=0) for _, valid in rows], axis=0)  # some features a release never has
    for raw, valid in rows:
        normal, ready = np.zeros(raw.shape, np.float32), np.zeros(len(raw), np.bool_)
        for k in range(len(raw)):
            scale = normaliser.snapshot
            normal[k], ready[k] = scale.apply(raw[k], valid[k]), _ready(scale, there)
            normaliser.update(raw[k], valid[k], length_s)
        tables.append(ReleasedTrial(raw, valid, normal, ready, length_s))
    return tables


def _ready(scale: NormaliserState, there: BoolArray) -> bool:
    """As Scale.ready, over the features that the recording has."""
    return bool(there.any() and np.median(scale.seconds[there]) >= scale.settings.ready_s)
