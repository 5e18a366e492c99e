"""View of the current emotion, readable from two metres, with everything that limits how far it can be trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from rtemo.gui import texts
from rtemo.gui.alarms import distrust
from rtemo.gui.painting.colours import Theme, emotion_colours
from rtemo.gui.painting.meters import EmotionBars, ExplanationBars, Meter
from rtemo.gui.painting.text_labels import ElidedLabel, PlainLabel
from rtemo.gui.painting.theme import DISPLAY, LARGE, SMALL, colour, font
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import BundleView
from rtemo.model.prediction import RATINGS
from rtemo.presentation.numbers import number, percent

NOVELTY_FULL = 2.0
COVERAGE_GOOD, COVERAGE_POOR = 0.9, 0.5
MAX_REASONS = 4
NOTE_PX = 20  # for the line below the emotion
LEFT, RIGHT, MIDDLE = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignVCenter
LEAST_PX = 48  # of the height of what can be scrolled


class Headline(QWidget):
    """The emotion's name and probability on a field of its colour; grey where none is named."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.text, self.share, self._ink, self.named = texts.NOTHING_YET, "", "", False
        self.note = ""
        self.setMinimumHeight(72)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMaximumHeight(150)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def show_note(self, note: str) -> None:
        """Show a small line below the emotion."""
        self.note = note
        self.update()

    def show_emotion(self, text: str, share: str, ink: str, *, named: bool) -> None:
        """Show an emotion with its probability. named: False shows the text small and grey: it is a reason."""
        self.text, self.share, self._ink, self.named = text, share, ink, named
        self.setAccessibleName(f"{text} {share}")
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        mark = QRectF(box.left(), box.top(), 12, box.height())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(self._ink or self._theme.line, 0.16 if self.named else 0.07))
        painter.drawRoundedRect(box, 8, 8)
        painter.setBrush(colour(self._ink or self._theme.line, 1.0 if self.named else 0.35))
        painter.drawRoundedRect(mark, 6, 6)
        room = box.adjusted(28, 4, -16, -NOTE_PX if self.note and self.share else -4)
        painter.setPen(colour(self._theme.ink if self.named else self._theme.muted))
        self._draw_words(painter, room)
        if self.share and self.note:
            painter.setFont(font(SMALL))
            painter.setPen(colour(self._theme.muted))
            room = box.adjusted(28, 0, -4, -5)
            note = painter.fontMetrics().elidedText(self.note, Qt.TextElideMode.ElideRight, int(room.width()))
            painter.drawText(room, LEFT | Qt.AlignmentFlag.AlignBottom, note)

    def _draw_words(self, painter: QPainter, room: QRectF) -> None:
        """Paint the name and the probability beside it, or below it where that is too wide."""
        bold, half = QFont.Weight.Bold, QFont.Weight.DemiBold
        if not self.named:
            painter.setFont(font(LARGE))
            painter.drawText(room, LEFT | MIDDLE | Qt.TextFlag.TextWordWrap, self.text)
            return
        word, share = font(DISPLAY, bold), font(DISPLAY, half)
        wide = QFontMetricsF(word).horizontalAdvance(self.text), QFontMetricsF(share).horizontalAdvance("100 %")
        below = room.height() >= 2 * QFontMetricsF(word).height()
        if sum(wide) + 14 > room.width() and not below:
            share = font(LARGE, half)
            wide = wide[0], QFontMetricsF(share).horizontalAdvance("100 %")
        if (wide[0] if below else sum(wide) + 14) > room.width():
            word = font(LARGE, bold)
        beside = not below or sum(wide) + 14 <= room.width()
        painter.setFont(word)
        upper = room if beside else room.adjusted(0, 0, 0, -0.5 * room.height())
        painter.drawText(upper, LEFT | MIDDLE, self.text)
        painter.setFont(share)
        lower = room if beside else room.adjusted(0, 0.5 * room.height(), 0, 0)
        painter.drawText(lower, (RIGHT if beside else LEFT) | MIDDLE, self.share)


class ShrinkableArea(QScrollArea):
    """As high as what is in it where there is room, else scrolled."""

    def __init__(self, inside: QVBoxLayout) -> None:
        super().__init__()
        content = QWidget()
        content.setLayout(inside)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def sizeHint(self) -> QSize:
        return self.widget().sizeHint()

    def minimumSizeHint(self) -> QSize:
        return QSize(self.widget().minimumSizeHint().width(), LEAST_PX)


