"""Samples of a stream that was lost and that come only when windows which they belong into were given out: not used.

A live session does not wait for a stream that is lost. What its sender kept meanwhile, as a wireless device does, comes
at once when it is back; in the recording it lies where it belongs. So that a replay makes the same windows, the session
states the interval: of what follows the stream's newest sample before the loss, nothing is placed at or before the last
window that was given out without it. What came before that sample counts, whatever its stamp. This says where in a
stream that begins to hold; the dejitter keeps to it. Depends on the samples and their order alone.
"""

from __future__ import annotations

import math

import numpy as np

from rtemo.core.types import Modality, TimeArray


class LateSamples:
    """Of all streams, by their roles. Times are LSL seconds."""

    def __init__(self) -> None:
        self._reached_s: dict[Modality, float] = {}
        self._to_come: dict[Modality, list[tuple[float, float]]] = {}

    def reached_s(self, role: Modality) -> float:
        """The time of the newest sample of a role's stream; -infinity before the first."""
        return self._reached_s.get(role, -math.inf)

    def leave_out(self, role: Modality, after_s: float, until_s: float) -> bool:
        """Of what follows the sample at after_s nothing counts that is placed up to until_s. until_s: of windows, that
        is without the device's delay. True: that sample is the newest, so it holds from now on.
        """
        if after_s == self.reached_s(role):
            return True
        self._to_come.setdefault(role, []).append((after_s, until_s))
        return False

    def begin(self, role: Modality, times: TimeArray) -> list[tuple[int, float]]:
        """Before which of a stream's next samples (n,) it begins to hold, and until when each time; in their order."""
        found = []
        for span in tuple(self._to_come.get(role, ())):
            at = np.flatnonzero(times == span[0])
            if len(at) or self._is_read_from_behind(span[0], role, times):
                found.append((int(at[-1]) + 1 if len(at) else 0, span[1]))
                self._to_come[role].remove(span)
        known = times[np.isfinite(times)]
        if len(known):
            self._reached_s[role] = float(known[-1])
        return sorted(found)

    def _is_read_from_behind(self, after_s: float, role: Modality, times: TimeArray) -> bool:
        """Whether a stream is read from behind a loss on."""
        return role not in self._reached_s and bool((times > after_s).any()) and not (times <= after_s).any()
