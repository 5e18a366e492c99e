"""Canvas of the signals: EEG, gaze and pupil over time, with markers and blinks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.cached_picture import CachedPicture
from rtemo.gui.painting.colours import FAULTS, Theme
from rtemo.gui.painting.display_filter import BANDS, DisplayFilter
from rtemo.gui.painting.strip import Strip, Trace, tick_step
from rtemo.gui.painting.theme import colour, font
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import ChannelStatus

GUTTER, TOP, FOOT, GAZE_LANE = 92, 8, 22, 46  # pixels
MAX_MARKS = 60
PUPIL_MM = (2.0, 7.0)  # the range that the pupil's lane shows
LABEL_PX = 11.0  # labels closer together than this are thinned out


class SignalCanvas(QWidget):
    """Paints the scrolling signals. `scale_uv` is the height of one lane."""

    def __init__(self, state: WindowState, theme: Theme) -> None:
        super().__init__()
        self._state, self._theme = state, theme
        self._strip = Strip()
        self._filter = DisplayFilter(state.eeg, BANDS[0])
        self.band = BANDS[0]
        self._background = CachedPicture(self, self._paint_background)
        self._n_set_up = 0
        self._lanes_shown: object = None
        self._stale = True
        self.scale_uv, self.span_s, self.rows, self.first = 50, 10, 0, 0
        self.setMinimumSize(240, 160)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.restart()

    def restart(self) -> None:
        """Paint everything again."""
        self._stale = True
        self.update()

    def refresh(self, changed: set[SnapshotPart]) -> None:
        """Advance to the newest samples; lay out the lanes again when channels or streams changed."""
        if self._lanes != self._lanes_shown:
            self._stale = True
        if self._filter.source is not self._state.eeg or self._filter.band is not self.band:
            self._filter = DisplayFilter(self._state.eeg, self.band)
            self._stale = True
        self._filter.update()
        if self._stale:
            self._set_up()
        elif SnapshotPart.CHANNELS in changed:
            self._strip.recolour(tuple(self._traces()))
            self._n_set_up += 1
        if self._strip.advance(self._state.time_s) or changed & {
            SnapshotPart.EVENTS,
            SnapshotPart.GAZE_EVENTS,
            SnapshotPart.CHANNELS,
        }:
            self.update()

    @property
    def channels(self) -> list[tuple[int, str, ChannelStatus | None]]:
        """Column, label and status of the EEG channels that are in view."""
        known = self._state.snapshot.channels
        n = self._state.eeg.n_columns
        count = min(n, self.rows or n)
        self.first = max(0, min(self.first, n - count))
        return [
            (k, known[k].label if k < len(known) else str(k + 1), known[k] if k < len(known) else None)
            for k in range(self.first, self.first + count)
        ]

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.rows:
            self.first -= int(math.copysign(max(1, self.rows // 8), event.angleDelta().y()))
            self.restart()
        event.accept()

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self._stale = True

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._stale:
            self._set_up()
            self._strip.advance(self._state.time_s)
        painter = QPainter(self)
        self._background.draw(painter, self._theme, self._n_set_up)
        self._strip.draw(painter, GUTTER, TOP)
        self._draw_over(painter)

    @property
    def _eeg_height(self) -> float:
        return self.height() - TOP - FOOT - (3 * self._gaze_lane + 6 if self._has_gaze else 0)

    @property
    def _has_gaze(self) -> bool:
        return len(self._state.gaze) > 0

    @property
    def _gaze_lane(self) -> float:
        return min(GAZE_LANE, 0.09 * self.height())

    @property
    def _lanes(self) -> object:
        """What the layout of the lanes depends on, beside the size."""
        return [label for _, label, _ in self.channels], self._has_gaze

    def _set_up(self) -> None:
        self._stale, self._lanes_shown = False, self._lanes
        self._strip.resize(self.width() - GUTTER, self.height() - TOP - FOOT, self.devicePixelRatioF())
        self._strip.show(tuple(self._traces()), self.span_s, self._theme)
        self._n_set_up += 1

    def _traces(self) -> Iterator[Trace]:
        theme, channels = self._theme, self.channels
        lane = self._eeg_height / max(1, len(channels))
        inks = {0: theme.trace, 1: theme.trace_alternate, 2: theme.faint}
        for kind, ink in inks.items():
            mine = [(row, column) for row, (column, _, state) in enumerate(channels) if _kind(row, state) == kind]
            if mine:
                rows, columns = np.array(mine).T
                opacity = 0.55 if kind == 2 else 1.0
                yield Trace(
                    self._filter.buffer, columns, (rows + 0.5) * lane, lane / self.scale_uv, 0.0, colour(ink, opacity)
                )
        if self._has_gaze:
            gaze = self._state.gaze
            unit = 0.9 * self._gaze_lane
            pupil = unit / (PUPIL_MM[1] - PUPIL_MM[0])
            for lane_number, columns, per_unit, zero in (
                (0, [0], unit, 0.5),
                (1, [1], -unit, 0.5),
                (2, [2, 3], pupil, 4.5),
            ):
                middles = np.full(len(columns), self._gaze_middle(lane_number))
                yield Trace(gaze, np.array(columns), middles, per_unit, zero, colour(theme.accent))

    def _gaze_middle(self, lane: int) -> float:
        return self._eeg_height + 6 + (lane + 0.5) * self._gaze_lane

    def _paint_background(self, painter: QPainter) -> None:
        """Paint the channels' names, and the seconds before the right edge."""
        self._draw_seconds(painter)
        painter.translate(0, TOP)
        channels = self.channels
        lane = self._eeg_height / max(1, len(channels))
        painter.setFont(font(max(6.5, min(9.5, 0.55 * lane))))
        step = max(1, math.ceil(LABEL_PX / lane))
        for row, (_, label, state) in enumerate(channels):
            bad = state is not None and bool(state.fault or state.excluded)
            if bad or row % step == 0:
                self._draw_channel_label(painter, (row + 0.5) * lane, label, state, full=step == 1)
        if self._has_gaze:
            painter.setFont(font(8.5))
            painter.setPen(colour(self._theme.muted))
            for number, text in enumerate((texts.GAZE_X, texts.GAZE_Y, texts.PUPIL)):
                where = QRectF(8, self._gaze_middle(number) - 10, GUTTER - 16, 20)
                painter.drawText(where, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

    def _draw_seconds(self, painter: QPainter) -> None:
        painter.setFont(font(8.5))
        painter.setPen(colour(self._theme.muted))
        width, step = self.width() - GUTTER, tick_step(self.span_s)
        for back in range(step, self.span_s, step):
            x = self.width() - 1 - width * back / self.span_s
            where = QRectF(x - 40, self.height() - FOOT + 2, 80, FOOT - 4)
            painter.drawText(where, Qt.AlignmentFlag.AlignCenter, f"\N{MINUS SIGN}{back} s")

    def _draw_channel_label(
        self, painter: QPainter, y: float, label: str, state: ChannelStatus | None, *, full: bool
    ) -> None:
        bad = state is not None and bool(state.fault or state.excluded)
        if bad and state is not None:
            mark, _letter = FAULTS.get(state.fault, (self._theme.faint, ""))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(mark))
            painter.drawRect(QRectF(GUTTER - 5, y - 2.5, 3, 5) if not full else QRectF(GUTTER - 5, y - 5, 3, 10))
        if bad and not full:
            return
        why = ""
        if bad and state is not None:
            why = "  " + (texts.EXCLUDED.split()[0] if state.excluded else state.fault.split()[0])
        text = painter.fontMetrics().elidedText(label + why, Qt.TextElideMode.ElideRight, GUTTER - 16)
        painter.setPen(colour(self._theme.faint if bad else self._theme.muted))
        where = QRectF(4, y - 9, GUTTER - 14, 18)
        painter.drawText(where, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

    def _draw_over(self, painter: QPainter) -> None:
        """Paint over the traces: blinks, markers, the time axis."""
        theme, now = self._theme, self._state.time_s
        bottom = self.height() - FOOT
        painter.setPen(QPen(colour(theme.line), 1))
        painter.drawLine(QPointF(GUTTER, bottom), QPointF(self.width(), bottom))
        if self._has_gaze:
            for number in range(3):
                y = TOP + self._gaze_middle(number) - self._gaze_lane / 2
                painter.drawLine(QPointF(GUTTER, y), QPointF(self.width(), y))
        if not math.isfinite(now):
            return
        painter.setClipRect(GUTTER, 0, self.width() - GUTTER, self.height())
        self._draw_blinks(painter, now, bottom)
        painter.setFont(font(8.5))
        self._draw_marks(painter, now, bottom)

    def _draw_blinks(self, painter: QPainter, now: float, bottom: float) -> None:
        if not self._has_gaze:
            return
        top = TOP + self._gaze_middle(0) - self._gaze_lane / 2
        for event in reversed(self._state.gaze_events):
            if event.end_s < now - self.span_s:
                break
            if event.kind == "blink":
                left, right = self._strip.x_of(event.start_s), self._strip.x_of(event.end_s)
                where = QRectF(GUTTER + left, top, max(2.0, right - left), bottom - top)
                painter.fillRect(where, colour(self._theme.muted, 0.25))

    def _draw_marks(self, painter: QPainter, now: float, bottom: float) -> None:
        theme = self._theme
        for event in islice(reversed(self._state.marks), MAX_MARKS):
            if not now - self.span_s <= event["time_s"] <= now:
                continue
            x = GUTTER + self._strip.x_of(event["time_s"])
            ink = theme.accent if event["kind"] == "annotation" else theme.ink
            painter.setPen(QPen(colour(ink, 0.8), 1.2))
            painter.drawLine(QPointF(x, 0), QPointF(x, bottom))
            text = painter.fontMetrics().elidedText(str(event["text"]), Qt.TextElideMode.ElideRight, 170)
            box = QRectF(x + 1, 2, painter.fontMetrics().horizontalAdvance(text) + 10, 17)
            painter.fillRect(box, colour(theme.raised, 0.92))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def _kind(row: int, state: ChannelStatus | None) -> int:
    """Index of the colour: even row, odd row, or out of use."""
    return 2 if state is not None and (state.fault or state.excluded) else row % 2
