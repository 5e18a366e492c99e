"""Labels for text that may come from the network: never rich text, shortened where it does not fit."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QWidget

MARK_MARGIN_PX = 14  # around the text of a marker
LEAST_LETTERS = 4  # less of a marker's text tells nothing


class PlainLabel(QLabel):
    """A label that shows plain text only."""

    def __init__(self, text: str = "", name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setObjectName(name)
        self.setText(text)


class ElidedLabel(PlainLabel):
    """One line of plain text that ends in an ellipsis where it does not fit; the whole text is its tooltip."""

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setToolTip(plain_tip(text))

    def minimumSizeHint(self) -> QSize:
        return QSize(20, super().minimumSizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        room = self.contentsRect()
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width())
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(room, self.alignment() | Qt.TextFlag.TextSingleLine, text)


def mark_text(text: str, room_px: float, metrics: QFontMetrics) -> str:
    """The text of a marker that has so much room before the next one, or the edge; empty where little of it fits."""
    shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(room_px) - MARK_MARGIN_PX)
    return shown if len(shown) >= min(LEAST_LETTERS, len(text)) else ""


def plain_tip(text: str) -> str:
    """Text for a tooltip, escaped: Qt's tooltips cannot be set to plain text."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", "<br>")
    return f"<qt>{escaped}</qt>" if text else ""
