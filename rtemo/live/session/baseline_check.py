"""The resting baseline at the beginning of a session: how long it has gone, and whether the signals were good."""

from __future__ import annotations

from collections import Counter

from rtemo.live.service.snapshot import Progress
from rtemo.model.prediction import Prediction

GOOD_EEG, GOOD_GAZE = 0.7, 0.6  # shares of usable samples
OFTEN = 0.5  # a channel that is bad in more of the windows than this is named
NAMED = 6


class BaselineCheck:
    """Fed with the predictions made while it lasts."""

    def __init__(self, begin_s: float, length_s: float) -> None:
        self.end_s = begin_s + length_s
        self.announced = False  # whether the verdict has been announced
        self._begin_s, self._length_s = begin_s, length_s
        self._eeg: list[float] = []
        self._gaze: list[float] = []
        self._bad: Counter[str] = Counter()

    def take(self, prediction: Prediction) -> None:
        if self._begin_s < prediction.time_s <= self.end_s:
            self._eeg.append(prediction.eeg_coverage)
            self._gaze.append(prediction.gaze_coverage)
            self._bad.update(prediction.bad_channels)

    def progress(self, now_s: float) -> Progress:
        done_s = min(max(now_s - self._begin_s, 0.0), self._length_s)
        return Progress("baseline", done_s, self._length_s, self.verdict if now_s >= self.end_s else "")

    @property
    def verdict(self) -> str:
        """What to think of it, in one line."""
        if not self._eeg:
            return "no signal came"
        eeg, gaze = sum(self._eeg) / len(self._eeg), sum(self._gaze) / len(self._gaze)
        bad = [label for label, n in self._bad.most_common(NAMED) if n > OFTEN * len(self._eeg)]
        good = eeg >= GOOD_EEG and gaze >= GOOD_GAZE and not bad
        text = f"{'good' if good else 'not good'}: EEG {eeg:.0%}, gaze {gaze:.0%} usable"
        return f"{text}; bad channels {', '.join(bad)}" if bad else text
