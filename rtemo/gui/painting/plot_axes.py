"""Colours and letters of a pyqtgraph plot's axes; loaded by the plots alone, as pyqtgraph takes half a second."""

from __future__ import annotations

import pyqtgraph as pg

from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.theme import SMALL, font


def paint_axes(plot: pg.PlotWidget, theme: Theme, ground: str = "") -> None:
    """Give a plot's ground and its left and bottom axes the colours of a theme. ground: else that of a panel."""
    plot.setBackground(ground or theme.panel)
    for side in ("left", "bottom"):
        axis = plot.getPlotItem().getAxis(side)
        axis.setPen(pg.mkPen(theme.line))
        axis.setTextPen(pg.mkPen(theme.muted))
        axis.setTickFont(font(SMALL))
        axis.label.setFont(font(SMALL))