class EmotionView(QWidget):
    """Headline, prediction set, bars, coverage, novelty, explanation, and the model's origin."""

    def __init__(self, state: WindowState, theme: Theme) -> None:
        super().__init__()
        self._state, self._theme = state, theme
        self._why = ""
        self.headline = Headline(theme)
        self.verdict = PlainLabel(texts.NOTHING_YET_WHY, "verdict")
        self.verdict.setWordWrap(True)
        self.verdict.setMinimumHeight(20)
        self.caution = PlainLabel("", "strong")
        self.caution.setWordWrap(True)
        self.caution.hide()
        self.ratings = PlainLabel("")
        self.ratings.setWordWrap(True)
        self.ratings.hide()
        self.bars = EmotionBars(theme)
        self.bars.setFixedHeight(0)
        self.meters = {
            "eeg": Meter(texts.EEG_COVERAGE, theme),
            "gaze": Meter(texts.GAZE_COVERAGE, theme),
            "novelty": Meter(texts.NOVELTY, theme, NOVELTY_FULL, 1.0),
        }
        self.explanation = ExplanationBars(theme)
        self.bundle = ElidedLabel(texts.NO_BUNDLE, "muted")
        self.origin = PlainLabel("", "strong")
        self.origin.setWordWrap(True)
        self._lay_out()
        self._show_bundle()
        self._show_explanation()

    def _lay_out(self) -> None:
        meters = QHBoxLayout()
        meters.setSpacing(8)
        for meter in self.meters.values():
            meters.addWidget(meter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 12, 10)
        layout.setSpacing(6)
        layout.addWidget(self.headline, 1)
        for label in (self.verdict, self.caution, self.ratings):
            layout.addWidget(label)
        details = QVBoxLayout()
        details.setContentsMargins(0, 0, 0, 0)
        details.setSpacing(6)
        details.addWidget(self.bars)
        details.addLayout(meters)
        for label in (self.explanation, self.bundle):
            details.addWidget(label)
        self._details = ShrinkableArea(details)
        layout.addWidget(self._details)
        layout.addWidget(self.origin)  # whom the model was trained on is never scrolled away
        layout.addStretch(0)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        for part in (self.headline, self.bars, self.explanation, *self.meters.values()):
            part.set_theme(theme)

    def refresh(self, changed: set[SnapshotPart]) -> None:
        """Show the newest prediction."""
        if SnapshotPart.BUNDLE in changed:
            self._show_bundle()
        why = distrust(self._state)
        if SnapshotPart.EXPLANATION in changed or why != self._why:
            self._show_explanation()
        if not changed & {SnapshotPart.PREDICTIONS, SnapshotPart.BUNDLE} and why == self._why:
            return
        self._why = why
        if self._state.latest is None:
            self.headline.show_emotion(why or texts.NOTHING_YET, "", "", named=False)
            self.verdict.setText(texts.NOTHING_YET_WHY)
        else:
            self._show(self._state.latest, why)

    def _show(self, record: Mapping[str, Any], why: str) -> None:
        """Show a prediction. why: it must not be believed, small and grey then."""
        labels = tuple(record["smoothed"])
        past = self._state.is_past(record["time_s"]) or not self._state.engine_answers
        if why or record["emotion"] is None:
            self.headline.show_emotion(why or texts.CARD_ABSTAINED, "", "", named=False)
        else:
            label = record["emotion"]
            share, ink = percent(record["smoothed"][label]), emotion_colours(labels)[label]
            self.headline.show_emotion(label, share, ink, named=True)
        self.verdict.setText(texts.NOT_NOW if past else verdict(record))
        self.verdict.setVisible(past or not why or record["abstain"] is not None)
        self.caution.setText("" if past else caution(record, self._state.bundle))
        self.caution.setVisible(bool(self.caution.text()))
        self.ratings.setText("" if past or why else estimates(record))
        self.ratings.setVisible(bool(self.ratings.text()))
        self.bars.show_record(record, labels, grey=bool(why))
        self._details.updateGeometry()  # the bars may be others
        for name in ("eeg", "gaze"):
            share = math.nan if past else record[f"{name}_coverage"]
            self.meters[name].show_value(share, percent(share), poor=share < COVERAGE_GOOD, bad=share < COVERAGE_POOR)
        novelty = math.nan if record["novelty"] is None or past else record["novelty"]
        self.meters["novelty"].show_value(novelty, number(novelty, 2), poor=novelty > 0.8, bad=novelty >= 1.0)

    def _show_bundle(self) -> None:
        bundle = self._state.bundle
        lag_s = math.nan if bundle is None else bundle.lag_s
        self.headline.show_note(texts.LAG.format(lag=number(lag_s, 0, "s")) if math.isfinite(lag_s) else "")
        self.headline.setToolTip(texts.LAG_TIP)
        if bundle is None:
            self.bundle.setText(texts.NO_BUNDLE)
            self.origin.setText("")
        else:
            self.bundle.setText(texts.BUNDLE.format(name=bundle.name, fingerprint=bundle.fingerprint[:12]))
            self.origin.setText(texts.TRAINED_ON.format(what=bundle.trained_on))
        self.origin.setVisible(bool(self.origin.text()))

    def _show_explanation(self) -> None:
        latest, state = self._state.latest, self._state
        past = not state.engine_answers or (latest is not None and state.is_past(latest["time_s"]))
        shares = [] if past else list(state.snapshot.explanation.items())[:MAX_REASONS]
        self.explanation.show_shares(shares)
        self._details.updateGeometry()


def verdict(record: Mapping[str, Any]) -> str:
    """The prediction set as a sentence, or why no emotion is named."""
    if record["abstain"] is not None:
        return texts.ABSTAINS.format(why=record["abstain"])
    others = [label for label in record["set"] if label != record["emotion"]]
    if others:
        return texts.ALSO.format(labels=" or ".join(others))
    return texts.ONLY.format(labels=record["emotion"])


def estimates(record: Mapping[str, Any]) -> str:
    """What a model that was fitted on ratings estimates, with its intervals; a dash where the window says nothing."""
    parts = [
        texts.RATING.format(name=name, **{part: number(value, 2) for part, value in one.items()})
        for name, one in record.get(RATINGS, {}).items()
    ]
    return "  ·  ".join(parts)


def caution(record: Mapping[str, Any], bundle: BundleView | None = None) -> str:
    """Why this prediction is weak, besides abstention: not calibrated, not settled, or one stream missing."""
    parts = []
    if not record.get("calibrated", True) or (bundle is not None and not bundle.calibrated):
        parts.append(texts.NOT_CALIBRATED)
    if not record["settled"]:
        parts.append(f"{texts.NOT_SETTLED}  {texts.NOT_SETTLED_WHY}")
    if record["forced"]:
        parts.append(texts.FORCED)
    return "  ·  ".join(parts)
