"""Recordings that are opened: from the command line, from the menu, or dropped onto the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QWidget

from rtemo.gui import texts

ENDINGS = (".xdf", ".xdfz", ".xdf.gz")


class Recordings:
    """Asks the engine to play files. waiting: one to be opened as soon as the engine answers, or empty."""

    def __init__(self, parent: QWidget, send: Callable[..., None], waiting: str) -> None:
        self._parent, self._send, self._waiting = parent, send, waiting

    def answer(self) -> None:
        """The engine has answered."""
        if self._waiting:
            path, self._waiting = self._waiting, ""
            self.open(path)

    def open(self, path: str) -> None:
        """Ask the engine to play a file."""
        self._send("open_replay", path=str(Path(path).absolute()))

    def ask(self) -> None:
        """Let the researcher choose a file."""
        path, _ = QFileDialog.getOpenFileName(self._parent, texts.OPEN_TITLE, "", texts.OPEN_FILTER)
        if path:
            self.open(path)


def recording_in(event: QDropEvent) -> str:
    """The path of the first recording that is being dropped."""
    files = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
    return next((path for path in files if path.lower().endswith(ENDINGS)), "")
