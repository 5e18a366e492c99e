"""Plot of the spectrum of the last seconds: median over the channels, and the range that most of them lie in."""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt

from rtemo.gui import texts
from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.display_filter import DisplayBand, filtered_between
from rtemo.gui.painting.plot_axes import paint_axes
from rtemo.gui.painting.power import MAX_HZ, decibels, frequencies, mean_power
from rtemo.gui.painting.theme import SMALL, colour, font
from rtemo.gui.window_state import WindowState
from rtemo.presentation.numbers import number

SPAN_S = 8.0
RANGE = (10.0, 90.0)  # percentiles
BANDS_HZ = {"delta": (1, 4), "theta": (4, 8), "alpha": (8, 13), "beta": (13, 30), "gamma": (30, 50)}
LOW_DB, HIGH_DB = -25.0, 30.0


class SpectrumPlot(pg.PlotWidget):
    """Power density over frequency. The mouse zooms and reads values."""

    def __init__(self, state: WindowState, theme: Theme) -> None:
        super().__init__()
        self._state = state
        self._hz = frequencies()
        self.decibels = np.full(len(self._hz), np.nan)
        self._median = pg.PlotCurveItem(antialias=True)
        self._edges = pg.PlotCurveItem(), pg.PlotCurveItem()
        self._between = pg.FillBetweenItem(*self._edges)
        self._names = [pg.TextItem(name, anchor=(0.5, 0)) for name in BANDS_HZ]
        self._lines = [pg.InfiniteLine(hz) for hz in sorted({edge for band in BANDS_HZ.values() for edge in band})]
        self._cursor, self.reading = pg.InfiniteLine(), pg.TextItem(anchor=(0, 1))
        self.setAccessibleName(texts.SPECTRUM)
        self.viewport().setFocusPolicy(Qt.FocusPolicy.NoFocus)
        item = self.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setLabel("bottom", texts.FREQUENCY)
        item.setLabel("left", texts.DENSITY)
        item.setXRange(0, 50, padding=0)
        item.setYRange(LOW_DB, HIGH_DB, padding=0)
        item.setLimits(xMin=0, xMax=MAX_HZ, yMin=-45, yMax=80, minXRange=2)
        for part in (*self._lines, self._between, self._median, *self._names, self._cursor, self.reading):
            item.addItem(part, ignoreBounds=True)
        self.scene().sigMouseMoved.connect(self._read)
        item.getViewBox().sigRangeChanged.connect(lambda *_: self._place_names())
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        paint_axes(self, theme)
        for line in self._lines:
            line.setPen(pg.mkPen(colour(theme.line), style=Qt.PenStyle.DotLine))
        for name in self._names:
            name.setColor(colour(theme.muted))
            name.textItem.setFont(font(SMALL))
        self._cursor.setPen(pg.mkPen(theme.accent))
        self._cursor.hide()
        self.reading.setColor(colour(theme.ink))
        self.reading.fill = pg.mkBrush(colour(theme.raised))
        self.reading.textItem.setFont(font(SMALL))
        self.reading.hide()
        self._place_names()

    def show_power(self, columns: list[int], band: DisplayBand, *, past: bool) -> None:
        """Show the spectrum of the newest seconds of these channels."""
        newest_s = self._state.eeg.newest_s
        times, rows = filtered_between(self._state.eeg, band, newest_s - SPAN_S, newest_s)
        shown = decibels(mean_power(times, rows[:, columns]))
        usable = np.isfinite(shown).all(axis=0)
        if not usable.any():
            self.decibels = np.full(len(self._hz), np.nan)
            self._median.setData([], [])
            return
        low, self.decibels, high = np.percentile(shown[:, usable], (RANGE[0], 50.0, RANGE[1]), axis=1)
        for edge, values in zip(self._edges, (low, high), strict=True):
            edge.setData(self._hz, values)
        ink = self._theme.faint if past else self._theme.accent
        self._between.setBrush(colour(ink, 0.2))
        self._median.setPen(pg.mkPen(ink, width=2))
        self._median.setData(self._hz, self.decibels)

    def _place_names(self) -> None:
        top = float(self.getPlotItem().viewRange()[1][1])
        for name, (low_hz, high_hz) in zip(self._names, BANDS_HZ.values(), strict=True):
            name.setPos((low_hz + high_hz) / 2, top)

    def _read(self, place: QPointF) -> None:
        """Read the value under the mouse."""
        box = self.getPlotItem().getViewBox()
        inside = box.sceneBoundingRect().contains(place)
        self._cursor.setVisible(inside)
        self.reading.setVisible(inside)
        if inside:
            at = int(np.argmin(np.abs(self._hz - box.mapSceneToView(place).x())))
            hz, value = float(self._hz[at]), float(self.decibels[at])
            self._cursor.setPos(hz)
            text = f"{number(hz, 1, 'Hz')}  {number(value if math.isfinite(value) else None, 1, 'dB')}"
            self.reading.setPlainText(text)
            self.reading.setPos(hz, box.mapSceneToView(place).y())
