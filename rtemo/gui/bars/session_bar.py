"""Session controls: participant, start, pause, stop, baseline, recording light, annotations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from rtemo.gui import texts
from rtemo.gui.disk_space import WARN_S, RecordingTimeLeft
from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.text_labels import ElidedLabel, plain_tip
from rtemo.gui.painting.theme import colour, font
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import Phase
from rtemo.presentation.numbers import clock, size

Send = Callable[..., None]
MAX_NAMED, MAX_NAME = 4, 14  # annotation buttons carry their names up to so many, and so long


class StatusLight(QWidget):
    """A round status light."""

    def __init__(self) -> None:
        super().__init__()
        self.ink = "#000000"
        self.setFixedSize(18, 18)

    def set_colour(self, ink: str) -> None:
        """Set the colour."""
        if ink != self.ink:
            self.ink = ink
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(self.ink, 0.25))
        painter.drawEllipse(QRectF(0, 0, 18, 18))
        painter.setBrush(colour(self.ink))
        painter.drawEllipse(QRectF(4, 4, 10, 10))


class SessionBar(QWidget):
    """The controls of a session. `root`: the folder that sessions are written to. refused: why none can start."""

    refused = Signal(str)

    def __init__(
        self, state: WindowState, theme: Theme, send: Send, root: str, ask_baseline: Callable[[], None] = lambda: None
    ) -> None:
        """ask_baseline: opens the baseline dialog."""
        super().__init__()
        self._state, self._theme, self._send, self.root = state, theme, send, root
        self.subject = _line(texts.SUBJECT_HINT, 92)
        self.notes = _line(texts.NOTES_HINT, 90)
        self.start = _button(texts.START, texts.START_TIP, "start")
        self.pause = _button(texts.PAUSE, texts.PAUSE_TIP)
        self.stop = _button(texts.STOP, texts.STOP_TIP, "stop")
        self.baseline = _button(texts.BASELINE, texts.BASELINE_TIP)
        self.light = StatusLight()
        self.phase = ElidedLabel("", "")
        self.detail = ElidedLabel("", "muted")
        self.note = _line(texts.NOTE_HINT, 100)
        self.note.setToolTip(texts.NOTE_TIP)
        self.annotation_buttons = [_button(key, key, "flat") for key in texts.ANNOTATION_KEYS]
        self._annotations: tuple[str, ...] = ()
        self._lay_out()
        self._connect(ask_baseline)
        self.refresh({SnapshotPart.STATE, SnapshotPart.SETTINGS})

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        self.phase.setFont(font(11.5))
        self.detail.setFont(font(8.5))
        status = QVBoxLayout()
        status.setSpacing(0)
        status.addWidget(self.phase)
        status.addWidget(self.detail)
        layout.addWidget(self.light)
        layout.addLayout(status, 4)
        self.phase.setMinimumWidth(140)
        layout.addWidget(_rule())
        layout.addWidget(self.subject, 1)
        layout.addWidget(self.notes, 3)
        for widget in (self.start, self.baseline, self.pause, self.stop, _rule(), *self.annotation_buttons):
            layout.addWidget(widget)
        layout.addWidget(self.note, 4)

    def _connect(self, ask_baseline: Callable[[], None]) -> None:
        self.start.clicked.connect(self.ask_start)
        self.pause.clicked.connect(self.ask_pause)
        self.stop.clicked.connect(lambda: self._send("stop"))
        self.baseline.clicked.connect(ask_baseline)
        self.note.returnPressed.connect(self._send_note)
        self.subject.textChanged.connect(lambda _text: self.refresh({SnapshotPart.STATE}))
        for k, button in enumerate(self.annotation_buttons):
            button.clicked.connect(lambda _on=False, k=k: self.annotate(k))

    def ask_start(self) -> None:
        """Start the session; where it cannot start, emit the reason."""
        if not self.start.isEnabled():
            if not self._state.in_session:
                self.refused.emit(self.start.toolTip())
        else:
            self._send("start", subject=self.subject.text().strip(), notes=self.notes.text().strip(), root=self.root)

    def ask_pause(self) -> None:
        """Pause or resume."""
        if self.pause.isEnabled():
            self._send("resume" if self._state.snapshot.phase == Phase.PAUSED else "pause")

    def focus_on(self, line: QLineEdit) -> None:
        """Give one of the text fields the keyboard, also where a dialog has it."""
        self.window().activateWindow()
        line.setFocus()

    def annotate(self, number: int) -> None:
        """Send the annotation of a key, counted from 0."""
        if self._state.in_session and number < len(self._annotations):
            self._send("annotate", text=self._annotations[number])

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.refresh({SnapshotPart.STATE})

    def refresh(self, changed: set[SnapshotPart]) -> None:
        """Show the phase and enable the controls that apply in it."""
        if SnapshotPart.SETTINGS in changed:
            self._label_annotation_buttons()
        snapshot = self._state.snapshot
        phase = snapshot.phase
        in_session = self._state.in_session
        obstacle = self._state.start_obstacle() or ("" if self.subject.text().strip() else texts.NEED_SUBJECT)
        self.start.setEnabled(not obstacle)
        self.start.setToolTip(texts.START_BLOCKED.format(why=obstacle) if obstacle else texts.START_TIP)
        self.pause.setEnabled(in_session)
        self.pause.setText(texts.RESUME if phase == Phase.PAUSED else texts.PAUSE)
        self.stop.setEnabled(in_session)
        self.baseline.setEnabled(in_session)
        for widget in (*self.annotation_buttons, self.note):
            widget.setEnabled(in_session)
        for line in (self.subject, self.notes):
            line.setEnabled(phase in (Phase.IDLE, Phase.PREVIEW))
        if in_session and snapshot.subject and self.subject.text() != snapshot.subject:
            self.subject.setText(snapshot.subject)  # attached to a session that was already running
        self._show_recording(obstacle)

    def _label_annotation_buttons(self) -> None:
        """Show one button for each annotation; where they are many, with the key alone."""
        self._annotations = self._state.settings.annotations
        few = len(self._annotations) <= MAX_NAMED
        for k, button in enumerate(self.annotation_buttons):
            key, given = texts.ANNOTATION_KEYS[k], k < len(self._annotations)
            name = self._annotations[k] if given else ""
            button.setText(f"{key}  {name}".replace("&", "&&") if few and len(name) <= MAX_NAME else key)
            button.setToolTip(plain_tip(f"{name} ({key})"))
            button.setVisible(given)

    def _show_recording(self, obstacle: str) -> None:
        snapshot, theme, recorder = self._state.snapshot, self._theme, self._state.snapshot.recorder
        self.phase.setText(texts.PHASES[snapshot.phase.value])
        inks: dict[Phase, Any] = {Phase.PREVIEW: theme.good, Phase.PAUSED: theme.warn, Phase.REPLAY: theme.accent}
        ink, detail = inks.get(snapshot.phase, theme.idle), obstacle or texts.NOT_RECORDING
        if snapshot.phase == Phase.FAILED:
            ink, detail = theme.bad, ""
        if recorder is not None and recorder.state == "recording":
            ink = theme.bad if snapshot.phase == Phase.RUNNING else theme.warn
            since = snapshot.time_s - snapshot.started_s
            self.phase.setText(texts.REC.format(time=clock(since)) if math.isfinite(since) else texts.PHASES["running"])
            detail = texts.REC_SIZE.format(size=size(recorder.bytes_written), free=size(recorder.free_bytes))
        if recorder is not None and recorder.state == "failed":
            ink = theme.bad
            self.phase.setText(texts.REC_FAILED.format(error=recorder.error))
        if recorder is not None and recorder.state == "waiting":
            ink = theme.warn
            self.phase.setText(texts.REC_WAITING.format(error=recorder.error))
        if broken := [output for output in snapshot.outputs if output.state in ("failed", "behind")]:
            detail = "   ·   ".join(
                texts.OUTPUT_BROKEN.format(name=o.name, state=o.state, error=o.error) for o in broken
            )
        progress, time_left = snapshot.progress, self._state.disk.time_left
        if time_left > RecordingTimeLeft.ENOUGH and recorder is not None:
            left_s = self._state.disk.left_s
            soon = left_s < WARN_S
            detail = (
                texts.DISK_LEFT.format(left=clock(left_s))
                if soon
                else texts.DISK_LOW.format(free=size(recorder.free_bytes))
            )
        elif progress is not None and not progress.verdict and snapshot.phase != Phase.REPLAY:
            done, total = clock(progress.done_s), clock(progress.total_s)
            detail = texts.PROGRESS.format(name=progress.name, done=done, total=total)
        self.detail.setText(detail)
        alarm = {RecordingTimeLeft.LOW: theme.warn, RecordingTimeLeft.ALMOST_NONE: theme.bad}.get(time_left)
        self.detail.setStyleSheet(f"color: {alarm}; font-weight: 700;" if alarm else "")
        self.light.set_colour(ink)

    def _send_note(self) -> None:
        text = self.note.text().strip()
        if text:
            self._send("annotate", text=text)
            self.note.clear()
            self.note.clearFocus()


def _line(hint: str, width: int) -> QLineEdit:
    line = QLineEdit()
    line.setPlaceholderText(hint)
    line.setMinimumWidth(width)
    return line


def _button(text: str, tip: str, role: str = "") -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    if role:
        button.setProperty("role", role)
    return button


def _rule() -> QFrame:
    line = QFrame()
    line.setObjectName("rule")
    line.setFixedSize(1, 30)
    return line
