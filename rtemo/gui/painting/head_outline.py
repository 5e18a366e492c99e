"""Paint the outline of a head seen from above, nose up."""

from __future__ import annotations

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter, QPainterPath, QPen

from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.theme import colour


def draw_head(painter: QPainter, middle: QPointF, radius: float, theme: Theme) -> None:
    """Paint circle, nose and ears; electrodes of the largest circle lie on the rim."""
    painter.setPen(QPen(colour(theme.faint), 1.5))
    painter.setBrush(colour(theme.window))
    nose = QPainterPath(middle + QPointF(-0.12, -0.985) * radius)
    nose.lineTo(middle + QPointF(0, -1.12) * radius)
    nose.lineTo(middle + QPointF(0.12, -0.985) * radius)
    painter.drawPath(nose)
    for side in (-1, 1):
        painter.drawEllipse(middle + QPointF(side, 0) * radius, 0.06 * radius, 0.2 * radius)
    painter.drawEllipse(middle, radius, radius)
