"""Samples of a stream that was lost and that come only when windows which they belong into were given out: not used.

A live session does not wait for a stream that is lost. What its sender kept meanwhile, as a wireless device does, comes
at once when it is back; in the recording it lies where it belongs. So that a replay makes the same windows, the session
states the interval: what the stream measured after its newest sample before the loss, up to the last window that was
given out without it, is used by neither. Depends on the samples' times alone.
"""

from __future__ import annotations

import math

import numpy as np

from rtemo.core.types import BoolArray, Modality, TimeArray


class LateSamples:
    """Of all streams, by their roles. Times are LSL seconds."""

    def __init__(self) -> None:
        self._reached_s: dict[Modality, float] = {}
        self._spans: dict[Modality, list[tuple[float, float]]] = {}

    def reached_s(self, role: Modality) -> float:
        """The time of the newest sample of a role's stream; -infinity before the first."""
        return self._reached_s.get(role, -math.inf)

    def leave_out(self, role: Modality, after_s: float, until_s: float) -> None:
        """What has times in (after_s, until_s] is not used. until_s: of windows, that is without the device's delay."""
        self._spans.setdefault(role, []).append((after_s, until_s))

    def used(self, role: Modality, times: TimeArray, latency_s: float) -> BoolArray | None:
        """Which of a stream's next samples (n,) are used; None: all. latency_s: the device's delay."""
        if len(times) and np.isfinite(times[-1]):
            self._reached_s[role] = float(times[-1])
        if role not in self._spans:
            return None
        late = np.zeros(len(times), dtype=bool)
        for after_s, until_s in self._spans[role]:
            late |= (times > after_s) & (times - latency_s <= until_s)
        return ~late if late.any() else None
