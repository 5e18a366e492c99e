"""What `rtemo doctor` says of this computer."""

from __future__ import annotations

import sys

from PySide6.QtCore import QProcess
from PySide6.QtWidgets import QDialog, QPlainTextEdit, QVBoxLayout, QWidget

from rtemo.gui import texts


class DoctorDialog(QDialog):
    """Runs `rtemo doctor` in a process of its own and shows what it says."""

    def __init__(self, parent: QWidget | None = None, command: tuple[str, ...] = ("-m", "rtemo", "doctor")) -> None:
        super().__init__(parent)
        self.setWindowTitle(texts.DOCTOR_TITLE)
        self.resize(720, 460)
        self.text = QPlainTextEdit(texts.DOCTOR_RUNNING)
        self.text.setReadOnly(True)
        QVBoxLayout(self).addWidget(self.text)
        self.process = QProcess(self)
        self.process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        self.process.finished.connect(self._show)
        self.process.errorOccurred.connect(lambda _error: self.text.setPlainText(self.process.errorString()))
        self.process.start(sys.executable, list(command))

    def _show(self) -> None:
        self.text.setPlainText(bytes(self.process.readAllStandardOutput().data()).decode("utf-8", "replace"))

    def done(self, result: int) -> None:
        if self.process.state() != QProcess.ProcessState.NotRunning:
            self.process.kill()
            self.process.waitForFinished(2000)
        super().done(result)
