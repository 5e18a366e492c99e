"""Tells still samples from moving and lost ones: by velocity (I-VT), or by dispersion (I-DT) at low rates.

Both adapt to the noise of the last seconds. Thresholds change only at fixed sample indices, so a label depends on the
samples before it and on nothing else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtemo.core.gaze_runs import Label, Labels
from rtemo.core.gaze_settings import GazeSettings
from rtemo.core.gaze_signal import GazePath
from rtemo.core.types import BoolArray

Array = NDArray[np.float64]

_ENOUGH = 1000  # speeds that a threshold is computed from
_FEWEST = 16
_ROUNDS = 8
_RAYLEIGH_MEDIAN = 1.1774  # the median speed over the standard deviation of the velocity on each axis


class NoiseGauge:
    """What the eye's speed is while it is still, from the last seconds."""

    def __init__(self, settings: GazeSettings, rate_hz: float) -> None:
        self._settings = settings
        self._block = max(round(settings.noise_update_s * rate_hz), 1)
        self._memory = np.empty(0)
        self._keep = max(round(settings.noise_memory_s * rate_hz), self._block)
        self._stride = -(-self._keep // _ENOUGH)
        self._n = 0
        self._level = (0.0, 0.0)  # threshold, median speed below it

    def push(self, speed: Array) -> Array:
        """The gauge at each sample (n, 2): threshold that noise alone rarely exceeds, median speed below it."""
        levels = np.empty((len(speed), 2))
        begin = 0
        while begin < len(speed):
            if self._n and self._n % self._block == 0:
                self._measure()
            stop = min(begin + self._block - self._n % self._block, len(speed))
            levels[begin:stop] = self._level
            self._memory = np.concatenate([self._memory, speed[begin:stop]])[-self._keep :]
            self._n += stop - begin
            begin = stop
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
            median = float(np.median(below))
            found = median + self._settings.noise_factor * float(np.median(np.abs(below - median)))
            self._level = (min(found, self._settings.max_threshold_deg_s), median)
            if found >= limit - 1.0:
                return
            limit = found


class VelocityLabels:
    """I-VT: moving is what is faster than the threshold. Every sample is labelled at once."""

    def __init__(self, settings: GazeSettings, rate_hz: float) -> None:
        self._floor = settings.saccade_velocity_deg_s
        self._gauge = NoiseGauge(settings, rate_hz)

    def push(self, path: GazePath) -> tuple[Labels, BoolArray, Array]:
        """Labels, breaks and scales of the first samples that have not been labelled yet; here all of them."""
        threshold = np.maximum(self._gauge.push(path.speed)[:, 0], self._floor)
        labels = np.where(path.speed > threshold, Label.MOVING, Label.STILL).astype(np.int8)
        labels[np.isnan(path.speed)] = Label.LOST
        return labels, np.zeros(len(path), dtype=bool), threshold / self._floor


class DispersionLabels:
    """I-DT: still is what stays within a small box for long enough. Labels come up to that long later."""

    def __init__(self, settings: GazeSettings, rate_hz: float) -> None:
        self._settings = settings
        self._gauge = NoiseGauge(settings, rate_hz)
        self._period_s = 1.0 / rate_hz
        self._window: list[tuple[float, float, float, float]] = []  # undecided: time, x, y, scale
        self._box: tuple[float, float, float, float] | None = None  # of the fixation that goes on
        self._last_valid_s = -np.inf
        self._last_label = Label.LOST
        self._out: list[tuple[Label, bool, float]] = []

    def push(self, path: GazePath) -> tuple[Labels, BoolArray, Array]:
        """Labels, breaks and scales of the first samples that have not been labelled yet."""
        s = self._settings
        # A fit through three samples of white noise has a slope of sigma / (sqrt(2) period)
        sigma = self._gauge.push(path.speed)[:, 1] / _RAYLEIGH_MEDIAN * np.sqrt(2.0) * self._period_s
        scales = np.maximum(s.dispersion_noise_factor * sigma / s.dispersion_deg, 1.0)
        rows = zip(path.times.tolist(), *path.degrees.T.tolist(), scales.tolist(), strict=True)
        for row in rows:
            self._take(row)
        out, self._out = self._out, []
        labels = np.array([label for label, _, _ in out], dtype=np.int8)
        return labels, np.array([b for _, b, _ in out], dtype=bool), np.array([scale for _, _, scale in out])

    def _take(self, row: tuple[float, float, float, float]) -> None:
        time_s, x, y, scale = row
        invalid = x != x
        if time_s - self._last_valid_s >= self._settings.min_blink_s + (0.0 if invalid else self._period_s):
            self._give_up()
        if invalid:
            if self._window:
                self._window.append(row)
            else:
                self._give(Label.LOST, scale)
            return
        self._last_valid_s = time_s
        limit = self._settings.dispersion_deg * scale
        if self._box is not None:
            box = (min(self._box[0], x), max(self._box[1], x), min(self._box[2], y), max(self._box[3], y))
            if box[1] - box[0] + box[3] - box[2] <= limit:
                self._box = box
                self._give(Label.STILL, scale)
                return
            self._box = None
        self._window.append(row)
        self._shrink(limit)

    def _shrink(self, limit: float) -> None:
        """Give out samples from the front until the window is too short to tell, or is a fixation."""
        wanted = self._settings.dispersion_window_s - 1.25 * self._period_s
        while self._window and self._window[-1][0] - self._window[0][0] >= wanted:
            valid = [row for row in self._window if row[1] == row[1]]
            xs, ys = [row[1] for row in valid], [row[2] for row in valid]
            box = (min(xs), max(xs), min(ys), max(ys))
            if box[1] - box[0] + box[3] - box[2] <= limit:
                self._box = box
                for row in self._window:
                    self._give(Label.STILL if row[1] == row[1] else Label.LOST, row[3], new=row is self._window[0])
                self._window = []
            else:
                self._drop_first()

    def _drop_first(self) -> None:
        """The first valid sample of the window is no part of a fixation; nor are invalid ones behind it."""
        self._give(Label.MOVING, self._window.pop(0)[3])
        while self._window and self._window[0][1] != self._window[0][1]:
            self._give(Label.LOST, self._window.pop(0)[3])

    def _give_up(self) -> None:
        """Gaze has been away for too long to go on with the window or the fixation."""
        for row in self._window:
            self._give(Label.MOVING if row[1] == row[1] else Label.LOST, row[3])
        self._window, self._box = [], None

    def _give(self, label: Label, scale: float, *, new: bool = False) -> None:
        """A fixation right behind another one is a new run."""
        self._out.append((label, new and label == self._last_label, scale))
        self._last_label = label
