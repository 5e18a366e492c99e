"""Times of a BIDS session: which LSL time its zero is, and where a moment lies among the file's samples."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rtemo.export.signals import RecordedSignal

GRID_S = 4.0  # windows end on every hop that divides it, so a zero on it moves no window


@dataclass(frozen=True, slots=True)
class BidsTimeline:
    """zero_s: LSL time of the EEG's first sample; without EEG a multiple of GRID_S before the first sample.

    starts: (LSL time, seconds in the file) of the first sample of each stretch of the EEG. rate_hz: as written.
    """

    zero_s: float
    starts: tuple[tuple[float, float], ...]
    rate_hz: float

    @classmethod
    def of(cls, eeg: RecordedSignal | None, gaze: RecordedSignal | None, *, continuous: bool) -> BidsTimeline:
        """continuous: the file has samples in the gaps too, so that its seconds are those that passed."""
        if eeg is None:
            assert gaze is not None
            zero_s = GRID_S * math.floor(gaze.first_s / GRID_S)
            return cls(zero_s, ((zero_s, 0.0),), gaze.rate_hz)
        starts, n = [], 0
        for stretch in eeg.stretches:
            starts.append((stretch.begin_s, n / eeg.rate_hz))
            n += len(stretch.times)
        return cls(eeg.first_s, tuple(starts[:1] if continuous else starts), eeg.rate_hz)

    def real_s(self, lsl_s: float) -> float:
        """Seconds that have passed since zero."""
        return lsl_s - self.zero_s

    def file_s(self, lsl_s: float) -> float:
        """Seconds of the file's samples: a moment in a gap is where the samples after it begin."""
        for k in range(len(self.starts) - 1, -1, -1):
            begin_s, at_s = self.starts[k]
            if lsl_s >= begin_s or k == 0:
                following = self.starts[k + 1][1] if k + 1 < len(self.starts) else math.inf
                return min(at_s + lsl_s - begin_s, following)
        raise AssertionError("there is always a first stretch")
