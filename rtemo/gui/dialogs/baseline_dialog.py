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
from rtemo.gui.people import words
from rtemo.gui.people.cards import level_of
from rtemo.gui.people.whom_box import WhomBox
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import Phase, Progress
from rtemo.presentation.numbers import clock

STEPS = 1000
LEVELS = ("", "good", "warn", "bad")  # of a verdict, from the best


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
        self.whom = WhomBox(words.WHOSE_BASELINE, words.WHOSE_BASELINE)
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
        whose = {"participant": self.whom.participant} if self.whom.participant else {}
        self._send("baseline", seconds=float(self.seconds.value()), **whose)
        chosen = self.cross.currentIndex() - 1
        if chosen >= 0:
            self._hide_cross()
            self._cross = FixationCross(self._screens[chosen][1])
            self._cross.destroyed.connect(self._clear_cross)
            self._cross.showFullScreen()

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """Show the progress or the verdict; of several participants, each one's."""
        in_session = self._state.snapshot.phase in (Phase.RUNNING, Phase.PAUSED)
        self.whom.show_people(self._state.several)
        self._form.setRowVisible(self.whom, bool(self._state.several))
        found = self._progress() if in_session else {}
        running = {who: one for who, one in found.items() if not one.verdict}
        self.begin.setEnabled(in_session and not any(map(self._is_meant, running)))
        for widget in (self.seconds, self.cross):
            widget.setEnabled(not running)
        if not found:
            self._show_message(texts.BASELINE_ASK if in_session else texts.BASELINE_NO_SESSION, "")
            self.bar.setValue(0)
            return
        self.bar.setValue(
            min(round(STEPS * one.done_s / max(one.total_s, 1e-9)) for one in (running or found).values())
        )
        lines = [(who, *_worded(one)) for who, one in found.items()]
        said = [words.VERDICT_OF.format(id=who, verdict=text) if who else text for who, text, _ in lines]
        level = max((level for *_, level in lines), key=LEVELS.index)
        self._show_message("\n".join(said), level)
        if not running:
            self.begin.setText(texts.REPEAT)
            self._lead(to_begin=level != "good")
            self._hide_cross()

    def _lead(self, *, to_begin: bool) -> None:
        """Paint the button that comes next: a good baseline must not be recorded again by a slip."""
        for button, leads in ((self.begin, to_begin), (self.close_button, not to_begin)):
            role = "start" if leads else ""
            if button.property("role") != role:
                button.setProperty("role", role)
                button.style().polish(button)

    def _progress(self) -> dict[str, Progress]:
        """The baselines that run or have ended, by participant; "" where nobody is told apart."""
        snapshot = self._state.snapshot
        each = {one.id: one.progress for one in self._state.several} or {"": snapshot.progress}
        return {
            who: one
            for who, one in each.items()
            if one is not None and one.name == "baseline" and math.isfinite(one.total_s)
        }

    def _is_meant(self, participant: str) -> bool:
        return self.whom.participant in ("", participant)

    def done(self, result: int) -> None:
        """Close the dialog; a running baseline goes on."""
        self._hide_cross()
        super().done(result)

    def _lay_out(self) -> None:
        form = self._form = QFormLayout()
        form.setVerticalSpacing(8)
        form.addRow(PlainLabel(words.WHOSE_BASELINE, "muted"), self.whom)
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


def _worded(progress: Progress) -> tuple[str, str]:
    """How a baseline stands in a sentence, and the level of its verdict."""
    if progress.verdict:
        text = texts.BASELINE_REFUSED if progress.refused else texts.BASELINE_DONE
        return text.format(verdict=progress.verdict.removeprefix("refused ")), level_of(progress)
    text = texts.BASELINE_EXTENDED if progress.extended else texts.BASELINE_RUNS
    return text.format(left=clock(progress.total_s - progress.done_s)), ""
