"""A line that says what could not be done. It goes by itself, or with a click."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy

from rtemo.gui import texts
from rtemo.gui.painting.text_labels import PlainLabel

SHOWN_MS = 20_000
MOST_PX = 64  # three lines; a tool bar would give it whatever room there is


class Notice(QFrame):
    """Plain text. Emits `came` and `went` when it should be shown and hidden."""

    came = Signal()
    went = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("notice")
        self.text = PlainLabel()
        self.text.setWordWrap(True)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setMaximumHeight(MOST_PX)
        self.close_button = QPushButton(texts.DISMISS)
        self.close_button.clicked.connect(self.dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 8, 4)
        row.addWidget(self.text, 1)
        row.addWidget(self.close_button)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.dismiss)

    def say(self, text: str) -> None:
        """Show a text for a while."""
        self.text.setText(text)
        self._timer.start(SHOWN_MS)
        self.came.emit()

    def dismiss(self) -> None:
        """Hide it."""
        self._timer.stop()
        self.went.emit()
