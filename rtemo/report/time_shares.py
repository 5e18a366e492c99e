"""How much of a session each emotion was named for."""

from __future__ import annotations

import numpy as np

from rtemo.report.session_record import Predictions

GAP_STEPS = 3.0  # a prediction stands for no more than so many steps: where none came, nothing was named
NONE_NAMED = "none named"


def time_shares(predictions: Predictions) -> dict[str, tuple[float, float]]:
    """Seconds and share of the predicted time, by the emotion that was named, and NONE_NAMED; empty without any."""
    if not len(predictions):
        return {}
    steps = np.diff(predictions.times)
    step_s = float(np.median(steps)) if len(steps) else 1.0
    lasted = np.minimum(np.append(steps, step_s), GAP_STEPS * step_s)
    whole = np.isfinite(predictions.smoothed).all(axis=1) & ~predictions.silent
    named = np.argmax(np.where(whole[:, None], predictions.smoothed, 0.0), axis=1)
    seconds = [float(lasted[whole & (named == k)].sum()) for k in range(len(predictions.labels))]
    found = dict(zip((*predictions.labels, NONE_NAMED), (*seconds, float(lasted[~whole].sum())), strict=True))
    total = max(float(lasted.sum()), 1e-9)
    return {name: (one, one / total) for name, one in found.items()}
