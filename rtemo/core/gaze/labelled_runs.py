"""Runs of equally labelled gaze samples, from which events are built.

A run knows all that events need of its samples (extent, sums, where it starts and ends), so no sample has to be kept.
Sums are sequential and extents are exact, whatever the cuts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rtemo.core.gaze.signal import GazePath
from rtemo.core.types import BoolArray

Pair = tuple[float, float]
Labels = NDArray[np.int8]
Array = NDArray[np.float64]


class MovementLabel(IntEnum):
    """What a sample looks like."""

    STILL = 0
    MOVING = 1
    LOST = 2


class LabelledRun(NamedTuple):
    """Consecutive samples with one label. Degrees, except for place_sum (canonical). A tuple, as many are made.

    A run begins and ends halfway to its neighbours. head and tail: mean position of the first and last few samples, of
    head_n and tail_n of them. scale: how much wider than usual (1) thresholds are because of noise. absent_s: time
    without any sample.
    """

    label: MovementLabel
    start_s: float
    end_s: float
    n: int = 0
    low: Pair = (np.inf, np.inf)
    high: Pair = (-np.inf, -np.inf)
    place_sum: Pair = (0.0, 0.0)
    head: Pair = (np.nan, np.nan)
    head_n: int = 0
    tail: Pair = (np.nan, np.nan)
    tail_n: int = 0
    peak: float = 0.0
    scale: float = 1.0
    absent_s: float = 0.0

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s

    def then(self, later: LabelledRun, edge_n: int) -> LabelledRun:
        """Both as one run, with this one's label."""
        return LabelledRun(
            self.label,
            self.start_s,
            later.end_s,
            self.n + later.n,
            (min(self.low[0], later.low[0]), min(self.low[1], later.low[1])),
            (max(self.high[0], later.high[0]), max(self.high[1], later.high[1])),
            (self.place_sum[0] + later.place_sum[0], self.place_sum[1] + later.place_sum[1]),
            *_joined(self.head, self.head_n, later.head, later.head_n, edge_n),
            *_joined(later.tail, later.tail_n, self.tail, self.tail_n, edge_n),
            max(self.peak, later.peak),
            max(self.scale, later.scale),
            self.absent_s + later.absent_s,
        )


def _joined(edge: Pair, n: int, more: Pair, more_n: int, wanted: int) -> tuple[Pair, int]:
    """The mean of an edge, completed from the run behind it where it has fewer samples than wanted."""
    extra = min(wanted - n, more_n)
    if extra <= 0:
        return edge, n
    if n == 0:
        return more, extra
    total = n + extra
    return ((edge[0] * n + more[0] * extra) / total, (edge[1] * n + more[1] * extra) / total), total


@dataclass(frozen=True, slots=True)
class LabelledPath:
    """A labelled path. new: a run begins here although the label stays. scales: see LabelledRun. All (n,).

    known_at: the number, counted from the stream's first, of the path's sample by which each label became known.
    """

    path: GazePath
    labels: Labels
    new: BoolArray
    scales: Array
    known_at: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.labels)

    def split(self, n: int) -> tuple[LabelledPath, LabelledPath]:
        """The first n samples, and the rest."""
        return self._part(slice(None, n)), self._part(slice(n, None))

    def _part(self, part: slice) -> LabelledPath:
        path = GazePath(self.path.times[part], self.path.rows[:, part], self.path.speed[part])
        return LabelledPath(path, self.labels[part], self.new[part], self.scales[part], self.known_at[part])


@dataclass(slots=True)
class _Open:
    """The run that goes on. sums: the running sums before its first sample."""

    label: MovementLabel
    start_s: float
    first: int
    sums: Array
    scale: float
    low: Pair = (np.inf, np.inf)
    high: Pair = (-np.inf, -np.inf)
    peak: float = 0.0
    head: Pair | None = None


