"""A sender's clock by arrival: the smallest (arrival - stamp) of the last seconds. Knows nothing of LSL."""

from __future__ import annotations

from collections import deque

WINDOW_S = 5.0
EVENT_WINDOW_S = 60.0
SILENCE_S = 1.0  # after a longer one of a steady stream a backlog may come, whose delays say nothing


class Arrivals:
    """The smallest (arrival - stamp) of the last seconds."""

    def __init__(self, *, steady: bool) -> None:
        """steady: the stream has a rate; a silence of it is a fault."""
        self._steady = steady
        self._window_s = WINDOW_S if steady else EVENT_WINDOW_S
        self._delays: deque[tuple[float, float]] = deque()  # arrival, delay; delays increase, so the first is smallest
        self._since_s = 0.0
        self._last_s: float | None = None

    def add(self, arrival_s: float, stamp: float) -> None:
        """stamp: the newest raw stamp of what arrived together."""
        if self._last_s is None or (self._steady and arrival_s - self._last_s > SILENCE_S):
            self._delays.clear()
            self._since_s = arrival_s
        self._last_s = arrival_s
        delay_s = arrival_s - stamp
        while self._delays and self._delays[-1][1] >= delay_s:
            self._delays.pop()
        self._delays.append((arrival_s, delay_s))
        while self._delays[0][0] < arrival_s - self._window_s:
            self._delays.popleft()

    def settled(self, now_s: float) -> bool:
        """Whether the smallest delay can be believed: no silence within the window."""
        return not self._steady or now_s - self._since_s >= WINDOW_S

    @property
    def offset_s(self) -> float:
        """LSL time - raw stamp. There has been an arrival."""
        return self._delays[0][1]
