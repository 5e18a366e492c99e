"""Dialog that lists the sessions: who, when, how long and how usable; opens, reports and exports them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QProcess, Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from rtemo.core.errors import RtemoError
from rtemo.gui.layout.scrolling_dialog import ScrollingDialog
from rtemo.gui.study import words
from rtemo.gui.study.annotations_dialog import AnnotationsDialog, KeptAnnotations
from rtemo.gui.study.export_dialog import ExportDialog
from rtemo.gui.study.form_rows import button, head_left, hint, rename
from rtemo.gui.study.session_index import SessionIndex
from rtemo.presentation.numbers import clock, percent, several
from rtemo.recordings.study.session_list import SessionEntry, SessionMeasures, measure_session

LOOK_MS = 200
WIDTHS = (110, 140, 110, 74, 90, 48, 70, 96, 102)
LENGTH, EEG, GAZE = 6, 7, 8
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class SessionsDialog(ScrollingDialog):
    """The sessions in the folder of sessions, the newest first. open_recording: plays a file in the window."""

    def __init__(
        self, index: SessionIndex, root: str, open_recording: Callable[[str], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(words.SESSIONS)
        self.setObjectName("panel")
        self.resize(920, 520)
        self._index, self._root, self._open = index, root, open_recording
        self.shown: list[SessionEntry] = []
        self._measured: dict[Path, SessionMeasures] = {}
        self._closed = threading.Event()
        self._worker: threading.Thread | None = None
        self._process: QProcess | None = None
        self.search = QLineEdit()
        self.search.setPlaceholderText(words.SEARCH)
        self.search.setAccessibleName(words.SEARCH)
        self.search.setClearButtonEnabled(True)
        self.table = QTableWidget(0, len(words.SESSION_HEADS))
        self.table.setHorizontalHeaderLabels(words.SESSION_HEADS)
        self.table.setAccessibleName(words.SESSIONS)
        head_left(self.table)
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        for column, width in enumerate(WIDTHS):
            self.table.setColumnWidth(column, width)
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (LENGTH, EEG, GAZE):  # above their numbers
            self.table.horizontalHeaderItem(column).setTextAlignment(RIGHT)
        self.message = hint("")
        self.open_button, self.report, self.annotations, self.export, self.folder, self.close_button = (
            button(words.OPEN, "start"),
            button(words.REPORT),
            button(words.SESSION_ANNOTATIONS),
            button(words.EXPORT),
            button(words.SHOW_FOLDER),
            button(words.CLOSE),
        )
        self.search.textChanged.connect(lambda _text: self._show())
        self.table.itemSelectionChanged.connect(self._enable)
        self.table.doubleClicked.connect(lambda _index: self.open_chosen())
        self.open_button.clicked.connect(self.open_chosen)
        self.report.clicked.connect(self.report_chosen)
        self.annotations.clicked.connect(self.correct_chosen)
        self.export.clicked.connect(self.export_chosen)
        self.folder.clicked.connect(self._show_folder)
        self.close_button.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.addWidget(self.message, 1)
        for widget in (self.close_button, self.folder, self.export, self.annotations, self.report, self.open_button):
            row.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.addWidget(self.search)
        layout.addWidget(self.table, 1)
        layout.addLayout(row)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.look)
        self._timer.start(LOOK_MS)
        index.forget()
        index.look(root)
        self._listed: Sequence[SessionEntry] = ()
        self._show()

    @property
    def chosen(self) -> SessionEntry | None:
        """The session that is selected."""
        row = self.table.currentRow()
        return self.shown[row] if 0 <= row < len(self.shown) and self.table.selectedItems() else None

    def look(self) -> None:
        """Show what has been found since: sessions, and their lengths and usable shares."""
        if self._index.sessions is not self._listed:
            self._show()
        for row, entry in enumerate(self.shown):
            if (found := self._measured.get(entry.folder)) is not None:
                self._show_measures(row, found)

    def open_chosen(self) -> None:
        """Play the selected session in the window."""
        if (entry := self.chosen) is not None and entry.files.recording.is_file():
            self._open(str(entry.files.recording))
            self.accept()

    def report_chosen(self) -> None:
        """Show the selected session's report; write it first where there is none."""
        entry = self.chosen
        if entry is None or self._process is not None:
            return
        if entry.files.report.is_file():
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(entry.files.report)))
            return
        rename(self.message, words.WRITING.format(name=entry.folder.name), "muted")
        self._process = QProcess(self)
        self._process.finished.connect(lambda code, _status: self._reported(entry, code))
        self._process.start(sys.executable, ["-m", "rtemo", "report", str(entry.folder)])

    def export_chosen(self) -> None:
        """Export the selected session for other programs."""
        if (entry := self.chosen) is not None:
            ExportDialog(entry.folder, self).open()

    def correct_chosen(self) -> None:
        """Correct the selected session's annotations."""
        if (entry := self.chosen) is None:
            return
        try:
            kept = KeptAnnotations(entry.files.recording)
        except RtemoError as error:
            rename(self.message, str(error), "bad")
            return
        AnnotationsDialog(kept, entry.folder.name, self).open()

    def done(self, result: int) -> None:
        self._timer.stop()
        self._closed.set()
        super().done(result)

    def _show(self) -> None:
        """List the sessions that fit what is searched for."""
        chosen = self.chosen
        self._listed = self._index.sessions
        wanted = self.search.text().strip().casefold()
        self.shown = [one for one in self._listed if not wanted or wanted in " ".join(_cells(one)).casefold()]
        self.table.setRowCount(len(self.shown))
        for row, entry in enumerate(self.shown):
            for column, text in enumerate(_cells(entry)):
                self.table.setItem(row, column, QTableWidgetItem(text))
            self._show_measures(row, self._measured.get(entry.folder, SessionMeasures()))
        names = words.SESSIONS_COUNT if self._listed else words.SESSIONS_NONE
        rename(self.message, names.format(n=several(len(self._listed), "session"), root=self._root), "muted")
        if self.shown:
            self.table.selectRow(self.shown.index(chosen) if chosen in self.shown else 0)
        self._enable()
        if self._worker is None and self._listed:
            self._worker = threading.Thread(target=self._measure, args=(list(self._listed),), daemon=True)
            self._worker.start()

    def _measure(self, entries: list[SessionEntry]) -> None:
        for entry in entries:
            if self._closed.is_set():
                return
            self._measured[entry.folder] = measure_session(entry)

    def _show_measures(self, row: int, found: SessionMeasures) -> None:
        for column, text in ((LENGTH, clock(found.length_s)), (EEG, percent(found.eeg)), (GAZE, percent(found.gaze))):
            item = self.table.item(row, column)
            if item is None or item.text() != text:
                item = QTableWidgetItem(text)
                item.setTextAlignment(RIGHT)
                self.table.setItem(row, column, item)

    def _enable(self) -> None:
        entry = self.chosen
        for widget in (self.report, self.annotations, self.export, self.folder):
            widget.setEnabled(entry is not None)
        self.open_button.setEnabled(entry is not None and entry.files.recording.is_file())

    def _reported(self, entry: SessionEntry, code: int) -> None:
        assert self._process is not None
        lines = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace").strip().splitlines()
        self._process = None
        if code:
            rename(self.message, words.REPORT_FAILED.format(why=lines[-1] if lines else code), "bad")
        else:
            rename(self.message, "", "muted")
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(entry.files.report)))

    def _show_folder(self) -> None:
        if (entry := self.chosen) is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(entry.folder)))


def _cells(entry: SessionEntry) -> tuple[str, ...]:
    """What is known of a session at once, in the order of the table's heads."""
    when = entry.began.strftime("%Y-%m-%d %H:%M") if entry.began is not None else ""
    return (entry.subject, when, entry.study, entry.session, entry.task, str(entry.run or ""))
