"""Resting baselines of one branch: which frames are kept, when a rest takes effect, and what it found.

A rest is an interval of LSL time. It takes effect at the first whole second that lies notice_s after its end, on frames
that were kept, so it is the same however late a live session learns of it within that time, and in a replay.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtemo.core.baseline.normaliser import Array, Normaliser, NormaliserSettings, NormaliserState, Source
from rtemo.core.types import BoolArray, FloatArray
from rtemo.core.windows import Grid


@dataclass(frozen=True, slots=True)
class Rest:
    """One announced rest. begin_s, end_s: LSL time. effect: the first grid index that it counts for."""

    begin_s: float
    end_s: float
    effect: int

    def __str__(self) -> str:
        return f"baseline of {self.end_s - self.begin_s:g} s that ended at {self.end_s:.1f} s"


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """What a baseline found: mean and scale (rows, columns), NaN where it found nothing, of named rows."""

    names: tuple[str, ...]
    mean: Array
    scale: Array

    def rows_of(self, names: Sequence[str]) -> Baseline:
        """The same in another order of rows; NaN for rows that it does not have."""
        place = {name: row for row, name in enumerate(self.names)}
        mean, scale = (np.full((len(names), self.mean.shape[1]), np.nan) for _ in range(2))
        for row, name in enumerate(names):
            if name in place:
                mean[row], scale[row] = self.mean[place[name]], self.scale[place[name]]
        return Baseline(tuple(names), mean, scale)


class Learner:
    """A branch's normaliser, with the frames that a rest may need.

    reach_s: how far the features at an end look back; a frame belongs to a rest if all of that lies within it.
    """

    def __init__(self, settings: NormaliserSettings, grid: Grid, prior: Baseline, reach_s: float) -> None:
        self._settings, self._grid = settings, grid
        self.names, self._reach_s = prior.names, reach_s
        self._normaliser = Normaliser(settings, prior.mean, prior.scale)
        kept = round(settings.rest_max_s + settings.notice_s) + 2
        self._kept: deque[tuple[int, FloatArray]] = deque(maxlen=kept)
        self._due: list[Rest] = []
        self._ahead: tuple[int, tuple[Rest, ...], NormaliserState] | None = None  # see snapshot_at
        self._reached = 0  # the last end that was asked about
        self.notes: list[str] = []
        self.baseline: Baseline | None = None  # the newest that took effect

    @property
    def snapshot(self) -> NormaliserState:
        return self._normaliser.snapshot

    def snapshot_at(self, end: int) -> NormaliserState:
        """What is known at a grid index that frames have not reached, as nothing came: rests take effect all the same,
        and nothing else is learned there.
        """
        due = tuple(rest for rest in self._due if rest.effect <= end)
        if not due:
            return self.snapshot
        if self._ahead is None or self._ahead[:2] != (self._reached, due):
            later = copy.copy(self)
            later._normaliser, later._due, later.notes = copy.copy(self._normaliser), list(due), []
            later.at(end)
            self._ahead = self._reached, due, later.snapshot
        return self._ahead[2]

    def rest(self, rest: Rest) -> bool:
        """Have a rest take effect. False where its time is over already: it then counts from the next frame on."""
        self._due.append(rest)
        return self._reached < rest.effect

    def adopt(self, baseline: Baseline, source: Source) -> None:
        """Begin with a baseline; rows that it does not have keep the prior."""
        own = baseline.rows_of(self.names)
        self._normaliser.adopt(own.mean, own.scale, source)
        self.baseline = own

    def at(self, end: int) -> None:
        """Go on to the frame that ends at a grid index: what is due takes effect."""
        self._reached = end
        for rest in [rest for rest in self._due if rest.effect <= end]:
            self._due.remove(rest)
            self._apply(rest)

    def learn(self, end: int, values: FloatArray, seen: BoolArray) -> None:
        """One frame (rows, columns) of every second."""
        self._kept.append((end, np.where(seen, values, np.float32(np.nan))))
        self._normaliser.update(values, seen, 1.0)

    def _apply(self, rest: Rest) -> None:
        begin, stop = self._grid.at_or_after(rest.begin_s + self._reach_s), self._grid.at_or_before(rest.end_s)
        tables = [values for end, values in self._kept if begin <= end <= stop]
        shape = self.snapshot.mean.shape
        usable_s = self._normaliser.rest(np.stack(tables) if tables else np.empty((0, *shape), np.float32))
        if usable_s < self._settings.rest_min_s:
            needed = f"{self._settings.rest_min_s:g} s are needed"
            self.notes.append(f"{rest} refused: {usable_s:g} s of usable data, {needed}; what was before stays")
            return
        self.notes.append(f"{rest} in effect: {usable_s:g} s of usable data")
        found = self.snapshot.seconds >= self._settings.baseline_s
        mean, scale = (np.where(found, part, np.nan) for part in (self.snapshot.mean, self.snapshot.scale))
        self.baseline = Baseline(self.names, mean, scale)
