"""Dialog that corrects annotations: text, time, or taking one back. What was noted first stays in the record.

It serves a running session, whose engine is told, and one that is over: those corrections lie beside its recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from rtemo.core.errors import RtemoError
from rtemo.gui.layout.number_fields import measure_field
from rtemo.gui.layout.scrolling_dialog import ScrollingDialog
from rtemo.gui.study import words
from rtemo.gui.study.form_rows import add_row, button, head_left, hint, new_form, rename
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.presentation.numbers import clock
from rtemo.recordings.events import Event, EventKind
from rtemo.recordings.study.annotations import AnnotationEdit, corrected, is_editable
from rtemo.recordings.study.later_corrections import correct_later, noted_events

MOST_MOVED_S = 600.0


class Annotations(Protocol):
    """The annotations of one session, running or over."""

    @property
    def began_s(self) -> float: ...
    @property
    def open(self) -> bool:
        """Whether they can be corrected now."""
        ...

    def events(self) -> list[Event]:
        """What was noted, and the corrections. Raises RtemoError where it cannot be read."""
        ...

    def correct(self, edit: AnnotationEdit) -> None:
        """Correct one. Raises RtemoError where that cannot be kept."""
        ...


class RunningAnnotations:
    """Those of the running session. send: a command to the engine."""

    def __init__(self, state: WindowState, send: Callable[..., None]) -> None:
        self._state, self._send = state, send

    @property
    def began_s(self) -> float:
        return self._state.session_started_s

    @property
    def open(self) -> bool:
        return self._state.in_session

    def events(self) -> list[Event]:
        return [_event(one) for one in self._state.events if one["time_s"] >= self.began_s]

    def correct(self, edit: AnnotationEdit) -> None:
        self._send("edit_annotation", noted_s=edit.noted_s, was=edit.was, text=edit.text, time_s=edit.time_s)


class KeptAnnotations:
    """Those of a session that is over, by its recording."""

    open = True

    def __init__(self, recording: Path) -> None:
        self._recording = recording
        self.began_s = min((event.time_s for event in self.events()), default=0.0)

    def events(self) -> list[Event]:
        return list(noted_events(self._recording))

    def correct(self, edit: AnnotationEdit) -> None:
        correct_later(self._recording, edit, datetime.now().astimezone())


class AnnotationsDialog(ScrollingDialog):
    """The annotations of a session, as they count now. name: the session's, where it is not the running one."""

    def __init__(self, annotations: Annotations, name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(words.ANNOTATIONS_OF.format(name=name) if name else words.ANNOTATIONS)
        self.resize(560, 460)
        self._annotations = annotations
        self.shown: list[tuple[Event, Event]] = []  # as it was noted, and as it counts now
        self.table = QTableWidget(0, 2)
        self.table.setHorizontalHeaderLabels(words.ANNOTATION_HEADS)
        self.table.setAccessibleName(words.ANNOTATIONS)
        head_left(self.table)
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.itemSelectionChanged.connect(self._fill)
        self.text = QLineEdit()
        self.move_by = measure_field(-MOST_MOVED_S, MOST_MOVED_S, 0.0, " s", decimals=1)
        self.correct, self.remove, self.close_button = (
            button(words.APPLY_EDIT, "start"),
            button(words.TAKE_BACK),
            button(words.CLOSE),
        )
        self.correct.clicked.connect(lambda: self._edit(self.text.text().strip()))
        self.remove.clicked.connect(lambda: self._edit(""))
        self.close_button.clicked.connect(self.accept)
        self.message = hint("")
        form = new_form()
        add_row(form, words.ANNOTATION_HEADS[1], self.text)
        add_row(form, words.MOVE_BY, self.move_by)
        row = QHBoxLayout()
        row.addWidget(self.remove)
        row.addWidget(self.message, 1)
        row.addWidget(self.close_button)
        row.addWidget(self.correct)
        layout = QVBoxLayout(self)
        layout.addWidget(hint(words.ANNOTATIONS_ASK))
        layout.addWidget(self.table, 1)
        layout.addLayout(form)
        layout.addLayout(row)
        self.refresh({SnapshotPart.EVENTS})

    def refresh(self, changed: set[SnapshotPart]) -> None:
        """Show the annotations of the session."""
        if SnapshotPart.EVENTS in changed:
            try:
                self._show(annotations_of(self._annotations.events()))
            except RtemoError as error:
                rename(self.message, str(error), "bad")
        chosen = self.table.currentRow() >= 0 and self._annotations.open
        for widget in (self.correct, self.remove, self.text, self.move_by):
            widget.setEnabled(chosen)

    def _show(self, found: list[tuple[Event, Event]]) -> None:
        if found == self.shown:
            return
        row, self.shown = self.table.currentRow(), found
        self.table.setRowCount(len(found))
        for k, (_, now) in enumerate(found):
            cells = (clock(now.time_s - self._annotations.began_s), now.text)
            for column, text in enumerate(cells):
                self.table.setItem(k, column, QTableWidgetItem(text))
        if 0 <= row < len(found):
            self.table.selectRow(row)

    def _fill(self) -> None:
        row = self.table.currentRow()
        if 0 <= row < len(self.shown):
            self.text.setText(self.shown[row][1].text)
            self.move_by.setValue(0.0)
        self.refresh(set())

    def _edit(self, text: str) -> None:
        row = self.table.currentRow()
        if 0 <= row < len(self.shown):
            noted, now = self.shown[row]
            time_s = now.time_s + self.move_by.value()
            try:
                self._annotations.correct(AnnotationEdit(noted.time_s, noted.text, text, time_s))
            except RtemoError as error:
                rename(self.message, str(error), "bad")
                return
            rename(self.message, "", "muted")
            self.move_by.setValue(0.0)
            self.refresh({SnapshotPart.EVENTS})


def annotations_of(events: Iterable[Event]) -> list[tuple[Event, Event]]:
    """The annotations among some events: as they were noted, and as they count now, by the time of their note."""
    found = list(events)
    edits = [event for event in found if event.kind is EventKind.NOTE]
    noted = sorted((event for event in found if is_editable(event)), key=lambda event: event.time_s)
    pairs = ((event, next((one for one in corrected([event, *edits]) if is_editable(one)), None)) for event in noted)
    return [(event, now) for event, now in pairs if now is not None]


def _event(record: Mapping[str, Any]) -> Event:
    details = record.get("details") or {}
    return Event(record["time_s"], EventKind(str(record["kind"])), str(record["text"]), details=dict(details))
