"""Plots of synchrony: the valence of everybody, and beside it the windowed correlation of each pair."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.plot_axes import paint_axes
from rtemo.gui.painting.ring_buffer import decimate
from rtemo.gui.painting.text_labels import ElidedLabel, PlainLabel, plain_tip
from rtemo.gui.painting.theme import SMALL, colour, font
from rtemo.gui.people import words
from rtemo.gui.people.courses import Course, correlations, pairs, valences
from rtemo.gui.views.history_plot import GAP_S, MinuteAxis
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.presentation.numbers import number
from rtemo.presentation.palette import SERIES
from rtemo.recordings.study.synchrony import WINDOW_S

SPAN_S, LEAST_PX, NOTE_FROM_PX = 180.0, 60, 150
AXIS_PX = 30  # of the left axis
PERSON_INKS = tuple(SERIES[k] for k in (5, 4, 2, 3))
PAIR_INKS = tuple(SERIES[k] for k in (5, 4, 2, 3, 0, 6))


class SynchronyPlot(QWidget):
    """x is seconds before now."""

    def __init__(self, state: WindowState, theme: Theme) -> None:
        super().__init__()
        self._state, self._theme = state, theme
        pg.setConfigOptions(antialias=True)
        self.courses = pg.PlotWidget(axisItems={"bottom": MinuteAxis("bottom")})
        self.alike = pg.PlotWidget(axisItems={"bottom": MinuteAxis("bottom")})
        self.lines: dict[object, pg.PlotDataItem] = {}
        self._keys = {"courses": _key(), "alike": _key()}
        self._note = ElidedLabel(words.SYNCHRONY_NOTE.format(window=f"{WINDOW_S:g}"), "muted")
        self._note.setFont(font(SMALL))
        row = QHBoxLayout()
        row.setSpacing(12)
        for plot, key, name in (
            (self.courses, self._keys["courses"], words.VALENCE_AXIS),
            (self.alike, self._keys["alike"], words.CORRELATION_AXIS),
        ):
            title = PlainLabel(name, "muted")
            title.setFont(font(SMALL))
            heading = QHBoxLayout()
            heading.setContentsMargins(AXIS_PX + 2, 2, 4, 0)
            heading.setSpacing(10)
            heading.addWidget(title)
            heading.addLayout(key)
            named = QVBoxLayout()
            named.setSpacing(0)
            named.addLayout(heading)
            named.addWidget(plot, 1)
            row.addLayout(named, 1)
            _prepare(plot, name)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 0, 8, 4)
        layout.setSpacing(0)
        layout.addLayout(row, 1)
        layout.addWidget(self._note)
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        for plot in (self.courses, self.alike):
            paint_axes(plot, theme)
        self._make_lines()

    def resizeEvent(self, _event: QResizeEvent) -> None:
        """Where there is little room, the plots and their axes have it, and the note is their tooltip."""
        self._note.setVisible(self.height() >= NOTE_FROM_PX)
        for plot in (self.courses, self.alike):
            plot.setToolTip("" if self._note.isVisibleTo(self) else plain_tip(self._note.text()))

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """Paint the newest minutes."""
        wanted = [*(one.id for one in self._state.several), *pairs(self._state)]
        if wanted != list(self.lines):
            self._make_lines()
        now_s = self._state.time_s
        if not np.isfinite(now_s):
            return
        of_pairs = correlations(self._state, now_s - SPAN_S)
        self._draw(self.courses, valences(self._state, now_s - SPAN_S), now_s)
        self._draw(self.alike, of_pairs, now_s)
        for k, (pair, (times, r)) in enumerate(of_pairs.items()):
            current = len(r) and not self._state.is_past(float(times[-1]) - self._state.limit_s)
            label = self._keys["alike"].itemAt(k).widget()
            value = number(float(r[-1]), 2) if current else ""
            label.setText(words.PAIR_NOW.format(one=pair[0], other=pair[1], r=value).strip())

    def _draw(self, plot: pg.PlotWidget, courses: Mapping[object, Course], now_s: float) -> None:
        for name, (times, values) in courses.items():
            column = values[:, None].copy()
            column[np.flatnonzero(np.diff(times) > GAP_S)] = np.nan
            seen, rows = decimate(times, column, plot.width() / SPAN_S)
            self.lines[name].setData(seen - now_s, rows[:, 0])

    def _make_lines(self) -> None:
        for line in self.lines.values():
            line.getViewBox().removeItem(line)
        self.lines = {}
        people: list[object] = [one.id for one in self._state.several]
        both: list[object] = [*pairs(self._state)]
        for name, plot, names, inks in (
            ("courses", self.courses, people, PERSON_INKS),
            ("alike", self.alike, both, PAIR_INKS),
        ):
            key = self._keys[name]
            while key.count() > 1:
                key.takeAt(0).widget().deleteLater()
            for k, one in enumerate(names):
                self.lines[one] = plot.plot(pen=pg.mkPen(inks[k], width=2.0), connect="finite")
                text = one if isinstance(one, str) else words.PAIR.format(one=one[0], other=one[1])  # type: ignore[index]
                key.insertWidget(k, _name(text, inks[k]))
            plot.getPlotItem().getViewBox().setMouseEnabled(x=False, y=False)


def _key() -> QHBoxLayout:
    """What the colours of lines mean, one beside the other."""
    row = QHBoxLayout()
    row.setSpacing(10)
    row.addStretch(1)
    return row


def _name(text: str, ink: str) -> PlainLabel:
    label = PlainLabel(text)
    label.setStyleSheet(f"border-left: 4px solid {ink}; padding: 0 2px 0 4px;")
    label.setFont(font(SMALL))
    return label


def _prepare(plot: pg.PlotWidget, name: str) -> None:
    item = plot.getPlotItem()
    item.hideButtons()
    item.setMenuEnabled(False)
    item.setYRange(-1, 1, padding=0.06)
    item.setXRange(-SPAN_S, 0, padding=0.0)
    item.getAxis("left").setTicks([[(-1, "−1"), (0, "0"), (1, "1")]])
    item.getAxis("left").setWidth(AXIS_PX)
    item.getAxis("bottom").setHeight(20)
    item.showGrid(x=False, y=True, alpha=0.14)
    item.addItem(pg.InfiniteLine(0.0, angle=0, pen=pg.mkPen(colour("#888888", 0.6), width=1)))
    plot.setAccessibleName(name)
    plot.setMinimumHeight(LEAST_PX)
    plot.viewport().setFocusPolicy(Qt.FocusPolicy.NoFocus)
    plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
