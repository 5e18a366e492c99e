"""Gaze sample classification into still, moving and lost: by velocity (I-VT), or by dispersion (I-DT) at low rates.

Both adapt to the noise of the last seconds. Thresholds change only at fixed times, so a label depends on the samples
before it and on nothing else.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rtemo.core.gaze.labelled_runs import LabelledPath, MovementLabel
from rtemo.core.gaze.settings import GazeSettings
from rtemo.core.gaze.signal import GazePath, block_starts

Array = NDArray[np.float64]

_ENOUGH = 1000  # speeds that a threshold is computed from
_FEWEST = 16
_ROUNDS = 8
_RAYLEIGH_MEDIAN = 1.1774  # the median speed over the standard deviation of the velocity on each axis


class MovementLabeller(Protocol):
    """Labels a path, as far as it can be labelled now, in order."""

    def push(self, path: GazePath) -> LabelledPath: ...


def labeller(settings: GazeSettings, rate_hz: float) -> MovementLabeller:
    """The one that suits the rate."""
    by_velocity = rate_hz >= settings.velocity_rate_hz
    return VelocityLabels(settings, rate_hz) if by_velocity else DispersionLabels(settings, rate_hz)


class NoiseGauge:
    """What the eye's speed is while it is still, from the last seconds."""

    def __init__(self, settings: GazeSettings, rate_hz: float) -> None:
        self._settings = settings
        self._block = math.nan
        self._memory = np.empty(0)
        self._keep = max(round(settings.noise_memory_s * rate_hz), 1)
        self._stride = -(-self._keep // _ENOUGH)
        self._level = (0.0, 0.0)  # threshold, median speed below it

    def push(self, path: GazePath) -> list[tuple[slice, float, float]]:
        """For each part of the path: the speed that noise alone rarely exceeds, and the median of speeds below it."""
        levels: list[tuple[slice, float, float]] = []
        if not len(path):
            return levels
        starts = block_starts(path.times, self._settings.noise_update_s, self._block)
        for begin, stop in itertools.pairwise(sorted({0, *starts, len(path)})):
            if begin in starts:
                self._measure()
            levels.append((slice(begin, stop), *self._level))
            self._memory = np.concatenate([self._memory, path.speed[begin:stop]])[-self._keep :]
        self._block = math.floor(float(path.times[-1]) / self._settings.noise_update_s)
        return levels

    def _measure(self) -> None:
        """Lower the threshold until it fits the speeds below it [N10]."""
        speeds = self._memory[:: self._stride]
        speeds = speeds[np.isfinite(speeds)]
        limit = self._settings.max_threshold_deg_s
        for _ in range(_ROUNDS):
            below = speeds[speeds < limit]
            if len(below) < _FEWEST:
                return
            median = _median(below)
            found = median + self._settings.noise_factor * _median(np.abs(below - median))
            self._level = (min(found, self._settings.max_threshold_deg_s), median)
            if found >= limit - 1.0:
                return
            limit = found


def _median(values: Array) -> float:
    """The upper median; numpy's own spends most of its time on what is not needed here."""
    middle = len(values) // 2
    return float(np.partition(values, middle)[middle])


class VelocityLabels:
    """I-VT: moving is what is faster than the threshold. Every sample is labelled at once."""

    def __init__(self, settings: GazeSettings, rate_hz: float) -> None:
        self._floor = settings.saccade_velocity_deg_s
        self._gauge = NoiseGauge(settings, rate_hz)
        self._n = 0  # samples so far

    def push(self, path: GazePath) -> LabelledPath:
        labels, scales = np.empty(len(path), dtype=np.int8), np.empty(len(path))
        for part, threshold, _ in self._gauge.push(path):
            threshold = max(threshold, self._floor)
            labels[part] = path.speed[part] > threshold  # Label.STILL or Label.MOVING
            scales[part] = threshold / self._floor
        labels[np.isnan(path.speed)] = MovementLabel.LOST
        before, self._n = self._n, self._n + len(path)
        return LabelledPath(path, labels, np.zeros(len(path), dtype=bool), scales, np.arange(before, self._n))


class _Row(NamedTuple):
    """One sample without a label."""

    time_s: float
    x: float
    y: float
    scale: float

    @property
    def invalid(self) -> bool:
        return math.isnan(self.x)


class _Box(NamedTuple):
    """The extent of a fixation: left, right, top, bottom in degrees."""

    left: float
    right: float
    top: float
    bottom: float

    def around(self, row: _Row) -> _Box:
        return _Box(min(self.left, row.x), max(self.right, row.x), min(self.top, row.y), max(self.bottom, row.y))

    @property
    def size(self) -> float:
        return self.right - self.left + self.bottom - self.top


class DispersionLabels:
    """I-DT: still is what stays within a small box for long enough. Labels come up to that long later.

    A sample at the edge of a fixation that lies a saccade's step away from its neighbour is already on its way.
    """

    def __init__(self, settings: GazeSettings, rate_hz: float) -> None:
        self._settings = settings
        self._gauge = NoiseGauge(settings, rate_hz)
        self._period_s = 1.0 / rate_hz
        self._path: GazePath | None = None  # what has no label yet
        self._window: list[_Row] = []  # the same, of no fixation yet
        self._box: _Box | None = None  # of the fixation that goes on
        self._inside: _Row | None = None  # its last but one sample
        self._newest: _Row | None = None  # its last sample, which has no label yet
        self._last_valid_s = -np.inf
        self._last_label = MovementLabel.LOST
        self._out: list[tuple[MovementLabel, bool, float, int]] = []
        self._n = 0  # samples so far

    def push(self, path: GazePath) -> LabelledPath:
        s = self._settings
        scales = np.empty(len(path))
        for part, _, median in self._gauge.push(path):
            # The slope of a line through three samples has a standard deviation of sigma / (sqrt(2) period)
            sigma = median / _RAYLEIGH_MEDIAN * math.sqrt(2.0) * self._period_s
            scales[part] = max(s.dispersion_noise_factor * sigma / s.dispersion_deg, 1.0)
        for row in zip(path.times.tolist(), *path.rows[2:].tolist(), scales.tolist(), strict=True):
            self._take(_Row(*row))
            self._n += 1
        done, self._path = self._split(path, len(self._out))
        out, self._out = self._out, []
        return LabelledPath(
            done,
            np.array([label for label, _, _, _ in out], dtype=np.int8),
            np.array([new for _, new, _, _ in out], dtype=bool),
            np.array([scale for _, _, scale, _ in out], dtype=np.float64),
            np.array([at for _, _, _, at in out], dtype=np.intp),
        )

    def _split(self, path: GazePath, n: int) -> tuple[GazePath, GazePath]:
        """The first n samples that had no label, and the rest."""
        old = self._path
        if old is not None and len(old):
            path = GazePath(
                np.concatenate([old.times, path.times]),
                np.concatenate([old.rows, path.rows], axis=1),
                np.concatenate([old.speed, path.speed]),
            )
        first, rest = slice(0, n), slice(n, None)
        return (
            GazePath(path.times[first], path.rows[:, first], path.speed[first]),
            GazePath(path.times[rest], path.rows[:, rest], path.speed[rest]),
        )

    def _take(self, row: _Row) -> None:
        if row.time_s - self._last_valid_s >= self._settings.min_blink_s + (0.0 if row.invalid else self._period_s):
            self._give_up()
        if row.invalid:
            self._let_go(at_edge=False)
            if self._window:
                self._window.append(row)
            else:
                self._give(MovementLabel.LOST, row.scale)
            return
        self._last_valid_s = row.time_s
        limit = self._settings.dispersion_deg * row.scale
        if self._box is not None:
            box = self._box.around(row)
            self._let_go(at_edge=box.size > limit)
            if box.size <= limit:
                self._box, self._newest = box, row
                return
            self._box = None
        self._window.append(row)
        self._shrink(limit)

    def _let_go(self, *, at_edge: bool) -> None:
        """Label the fixation's last sample."""
        row, before = self._newest, self._inside
        self._newest, self._inside = None, row
        if row is not None:
            leaving = at_edge and before is not None and self._far(before, row)
            self._give(MovementLabel.MOVING if leaving else MovementLabel.STILL, row.scale)

    def _far(self, before: _Row, row: _Row) -> bool:
        """Whether two samples are further apart than a still eye gets between them."""
        reach = self._settings.saccade_velocity_deg_s * (row.time_s - before.time_s) * row.scale
        return math.hypot(row.x - before.x, row.y - before.y) > reach

    def _shrink(self, limit: float) -> None:
        """Give out samples from the front until the window is too short to decide, or is a fixation."""
        wanted = self._settings.dispersion_window_s - 1.25 * self._period_s
        while self._window and self._window[-1].time_s - self._window[0].time_s >= wanted:
            valid = [row for row in self._window if not row.invalid]
            if len(valid) < 2:  # at low rates one sample is as long as the window, and shows nothing
                return
            xs, ys = [row.x for row in valid], [row.y for row in valid]
            box = _Box(min(xs), max(xs), min(ys), max(ys))
            if box.size <= limit and not self._far(*valid[:2]):
                self._box = box
                self._newest = self._window.pop()
                self._inside = valid[-2]
                self._give_window(MovementLabel.STILL)
            else:
                self._drop_first()

    def _drop_first(self) -> None:
        """The first valid sample of the window is no part of a fixation; nor are invalid ones behind it."""
        self._give(MovementLabel.MOVING, self._window.pop(0).scale)
        while self._window and self._window[0].invalid:
            self._give(MovementLabel.LOST, self._window.pop(0).scale)

    def _give_up(self) -> None:
        """Gaze has been away for too long to go on with the window or the fixation."""
        self._let_go(at_edge=False)
        self._give_window(MovementLabel.MOVING)
        self._box = None

    def _give_window(self, label: MovementLabel) -> None:
        """Label the window's valid samples. A fixation right behind another one is a new run."""
        for i, row in enumerate(self._window):
            self._give(
                MovementLabel.LOST if row.invalid else label, row.scale, new=i == 0 and label == MovementLabel.STILL
            )
        self._window = []

    def _give(self, label: MovementLabel, scale: float, *, new: bool = False) -> None:
        self._out.append((label, new and label == self._last_label, scale, self._n))
        self._last_label = label
