"""Saccades by pymovements and REMoDNaV: run by the peers' Python. Prints JSON with their intervals.

Argument: an npz file with times (s), x and y (degrees), rate_hz.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from typing import Any

import numpy as np
import polars as pl
import pymovements as pm
from remodnav import EyegazeClassifier

warnings.simplefilter("ignore")


def by_pymovements(x: np.ndarray, y: np.ndarray, rate_hz: float) -> list[tuple[float, float]]:
    """Engbert and Kliegl's detection by its own five-point velocity, its defaults; at least 10 ms and two samples."""
    screen = dict.fromkeys(
        ("screen_width_px", "screen_height_px", "screen_width_cm", "screen_height_cm", "distance_cm"), 1
    )
    gaze = pm.Gaze(
        pl.DataFrame({"time": np.arange(len(x)) * 1000.0 / rate_hz, "x": x, "y": y}),
        position_columns=["x", "y"],
        time_column="time",
        time_unit="ms",
        experiment=pm.Experiment(sampling_rate=rate_hz, **screen),
    )
    gaze.pos2vel("fivepoint")
    gaze.detect("microsaccades", minimum_duration=max(2, round(0.010 * rate_hz)))
    found = gaze.events.frame
    return [(a / 1000, b / 1000) for a, b in zip(found["onset"].to_list(), found["offset"].to_list(), strict=True)]


def by_remodnav(x: np.ndarray, y: np.ndarray, rate_hz: float) -> list[tuple[float, float]]:
    """Its defaults; input is in degrees already."""
    classify = EyegazeClassifier(px2deg=1.0, sampling_rate=rate_hz)
    data = np.rec.fromarrays([x, y], dtype=[("x", float), ("y", float)])
    length = max(0.019, 5.5 / rate_hz)
    events = classify(classify.preproc(data, savgol_length=length), classify_isp=True)
    return [(e["start_time"], e["end_time"]) for e in events if e["label"] in ("SACC", "ISAC")]


def main() -> None:
    """Each method once over the whole file."""
    with np.load(sys.argv[1]) as file:
        x, y, rate_hz = file["x"], file["y"], float(file["rate_hz"])
    result: dict[str, dict[str, Any]] = {}
    for name, method in (("pymovements", by_pymovements), ("REMoDNaV", by_remodnav)):
        began = time.process_time()
        try:
            saccades = method(x, y, rate_hz)
        except Exception as error:  # noqa: BLE001 - what it cannot do is part of the result
            result[name] = {"error": f"{type(error).__name__}: {error}"}
            continue
        used_s = time.process_time() - began
        result[name] = {"saccades": [(float(a), float(b)) for a, b in saccades], "cpu_s": used_s}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
