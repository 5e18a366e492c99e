"""The notice that a participant reads before a recording: large, plain, and without anything else on the screen."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from rtemo.gui.layout.scrolling_dialog import ScrollingDialog
from rtemo.gui.painting.text_labels import PlainLabel
from rtemo.gui.painting.theme import LARGE, font
from rtemo.gui.study import words
from rtemo.gui.study.form_rows import button, hint
from rtemo.sources.study_settings import Study


def notice_text(study: Study) -> str:
    """The study's own text, or rtemo's with the study's purpose and consent form."""
    if study.notice:
        return study.notice
    purpose = words.NOTICE_PURPOSE.format(purpose=study.purpose.rstrip(".")) if study.purpose else ""
    consent = words.NOTICE_CONSENT.format(consent=study.consent) if study.consent else ""
    return words.NOTICE_TEXT.format(purpose=purpose, consent=consent)


class ParticipantNotice(ScrollingDialog):
    """The notice of a study."""

    def __init__(self, study: Study, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(words.NOTICE_TITLE)
        self.setObjectName("panel")
        self.resize(820, 640)
        title = PlainLabel(words.NOTICE_TITLE, "big")
        self.text = hint(notice_text(study), "")
        self.text.setFont(font(LARGE))
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        inside = QWidget()
        inside.setObjectName("panel")
        inside.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        QVBoxLayout(inside).addWidget(self.text)
        area.setWidget(inside)
        self.close_button = button(words.CLOSE, "start")
        self.close_button.clicked.connect(self.accept)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(36, 30, 36, 20)
        layout.setSpacing(16)
        layout.addWidget(title)
        layout.addWidget(area, 1)
        layout.addWidget(hint(words.NOTICE_LEGAL))
        layout.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignRight)
