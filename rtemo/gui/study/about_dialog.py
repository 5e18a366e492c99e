"""About this program: version, licence, how to cite it, and a support bundle."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from PySide6.QtCore import QProcess, Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

import rtemo
from rtemo.gui.layout.scrolling_dialog import ScrollingDialog
from rtemo.gui.study import words
from rtemo.gui.study.form_rows import button, hint, rename
from rtemo.gui.study.session_index import SessionIndex

DOCTOR = ("-m", "rtemo", "doctor")


class AboutDialog(ScrollingDialog):
    """index: the sessions whose participants must not be in a support bundle."""

    def __init__(self, index: SessionIndex, parent: QWidget | None = None, doctor: tuple[str, ...] = DOCTOR) -> None:
        super().__init__(parent)
        self.setWindowTitle(words.ABOUT)
        self.setObjectName("panel")
        self.setMinimumWidth(560)
        self._index, self._doctor = index, doctor
        self.process: QProcess | None = None
        self.text = hint(words.ABOUT_TEXT.format(version=rtemo.__version__), "strong")
        self.citation = hint(words.CITATION, "")
        self.citation.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.message = hint("")
        self.copy, self.support, self.close_button = (
            button(words.SUPPORT_COPY),
            button(words.SUPPORT),
            button(words.CLOSE, "start"),
        )
        self.copy.clicked.connect(lambda: QApplication.clipboard().setText(words.CITATION))
        self.support.clicked.connect(self._ask_path)
        self.close_button.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.addWidget(self.support)
        row.addWidget(self.copy)
        row.addStretch(1)
        row.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.setContentsMargins(24, 22, 24, 16)
        for label in (
            self.text,
            hint(words.ABOUT_LICENCE.format(licence=licence())),
            hint(words.ABOUT_NOT_MEDICAL),
            hint(words.ABOUT_CITE, "headline"),
            self.citation,
            self.message,
        ):
            layout.addWidget(label)
        layout.addLayout(row)

    def write_support(self, path: Path) -> None:
        """Write the support bundle, with what the doctor finds."""
        if self.process is not None:
            return
        rename(self.message, words.SUPPORT_RUNS, "muted")
        self.support.setEnabled(False)
        self.process = QProcess(self)
        self.process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        self.process.finished.connect(lambda _code, _status: self._write(path))
        self.process.start(sys.executable, list(self._doctor))

    def done(self, result: int) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.waitForFinished(2000)
        super().done(result)

    def _write(self, path: Path) -> None:
        from rtemo.gui.study.support_bundle import write_support_bundle

        assert self.process is not None
        found = bytes(self.process.readAllStandardOutput().data()).decode("utf-8", "replace")
        self.process = None
        self.support.setEnabled(True)
        self._index.wait()
        try:
            write_support_bundle(path, found, [one.subject for one in self._index.sessions])
        except OSError as error:
            rename(self.message, words.SUPPORT_FAILED.format(why=error), "bad")
        else:
            rename(self.message, words.SUPPORT_DONE.format(path=path), "good")

    def _ask_path(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, words.SUPPORT, words.SUPPORT_NAME, words.SUPPORT_FILTER)
        if path:
            self.write_support(Path(path))


def licence() -> str:
    """The licence, as the installed package states it."""
    try:
        about = metadata("rtemo")
    except PackageNotFoundError:
        return "BSD-3-Clause"
    return str(about.get("License-Expression") or about.get("License") or "BSD-3-Clause")
