"""Tells that the report of the session that has just ended is being written, ready, or not to be had."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.text_labels import ElidedLabel
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import Phase, ReportState, ReportView


class ReportBar(QWidget):
    """Shown by the window while `wanted`."""

    def __init__(self, model: WindowState) -> None:
        super().__init__()
        self._model = model
        self._hidden: ReportView | None = None  # what the researcher has put away
        self._first = True
        self.setObjectName("notice")
        self.said = ElidedLabel("", "")
        self.open, self.folder, self.away = (
            QPushButton(name) for name in (texts.OPEN_REPORT, texts.OPEN_FOLDER, texts.DISMISS)
        )
        self.open.clicked.connect(self.open_report)
        self.folder.clicked.connect(self.open_folder)
        self.away.clicked.connect(self._put_away)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.said, 1)
        for button in (self.open, self.folder, self.away):
            layout.addWidget(button)
        self.refresh({SnapshotPart.STATE})

    @property
    def wanted(self) -> bool:
        """Whether there is something to tell."""
        report, phase = self._model.snapshot.report, self._model.snapshot.phase
        return report is not None and not _same(report, self._hidden) and phase not in (Phase.RUNNING, Phase.PAUSED)

    def open_report(self) -> None:
        """Show the page in the browser."""
        report = self._model.snapshot.report
        if report is not None and report.state is ReportState.READY:
            QDesktopServices.openUrl(QUrl.fromLocalFile(report.path))

    def open_folder(self) -> None:
        """Show the session's folder."""
        if self._model.snapshot.report is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(self._model.snapshot.report.path).parent)))

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """Show where it stands."""
        report = self._model.snapshot.report
        if report is None:
            return
        folder = Path(report.path).parent.name
        self.said.setText(texts.REPORTS[report.state.value].format(folder=folder, error=report.error))
        self.open.setEnabled(report.state is ReportState.READY)

    def _put_away(self) -> None:
        self._hidden = self._model.snapshot.report


def _same(one: ReportView, other: ReportView | None) -> bool:
    return other is not None and one.path == other.path
