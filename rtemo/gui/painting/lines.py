"""Paint lines through many points without a Python call for each point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QPainter, QPolygonF
from shiboken6 import Shiboken

POINT_BYTES = 16  # two doubles
LONG = 200


def polygon(x: NDArray[np.float64], y: NDArray[np.float64]) -> QPolygonF:
    """A QPolygonF of the points (n,)."""
    made = QPolygonF()
    made.resize(len(x))
    if len(x):
        memory = Shiboken.VoidPtr(made.data(), POINT_BYTES * len(x), True)  # noqa: FBT003 - writable
        points = np.frombuffer(memory, np.float64).reshape(-1, 2)
        points[:, 0], points[:, 1] = x, y
    return made


def draw_line(painter: QPainter, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    """Paint a line through the points (n,), broken where y is NaN."""
    there = np.isfinite(y)
    if there.all():
        if len(x) > 1:
            painter.drawPolyline(polygon(x, y))
        return
    edges = np.flatnonzero(np.diff(np.r_[False, there, False]))
    for first, last in zip(edges[0::2], edges[1::2], strict=True):
        if last - first > 1:
            painter.drawPolyline(polygon(x[first:last], y[first:last]))


def draw_lines(painter: QPainter, x: NDArray[np.float64], ys: NDArray[np.float64]) -> None:
    """Paint a line for each column of ys (n, C) over the same x (n,), broken where it is NaN.

    Short lines are painted as one path, which is several times cheaper; for long ones, one by one is cheaper.
    """
    from pyqtgraph.functions import arrayToQPath  # half a second to load: not before the window is there

    n, n_lines = ys.shape
    if n > LONG:
        for k in range(n_lines):
            draw_line(painter, x, ys[:, k])
    if not 1 < n <= LONG:
        return
    there = np.isfinite(ys)
    joined = np.zeros((n_lines, n), np.int32)
    joined[:, :-1] = (there[1:] & there[:-1]).T
    heights = np.where(there, ys, 0.0).T.ravel()
    painter.drawPath(arrayToQPath(np.tile(x, n_lines), heights, connect=joined.ravel(), finiteCheck=False))
