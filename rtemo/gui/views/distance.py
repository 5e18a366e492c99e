"""What can be read from two metres: whether it records, every stream, the emotion. As large as the window allows.

Everything follows the same rules as in the window: an alarm fills it, and what must not be believed is grey.
"""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QKeyEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from rtemo.core.types import StreamState
from rtemo.gui import texts
from rtemo.gui.alarms import AlarmWatch, distrust, is_silent
from rtemo.gui.painting.colours import Theme, emotion_colours
from rtemo.gui.painting.lamps import draw_lamp
from rtemo.gui.painting.theme import colour, poster_font
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import Phase, StreamStatus
from rtemo.presentation.numbers import clock, percent, seconds

LEFT, RIGHT, MIDDLE = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignVCenter
HEAD, FOOT = 0.26, 0.2  # of the height: recording or alarm, and the streams
EDGE = 0.03  # of the width


class DistanceView(QWidget):
    """Three bands: recording or alarm, emotion, streams. `shown`: their texts, for tests and screen readers."""

    def __init__(self, state: WindowState, theme: Theme) -> None:
        super().__init__()
        self._state, self._theme = state, theme
        self._watch = AlarmWatch(state)
        self.shown: dict[str, str] = {}
        self._level, self._trusted = "", False
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, on=False)
        self.setWindowTitle(texts.DISTANCE_TITLE)
        self.resize(1280, 720)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """Show what holds now."""
        alarms = self._watch.current()
        if not self.isVisible():
            return
        self._level = alarms[0].level if alarms else ""
        state, why = self._state, distrust(self._state)
        latest = state.latest
        self._trusted = not why and latest is not None and latest["emotion"] is not None
        self.shown = {
            "recording": self._recording(),
            "participant": " · ".join(filter(None, (state.subject if state.in_session else "", state.shown))),
            "alarm": alarms[0].worded(state.now_s) if alarms else "",
            "emotion": str(latest["emotion"]) if self._trusted else why or texts.CARD_ABSTAINED,
            "share": percent(latest["smoothed"][latest["emotion"]]) if self._trusted else "",
        }
        self.setAccessibleName(". ".join(text for text in self.shown.values() if text))
        self.update()

    def _recording(self) -> str:
        state, recording = self._state, self._state.recording
        if recording is not None and recording.state == "recording":
            started_s = state.session_started_s
            return texts.REC.format(time=clock(state.now_s - started_s) if math.isfinite(started_s) else "").strip()
        unrecorded = state.in_session and recording is None
        return texts.PHASES["unrecorded" if unrecorded else state.snapshot.phase.value]

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.resize(self.size().boundedTo(self.screen().availableSize()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """F11 fills the screen, Escape leaves it, and then closes the view."""
        if event.key() == Qt.Key.Key_F11 or (event.key() == Qt.Key.Key_Escape and self.isFullScreen()):
            self.showNormal() if self.isFullScreen() else self.showFullScreen()
        elif event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)

    # ------------------------------------------------------------------ painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), colour(self._theme.window))
        if not self.shown:
            return
        edge, height = EDGE * self.width(), self.height()
        room = QRectF(edge, 0, self.width() - 2 * edge, height)
        self._draw_head(painter, QRectF(room.left(), 0, room.width(), HEAD * height))
        self._draw_emotion(painter, QRectF(room.left(), HEAD * height, room.width(), (1 - HEAD - FOOT) * height))
        self._draw_streams(painter, QRectF(room.left(), (1 - FOOT) * height, room.width(), FOOT * height))

    def _draw_head(self, painter: QPainter, band: QRectF) -> None:
        theme, shown = self._theme, self.shown
        ground = {"bad": theme.bad, "warn": theme.warn}.get(self._level, theme.panel)
        painter.fillRect(QRectF(0, 0, self.width(), band.height()), colour(ground))
        ink = theme.window if self._level else theme.ink
        upper = QRectF(band.left(), 0, band.width(), band.height() * (0.5 if self._level else 1.0))
        person = _text(painter, upper, shown["participant"], 0.5, ink, RIGHT, most=0.4 * band.width())
        _text(painter, upper, shown["recording"], 0.62, ink, LEFT, most=band.width() - person - 20)
        if self._level:
            lower = upper.translated(0, upper.height())
            _text(painter, lower, shown["alarm"], 0.72, ink, LEFT)

    def _draw_emotion(self, painter: QPainter, band: QRectF) -> None:
        theme, state = self._theme, self._state
        if self._trusted and state.latest is not None:
            ink = emotion_colours(tuple(state.latest["smoothed"]))[state.latest["emotion"]]
            painter.fillRect(QRectF(0, band.top(), self.width(), band.height()), colour(ink, 0.18))
            painter.fillRect(QRectF(0, band.top(), 0.5 * band.left(), band.height()), colour(ink))
        word = theme.ink if self._trusted else theme.muted
        taken = _text(painter, band, self.shown["share"], 0.4, word, RIGHT, most=0.35 * band.width())
        _text(
            painter, band, self.shown["emotion"], 0.6 if self._trusted else 0.26, word, LEFT, band.width() - taken - 30
        )

    def _draw_streams(self, painter: QPainter, band: QRectF) -> None:
        streams = self._state.streams_in_use
        width = band.width() / max(1, len(streams))
        for k, stream in enumerate(streams):
            place = QRectF(band.left() + k * width, band.top(), width, band.height())
            silent = self._silent(stream)
            known = self._state.streams_known
            ink = self._theme.idle if not known else self._theme.bad if silent else self._theme.good
            lamp = 0.24 * band.height()
            at = QRectF(place.left(), place.center().y() - lamp / 2, lamp, lamp)
            draw_lamp(painter, at, ink, "unknown" if not known else "wrong" if silent else "good")
            words = place.adjusted(1.5 * lamp, 0, -10, 0)
            name = f"{stream.participant} {texts.ROLES.get(stream.role, stream.role)}".strip()
            _text(painter, words, f"{name} {self._word(stream, silent=silent)}", 0.3, self._theme.ink, LEFT)

    def _silent(self, stream: StreamStatus) -> bool:
        if self._state.snapshot.phase is Phase.REPLAY:
            return stream.state in (StreamState.LOST, StreamState.FAILED)
        return is_silent(self._state, stream)

    def _word(self, stream: StreamStatus, *, silent: bool) -> str:
        """A state in a word, of a silent stream with how long."""
        age_s = self._state.stream_age_s(stream)
        word = texts.STATES[stream.state.value]
        if not silent:
            return texts.STATES["streaming"] if stream.state is StreamState.STREAMING else word
        return f"{word if word != texts.STATES['streaming'] else texts.STATES['stalled']} {seconds(age_s)}"


def _text(
    painter: QPainter, room: QRectF, text: str, share: float, ink: str, side: Qt.AlignmentFlag, most: float = math.inf
) -> float:
    """Paint a text as high as a share of its room, smaller where it is too wide; returns its width."""
    if not text:
        return 0.0
    wide = min(most, room.width())
    made = poster_font(max(8.0, share * room.height() / 1.6), QFont.Weight.Bold)
    metrics = QFontMetricsF(made)
    if metrics.horizontalAdvance(text) > wide:
        made = poster_font(max(8.0, made.pointSizeF() * wide / metrics.horizontalAdvance(text)), QFont.Weight.Bold)
        metrics = QFontMetricsF(made)
    painter.setFont(made)
    painter.setPen(colour(ink))
    shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, wide)
    painter.drawText(room, side | MIDDLE | Qt.TextFlag.TextSingleLine, shown)
    return float(metrics.horizontalAdvance(shown))
