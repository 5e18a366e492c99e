"""The replay's timeline with the markers met so far, play and hold, speed."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QWidget

from rtemo.gui import texts
from rtemo.gui.colours import Theme
from rtemo.gui.labels import PlainLabel
from rtemo.gui.model import GuiModel, Part
from rtemo.gui.theme import colour
from rtemo.gui.wording import clock
from rtemo.live.snapshot import Phase, Progress

STEP_S = 5.0


class Timeline(QWidget):
    """A bar to click and drag on. Emits the position in seconds from the recording's start."""

    moved = Signal(float)

    def __init__(self, model: GuiModel, theme: Theme) -> None:
        super().__init__()
        self._model, self.theme = model, theme
        self.setMinimumSize(160, 30)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def position_at(self, x: float) -> float:
        """Seconds from the start under a place."""
        progress = self._model.snapshot.progress
        if progress is None or not math.isfinite(progress.total_s):
            return 0.0
        return progress.total_s * max(0.0, min(1.0, (x - 6) / max(1, self.width() - 12)))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.moved.emit(self.position_at(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.moved.emit(self.position_at(event.position().x()))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        track = QRectF(6, self.height() / 2 - 3, self.width() - 12, 6)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(self.theme.line))
        painter.drawRoundedRect(track, 3, 3)
        progress = self._model.snapshot.progress
        if progress is None or not progress.total_s > 0:
            return
        x = track.left() + track.width() * min(1.0, progress.done_s / progress.total_s)
        painter.setBrush(colour(self.theme.accent))
        painter.drawRoundedRect(QRectF(track.left(), track.top(), x - track.left(), 6), 3, 3)
        self._draw_marks(painter, track, progress)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(self.theme.ink))
        painter.drawEllipse(QPointF(x, track.center().y()), 7, 7)

    def _draw_marks(self, painter: QPainter, track: QRectF, progress: Progress) -> None:
        start_s = self._model.time_s - progress.done_s
        painter.setPen(QPen(colour(self.theme.warn), 1.5))
        for event in self._model.marks:
            share = (event["time_s"] - start_s) / progress.total_s
            if 0 <= share <= 1:
                x = track.left() + share * track.width()
                painter.drawLine(QPointF(x, track.top() - 6), QPointF(x, track.top() - 1))


class ReplayBar(QWidget):
    """Shown while a recording is played."""

    def __init__(self, model: GuiModel, theme: Theme, send: Callable[..., None]) -> None:
        super().__init__()
        self._model, self._send = model, send
        self.playing = True
        self.button = QPushButton(texts.HOLD)
        self.button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.timeline = Timeline(model, theme)
        self.clock = PlainLabel("")
        self.speed = QComboBox()
        self.speed.addItems([f"{factor:g} ×" for factor in texts.SPEEDS])
        self.speed.setCurrentIndex(texts.SPEEDS.index(1.0))
        self.speed.setToolTip(texts.SPEED_TIP)
        self.speed.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        layout.addWidget(self.button)
        layout.addWidget(self.timeline, 1)
        layout.addWidget(self.clock)
        layout.addWidget(self.speed)
        self.button.clicked.connect(self.toggle)
        self.timeline.moved.connect(lambda position: send("seek", position_s=position))
        self.speed.activated.connect(lambda k: send("speed", factor=texts.SPEEDS[k]))

    @property
    def active(self) -> bool:
        return self._model.snapshot.phase == Phase.REPLAY

    def toggle(self) -> None:
        """Play or hold, where a recording is open."""
        if not self.active:
            return
        self.playing = not self.playing
        self._send("play" if self.playing else "hold")
        self.button.setText(texts.HOLD if self.playing else texts.PLAY)

    def step(self, by_s: float) -> None:
        """Move back or on."""
        progress = self._model.snapshot.progress
        if self.active and progress is not None:
            last = progress.total_s if math.isfinite(progress.total_s) else math.inf
            self._send("seek", position_s=max(0.0, min(last, progress.done_s + by_s)))

    def opened(self) -> None:
        """Another recording plays from its start, at normal speed."""
        self.playing = True
        self.button.setText(texts.HOLD)
        self.speed.setCurrentIndex(texts.SPEEDS.index(1.0))

    def set_theme(self, theme: Theme) -> None:
        self.timeline.theme = theme
        self.timeline.update()

    def refresh(self, _changed: set[Part]) -> None:
        """Show the position."""
        progress = self._model.snapshot.progress
        if self.active and progress is not None:
            self.clock.setText(f"{clock(progress.done_s)} / {clock(progress.total_s)}")
            self.timeline.update()
