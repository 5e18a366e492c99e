"""Plot of the probabilities over time: smoothed thick, instantaneous thin, abstention shaded, markers as lines."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QFontMetrics, QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.colours import Theme, emotion_colours
from rtemo.gui.painting.plot_axes import paint_axes
from rtemo.gui.painting.ring_buffer import decimate
from rtemo.gui.painting.text_labels import PlainLabel, mark_text
from rtemo.gui.painting.theme import SMALL, colour, font
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.presentation.numbers import MINUS, clock, percent

SPANS_S = (30.0, 60.0, 120.0, 180.0)  # the span shown grows with the session
STEPS_S = (5, 10, 30, 60, 120, 300, 600, 1800)  # between two ticks
TICK_PX = 90
GAP_S = 1.5
MAX_MARKS = 40
LABEL_PX = 120


class MinuteAxis(pg.AxisItem):
    """Seconds before now as m:ss."""

    def tickSpacing(self, low: float, high: float, size: float) -> list[tuple[float, float]]:
        most = max(1.0, size / TICK_PX)
        return [(float(next((s for s in STEPS_S if (high - low) / s <= most), STEPS_S[-1])), 0.0)]

    def tickStrings(self, values: list[float], _scale: float, _spacing: float) -> list[str]:
        return [texts.NOW if abs(v) < 0.5 else f"{MINUS}{clock(-v)}" if v < 0 else "" for v in values]


class DoubleClickPlot(pg.PlotWidget):
    """A plot that emits a signal when it is double-clicked."""

    double_clicked = Signal()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.double_clicked.emit()
        event.accept()


class HistoryPlot(QWidget):
    """Lines of the last minutes. x is seconds before now, so that a silence shows as an empty end."""

    def __init__(self, state: WindowState, theme: Theme) -> None:
        super().__init__()
        self._state, self._theme = state, theme
        pg.setConfigOptions(antialias=True)
        self.plot = DoubleClickPlot(axisItems={"bottom": MinuteAxis("bottom")})
        self.plot.setToolTip(texts.HISTORY_TIP)
        self.plot.setAccessibleName(texts.HISTORY)
        self.plot.viewport().setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the plot has it
        self._span_s: float | None = SPANS_S[0]  # None while the user looks at an earlier time
        self.plot.double_clicked.connect(self.follow)
        self.plot.getPlotItem().getViewBox().sigRangeChangedManually.connect(self._stop_following)
        self._lines: dict[str, tuple[pg.PlotDataItem, pg.PlotDataItem]] = {}
        self._marks: list[tuple[pg.InfiniteLine, pg.TextItem]] = []
        self._key = QHBoxLayout()
        self._key.setContentsMargins(52, 4, 12, 0)
        self._key.setSpacing(14)
        self._key.addStretch(1)
        self._shade = pg.PlotDataItem(pen=None, fillLevel=0.0, connect="finite")
        self._cursor, self._reading = pg.InfiniteLine(angle=90), pg.TextItem(anchor=(1, 0))
        self._cursor_s: float | None = None  # before now, where the mouse is
        self._prepare()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 0, 8, 4)
        layout.setSpacing(0)
        layout.addLayout(self._key)
        layout.addWidget(self.plot, 1)

    def _prepare(self) -> None:
        item = self.plot.getPlotItem()
        item.setMouseEnabled(x=True, y=False)
        item.hideButtons()
        item.setYRange(0, 1, padding=0.06)
        item.setXRange(-SPANS_S[0], 0, padding=0.0)
        item.setLimits(xMax=3, yMin=-0.06, yMax=1.06, minXRange=10)
        item.getAxis("left").setTicks([[(0, "0"), (0.25, ""), (0.5, "50 %"), (0.75, ""), (1, "100 %")]])
        item.getAxis("left").setWidth(46)
        item.showGrid(x=False, y=True, alpha=0.14)
        item.addItem(self._shade)
        for part in (self._cursor, self._reading):
            item.addItem(part, ignoreBounds=True)
            part.setZValue(10)
            part.hide()
        self._reading.textItem.setFont(font(SMALL))
        self.plot.scene().sigMouseMoved.connect(self._follow_mouse)
        self.set_theme(self._theme)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        paint_axes(self.plot, theme)
        self._shade.setBrush(colour(theme.faint, 0.22))
        self._cursor.setPen(pg.mkPen(theme.accent, width=1.2))
        self._reading.setColor(colour(theme.ink))
        self._reading.fill = pg.mkBrush(colour(theme.raised, 0.92))
        self._make_lines()
        self.refresh({SnapshotPart.PREDICTIONS, SnapshotPart.EVENTS})

    def refresh(self, changed: set[SnapshotPart]) -> None:
        """Paint the newest minutes."""
        wanted = {SnapshotPart.PREDICTIONS, SnapshotPart.EVENTS, SnapshotPart.STATE}
        if not changed & wanted or (self._lines and not self.isVisible()):
            return
        if tuple(self._lines) != self._state.labels:
            self._make_lines()
        newest = self._state.time_s  # now
        if not self._lines or not math.isfinite(newest):
            return
        self._widen(newest)
        span = max(SPANS_S[0], -float(self.plot.getPlotItem().viewRange()[0][0]))
        times, instant, smoothed, silent = self._state.history(newest - span)
        self._shade.setData(times - newest, np.where(silent, 1.0, np.nan))
        hole = np.flatnonzero(np.diff(times) > GAP_S)
        for part, rows in enumerate((instant.copy(), smoothed.copy())):
            rows[hole] = np.nan
            seen, rows = decimate(times, rows, self.plot.width() / span)  # no more points than there are pixels
            for k, pair in enumerate(self._lines.values()):
                pair[part].setData(seen - newest, rows[:, k])
        self._place_marks(newest)
        self._read()

    def follow(self) -> None:
        """Show the newest minutes, and follow them."""
        self._span_s = 0.0
        self.refresh({SnapshotPart.PREDICTIONS})

    def _stop_following(self) -> None:
        self._span_s = None

    def reading(self, before_s: float) -> str:
        """The smoothed probabilities so many seconds before now, the largest first; empty where none is near."""
        at_s = self._state.time_s - before_s
        times, _, smoothed, silent = self._state.history(at_s - GAP_S)
        if not len(times) or abs(times[k := int(np.argmin(np.abs(times - at_s)))] - at_s) > GAP_S / 2:
            return ""
        ranked = sorted(zip(self._state.labels, smoothed[k].tolist(), strict=True), key=lambda pair: -pair[1])
        said = [f"{label} {percent(share)}" for label, share in ranked if math.isfinite(share)]
        return "\n".join([f"{MINUS}{clock(before_s)}", *([texts.CARD_ABSTAINED] if silent[k] else []), *said])

    def leaveEvent(self, _event: QEvent) -> None:
        self._cursor_s = None
        self._read()

    def _follow_mouse(self, place: QPointF) -> None:
        box = self.plot.getPlotItem().getViewBox()
        inside = box.sceneBoundingRect().contains(place)
        self._cursor_s = -float(box.mapSceneToView(place).x()) if inside else None
        self._read()

    def _read(self) -> None:
        """Show the values under the mouse."""
        said = "" if self._cursor_s is None or self._cursor_s < 0 else self.reading(self._cursor_s)
        for part in (self._cursor, self._reading):
            part.setVisible(bool(said))
        if said and self._cursor_s is not None:
            low, high = self.plot.getPlotItem().viewRange()[0]
            self._cursor.setPos(-self._cursor_s)
            self._reading.setPlainText(said)
            self._reading.setAnchor((0, 0) if -self._cursor_s < (low + high) / 2 else (1, 0))
            self._reading.setPos(-self._cursor_s, 1.0)

    def _widen(self, newest: float) -> None:
        """Show as much time as there is, up to the longest span, unless the user looks at an earlier time."""
        if self._span_s is None or not math.isfinite(newest):
            return
        past_s = newest - self._state.probabilities.oldest_s
        span_s = next((span for span in SPANS_S if past_s <= span), SPANS_S[-1])
        if span_s != self._span_s:
            self._span_s = span_s
            self.plot.getPlotItem().setXRange(-span_s, 0, padding=0.0)

    def _make_lines(self) -> None:
        for pair in self._lines.values():
            for line in pair:
                self.plot.removeItem(line)
        while self._key.count() > 1:
            self._key.takeAt(0).widget().deleteLater()
        self._lines = {}
        for k, (label, ink) in enumerate(emotion_colours(self._state.labels).items()):
            alone = self.plot.plot(pen=pg.mkPen(colour(ink, 0.38), width=1), connect="finite")
            thick = self.plot.plot(pen=pg.mkPen(ink, width=2.2), connect="finite")
            self._lines[label] = (alone, thick)
            name = PlainLabel(label)
            name.setStyleSheet(f"border-bottom: 3px solid {ink}; padding: 0 2px 1px 2px;")
            name.setFont(font(SMALL))
            self._key.insertWidget(k, name)

    def _place_marks(self, newest: float) -> None:
        marks = self.marks()
        while len(self._marks) < len(marks):
            line = pg.InfiniteLine(angle=90)
            text = pg.TextItem(anchor=(0, 0))
            for part in (line, text):
                self.plot.addItem(part, ignoreBounds=True)
            text.textItem.setFont(font(SMALL))
            self._marks.append((line, text))
        left, right = self.plot.getPlotItem().viewRange()[0]
        px_per_s = self.plot.getPlotItem().getViewBox().width() / max(1.0, float(right - left))
        free_s = -np.inf  # where the last label ends
        for k, (line, text) in enumerate(self._marks):
            shown = k < len(marks)
            line.setVisible(shown)
            labelled = shown and marks[k]["time_s"] >= free_s
            text.setVisible(labelled)
            if shown:
                self._place(line, text, marks[k], newest, px_per_s * (right + newest - marks[k]["time_s"]))
            if labelled:
                free_s = marks[k]["time_s"] + LABEL_PX / max(1e-9, px_per_s)

    def marks(self) -> list[dict[str, Any]]:
        """The newest markers and annotations."""
        return list(self._state.marks)[-MAX_MARKS:]

    def _place(
        self, line: pg.InfiniteLine, text: pg.TextItem, event: dict[str, Any], newest: float, room_px: float
    ) -> None:
        """room_px: up to the right edge. Of lines closer together than LABEL_PX only the first has its label."""
        ink = self._theme.accent if event["kind"] == "annotation" else self._theme.muted
        at = float(event["time_s"]) - newest
        line.setPen(pg.mkPen(colour(ink, 0.7), width=1, style=Qt.PenStyle.DashLine))
        line.setPos(at)
        text.setPlainText(mark_text(str(event["text"]), min(LABEL_PX, room_px), QFontMetrics(text.textItem.font())))
        text.setColor(colour(ink))
        text.setPos(at, 1.02)
