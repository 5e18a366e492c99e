"""Start the demonstration as a process of its own; log its errors to a file and show them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import platformdirs
from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QMessageBox, QWidget

from rtemo.gui import texts

CHECK_MS = 1000
COMMAND = ("-m", "rtemo", "demo")
MAX_CHARACTERS = 2000


class DemoProcess(QObject):
    """A demonstration that outlives this window. command: the arguments for Python."""

    def __init__(self, parent: QWidget, command: tuple[str, ...] = COMMAND, log: Path | None = None) -> None:
        super().__init__(parent)
        self.log = log or platformdirs.user_log_path("rtemo", appauthor=False, ensure_exists=True) / "demo.log"
        self._parent = parent
        self.timer = QTimer(self)
        self.timer.timeout.connect(self._check)
        try:
            self._process = _start([sys.executable, *command], self.log)
        except OSError as error:
            self._fail(error.strerror or str(error))
        else:
            self.timer.start(CHECK_MS)

    def _check(self) -> None:
        """Show the log where the process has failed."""
        code = self._process.poll()
        if code is None:
            return
        self.timer.stop()
        if code != 0:
            self._fail(_read(self.log) or texts.EXIT_CODE.format(code=code))

    def _fail(self, why: str) -> None:
        box = QMessageBox(self._parent)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle(texts.DEMO)
        box.setText(texts.DEMO_FAILED.format(log=self.log))
        box.setInformativeText(why[-MAX_CHARACTERS:])
        box.open()


def _start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a process that does not end with this one and writes its errors to a file."""
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        detached = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    with log.open("wb") as file:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=file, **detached)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
