"""Samples of which it is not clear yet what they are: see rtemo.core.timing.dejitter."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.timing.sample_line import SampleLine
from rtemo.core.timing.stretches import Stretches
from rtemo.core.types import TimeArray


class WaitingSamples:
    """Samples that wait: their times and rows, how far each is off the line, and the stretches that they fall into."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.off: list[float] = []
        self.n_timeless_last = 0  # the last ones that have no time
        self.stretches = Stretches()
        self._rows: list[NDArray[Any]] = []

    def __len__(self) -> int:
        return len(self.times)

    def add(self, time_s: float, row: NDArray[Any], line: SampleLine | None) -> None:
        if line is not None:
            self.off.append(line.off(time_s, len(self.times)))
        self.n_timeless_last = self.n_timeless_last + 1 if np.isnan(time_s) else 0
        if not self.n_timeless_last:
            self.stretches.add(len(self.times), time_s)
        self.times.append(time_s)
        self._rows.append(row)

    def samples(self) -> tuple[TimeArray, NDArray[Any]]:
        return np.array(self.times), np.concatenate(self._rows)
