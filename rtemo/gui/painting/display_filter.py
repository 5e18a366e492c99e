"""Display filters of EEG views: they never change what the model gets or what is recorded, only what is on screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtemo.gui.painting.ring_buffer import RingBuffer

GRID_HZ = 200.0  # of the display's samples, see rtemo.live.service.snapshot.EegBlock
ORDER = 2
NOTCH_Q = 30.0
GAP_S = 0.25  # after a longer gap the filter restarts
KEPT_S = 62.0  # of filtered samples: the longest time shown, with a margin
RUN_IN_S = 4.0  # before a stretch, for the filter to settle


@dataclass(frozen=True, slots=True)
class DisplayBand:
    """A band-pass between two frequencies, or a notch where both are the same. hz: None filters nothing."""

    name: str
    hz: tuple[float, float] | None = None


BANDS = (
    DisplayBand("as the model sees it"),
    DisplayBand("1–30 Hz", (1.0, 30.0)),
    DisplayBand("1–15 Hz", (1.0, 15.0)),
    DisplayBand("4–13 Hz", (4.0, 13.0)),
    DisplayBand("without 50 Hz", (50.0, 50.0)),
    DisplayBand("without 60 Hz", (60.0, 60.0)),
)


class DisplayFilter:
    """Filters a ring buffer of samples into another one. Causal; gaps restart it."""

    def __init__(self, source: RingBuffer, band: DisplayBand) -> None:
        self.source, self.band = source, band
        rows = min(source.capacity, int(KEPT_S * GRID_HZ))
        self.buffer = RingBuffer(rows, source.n_columns) if band.hz is not None else source
        self._done, self._restarts = max(source.start, source.total - rows), source.restarts
        self._newest_s = float("nan")
        self._apply: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None

    def update(self) -> None:
        """Filter the samples that are new."""
        if self.band.hz is None:
            return
        if self._restarts != self.source.restarts:
            self._restarts, self._apply = self.source.restarts, None
            self.buffer.clear()
        times, rows = self.source.since(self._done)
        self._done = self.source.total
        if not len(times):
            return
        starts = np.flatnonzero(np.diff(times, prepend=self._newest_s) > GAP_S)
        for part in np.split(np.arange(len(times)), starts):
            if not len(part):
                continue
            if part[0] in starts or self._apply is None:
                self._apply = _filter(self.band.hz, rows[part[0]])
            self.buffer.push(times[part], self._apply(np.nan_to_num(rows[part].astype(np.float64))))
        self._newest_s = float(times[-1])


def filtered_between(
    source: RingBuffer, band: DisplayBand, begin_s: float, end_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """The rows of a stretch, filtered on their own with a run-in before them: times (n,), values (n, C)."""
    if band.hz is None:
        return source.between(begin_s, end_s)
    times, rows = source.between(begin_s - RUN_IN_S, end_s)
    stretch = RingBuffer(max(1, len(times)), source.n_columns)
    made = DisplayFilter(stretch, band)
    made.buffer = RingBuffer(max(1, len(times)), source.n_columns)
    stretch.push(times, rows)
    made.update()
    return made.buffer.between(begin_s, end_s)


def _filter(
    hz: tuple[float, float], first: NDArray[np.float32]
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """A causal filter whose state is seeded from the first row (C,)."""
    from scipy import signal  # half a second to load, and most people never filter

    if hz[0] == hz[1]:
        sos = signal.tf2sos(*signal.iirnotch(hz[0], NOTCH_Q, GRID_HZ))
    else:
        sos = signal.butter(ORDER, hz, "bandpass", fs=GRID_HZ, output="sos")
    state = signal.sosfilt_zi(sos)[:, :, None] * np.nan_to_num(first.astype(np.float64))[None, None, :]

    def apply(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        nonlocal state
        out, state = signal.sosfilt(sos, rows, axis=0, zi=state)
        return np.asarray(out)

    return apply
