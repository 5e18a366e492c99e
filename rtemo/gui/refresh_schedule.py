"""Refresh schedule: how often each view is repainted. Signals move with every frame; lists are read, not watched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rtemo.gui.window_state import SnapshotPart

GAZE_FRAMES = 3  # gaze: ten times a second
RESULT_FRAMES = 6  # predictions: five times a second
SLOW_FRAMES = 15  # lists and long histories: twice a second


class RefreshSchedule:
    """Views by the number of frames from one refresh to the next."""

    def __init__(self, views: Mapping[int, Iterable[Any]]) -> None:
        self._views = {every: tuple(group) for every, group in views.items()}
        self._waiting: dict[int, set[SnapshotPart]] = {every: set() for every in views}
        self._frame = 0

    def mark(self, changed: set[SnapshotPart]) -> None:
        """Note what is out of date, until the views are refreshed."""
        for waiting in self._waiting.values():
            waiting |= changed

    def tick(self, *, everything: bool) -> None:
        """Advance one frame: refresh the views that are due and out of date. everything: all views are due."""
        self._frame += 1
        for every, views in self._views.items():
            if self._waiting[every] and (everything or self._frame % every == 0):
                changed, self._waiting[every] = self._waiting[every], set()
                for view in views:
                    view.refresh(changed)

    def due(self, every: int) -> bool:
        """Whether views of this interval are refreshed in this frame."""
        return self._frame % every == 0
