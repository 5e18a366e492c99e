"""Samples of a stream that was lost and that come only when windows which they belong into were given out: not used.

A live session does not wait for a stream that is lost. What its sender kept meanwhile, as a wireless device does, comes
at once when it is back; in the recording it lies where it belongs. So that a replay makes the same windows, the session
states the interval: of what follows the stream's newest sample before the loss, nothing is placed at or before the last
window that was given out without it. What came before that sample counts, whatever its stamp. This says where in a
stream that begins to hold; the dejitter keeps to it. Depends on the samples and their order alone.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from rtemo.core.types import Modality, TimeArray


class _Loss(NamedTuple):
    """Of what follows the sample at after_s, and n_timeless samples without a time, nothing is placed up to until_s."""

    after_s: float
    until_s: float
    n_timeless: int


class LateSamples:
    """Of all streams, by their roles. Times are LSL seconds."""

    def __init__(self) -> None:
        self._reached: dict[Modality, tuple[float, int]] = {}  # the newest time, how many without one came since
        self._to_come: dict[Modality, list[_Loss]] = {}

    def reached(self, role: Modality) -> tuple[float, int]:
        """The time of the newest sample of a role's stream that has one, -infinity before the first; and how many
        without a time came after it.
        """
        return self._reached.get(role, (-math.inf, 0))

    def leave_out(self, role: Modality, after_s: float, until_s: float, n_timeless: int = 0) -> bool:
        """Of what follows the sample at after_s, and n_timeless without a time, nothing counts that is placed up to
        until_s. until_s: of windows, that is without the device's delay. True: that is where the stream is now.
        """
        if (after_s, n_timeless) == self.reached(role):
            return True
        self._to_come.setdefault(role, []).append(_Loss(after_s, until_s, n_timeless))
        return False

    def begin(self, role: Modality, times: TimeArray) -> list[tuple[int, float]]:
        """Before which of a stream's next samples (n,) it begins to hold, and until when each time; in their order."""
        reached_s, n_timeless = self.reached(role)
        found = []
        for loss in tuple(self._to_come.get(role, ())):
            at = np.flatnonzero(times == loss.after_s)
            place = int(at[-1]) + 1 if len(at) else -n_timeless if loss.after_s == reached_s else None
            place = place + loss.n_timeless if place is not None else self._behind(loss, role, times)
            if place is not None and place <= len(times):
                found.append((max(place, 0), loss.until_s))
                self._to_come[role].remove(loss)
        known = np.flatnonzero(np.isfinite(times))
        if len(known):
            self._reached[role] = float(times[known[-1]]), len(times) - 1 - int(known[-1])
        else:
            self._reached[role] = reached_s, n_timeless + len(times)
        return sorted(found)

    def _behind(self, loss: _Loss, role: Modality, times: TimeArray) -> int | None:
        """The first sample of a stream that is read from behind a loss on."""
        is_first = role not in self._reached or self._reached[role][0] == -math.inf
        return 0 if is_first and (times > loss.after_s).any() and not (times <= loss.after_s).any() else None
