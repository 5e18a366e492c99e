"""Status of the last session's report (being written, ready, failed), with buttons that open it."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QProcess, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.text_labels import ElidedLabel
from rtemo.gui.unfinished_sessions import UnfinishedSession, unfinished_session
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import ReportState, ReportView


class ReportBar(QWidget):
    """The status of the report; the window shows it while `wanted`."""

    def __init__(self, state: WindowState) -> None:
        super().__init__()
        self._state = state
        self._dismissed: ReportView | None = None
        self._unfinished: UnfinishedSession | None = None
        self._process: QProcess | None = None
        self._failure = self._put_away = ""
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
        report = self._state.snapshot.report
        shown = self._unfinished is not None or (report is not None and not _same(report, self._dismissed))
        return shown and not self._state.in_session

    def look_for_unfinished(self, root: Path) -> None:
        """Offer the report of the newest session, where that one was not stopped."""
        if self._process is not None:
            return
        found, recorder = unfinished_session(root), self._state.recorder
        recorded = recorder.folder if recorder is not None and recorder.recording is not None else ""
        hidden = found is None or str(found.folder) in (recorded, self._put_away)
        self._unfinished = None if hidden else found
        self.refresh({SnapshotPart.STATE})

    def write_report(self) -> None:
        """Have the report of the unfinished session written, by a process of its own."""
        if self._unfinished is None or self._process is not None:
            return
        self._failure = ""
        self._process = QProcess(self)
        self._process.finished.connect(self._written)
        self._process.start(sys.executable, ["-m", "rtemo", "report", str(self._unfinished.folder)])
        self.refresh({SnapshotPart.STATE})

    def _written(self, code: int) -> None:
        assert self._process is not None
        lines = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace").split("\n")
        self._failure = next((line for line in reversed(lines) if line.strip()), str(code)) if code else ""
        self._process = None
        self.refresh({SnapshotPart.STATE})

    def open_report(self) -> None:
        """Show the page in the browser; write it first where nobody has."""
        if self._unfinished is not None:
            if self._unfinished.report.is_file():
                QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._unfinished.report)))
            else:
                self.write_report()
            return
        report = self._state.snapshot.report
        if report is not None and report.state is ReportState.READY:
            QDesktopServices.openUrl(QUrl.fromLocalFile(report.path))

    def open_folder(self) -> None:
        """Show the session's folder."""
        if self._unfinished is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._unfinished.folder)))
            return
        if self._state.snapshot.report is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(self._state.snapshot.report.path).parent)))

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """Show the status of the report."""
        if self._unfinished is not None:
            self._show_unfinished(self._unfinished)
            return
        self.open.setText(texts.OPEN_REPORT)
        report = self._state.snapshot.report
        if report is None:
            return
        folder = Path(report.path).parent.name
        self.message.setText(texts.REPORTS[report.state.value].format(folder=folder, error=report.error))
        self.open.setEnabled(report.state is ReportState.READY)

    def _show_unfinished(self, session: UnfinishedSession) -> None:
        name, written = session.folder.name, session.report.is_file()
        text = texts.UNFINISHED.format(name=name, time=session.ended.strftime("%d %b %H:%M:%S"), folder=session.folder)
        if self._process is not None:
            text = texts.WRITING_REPORT.format(name=name)
        elif self._failure:
            text = texts.REPORT_NOT_WRITTEN.format(name=name, error=self._failure)
        self.message.setText(text)
        self.open.setText(texts.OPEN_REPORT if written else texts.WRITE_REPORT)
        self.open.setEnabled(self._process is None)

    def _dismiss(self) -> None:
        if self._unfinished is not None:
            self._put_away, self._unfinished = str(self._unfinished.folder), None
            return
        self._dismissed = self._state.snapshot.report


def _same(one: ReportView, other: ReportView | None) -> bool:
    return other is not None and one.path == other.path
