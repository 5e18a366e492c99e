"""The past of the signals in a plot to zoom and pan in, with a cursor that reads values. It never shows the present as
such: it stands still, says how long ago its end was, and is tinted.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout

from rtemo.gui import texts
from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.display_filter import BANDS, filtered_between
from rtemo.gui.painting.plot_axes import paint_axes
from rtemo.gui.painting.ring_buffer import decimate
from rtemo.gui.painting.text_labels import ElidedLabel, PlainLabel, mark_text
from rtemo.gui.painting.theme import BODY, SMALL, colour, font
from rtemo.gui.views.signals import lanes
from rtemo.gui.views.signals.canvas import NEAR_S, scale_bar, turn_wheel
from rtemo.gui.views.signals.lanes import FAULTY, FAULTY_REACH, GOOD_REACH, PUPIL_MM, ChannelsInView
from rtemo.gui.window_state import HISTORY_S, WindowState
from rtemo.presentation.numbers import clock, number, seconds

MIN_SPAN_S = 0.2
PAINT_MS = 25  # at most so often while it is zoomed or moved
LABEL_PX = 13.0
LEAST_PX = 26  # of the plot: all bars together leave no more on full HD at 200 %
MARK_PX = 130  # of marks closer together, only the first has its label
GAP_S = 0.25
GUTTER = 92
CURSOR_SHARE = 0.01  # of the time shown, for a step by keys
GAZE_HEIGHT = 0.09  # of the plot, for each of the three lanes
MAX_MARKS = 60


class PastAxis(pg.AxisItem):
    """Time of day, or time since the start of a recording."""

    def __init__(self, past: PastSignals) -> None:
        super().__init__("bottom")
        self._past = past

    def tickStrings(self, values: list[float], _scale: float, spacing: float) -> list[str]:
        digits = 0 if spacing >= 1 else 1 if spacing >= 0.1 else 2 if spacing >= 0.01 else 3
        return [self._past.clock_text(self._past.epoch_s + value, digits) for value in values]


class PastPlot(pg.PlotWidget):
    """The wheel zooms in time; with Ctrl it changes the scale, with Shift it moves through the channels."""

    scale_turned = Signal(int)
    channels_turned = Signal(int)
    zoomed = Signal(int)
    cursor_stepped = Signal(int)

    def wheelEvent(self, event: QWheelEvent) -> None:
        held = event.modifiers()
        if held & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier):
            turn_wheel(event, self.zoomed, self.scale_turned, self.channels_turned)
        else:
            super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and event.key() in steps:
            self.cursor_stepped.emit(steps[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)


class PastSignals(QFrame):
    """Signals of the last HISTORY_S seconds. `live`: the user wants the present again."""

    live = Signal()

    def __init__(self, state: WindowState, theme: Theme, view: ChannelsInView) -> None:
        super().__init__()
        self.setObjectName("past")
        self._state, self._theme, self._view = state, theme, view
        self.scale_uv, self.band = 50.0, BANDS[0]
        self.epoch_s = 0.0  # x counts from here, so that floats stay exact
        self.restarts = -1
        self.cursor_s, self._row = math.nan, 0.0
        self.when = PlainLabel(texts.PAST, "pastmark")
        self.about = ElidedLabel("", "strong")
        self.reading = ElidedLabel("", "")
        self.back = QPushButton(texts.LIVE)
        self.back.setToolTip(texts.LIVE_TIP)
        self.back.setProperty("role", "start")
        self.back.clicked.connect(self.live)
        self._axis = PastAxis(self)
        self.plot = PastPlot(axisItems={"bottom": self._axis})
        self.plot.setMinimumHeight(LEAST_PX)
        self.plot.setAccessibleName(texts.PAST)
        self.plot.setToolTip(f"{texts.PAST_HELP}\n{texts.CURSOR_KEYS}")
        self.plot.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.plot.viewport().setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._curves = [pg.PlotCurveItem() for _ in range(4)]  # by ink, then the gaze
        self._cursor = pg.InfiniteLine(angle=90)
        self._bar, self._bar_text = pg.PlotCurveItem(), pg.TextItem(anchor=(1, 0.5))
        self._marks: list[tuple[pg.InfiniteLine, pg.TextItem]] = []
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAINT_MS)
        self._timer.timeout.connect(self.paint)
        self._lay_out()
        self._prepare()
        self.set_theme(theme)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(10, 4, 8, 4)
        top.setSpacing(10)
        top.addWidget(self.when)
        top.addWidget(self.about, 1)
        top.addWidget(self.back)
        below = QHBoxLayout()
        below.setContentsMargins(10, 2, 8, 4)
        below.addWidget(self.reading, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(self.plot, 1)
        layout.addLayout(below)

    def _prepare(self) -> None:
        item = self.plot.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setMouseEnabled(x=True, y=False)
        item.setYRange(0, 1, padding=0)
        item.getViewBox().invertY(b=True)
        item.getAxis("left").setWidth(GUTTER)
        item.showGrid(x=True, y=False, alpha=0.2)
        for curve in self._curves:
            item.addItem(curve, ignoreBounds=True)
        for part in (self._cursor, self._bar, self._bar_text):
            item.addItem(part, ignoreBounds=True)
        self._bar_text.textItem.setFont(font(SMALL))
        item.getViewBox().sigXRangeChanged.connect(lambda *_: self._timer.isActive() or self._timer.start())
        self.plot.scene().sigMouseMoved.connect(self._follow_mouse)
        self.plot.cursor_stepped.connect(self.step_cursor)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        paint_axes(self.plot, theme, theme.raised)
        self._cursor.setPen(pg.mkPen(theme.accent, width=1.2))
        self._bar.setPen(pg.mkPen(theme.ink, width=2))
        self._bar_text.setColor(colour(theme.ink))
        self._bar_text.fill = pg.mkBrush(colour(theme.raised, 0.88))
        for curve, ink in zip(self._curves, (*lanes.inks(theme), theme.accent), strict=True):
            curve.setPen(pg.mkPen(ink, width=1))
        self.paint()

    # ------------------------------------------------------------------ the time shown

    @property
    def range_s(self) -> tuple[float, float]:
        """The time shown, LSL seconds."""
        low, high = self.plot.getPlotItem().viewRange()[0]
        return self.epoch_s + low, self.epoch_s + high

    def enter(self, span_s: float) -> None:
        """Show the newest seconds, which stand still from now on."""
        now_s = self._state.time_s
        self.restarts = self._state.eeg.restarts + self._state.gaze.restarts
        self.epoch_s = math.floor(now_s)
        self.cursor_s = now_s - span_s / 2
        self._limit()
        self.show_range(now_s - span_s, now_s)

    def show_range(self, begin_s: float, end_s: float) -> None:
        """Show a stretch of time."""
        self.plot.getPlotItem().setXRange(begin_s - self.epoch_s, end_s - self.epoch_s, padding=0)
        self.paint()

    def move(self, by_s: float) -> None:
        """Move backward or forward."""
        begin_s, end_s = self.range_s
        oldest_s, newest_s = self._ends()
        by_s = max(oldest_s - begin_s, min(newest_s - end_s, by_s))
        self.show_range(begin_s + by_s, end_s + by_s)
        self.cursor_s += by_s
        self._read()

    def zoom(self, factor: float) -> None:
        """Show more or less time around the cursor."""
        begin_s, end_s = self.range_s
        middle_s = self.cursor_s if begin_s <= self.cursor_s <= end_s else (begin_s + end_s) / 2
        self.show_range(middle_s - (middle_s - begin_s) * factor, middle_s + (end_s - middle_s) * factor)

    def step_cursor(self, by: int) -> None:
        """Move the cursor by a hundredth of what is shown."""
        begin_s, end_s = self.range_s
        moved_s = self.cursor_s + by * CURSOR_SHARE * (end_s - begin_s)
        self.cursor_s = max(begin_s, min(end_s, moved_s))
        self._read()

    def _ends(self) -> tuple[float, float]:
        """The oldest and the newest time that can be shown."""
        oldest = [t for t in (self._state.eeg.oldest_s, self._state.gaze.oldest_s) if math.isfinite(t)]
        newest_s = self._state.time_s
        return max(min(oldest, default=newest_s), newest_s - HISTORY_S), newest_s

    def _limit(self) -> None:
        oldest_s, newest_s = self._ends()
        span_s = max(MIN_SPAN_S, newest_s - oldest_s)
        limits = {"xMin": newest_s - span_s - self.epoch_s, "xMax": newest_s - self.epoch_s}
        self.plot.getPlotItem().setLimits(**limits, minXRange=MIN_SPAN_S, maxXRange=span_s)

    # ------------------------------------------------------------------ painting

    def refresh(self) -> None:
        """Show how long ago it is; leave where the recording was sought in, as this past is gone."""
        state = self._state
        if state.eeg.restarts + state.gaze.restarts != self.restarts:
            self.live.emit()
            return
        self._limit()
        self._describe()
        self._read()

    def clock_text(self, time_s: float, digits: int = 0) -> str:
        """A time as time of day, in a replay as time since the recording's start."""
        wall_s, part = self._state.wall_s(time_s), f"{time_s % 1:.{digits}f}"[1:] if digits else ""
        if math.isfinite(wall_s):
            part = f"{wall_s % 1:.{digits}f}"[1:] if digits else ""
            return datetime.fromtimestamp(wall_s).strftime("%H:%M:%S") + part
        since_s = self._state.since_start_s(time_s)
        return (clock(since_s) if math.isfinite(since_s) else number(time_s - self._state.time_s, 0, "s")) + part

    def paint(self) -> None:
        """Paint what is in the time shown."""
        self._timer.stop()
        if self.restarts < 0:
            return
        begin_s, end_s = self.range_s
        self._paint_eeg(begin_s, end_s)
        self._paint_gaze(begin_s, end_s)
        self._place_marks(begin_s, end_s)
        self._label_lanes()
        self._place_scale(begin_s, end_s)
        self._describe()
        self._read()

    @property
    def _eeg_share(self) -> float:
        """The part of the height that the EEG has."""
        if not len(self._state.gaze):
            return 1.0
        return 1 - 3 * GAZE_HEIGHT if self._view.n else 0.0

    def _paint_eeg(self, begin_s: float, end_s: float) -> None:
        shown = self._view.lanes()
        lane = self._eeg_share / max(1, len(shown))
        times, rows = filtered_between(self._state.eeg, self.band, begin_s, end_s)
        per_s = max(1.0, self.plot.width()) / max(MIN_SPAN_S, end_s - begin_s)
        times, rows = decimate(times, rows, per_s) if len(times) else (times, rows)
        for kind in range(FAULTY + 1):
            mine = [(row, one.column) for row, one in enumerate(shown) if lanes.ink_number(row, one) == kind]
            middles = np.array([(row + 0.5) * lane for row, _ in mine])
            reach = FAULTY_REACH if kind == FAULTY else GOOD_REACH
            values = np.clip(rows[:, [column for _, column in mine]] / self.scale_uv, -reach, reach)
            self._set(self._curves[kind], times, middles - lane * values)

    def _paint_gaze(self, begin_s: float, end_s: float) -> None:
        times, rows = self._state.gaze.between(begin_s, end_s)
        if not len(times):
            self._curves[-1].setData([], [])
            return
        per_s = max(1.0, self.plot.width()) / max(MIN_SPAN_S, end_s - begin_s)
        times, rows = decimate(times, rows, per_s)
        height = 0.9 * (1 - self._eeg_share) / 3
        middles = np.array([self._gaze_middle(k) for k in (0, 1, 2, 2)])
        half = (PUPIL_MM[1] - PUPIL_MM[0]) / 2
        up = np.stack([rows[:, 0] - 0.5, 0.5 - rows[:, 1], *((rows[:, k] - 4.5) / (2 * half) for k in (2, 3))], axis=1)
        self._set(self._curves[-1], times, middles - height * np.clip(up, -0.6, 0.6))

    def _gaze_middle(self, lane: int) -> float:
        return self._eeg_share + (lane + 0.5) * (1 - self._eeg_share) / 3

    def _set(self, curve: pg.PlotCurveItem, times: np.ndarray, ys: np.ndarray) -> None:
        """All lines of one ink as one path, which is many times cheaper than a path each."""
        n, n_lines = ys.shape
        if n < 2 or not n_lines:
            curve.setData([], [])
            return
        there = np.isfinite(ys)
        joined = np.zeros((n_lines, n), np.int32)
        joined[:, :-1] = (there[1:] & there[:-1] & (times[1:] - times[:-1] <= GAP_S)[:, None]).T
        x = np.tile(times - self.epoch_s, n_lines)
        curve.setData(x, np.where(there, ys, 0.0).T.ravel(), connect=joined.ravel(), skipFiniteCheck=True)

    def _label_lanes(self) -> None:
        shown = self._view.lanes()
        lane = self._eeg_share / max(1, len(shown))
        height = self.plot.getPlotItem().getViewBox().height()
        step = max(1, math.ceil(LABEL_PX / max(1.0, lane * height)))
        ticks = [((row + 0.5) * lane, f"{one.label}  {one.why()}".strip()) for row, one in enumerate(shown)]
        named = [ticks[row] for row in sorted(lanes.named_rows(shown, step))]
        if len(self._state.gaze):
            each = ((0, texts.GAZE_X), (1, texts.GAZE_Y), (2, texts.PUPIL))
            room = height * (1 - self._eeg_share) / 3 >= LABEL_PX
            named += [(self._gaze_middle(k), text) for k, text in (each if room else ((1, texts.GAZE_ALL),))]
        self.plot.getPlotItem().getAxis("left").setTicks([named])

    def _place_marks(self, begin_s: float, end_s: float) -> None:
        inside = [event for event in self._state.marks if begin_s <= event["time_s"] <= end_s][-MAX_MARKS:]
        while len(self._marks) < len(inside):
            line, text = pg.InfiniteLine(angle=90), pg.TextItem(anchor=(0, 0))
            for part in (line, text):
                self.plot.addItem(part, ignoreBounds=True)
            text.textItem.setFont(font(SMALL))
            self._marks.append((line, text))
        px_per_s = max(1, self.plot.width()) / max(MIN_SPAN_S, end_s - begin_s)
        free_s = -math.inf
        for k, (line, text) in enumerate(self._marks):
            shown = k < len(inside)
            labelled = shown and inside[k]["time_s"] >= free_s
            line.setVisible(shown)
            text.setVisible(labelled)
            if shown:
                self._place_mark(line, text, inside[k], px_per_s * (end_s - inside[k]["time_s"]))
            if labelled:
                free_s = inside[k]["time_s"] + MARK_PX / px_per_s

    def _place_mark(self, line: pg.InfiniteLine, text: pg.TextItem, event: dict[str, Any], room_px: float) -> None:
        """room_px: up to the right edge."""
        ink, x = self._theme.accent if event["kind"] == "annotation" else self._theme.muted, event["time_s"]
        line.setPen(pg.mkPen(colour(ink, 0.8), width=1, style=Qt.PenStyle.DashLine))
        line.setPos(x - self.epoch_s)
        text.setPlainText(mark_text(str(event["text"]), min(MARK_PX, room_px), QFontMetrics(text.textItem.font())))
        text.setColor(colour(ink))
        text.setPos(x - self.epoch_s, 0.0)

    def _place_scale(self, begin_s: float, end_s: float) -> None:
        """Place a bar at the right edge, as high as so many microvolts."""
        lane = self._eeg_share / max(1, self._view.count)
        times, text = scale_bar(lane * self.plot.height(), self.scale_uv)
        x, foot = end_s - 0.012 * (end_s - begin_s) - self.epoch_s, self._eeg_share - 0.02
        self._bar.setData([x, x], [foot, foot - times * lane])
        self._bar_text.setPlainText(text)
        self._bar_text.setPos(x - 0.004 * (end_s - begin_s), foot - times * lane / 2)
        for part in (self._bar, self._bar_text):
            part.setVisible(self._view.n > 0)

    def _describe(self) -> None:
        begin_s, end_s = self.range_s
        digits = 0 if end_s - begin_s >= 2 else 2
        ago = seconds(max(0.0, self._state.now_s - end_s))
        self.about.setText(
            texts.PAST_UNTIL.format(begin=self.clock_text(begin_s, digits), end=self.clock_text(end_s, digits), age=ago)
        )

    # ------------------------------------------------------------------ the cursor

    def _follow_mouse(self, place: QPointF) -> None:
        box = self.plot.getPlotItem().getViewBox()
        if box.sceneBoundingRect().contains(place):
            self.cursor_s = self.epoch_s + box.mapSceneToView(place).x()
            self._read(box.mapSceneToView(place).y())

    def _read(self, height: float = math.nan) -> None:
        """Show the values at the cursor: of the channel under the mouse, or of the first, and of the gaze."""
        if not math.isfinite(self.cursor_s):
            return
        self._cursor.setPos(self.cursor_s - self.epoch_s)
        shown, parts = self._view.lanes(), [self.clock_text(self.cursor_s, 3)]
        if math.isfinite(height):
            self._row = height / max(self._eeg_share, 1e-9) * len(shown)
        row = max(0, min(int(self._row), len(shown) - 1))
        begin_s, end_s = self.cursor_s - NEAR_S, self.cursor_s + NEAR_S
        times, rows = filtered_between(self._state.eeg, self.band, begin_s, end_s)
        if shown and len(times):
            nearest = rows[int(np.argmin(np.abs(times - self.cursor_s)))]
            parts.append(lanes.values_text(shown[row].label, float(nearest[shown[row].column])))
        times, rows = self._state.gaze.between(begin_s, end_s)
        if len(times):
            nearest = rows[int(np.argmin(np.abs(times - self.cursor_s)))]
            parts.append(lanes.gaze_text(*map(float, nearest)))
        self.reading.setFont(font(BODY))
        self.reading.setText("     ".join(parts))
