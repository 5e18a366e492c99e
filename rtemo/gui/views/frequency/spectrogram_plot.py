"""Plot of the spectrogram: power by frequency over the last minute, one column each half second."""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt

from rtemo.gui import texts
from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.display_filter import DisplayBand, filtered_between
from rtemo.gui.painting.plot_axes import paint_axes
from rtemo.gui.painting.power import MAX_HZ, STEP_S, WINDOW_S, decibels, frequencies, grid_windows, window_power
from rtemo.gui.views.history_plot import MinuteAxis
from rtemo.gui.window_state import WindowState

SPAN_S = 60.0
LEVELS_DB = (-15.0, 20.0)
COLOURS = "viridis"  # as even in lightness as it is in numbers, and the same with any colour vision


class SpectrogramPlot(pg.PlotWidget):
    """x: seconds before now. Columns are kept, so that each is computed once."""

    def __init__(self, state: WindowState, theme: Theme) -> None:
        super().__init__(axisItems={"bottom": MinuteAxis("bottom")})
        self._state = state
        self._of: object = None  # what the columns were computed of
        self.columns: dict[int, np.ndarray] = {}  # by the number of their half second: decibels (F,)
        self._image = pg.ImageItem(axisOrder="col-major")
        self._image.setLookupTable(pg.colormap.get(COLOURS).getLookupTable(nPts=256))
        self._image.setLevels(LEVELS_DB)
        self.setAccessibleName(texts.SPECTROGRAM)
        self.viewport().setFocusPolicy(Qt.FocusPolicy.NoFocus)
        item = self.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.addItem(self._image)
        item.setLabel("left", texts.FREQUENCY)
        item.setXRange(-SPAN_S, 0, padding=0)
        item.setYRange(0, 50, padding=0)
        item.setLimits(xMin=-SPAN_S, xMax=0, yMin=0, yMax=MAX_HZ, minXRange=5, minYRange=2)
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        paint_axes(self, theme)

    def show_power(self, columns: list[int], band: DisplayBand, *, past: bool) -> None:
        """Compute the columns that are new, and paint those of the last minute. past: faded."""
        buffer, now_s = self._state.eeg, self._state.time_s
        of = (id(buffer), buffer.restarts, tuple(columns), band)
        if of != self._of:
            self._of, self.columns = of, {}
        self._compute(columns, band, now_s)
        oldest = math.ceil((now_s - SPAN_S) / STEP_S)
        self.columns = {k: column for k, column in self.columns.items() if k >= oldest}
        n = math.floor(now_s / STEP_S) - oldest + 1
        picture = np.full((n, len(frequencies())), np.nan)
        for k, column in self.columns.items():
            if k - oldest < n:
                picture[k - oldest] = column
        self._image.setImage(picture, autoLevels=False)
        left_s = oldest * STEP_S - now_s
        self._image.setRect(QRectF(left_s, 0, n * STEP_S, float(frequencies()[-1])))
        self._image.setOpacity(0.35 if past else 1.0)

    def _compute(self, columns: list[int], band: DisplayBand, now_s: float) -> None:
        newest = max(self.columns, default=-math.inf)
        begin_s = max(now_s - SPAN_S, newest * STEP_S) - WINDOW_S - STEP_S
        times, rows = filtered_between(self._state.eeg, band, begin_s, now_s)
        n = round(WINDOW_S * 200)
        for k, start in grid_windows(times).items():
            if k > newest:
                power = decibels(window_power(rows[start : start + n, columns]))
                self.columns[k] = np.median(power, axis=1)
