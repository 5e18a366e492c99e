"""Open recordings: from the command line, from the menu, or dropped onto the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSettings
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QWidget

from rtemo.gui import texts
from rtemo.sources.xdf.file import ENDINGS

RECENT_KEY, MOST_RECENT = "recent recordings", 10


class RecordingOpener:
    """Sends recordings to the engine to be played. pending: one to open as soon as the engine answers, or empty."""

    def __init__(
        self, parent: QWidget, send: Callable[..., None], pending: str, settings: QSettings | None = None
    ) -> None:
        """settings: keep which recordings were opened last."""
        self._parent, self._send, self._pending, self._settings = parent, send, pending, settings

    @property
    def recent(self) -> list[str]:
        """The recordings that were opened last and are still there, the newest first."""
        kept = str(self._settings.value(RECENT_KEY, "")) if self._settings is not None else ""
        return [path for path in kept.split("\n") if path and Path(path).is_file()]

    def open_pending(self) -> None:
        """The engine answers: open the recording that the window was started with."""
        if self._pending:
            path, self._pending = self._pending, ""
            self.open(path)

    def open(self, path: str) -> None:
        """Have the engine play a file."""
        absolute = str(Path(path).absolute())
        if self._settings is not None:
            known = [absolute, *(one for one in self.recent if one != absolute)]
            self._settings.setValue(RECENT_KEY, "\n".join(known[:MOST_RECENT]))
        self._send("open_replay", path=absolute)

    def choose(self) -> None:
        """Let the user choose a file."""
        path, _ = QFileDialog.getOpenFileName(self._parent, texts.OPEN_TITLE, "", texts.OPEN_FILTER)
        if path:
            self.open(path)


def recording_in(event: QDropEvent) -> str:
    """The path of the first recording in a drag-and-drop event; empty without one."""
    files = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
    return next((path for path in files if path.lower().endswith(ENDINGS)), "")
