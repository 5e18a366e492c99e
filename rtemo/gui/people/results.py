"""What the engine made of one participant so far: predictions and whether there is a baseline. No Qt."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from rtemo.gui.painting.ring_buffer import RingBuffer
from rtemo.live.service.snapshot import Progress

PREDICTIONS = 36_000  # an hour at a hop of 0.1 s


class Results:
    """Fed with the prediction records of one participant."""

    def __init__(self) -> None:
        self.labels: tuple[str, ...] = ()
        self.probabilities = RingBuffer(PREDICTIONS, 0)  # instantaneous, then smoothed, then 1 where it abstains
        self.latest: dict[str, Any] | None = None
        self.valence = RingBuffer(1, 1)  # smoothed, NaN where the model abstains; of several participants alone
        self.has_baseline = False  # whether this session has one, or records it
        self._in_effect = False  # whether it has one that a refused one leaves as it is

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

    def plan_baseline(self, *, begins: bool) -> None:
        """A baseline begins, or one is planned, as by markers or from a file."""
        self.has_baseline = True
        self._in_effect |= not begins

    def judge_baseline(self, progress: Progress | None) -> None:
        """A baseline that was refused is none: what was before stays."""
        if progress is not None and progress.name == "baseline" and progress.verdict:
            self._in_effect |= not progress.refused
            self.has_baseline = self._in_effect

    def end_session(self) -> None:
        """Baselines belong to their session."""
        self.has_baseline = self._in_effect = False

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
