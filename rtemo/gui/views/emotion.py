"""View of the current emotion, readable from two metres, with everything that limits how far it can be trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from rtemo.gui import texts
from rtemo.gui.alarms import distrust
from rtemo.gui.painting.colours import Theme, emotion_colours
from rtemo.gui.painting.meters import EmotionBars, ExplanationBars, Meter
from rtemo.gui.painting.text_labels import ElidedLabel, PlainLabel
from rtemo.gui.painting.theme import colour, font
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import BundleView
from rtemo.presentation.numbers import number, percent

NOVELTY_FULL = 2.0
COVERAGE_GOOD, COVERAGE_POOR = 0.9, 0.5
MAX_REASONS = 4
QUIET_PX = 22  # the most that a text takes which is no emotion
STACK_ABOVE = 0.5  # where height / width is more, the probability is below the name


class Headline(QWidget):
    """The emotion's name and probability on a field of its colour; grey where none is named."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.text, self.share, self._ink, self.named = texts.NOTHING_YET, "", "", False
        self.note = ""
        self.setMinimumHeight(84)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMaximumHeight(230)

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
        room = box.adjusted(28, 0, -16, 0)
        share_font = font(max(14.0, min(0.2 * box.height(), 0.085 * box.width())), QFont.Weight.DemiBold)
        share_width = QFontMetricsF(share_font).horizontalAdvance("100 %") if self.share else 0.0
        left, right, middle = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignVCenter
        word, below = room.adjusted(0, 0, -share_width - 14, 0), right | middle
        if self.share and box.height() > STACK_ABOVE * box.width():
            word, below = room.adjusted(0, 0, 0, -0.34 * room.height()), left | Qt.AlignmentFlag.AlignBottom
            room = room.adjusted(2, 0, 0, -0.12 * room.height())
        height = 0.62 * box.height() if self.named else min(QUIET_PX, 0.3 * box.height())
        painter.setFont(_fitting(self.text, word.width(), height, bold=self.named))
        painter.setPen(colour(self._theme.ink if self.named else self._theme.muted))
        painter.drawText(word, left | middle, self.text)
        painter.setFont(share_font)
        painter.drawText(room, below, self.share)
        if self.share and self.note:
            painter.setFont(font(8.5))
            painter.setPen(colour(self._theme.muted))
            painter.drawText(box.adjusted(28, 0, -16, -5), left | Qt.AlignmentFlag.AlignBottom, self.note)


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
        meters.setSpacing(16)
        for meter in self.meters.values():
            meters.addWidget(meter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 12, 10)
        layout.setSpacing(6)
        layout.addWidget(self.headline, 8)
        for label in (self.verdict, self.caution):
            layout.addWidget(label)
        layout.addWidget(self.bars)
        layout.addLayout(meters)
        for label in (self.explanation, self.bundle, self.origin):
            layout.addWidget(label)
        layout.addStretch(1)

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
        self.bars.show_record(record, labels, grey=bool(why))
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


def verdict(record: Mapping[str, Any]) -> str:
    """The prediction set as a sentence, or why no emotion is named."""
    if record["abstain"] is not None:
        return texts.ABSTAINS.format(why=record["abstain"])
    others = [label for label in record["set"] if label != record["emotion"]]
    if others:
        return texts.ALSO.format(labels=" or ".join(others))
    return texts.ONLY.format(labels=record["emotion"])


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


def _fitting(text: str, width: float, height: float, *, bold: bool) -> QFont:
    """The largest font in which a text fits."""
    made = font(20, QFont.Weight.Bold if bold else QFont.Weight.Normal)
    metrics = QFontMetricsF(made)
    by_width = width / max(1.0, metrics.horizontalAdvance(text))
    by_height = height / metrics.height()
    made.setPointSizeF(max(9.0, 20 * min(by_width, 1.25 * by_height)))
    return made
