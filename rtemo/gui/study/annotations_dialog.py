"""Dialog that corrects annotations: text, time, or taking one back. What was noted first stays in the record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from rtemo.gui.layout.number_fields import measure_field
from rtemo.gui.layout.scrolling_dialog import ScrollingDialog
from rtemo.gui.study import words
from rtemo.gui.study.form_rows import add_row, button, head_left, hint, new_form
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.presentation.numbers import clock
from rtemo.recordings.events import Event, EventKind
from rtemo.recordings.study.annotations import corrected, is_editable

MOST_MOVED_S = 600.0


class AnnotationsDialog(ScrollingDialog):
    """The annotations of the running session, as they count now. send: a command to the engine."""

    def __init__(self, state: WindowState, send: Callable[..., None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(words.ANNOTATIONS)
        self.resize(560, 460)
        self._state, self._send = state, send
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
        form = new_form()
        add_row(form, words.ANNOTATION_HEADS[1], self.text)
        add_row(form, words.MOVE_BY, self.move_by)
        row = QHBoxLayout()
        row.addWidget(self.remove)
        row.addStretch(1)
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
            self._show(annotations_of(self._state.events, self._state.session_started_s))
        chosen = self.table.currentRow() >= 0 and self._state.in_session
        for widget in (self.correct, self.remove, self.text, self.move_by):
            widget.setEnabled(chosen)

    def _show(self, found: list[tuple[Event, Event]]) -> None:
        if found == self.shown:
            return
        row, self.shown = self.table.currentRow(), found
        self.table.setRowCount(len(found))
        for k, (_, now) in enumerate(found):
            cells = (clock(now.time_s - self._state.session_started_s), now.text)
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
            self._send("edit_annotation", noted_s=noted.time_s, was=noted.text, text=text, time_s=time_s)
            self.move_by.setValue(0.0)


def annotations_of(events: Iterable[Mapping[str, Any]], since_s: float) -> list[tuple[Event, Event]]:
    """The annotations since a time: as they were noted, and as they count now, by the time of their note."""
    found = [_event(one) for one in events if one["time_s"] >= since_s]
    edits = [event for event in found if event.kind is EventKind.NOTE]
    noted = sorted((event for event in found if is_editable(event)), key=lambda event: event.time_s)
    pairs = ((event, next((one for one in corrected([event, *edits]) if is_editable(one)), None)) for event in noted)
    return [(event, now) for event, now in pairs if now is not None]


def _event(record: Mapping[str, Any]) -> Event:
    details = record.get("details") or {}
    return Event(record["time_s"], EventKind(str(record["kind"])), str(record["text"]), details=dict(details))
