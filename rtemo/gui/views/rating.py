"""View in which somebody rates valence and arousal all the time, by arrow keys or mouse.

The place is sent as an LSL stream of its own, by this window, while the view is in sight: the recorder takes it as it
takes the ratings of any other program, and no engine is needed for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QFocusEvent, QFont, QHideEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.text_labels import ElidedLabel
from rtemo.gui.painting.theme import BODY, SMALL, colour, font
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.presentation.numbers import number

TICK_MS = 50  # the stream's 20 Hz
STEP = 0.05  # of a key that is pressed
HELD_TICKS, HELD_STEP = 5, 0.03  # a key that is held moves the place on after so many ticks, and by so much with each
MARGIN = 26
_MOVES = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}


class Outlet(Protocol):
    """What sends a rating; see rtemo.live.output.outlet.RatingOutlet."""

    source_id: str

    def push(self, valence: float, arousal: float) -> None: ...

    def close(self) -> None: ...


def open_outlet() -> Outlet:
    """The LSL stream of this computer's ratings."""
    from rtemo.live.output.outlet import RatingOutlet  # loaded when it is wanted: the window opens faster

    return RatingOutlet()


class RatingView(QWidget):
    """A button that sends, what becomes of it, and the plane."""

    def __init__(self, state: WindowState, theme: Theme, opened: Callable[[], Outlet] = open_outlet) -> None:
        super().__init__()
        self._state, self._opened = state, opened
        self._outlet: Outlet | None = None
        self._failure = ""
        self.plane = RatingPlane(theme)
        self.send = QPushButton(texts.SEND_RATINGS)
        self.send.setCheckable(True)
        self.send.toggled.connect(self._switch)
        self.says = ElidedLabel(texts.RATINGS_NOT_SENT, "muted")
        self.timer = QTimer(self)
        self.timer.setTimerType(Qt.TimerType.PreciseTimer)
        self.timer.setInterval(TICK_MS)
        self.timer.timeout.connect(self.tick)
        top = QHBoxLayout()
        top.setContentsMargins(10, 2, 10, 2)
        top.addWidget(self.send)
        top.addWidget(self.says, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 0, 4, 4)
        layout.addLayout(top)
        layout.addWidget(self.plane, 1)
        self.setMinimumSize(200, 200)

    def set_theme(self, theme: Theme) -> None:
        self.plane.theme = theme
        self.plane.update()

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """Say whether the ratings are sent, read and recorded."""
        self.says.setText(self._failure or self._becomes())

    def tick(self) -> None:
        """Send the place as it is now, after what the keys that are held do."""
        self.plane.go_on()
        if self._outlet is not None:
            self._outlet.push(*self.plane.place)

    def hideEvent(self, event: QHideEvent) -> None:
        if not event.spontaneous():  # out of sight nobody rates; a window that the system hides may be on its way back
            self.send.setChecked(False)
        super().hideEvent(event)

    def _switch(self, on: bool) -> None:  # noqa: FBT001 - a slot
        self._failure = ""
        if on:
            try:
                self._outlet = self._opened()
            except Exception as error:  # noqa: BLE001 - LSL's own
                self.send.setChecked(False)
                self._failure = texts.RATINGS_FAILED.format(why=error)
                self.refresh(set())
                return
            self.plane.setFocus(Qt.FocusReason.OtherFocusReason)
            self.timer.start()
        else:
            self.timer.stop()
            outlet, self._outlet = self._outlet, None
            if outlet is not None:
                outlet.close()
        self.refresh(set())

    def _becomes(self) -> str:
        """What becomes of the ratings, by what the engine sees of their stream."""
        if self._outlet is None:
            return texts.RATINGS_NOT_SENT
        state, source = self._state, self._outlet.source_id
        seen = next((one for one in state.snapshot.streams if one.source_id == source), None)
        if seen is None or not state.streams_known or not state.stream_age_s(seen) <= state.limit_s:
            return texts.RATINGS_UNREAD
        return texts.RATINGS_RECORDED if state.recording is not None and seen.recorded else texts.RATINGS_READ


