"""EEG conditioning: anti-aliasing, resampling onto the absolute grid, high-pass and notch, all causal.

Grid sample k lies at k / grid_hz seconds of LSL time, whenever the stream started and whatever its rate is. Only the
anti-aliasing runs at the native rate; the rest is the same filter for every device. All filters are causal,
seeded from the first sample, never from a chunk's mean, hold the last good value through NaN, and go on through short
holes on interpolated samples that are marked as absent. After a long hole they start anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtemo.core.eeg.settings import EegSettings
from rtemo.core.filters import butterworth, filter_sections, notch, steady_state
from rtemo.core.timing.dejitter import SampleRun
from rtemo.core.types import BoolArray, TimeArray

Samples = NDArray[np.float64]
Sections = NDArray[np.float64]


def anti_aliasing(settings: EegSettings, rate_hz: float) -> Sections:
    """Second-order sections (n, 6) of the low-pass at a native rate; none where the rate is too low to need one."""
    edge = settings.lowpass_hz / (0.5 * rate_hz)
    if edge >= 0.9:
        return np.empty((0, 6))
    return butterworth(settings.lowpass_order, edge, "lowpass")


def grid_filter(settings: EegSettings) -> Sections:
    """Second-order sections (n, 6) of the high-pass and the notches, at the grid's rate."""
    nyquist = 0.5 * settings.grid_hz
    sections = [butterworth(2, settings.highpass_hz / nyquist, "highpass")]
    sections += [notch(f / nyquist, settings.notch_q) for f in settings.notch_hz]
    return np.vstack(sections)


class CausalFilter:
    """A filter of (n, C) with a state, that starts in the steady state of its first sample and never sees a NaN."""

    def __init__(self, sos: Sections, first: Samples) -> None:
        self._sos = sos
        self._held = np.where(np.isfinite(first), first, 0.0)
        self._state = steady_state(sos) * self._held[:, None, None]  # (C, sections, 2)

    def __call__(self, values: Samples) -> Samples:
        """Filtered (n, C). A NaN or infinity is replaced by the channel's last good value."""
        values = hold(values, self._held)
        if not len(values):
            return values
        self._held = values[-1]
        if not len(self._sos):
            return values
        return filter_sections(self._sos, values, self._state)


def hold(values: Samples, before: Samples) -> Samples:
    """Values (n, C) with every value that is not finite replaced by the last finite one; before (C,) leads in."""
    good = np.isfinite(values)
    if good.all():
        return values
    stacked = np.vstack([before, values])
    rows = np.where(np.vstack([np.ones(len(before), dtype=bool), good]), np.arange(len(stacked))[:, None], 0)
    return np.take_along_axis(stacked, np.maximum.accumulate(rows, axis=0), axis=0)[1:]


class GridResampler:
    """Six-point Lagrange interpolation of an evenly sampled run onto the absolute grid.

    The result for a grid sample depends on the six samples around it alone. Half a step between samples at 250 Hz,
    45 Hz comes out 0.1 dB low.
    """

    TAPS = 6
    AT_ONCE = 32  # grid samples: so much stays in a processor's cache
    # nodes -2..3 around the interval [0, 1): the denominators of the Lagrange basis
    _NODES = np.arange(-2, 4)
    _SAME = np.eye(6, dtype=bool)[:, :, None]
    _SCALE = 1.0 / np.array([np.prod([n - m for m in range(-2, 4) if m != n], dtype=np.float64) for n in range(-2, 4)])

    def __init__(self, grid_hz: float, n_channels: int) -> None:
        self._grid_hz = grid_hz
        self._times: TimeArray = np.empty(0)
        self._values: Samples = np.empty((0, n_channels))
        self._valid: BoolArray = np.empty((0, n_channels), dtype=bool)
        self._next: int | None = None

    def push(self, times: TimeArray, values: Samples, valid: BoolArray) -> tuple[int, Samples, BoolArray]:
        """First grid index, values (m, C), valid (m, C) of the grid samples that are now determined."""
        self._times = np.concatenate([self._times, times])
        self._values = np.concatenate([self._values, values])
        self._valid = np.concatenate([self._valid, valid])
        if len(self._times) < self.TAPS:
            return 0, self._values[:0], self._valid[:0]
        if self._next is None:
            self._next = self._first_at(self._times[2])
        stop = self._first_at(self._times[-3])  # the last interval ends, exclusive, at the third last sample
        begin = self._next
        grid = np.arange(begin, max(stop, begin)) / self._grid_hz
        left = np.searchsorted(self._times, grid, side="right") - 1
        result = self._interpolate(grid, left)
        self._next = begin + len(grid)
        spent = int(np.searchsorted(self._times, self._next / self._grid_hz, side="right")) - 3
        self._times, self._values, self._valid = self._times[spent:], self._values[spent:], self._valid[spent:]
        return begin, *result

    def _first_at(self, time_s: float) -> int:
        """The first grid index whose time is not before this; the product alone may round to either side."""
        index = int(np.ceil(time_s * self._grid_hz))
        while (index - 1) / self._grid_hz >= time_s:
            index -= 1
        while index / self._grid_hz < time_s:
            index += 1
        return index

    def _interpolate(self, grid: TimeArray, left: NDArray[np.intp]) -> tuple[Samples, BoolArray]:
        start, width = self._times[left], self._times[left + 1] - self._times[left]
        distance = (grid - start) / width - self._NODES[:, None]  # (6, m)
        weights = self._SCALE[:, None] * np.where(self._SAME, 1.0, distance).prod(axis=1)  # each without its own node
        around = left + self._NODES[:, None]
        values = np.empty((len(grid), self._values.shape[1]))
        for begin in range(0, len(grid), self.AT_ONCE):
            part = slice(begin, begin + self.AT_ONCE)
            rows = self._values[around[:, part]]  # (6, some, C)
            rows *= weights[:, part, None]
            np.add.reduce(rows, axis=0, initial=0.0, out=values[part])
        return values, self._valid[left] & self._valid[left + 1]


