"""Dialog that says who takes part, and whose stream is whose: a row for each participant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from rtemo.core.errors import RtemoError
from rtemo.gui.layout.scrolling_dialog import ScrollingDialog
from rtemo.gui.painting.text_labels import PlainLabel
from rtemo.gui.people import words
from rtemo.gui.people.roles import FIRST_ROLES, next_id
from rtemo.gui.people.stream_box import stream_box
from rtemo.gui.study.form_rows import button, hint, rename
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import StreamStatus
from rtemo.sources.participant_roles import told_apart
from rtemo.sources.participants import MOST, Participant, new_participant
from rtemo.sources.session_settings import ANONYMOUS, settings_text

STREAM_PX = 240


class PersonRow:
    """The fields of one participant. known: as the settings have that one, None for a new one."""

    def __init__(self, id_: str, known: Participant | None, streams: Sequence[StreamStatus]) -> None:
        self.known = known
        self.id = QLineEdit(id_)
        self.id.setAccessibleName(words.HEADS[0])
        asked = known.queries if known is not None else {}
        self.boxes = {
            part: stream_box(part, asked.get(part), streams, words.HEADS[1 + k]) for k, part in enumerate(FIRST_ROLES)
        }
        self.remove: QPushButton = button(words.REMOVE_PERSON)

    @property
    def widgets(self) -> tuple[QWidget, ...]:
        return (self.id, *self.boxes.values(), self.remove)

    @property
    def participant(self) -> Participant:
        """As it is entered. Raises RtemoError for what cannot be an id."""
        name = self.id.text().strip()
        found = replace(self.known, id=new_participant(name).id) if self.known is not None else new_participant(name)
        for part, box in self.boxes.items():
            found = found.with_query(part, box.currentData())
        return found


class ParticipantsDialog(ScrollingDialog):
    """Not modal. apply: takes the settings as the text of a TOML file."""

    def __init__(self, state: WindowState, apply: Callable[[str], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(words.DIALOG)
        self._state, self._apply = state, apply
        self.rows: list[PersonRow] = []
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(8)
        for column, head in enumerate(words.HEADS):
            self._grid.addWidget(PlainLabel(head, "muted"), 0, column)
        for column in (1, 2):
            self._grid.setColumnMinimumWidth(column, STREAM_PX)
            self._grid.setColumnStretch(column, 1)
        self.message = hint("", "warn")
        self.add, self.alone = button(words.ADD_PERSON), button(words.ONE_ALONE)
        self.cancel, self.use_button = button(words.CANCEL), button(words.USE, "start")
        self.add.clicked.connect(self.add_person)
        self.alone.clicked.connect(self.use_one)
        self.cancel.clicked.connect(self.reject)
        self.use_button.clicked.connect(self.use)
        self._lay_out()
        for one in state.settings.participants:
            self._add_row(one.id, one)
        while len(self.rows) < 2:
            self.add_person()
        self.refresh({SnapshotPart.STATE})

    def add_person(self) -> None:
        """Offer one more, with the first streams that are nobody's yet."""
        self._add_row(next_id([row.id.text().strip() for row in self.rows]), None)
        row = self.rows[-1]
        for part, box in row.boxes.items():
            taken = [other.boxes[part].currentIndex() for other in self.rows[:-1]]
            free = [k for k in range(1, box.count()) if k not in taken]
            box.setCurrentIndex(free[0] if free else 0)
        self.refresh({SnapshotPart.STATE})

    def remove_person(self, row: PersonRow) -> None:
        """Take a row away."""
        self.rows.remove(row)
        for widget in row.widgets:
            self._grid.removeWidget(widget)
            widget.deleteLater()
        self.refresh({SnapshotPart.STATE})

    def use(self) -> None:
        """Go on with those that are entered; stay open where they cannot be told apart."""
        if len(self.rows) < 2:
            rename(self.message, words.FEW, "warn")
            return
        try:
            text = settings_text(told_apart(self._state.settings, [row.participant for row in self.rows]))
        except RtemoError as error:
            rename(self.message, str(error), "warn")
            return
        self._apply(text)
        self.accept()

    def use_one(self) -> None:
        """Tell nobody apart any more."""
        settings = self._state.settings
        self._apply(settings_text(replace(settings, participants=(), subject=ANONYMOUS)))
        self.accept()

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """In a session nothing can be changed."""
        running = self._state.in_session
        self.use_button.setEnabled(not running)
        self.alone.setEnabled(not running and bool(self._state.settings.participants))
        self.add.setEnabled(len(self.rows) < MOST)
        if running:
            rename(self.message, words.IN_SESSION, "warn")

    def _add_row(self, id_: str, known: Participant | None) -> None:
        row = PersonRow(id_, known, self._state.snapshot.streams)
        row.remove.clicked.connect(lambda: self.remove_person(row))
        place = self._grid.rowCount()
        for column, widget in enumerate(row.widgets):
            self._grid.addWidget(widget, place, column)
        self.rows.append(row)

    def _lay_out(self) -> None:
        middle = QHBoxLayout()
        middle.addWidget(self.add)
        middle.addWidget(self.alone)
        middle.addStretch(1)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.use_button)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.setContentsMargins(18, 18, 18, 14)
        layout.addWidget(hint(words.DIALOG_ASK))
        layout.addLayout(self._grid)
        layout.addLayout(middle)
        layout.addWidget(self.message)
        layout.addStretch(1)
        layout.addLayout(buttons)