class RatingPlane(QWidget):
    """Valence to the right, arousal up, both from -1 to 1."""

    own_keys = (*_MOVES, Qt.Key.Key_Home)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self.place = (0.0, 0.0)
        self._held: dict[int, int] = {}  # key -> ticks for which it has been held
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(texts.RATING_PLANE)
        self.setAccessibleDescription(texts.RATING_KEYS)
        self.setToolTip(texts.RATING_KEYS)
        self.setMinimumSize(150, 130)

    def put(self, valence: float, arousal: float) -> None:
        """Rate; what lies outside is put onto the edge."""
        self.place = (min(max(valence, -1.0), 1.0), min(max(arousal, -1.0), 1.0))
        self.setAccessibleName(f"{texts.RATING_PLANE}: {self._worded()}")
        self.update()

    def go_on(self) -> None:
        """Move on by the keys that are held; call TICK_MS after the last time."""
        for key, ticks in self._held.items():
            self._held[key] = ticks + 1
            if ticks >= HELD_TICKS:
                self._move(Qt.Key(key), HELD_STEP)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Home:
            self.put(0.0, 0.0)
        elif key not in _MOVES:
            super().keyPressEvent(event)
        elif not event.isAutoRepeat():
            self._held[key] = 0
            self._move(key, STEP)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not event.isAutoRepeat():
            self._held.pop(event.key(), None)
        super().keyReleaseEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.update()
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._held.clear()  # their release is told to somebody else
        self.update()
        super().focusOutEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._put_at(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._put_at(event.position())

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter, theme, square = QPainter(self), self.theme, self._square
        painter.fillRect(self.rect(), colour(theme.panel))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colour(theme.accent if self.hasFocus() else theme.line), 2))
        painter.setBrush(colour(theme.window))
        painter.drawRect(square)
        painter.setPen(QPen(colour(theme.line), 1.2))
        middle = square.center()
        painter.drawLine(QPointF(square.left(), middle.y()), QPointF(square.right(), middle.y()))
        painter.drawLine(QPointF(middle.x(), square.top()), QPointF(middle.x(), square.bottom()))
        painter.setFont(font(SMALL))
        painter.setPen(colour(theme.muted))
        painter.drawText(square.adjusted(6, 4, -6, 0), Qt.AlignmentFlag.AlignHCenter, texts.AROUSAL)
        below = QRectF(square.left(), middle.y() + 3, square.width() - 6, 18)
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, texts.VALENCE)
        painter.setFont(font(BODY, QFont.Weight.DemiBold))
        painter.setPen(colour(theme.ink))
        words = self._worded() if self.hasFocus() else texts.RATING_CLICK
        foot = QRectF(4, square.bottom() + 4, self.width() - 8, MARGIN - 6)
        text = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, int(foot.width()))
        painter.drawText(foot, Qt.AlignmentFlag.AlignCenter, text)
        at = middle + QPointF(self.place[0], -self.place[1]) * (square.width() / 2)
        painter.setPen(QPen(colour(theme.panel), 2))
        painter.setBrush(colour(theme.accent))
        painter.drawEllipse(at, 9, 9)

    @property
    def _square(self) -> QRectF:
        edge = max(60.0, min(self.width() - 16, self.height() - MARGIN - 8))
        return QRectF((self.width() - edge) / 2, 6, edge, edge)

    def _worded(self) -> str:
        valence, arousal = (number(one, 2) for one in self.place)
        return f"{texts.VALENCE} {valence}   {texts.AROUSAL} {arousal}"

    def _move(self, key: Qt.Key, by: float) -> None:
        x, y = _MOVES[key]
        self.put(round(self.place[0] + x * by, 6), round(self.place[1] + y * by, 6))

    def _put_at(self, at: QPointF) -> None:
        square = self._square
        away = (at - square.center()) / (square.width() / 2)
        self.put(away.x(), -away.y())
