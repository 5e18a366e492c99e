"""Status of the last session's report (being written, ready, failed), with buttons that open it."""

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
    """The status of the report; the window shows it while `wanted`."""

    def __init__(self, state: WindowState) -> None:
        super().__init__()
        self._state = state
        self._dismissed: ReportView | None = None
        self.setObjectName("notice")
        self.message = ElidedLabel("", "")
        self.open, self.folder, self.dismiss = (
            QPushButton(name) for name in (texts.OPEN_REPORT, texts.OPEN_FOLDER, texts.DISMISS)
        )
        self.open.clicked.connect(self.open_report)
        self.folder.clicked.connect(self.open_folder)
        self.dismiss.clicked.connect(self._dismiss)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.message, 1)
        for button in (self.open, self.folder, self.dismiss):
            layout.addWidget(button)
        self.refresh({SnapshotPart.STATE})

    @property
    def wanted(self) -> bool:
        """Whether the bar has something to show."""
        report, phase = self._state.snapshot.report, self._state.snapshot.phase
        return report is not None and not _same(report, self._dismissed) and phase not in (Phase.RUNNING, Phase.PAUSED)

    def open_report(self) -> None:
        """Show the page in the browser."""
        report = self._state.snapshot.report
        if report is not None and report.state is ReportState.READY:
            QDesktopServices.openUrl(QUrl.fromLocalFile(report.path))

    def open_folder(self) -> None:
        """Show the session's folder."""
        if self._state.snapshot.report is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(self._state.snapshot.report.path).parent)))

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """Show the status of the report."""
        report = self._state.snapshot.report
        if report is None:
            return
        folder = Path(report.path).parent.name
        self.message.setText(texts.REPORTS[report.state.value].format(folder=folder, error=report.error))
        self.open.setEnabled(report.state is ReportState.READY)

    def _dismiss(self) -> None:
        self._dismissed = self._state.snapshot.report


def _same(one: ReportView, other: ReportView | None) -> bool:
    return other is not None and one.path == other.path
