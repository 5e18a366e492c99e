"""Session controls: participant, start, pause, stop, baseline, annotations."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QPushButton, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.text_labels import plain_tip
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import Phase

Send = Callable[..., None]
MAX_NAMED, MAX_NAME = 4, 14  # annotation buttons carry their names up to so many, and so long
ROOMY_PX = 1040  # a bar that is narrower has the keys alone


class SessionBar(QWidget):
    """The controls of a session. `root`: the folder that sessions are written to. refused: why none can start."""

    refused = Signal(str)

    def __init__(
        self, state: WindowState, send: Send, root: str, ask_baseline: Callable[[], None] = lambda: None
    ) -> None:
        """ask_baseline: opens the baseline dialog."""
        super().__init__()
        self._state, self._send, self.root = state, send, root
        self.subject = _line(texts.SUBJECT_HINT, 92)
        self.notes = _line(texts.NOTES_HINT, 90)
        self.start = _button(texts.START, texts.START_TIP, "start")
        self.pause = _button(texts.PAUSE, texts.PAUSE_TIP)
        self.stop = _button(texts.STOP, texts.STOP_TIP, "stop")
        self.baseline = _button(texts.BASELINE, texts.BASELINE_TIP)
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
        self.subject.textChanged.connect(self._name_participant)
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
        self.pause.setEnabled(in_session and self._state.engine_answers)
        self.pause.setText(texts.RESUME if phase == Phase.PAUSED else texts.PAUSE)
        self.stop.setEnabled(in_session)
        self.baseline.setEnabled(in_session and self._state.engine_answers)
        for widget in (*self.annotation_buttons, self.note):
            widget.setEnabled(in_session)
        for line in (self.subject, self.notes):
            line.setEnabled(phase in (Phase.IDLE, Phase.PREVIEW) and not in_session)
        if in_session and self._state.subject and self.subject.text() != self._state.subject:
            self.subject.setText(self._state.subject)  # attached to a session that was already running

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self._label_annotation_buttons()

    def minimumSizeHint(self) -> QSize:
        """Buttons that lose their names where there is no room for them do not keep the window wide."""
        parts = (self.subject, self.notes, self.start, self.baseline, self.pause, self.stop, self.note)
        keys = sum(self.fontMetrics().horizontalAdvance(texts.ANNOTATION_KEYS[0]) + 24 for _ in self._annotations)
        n = len(parts) + len(self._annotations) + 1
        width = sum(part.minimumSizeHint().expandedTo(part.minimumSize()).width() for part in parts)
        return QSize(width + keys + n * self.layout().spacing(), super().minimumSizeHint().height())

    def _name_participant(self, text: str) -> None:
        self._state.participant = text.strip()
        self.refresh({SnapshotPart.STATE})

    def _label_annotation_buttons(self) -> None:
        """Show one button for each annotation; where they are many, with the key alone."""
        self._annotations = self._state.settings.annotations
        few = len(self._annotations) <= MAX_NAMED and self.width() >= ROOMY_PX
        for k, button in enumerate(self.annotation_buttons):
            key, given = texts.ANNOTATION_KEYS[k], k < len(self._annotations)
            name = self._annotations[k] if given else ""
            button.setText(f"{key}  {name}".replace("&", "&&") if few and len(name) <= MAX_NAME else key)
            button.setToolTip(plain_tip(f"{name} ({key})"))
            button.setVisible(given)

    def _send_note(self) -> None:
        text = self.note.text().strip()
        if text:
            self._send("annotate", text=text)
            self.note.clear()
            self.note.clearFocus()


def _line(hint: str, width: int) -> QLineEdit:
    line = QLineEdit()
    line.setPlaceholderText(hint)
    line.setAccessibleName(hint)
    line.setMinimumWidth(width)
    return line


def _button(text: str, tip: str, role: str = "") -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    if role:
        button.setProperty("role", role)
    return button


def _rule() -> QFrame:
    line = QFrame()
    line.setObjectName("rule")
    line.setFixedSize(1, 30)
    return line
