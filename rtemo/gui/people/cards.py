"""A card for each of several participants: emotion, signals, baseline. The one that is chosen is shown in the views.

The same rules of truth as everywhere: what must not be believed is grey and small, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QWidget

from rtemo.gui import texts
from rtemo.gui.alarms import distrust, is_silent
from rtemo.gui.painting.colours import Theme, emotion_colours
from rtemo.gui.painting.lamps import draw_lamp
from rtemo.gui.painting.text_labels import plain_tip
from rtemo.gui.painting.theme import BODY, LARGE, SMALL, colour, font
from rtemo.gui.people import words
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import ParticipantView, Progress
from rtemo.presentation.numbers import MISSING, clock, percent

HEIGHT, LOW_HEIGHT, LEAST_PX = 96, 54, 190
LOW_PX = 640  # windows that are lower have lower cards
LAMP = 9
LEFT, RIGHT, MIDDLE = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, slots=True)
class CardContent:
    """What a card shows. emotion: with its share and colour; where it must not be believed the reason, without both.

    level: of the baseline's verdict: good, warn, bad, or empty. wrong: whether one of the streams delivers nothing.
    """

    id: str
    emotion: str
    share: str
    ink: str
    coverage: str
    quality: str
    baseline: str
    level: str
    wrong: bool

    def __str__(self) -> str:
        parts = (f"{self.id}: {self.emotion} {self.share}".strip(), self.coverage, self.quality, self.baseline)
        return ", ".join(part for part in parts if part)


def card_of(state: WindowState, one: ParticipantView) -> CardContent:
    """What is known of a participant now."""
    latest, why = state.results[one.id].latest, distrust(state, one.id)
    emotion, share, ink = why or texts.CARD_ABSTAINED, "", ""
    if latest is not None and not why and latest["emotion"] is not None:
        emotion = latest["emotion"]
        share, ink = percent(latest["smoothed"][emotion]), emotion_colours(tuple(latest["smoothed"]))[emotion]
    past = latest is None or not state.engine_answers or state.is_past(latest["time_s"])
    of_window = {part: math.nan if past or latest is None else latest[f"{part}_coverage"] for part in ("eeg", "gaze")}
    baseline, level = _baseline(state, one)
    known = state.streams_known
    return CardContent(
        one.id,
        emotion,
        share,
        ink,
        words.COVERAGE.format(**{part: percent(value) for part, value in of_window.items()}),
        _quality(one, known=known),
        baseline,
        level,
        known and any(is_silent(state, s) for s in state.streams_of(one.id) if s.participant),
    )


def _quality(one: ParticipantView, *, known: bool) -> str:
    good = str(one.n_good) if known else MISSING
    gaze = percent(one.gaze_valid) if known else MISSING
    return words.QUALITY.format(good=good, all=one.n_channels, gaze=gaze)


def _baseline(state: WindowState, one: ParticipantView) -> tuple[str, str]:
    """Where a participant's baseline stands, and the level of its verdict."""
    if not state.in_session:
        return "", ""
    progress = one.progress
    if progress is None:
        return (words.BASELINE_SET if state.results[one.id].has_baseline else words.NO_BASELINE), ""
    if progress.name != "baseline":
        return (progress.verdict or words.CALIBRATION_RUNS), ""
    if not progress.verdict:
        return words.BASELINE_RUNS.format(done=clock(progress.done_s), total=clock(progress.total_s)), ""
    level = level_of(progress)
    return words.BASELINES[level], level


def level_of(progress: Progress) -> str:
    """How a baseline that has ended is to be taken."""
    return "bad" if progress.refused else "warn" if progress.poor else "good"


