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
        self._spans: dict[Modality, list[tuple[float, float]]] = {}  # those that have begun
        self._to_come: dict[Modality, list[tuple[float, float]]] = {}

    def reached_s(self, role: Modality) -> float:
        """The time of the newest sample of a role's stream; -infinity before the first."""
        return self._reached_s.get(role, -math.inf)

    def leave_out(self, role: Modality, after_s: float, until_s: float) -> None:
        """What follows the sample at after_s and has a time in (after_s, until_s] is not used; what came before that
        sample was, whatever its stamp. until_s: of windows, that is without the device's delay. after_s: -infinity:
        from now on.
        """
        has_begun = after_s in (-math.inf, self.reached_s(role))
        (self._spans if has_begun else self._to_come).setdefault(role, []).append((after_s, until_s))

    def used(self, role: Modality, times: TimeArray, latency_s: float) -> BoolArray | None:
        """Which of a stream's next samples (n,) are used; None: all. latency_s: the device's delay."""
        late = np.zeros(len(times), dtype=bool)
        for span in self._spans.get(role, ()):
            late |= _within(times, span, latency_s)
        for span in tuple(self._to_come.get(role, ())):
            at = np.flatnonzero(times == span[0])
            first = -1 if self._begins_after(span[0], role, times) else None if not len(at) else int(at[-1])
            if first is not None:
                late[first + 1 :] |= _within(times[first + 1 :], span, latency_s)
                self._to_come[role].remove(span)
                self._spans.setdefault(role, []).append(span)
        known = times[np.isfinite(times)]
        if len(known):
            self._reached_s[role] = float(known[-1])
        return ~late if late.any() else None

    def _begins_after(self, after_s: float, role: Modality, times: TimeArray) -> bool:
        """Whether a stream is read from behind a loss on."""
        return role not in self._reached_s and bool((times > after_s).any()) and not (times <= after_s).any()


def _within(times: TimeArray, span: tuple[float, float], latency_s: float) -> BoolArray:
    after_s, until_s = span
    return np.asarray((times > after_s) & (times - latency_s <= until_s))
