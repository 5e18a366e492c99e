"""Times of samples that a device packs into rows of several: headsets send two samples of the eyes in one frame.

A row's stamp is that of its last sample. The others lie before it at equal distance: that of the rate, or, where the
row before is nearer, that which fits in between, so that times always increase.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rtemo.core.timing.dejitter import SampleRun


class PackedRows:
    """Fed with the runs of one stream of rows, in order. The result does not depend on how they were cut."""

    def __init__(self, samples_per_row: int) -> None:
        self._n = samples_per_row
        self._last_s = -np.inf

    def unpacked(self, run: SampleRun) -> SampleRun:
        """The run with the times and the rate of its samples; values stay rows."""
        if self._n == 1:
            return run
        before = np.concatenate([[self._last_s], run.times[:-1]])
        self._last_s = float(run.times[-1])
        step = np.minimum(run.times - before, 1.0 / run.rate_hz) / self._n
        back = np.arange(self._n - 1, -1, -1)
        times = (run.times[:, None] - step[:, None] * back).ravel()
        return replace(run, times=times, rate_hz=run.rate_hz * self._n)
