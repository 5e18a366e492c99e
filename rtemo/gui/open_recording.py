"""Open recordings: from the command line, from the menu, or dropped onto the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QWidget

from rtemo.gui import texts

ENDINGS = (".xdf", ".xdfz", ".xdf.gz")


class RecordingOpener:
    """Sends recordings to the engine to be played. pending: one to open as soon as the engine answers, or empty."""

    def __init__(self, parent: QWidget, send: Callable[..., None], pending: str) -> None:
        self._parent, self._send, self._pending = parent, send, pending

    def open_pending(self) -> None:
        """The engine answers: open the recording that the window was started with."""
        if self._pending:
            path, self._pending = self._pending, ""
            self.open(path)

    def open(self, path: str) -> None:
        """Have the engine play a file."""
        self._send("open_replay", path=str(Path(path).absolute()))

    def choose(self) -> None:
        """Let the user choose a file."""
        path, _ = QFileDialog.getOpenFileName(self._parent, texts.OPEN_TITLE, "", texts.OPEN_FILTER)
        if path:
            self.open(path)


def recording_in(event: QDropEvent) -> str:
    """The path of the first recording in a drag-and-drop event; empty without one."""
    files = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
    return next((path for path in files if path.lower().endswith(ENDINGS)), "")
