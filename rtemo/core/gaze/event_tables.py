"""Tables of gaze events and a grid of pupil diameters, all with times: what gaze features are computed from.

Live gaze fills it event by event; a data set's event lists fill it at once. The features are the same functions of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]

# Columns of the tables. Every table begins with start_s, end_s, duration_ms.
START_S, END_S, DURATION_MS = 0, 1, 2
DISPERSION_X, DISPERSION_Y = 3, 4  # of a fixation; a saccade has its amplitude in column 3
FIXATION_WIDTH, SACCADE_WIDTH, BLINK_WIDTH, LOSS_WIDTH = 5, 4, 3, 3


@dataclass(frozen=True, slots=True, eq=False)
class GazeRecord:
    """Each table in order of time. Times in seconds, sizes in degrees.

    fixations (n, 5): start, end, duration in ms, dispersion x, dispersion y (max - min). saccades (n, 4): start, end,
    duration, amplitude. blinks and losses (n, 3): start, end, duration. What is still open ends with what has been seen
    of it. pupils (m, 2): left and right on the pupil grid, row i at grid index pupil_first + i, NaN where not known.
    begin_s, end_s: the time that was recorded.
    """

    fixations: Rows
    saccades: Rows
    blinks: Rows
    losses: Rows
    pupils: Rows
    pupil_first: int
    begin_s: float
    end_s: float


def reaching(events: Rows, since_s: float) -> Rows:
    """The events of a table that end after a time."""
    return events[events[:, END_S].searchsorted(since_s, side="right") :]


class GazeEventTable:
    """A growing table that keeps its newest `keep` rows, and can show provisional ones behind them."""

    _SPARE = 16

    def __init__(self, width: int, keep: int) -> None:
        self._rows: Rows = np.zeros((2 * keep + self._SPARE, width))
        self._keep = keep
        self._used = 0

    def append(self, row: list[float]) -> None:
        if self._used == 2 * self._keep:
            self._rows[: self._keep] = self._rows[self._keep : self._used].copy()
            self._used = self._keep
        self._rows[self._used] = row
        self._used += 1

    def with_open(self, rows: list[list[float]]) -> Rows:
        """All rows and these few behind them, as a view that is good until the next call."""
        for i, row in enumerate(rows):
            self._rows[self._used + i] = row
        return self._rows[: self._used + len(rows)]
