"""Scrolling traces in a ring buffer of pixels, of which only the new columns are painted.

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
from rtemo.gui.painting.ring_buffer import RingBuffer, decimate
from rtemo.gui.painting.theme import colour

GAP_S = 0.25  # samples further apart are not joined


@dataclass(frozen=True, slots=True)
class Trace:
    """Columns of a ring buffer painted in one colour. middles (C,): y of `zero`; per_unit: pixels per unit; reach: the
    pixels that it may leave its middle by, as a faulty channel must not cover its neighbours.
    """

    buffer: RingBuffer
    columns: np.ndarray
    middles: np.ndarray
    per_unit: float
    zero: float  # the value that lies at the middle
    pen: QColor
    reach: float = math.inf


class Strip:
    """Paints scrolling traces. The owner sets the geometry and the traces, and calls `advance` and `draw`."""

    def __init__(self) -> None:
        self._pixmap = QPixmap()
        self._width = self._height = 0
        self._ratio = 1.0
        self._per_s = 1.0
        self._epoch_s = 0.0
        self._head: int | None = None  # the last column that is painted
        self._traces: tuple[Trace, ...] = ()
        self._painted: dict[int, tuple[int, int]] = {}  # by id of the ring buffer: its restarts, rows painted
        self._background = QColor()
        self._grid = QColor()

    def resize(self, width: int, height: int, ratio: float) -> None:
        """Set the size in logical pixels, and the device pixels in each."""
        if (width, height, ratio) != (self._width, self._height, self._ratio) or self._pixmap.isNull():
            self._width, self._height, self._ratio = max(1, width), max(1, height), ratio
            self._pixmap = QPixmap(math.ceil(self._width * ratio), math.ceil(self._height * ratio))
            self._pixmap.setDevicePixelRatio(ratio)
            self._head = None

    def recolour(self, traces: tuple[Trace, ...]) -> None:
        """Change the colours of what is painted from now on. The lanes must be where they were."""
        self._traces = traces

    def show(self, traces: tuple[Trace, ...], span_s: float, theme: Theme) -> None:
        """Set the traces and the time span; everything is painted again."""
        self._traces = traces
        self._per_s = self._width / span_s
        self._background, self._grid = QColor(theme.panel), colour(theme.line, 0.55)
        self._head = None

    @property
    def painted(self) -> bool:
        """Whether there is anything to copy."""
        return self._head is not None and not self._pixmap.isNull()

    def x_of(self, time_s: float) -> float:
        """The x of a time, in pixels."""
        return self._width - 1 - ((self._head or 0) - (time_s - self._epoch_s) * self._per_s)

    def advance(self, now_s: float) -> bool:
        """Paint up to a time. Returns False where nothing changed."""
        if not math.isfinite(now_s) or self._pixmap.isNull():
            return False
        head = math.floor((now_s - self._epoch_s) * self._per_s)
        buffers = {id(trace.buffer): trace.buffer for trace in self._traces}
        known = self._painted
        restarted = any(key not in known or buffer.restarts != known[key][0] for key, buffer in buffers.items())
        if self._head is None or restarted or not 0 <= head - self._head < self._width:
            self._repaint(now_s)
            return True
        fresh = any(buffer.total > known[key][1] for key, buffer in buffers.items())
        if head == self._head and not fresh:
            return False
        painter = QPainter(self._pixmap)
        self._clear(painter, self._head + 1, head)
        self._head = head
        self._paint_new(painter)
        painter.end()
        return True

    def draw(self, painter: QPainter, x: int, y: int) -> None:
        """Copy the pixmap to the view, the newest column at the right."""
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
            times, rows = trace.buffer.after(oldest_s)
            self._paint(painter, trace, *decimate(times, rows[:, trace.columns], self._per_s))
        self._painted = {id(trace.buffer): (trace.buffer.restarts, trace.buffer.total) for trace in self._traces}
        painter.end()

    def _paint_new(self, painter: QPainter) -> None:
        """Paint the new rows, read once for all traces of a ring buffer."""
        fresh: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        for trace in self._traces:
            _, done = self._painted[id(trace.buffer)]
            if trace.buffer.total > done:
                if id(trace.buffer) not in fresh:
                    fresh[id(trace.buffer)] = decimate(
                        *trace.buffer.since(done - 1), self._per_s
                    )  # from the last painted on
                times, rows = fresh[id(trace.buffer)]
                self._paint(painter, trace, times, rows[:, trace.columns])
        self._painted = {id(trace.buffer): (trace.buffer.restarts, trace.buffer.total) for trace in self._traces}

    def _paint(self, painter: QPainter, trace: Trace, times: np.ndarray, rows: np.ndarray) -> None:
        if not len(times) or not rows.shape[1]:
            return
        rows[:-1][times[1:] - times[:-1] > GAP_S] = np.nan
        columns = (times - self._epoch_s) * self._per_s
        base = math.floor(columns[0] / self._width) * self._width
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(trace.pen, 1.0))
        ys = trace.middles - np.clip(trace.per_unit * (rows - np.float32(trace.zero)), -trace.reach, trace.reach)
        for _ in range(math.floor((columns[-1] - base + 2) / self._width) + 1):
            draw_lines(painter, columns - base, ys)
            painter.translate(-self._width, 0)
        painter.resetTransform()

    def _clear(self, painter: QPainter, first: int, last: int) -> None:
        """Clear columns, with a hairline at every tick."""
        if last < first:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        start, count = first % self._width, last - first + 1
        for at, width in ((start, min(count, self._width - start)), (0, count - (self._width - start))):
            if width > 0:
                painter.fillRect(QRectF(at, 0, width, self._height), self._background)
        painter.setPen(QPen(self._grid, 1))
        step = tick_step(self._width / self._per_s)
        origin = -(self._epoch_s % step)
        begin, end = (first / self._per_s - origin) / step, ((last + 1) / self._per_s - origin) / step
        for k in range(math.ceil(begin), math.ceil(end)):
            x = math.floor((origin + k * step) * self._per_s) % self._width
            painter.drawLine(QPointF(x, 0), QPointF(x, self._height))
        painter.setPen(Qt.PenStyle.NoPen)


def tick_step(span_s: float) -> int:
    """Seconds between two hairlines, for a time span."""
    return 1 if span_s <= 12 else 2 if span_s <= 24 else 5
