"""Which column of a release is which feature of the core's eye schema, and the checks of what is only inferred.

SEED-IV's rows are named on its official page; only the order of the eight pupil entropies (rows 5 to 12) is not. It is
read here as X in four bands, then Y in four bands, as the page's own screenshot suggests; `pupil_bands_doubt` reports
where the data contradict it. SEED-VII's order is in its authors' extraction code: left and right eye stand where
SEED-IV has X and Y. SEED-V's order is printed nowhere: it is inferred from the table of the EmotionMeter paper, and
`seed_v_order_doubt` tests what must hold if it is right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from offline.datasets.base import EyeWindows
from rtemo.core.gaze.features import GAZE_FEATURES, GazeFeature

SEED_V_WIDTH, SEED_VII_WIDTH, SEED_IV_WIDTH = 33, 33, 31


def _seed_v_column(feature: GazeFeature) -> int:
    """SEED-IV's order with the two blink durations between fixations and saccades."""
    if feature.seed_iv_row is None:
        return 18 if feature.name == "blink_duration_mean" else 19
    return feature.seed_iv_row - 1 if feature.seed_iv_row <= 18 else feature.seed_iv_row + 1


# For each feature of the schema its column in a release, None where the release lacks it.
SEED_IV_COLUMNS = tuple(None if f.seed_iv_row is None else f.seed_iv_row - 1 for f in GAZE_FEATURES)
SEED_V_COLUMNS = tuple(_seed_v_column(feature) for feature in GAZE_FEATURES)
SEED_VII_COLUMNS = tuple(feature.seed_vii_column for feature in GAZE_FEATURES)
_CONSTANT_FROM = 24  # SEED-V columns 24 to 32 are SEED-IV's rows 23 to 31: one value a clip


def to_schema(released: NDArray[np.floating], columns: tuple[int | None, ...], window_s: float) -> EyeWindows:
    """(W, features) in a release's order and units into the schema's order. Values not finite are not valid."""
    values = np.full((len(released), len(GAZE_FEATURES)), np.nan, dtype=np.float32)
    for feature, column in enumerate(columns):
        if column is not None:
            values[:, feature] = released[:, column]
    values[~np.isfinite(values)] = np.nan
    return EyeWindows(values, np.isfinite(values), window_s, causal=False)


def incomplete(released: NDArray[np.floating], n_windows: int) -> str:
    """What is missing inside a trial's (W, features), which are used all the same; "" where nothing is."""
    missing = int(np.sum(~np.isfinite(released)))
    parts = [f"{missing} of its values are not finite"] if missing else []
    if len(released) < n_windows:
        parts.append("its last window has no eye features")
    return ", ".join(parts)


def pupil_bands_doubt(windows: NDArray[np.floating]) -> str:
    """Why rows 5 to 12 of (W, 31) may be interleaved X1 Y1 X2 Y2 ... instead of X1-4 Y1-4; "" where nothing does.

    X and Y are two diameters of the same pupil, so the same band of both must go together more than other pairs.
    """
    entropies = windows[:, 4:12]
    entropies = entropies[np.isfinite(entropies).all(axis=1)]
    if len(entropies) < 8 or (np.ptp(entropies, axis=0) == 0).any():
        return ""
    alike = np.corrcoef(entropies, rowvar=False)
    blocked = float(np.mean([alike[band, band + 4] for band in range(4)]))
    interleaved = float(np.mean([alike[2 * band, 2 * band + 1] for band in range(4)]))
    if interleaved <= blocked + 0.2:
        return ""
    return (
        f"rows 5-12 correlate as X1 Y1 X2 Y2 ... ({interleaved:.2f}) rather than as X1-4 Y1-4 ({blocked:.2f}), "
        "which is how they are read"
    )


def seed_v_order_doubt(trials: list[NDArray[np.floating]]) -> str:
    """What contradicts the inferred order of SEED-V's 33 columns, over (W, 33) trials; "" where nothing does."""
    used = [trial for trial in trials if len(trial) > 1 and np.isfinite(trial).all()]
    if not used:
        return ""
    constant = float(np.mean([(np.ptp(trial[:, _CONSTANT_FROM:], axis=0) == 0).all() for trial in used]))
    if constant < 0.9:
        return f"columns 24-32 should hold one value a clip, but do in only {constant:.0%} of the clips"
    means = np.array([trial.mean(axis=0) for trial in used])
    if (means[:, _CONSTANT_FROM : _CONSTANT_FROM + 2] < 0).any():
        return "columns 24-25 should be blink and fixation frequency, but some are negative"
    if (means[:, 26] < means[:, 16] * 0.999).any():
        return "column 26 should be the longest fixation, but is shorter than column 16, the mean fixation"
    if (means[:, 27] < means[:, 28] * 0.999).any():
        return "column 27 should be the total dispersion, but is smaller than column 28, the largest one"
    return ""
