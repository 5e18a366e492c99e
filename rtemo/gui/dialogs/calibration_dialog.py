"""Fits the model to this person: stretches of the session are given labels, then the engine tries whether it helps.

Labels come from the researcher ("the last 30 s were ..."), or from the markers where they name one of the model's
labels. The engine keeps the fit only where it is better on clips that it was not fitted on, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QHBoxLayout,
    QListWidget,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from rtemo.core.errors import RtemoError
from rtemo.gui import texts
from rtemo.gui.dialogs.labelled_intervals import Given, LabelledInterval, given_stretches, marked_stretches
from rtemo.gui.model import SnapshotPart, WindowState
from rtemo.gui.painting.labels import PlainLabel
from rtemo.presentation.numbers import clock

PROGRESS = "calibration"


class CalibrationDialog(QDialog):
    """Not modal. send: a command to the engine; raises RtemoError for one that it does not know."""

    def __init__(self, model: WindowState, send: Callable[..., None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(texts.CALIBRATION_TITLE)
        self.resize(620, 560)
        self._model, self._send = model, send
        self._given: list[Given] = []  # as the engine has taken them
        self.label = QComboBox()
        self.label.addItems(list(model.bundle.labels) if model.bundle is not None else [])
        self.seconds = QDoubleSpinBox()
        self.seconds.setRange(5.0, 600.0)
        self.seconds.setDecimals(0)
        self.seconds.setSuffix(" s")
        self.seconds.setValue(30.0)
        self.add, self.add_marked, self.forget, self.fit, self.undo, self.leave = (
            QPushButton(name)
            for name in (
                texts.ADD_STRETCH, texts.ADD_MARKED, texts.FORGET_STRETCH, texts.CALIBRATE, texts.UNCALIBRATE,
                texts.CLOSE,
            )
        )  # fmt: skip
        self.list = QListWidget()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.state = PlainLabel("", "muted")
        self.state.setWordWrap(True)
        self._lay_out()
        self._connect()
        self.refresh({SnapshotPart.STATE})

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """Show the labels that the engine has taken, and how far it is."""
        self._list()
        in_session = self._model.in_session
        progress = self._model.snapshot.progress
        mine = progress if progress is not None and progress.name == PROGRESS else None
        fitting = mine is not None and not mine.verdict
        self.add.setEnabled(in_session and self.label.count() > 0)
        self.add_marked.setEnabled(in_session and bool(self._unlabelled()))
        self.forget.setEnabled(self.list.currentRow() >= 0 and not fitting)
        self.fit.setEnabled(in_session and len({one.stretch.label for one in self._given}) > 1 and not fitting)
        self.undo.setEnabled(in_session and not fitting)
        self.bar.setRange(0, 0 if fitting else 1)  # an endless bar while it fits
        self.bar.setValue(int(mine is not None and not fitting))
        if mine is not None:
            self._tell(mine.verdict or texts.CALIBRATING)
        elif not in_session:
            self._tell(texts.CALIBRATION_NO_SESSION)
        elif not self.state.text() or self.state.text() == texts.CALIBRATION_NO_SESSION:
            self._tell(texts.CALIBRATION_HINT)

    def give_last(self) -> None:
        """Label the last seconds."""
        now_s = self._model.snapshot.time_s
        began_s = self._model.snapshot.started_s
        begin_s = max(now_s - self.seconds.value(), began_s if math.isfinite(began_s) else -math.inf)
        self._give(LabelledInterval(self.label.currentText(), begin_s, now_s))

    def give_marked(self) -> None:
        """Label what the markers name."""
        for one in self._unlabelled():
            self._give(one)

    def forget_chosen(self) -> None:
        """Take a label back."""
        row = self.list.currentRow()
        if 0 <= row < len(self._given):
            self._ask("forget_label", index=self._given[row].number)

    def _give(self, one: LabelledInterval) -> None:
        self._ask("label", label=one.label, begin_s=one.begin_s, end_s=one.end_s)

    def _unlabelled(self) -> list[LabelledInterval]:
        bundle = self._model.bundle
        found = marked_stretches(self._model.marks, bundle.labels if bundle is not None else ())
        return [one for one in found if one not in {given.stretch for given in self._given}]

    def _ask(self, command: str, **arguments: Any) -> bool:
        try:
            self._send(command, **arguments)
        except RtemoError as error:
            self._tell(str(error))
            return False
        return True

    def _list(self) -> None:
        began_s = self._model.snapshot.started_s
        given = given_stretches(self._model.events, began_s)
        if given == self._given:
            return
        self._given = given
        self.list.clear()
        for one in (given.stretch for given in self._given):
            begin, end = clock(one.begin_s - began_s), clock(one.end_s - began_s)
            self.list.addItem(texts.STRETCH.format(label=one.label, begin=begin, end=end))

    def _tell(self, text: str) -> None:
        self.state.setText(text)

    def _connect(self) -> None:
        self.add.clicked.connect(self.give_last)
        self.add_marked.clicked.connect(self.give_marked)
        self.forget.clicked.connect(self.forget_chosen)
        self.fit.clicked.connect(lambda: self._ask("calibrate"))
        self.undo.clicked.connect(lambda: self._ask("uncalibrate"))
        self.leave.clicked.connect(self.close)
        self.list.currentRowChanged.connect(lambda _row: self.refresh(set()))

    def _lay_out(self) -> None:
        hint = PlainLabel(texts.CALIBRATION_ABOUT, "muted")
        hint.setWordWrap(True)
        ask = QHBoxLayout()
        for widget in (PlainLabel(texts.THE_LAST), self.seconds, PlainLabel(texts.WERE), self.label, self.add):
            ask.addWidget(widget)
        ask.addStretch(1)
        ask.addWidget(self.add_marked)
        buttons = QHBoxLayout()
        buttons.addWidget(self.forget)
        buttons.addStretch(1)
        for button in (self.leave, self.undo, self.fit):
            buttons.addWidget(button)
        for button in (self.add, self.add_marked, self.forget, self.undo, self.leave):
            button.setAutoDefault(False)
        self.fit.setProperty("role", "start")
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.setContentsMargins(18, 18, 18, 14)
        layout.addWidget(hint)
        layout.addLayout(ask)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.bar)
        layout.addWidget(self.state)
        layout.addLayout(buttons)
