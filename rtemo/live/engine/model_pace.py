"""Pace of a session: whether the model decides windows as fast as they end, and which are skipped where it does not.

The rule is pure (`ModelPace`): from what each window took, and how long it had waited, follows of how many windows one
is decided, and whether to go on with the newest. What it comes to is stated as a note of the session, so that a replay
skips the same windows (`LivePace`).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from rtemo.model.personal.session_notes import WindowsSkipped
from rtemo.model.prediction import LATE_S
from rtemo.model.predictor import Predictor

WINDOWS = 40  # that the time of one is judged by
FEWEST, LONG_S = 5, 2.0  # or as few as these, where they took so long together: of a very slow model few are ever done
_MANAGES = 0.8  # of the time from one decided window to the next: what the model may take, the rest is for other work
_BACK = 0.6  # of that time: more windows are decided again below this


@dataclass(frozen=True, slots=True)
class PaceChange:
    """every: of so many windows one is decided from now on. goes_on: windows that wait are skipped.

    text: what to tell people.
    """

    every: int
    goes_on: bool
    text: str


class ModelPace:
    """Fed with what each window took, from its samples (or from the window before) to its prediction."""

    def __init__(self, hop_s: float, engines: int = 1, every: int = 1) -> None:
        """engines: that take turns on one processor. every: of so many windows one is decided so far."""
        self._hop_s, self._engines, self.every = hop_s, engines, every
        self._seconds: deque[float] = deque(maxlen=WINDOWS)
        self._unchanged = 0  # windows since the last change

    @property
    def too_slow(self) -> bool:
        """Whether windows are skipped."""
        return self.every > 1

    def took(self, seconds: float, windows: int, waited_s: float = 0.0) -> PaceChange | None:
        """What changes now, if anything. waited_s: how long the window was there before its turn came."""
        self._seconds.extend([seconds / windows] * min(windows, WINDOWS))
        self._unchanged += windows
        behind = waited_s > LATE_S + self.every * self._hop_s
        known = len(self._seconds)
        if known < WINDOWS and (known < FEWEST or sum(self._seconds) < LONG_S):
            return None
        typical = float(np.median(self._seconds))
        careful = max(typical, self._mean_without_longest)
        if behind and known == WINDOWS:
            typical = careful
        if self._engines * typical > self.every * self._hop_s:
            return self._changed(self._needed(typical, _MANAGES), typical, goes_on=True)
        if self.too_slow and behind:
            return self._changed(max(self.every, self._needed(typical, _MANAGES)), typical, goes_on=True)
        if self._unchanged >= WINDOWS and self._needed(careful, _BACK) < self.every:
            return self._changed(self._needed(careful, _MANAGES), careful, goes_on=False)
        return None

    @property
    def _mean_without_longest(self) -> float:
        """Windows that take very long now and then count, one stop of the computer does not."""
        return (sum(self._seconds) - max(self._seconds)) / (len(self._seconds) - 1)

    def _needed(self, seconds: float, share: float) -> int:
        """The smallest multiple of the hop of whose length a window takes no more than this share."""
        return max(math.ceil(self._engines * seconds / (share * self._hop_s) - 1e-9), 1)

    def _changed(self, every: int, typical: float, *, goes_on: bool) -> PaceChange:
        before, self.every, self._unchanged = self.every, every, 0
        takes = f"a window takes {1e3 * typical:.0f} ms"
        decided = f"one of {every} windows is decided, one in {every * self._hop_s:g} s, the others are skipped"
        if every == 1:
            return PaceChange(every, goes_on, f"the model keeps up again: {takes}; every window is decided")
        if every < before:
            return PaceChange(every, goes_on, f"the model is faster: {takes}; {decided}")
        if every == before:
            return PaceChange(every, goes_on, f"the session fell behind: windows are skipped up to now; {decided}")
        slow = f"the model is slower than the hop: {takes}, the hop is {1e3 * self._hop_s:.0f} ms"
        return PaceChange(every, goes_on, f"{slow}; {decided} (a longer hop, or a faster model: rtemo bench --model)")


def decided_of(seconds: Iterable[float], hop_s: float) -> int:
    """Of how many windows a session would decide one, where they take so long one after the other; 1: every window."""
    pace = ModelPace(hop_s)
    for one in seconds:
        pace.took(one, 1)
    return pace.every


class LivePace:
    """Measures a predictor's windows in a live session, and has it skip what it cannot manage."""

    def __init__(
        self,
        predictor: Predictor,
        clock: Callable[[], float],
        stopwatch: Callable[[], float],
        state: Callable[[PaceChange, WindowsSkipped], object],
        engines: int = 1,
    ) -> None:
        """clock, stopwatch: see LiveOptions. state: makes an event of a change, which the recording keeps. engines: see
        ModelPace.
        """
        self._predictor, self._clock, self._stopwatch, self._state = predictor, clock, stopwatch, state
        grid = predictor.pipeline.grid
        self._hop_s = grid.seconds(grid.hop)
        self._pace = ModelPace(self._hop_s, engines, predictor.skipped.every)
        self._began_s, self._arrived_s, self._first_s = stopwatch(), math.nan, math.nan
        predictor.decided = self._decided

    def begins(self, arrived_s: float) -> None:
        """Samples are taken in that may complete windows; arrived_s: when they came, LSL time; NaN: not known."""
        self._began_s, self._arrived_s, self._first_s = self._stopwatch(), arrived_s, math.nan

    def _decided(self, end_s: float) -> None:
        """A window is decided. Of those completed at once, each one's samples came as much later as it ends later."""
        done_s = self._stopwatch()
        if math.isnan(self._first_s):
            self._first_s = end_s
        seconds, self._began_s = done_s - self._began_s, done_s
        age_s = self._clock() - self._arrived_s - (end_s - self._first_s)
        age_s = max(age_s, 0.0) if math.isfinite(age_s) else 0.0
        change = self._pace.took(seconds, 1, max(age_s - seconds, 0.0))
        if change is not None:
            self._state(change, self._skip(change, end_s, age_s))

    def _skip(self, change: PaceChange, end_s: float, age_s: float) -> WindowsSkipped:
        """Skip windows from the next one on; none that waits now, where it goes on with the newest."""
        before = self._predictor.skipped.newest
        from_s = max(end_s + 0.5 * self._hop_s, before.from_s if before is not None else -math.inf)
        resumes_s = max(from_s, end_s + age_s) if change.goes_on else from_s
        model = self._predictor.model_at(from_s).fingerprint
        note = WindowsSkipped(from_s, resumes_s, change.every, self._hop_s, model)
        self._predictor.note(note, from_s)
        return note