@dataclass(frozen=True, slots=True)
class GridBlock:
    """Conditioned samples from grid index `first` on: values (m, C) in microvolts, valid (m, C).

    wide: (m, C) the same before high-pass and notch, to judge line noise by.
    """

    first: int
    values: Samples
    wide: Samples
    valid: BoolArray
    restarted: bool  # the filters started anew before this block


class EegConditioner:
    """Runs of microvolts (n, C) in, blocks of the absolute grid out."""

    def __init__(self, settings: EegSettings, n_channels: int) -> None:
        self._settings = settings
        self._n_channels = n_channels
        self._anti_aliasing: CausalFilter | None = None
        self._grid_filter: CausalFilter | None = None
        self._resampler = GridResampler(settings.grid_hz, n_channels)
        self._rate_hz = 0.0
        self._last_time = 0.0
        self._last_value: Samples = np.zeros(n_channels)

    def push(self, run: SampleRun) -> GridBlock:
        """One run. Values are float64 microvolts; NaN marks a missing value."""
        values = np.asarray(run.values, dtype=np.float64)
        times = run.times
        valid = np.isfinite(values)
        restart = self._anti_aliasing is None or run.gap_s > self._settings.fill_s or run.rate_hz != self._rate_hz
        if restart:
            self._rate_hz = run.rate_hz
            self._anti_aliasing = CausalFilter(anti_aliasing(self._settings, run.rate_hz), values[0])
            self._grid_filter = None
            self._resampler = GridResampler(self._settings.grid_hz, self._n_channels)
        elif run.gap_s > 0.0:
            times, values, valid = self._bridge(times, values, valid)
        assert self._anti_aliasing is not None
        self._last_time = float(times[-1])
        self._last_value = values[-1] if valid[-1].all() else hold(values, self._last_value)[-1]
        first, wide, grid_valid = self._resampler.push(times, self._anti_aliasing(values), valid)
        if self._grid_filter is None and len(wide):
            self._grid_filter = CausalFilter(grid_filter(self._settings), wide[0])
        filtered = self._grid_filter(wide) if self._grid_filter is not None else wide
        return GridBlock(first, filtered, wide, grid_valid, restart)

    def _bridge(self, times: TimeArray, values: Samples, valid: BoolArray) -> tuple[TimeArray, Samples, BoolArray]:
        """Put a straight line of absent samples into the hole before the first sample."""
        n = max(round((float(times[0]) - self._last_time) * self._rate_hz) - 1, 0)
        share = (np.arange(1, n + 1) / (n + 1))[:, None]
        target = np.where(valid[0], values[0], self._last_value)
        line = self._last_value + share * (target - self._last_value)
        line_times = self._last_time + share[:, 0] * (float(times[0]) - self._last_time)
        absent = np.zeros((n, self._n_channels), dtype=bool)
        return np.concatenate([line_times, times]), np.vstack([line, values]), np.vstack([absent, valid])
