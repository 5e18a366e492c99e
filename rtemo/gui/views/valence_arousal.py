"""View of the valence-arousal plane: the labels' positions, and the trail of their weighted mean."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from rtemo.gui import texts
from rtemo.gui.alarms import distrust
from rtemo.gui.painting.cached_picture import CachedPicture
from rtemo.gui.painting.colours import Theme, emotion_colours
from rtemo.gui.painting.theme import SMALL, colour, font
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.model.uncertainty.valence_arousal import mean_place, place_of, without_place

TRAIL_S = 20.0
TRAIL_PIECES = 40
CAPTION = 18


class ValenceArousalView(QWidget):
    """Valence to the right, arousal up; older positions fade."""

    def __init__(self, state: WindowState, theme: Theme) -> None:
        super().__init__()
        self._state, self._theme = state, theme
        self._background = CachedPicture(self, self._paint_background)
        self.grey = False  # whether its newest place must not be believed
        self.setMinimumSize(150, 150)
        self.setToolTip(texts.PLANE_TIP)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def refresh(self, changed: set[SnapshotPart]) -> None:
        """Paint a new prediction."""
        grey = bool(distrust(self._state))
        if SnapshotPart.PREDICTIONS in changed or grey != self.grey or (grey):
            self.grey = grey
            self.update()

    @property
    def _radius(self) -> float:
        return max(20.0, min(self.width() / 2 - 34, (self.height() - CAPTION) / 2 - 22))

    def _at(self, place: tuple[float, float]) -> QPointF:
        middle = QPointF(self.width() / 2, (self.height() - CAPTION) / 2)
        return middle + QPointF(place[0], -place[1]) * self._radius

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._background.draw(painter, self._theme, self._state.labels)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not without_place(self._state.labels):
            self._draw_trail(painter)

    def _paint_background(self, painter: QPainter) -> None:
        """Paint the axes, the labels' positions, and their source."""
        self._draw_axes(painter)
        labels = self._state.labels
        caption = texts.PLANE_CAPTION
        missing = without_place(labels)
        if missing:
            caption = texts.NO_PLACE.format(labels=", ".join(missing))
        painter.setFont(font(SMALL))
        painter.setPen(colour(self._theme.faint))
        room = QRectF(4, self.height() - CAPTION, self.width() - 8, CAPTION)
        text = painter.fontMetrics().elidedText(caption, Qt.TextElideMode.ElideRight, int(room.width()))
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, text)
        self._draw_labels(painter)

    def _draw_axes(self, painter: QPainter) -> None:
        theme = self._theme
        painter.setPen(QPen(colour(theme.line), 1.2))
        painter.setBrush(colour(theme.window, 0.6))
        painter.drawEllipse(self._at((0, 0)), self._radius, self._radius)
        painter.drawLine(self._at((-1, 0)), self._at((1, 0)))
        painter.drawLine(self._at((0, -1)), self._at((0, 1)))
        painter.setFont(font(SMALL))
        painter.setPen(colour(theme.muted))
        right, top = self._at((1, 0)), self._at((0, 1))
        painter.drawText(QRectF(right.x() - 60, right.y() + 14, 92, 16), Qt.AlignmentFlag.AlignRight, texts.VALENCE)
        painter.drawText(QRectF(top.x() + 6, top.y() - 18, 90, 16), Qt.AlignmentFlag.AlignLeft, texts.AROUSAL)

    def _draw_labels(self, painter: QPainter) -> None:
        painter.setFont(font(SMALL))
        for label, ink in emotion_colours(self._state.labels).items():
            place = place_of(label)
            if place is None:
                continue
            at = self._at(place)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(ink))
            painter.drawEllipse(at, 5, 5)
            painter.setPen(colour(self._theme.ink))
            width = painter.fontMetrics().horizontalAdvance(label)
            left = at.x() - width / 2 if place == (0.0, 0.0) else at.x() - width - 9 if place[0] > 0 else at.x() + 9
            above = -24 if place[1] >= 0 and place != (0.0, 0.0) else 6
            left = max(2.0, min(left, self.width() - width - 2))
            painter.drawText(QPointF(left, at.y() + above + 12), label)

    def _draw_trail(self, painter: QPainter) -> None:
        newest = self._state.time_s
        if not math.isfinite(self._state.probabilities.newest_s):
            return
        times, _, smoothed, silent = self._state.history(newest - TRAIL_S)
        every = max(1, len(times) // TRAIL_PIECES)
        times, smoothed = times[::-every][::-1], smoothed[::-every][::-1]  # the newest is always there
        labels = self._state.labels
        places = [mean_place(dict(zip(labels, map(float, row), strict=True))) for row in smoothed]
        before: QPointF | None = None
        for time_s, place in zip(times, places, strict=True):
            at = None if place is None else self._at(place)
            if at is not None and before is not None:
                fresh = min(1.0, 1 - (newest - time_s) / TRAIL_S)
                painter.setPen(QPen(colour(self._theme.ink, 0.08 + 0.72 * fresh), 1 + 1.8 * fresh))
                painter.drawLine(before, at)
            before = at
        if before is not None:
            named = not bool(silent[-1]) and not self.grey
            painter.setPen(QPen(colour(self._theme.panel), 2))
            painter.setBrush(colour(self._theme.ink if named else self._theme.faint))
            painter.drawEllipse(before, 8, 8)
