"""Row buffer: the newest rows of an endless table in one contiguous block. Appending costs the same however many."""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

T = TypeVar("T", bound=np.generic)


class RowBuffer(Generic[T]):
    """Rows with absolute indices start..stop-1. At least the newest `keep` rows stay."""

    def __init__(self, width: int, keep: int, dtype: DTypeLike) -> None:
        self._rows: NDArray[T] = np.empty((4 * keep, width), dtype=dtype)
        self._keep = keep
        self._used = 0
        self.stop = 0

    @property
    def start(self) -> int:
        return self.stop - self._used

    def append(self, rows: NDArray[T]) -> None:
        """Add rows (n, width) at the end."""
        self.stop += len(rows)
        rows = rows[max(len(rows) - len(self._rows), 0) :]
        if self._used + len(rows) > len(self._rows):
            stay = min(self._keep, self._used, len(self._rows) - len(rows))
            self._rows[:stay] = self._rows[self._used - stay : self._used].copy()
            self._used = stay
        self._rows[self._used : self._used + len(rows)] = rows
        self._used += len(rows)

    def slice(self, begin: int, end: int) -> NDArray[T]:
        """Rows begin..end-1 as a view that is good until the next append. What is no longer there is left out."""
        base = self.start
        return self._rows[max(begin - base, 0) : max(min(end, self.stop) - base, 0)]

    def clear(self, at: int) -> None:
        """Forget everything; the next row has the index `at`."""
        self._used = 0
        self.stop = at
