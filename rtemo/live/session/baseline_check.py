"""The resting baseline of a session: how long it goes on, how much of it was usable, and what the pipeline made of it.

A rest that was announced goes on until enough of it was usable. The verdict is the pipeline's: in effect, or refused.
"""

from __future__ import annotations

import math
from collections import Counter

from rtemo.core.baseline.normaliser import NormaliserSettings
from rtemo.core.baseline.rest_interval import Rest
from rtemo.core.pipeline import Pipeline
from rtemo.core.types import Modality
from rtemo.live.service.snapshot import Progress
from rtemo.model.prediction import Prediction

GOOD = {Modality.EEG: 0.7, Modality.GAZE: 0.6}  # shares of usable samples
OFTEN = 0.5  # a channel that is bad in more of the windows than this is named
NAMED = 6
LONGEST = 3.0  # times what was asked for: a stream that never comes must not hold the session for ever
STEP_S = 5.0  # by this much at least it is made longer
STALL_S = 1.0  # without a prediction for so long nobody waits for one; shorter than notice_s
MAX_STEP_S = 1.0  # between two predictions that follow each other
OUTCOME_S = 3.0  # for the pipeline to come to its outcome after a rest took effect


class BaselineCheck:
    """Fed with the predictions made while it lasts. Times are LSL seconds."""

    def __init__(
        self, begin_s: float, length_s: float, limits: NormaliserSettings, used: frozenset[Modality], known_s: float = 0
    ) -> None:
        """used: the modalities that must be usable. known_s: how much of it an engine before this one has seen."""
        self.begin_s, self.length_s, self.asked_s = begin_s, length_s, length_s
        self.decided_s: float | None = None  # since when it is only waited for the verdict
        self.announced = False  # whether the verdict has been announced
        self.refused: tuple[str, ...] = ()
        self.verdict = ""
        self.poor = False
        self._limits, self._used = limits, used
        self._usable_s = dict.fromkeys(GOOD, known_s)
        self._last_s, self._n = begin_s + known_s, 0
        self._bad: Counter[str] = Counter()
        self._reached_s = self._followed_s = -math.inf
        self._moved_s = math.nan  # when the predictions were seen to go on

    @property
    def end_s(self) -> float:
        return self.begin_s + self.length_s

    def take(self, prediction: Prediction) -> None:
        self._reached_s = max(self._reached_s, prediction.time_s)
        if not self._last_s < prediction.time_s <= self.end_s:
            return
        step_s = min(prediction.time_s - self._last_s, MAX_STEP_S)
        self._last_s = prediction.time_s
        self._usable_s[Modality.EEG] += step_s * prediction.eeg_coverage
        self._usable_s[Modality.GAZE] += step_s * prediction.gaze_coverage
        self._n += 1
        self._bad.update(prediction.bad_channels)

    def at(self, clock_s: float) -> float:
        """How far the session has got: to the newest prediction, or to the clock where none comes any more."""
        if self._reached_s > self._followed_s or math.isnan(self._moved_s):
            self._followed_s, self._moved_s = self._reached_s, clock_s
        return clock_s if clock_s - self._moved_s > STALL_S else self._reached_s

    def longer_s(self) -> float | None:
        """The length that it needs for enough usable data; None where it has that, or may not last longer."""
        missing_s = max((self._needed_s(part) - self._usable_s[part] for part in self._used), default=0.0)
        most_s = min(self._limits.rest_max_s, LONGEST * self.asked_s)
        if missing_s <= 0 or self.length_s >= most_s:
            return None
        return float(f"{min(most_s, self.length_s + max(missing_s, STEP_S)):.0f}")

    def decide(self, pipeline: Pipeline, now_s: float) -> bool:
        """Take over the pipeline's verdict. False while there is none."""
        outcomes = {part: outcome(pipeline, part, self.begin_s, self.end_s) for part in self._used}
        if None in outcomes.values() and now_s < self.end_s + self._limits.notice_s + OUTCOME_S:
            return False
        self.refused = tuple(str(part.value) for part, effect in outcomes.items() if not effect)
        bad = [label for label, n in self._bad.most_common(NAMED) if n > OFTEN * self._n]
        enough = all(self._usable_s[part] >= self._needed_s(part) for part in self._used)
        self.poor = not self.refused and (bool(bad) or not enough)
        names = {"eeg": "EEG", "gaze": "gaze"}
        usable = ", ".join(f"{names[part.value]} {self._usable_s[part]:.0f} s" for part in GOOD if part in self._used)
        how = "poor" if self.poor else "good"
        if self.refused or not self._used:
            how = f"refused for {' and '.join(names[part] for part in self.refused) or 'want of signals'}"
        self.verdict = f"{how}: {usable or 'nothing'} of {self.length_s:.0f} s usable"
        if self.refused:
            self.verdict += f", {self._limits.rest_min_s:g} s are needed; what was before stays"
        if bad:
            self.verdict += f"; bad channels {', '.join(bad)}"
        return True

    def progress(self, now_s: float) -> Progress:
        done_s = min(max(now_s - self.begin_s, 0.0), self.length_s)
        if not self.announced:
            return Progress("baseline", done_s, self.length_s, extended=self.length_s > self.asked_s)
        return Progress("baseline", done_s, self.length_s, self.verdict, bool(self.refused), self.poor)

    def _needed_s(self, part: Modality) -> float:
        return max(self._limits.rest_min_s, GOOD[part] * self.asked_s)


def outcome(pipeline: Pipeline, part: Modality, begin_s: float, end_s: float) -> bool | None:
    """Whether a rest is in effect for a modality; None where the pipeline has not come to it."""
    branch, rest = pipeline.branch(part), str(Rest(begin_s, end_s, 0))
    for note in reversed(branch.notes if branch is not None else []):
        if note.startswith(f"{rest} in effect"):
            return True
        if note.startswith(f"{rest} refused"):
            return False
    return None


def usable_parts(pipeline: Pipeline) -> frozenset[Modality]:
    """The modalities that a baseline is about: those that have a stream."""
    return frozenset(part for part in GOOD if pipeline.branch(part) is not None)
