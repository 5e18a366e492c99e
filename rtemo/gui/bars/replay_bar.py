"""Replay controls: timeline with markers and reading progress, play and hold, speed, back to the live streams."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QElapsedTimer, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.text_labels import ElidedLabel, PlainLabel
from rtemo.gui.painting.theme import colour
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import ReplayView
from rtemo.presentation.numbers import clock, percent

STEP_S = 5.0
SCRUB_MS = 120  # least time between two seeks while the mouse is dragged
EDGE = 8  # pixels left and right of the track


class ReplayTimeline(QWidget):
    """A timeline to click and drag on. Emits the position in seconds from the recording's start."""

    moved = Signal(float)

    def __init__(self, state: WindowState, theme: Theme) -> None:
        super().__init__()
        self._state, self.theme = state, theme
        self._drag_s: float | None = None  # the position under the mouse while it is dragged
        self._last_seek = QElapsedTimer()
        self.setMinimumSize(160, 30)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def position_at(self, x: float) -> float:
        """The position at a pixel, seconds from the start."""
        replay = self._state.snapshot.replay
        length_s = replay.length_s if replay is not None else 0.0
        return length_s * max(0.0, min(1.0, (x - EDGE) / max(1, self.width() - 2 * EDGE)))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._move(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag_s is None:
            return
        self._drag_s = self.position_at(event.position().x())
        if self._last_seek.elapsed() >= SCRUB_MS:
            self._move(event)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._drag_s is not None:
            self._move(event)
            self._drag_s = None

    def _move(self, event: QMouseEvent) -> None:
        self._drag_s = self.position_at(event.position().x())
        self._last_seek.restart()
        self.moved.emit(self._drag_s)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        track = QRectF(EDGE, self.height() / 2 - 3, self.width() - 2 * EDGE, 6)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(self.theme.line, 0.55))
        painter.drawRoundedRect(track, 3, 3)
        replay = self._state.snapshot.replay
        if replay is None or not replay.length_s > 0:
            return
        self._fill(painter, track, replay.ready_s / replay.length_s, self.theme.line)
        position_s = self._state.replay_position_s if self._drag_s is None else self._drag_s
        x = self._fill(painter, track, position_s / replay.length_s, self.theme.accent)
        painter.setPen(QPen(colour(self.theme.ink), 1.5))
        for at in (track.left() + track.width() * replay.marks_s / replay.length_s).tolist():
            painter.drawLine(QPointF(at, track.top() - 7), QPointF(at, track.top() - 2))
        painter.setPen(QPen(colour(self.theme.panel), 2))
        painter.setBrush(colour(self.theme.ink))
        painter.drawEllipse(QPointF(x, track.center().y()), 7, 7)

    def _fill(self, painter: QPainter, track: QRectF, share: float, ink: str) -> float:
        """Paint a share of the track; return where it ends."""
        width = track.width() * max(0.0, min(1.0, share))
        painter.setBrush(colour(ink))
        painter.drawRoundedRect(QRectF(track.left(), track.top(), width, track.height()), 3, 3)
        return float(track.left() + width)


class ReplayBar(QWidget):
    """The controls that are shown while a recording is played."""

    def __init__(self, state: WindowState, theme: Theme, send: Callable[..., None]) -> None:
        super().__init__()
        self._state, self._send = state, send
        self.button = _button(texts.HOLD, texts.PLAY_TIP)
        self.button.setMinimumWidth(64)
        self.close_button = _button(texts.LEAVE, texts.LEAVE_TIP)
        self.timeline = ReplayTimeline(state, theme)
        self.name = ElidedLabel("", "")
        self.name.setMinimumWidth(120)
        self.clock = PlainLabel("")
        self.clock.setMinimumWidth(130)
        self.clock.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.speed = QComboBox()
        self.speed.addItems([f"{factor:g} ×" for factor in texts.SPEEDS])
        self.speed.setCurrentIndex(texts.SPEEDS.index(1.0))
        self.speed.setToolTip(texts.SPEED_TIP)
        self.speed.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.speed.setAccessibleName(texts.SPEED_TIP)
        self.participant = QComboBox()
        self.participant.setToolTip(texts.PARTICIPANT_TIP)
        self.participant.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.participant.setAccessibleName(texts.PARTICIPANT_TIP)
        self.participant.hide()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        layout.addWidget(self.button)
        layout.addWidget(self.name, 1)
        layout.addWidget(self.participant)
        layout.addWidget(self.timeline, 6)
        for widget in (self.clock, self.speed, self.close_button):
            layout.addWidget(widget)
        self.button.clicked.connect(self.toggle)
        self.close_button.clicked.connect(lambda: send("close_replay"))
        self.timeline.moved.connect(lambda position: send("seek", position_s=position))
        self.speed.activated.connect(lambda k: send("speed", factor=texts.SPEEDS[k]))
        self.participant.textActivated.connect(lambda who: send("show_participant", participant=who))

    @property
    def active(self) -> bool:
        return self._state.snapshot.replay is not None

    def toggle(self) -> None:
        """Play or hold, where a recording is open."""
        replay = self._state.snapshot.replay
        if replay is not None:
            self._send("hold" if replay.playing else "play")

    def step(self, by_s: float) -> None:
        """Seek backward or forward."""
        replay = self._state.snapshot.replay
        if replay is not None:
            wanted = self._state.replay_position_s + by_s
            self._send("seek", position_s=max(0.0, min(replay.length_s, wanted)))

    def step_speed(self, by: int) -> None:
        """The next slower or faster speed."""
        if self.active:
            k = max(0, min(len(texts.SPEEDS) - 1, self.speed.currentIndex() + by))
            self.speed.setCurrentIndex(k)
            self._send("speed", factor=texts.SPEEDS[k])

    def set_theme(self, theme: Theme) -> None:
        self.timeline.theme = theme
        self.timeline.update()

    def refresh(self, changed: set[SnapshotPart]) -> None:
        """Show the position."""
        replay = self._state.snapshot.replay
        if replay is None:
            return
        self.timeline.update()
        if SnapshotPart.STATE in changed:
            self._show(replay)

    def _show(self, replay: ReplayView) -> None:
        self.name.setText(Path(replay.path).name)
        self._show_participants(replay)
        self.button.setText(texts.HOLD if replay.playing else texts.PLAY)
        if replay.speed in texts.SPEEDS and not self.speed.view().isVisible():
            self.speed.setCurrentIndex(texts.SPEEDS.index(replay.speed))
        self.clock.setText(f"{clock(self._state.replay_position_s)} / {clock(replay.length_s)}")
        if replay.waiting:
            share = replay.ready_s / replay.length_s if replay.length_s > 0 else math.nan
            self.clock.setText(texts.READING.format(share=percent(share)))

    def _show_participants(self, replay: ReplayView) -> None:
        """The choice among several; not while it is open, so that nothing moves under the mouse."""
        choice = self.participant
        if choice.view().isVisible():
            return
        if [choice.itemText(k) for k in range(choice.count())] != list(replay.participants):
            choice.clear()
            choice.addItems(replay.participants)
        choice.setCurrentText(replay.participant)
        choice.setVisible(len(replay.participants) > 1)


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
