"""How often each view is refreshed: signals move with every frame, lists are read, not watched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rtemo.gui.window_state import SnapshotPart

GAZE_FRAMES = 3  # the gaze moves ten times a second
RESULT_FRAMES = 6  # results change five times a second
SLOW_FRAMES = 15  # lists and long histories twice a second


class RefreshSchedule:
    """Views by the number of frames from one refresh to the next."""

    def __init__(self, views: Mapping[int, Iterable[Any]]) -> None:
        self._views = {every: tuple(its) for every, its in views.items()}
        self._waiting: dict[int, set[SnapshotPart]] = {every: set() for every in views}
        self._frame = 0

    def take(self, changed: set[SnapshotPart]) -> None:
        """Remember what is out of date until the views' turn comes."""
        for waiting in self._waiting.values():
            waiting |= changed

    def tick(self, *, everything: bool) -> None:
        """One frame: refresh those whose turn it is and that are out of date. everything: it is everybody's turn."""
        self._frame += 1
        for every, views in self._views.items():
            if self._waiting[every] and (everything or self._frame % every == 0):
                changed, self._waiting[every] = self._waiting[every], set()
                for view in views:
                    view.refresh(changed)

    def due(self, every: int) -> bool:
        """Whether a multiple of so many frames has passed."""
        return self._frame % every == 0