class ParticipantCard(QAbstractButton):
    """One card. It is checked while its participant is the one that is shown."""

    def __init__(self, theme: Theme, content: CardContent, number: int) -> None:
        super().__init__()
        self._theme, self.content = theme, content
        self._low = False
        self.setCheckable(True)
        self.setAutoExclusive(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(plain_tip(words.CARD_TIP.format(id=content.id, n=number)))
        self.setAccessibleName(str(content))

    def sizeHint(self) -> QSize:
        return QSize(2 * LEAST_PX, LOW_HEIGHT if self._low else HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST_PX, self.sizeHint().height())

    def lower(self, *, low: bool) -> None:
        """Whether the window is so low that the card has two lines."""
        if low != self._low:
            self._low = low
            self.updateGeometry()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def show_content(self, content: CardContent) -> None:
        """Show this from now on."""
        if content != self.content:
            self.content = content
            self.setAccessibleName(str(content))
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme, content = self._theme, self.content
        box = QRectF(self.rect()).adjusted(1.0, 1.0, -1.0, -1.0)
        ink = content.ink or theme.line
        painter.setBrush(colour(ink, 0.16) if content.share else colour(theme.raised))
        edge = theme.accent if self.isChecked() else theme.line
        painter.setPen(QPen(colour(theme.ink if self.hasFocus() else edge), 2.0 if self.isChecked() else 1.0))
        painter.drawRoundedRect(box, 6, 6)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(ink, 1.0 if content.share else 0.5))
        painter.drawRoundedRect(QRectF(box.left() + 1, box.top() + 1, 7, box.height() - 2), 4, 4)
        room = box.adjusted(18, 6, -10, -6)
        if self._low:
            self._draw_low(painter, room)
            return
        self._draw_head(painter, QRectF(room.left(), room.top(), room.width(), 18))
        self._draw_emotion(painter, QRectF(room.left(), room.top() + 20, room.width(), 28))
        for k, text in enumerate((content.coverage, content.quality)):
            self._text(painter, QRectF(room.left(), room.top() + 50 + 17 * k, room.width(), 16), text, theme.muted)

    def _draw_low(self, painter: QPainter, room: QRectF) -> None:
        """Who it is and the emotion in one line, the signals in the other."""
        content = self.content
        third = room.width() / 3
        self._draw_head(painter, QRectF(room.left(), room.top(), third, 20), baseline="")
        self._draw_emotion(painter, QRectF(room.left() + third, room.top(), 2 * third, 20))
        below = QRectF(room.left(), room.top() + 23, room.width(), 17)
        inks = {"bad": self._theme.bad, "warn": self._theme.warn, "good": self._theme.good}
        right = self._text(painter, below, content.baseline, inks.get(content.level, self._theme.muted), side=RIGHT)
        signals = words.SIGNALS_LOW.format(coverage=content.coverage, quality=content.quality)
        self._text(painter, below.adjusted(0, 0, -right - 8, 0), signals, self._theme.muted)

    def _draw_head(self, painter: QPainter, row: QRectF, baseline: str | None = None) -> None:
        theme, content = self._theme, self.content
        lamp = QRectF(row.left(), row.center().y() - LAMP / 2, LAMP, LAMP)
        draw_lamp(painter, lamp, theme.bad if content.wrong else theme.good, "wrong" if content.wrong else "good")
        inks = {"bad": theme.bad, "warn": theme.warn, "good": theme.good}
        told = content.baseline if baseline is None else baseline
        right = self._text(painter, row, told, inks.get(content.level, theme.muted), side=RIGHT)
        name = row.adjusted(LAMP + 7, 0, -right - 8, 0)
        self._text(painter, name, content.id, theme.ink, font(BODY, QFont.Weight.Bold))

    def _draw_emotion(self, painter: QPainter, row: QRectF) -> None:
        theme, content = self._theme, self.content
        if not content.share:
            self._text(painter, row, content.emotion, theme.muted, font(BODY))
            return
        bold = font(LARGE, QFont.Weight.Bold)
        share = self._text(painter, row, content.share, theme.ink, bold, RIGHT)
        self._text(painter, row.adjusted(0, 0, -share - 8, 0), content.emotion, theme.ink, bold)

    def _text(
        self,
        painter: QPainter,
        row: QRectF,
        text: str,
        ink: str,
        made: QFont | None = None,
        side: Qt.AlignmentFlag = LEFT,
    ) -> float:
        """Paint one line, shortened where it does not fit; returns its width."""
        made = made or font(SMALL)
        painter.setFont(made)
        painter.setPen(colour(ink))
        metrics = QFontMetricsF(made)
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, row.width())
        painter.drawText(row, side | MIDDLE | Qt.TextFlag.TextSingleLine, shown)
        return float(metrics.horizontalAdvance(shown))


class ParticipantCards(QWidget):
    """The cards in a row. show_person: has another participant shown."""

    def __init__(self, state: WindowState, theme: Theme, show_person: Callable[[str], None]) -> None:
        super().__init__()
        self._state, self._theme, self._show = state, theme, show_person
        self.cards: dict[str, ParticipantCard] = {}
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
        self.setAccessibleName(words.PEOPLE)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        for card in self.cards.values():
            card.set_theme(theme)

    def choose(self, number: int) -> None:
        """Show the participant of this card, counted from 0."""
        if number < len(self.cards):
            list(self.cards.values())[number].click()

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """Show what holds now."""
        people = self._state.several
        if [one.id for one in people] != list(self.cards):
            self._make(people)
        for one in people:
            card = self.cards[one.id]
            card.lower(low=self.window().height() < LOW_PX)
            card.show_content(card_of(self._state, one))
        if (shown := self.cards.get(self._state.shown)) is not None and not shown.isChecked():
            shown.setChecked(True)

    def _make(self, people: tuple[ParticipantView, ...]) -> None:
        for card in self.cards.values():
            self._row.removeWidget(card)
            card.deleteLater()
        self.cards = {}
        for number, one in enumerate(people, 1):
            card = self.cards[one.id] = ParticipantCard(self._theme, card_of(self._state, one), number)
            card.clicked.connect(lambda _on=False, whose=one.id: self._show(whose))
            self._row.addWidget(card)
