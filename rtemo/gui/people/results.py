"""What the engine made of one participant so far: predictions and whether there is a baseline. No Qt."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from rtemo.gui.painting.ring_buffer import RingBuffer

PREDICTIONS = 36_000  # an hour at a hop of 0.1 s


class Results:
    """Fed with the prediction records of one participant."""

    def __init__(self) -> None:
        self.labels: tuple[str, ...] = ()
        self.probabilities = RingBuffer(PREDICTIONS, 0)  # instantaneous, then smoothed, then 1 where it abstains
        self.latest: dict[str, Any] | None = None
        self.valence = RingBuffer(1, 1)  # smoothed, NaN where the model abstains; of several participants alone
        self.has_baseline = False  # whether this session has one, or records it

    def take(self, record: dict[str, Any]) -> None:
        """Add a prediction; what an engine that was started again makes once more is there already."""
        labels = tuple(record["smoothed"])
        if labels != self.labels:
            self.labels = labels
            self.probabilities = RingBuffer(PREDICTIONS, 2 * len(labels) + 1)
        row = [*_numbers(record["probabilities"]), *_numbers(record["smoothed"]), float(record["abstain"] is not None)]
        self.probabilities.push_new([record["time_s"]], [row])
        if self.probabilities.newest_s > record["time_s"]:
            return
        self.latest = record
        if record.get("participant"):
            if self.valence.capacity == 1:
                self.valence = RingBuffer(PREDICTIONS, 1)
            value = record["valence"]
            self.valence.push_new([record["time_s"]], [[math.nan if value is None else value]])

    def clear(self) -> None:
        """Forget the predictions."""
        self.probabilities.clear()
        self.valence.clear()
        self.latest = None

    def history(self, after_s: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Times (n,), instantaneous (n, K), smoothed (n, K), abstaining (n,) bool, later than a time."""
        times, rows = self.probabilities.after(after_s)
        k = len(self.labels)
        return times, rows[:, :k], rows[:, k : 2 * k], rows[:, 2 * k] > 0 if len(rows) else np.zeros(0, bool)


def _numbers(by_label: Mapping[str, float | None]) -> list[float]:
    return [math.nan if value is None else value for value in by_label.values()]
