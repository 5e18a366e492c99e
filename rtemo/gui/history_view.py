"""The probabilities over time: smoothed thick, each window alone thin, abstention shaded, markers across."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from rtemo.gui import texts
from rtemo.gui.colours import Theme, emotion_colours
from rtemo.gui.labels import PlainLabel
from rtemo.gui.lines import draw_line
from rtemo.gui.model import GuiModel, Part
from rtemo.gui.rings import thin
from rtemo.gui.theme import colour, font
from rtemo.gui.wording import clock

SPAN_S, SHORTEST_S, LONGEST_S = 180.0, 10.0, 3600.0
GAP_S = 1.5  # predictions further apart are not joined
MOST_MARKS = 40
LABEL_PX = 120
LEFT, RIGHT, TOP, FOOT = 52, 12, 20, 20  # pixels around the lines
STEPS_S = (2, 5, 10, 15, 30, 60, 120, 300, 600)
TICKS = 8  # on the time axis, at most


class HistoryCanvas(QWidget):
    """The lines. The wheel changes the time shown, dragging looks back, a double click returns to now."""

    def __init__(self, model: GuiModel, theme: Theme) -> None:
        super().__init__()
        self._model, self.theme = model, theme
        self.span_s, self.back_s = SPAN_S, 0.0
        self._grip: tuple[float, float] | None = None  # where the mouse took hold, and how far back it was then
        self.setMinimumSize(160, 70)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setToolTip(texts.HISTORY_TIP)

    def wheelEvent(self, event: QWheelEvent) -> None:
        factor = 0.8 if event.angleDelta().y() > 0 else 1.25
        self.span_s = max(SHORTEST_S, min(LONGEST_S, self.span_s * factor))
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._grip = (event.position().x(), self.back_s)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grip is not None:
            x, back_s = self._grip
            moved_s = (event.position().x() - x) * self.span_s / max(1.0, self._field.width())
            self.back_s = max(0.0, back_s + moved_s)
            self.update()

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        self._grip = None

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        self.back_s = 0.0
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour(self.theme.panel))
        self.draw(painter)

    def draw(self, painter: QPainter) -> None:
        """Everything but the ground."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        newest_s = self._model.probabilities.newest_s
        self._draw_axes(painter)
        if not math.isfinite(newest_s):
            return
        field, last_s = self._field, newest_s - self.back_s
        times, instant, smoothed, silent = self._model.history(last_s - self.span_s - 1.0)
        painter.setClipRect(field.adjusted(0, -TOP, 1, 1))
        self._draw_silence(painter, times, silent, last_s)
        for rows, width, opacity in ((instant, 1.0, 0.38), (smoothed, 2.2, 1.0)):
            self._draw_lines(painter, times, rows.copy(), last_s, (width, opacity))
        self._draw_marks(painter, last_s)

    @property
    def _field(self) -> QRectF:
        return QRectF(LEFT, TOP, max(20, self.width() - LEFT - RIGHT), max(20, self.height() - TOP - FOOT))

    def _x(self, times: NDArray[np.float64], last_s: float) -> NDArray[np.float64]:
        field = self._field
        return field.right() + (times - last_s) * (field.width() / self.span_s)

    def _draw_axes(self, painter: QPainter) -> None:
        field, theme = self._field, self.theme
        painter.setFont(font(8.5))
        for share, text in ((0.0, "0"), (0.25, ""), (0.5, "50 %"), (0.75, ""), (1.0, "100 %")):
            y = field.bottom() - share * field.height()
            painter.setPen(QPen(colour(theme.line, 1.0 if text else 0.5), 1))
            painter.drawLine(QPointF(field.left(), y), QPointF(field.right(), y))
            painter.setPen(colour(theme.muted))
            where = QRectF(0, y - 9, LEFT - 6, 18)
            painter.drawText(where, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        step = next((step for step in STEPS_S if self.span_s / step <= TICKS), STEPS_S[-1])
        for k in range(math.ceil(self.back_s / step), math.floor((self.back_s + self.span_s) / step) + 1):
            x = field.right() - (k * step - self.back_s) * field.width() / self.span_s
            text = texts.NOW if k == 0 else f"\N{MINUS SIGN}{clock(k * step)}"
            where = QRectF(max(field.left(), min(x - 30, field.right() - 60)), field.bottom() + 2, 60, FOOT - 2)
            side = Qt.AlignmentFlag.AlignRight if k == 0 else Qt.AlignmentFlag.AlignHCenter
            painter.drawText(where, side | Qt.AlignmentFlag.AlignTop, text)

    def _draw_silence(
        self, painter: QPainter, times: NDArray[np.float64], silent: NDArray[np.bool_], last_s: float
    ) -> None:
        """Where no emotion is named."""
        edges = np.flatnonzero(np.diff(np.r_[False, silent, False]))
        x, field = self._x(times, last_s), self._field
        for first, last in zip(edges[0::2], edges[1::2], strict=True):
            right = x[min(last, len(x) - 1)]
            where = QRectF(x[first], field.top(), max(1.0, right - x[first]), field.height())
            painter.fillRect(where, colour(self.theme.faint, 0.22))

    def _draw_lines(
        self,
        painter: QPainter,
        times: NDArray[np.float64],
        rows: NDArray[np.float32],
        last_s: float,
        pen: tuple[float, float],
    ) -> None:
        rows[np.flatnonzero(np.diff(times) > GAP_S)] = np.nan
        field = self._field
        times, rows = thin(times, rows, field.width() / self.span_s)
        x = self._x(times, last_s)
        for k, ink in enumerate(emotion_colours(self._model.labels).values()):
            painter.setPen(QPen(colour(ink, pen[1]), pen[0]))
            draw_line(painter, x, field.bottom() - field.height() * rows[:, k].astype(np.float64))

    def _draw_marks(self, painter: QPainter, last_s: float) -> None:
        field, free = self._field, -math.inf  # where the last label ends
        painter.setFont(font(8))
        for event in self.marks(last_s):
            x = float(self._x(np.array([event["time_s"]]), last_s)[0])
            ink = self.theme.accent if event["kind"] == "annotation" else self.theme.muted
            painter.setPen(QPen(colour(ink, 0.7), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(x, field.top()), QPointF(x, field.bottom()))
            if x >= free:
                painter.setPen(colour(ink))
                text = painter.fontMetrics().elidedText(str(event["text"]), Qt.TextElideMode.ElideRight, LABEL_PX - 8)
                painter.drawText(QPointF(x + 3, field.top() - 5), text)
                free = x + LABEL_PX

    def marks(self, last_s: float) -> list[dict[str, object]]:
        """The newest markers and annotations in view."""
        seen = [m for m in self._model.marks if last_s - self.span_s <= m["time_s"] <= last_s]
        return seen[-MOST_MARKS:]


class HistoryView(QWidget):
    """The canvas under the names of its lines."""

    def __init__(self, model: GuiModel, theme: Theme) -> None:
        super().__init__()
        self._model = model
        self.canvas = HistoryCanvas(model, theme)
        self._labels: tuple[str, ...] = ()
        self._key = QHBoxLayout()
        self._key.setContentsMargins(LEFT, 4, 12, 0)
        self._key.setSpacing(14)
        self._key.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 0, 8, 4)
        layout.setSpacing(0)
        layout.addLayout(self._key)
        layout.addWidget(self.canvas, 1)

    def set_theme(self, theme: Theme) -> None:
        self.canvas.theme = theme
        self.canvas.update()

    def refresh(self, changed: set[Part]) -> None:
        """Paint when predictions or events came."""
        if self._labels != self._model.labels:
            self._make_key()
        if changed & {Part.PREDICTIONS, Part.EVENTS}:
            self.canvas.update()

    def _make_key(self) -> None:
        while self._key.count() > 1:
            self._key.takeAt(0).widget().deleteLater()
        self._labels = self._model.labels
        for k, (label, ink) in enumerate(emotion_colours(self._labels).items()):
            name = PlainLabel(label)
            name.setStyleSheet(f"border-bottom: 3px solid {ink}; padding: 0 2px 1px 2px;")
            name.setFont(font(9))
            self._key.insertWidget(k, name)
