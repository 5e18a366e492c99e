"""Welcome page while there are no streams: what to do, and three ways to look around."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.text_labels import PlainLabel


class WelcomeView(QWidget):
    """The welcome page. Signals: the user asks for the demo, a recording, or the doctor."""

    demo = Signal()
    recording = Signal()
    doctor = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        title = PlainLabel(texts.WELCOME, "big")
        more = PlainLabel(texts.WELCOME_MORE, "muted")
        self.offers = [
            self._offer(texts.DEMO, self.demo),
            self._offer(texts.OPEN, self.recording),
            self._offer(texts.DOCTOR, self.doctor),
        ]
        row = QHBoxLayout()
        row.setSpacing(18)
        row.addStretch(1)
        for button, words in zip(self.offers, (texts.DEMO_MORE, texts.OPEN_MORE, texts.DOCTOR_MORE), strict=True):
            column = QVBoxLayout()
            note = PlainLabel(words, "muted")
            note.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
            note.setWordWrap(True)
            column.addWidget(button)
            column.addWidget(note)
            row.addLayout(column)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setSpacing(16)
        layout.addStretch(2)
        for label in (title, more):
            label.setWordWrap(True)
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            layout.addWidget(label)
        layout.addLayout(row)
        layout.addStretch(3)

    def _offer(self, text: str, signal: Signal) -> QPushButton:
        button = QPushButton(text)
        button.setMinimumSize(170, 46)
        button.clicked.connect(signal)
        return button
