"""Welcome page while there are no streams: what to do, and three ways to look around."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from rtemo.gui import texts
from rtemo.gui.bars.checklist import checklist
from rtemo.gui.painting.text_labels import PlainLabel
from rtemo.gui.window_state import SnapshotPart, WindowState

LEAST = QSize(300, 160)


class WelcomeView(QWidget):
    """The welcome page. Signals: the user asks for the demo, a recording, or the doctor."""

    demo = Signal()
    recording = Signal()
    doctor = Signal()

    def __init__(self, state: WindowState) -> None:
        super().__init__()
        self._state = state
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        title = PlainLabel(texts.WELCOME, "big")
        more = PlainLabel(texts.WELCOME_MORE, "muted")
        self.steps = PlainLabel("", "steps")
        offers = PlainLabel(texts.WELCOME_OFFERS, "muted")
        offers.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._offered: list[QWidget] = [offers]
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
            self._offered.append(note)
            row.addLayout(column)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setSpacing(16)
        layout.addStretch(2)
        for label in (title, more):
            label.setWordWrap(True)
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            layout.addWidget(label)
        layout.addWidget(self.steps, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(12)
        layout.addWidget(offers)
        layout.addLayout(row)
        layout.addStretch(3)

    def only_watch(self) -> None:
        """Offer nothing: what is done is done in the session's own window."""
        for part in (*self._offered, *self.offers):
            part.hide()

    def minimumSizeHint(self) -> QSize:
        """Less than is needed: the docks, which are put away while it is shown, make room for it."""
        return LEAST

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """Tick off what is done."""
        if self.isVisible():
            self.steps.setText("\n".join(map(str, checklist(self._state))))

    def _offer(self, text: str, signal: Signal) -> QPushButton:
        button = QPushButton(text)
        button.setMinimumSize(170, 46)
        button.clicked.connect(signal)
        return button
