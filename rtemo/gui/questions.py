"""Message boxes of the window, as plain text."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from rtemo.gui import texts


def ask_quit(parent: QWidget) -> str:
    """What to do with a running session: one of texts.QUIT_KEEP, QUIT_STOP, QUIT_CANCEL."""
    box = _box(parent, texts.QUIT_TITLE, texts.QUIT_TITLE)
    box.setInformativeText(texts.QUIT_ASK)
    box.addButton(texts.QUIT_KEEP, QMessageBox.ButtonRole.AcceptRole)
    box.addButton(texts.QUIT_STOP, QMessageBox.ButtonRole.DestructiveRole)
    cancel = box.addButton(texts.QUIT_CANCEL, QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(cancel)
    box.exec()
    return box.clickedButton().text()


def show_shortcuts(parent: QWidget) -> None:
    """The keys."""
    _box(parent, texts.SHORTCUTS, texts.SHORTCUT_LIST).open()


def _box(parent: QWidget, title: str, text: str) -> QMessageBox:
    box = QMessageBox(parent)
    box.setWindowTitle(title)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(text)
    return box
