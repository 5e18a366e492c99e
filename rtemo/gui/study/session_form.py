"""Dialog that names the next session and describes its study: participant, session, task, run, purpose, conditions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from rtemo.core.errors import RtemoError
from rtemo.gui.layout.number_fields import count_field
from rtemo.gui.layout.scrolling_dialog import ScrollingDialog
from rtemo.gui.study import words
from rtemo.gui.study.form_rows import add_row, button, hint, new_form, rename
from rtemo.gui.study.session_index import SessionIndex
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.presentation.numbers import several
from rtemo.recordings.events import Event, EventKind
from rtemo.recordings.study.conditions import marker_intervals
from rtemo.recordings.study.session_list import next_run, of_participant
from rtemo.sources.recording_places import safe_name
from rtemo.sources.session_settings import SessionSettings, parse_settings, settings_text
from rtemo.sources.study_settings import MAX_RUN, next_participant, session_name

SESSION_PAGE, STUDY_PAGE, CONDITIONS_PAGE = range(3)


class SessionForm(ScrollingDialog):
    """The pages of the form. apply: takes participant, notes and the settings as the text of a TOML file."""

    def __init__(
        self,
        state: WindowState,
        index: SessionIndex,
        named: tuple[str, str],
        apply: Callable[[str, str, str], None],
        show_notice: Callable[[SessionSettings], None],
        parent: QWidget | None = None,
    ) -> None:
        """named: the participant and the notes that are typed in the window."""
        super().__init__(parent)
        self.setWindowTitle(words.FORM)
        self.setObjectName("panel")
        self.resize(640, 470)
        self._state, self._index, self._apply = state, index, apply
        self._settings = state.settings
        self.tabs = QTabWidget()
        self.message = hint("", "warn")
        for name, page in zip(
            words.FORM_PAGES, (self._session_page(named), self._study_page(), self._conditions_page()), strict=True
        ):
            self.tabs.addTab(page, name)
        self.show_notice.clicked.connect(lambda: show_notice(self.entered))
        self.cancel, self.use_button = button(words.CANCEL), button(words.USE, "start")
        self.cancel.clicked.connect(self.reject)
        self.use_button.clicked.connect(self.use)
        row = QHBoxLayout()
        row.addWidget(self.message, 1)
        row.addWidget(self.cancel)
        row.addWidget(self.use_button)
        layout = QVBoxLayout(self)
        layout.addWidget(self.tabs, 1)
        layout.addLayout(row)
        self.refresh(set())
        self.subject.setFocus()

    @property
    def entered(self) -> SessionSettings:
        """The session's settings with what was entered."""
        study = replace(
            self._settings.study,
            name=self.study.text().strip(),
            purpose=self.purpose.text().strip(),
            consent=self.consent.text().strip(),
            notice=self.notice.toPlainText().strip(),
            folder_name=self.folder_name.text().strip(),
        )
        return replace(
            self._settings,
            subject=self.subject.text().strip(),
            session=self.session.text().strip(),
            task=self.task.text().strip(),
            run=self.run.value(),
            conditions=self.conditions_entered,
            study=study,
        )

    @property
    def conditions_entered(self) -> tuple[str, ...]:
        if self.every_marker.isChecked():
            return ()
        items = [self.markers.item(k) for k in range(self.markers.count())]
        return tuple(item.text() for item in items if item.checkState() is Qt.CheckState.Checked)

    def use(self) -> None:
        """Apply what was entered; stay open where it cannot be right."""
        settings = self.entered
        try:
            text = settings_text(settings)
            parse_settings(text)
            session_name(settings)
        except RtemoError as error:
            rename(self.message, str(error), "warn")
            return
        self._apply(settings.subject, self.notes.toPlainText().strip(), text)
        self.accept()

    def next_participant(self) -> None:
        """Enter the next participant's id, with the first run and without notes."""
        name = next_participant(self.subject.text().strip(), [one.subject for one in self._index.sessions])
        self.subject.setText(name)
        self.notes.clear()
        if self.run.value():
            self.run.setValue(1)
        self.subject.setFocus()

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """Show the folder's name and whether the id is known; a running session keeps what it began with."""
        running = self._state.in_session
        self.use_button.setEnabled(not running)
        settings = self.entered
        try:
            self.folder.setText(f"…_{safe_name(session_name(settings))}")
        except RtemoError as error:
            self.folder.setText(str(error))
        rename(self.message, *((words.IN_SESSION, "warn") if running else self._known(settings)))

    def _known(self, settings: SessionSettings) -> tuple[str, str]:
        """What is known of the participant already, and the colour of that text."""
        theirs = of_participant(self._index.sessions, settings.subject) if settings.subject else []
        key = (settings.session, settings.task, settings.run)
        if any((one.session, one.task, one.run) == key for one in theirs):
            return words.KNOWN_RUN.format(subject=settings.subject), "warn"
        return (
            words.KNOWN.format(subject=settings.subject, n=several(len(theirs), "session")) if theirs else ""
        ), "muted"

    def _suggest_run(self) -> None:
        """Count the run on for a session and task that is recorded already."""
        if self.run.value() and (settings := self.entered).subject:
            self.run.setValue(next_run(self._index.sessions, settings.subject, settings.session, settings.task))

    def _session_page(self, named: tuple[str, str]) -> QWidget:
        page, settings = QWidget(), self._settings
        self.subject, self.session, self.task = (
            QLineEdit(named[0]),
            QLineEdit(settings.session),
            QLineEdit(settings.task),
        )
        self.run = count_field(0, MAX_RUN, settings.run)
        self.run.setSpecialValueText(words.NO_RUN)
        self.notes = QPlainTextEdit(named[1])
        self.notes.setTabChangesFocus(True)
        self.notes.setProperty("role", "field")
        self.folder = hint("", "strong")
        self.next = button(words.NEXT_PARTICIPANT)
        self.next.clicked.connect(self.next_participant)
        form = new_form()
        add_row(form, words.PARTICIPANT, self.subject, self.next)
        add_row(form, words.SESSION, self.session)
        add_row(form, words.TASK, self.task)
        add_row(form, words.RUN, self.run)
        add_row(form, words.NOTES, self.notes)
        add_row(form, words.FOLDER, self.folder)
        for line in (self.subject, self.session, self.task):
            line.textChanged.connect(lambda _text: self.refresh(set()))
            line.editingFinished.connect(self._suggest_run)
        self.run.valueChanged.connect(lambda _run: self.refresh(set()))
        page.setLayout(form)
        return page

    def _study_page(self) -> QWidget:
        page, study = QWidget(), self._settings.study
        self.study, self.purpose, self.consent = (
            QLineEdit(study.name),
            QLineEdit(study.purpose),
            QLineEdit(study.consent),
        )
        self.purpose.setPlaceholderText(words.PURPOSE_HINT)
        self.folder_name = QLineEdit(study.folder_name)
        self.folder_name.setToolTip(words.FOLDER_NAME_TIP)
        self.notice = QPlainTextEdit(study.notice)
        self.notice.setPlaceholderText(words.NOTICE_OWN_HINT)
        self.notice.setTabChangesFocus(True)
        self.notice.setProperty("role", "field")
        self.show_notice = button(words.NOTICE_SHOW)
        form = new_form()
        form.addRow(hint(words.STUDY_ASK))
        add_row(form, words.STUDY, self.study)
        add_row(form, words.PURPOSE, self.purpose)
        add_row(form, words.CONSENT, self.consent)
        add_row(form, words.FOLDER_NAME, self.folder_name)
        add_row(form, words.NOTICE_OWN, self.notice)
        form.addRow("", self.show_notice)
        self.folder_name.textChanged.connect(lambda _text: self.refresh(set()))
        page.setLayout(form)
        return page

    def _conditions_page(self) -> QWidget:
        page, chosen = QWidget(), self._settings.conditions
        self.every_marker = QCheckBox(words.CONDITIONS_ALL)
        self.every_marker.setChecked(not chosen)
        self.markers = QListWidget()
        self.markers.setAccessibleName(words.FORM_PAGES[CONDITIONS_PAGE])
        for name in dict.fromkeys([*chosen, *marker_names(self._state)]):
            self._add_marker(name, checked=name in chosen or not chosen)
        self.markers.setEnabled(bool(chosen))
        self.every_marker.toggled.connect(lambda on: self.markers.setEnabled(not on))
        self.add_name = QLineEdit()
        self.add_name.setPlaceholderText(words.CONDITIONS_ADD)
        self.add_name.setAccessibleName(words.CONDITIONS_ADD)
        self.add_button = button(words.ADD)
        self.add_button.clicked.connect(self.add_condition)
        row = QHBoxLayout()
        row.addWidget(self.add_name, 1)
        row.addWidget(self.add_button)
        layout = QVBoxLayout(page)
        layout.addWidget(hint(words.CONDITIONS_ASK))
        layout.addWidget(self.every_marker)
        layout.addWidget(self.markers, 1)
        layout.addLayout(row)
        return page

    def add_condition(self) -> None:
        """Choose the name that was typed."""
        name = self.add_name.text().strip()
        if name:
            self.every_marker.setChecked(False)
            self._add_marker(name, checked=True)
            self.add_name.clear()

    def _add_marker(self, name: str, *, checked: bool) -> None:
        item = QListWidgetItem(name)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked)
        self.markers.addItem(item)


def marker_names(state: WindowState) -> list[str]:
    """The names of the conditions that the markers so far make, in the order of their first stretch."""
    marks = [one for one in state.marks if str(one.get("kind")) == EventKind.MARKER.value]
    events = [Event(one["time_s"], EventKind.MARKER, str(one["text"]), str(one.get("stream", ""))) for one in marks]
    return list(dict.fromkeys(one.name for one in marker_intervals(events, state.now_s)))
