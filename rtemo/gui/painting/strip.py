"""The scrolling strip: traces in a ring of pixels, of which only the new columns are painted.

Time t lies in column t * pixels_per_s of an endless strip; a pixmap as wide as the view holds its newest part, wrapped
around. A frame clears the columns that became visible, paints the samples that came, and copies the pixmap in two
pieces, so its cost does not grow with the time shown. Lanes: EEG channels above, then gaze x, gaze y and pupil.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap

from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.lines import draw_lines
from rtemo.gui.painting.ring_buffer import SignalRing, thin
from rtemo.gui.painting.theme import colour

GAP_S = 0.25  # samples further apart are not joined


@dataclass(frozen=True, slots=True)
class Trace:
    """Some columns of a ring that are painted in one colour. middles (C,): y of zero; per_unit: pixels per unit."""

    ring: SignalRing
    columns: np.ndarray
    middles: np.ndarray
    per_unit: float
    zero: float  # the value that lies at the middle
    pen: QColor


class Strip:
    """Paints traces over time. The owner sets the geometry, gives the traces, and calls `advance` and `draw`."""

    def __init__(self) -> None:
        self._pixmap = QPixmap()
        self._width = self._height = 0
        self._ratio = 1.0
        self._per_s = 1.0
        self._epoch_s = 0.0
        self._head: int | None = None  # the last column that is painted
        self._traces: tuple[Trace, ...] = ()
        self._painted: dict[int, tuple[int, int]] = {}  # for each ring, by id: its restarts, rows painted
        self._ground = QColor()
        self._grid = QColor()

    def resize(self, width: int, height: int, ratio: float) -> None:
        """Size in logical pixels and pixels for each of them."""
        if (width, height, ratio) != (self._width, self._height, self._ratio) or self._pixmap.isNull():
            self._width, self._height, self._ratio = max(1, width), max(1, height), ratio
            self._pixmap = QPixmap(math.ceil(self._width * ratio), math.ceil(self._height * ratio))
            self._pixmap.setDevicePixelRatio(ratio)
            self._head = None

    def recolour(self, traces: tuple[Trace, ...]) -> None:
        """Other inks from now on; what is painted stays as it is. The lanes must be where they were."""
        self._traces = traces

    def show(self, traces: tuple[Trace, ...], span_s: float, theme: Theme) -> None:
        """What is painted from now on; everything is painted again."""
        self._traces = traces
        self._per_s = self._width / span_s
        self._ground, self._grid = QColor(theme.panel), colour(theme.line, 0.55)
        self._head = None

    @property
    def painted(self) -> bool:
        """Whether there is anything to copy."""
        return self._head is not None and not self._pixmap.isNull()

    def x_of(self, time_s: float) -> float:
        """Where a time lies in the view."""
        return self._width - 1 - ((self._head or 0) - (time_s - self._epoch_s) * self._per_s)

    def advance(self, now_s: float) -> bool:
        """Paint up to a time; False where nothing moved."""
        if not math.isfinite(now_s) or self._pixmap.isNull():
            return False
        head = math.floor((now_s - self._epoch_s) * self._per_s)
        rings = {id(trace.ring): trace.ring for trace in self._traces}
        known = self._painted
        restarted = any(key not in known or ring.restarts != known[key][0] for key, ring in rings.items())
        if self._head is None or restarted or not 0 <= head - self._head < self._width:
            self._repaint(now_s)
            return True
        fresh = any(ring.total > known[key][1] for key, ring in rings.items())
        if head == self._head and not fresh:
            return False
        painter = QPainter(self._pixmap)
        self._clear(painter, self._head + 1, head)
        self._head = head
        self._paint_new(painter)
        painter.end()
        return True

    def draw(self, painter: QPainter, x: int, y: int) -> None:
        """Copy the strip to the view, the newest column at the right."""
        if self._head is None or not self.painted:
            return
        cut = (self._head + 1) % self._width  # the oldest column
        left = self._width - cut
        r = self._ratio
        for at, start, width in ((x, cut, left), (x + left, 0, cut)):
            if width:
                source = QRectF(start * r, 0, width * r, self._height * r)
                painter.drawPixmap(QRectF(at, y, width, self._height), self._pixmap, source)

    def _repaint(self, now_s: float) -> None:
        self._epoch_s = math.floor(now_s)  # small numbers of columns, so that floats stay exact
        self._head = math.floor((now_s - self._epoch_s) * self._per_s)
        oldest_s = now_s - self._width / self._per_s
        painter = QPainter(self._pixmap)
        self._clear(painter, self._head - self._width + 1, self._head)
        for trace in self._traces:
            times, rows = trace.ring.after(oldest_s)
            self._paint(painter, trace, *thin(times, rows[:, trace.columns], self._per_s))
        self._painted = {id(trace.ring): (trace.ring.restarts, trace.ring.total) for trace in self._traces}
        painter.end()

    def _paint_new(self, painter: QPainter) -> None:
        """What came since, read once for all traces of a ring."""
        came: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        for trace in self._traces:
            _, done = self._painted[id(trace.ring)]
            if trace.ring.total > done:
                if id(trace.ring) not in came:
                    came[id(trace.ring)] = thin(*trace.ring.since(done - 1), self._per_s)  # from the last painted on
                times, rows = came[id(trace.ring)]
                self._paint(painter, trace, times, rows[:, trace.columns])
        self._painted = {id(trace.ring): (trace.ring.restarts, trace.ring.total) for trace in self._traces}

    def _paint(self, painter: QPainter, trace: Trace, times: np.ndarray, rows: np.ndarray) -> None:
        if not len(times) or not rows.shape[1]:
            return
        rows[:-1][times[1:] - times[:-1] > GAP_S] = np.nan
        columns = (times - self._epoch_s) * self._per_s
        base = math.floor(columns[0] / self._width) * self._width
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(trace.pen, 1.0))
        ys = trace.middles - trace.per_unit * (rows - np.float32(trace.zero)).astype(np.float64)
        for _ in range(math.floor((columns[-1] - base + 2) / self._width) + 1):
            draw_lines(painter, columns - base, ys)
            painter.translate(-self._width, 0)
        painter.resetTransform()

    def _clear(self, painter: QPainter, first: int, last: int) -> None:
        """Empty columns with a hairline at every second, whatever lies in them."""
        if last < first:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        start, count = first % self._width, last - first + 1
        for at, width in ((start, min(count, self._width - start)), (0, count - (self._width - start))):
            if width > 0:
                painter.fillRect(QRectF(at, 0, width, self._height), self._ground)
        painter.setPen(QPen(self._grid, 1))
        step = tick_step(self._width / self._per_s)
        origin = -(self._epoch_s % step)
        begin, end = (first / self._per_s - origin) / step, ((last + 1) / self._per_s - origin) / step
        for k in range(math.ceil(begin), math.ceil(end)):
            x = math.floor((origin + k * step) * self._per_s) % self._width
            painter.drawLine(QPointF(x, 0), QPointF(x, self._height))
        painter.setPen(Qt.PenStyle.NoPen)


def tick_step(span_s: float) -> int:
    """Seconds between two hairlines."""
    return 1 if span_s <= 12 else 2 if span_s <= 24 else 5
