"""A device's sample counter: how many samples never came, and a time that no driver's delay moves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST = 0.5  # of a counter's range: a larger step is a restart, no loss


class SampleCounter:
    """A counter that goes up by one a sample and wraps at `modulus` (0: never)."""

    def __init__(self, modulus: int = 0) -> None:
        self._modulus = modulus
        self._last: int | None = None
        self.total = 0  # samples since the first one, those that never came included
        self.lost = 0

    def count(self, values: NDArray[np.float64]) -> tuple[NDArray[np.int64], int]:
        """The number (n,) of each sample since the first one, and how many never came among and before these."""
        numbers = np.asarray(values, dtype=np.int64)
        before = numbers[0] - 1 if self._last is None else self._last
        steps = np.diff(np.concatenate([[before], numbers]))
        if self._modulus:
            steps %= self._modulus
        odd = (steps < 1) | (steps > MOST * self._modulus if self._modulus else False)
        steps[odd] = 1  # sent twice, or begun anew: nothing is known to be missing
        index = self.total + np.cumsum(steps) - (0 if self._last is not None else 1)
        lost = int((steps - 1).sum())
        self._last, self.total, self.lost = int(numbers[-1]), int(index[-1]), self.lost + lost
        return index, lost
