"""Dialog that exports a session for other programs, by `rtemo export` in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QProcess
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from rtemo.gui.layout.scrolling_dialog import ScrollingDialog
from rtemo.gui.study import words
from rtemo.gui.study.form_rows import add_row, button, hint, new_form, rename

ENDINGS = {"mne": "_eeg.fif", "edf": ".edf"}  # of files; the others are folders


class ExportDialog(ScrollingDialog):
    """Exports one session folder or XDF file."""

    def __init__(self, target: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(words.EXPORT_TITLE.format(name=target.name))
        self.setMinimumWidth(560)
        self._target = target
        self.process: QProcess | None = None
        self.kind = QComboBox()
        for name, text in words.EXPORT_KINDS.items():
            self.kind.addItem(text, name)
        self.path = QLineEdit()
        self.choose, self.begin, self.close_button = (
            button(words.EXPORT_CHOOSE),
            button(words.EXPORT_BEGIN, "start"),
            button(words.CLOSE),
        )
        self.message = hint("")
        self.kind.currentIndexChanged.connect(lambda _k: self._propose())
        self.choose.clicked.connect(self._ask_path)
        self.begin.clicked.connect(self.start)
        self.close_button.clicked.connect(self.reject)
        form = new_form()
        add_row(form, words.EXPORT_AS, self.kind)
        add_row(form, words.EXPORT_TO, self.path, self.choose)
        row = QHBoxLayout()
        row.addWidget(self.message, 1)
        row.addWidget(self.close_button)
        row.addWidget(self.begin)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addLayout(form)
        layout.addLayout(row)
        self._propose()

    def start(self) -> None:
        """Export; what could not be done is shown."""
        path = self.path.text().strip()
        if not path or self.process is not None:
            return
        rename(self.message, words.EXPORT_RUNS, "muted")
        self.begin.setEnabled(False)
        self.process = QProcess(self)
        self.process.finished.connect(lambda code, _status: self._finished(code, path))
        command = ["-m", "rtemo", "export", str(self._target), f"--{self.kind.currentData()}", path]
        self.process.start(sys.executable, command)

    def done(self, result: int) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.waitForFinished(2000)
        super().done(result)

    def _finished(self, code: int, path: str) -> None:
        assert self.process is not None
        lines = bytes(self.process.readAllStandardError().data()).decode("utf-8", "replace").strip().splitlines()
        self.process = None
        self.begin.setEnabled(True)
        if code:
            why = lines[-1].removeprefix("error: ") if lines else str(code)
            rename(self.message, words.EXPORT_FAILED.format(why=why), "bad")
        else:
            rename(self.message, words.EXPORT_DONE.format(path=path), "good")

    def _propose(self) -> None:
        """Propose a place beside the folder of sessions: nothing of the recording itself is touched."""
        kind, around = str(self.kind.currentData()), self._target.parent
        name = "bids" if kind == "bids" else f"{self._target.stem}{ENDINGS.get(kind, '_csv')}"
        self.path.setText(str(around.parent / f"{around.name}-exports" / name))

    def _ask_path(self) -> None:
        if str(self.kind.currentData()) in ENDINGS:
            path, _ = QFileDialog.getSaveFileName(self, words.EXPORT_TO, self.path.text())
        else:
            path = QFileDialog.getExistingDirectory(self, words.EXPORT_TO, self.path.text())
        if path:
            self.path.setText(path)
