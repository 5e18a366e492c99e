"""The demonstration, started beside this window; what goes wrong with it is kept in a file and shown."""

from __future__ import annotations

import sys
from pathlib import Path

import platformdirs
import psutil
from PySide6.QtCore import QObject, QProcess, Qt, QTimer
from PySide6.QtWidgets import QMessageBox, QWidget

from rtemo.gui import texts

LOOK_MS = 1000
LOOKS = 30  # a demonstration that has run this long has started
COMMAND = ("-m", "rtemo", "demo")
SHOWN = 2000  # letters


class DemoProcess(QObject):
    """It outlives this window. command: what Python is asked to run."""

    def __init__(self, parent: QWidget, command: tuple[str, ...] = COMMAND, log: Path | None = None) -> None:
        super().__init__(parent)
        self.log = log or platformdirs.user_log_path("rtemo", appauthor=False, ensure_exists=True) / "demo.log"
        self._parent, self._looks = parent, 0
        process = QProcess(self)
        process.setProgram(sys.executable)
        process.setArguments(list(command))
        process.setStandardErrorFile(str(self.log))
        process.setStandardOutputFile(QProcess.nullDevice())
        started, self._pid = process.startDetached()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)
        if started:
            self._timer.start(LOOK_MS)
        else:
            self._fail(process.errorString())

    def _look(self) -> None:
        """Whether it still runs; one that ended without a word was closed by somebody."""
        self._looks += 1
        if psutil.pid_exists(self._pid) and self._looks < LOOKS:
            return
        self._timer.stop()
        said = _read(self.log)
        if self._looks < LOOKS and "error" in said.casefold():
            self._fail(said)

    def _fail(self, why: str) -> None:
        box = QMessageBox(self._parent)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle(texts.DEMO)
        box.setText(texts.DEMO_FAILED.format(log=self.log))
        box.setInformativeText(why[-SHOWN:])
        box.open()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
