"""Head map of the 10-10 system to assign electrodes on: those in use are filled, a click chooses one."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from rtemo.gui import texts
from rtemo.gui.dialogs.column_edits import electrodes
from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.head_outline import draw_head
from rtemo.gui.painting.text_labels import plain_tip
from rtemo.gui.painting.theme import SMALL, colour, font

EDGE = 1.44  # half the map's width in head radii: the lowest electrodes lie outside of the head's outline
Place = tuple[float, float, float]


class PlacementMap(QWidget):
    """A head map that emits the name of the electrode that was clicked."""

    chosen = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._places: dict[str, Place] = electrodes()
        self._taken: dict[str, str] = {}
        self._wrong: set[str] = set()
        self._current = ""
        self.setMinimumSize(330, 330)
        self.setMouseTracking(True)

    def show_taken(self, taken: Mapping[str, str], wrong: set[str], current: str) -> None:
        """Show electrodes in use.

        taken: electrode -> its channel. wrong: those in conflict. current: the one of the selected row.
        """
        self._taken, self._wrong, self._current = dict(taken), wrong, current
        self.update()

    def place(self, name: str) -> QPointF:
        """Position of an electrode in pixels."""
        x, y, z = self._places[name]
        reach = math.acos(max(-1.0, min(1.0, z))) / (math.pi / 2)
        flat = math.hypot(x, y) or 1.0
        return self._middle + QPointF(reach * x / flat, -reach * y / flat) * self._radius

    def name_at(self, point: QPointF) -> str:
        """The electrode at a point; empty without one."""
        near = {name: self.place(name) - point for name in self._places}
        name = min(near, key=lambda n: math.hypot(near[n].x(), near[n].y()))
        return name if math.hypot(near[name].x(), near[name].y()) <= 1.2 * self._dot else ""

    @property
    def _radius(self) -> float:
        return min(self.width(), self.height()) / (2 * EDGE)

    @property
    def _middle(self) -> QPointF:
        return QPointF(self.width() / 2, self.height() / 2 + 0.03 * self._radius)

    @property
    def _dot(self) -> float:
        return 0.078 * self._radius

    def mousePressEvent(self, event: QMouseEvent) -> None:
        name = self.name_at(event.position())
        if name and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(name)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        over = bool(self.name_at(event.position()))
        self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            name = self.name_at(QPointF(event.pos()))
            holder = self._taken.get(name, "")
            words = texts.PLACE_TAKEN.format(name=name, channel=holder) if holder else name
            QToolTip.showText(event.globalPos(), plain_tip(words), self)
            return True
        return super().event(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        draw_head(painter, self._middle, self._radius, self._theme)
        painter.setFont(font(SMALL))
        for name in self._places:
            self._draw_place(painter, name)

    def _draw_place(self, painter: QPainter, name: str) -> None:
        at, dot, theme = self.place(name), self._dot, self._theme
        room = QRectF(at.x() - 2 * dot, at.y() - dot, 4 * dot, 2 * dot)
        if name in self._taken:
            ink = theme.bad if name in self._wrong else theme.accent if name == self._current else theme.good
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(ink))
            painter.drawEllipse(at, dot, dot)
            painter.setPen(colour(theme.panel))
        else:
            painter.setPen(QPen(colour(theme.line), 1))
            painter.setBrush(colour(theme.panel))
            painter.drawEllipse(at, dot, dot)
            painter.setPen(colour(theme.muted))
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, name)
