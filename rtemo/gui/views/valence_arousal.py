"""View of the valence-arousal plane: the labels' positions, and the trail of their weighted mean."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
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
Place = tuple[float, float]


class Trail:
    """The places of the predictions that are kept, each computed once."""

    def __init__(self, state: WindowState) -> None:
        self._state = state
        self._made_of: object = None  # the buffer, and how often it has begun anew
        self._next = 0  # the number of the first prediction that has no place yet
        self._places: deque[tuple[int, float, Place | None]] = deque()  # number, time, place

    def after(self, time_s: float) -> list[tuple[float, Place | None]]:
        """Times and places later than a time; of many predictions every k-th, and the newest."""
        self._compute(time_s)
        while self._places and self._places[0][1] <= time_s:
            self._places.popleft()
        every = max(1, len(self._places) // TRAIL_PIECES)
        last = self._next - 1
        return [(at_s, place) for row, at_s, place in self._places if row % every == 0 or row == last]

    def _compute(self, time_s: float) -> None:
        """Add the places of the predictions that came, but for those that are too old to be drawn."""
        buffer, labels = self._state.probabilities, self._state.labels
        made_of = (id(buffer), buffer.restarts)
        if made_of != self._made_of:
            self._made_of, self._next = made_of, buffer.start
            self._places.clear()
        if buffer.total == self._next:
            return
        times, rows = buffer.since(self._next)
        first = buffer.total - len(times)
        k = len(labels)
        for row in np.flatnonzero(times > time_s).tolist():
            smoothed = dict(zip(labels, map(float, rows[row, k : 2 * k]), strict=True))
            self._places.append((first + row, float(times[row]), mean_place(smoothed)))
        self._next = buffer.total


class ValenceArousalView(QWidget):
    """Valence to the right, arousal up; older positions fade."""

    def __init__(self, state: WindowState, theme: Theme) -> None:
        super().__init__()
        self._state, self._theme = state, theme
        self._background = CachedPicture(self, self._paint_background)
        self._trail = Trail(state)
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
        if SnapshotPart.PREDICTIONS in changed or grey or self.grey:
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
        before: QPointF | None = None
        for time_s, place in self._trail.after(newest - TRAIL_S):
            at = None if place is None else self._at(place)
            if at is not None and before is not None:
                fresh = min(1.0, 1 - (newest - time_s) / TRAIL_S)
                painter.setPen(QPen(colour(self._theme.ink, 0.08 + 0.72 * fresh), 1 + 1.8 * fresh))
                painter.drawLine(before, at)
            before = at
        if before is not None:
            painter.setPen(QPen(colour(self._theme.panel), 2))
            painter.setBrush(colour(self._theme.faint if self.grey else self._theme.ink))
            painter.drawEllipse(before, 8, 8)
