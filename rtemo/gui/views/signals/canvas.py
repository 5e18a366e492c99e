"""Canvas of the live signals: EEG, gaze and pupil over time, with markers, blinks, a scale bar and a cursor."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.cached_picture import CachedPicture
from rtemo.gui.painting.colours import FAULTS, Theme
from rtemo.gui.painting.display_filter import BANDS, DisplayFilter
from rtemo.gui.painting.strip import Strip, Trace, tick_step
from rtemo.gui.painting.text_labels import mark_text
from rtemo.gui.painting.theme import SMALL, colour, font
from rtemo.gui.views.signals import lanes
from rtemo.gui.views.signals.lanes import FAULTY, FAULTY_REACH, GOOD_REACH, PUPIL_MM, ChannelsInView, Lane
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import ChannelStatus
from rtemo.presentation.numbers import number

GUTTER, TOP, FOOT, GAZE_LANE = 92, 8, 22, 46  # pixels
MAX_MARKS = 60
LABEL_PX = 13.0  # labels closer together than this are thinned out
MARK_PX = 184  # that a marker's text may take
DRAG_PX = 6  # a drag that is longer looks back
BAR_MIN_PX = 14.0  # the scale bar is that high at least
NEAR_S = 0.05  # a sample this close to the cursor is read


class SignalCanvas(QWidget):
    """Paints the scrolling signals. `scale_uv` is the height of one lane.

    Signals: dragged by so many seconds into the past; turned wheels: steps of the time span, of the scale, of channels.
    """

    dragged = Signal(float)
    span_turned = Signal(int)
    scale_turned = Signal(int)
    channels_turned = Signal(int)

    def __init__(self, state: WindowState, theme: Theme, view: ChannelsInView) -> None:
        super().__init__()
        self._state, self._theme, self._view = state, theme, view
        self._cursor: QPointF | None = None
        self._pressed: QPointF | None = None
        self._strip = Strip()
        self._filter = DisplayFilter(state.eeg, BANDS[0])
        self.band = BANDS[0]
        self._background = CachedPicture(self, self._paint_background)
        self._n_set_up = 0
        self._lanes_shown: object = None
        self._stale = True
        self.scale_uv, self.span_s = 50, 10
        self.setMinimumSize(140, 80)
        self.setMouseTracking(True)
        self.setAccessibleName(texts.SIGNALS)
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
        return [(lane.column, lane.label, lane.status) for lane in self._view.lanes()]

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn_wheel(event, self.span_turned, self.scale_turned, self.channels_turned)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._cursor = event.position()
        if self._pressed is not None and abs(self._cursor.x() - self._pressed.x()) > DRAG_PX:
            self.dragged.emit((self._cursor.x() - self._pressed.x()) * self.span_s / max(1, self.width() - GUTTER))
            self._pressed = self._cursor
        self.update()

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        self._pressed = None

    def leaveEvent(self, _event: QEvent) -> None:
        self._cursor = None
        self.update()

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
        return [lane.label for lane in self._view.lanes()], self._has_gaze

    def _set_up(self) -> None:
        self._stale, self._lanes_shown = False, self._lanes
        self._strip.resize(self.width() - GUTTER, self.height() - TOP - FOOT, self.devicePixelRatioF())
        self._strip.show(tuple(self._traces()), self.span_s, self._theme)
        self._n_set_up += 1

    def _traces(self) -> Iterator[Trace]:
        shown = self._view.lanes()
        lane = self._eeg_height / max(1, len(shown))
        for kind, ink in enumerate(lanes.inks(self._theme)):
            mine = [(row, one.column) for row, one in enumerate(shown) if lanes.ink_number(row, one) == kind]
            if mine:
                rows, columns = np.array(mine).T
                reach = lane * (FAULTY_REACH if kind == FAULTY else GOOD_REACH)
                middles, per_unit = (rows + 0.5) * lane, lane / self.scale_uv
                yield Trace(self._filter.buffer, columns, middles, per_unit, 0.0, colour(ink), reach)
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
                yield Trace(
                    gaze, np.array(columns), middles, per_unit, zero, colour(self._theme.accent), 0.6 * self._gaze_lane
                )

    def _gaze_middle(self, lane: int) -> float:
        return self._eeg_height + 6 + (lane + 0.5) * self._gaze_lane

    def _paint_background(self, painter: QPainter) -> None:
        """Paint the channels' names, and the seconds before the right edge."""
        self._draw_seconds(painter)
        painter.translate(0, TOP)
        shown = self._view.lanes()
        lane = self._eeg_height / max(1, len(shown))
        painter.setFont(font(SMALL))
        step = max(1, math.ceil(LABEL_PX / lane))
        named = lanes.named_rows(shown, step)
        for row, one in enumerate(shown):
            if one.faulty:
                self._draw_fault_mark(painter, (row + 0.5) * lane, one, high=step == 1)
            if row in named:
                self._draw_channel_label(painter, (row + 0.5) * lane, one)
        if self._has_gaze:
            painter.setPen(colour(self._theme.muted))
            named = ((0, texts.GAZE_X), (1, texts.GAZE_Y), (2, texts.PUPIL))
            for lane_number, text in named if self._gaze_lane >= LABEL_PX else ((1, texts.GAZE_ALL),):
                where = QRectF(8, self._gaze_middle(lane_number) - 10, GUTTER - 16, 20)
                painter.drawText(where, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

    def _draw_seconds(self, painter: QPainter) -> None:
        painter.setFont(font(SMALL))
        painter.setPen(colour(self._theme.muted))
        width, step = self.width() - GUTTER, tick_step(self.span_s)
        for back in range(step, self.span_s, step):
            x = self.width() - 1 - width * back / self.span_s
            where = QRectF(x - 40, self.height() - FOOT + 2, 80, FOOT - 4)
            painter.drawText(where, Qt.AlignmentFlag.AlignCenter, f"\N{MINUS SIGN}{back} s")

    def _draw_fault_mark(self, painter: QPainter, y: float, lane: Lane, *, high: bool) -> None:
        assert lane.status is not None
        mark, _letter = FAULTS.get(lane.status.fault, (self._theme.faint, ""))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(mark))
        painter.drawRect(QRectF(GUTTER - 5, y - 5, 3, 10) if high else QRectF(GUTTER - 5, y - 2.5, 3, 5))

    def _draw_channel_label(self, painter: QPainter, y: float, lane: Lane) -> None:
        words = f"{lane.label}  {lane.why()}".strip()
        text = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, GUTTER - 16)
        painter.setPen(colour(self._theme.faint if lane.faulty else self._theme.muted))
        where = QRectF(4, y - 9, GUTTER - 14, 18)
        painter.drawText(where, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

    def _draw_over(self, painter: QPainter) -> None:
        """Paint over the traces: blinks, markers, the time axis."""
        theme, now = self._theme, self._state.time_s
        bottom = self.height() - FOOT
        painter.setPen(QPen(colour(theme.line), 1))
        painter.drawLine(QPointF(GUTTER, bottom), QPointF(self.width(), bottom))
        if self._has_gaze:
            for lane_number in range(3):
                y = TOP + self._gaze_middle(lane_number) - self._gaze_lane / 2
                painter.drawLine(QPointF(GUTTER, y), QPointF(self.width(), y))
        if not math.isfinite(now):
            return
        painter.setClipRect(GUTTER, 0, self.width() - GUTTER, self.height())
        self._draw_blinks(painter, now, bottom)
        painter.setFont(font(SMALL))
        self._draw_marks(painter, now, bottom)
        if self._view.n:
            self._draw_scale(painter)
        if self._cursor is not None and self._cursor.x() > GUTTER and self._cursor.y() < bottom:
            self._draw_cursor(painter, self._cursor, now, bottom)

    def _draw_scale(self, painter: QPainter) -> None:
        """Paint a bar at the right edge, as high as so many microvolts."""
        lane = self._eeg_height / max(1, self._view.count)
        times, text = scale_bar(lane, self.scale_uv)
        painter.setFont(font(SMALL))
        width = painter.fontMetrics().horizontalAdvance(text)
        foot = TOP + self._eeg_height - 6
        box = QRectF(self.width() - width - 30, foot - times * lane - 4, width + 24, times * lane + 8)
        box = box.united(QRectF(box.left(), foot - 14, box.width(), 18))
        painter.fillRect(box, colour(self._theme.panel, 0.88))
        x = self.width() - 14
        painter.setPen(QPen(colour(self._theme.ink), 2))
        painter.drawLine(QPointF(x, foot), QPointF(x, foot - times * lane))
        words = QRectF(box.left(), foot - times * lane / 2 - 10, width + 6, 20)
        painter.drawText(words, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

    def _draw_cursor(self, painter: QPainter, at: QPointF, now: float, bottom: float) -> None:
        """Paint a line under the mouse, and what is read there."""
        time_s = now - (self.width() - 1 - at.x()) * self.span_s / max(1, self.width() - GUTTER)
        painter.setPen(QPen(colour(self._theme.accent), 1))
        painter.drawLine(QPointF(at.x(), TOP), QPointF(at.x(), bottom))
        text = self.reading(time_s, at.y(), now)
        painter.setFont(font(SMALL))
        width = painter.fontMetrics().horizontalAdvance(text) + 16
        left = max(GUTTER, min(at.x() + 8, self.width() - width))
        box = QRectF(left, max(TOP, min(at.y() - 26, bottom - 22)), width, 20)
        painter.fillRect(box, colour(self._theme.raised))
        painter.setPen(colour(self._theme.ink))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def reading(self, time_s: float, y: float, now: float) -> str:
        """What is read at a time: the channel whose lane is at y, or the gaze below them."""
        when = number(time_s - now, 2, "s")
        shown, row = self._view.lanes(), int((y - TOP) / self._eeg_height * self._view.count) if self._view.n else 0
        in_eeg = bool(shown) and y - TOP < self._eeg_height
        buffer = self._filter.buffer if in_eeg else self._state.gaze
        times, rows = buffer.between(time_s - NEAR_S, time_s + NEAR_S)
        if not len(times):
            return when
        nearest = rows[int(np.argmin(np.abs(times - time_s)))]
        if not in_eeg:
            return f"{when}   {lanes.gaze_text(*map(float, nearest))}"
        lane = shown[max(0, min(row, len(shown) - 1))]
        return f"{when}   {lanes.values_text(lane.label, float(nearest[lane.column]))}"

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
        theme, next_x = self._theme, float(self.width())
        for event in islice(reversed(self._state.marks), MAX_MARKS):
            if not now - self.span_s <= event["time_s"] <= now:
                continue
            x = GUTTER + self._strip.x_of(event["time_s"])
            ink = theme.accent if event["kind"] == "annotation" else theme.ink
            painter.setPen(QPen(colour(ink, 0.8), 1.2))
            painter.drawLine(QPointF(x, 0), QPointF(x, bottom))
            text = mark_text(str(event["text"]), min(MARK_PX, next_x - x), painter.fontMetrics())
            if text:
                box = QRectF(x + 1, 2, painter.fontMetrics().horizontalAdvance(text) + 10, 17)
                painter.fillRect(box, colour(theme.raised, 0.92))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
            next_x = min(next_x, x)


def scale_bar(lane_px: float, lane_uv: float) -> tuple[int, str]:
    """How many lanes high a scale bar is, so that it can be seen, and what it says."""
    times = next(k for k in (1, 2, 5, 10, 20, 50, 100) if k * lane_px >= BAR_MIN_PX or k == 100)
    return times, number(times * lane_uv, 0, "µV")


def turn_wheel(event: QWheelEvent, plain: Signal, control: Signal, shift: Signal) -> None:
    """Give a step of the wheel to the signal that belongs to the keys held; Qt turns it sideways with some of them."""
    turned = event.angleDelta().y() or event.angleDelta().x()
    if turned:
        held = event.modifiers()
        chosen = control if held & Qt.KeyboardModifier.ControlModifier else plain
        (shift if held & Qt.KeyboardModifier.ShiftModifier else chosen).emit(-1 if turned > 0 else 1)
    event.accept()