class RunCutter:
    """Cuts labelled samples into runs. A hole between samples becomes a lost run without samples."""

    def __init__(self, edge_n: int, period_s: float, link_s: float) -> None:
        self._edge_n = edge_n
        self._half_s = 0.5 * period_s
        self._link_s = link_s
        self._open: _Open | None = None
        self._start_s = 0.0  # where the open run starts
        self._last_s = 0.0
        self._last_label = -1
        self._sums = np.zeros((4, 1))  # after each of the newest samples: canonical x, y, degrees x, y
        self._first = 0  # index of the sample before which _sums[:, 0] holds

    @property
    def open(self) -> LabelledRun | None:
        """The run that goes on, as far as it has been seen."""
        return None if self._open is None else self._closed(self._open, self._stop, self._last_s)

    @property
    def _stop(self) -> int:
        """The index of the next sample."""
        return self._first + self._sums.shape[1] - 1

    def push(self, labelled: LabelledPath) -> list[LabelledRun]:
        """Runs that have ended."""
        path, labels = labelled.path, labelled.labels
        if not len(path):
            return []
        index = self._stop
        self._extend_sums(path.rows, labels)
        before = np.concatenate([[self._last_s], path.times[:-1]])
        wide = path.times - before > self._link_s
        cut = (labels != np.concatenate([[self._last_label], labels[:-1]])) | wide | labelled.new
        runs: list[LabelledRun] = []
        starts = cut.nonzero()[0].tolist()
        if not starts or starts[0] > 0:
            self._go_on(path, slice(0, starts[0] if starts else None))
        for at, stop in zip(starts, [*starts, len(path)][1:], strict=True):
            now_s, before_s = float(path.times[at]), float(before[at])
            self._turn(runs, index + at, before_s, now_s, wide=bool(wide[at]), new=bool(labelled.new[at]))
            sums = self._sums[:, index + at - self._first]
            scale = float(labelled.scales[at])
            self._open = _Open(MovementLabel(int(labels[at])), self._start_s, index + at, sums, scale)
            self._go_on(path, slice(at, stop))
        self._last_s, self._last_label = float(path.times[-1]), int(labels[-1])
        self._trim()
        return runs

    def _extend_sums(self, rows: Array, labels: Labels) -> None:
        """Add the samples to the running sums, one after the other."""
        lost = labels == MovementLabel.LOST
        if lost.any():
            rows = np.where(lost, 0.0, rows)
        sums = np.add.accumulate(np.concatenate([self._sums[:, -1:], rows], axis=1), axis=1)
        self._sums = np.concatenate([self._sums[:, :-1], sums], axis=1)

    def _turn(
        self, runs: list[LabelledRun], index: int, before_s: float, now_s: float, *, wide: bool, new: bool
    ) -> None:
        """Close the open run before a sample and set where the next one starts."""
        if self._open is None:
            self._start_s = now_s
            return
        if wide:
            end_s, self._start_s = before_s + self._half_s, now_s - self._half_s
            runs.append(self._closed(self._open, index, end_s))
            runs.append(LabelledRun(MovementLabel.LOST, end_s, self._start_s, absent_s=self._start_s - end_s))
            return
        middle = 0.5 * (before_s + now_s)
        end_s, self._start_s = (before_s, now_s) if new else (middle, middle)
        runs.append(self._closed(self._open, index, end_s))

    def _go_on(self, path: GazePath, part: slice) -> None:
        """Take these samples into the extent of the open run."""
        run = self._open
        assert run is not None
        if run.label == MovementLabel.LOST:
            return
        degrees = path.rows[2:, part]
        low, high = np.minimum.reduce(degrees, axis=1).tolist(), np.maximum.reduce(degrees, axis=1).tolist()
        run.low = (min(run.low[0], low[0]), min(run.low[1], low[1]))
        run.high = (max(run.high[0], high[0]), max(run.high[1], high[1]))
        if run.label == MovementLabel.MOVING:
            run.peak = max(run.peak, float(np.fmax.reduce(path.speed[part])))

    def _closed(self, run: _Open, stop: int, end_s: float) -> LabelledRun:
        """A run that holds the samples before index `stop`."""
        n = stop - run.first
        if run.label == MovementLabel.LOST:
            return LabelledRun(run.label, run.start_s, end_s, n)
        edge = min(n, self._edge_n)
        at = stop - self._first
        u, v, x, y = self._sums[:, at].tolist()
        u0, v0, _, _ = run.sums.tolist()
        _, _, x0, y0 = self._sums[:, at - edge].tolist()
        tail = ((x - x0) / edge, (y - y0) / edge)
        head = run.head or self._head(run, edge)
        return LabelledRun(
            run.label, run.start_s, end_s, n, run.low, run.high, (u - u0, v - v0),
            head, edge, tail, edge, run.peak, run.scale,
        )  # fmt: skip

    def _head(self, run: _Open, n: int) -> Pair:
        _, _, x, y = self._sums[:, run.first + n - self._first].tolist()
        _, _, x0, y0 = run.sums.tolist()
        return (x - x0) / n, (y - y0) / n

    def _trim(self) -> None:
        """Keep the sums that the edges of the open run still need."""
        run = self._open
        assert run is not None
        if run.head is None and run.label != MovementLabel.LOST and self._stop - run.first >= self._edge_n:
            run.head = self._head(run, self._edge_n)
        spent = self._sums.shape[1] - 1 - self._edge_n
        if spent > 0:
            self._sums, self._first = self._sums[:, spent:], self._first + spent
