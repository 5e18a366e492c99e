"""The time axis that all plots of a report share, so that they can be read one below the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rtemo.presentation.html import Html, join, tag
from rtemo.presentation.numbers import clock
from rtemo.report.svg import text, ticks

WIDTH, LEFT, RIGHT = 1060.0, 92.0, 14.0


def time_of_day(began: datetime, since_s: float) -> str:
    """The time of day so long after the beginning; empty where no calendar has it."""
    try:
        return (began + timedelta(seconds=since_s)).strftime("%H:%M:%S")
    except (OverflowError, ValueError):
        return ""


@dataclass(frozen=True, slots=True)
class Axis:
    """Time from left to right, in LSL seconds."""

    begin_s: float
    end_s: float
    began: datetime | None = None  # the time of day of begin_s; with it, the times of day stand below

    @property
    def span_s(self) -> float:
        return max(self.end_s - self.begin_s, 1e-9)

    def x(self, time_s: float) -> float:
        """Where a time lies; what is outside lies at the edge."""
        share = (time_s - self.begin_s) / self.span_s
        return LEFT + min(max(share, 0.0), 1.0) * (WIDTH - LEFT - RIGHT)

    @property
    def foot(self) -> float:
        """The height that the times below need."""
        return 22.0 if self.began is None else 36.0

    def drawn(self, top: float, bottom: float) -> Html:
        """Hairlines, and the times below: since the start, and of the day."""
        found = []
        for moment in ticks(self.span_s, 10):
            x = self.x(self.begin_s + moment)
            found.append(tag("line", x1=x, x2=x, y1=top, y2=bottom, class_="grid"))
            found.append(text(x, bottom + 15, clock(moment), class_="tick", text_anchor="middle"))
            if self.began is not None:
                day = time_of_day(self.began, moment)
                found.append(text(x, bottom + 29, day, class_="tick day", text_anchor="middle"))
        return join(found)
