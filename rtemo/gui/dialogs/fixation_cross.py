"""Fixation cross for the participant, full screen on a chosen screen. Esc or a click closes it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QScreen
from PySide6.QtWidgets import QWidget

from rtemo.gui import texts
from rtemo.gui.painting.theme import colour

BACKGROUND, INK = "#5a5f66", "#f2f2f2"  # a middle grey, so that pupils are neither wide nor narrow
ARM = 0.025  # of the screen's height


class FixationCross(QWidget):
    """A fixation cross that fills one screen."""

    def __init__(self, screen: QScreen) -> None:
        super().__init__(None, Qt.WindowType.Window | Qt.WindowType.FramelessWindowHint)
        self.setWindowTitle(texts.FIXATION)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)  # the keys stay with the researcher
        self.setCursor(Qt.CursorShape.BlankCursor)
        self.setScreen(screen)
        self.setGeometry(screen.geometry())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()

    def mousePressEvent(self, _event: QMouseEvent) -> None:
        self.close()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour(BACKGROUND))
        arm = ARM * self.height()
        painter.setPen(QPen(colour(INK), max(2.0, arm / 6)))
        middle = QPointF(self.width() / 2, self.height() / 2)
        painter.drawLine(middle - QPointF(arm, 0), middle + QPointF(arm, 0))
        painter.drawLine(middle - QPointF(0, arm), middle + QPointF(0, arm))


def screens() -> list[tuple[str, QScreen]]:
    """The connected screens, with name and size."""
    found = QGuiApplication.screens()
    size = [screen.geometry().size() for screen in found]
    return [
        (texts.SCREEN_NAME.format(number=k + 1, name=screen.name(), width=s.width(), height=s.height()), screen)
        for k, (screen, s) in enumerate(zip(found, size, strict=True))
    ]
