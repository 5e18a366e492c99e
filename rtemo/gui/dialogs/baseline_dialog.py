"""Dialog that records the resting baseline: length, fixation cross, progress, and the verdict on its signals."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from rtemo.gui import texts
from rtemo.gui.dialogs.fixation_cross import FixationCross, screens
from rtemo.gui.layout.number_fields import measure_field
from rtemo.gui.layout.scrolling_dialog import ScrollingDialog
from rtemo.gui.painting.text_labels import PlainLabel
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import Phase
from rtemo.presentation.numbers import clock

STEPS = 1000


class BaselineDialog(ScrollingDialog):
    """Not modal: the window stays in use. send: a command to the engine."""

    def __init__(
        self, state: WindowState, send: Callable[..., None], seconds: float, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(texts.BASELINE_TITLE)
        self.setMinimumWidth(460)
        self._state, self._send = state, send
        self._cross: FixationCross | None = None
        self.seconds = measure_field(20.0, 600.0, seconds, " s")
        self._screens = screens()
        self.cross = QComboBox()
        self.cross.addItems([texts.NO_CROSS, *(name for name, _ in self._screens)])
        self.bar = QProgressBar()
        self.bar.setRange(0, STEPS)
        self.bar.setTextVisible(False)
        self.message = PlainLabel(texts.BASELINE_ASK)
        self.message.setWordWrap(True)
        self.begin = QPushButton(texts.BEGIN)
        self.begin.setProperty("role", "start")
        self.close_button = QPushButton(texts.CLOSE)
        self.close_button.setAutoDefault(False)
        self.begin.clicked.connect(self.start)
        self.close_button.clicked.connect(self.close)
        self._lay_out()
        self.refresh({SnapshotPart.STATE})

    def start(self) -> None:
        """Have the engine record a baseline from now on."""
        self._send("baseline", seconds=float(self.seconds.value()))
        chosen = self.cross.currentIndex() - 1
        if chosen >= 0:
            self._hide_cross()
            self._cross = FixationCross(self._screens[chosen][1])
            self._cross.destroyed.connect(self._clear_cross)
            self._cross.showFullScreen()

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """Show the progress or the verdict."""
        snapshot = self._state.snapshot
        progress = snapshot.progress if snapshot.phase in (Phase.RUNNING, Phase.PAUSED) else None
        running = progress is not None and progress.name == "baseline" and not progress.verdict
        in_session = snapshot.phase in (Phase.RUNNING, Phase.PAUSED)
        self.begin.setEnabled(in_session and not running)
        for widget in (self.seconds, self.cross):
            widget.setEnabled(not running)
        if progress is None or progress.name != "baseline" or not math.isfinite(progress.total_s):
            self._show_message(texts.BASELINE_ASK if in_session else texts.BASELINE_NO_SESSION, "")
            self.bar.setValue(0)
            return
        self.bar.setValue(round(STEPS * progress.done_s / max(progress.total_s, 1e-9)))
        if progress.verdict:
            text = texts.BASELINE_REFUSED if progress.refused else texts.BASELINE_DONE
            name = "bad" if progress.refused else "warn" if progress.poor else "good"
            self._show_message(text.format(verdict=progress.verdict.removeprefix("refused ")), name)
            self.begin.setText(texts.REPEAT)
            self._hide_cross()
        else:
            left = clock(progress.total_s - progress.done_s)
            text = texts.BASELINE_EXTENDED if progress.extended else texts.BASELINE_RUNS
            self._show_message(text.format(left=left), "")

    def done(self, result: int) -> None:
        """Close the dialog; a running baseline goes on."""
        self._hide_cross()
        super().done(result)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setVerticalSpacing(8)
        form.addRow(PlainLabel(texts.BASELINE_LENGTH, "muted"), self.seconds)
        form.addRow(PlainLabel(texts.CROSS, "muted"), self.cross)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.close_button)
        buttons.addWidget(self.begin)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.setContentsMargins(18, 18, 18, 14)
        layout.addLayout(form)
        layout.addWidget(self.bar)
        layout.addWidget(self.message)
        layout.addLayout(buttons)

    def _show_message(self, text: str, name: str) -> None:
        self.message.setText(text)
        if self.message.objectName() != name:
            self.message.setObjectName(name)
            self.message.style().polish(self.message)

    def _hide_cross(self) -> None:
        if self._cross is not None:
            self._cross.close()
            self._cross = None

    def _clear_cross(self) -> None:
        self._cross = None
