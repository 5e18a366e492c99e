"""Stretches: which of the samples that wait belong together, so that wrong stamps among them can be told from a line.

A sample belongs to a stretch that it continues: not long after its last sample, and hardly before it. A stretch is
believed once it has REQUIRED samples over MEASURE_S, pauses not counted. Knows times in the order of the samples and
nothing else; what it finds after a sample depends on the samples up to that one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from rtemo.core.timing.sampling_rate import MEASURE_S, MEASURE_SAMPLES
from rtemo.core.types import BoolArray, TimeArray

JUMP_S = 1.0  # a longer step begins another stretch
BACK_S = 0.25  # and so does a longer step back
SLOW = 5.0  # but at low rates a step of so many usual ones does
PAUSE_S, PAUSE_STEPS = 0.25, 10.0  # a step of so long, and so many usual ones, is a pause
FEW_PAUSES = 2  # more are bursts
REGROUP_AT = (4, 8, 16, 32)  # numbers of samples at which the usual step is known better
REGROUP_SHARE = 1 / 32  # after a step as well, but not before there are so many more: work stays bounded


@dataclass(slots=True)
class Stretch:
    """numbers: which of the waiting samples. times: theirs, LSL seconds."""

    numbers: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    highest: float = -np.inf

    def add(self, number: int, time_s: float) -> None:
        self.numbers.append(number)
        self.times.append(time_s)
        self.highest = max(self.highest, time_s)

    @property
    def believed(self) -> bool:
        """Whether a rate can be measured on it."""
        if len(self.times) < MEASURE_SAMPLES or self.highest - self.times[0] < MEASURE_S:
            return False
        steps = np.diff(self.times)
        pauses = steps[(steps > PAUSE_S) & (steps > PAUSE_STEPS * float(np.median(np.abs(steps))))]
        paused_s = float(pauses.sum()) if len(pauses) <= FEW_PAUSES else 0.0
        return self.highest - self.times[0] - paused_s >= MEASURE_S


class Stretches:
    """Fed with the samples that wait. `all` holds the stretches, the oldest first; `newest` has the last sample."""

    def __init__(self) -> None:
        self.all: list[Stretch] = []
        self.newest = Stretch()
        self._numbers: list[int] = []
        self._times: list[float] = []
        self._grouped_at = 0
        self._stale = False  # whether a step has come since that began a stretch, or a wrong stamp

    def add(self, number: int, time_s: float) -> None:
        """Take in a sample with a time."""
        step = time_s - self._times[-1] if self._times else 0.0
        self._numbers.append(number)
        self._times.append(time_s)
        n = len(self._times)
        jumps = not -BACK_S <= step <= JUMP_S
        self._stale |= jumps
        if n in REGROUP_AT or (self._stale and n >= self._grouped_at * (1.0 + REGROUP_SHARE)):
            self._group()
            self._grouped_at, self._stale = n, False
        elif not jumps and not self._stale:
            if not self.all:
                self.all.append(self.newest)
            self.newest.add(number, time_s)

    def _group(self) -> None:
        """Put all samples into stretches anew, now that their usual step is known better."""
        usual = np.diff(self._times)
        limit_s = max(JUMP_S, SLOW * float(np.median(np.abs(usual))) if len(usual) else 0.0)
        kept = np.flatnonzero(~_spikes(np.array(self._times)))
        times = np.array(self._times)[kept]
        steps = np.diff(times)
        cuts = [0, *(np.flatnonzero((steps > limit_s) | (steps < -BACK_S)) + 1).tolist(), len(times)]
        self.all = []
        for begin, end in pairwise(cuts):
            fits = (one for one in reversed(self.all[-8:]) if -BACK_S <= times[begin] - one.times[-1] <= limit_s)
            stretch = next(fits, None)
            if stretch is None:
                stretch = Stretch()
                self.all.append(stretch)
            for k in kept[begin:end].tolist():
                stretch.add(self._numbers[k], self._times[k])
            self.newest = stretch


def _spikes(times: TimeArray) -> BoolArray:
    """Single times out of line: far before the one before or after the one after, while these two are in order."""
    spike = np.zeros(len(times), dtype=bool)
    if len(times) >= 3:
        before, here, after = times[:-2], times[1:-1], times[2:]
        spike[1:-1] = (after >= before) & ((here > after + BACK_S) | (here < before - BACK_S))
    return spike
