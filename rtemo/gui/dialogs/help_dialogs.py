"""Dialogs of the help menu: the report of `rtemo doctor`, and the list of keyboard shortcuts."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from PySide6.QtCore import QProcess, Qt
from PySide6.QtWidgets import QGridLayout, QPlainTextEdit, QPushButton, QScrollArea, QVBoxLayout, QWidget

from rtemo.gui import texts
from rtemo.gui.layout.scrolling_dialog import ScrollingDialog
from rtemo.gui.painting.text_labels import PlainLabel


class DoctorDialog(ScrollingDialog):
    """Runs `rtemo doctor` in a process of its own and shows its report."""

    def __init__(self, parent: QWidget | None = None, command: tuple[str, ...] = ("-m", "rtemo", "doctor")) -> None:
        super().__init__(parent)
        self.setWindowTitle(texts.DOCTOR_TITLE)
        self.resize(720, 460)
        self.text = QPlainTextEdit(texts.DOCTOR_RUNNING)
        self.text.setReadOnly(True)
        close = QPushButton(texts.CLOSE)
        close.clicked.connect(self.accept)
        layout = QVBoxLayout(self)
        layout.addWidget(self.text, 1)
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)
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


class ShortcutsDialog(ScrollingDialog):
    """All shortcuts, by menu. groups: read off the menus' own actions, so that the list cannot be wrong."""

    def __init__(self, groups: Mapping[str, list[tuple[str, str]]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(texts.SHORTCUTS)
        self.resize(520, 620)
        inside = QWidget()
        grid = QGridLayout(inside)
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(5)
        grid.setColumnStretch(0, 1)
        row = 0
        for group, entries in groups.items():
            if not entries:
                continue
            grid.addWidget(PlainLabel(group, "headline"), row, 0, 1, 2)
            row += 1
            for name, keys in entries:
                grid.addWidget(PlainLabel(name, "muted"), row, 0)
                grid.addWidget(PlainLabel(keys), row, 1, Qt.AlignmentFlag.AlignRight)
                row += 1
            grid.setRowMinimumHeight(row, 10)
            row += 1
        grid.setRowStretch(row, 1)
        area = QScrollArea()
        area.setWidget(inside)
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        inside.setObjectName("panel")
        inside.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        close = QPushButton(texts.CLOSE)
        close.clicked.connect(self.accept)
        layout = QVBoxLayout(self)
        layout.addWidget(area, 1)
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)
