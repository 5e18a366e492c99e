"""Which windows a model that is slower than the hop leaves out, as its session stated it.

Pure: what was stated decides, for the live session and for the replay of its recording alike.
"""

from __future__ import annotations

from bisect import bisect_right, insort

from rtemo.model.personal.session_notes import WindowsSkipped


class SkippedWindows:
    """All that was stated, by the time from which it holds; of what holds from the same time, the last one counts."""

    def __init__(self) -> None:
        self._notes: list[WindowsSkipped] = []

    @property
    def newest(self) -> WindowsSkipped | None:
        """What holds from the latest time on; None where every window is decided."""
        return self._notes[-1] if self._notes else None

    @property
    def every(self) -> int:
        """Of so many windows one is decided, by the newest that was stated."""
        return 1 if self.newest is None else self.newest.every

    def add(self, note: WindowsSkipped) -> None:
        """What is out of range counts for nothing."""
        if note.every >= 1:
            insort(self._notes, note, key=lambda one: one.from_s)

    def skips(self, end_s: float) -> bool:
        """Whether the window that ends then is not decided."""
        at = bisect_right(self._notes, end_s, key=lambda one: one.from_s)
        if not at:
            return False
        note = self._notes[at - 1]
        return end_s < note.resumes_s or round(end_s / note.hop_s) % note.every != 0
