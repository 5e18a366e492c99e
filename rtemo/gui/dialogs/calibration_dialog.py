"""Dialog for the personal calibration: label intervals of the session, then fit the model to this person.

Labels come from the researcher ("the last 30 s were ..."), or from the markers where they name one of the model's
labels. The engine keeps the fit only where it is better on clips that it was not fitted on, and reports the outcome.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QListWidget,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from rtemo.core.errors import RtemoError
from rtemo.gui import texts
from rtemo.gui.dialogs.labelled_intervals import (
    AcceptedLabel,
    LabelledInterval,
    accepted_labels,
    marked_intervals,
)
from rtemo.gui.layout.number_fields import measure_field
from rtemo.gui.layout.scrolling_dialog import ScrollingDialog
from rtemo.gui.painting.text_labels import PlainLabel
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.presentation.numbers import clock

PROGRESS = "calibration"


class CalibrationDialog(ScrollingDialog):
    """Not modal. send: a command to the engine; raises RtemoError for one that it does not know."""

    def __init__(self, state: WindowState, send: Callable[..., None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(texts.CALIBRATION_TITLE)
        self.resize(620, 560)
        self._state, self._send = state, send
        self._accepted: list[AcceptedLabel] = []  # by the engine
        self.label = QComboBox()
        self.label.addItems(list(state.bundle.labels) if state.bundle is not None else [])
        self.seconds = measure_field(5.0, 600.0, 30.0, " s")
        self.add, self.add_marked, self.remove, self.fit, self.undo, self.close_button = (
            QPushButton(name)
            for name in (
                texts.ADD_INTERVAL, texts.ADD_MARKED, texts.REMOVE_INTERVAL, texts.CALIBRATE, texts.UNCALIBRATE,
                texts.CLOSE,
            )
        )  # fmt: skip
        self.list = QListWidget()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.message = PlainLabel("", "muted")
        self.message.setWordWrap(True)
        self._lay_out()
        self._connect()
        self.refresh({SnapshotPart.STATE})

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """Show the labels that the engine has accepted, and the progress of the fit."""
        self._refresh_list()
        in_session = self._state.in_session
        progress = self._state.snapshot.progress
        calibration = progress if progress is not None and progress.name == PROGRESS else None
        fitting = calibration is not None and not calibration.verdict
        self.add.setEnabled(in_session and self.label.count() > 0)
        self.add_marked.setEnabled(in_session and bool(self._unused_intervals()))
        self.remove.setEnabled(self.list.currentRow() >= 0 and not fitting)
        self.fit.setEnabled(in_session and len({one.interval.label for one in self._accepted}) > 1 and not fitting)
        self.undo.setEnabled(in_session and not fitting)
        self.bar.setRange(0, 0 if fitting else 1)  # an endless bar while it fits
        self.bar.setValue(int(calibration is not None and not fitting))
        if calibration is not None:
            self._show_message(calibration.verdict or texts.CALIBRATING)
        elif not in_session:
            self._show_message(texts.CALIBRATION_NO_SESSION)
        elif not self.message.text() or self.message.text() == texts.CALIBRATION_NO_SESSION:
            self._show_message(texts.CALIBRATION_HINT)

    def label_last(self) -> None:
        """Label the last seconds of the session."""
        now_s = self._state.snapshot.time_s
        began_s = self._state.snapshot.started_s
        begin_s = max(now_s - self.seconds.value(), began_s if math.isfinite(began_s) else -math.inf)
        self._send_label(LabelledInterval(self.label.currentText(), begin_s, now_s))

    def label_marked(self) -> None:
        """Label the intervals that the markers name."""
        for one in self._unused_intervals():
            self._send_label(one)

    def remove_selected(self) -> None:
        """Withdraw the selected label."""
        row = self.list.currentRow()
        if 0 <= row < len(self._accepted):
            self._send_command("forget_label", index=self._accepted[row].number)

    def _send_label(self, one: LabelledInterval) -> None:
        self._send_command("label", label=one.label, begin_s=one.begin_s, end_s=one.end_s)

    def _unused_intervals(self) -> list[LabelledInterval]:
        bundle = self._state.bundle
        found = marked_intervals(self._state.marks, bundle.labels if bundle is not None else ())
        return [one for one in found if one not in {accepted.interval for accepted in self._accepted}]

    def _send_command(self, command: str, **arguments: Any) -> bool:
        try:
            self._send(command, **arguments)
        except RtemoError as error:
            self._show_message(str(error))
            return False
        return True

    def _refresh_list(self) -> None:
        began_s = self._state.snapshot.started_s
        own = [event for event in self._state.events if event.get("participant", "") in ("", self._state.shown)]
        accepted = accepted_labels(own, began_s)
        if accepted == self._accepted:
            return
        self._accepted = accepted
        self.list.clear()
        for one in (accepted.interval for accepted in self._accepted):
            begin, end = clock(one.begin_s - began_s), clock(one.end_s - began_s)
            self.list.addItem(texts.INTERVAL.format(label=one.label, begin=begin, end=end))

    def _show_message(self, text: str) -> None:
        self.message.setText(text)

    def _connect(self) -> None:
        self.add.clicked.connect(self.label_last)
        self.add_marked.clicked.connect(self.label_marked)
        self.remove.clicked.connect(self.remove_selected)
        self.fit.clicked.connect(lambda: self._send_command("calibrate"))
        self.undo.clicked.connect(lambda: self._send_command("uncalibrate"))
        self.close_button.clicked.connect(self.close)
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
        buttons.addWidget(self.remove)
        buttons.addStretch(1)
        for button in (self.close_button, self.undo, self.fit):
            buttons.addWidget(button)
        for button in (self.add, self.add_marked, self.remove, self.undo, self.close_button):
            button.setAutoDefault(False)
        self.fit.setProperty("role", "start")
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.setContentsMargins(18, 18, 18, 14)
        layout.addWidget(hint)
        layout.addLayout(ask)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.bar)
        layout.addWidget(self.message)
        layout.addLayout(buttons)
