"""Many points as lines, painted without a Python call for each point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QPainter, QPolygonF
from shiboken6 import Shiboken

POINT_BYTES = 16  # two doubles


def polygon(x: NDArray[np.float64], y: NDArray[np.float64]) -> QPolygonF:
    """The points (n,) as Qt's list of points."""
    made = QPolygonF()
    made.resize(len(x))
    if len(x):
        memory = Shiboken.VoidPtr(made.data(), POINT_BYTES * len(x), True)  # noqa: FBT003 - writable
        points = np.frombuffer(memory, np.float64).reshape(-1, 2)
        points[:, 0], points[:, 1] = x, y
    return made


def draw_line(painter: QPainter, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    """A line through the points (n,), broken where y is NaN."""
    there = np.isfinite(y)
    if there.all():
        if len(x) > 1:
            painter.drawPolyline(polygon(x, y))
        return
    edges = np.flatnonzero(np.diff(np.r_[False, there, False]))
    for first, last in zip(edges[0::2], edges[1::2], strict=True):
        if last - first > 1:
            painter.drawPolyline(polygon(x[first:last], y[first:last]))
