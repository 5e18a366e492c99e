"""Steps of a sender's clock that its clock offsets do not show: set back, and set right again."""

from __future__ import annotations

from collections import deque

SET_BACK_S = 0.05  # a clock that stepped back by more was set
RETURN_S = 30.0  # a step back that takes back steps forward of so long ago is none of the clock


class ClockSteps:
    """What the steps of one stream's stamps show of its clock. Each step may have a note; "" is none."""

    def __init__(self) -> None:
        self.set_back_s = 0.0  # by how much the clock was set back
        self._forward: deque[tuple[float, float]] = deque(maxlen=64)  # steps forward: when, how far

    def forward(self, time_s: float, step_s: float, jitter_s: float) -> str:
        """A step forward, which may make up for one back; a shorter one may be samples that are missing."""
        self._forward.append((time_s, step_s))
        if not (self.set_back_s > 0.0 and abs(step_s - self.set_back_s) <= max(SET_BACK_S, jitter_s)):
            return ""
        self.set_back_s = 0.0
        return f"its clock was set forward by {step_s:.3g} s: its samples have a usable time again"

    def new_line(self, begin_s: float, step_s: float, newest_s: float, jitter_s: float) -> str:
        """A new line of stamps begins, step_s off the one before it, whose newest sample lies at newest_s."""
        if step_s > 0.0:
            return self.forward(begin_s, step_s, jitter_s)
        ahead_s = sum(far for when, far in self._forward if newest_s - when < RETURN_S)
        if begin_s >= newest_s - SET_BACK_S or -step_s <= ahead_s + jitter_s:
            return ""
        self.set_back_s += -step_s
        return (
            f"its clock was set back by {-step_s:.3g} s and its clock offsets do not show it: from then on its samples "
            "have no usable time"
        )
