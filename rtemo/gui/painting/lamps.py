"""A status light whose shape says the same as its colour, for eyes that see the colours alike."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF

from rtemo.gui.painting.theme import colour

Sign = Literal["good", "waiting", "wrong", "unknown"]


def draw_lamp(painter: QPainter, place: QRectF, ink: str, sign: Sign) -> None:
    """Paint a disc (good), a triangle (wrong), or a ring (waiting, unknown)."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour(ink))
    if sign == "good":
        painter.drawEllipse(place)
    elif sign == "wrong":
        up = place.adjusted(-1, -1, 1, 1)
        top = QPointF(up.center().x(), up.top())
        painter.drawPolygon(QPolygonF([top, up.bottomRight(), up.bottomLeft()]))
    else:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour(ink), max(1.5, 0.16 * place.width())))
        painter.drawEllipse(place.adjusted(1, 1, -1, -1))
