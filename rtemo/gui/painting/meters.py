"""Bar meters: a value with its name, a bar for each emotion, and a bar for each part of an explanation."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.colours import Theme, emotion_colours
from rtemo.gui.painting.theme import BODY, LARGE, SMALL, colour, font
from rtemo.presentation.numbers import percent

LEFT, RIGHT = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
MIDDLE = Qt.AlignmentFlag.AlignVCenter
ROOMY_PX = 260  # bars that are wider have large text


class Meter(QWidget):
    """A name, a value as text and a bar from 0 to `full`, with an optional mark at a limit."""

    def __init__(self, name: str, theme: Theme, full: float = 1.0, limit: float | None = None) -> None:
        super().__init__()
        self._name, self._theme, self._full, self._limit = name, theme, full, limit
        self._value, self.text, self._ink = math.nan, "–", ""
        self.setFixedHeight(34)
        self.setMinimumWidth(60)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def show_value(self, value: float, text: str, *, poor: bool = False, bad: bool = False) -> None:
        """Show a value. poor, bad: in the colours of warnings."""
        ink = "bad" if bad else "warn" if poor else "good"
        same = value == self._value or (math.isnan(value) and math.isnan(self._value))
        if (text, ink) != (self.text, self._ink) or not same:
            self._value, self.text, self._ink = value, text, ink
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        words = QRectF(0, 0, self.width(), 20)
        painter.setFont(font(SMALL))
        painter.setPen(colour(self._theme.muted))
        painter.drawText(words, LEFT | MIDDLE, self._name)
        painter.setPen(colour(self._theme.ink))
        painter.drawText(words, RIGHT | MIDDLE, self.text)
        track = QRectF(0, 23, self.width(), 6)
        _bar(painter, track, 1.0, colour(self._theme.line))
        if math.isfinite(self._value):
            _bar(painter, track, min(1.0, self._value / self._full), colour(getattr(self._theme, self._ink)))
        if self._limit is not None:
            x = track.left() + track.width() * self._limit / self._full
            painter.setPen(QPen(colour(self._theme.ink), 1.5))
            painter.drawLine(QPointF(x, track.top() - 3), QPointF(x, track.bottom() + 3))


class EmotionBars(QWidget):
    """A bar for each label: smoothed probability as the bar, instantaneous one as a tick, prediction set in bold."""

    ROW = 36

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._record: Mapping[str, object] | None = None
        self.grey = False
        self._labels: tuple[str, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(200, self.ROW * max(1, len(self._labels)))

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def show_record(self, record: Mapping[str, object], labels: tuple[str, ...], *, grey: bool = False) -> None:
        """Show a prediction. grey: it does not hold now."""
        self.grey = grey or record["abstain"] is not None
        if labels != self._labels:
            self._labels = labels
            self.setFixedHeight(self.ROW * len(labels))
        self._record = record
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._record is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        inks = emotion_colours(self._labels)
        grey = self.grey
        size = LARGE if self.width() >= ROOMY_PX else BODY
        names = min(110.0, 0.32 * self.width())
        for k, label in enumerate(self._labels):
            smoothed, now = self._record["smoothed"][label], self._record["probabilities"][label]
            chosen = label in self._record["set"] and not grey
            top = k * self.ROW
            painter.setFont(font(size, QFont.Weight.DemiBold if chosen else QFont.Weight.Normal))
            painter.setPen(colour(self._theme.ink if chosen else self._theme.muted))
            text = painter.fontMetrics().elidedText(label, Qt.TextElideMode.ElideRight, int(names) - 6)
            painter.drawText(QRectF(0, top, names, self.ROW), LEFT | MIDDLE, text)
            painter.drawText(QRectF(self.width() - 52, top, 52, self.ROW), RIGHT | MIDDLE, percent(smoothed))
            track = QRectF(names, top + self.ROW / 2 - 7, self.width() - names - 56, 14)
            _bar(painter, track, 1.0, colour(self._theme.line, 0.7))
            if smoothed is not None:
                _bar(painter, track, float(smoothed), colour(self._theme.faint, 0.5) if grey else colour(inks[label]))
            if now is not None and not grey:
                x = track.left() + track.width() * float(now)
                painter.setPen(QPen(colour(self._theme.ink, 0.9), 2))
                painter.drawLine(QPointF(x, track.top() - 3), QPointF(x, track.bottom() + 3))


class ExplanationBars(QWidget):
    """The explanation of a prediction: a thin bar for each feature's share, the largest first.

    Features that count against the emotion have bars of another colour.
    """

    ROW, HEAD = 18, 20

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.shares: list[tuple[str, float]] = []
        self.show_shares([])

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def show_shares(self, shares: list[tuple[str, float]]) -> None:
        """Show these shares; without any, that there is no explanation yet."""
        self.shares = shares
        self.setFixedHeight(self.HEAD + self.ROW * len(shares))
        self.setAccessibleName(", ".join(f"{name} {percent(share)}" for name, share in shares) or texts.MOVED_NOTHING)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font(SMALL))
        painter.setPen(colour(self._theme.muted if self.shares else self._theme.faint))
        head = texts.MOVED_BY if self.shares else texts.MOVED_NOTHING
        painter.drawText(QRectF(0, 0, self.width(), self.HEAD), LEFT | MIDDLE, head)
        most = max((abs(share) for _, share in self.shares), default=1.0) or 1.0
        for k, (name, share) in enumerate(self.shares):
            row = QRectF(0, self.HEAD + k * self.ROW, self.width(), self.ROW)
            words = 0.58 * row.width()
            painter.setPen(colour(self._theme.ink))
            text = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, int(words) - 8)
            painter.drawText(row.adjusted(0, 0, words - row.width(), 0), LEFT | MIDDLE, text)
            track = QRectF(words, row.center().y() - 3, row.width() - words - 42, 6)
            ink = self._theme.accent if share >= 0 else self._theme.muted
            _bar(painter, track, abs(share) / most, colour(ink, 0.75))
            painter.setPen(colour(self._theme.muted))
            painter.drawText(row, RIGHT | MIDDLE, percent(share))


def _bar(painter: QPainter, track: QRectF, share: float, ink: object) -> None:
    where = QRectF(track.left(), track.top(), max(0.0, track.width() * share), track.height())
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    painter.drawRoundedRect(where, min(track.height() / 2, 4), min(track.height() / 2, 4))
