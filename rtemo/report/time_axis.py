"""The time axis that all plots of a report share, so that they can be read one below the other."""

from __future__ import annotations

from dataclasses import dataclass

from rtemo.presentation.html import Html, join, tag
from rtemo.presentation.numbers import clock
from rtemo.report.svg import text, ticks

WIDTH, LEFT, RIGHT = 1060.0, 92.0, 14.0


@dataclass(frozen=True, slots=True)
class Axis:
    """Time from left to right, in LSL seconds."""

    begin_s: float
    end_s: float

    @property
    def span_s(self) -> float:
        return max(self.end_s - self.begin_s, 1e-9)

    def x(self, time_s: float) -> float:
        """Where a time lies; what is outside lies at the edge."""
        share = (time_s - self.begin_s) / self.span_s
        return LEFT + min(max(share, 0.0), 1.0) * (WIDTH - LEFT - RIGHT)

    def drawn(self, top: float, bottom: float) -> Html:
        """Hairlines, and the times below."""
        found = []
        for moment in ticks(self.span_s, 10):
            x = self.x(self.begin_s + moment)
            found.append(tag("line", x1=x, x2=x, y1=top, y2=bottom, class_="grid"))
            found.append(text(x, bottom + 15, clock(moment), class_="tick", text_anchor="middle"))
        return join(found)
