"""Who, start and stop, the recording light, annotations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from rtemo.gui import texts
from rtemo.gui.colours import Theme
from rtemo.gui.labels import ElidedLabel
from rtemo.gui.model import GuiModel, Part
from rtemo.gui.theme import colour, font
from rtemo.gui.wording import clock, size
from rtemo.live.snapshot import Phase

Send = Callable[..., None]


class Lamp(QWidget):
    """A round light."""

    def __init__(self) -> None:
        super().__init__()
        self.ink = "#000000"
        self.setFixedSize(18, 18)

    def glow(self, ink: str) -> None:
        """Take a colour."""
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
    """The controls of a session. `root` is the folder that sessions are written to."""

    def __init__(self, model: GuiModel, theme: Theme, send: Send, root: str) -> None:
        super().__init__()
        self._model, self._theme, self._send, self.root = model, theme, send, root
        self.subject = _line(texts.SUBJECT_HINT, 92)
        self.notes = _line(texts.NOTES_HINT, 90)
        self.start = _button(texts.START, texts.START_TIP, "start")
        self.pause = _button(texts.PAUSE, texts.PAUSE_TIP)
        self.stop = _button(texts.STOP, texts.STOP_TIP, "stop")
        self.baseline = _button(texts.BASELINE, texts.BASELINE_TIP)
        self.lamp = Lamp()
        self.phase = ElidedLabel("", "")
        self.detail = ElidedLabel("", "muted")
        self.note = _line(texts.NOTE_HINT, 100)
        self.hot = [_button(f"F{k + 1}  {name}", f"F{k + 1}", "flat") for k, name in enumerate(texts.ANNOTATIONS)]
        self._lay_out()
        self._connect()
        self.refresh({Part.STATE})

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
        layout.addWidget(self.lamp)
        layout.addLayout(status, 4)
        self.phase.setMinimumWidth(140)
        layout.addWidget(_rule())
        layout.addWidget(self.subject, 1)
        layout.addWidget(self.notes, 3)
        for widget in (self.start, self.baseline, self.pause, self.stop, _rule(), *self.hot):
            layout.addWidget(widget)
        layout.addWidget(self.note, 4)

    def _connect(self) -> None:
        self.start.clicked.connect(self.ask_start)
        self.pause.clicked.connect(self.ask_pause)
        self.stop.clicked.connect(lambda: self._send("stop"))
        self.baseline.clicked.connect(lambda: self._send("baseline", seconds=texts.BASELINE_SECONDS))
        self.note.returnPressed.connect(self._send_note)
        self.subject.textChanged.connect(lambda _text: self.refresh({Part.STATE}))
        for button, name in zip(self.hot, texts.ANNOTATIONS, strict=True):
            button.clicked.connect(lambda _on=False, name=name: self._send("annotate", text=name))

    def ask_start(self) -> None:
        """Start the session if it can start."""
        if self.start.isEnabled():
            self._send("start", subject=self.subject.text().strip(), notes=self.notes.text().strip(), root=self.root)

    def ask_pause(self) -> None:
        """Pause, or go on."""
        if self.pause.isEnabled():
            self._send("resume" if self._model.snapshot.phase == Phase.PAUSED else "pause")

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.refresh({Part.STATE})

    def refresh(self, _changed: set[Part]) -> None:
        """Show the phase and what can be done in it."""
        snapshot = self._model.snapshot
        phase = snapshot.phase
        in_session = phase in (Phase.RUNNING, Phase.PAUSED)
        obstacle = self._model.start_obstacle() or ("" if self.subject.text().strip() else texts.NEED_SUBJECT)
        self.start.setEnabled(not obstacle)
        self.start.setToolTip(texts.START_BLOCKED.format(why=obstacle) if obstacle else texts.START_TIP)
        self.pause.setEnabled(in_session)
        self.pause.setText(texts.RESUME if phase == Phase.PAUSED else texts.PAUSE)
        self.stop.setEnabled(in_session)
        self.baseline.setEnabled(phase in (Phase.PREVIEW, Phase.RUNNING))
        for widget in (*self.hot, self.note):
            widget.setEnabled(in_session)
        for line in (self.subject, self.notes):
            line.setEnabled(phase in (Phase.IDLE, Phase.PREVIEW))
        if in_session and snapshot.subject and self.subject.text() != snapshot.subject:
            self.subject.setText(snapshot.subject)  # attached to a session that was already running
        self._show_recording()

    def _show_recording(self) -> None:
        snapshot, theme, recorder = self._model.snapshot, self._theme, self._model.snapshot.recorder
        self.phase.setText(texts.PHASES[snapshot.phase.value])
        inks: dict[Phase, Any] = {Phase.PREVIEW: theme.good, Phase.PAUSED: theme.warn, Phase.REPLAY: theme.accent}
        ink, detail = inks.get(snapshot.phase, theme.idle), texts.NOT_RECORDING
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
        elif self._model.disk_low and recorder is not None:
            detail = texts.DISK_LOW.format(free=size(recorder.free_bytes))
        progress = snapshot.progress
        if progress is not None and snapshot.phase != Phase.REPLAY:
            done = texts.PROGRESS.format(name=progress.name, done=clock(progress.done_s), total=clock(progress.total_s))
            detail = f"{done}  {progress.verdict}"
        self.detail.setText(detail)
        self.detail.setStyleSheet(f"color: {theme.bad}; font-weight: 700;" if self._model.disk_low else "")
        self.lamp.glow(ink)

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
