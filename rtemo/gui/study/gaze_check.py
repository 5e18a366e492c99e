"""Gaze check: five points on the participant's screen, and how far and how steadily gaze lies from them, in degrees."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QScreen
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from rtemo.core.channel_map import ViewGeometry
from rtemo.core.gaze.accuracy import FixatedPoint, GazeAccuracy, gaze_accuracy
from rtemo.gui.dialogs.fixation_cross import screens
from rtemo.gui.layout.scrolling_dialog import ScrollingDialog
from rtemo.gui.study import words
from rtemo.gui.study.form_rows import add_row, button, hint, new_form, rename
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.presentation.numbers import number, percent

POINTS = ((0.5, 0.5), (0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))
ARRIVE_S = 1.0  # for the eyes to come to a point
LOOK_S = 1.5  # how long gaze is measured there
LATE_S = 0.5  # for the last samples to arrive
GOOD_DEG, POOR_DEG = 1.0, 2.0  # accuracy; a face's features lie about 2 degrees apart at reading distance
GROUND, POINT, CENTRE = "#808080", "#101010", "#f4f4f4"


class PointScreen(QWidget):
    """One point on a grey screen. Esc or a click ends the check."""

    def __init__(self, screen: QScreen, closed: Callable[[], None]) -> None:
        super().__init__(None, Qt.WindowType.Window | Qt.WindowType.FramelessWindowHint)
        self.setWindowTitle(words.GAZE_CROSS)
        self.setScreen(screen)
        self.setGeometry(screen.geometry())
        self.setCursor(Qt.CursorShape.BlankCursor)
        self._closed, self.at = closed, POINTS[0]

    def show_point(self, at: tuple[float, float]) -> None:
        """Show the point at a canonical position."""
        self.at = at
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(GROUND))
        middle = QPointF(self.at[0] * self.width(), self.at[1] * self.height())
        size = max(8.0, 0.012 * self.height())
        painter.setPen(Qt.PenStyle.NoPen)
        for ink, radius in ((POINT, size), (CENTRE, 0.25 * size)):
            painter.setBrush(QColor(ink))
            painter.drawEllipse(middle, radius, radius)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._closed()

    def mousePressEvent(self, _event: QMouseEvent) -> None:
        self._closed()


class GazeCheckDialog(ScrollingDialog):
    """Runs the check by the window's clock and sends what was found to the engine."""

    def __init__(self, state: WindowState, send: Callable[..., None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(words.GAZE_CHECK)
        self.setMinimumWidth(500)
        self._state, self._send = state, send
        self._screens = screens()
        self.points: PointScreen | None = None
        self.begun_s = math.nan
        self.result: GazeAccuracy | None = None
        self.screen_box = QComboBox()
        self.screen_box.addItems([name for name, _ in self._screens])
        self.screen_box.setCurrentIndex(self.screen_box.count() - 1)  # the participant's is not the first one
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.message, self.verdict = hint(words.GAZE_ASK, ""), hint("", "muted")
        self.begin, self.close_button = button(words.GAZE_BEGIN, "start"), button(words.CLOSE)
        self.begin.clicked.connect(self.start)
        self.close_button.clicked.connect(self.close)
        form = new_form()
        add_row(form, words.GAZE_SCREEN, self.screen_box)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.close_button)
        row.addWidget(self.begin)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.setContentsMargins(18, 18, 18, 14)
        layout.addWidget(self.message)
        layout.addLayout(form)
        layout.addWidget(self.bar)
        layout.addWidget(self.verdict)
        layout.addLayout(row)
        self.refresh({SnapshotPart.STATE})

    @property
    def obstacle(self) -> str:
        """Why gaze cannot be checked, or empty."""
        if self._state.settings.scene is not None:
            return words.GAZE_NO_SCREEN
        gaze = [one for one in self._state.streams_of(self._state.shown) if one.role == "gaze"]
        silent = not gaze or self._state.is_past(self._state.gaze.newest_s)
        return words.GAZE_NO_STREAM if silent else ""

    def start(self) -> None:
        """Show the first point."""
        self._put_away()
        self.result, self.begun_s = None, self._state.now_s
        self.points = PointScreen(self._screens[self.screen_box.currentIndex()][1], self.stop)
        self.points.showFullScreen()
        self.refresh({SnapshotPart.STATE})

    def stop(self) -> None:
        """End without a result."""
        self.begun_s = math.nan
        self._put_away()
        self.refresh({SnapshotPart.STATE})

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """Show the point whose turn it is, then what was found."""
        running = math.isfinite(self.begun_s)
        obstacle = "" if running else self.obstacle
        self.begin.setEnabled(not running and not obstacle)
        self.screen_box.setEnabled(not running)
        if not running:
            self.bar.setValue(0 if self.result is None else 1000)
            if self.result is None:
                rename(self.message, obstacle or words.GAZE_ASK, "warn" if obstacle else "")
            return
        each_s, done_s = ARRIVE_S + LOOK_S, self._state.now_s - self.begun_s
        k = int(done_s / each_s)
        if done_s >= each_s * len(POINTS) + LATE_S:
            self._finish(each_s)
        elif k < len(POINTS) and self.points is not None:
            self.points.show_point(POINTS[k])
            rename(self.message, words.GAZE_RUNS.format(k=k + 1, n=len(POINTS)), "")
            self.bar.setValue(round(1000 * done_s / (each_s * len(POINTS))))

    def done(self, result: int) -> None:
        self._put_away()
        super().done(result)

    def _finish(self, each_s: float) -> None:
        times, rows = self._state.gaze.after(self.begun_s)
        seen = []
        for k, point in enumerate(POINTS):
            begin_s = self.begun_s + k * each_s + ARRIVE_S
            inside = (times >= begin_s) & (times < begin_s + LOOK_S)
            seen.append(FixatedPoint(point, np.asarray(rows[inside, :2], np.float64)))
        found = gaze_accuracy(seen, ViewGeometry.of_screen(self._state.settings.screen))
        self.result, self.begun_s = found, math.nan
        self._put_away()
        self.begin.setText(words.GAZE_AGAIN)
        if not math.isfinite(found.accuracy_deg):
            rename(self.message, words.GAZE_NOTHING, "bad")
            self.verdict.setText("")
        else:
            accuracy, precision = number(found.accuracy_deg, 2), number(found.precision_deg, 2)
            valid = percent(found.valid)
            rename(
                self.message, words.GAZE_RESULT.format(accuracy=accuracy, precision=precision, valid=valid), "strong"
            )
            level = "good" if found.accuracy_deg <= GOOD_DEG else "warn" if found.accuracy_deg <= POOR_DEG else "bad"
            rename(self.verdict, words.GAZE_VERDICTS[level], level)
            noise_deg = found.precision_deg if math.isfinite(found.precision_deg) else 0.0
            self._send("gaze_check", accuracy_deg=found.accuracy_deg, precision_deg=noise_deg, valid=float(found.valid))
        self.refresh({SnapshotPart.STATE})

    def _put_away(self) -> None:
        if self.points is not None:
            self.points.close()
            self.points.deleteLater()
            self.points = None
