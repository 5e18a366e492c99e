"""Another sampling rate: what an amplifier with its own anti-aliasing filter would have sent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from offline.datasets.base import Stream
from offline.perturb.change import Change
from rtemo.core.types import Chunk, FloatArray

LOBES = 12  # of the windowed sinc, to each side
PASSES = 0.9  # of half the lower rate


def rate(stream: Stream, severity: float, random: np.random.Generator) -> Change:
    """Samples at `severity` Hz, on the grid of multiples of 1 / severity. Nothing is random."""
    del random
    resampler = Resampler(stream.info.nominal_rate_hz, severity)

    def apply(chunk: Chunk) -> Chunk:
        stamps, values = resampler(chunk.stamps, np.asarray(chunk.values, dtype=np.float32))
        return replace(chunk, stamps=stamps, values=values)

    return Change(replace(stream.info, nominal_rate_hz=severity, channel_format="float32"), apply)


class Resampler:
    """Windowed-sinc interpolation of regular samples, chunk by chunk; starts again at gaps.

    A new sample comes once all old ones that it needs are there, so a segment loses LOBES samples at either end.
    """

    def __init__(self, rate_hz: float, new_hz: float) -> None:
        self._step_s, self._new_hz = 1.0 / rate_hz, new_hz
        self._cutoff = PASSES * min(1.0, new_hz / rate_hz)  # of half the old rate
        self._half = int(np.ceil(LOBES / self._cutoff))
        self._stamps = np.empty(0)
        self._values: FloatArray = np.empty((0, 0), np.float32)
        self._next = 0  # number of the next new sample

    def __call__(self, stamps: NDArray[np.float64], values: FloatArray) -> tuple[NDArray[np.float64], FloatArray]:
        """Stamps (n,) and values (n, C) of the new samples that the chunk completes."""
        times, made = [np.empty(0)], [np.empty((0, values.shape[1]), np.float32)]
        previous = np.concatenate([self._stamps[-1:], stamps])
        cuts = np.flatnonzero(np.abs(np.diff(previous) - self._step_s) > 0.5 * self._step_s) + 1
        starts = cuts - len(self._stamps[-1:])
        for index, (begin, end) in enumerate(zip([0, *starts], [*starts, len(stamps)], strict=True)):
            if index or not len(self._stamps):
                self._begin(stamps[begin:end])
            self._stamps = np.concatenate([self._stamps, stamps[begin:end]])
            self._values = np.concatenate([self._values.reshape(-1, values.shape[1]), values[begin:end]])
            done = self._ready()
            times.append(done)
            made.append(self._at(done))
            self._forget()
        return np.concatenate(times), np.concatenate(made)

    def _begin(self, stamps: NDArray[np.float64]) -> None:
        self._stamps, self._values = np.empty(0), self._values[:0]
        if len(stamps):
            self._next = int(np.ceil((stamps[0] + self._half * self._step_s) * self._new_hz - 1e-6))

    def _ready(self) -> NDArray[np.float64]:
        if not len(self._stamps):
            return np.empty(0)
        last = int(np.floor((self._stamps[-1] - self._half * self._step_s) * self._new_hz + 1e-6))
        numbers = np.arange(self._next, max(self._next, last + 1))
        self._next += len(numbers)
        return numbers / self._new_hz

    def _at(self, times: NDArray[np.float64]) -> FloatArray:
        if not len(times):
            return np.empty((0, self._values.shape[1]), np.float32)
        places = (times - self._stamps[0]) / self._step_s
        taps = np.round(places).astype(np.int64)[:, None] + np.arange(-self._half, self._half + 1)
        away = places[:, None] - taps
        inside = np.abs(away) < self._half
        weights = np.sinc(self._cutoff * away) * np.where(inside, np.cos(0.5 * np.pi * away / self._half) ** 2, 0.0)
        weights /= weights.sum(axis=1, keepdims=True)
        rows = np.clip(taps, 0, len(self._values) - 1)
        found = np.einsum("nt,ntc->nc", weights, self._values[rows].astype(np.float64))
        return np.asarray(found, np.float32)

    def _forget(self) -> None:
        """Keep what the next new sample will need, with one to spare."""
        if len(self._stamps):
            first = int((self._next / self._new_hz - self._stamps[0]) / self._step_s) - self._half - 2
            if first > 0:
                self._stamps, self._values = self._stamps[first:], self._values[first:]
