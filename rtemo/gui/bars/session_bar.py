"""Session controls: participant, start, pause, stop, baseline, annotations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QPushButton, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.text_labels import ElidedLabel, plain_tip
from rtemo.gui.people import words as people_words
from rtemo.gui.people.whom_box import WhomBox
from rtemo.gui.study import words
from rtemo.gui.study.session_index import SessionIndex
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import Phase
from rtemo.presentation.numbers import several, shortened
from rtemo.recordings.study.session_list import of_participant
from rtemo.sources.session_settings import settings_text

Send = Callable[..., None]
MAX_DETAILS = 24
MAX_NAMED, MAX_NAME = 4, 14  # annotation buttons carry their names up to so many, and so long
ROOMY_PX = 1040  # a bar that is narrower has the keys alone


class SessionBar(QWidget):
    """The controls of a session. `root`: the folder that sessions are written to. refused: why something cannot be."""

    refused = Signal(str)

    def __init__(
        self,
        state: WindowState,
        send: Send,
        root: str,
        ask_baseline: Callable[[], None] = lambda: None,
        ask_details: Callable[[], None] = lambda: None,
        index: SessionIndex | None = None,
    ) -> None:
        """ask_baseline, ask_details: open the dialogs. index: the sessions that are there already."""
        super().__init__()
        self._state, self._send = state, send
        self.root = root
        self._ask_details, self._index = ask_details, index or SessionIndex()
        self.may_stop: Callable[[], bool] = lambda: True
        self._named = ""  # what the settings call a session of several
        self._began = False  # whether a session was running at the last look
        self.details = _button(words.DETAILS, words.DETAILS_TIP, "flat")
        self.known = ElidedLabel("", "warn")
        self.subject = _line(texts.SUBJECT_HINT, 92)
        self.notes = _line(texts.NOTES_HINT, 90)
        self.start = _button(texts.START, texts.START_TIP, "start")
        self.pause = _button(texts.PAUSE, texts.PAUSE_TIP)
        self.stop = _button(texts.STOP, texts.STOP_TIP, "stop")
        self.baseline = _button(texts.BASELINE, texts.BASELINE_TIP)
        self.note = _line(texts.NOTE_HINT, 100)
        self.note.setToolTip(texts.NOTE_TIP)
        self.about = WhomBox()
        self.annotation_buttons = [_button(key, key, "flat") for key in texts.ANNOTATION_KEYS]
        self._annotations: tuple[str, ...] = ()
        self.known.hide()
        self._lay_out()
        self._connect(ask_baseline)
        self.refresh({SnapshotPart.STATE, SnapshotPart.SETTINGS})

    @property
    def root(self) -> str:
        return self._state.root

    @root.setter
    def root(self, folder: str) -> None:
        self._state.root = folder

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.subject, 1)
        layout.addWidget(self.details)
        between = QHBoxLayout()  # the warning takes its room from the notes: no button moves
        between.addWidget(self.known)
        between.addWidget(self.notes, 1)
        layout.addLayout(between, 3)
        for widget in (self.start, self.baseline, self.pause, self.stop, _rule(), *self.annotation_buttons):
            layout.addWidget(widget)
        layout.addWidget(self.about)
        layout.addWidget(self.note, 4)

    def _connect(self, ask_baseline: Callable[[], None]) -> None:
        self.start.clicked.connect(self.ask_start)
        self.pause.clicked.connect(self.ask_pause)
        self.stop.clicked.connect(self.ask_stop)
        self.details.clicked.connect(lambda: self._ask_details())
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
        elif (study := self._state.settings.study).name and not (study.purpose and study.consent):
            self.refused.emit(texts.START_BLOCKED.format(why=words.STUDY_NEEDED))
            self._ask_details()
        else:
            self._send("start", subject=self.subject.text().strip(), notes=self.notes.text().strip(), root=self.root)

    def ask_stop(self) -> None:
        """Stop the session, where the user means it."""
        if self._state.in_session and self.may_stop():
            self._send("stop")

    @property
    def named(self) -> tuple[str, str]:
        """The participant and the notes that are entered."""
        return self.subject.text().strip(), self.notes.text().strip()

    def name(self, subject: str, notes: str) -> None:
        """Enter a participant and notes."""
        self.subject.setText(subject)
        self.notes.setText(" ".join(notes.split("\n")))

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
        if number >= len(self._annotations):
            return
        if self._state.in_session:
            self._annotate(self._annotations[number])
        elif self._state.snapshot.phase is not Phase.REPLAY:
            self.refused.emit(texts.ANNOTATE_NO_SESSION)

    def _annotate(self, text: str) -> None:
        """Note something about whom it is to be about."""
        whose = self.about.participant
        self._send("annotate", text=text, **({"participant": whose} if whose else {}))

    def annotate_stretch(self, number: int) -> None:
        """Begin the stretch of a key, or end the one that runs."""
        if self._state.in_session and number < len(self._annotations):
            name = self._annotations[number]
            text = words.STRETCH_ENDS if name in self.stretches else words.STRETCH_BEGINS
            self._annotate(text.format(name=name))

    @property
    def stretches(self) -> set[str]:
        """The annotations of keys that have begun and not ended."""
        running: set[str] = set()
        ends = {words.STRETCH_ENDS.format(name=name): name for name in self._annotations}
        begins = {words.STRETCH_BEGINS.format(name=name): name for name in self._annotations}
        for mark in self._state.marks:
            if mark["time_s"] >= self._state.session_started_s and mark.get("kind") == "annotation":
                text = str(mark["text"])
                running = running | {begins[text]} if text in begins else running - {ends.get(text, "")}
        return running

    def refresh(self, changed: set[SnapshotPart]) -> None:
        """Show the phase and enable the controls that apply in it."""
        if SnapshotPart.SETTINGS in changed:
            self._label_annotation_buttons()
            self._show_details()
            self._name_several()
        self.about.show_people(self._state.several)
        if SnapshotPart.EVENTS in changed:
            running = self.stretches
            for k, name in enumerate(self._annotations):
                self.annotation_buttons[k].setDown(name in running)
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
        for widget in (*self.annotation_buttons, self.about, self.note):
            widget.setEnabled(in_session)
        for line in (self.subject, self.notes):
            editable = phase in (Phase.IDLE, Phase.PREVIEW) and not in_session
            if line.hasFocus() and not editable:  # Qt would pass the keys on to a button
                self.window().setFocus(Qt.FocusReason.OtherFocusReason)
            if line.isEnabled() and not editable:
                line.setCursorPosition(0)  # names are told by their beginning
            line.setEnabled(editable)
        if in_session and self._state.subject and self.subject.text() != self._state.subject:
            self.subject.setText(self._state.subject)  # attached to a session that was already running
            self.notes.setText(self._state.settings.notes)
        elif in_session and not self.notes.text():
            self.notes.setText(self._state.settings.notes)
        self._look_for_known(in_session=in_session)

    def _name_several(self) -> None:
        """The name of a session of several is that of its settings, until another one is entered."""
        settings, entered = self._state.settings, self.subject.text().strip()
        named = settings.participant if settings.participants else ""
        self.subject.setPlaceholderText(people_words.SUBJECT_HINT if settings.participants else texts.SUBJECT_HINT)
        if not self._state.in_session and named != self._named and entered in ("", self._named):
            self.subject.setText(named)
            self.subject.setCursorPosition(0)
        self._named = named

    def _show_details(self) -> None:
        """Name session, task and run on the button that edits them."""
        settings = self._state.settings
        given = (
            settings.session and f"ses-{settings.session}",
            settings.task,
            settings.run and f"run-{settings.run:02d}",
        )
        text = shortened(" ".join(one for one in given if one), MAX_DETAILS)
        self.details.setText((text or words.DETAILS).replace("&", "&&"))

    def _look_for_known(self, *, in_session: bool) -> None:
        """Warn of a participant whose sessions are there already; after a session count its run on."""
        if not in_session:
            self._index.look(self.root)
        ended, self._began = self._began and not in_session, in_session
        settings, subject = self._state.settings, self.subject.text().strip()
        if ended and settings.run:
            following = replace(settings, run=settings.run + 1, subject="anonymous", notes="")
            self._send("describe", settings=settings_text(following))
        theirs = of_participant(self._index.sessions, subject) if subject and not in_session else []
        same = (settings.session, settings.task, settings.run)
        twice = any((one.session, one.task, one.run) == same for one in theirs) and any(same)
        text = words.KNOWN_RUN_SHORT if twice else ""
        if theirs and not twice:
            text = words.KNOWN_SHORT.format(n=several(len(theirs), "session"))
        if text != self.known.text():
            self.known.setText(text)
            self.known.setVisible(bool(text))
            self.known.setMinimumWidth(self.known.sizeHint().width() if text else 0)
            self._make_room()

    def _make_room(self) -> None:
        """Where there is little room, the warning takes that of the notes, which are among the details, too."""
        self.notes.setVisible(self.width() >= ROOMY_PX or not self.known.text())

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self._make_room()
        self._label_annotation_buttons()

    def minimumSizeHint(self) -> QSize:
        """Buttons that lose their names where there is no room for them do not keep the window wide."""
        parts: list[QWidget] = [self.subject, self.notes, self.start, self.baseline, self.pause, self.stop, self.note]
        parts += [] if self.about.isHidden() else [self.about]
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
            button.setToolTip(plain_tip(words.STRETCH_TIP.format(name=name, key=key)))
            button.setAccessibleName(name)
            button.setVisible(given)

    def _send_note(self) -> None:
        text = self.note.text().strip()
        if text:
            self._annotate(text)
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
