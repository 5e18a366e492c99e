"""Page of the session settings: a stream's channels and unit, and for EEG a head map to place the electrodes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QModelIndex, QStringListModel, Qt
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from rtemo.core.types import Modality
from rtemo.gui import texts
from rtemo.gui.dialogs.column_edits import GAZE_USES, ColumnMap, eeg_problems, electrodes, gaze_problems
from rtemo.gui.dialogs.column_table import USE, ColumnTable, table_view
from rtemo.gui.dialogs.placement_map import PlacementMap
from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.text_labels import PlainLabel
from rtemo.live.service.snapshot import StreamStatus

UNITS = {
    Modality.EEG: ("", "uV", "mV", "nV", "V"),
    Modality.GAZE: ("", "normalized", "pixels", "percent"),
}


class UseEditor(QStyledItemDelegate):
    """Edits the use of a channel, with completion of the known names."""

    def __init__(self, parent: QWidget, names: Sequence[str]) -> None:
        super().__init__(parent)
        self._names = list(names)

    def createEditor(self, parent: QWidget, _option: QStyleOptionViewItem, _index: QModelIndex) -> QWidget:
        line = QLineEdit(parent)
        completer = QCompleter(line)
        completer.setModel(QStringListModel(self._names, completer))
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        line.setCompleter(completer)
        return line


class ColumnsPage(QWidget):
    """The channels of the stream in a role, or a note where there is none."""

    def __init__(
        self, role: Modality, stream: StreamStatus | None, names: Mapping[str, str], unit: str, theme: Theme
    ) -> None:
        super().__init__()
        self._role, self._kept = role, dict(names)
        self.head: PlacementMap | None = None
        eeg = role is Modality.EEG
        columns = stream.columns if stream is not None else ()
        self.table = ColumnTable(ColumnMap(columns, names), eeg_problems if eeg else gaze_problems, theme)
        self.view = table_view(self.table)
        self._editor = UseEditor(self.view, list(electrodes()) if eeg else GAZE_USES)
        self.view.setItemDelegateForColumn(USE, self._editor)
        self.unit = QComboBox()
        self.unit.addItems([texts.UNIT_NAMES.get(name, name) for name in UNITS[role]])
        self.unit.setCurrentIndex(UNITS[role].index(unit) if unit in UNITS[role] else 0)
        if unit and unit not in UNITS[role]:
            self.unit.addItem(unit)
            self.unit.setCurrentIndex(self.unit.count() - 1)
        self.verdict = PlainLabel("", "muted")
        self.verdict.setWordWrap(True)
        self._lay_out(stream, theme)
        self.table.dataChanged.connect(lambda *_: self._show())
        self.view.selectionModel().currentRowChanged.connect(lambda *_: self._show())
        if columns:
            self.view.selectRow(0)
        self._show()

    @property
    def names(self) -> dict[str, str]:
        """The map for the settings; unchanged where there is no stream."""
        return self.table.mapping.names if self.table.mapping.columns else self._kept

    @property
    def chosen_unit(self) -> str:
        """The unit for the settings; empty for that of the stream."""
        known = UNITS[self._role]
        index = self.unit.currentIndex()
        return known[index] if index < len(known) else self.unit.currentText()

    @property
    def problem(self) -> str:
        """Why this cannot be applied, or empty."""
        problems = self.table.problems
        rows = [f"{texts.CHANNEL_NUMBER.format(number=row + 1)}: {why}" for row, why in problems.items() if row >= 0]
        return rows[0] if rows else problems.get(-1, "")

    def _lay_out(self, stream: StreamStatus | None, theme: Theme) -> None:
        self.ignore, self.reset, self.clear = (
            QPushButton(name) for name in (texts.IGNORE, texts.RESET_ROW, texts.RESET_ALL)
        )
        self.ignore.clicked.connect(lambda: self._change_row(""))
        self.reset.clicked.connect(self._reset_row)
        self.clear.clicked.connect(lambda: self.table.change(ColumnMap.clear))
        buttons = QHBoxLayout()
        for widget in (self.ignore, self.reset, self.clear):
            widget.setEnabled(bool(self.table.mapping.columns))
            buttons.addWidget(widget)
        buttons.addStretch(1)
        buttons.addWidget(PlainLabel(texts.UNIT, "muted"))
        buttons.addWidget(self.unit)
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(_about(stream, self._role))
        left.addWidget(self.view, 1)
        left.addLayout(buttons)
        left.addWidget(self.verdict)
        layout = QHBoxLayout(self)
        layout.addLayout(left, 3)
        if self._role is Modality.EEG:
            self.head = PlacementMap(theme)
            self.head.chosen.connect(self._place)
            right = QVBoxLayout()
            hint = PlainLabel(texts.PLACE_HINT, "muted")
            hint.setWordWrap(True)
            right.addWidget(self.head, 1)
            right.addWidget(hint)
            layout.addLayout(right, 2)

    @property
    def _row(self) -> int:
        return self.view.currentIndex().row()

    def _place(self, name: str) -> None:
        """Give the chosen electrode to the current row, and select the next."""
        row = self._row
        if row >= 0:
            self._change_row(name)
            if row + 1 < self.table.rowCount():
                self.view.selectRow(row + 1)

    def _change_row(self, name: str) -> None:
        row = self._row
        if row < 0:
            return

        def act(mapping: ColumnMap) -> None:
            if self._role is Modality.GAZE:
                mapping.keep_all()
            mapping.assign(row, name)

        self.table.change(act)

    def _reset_row(self) -> None:
        if (row := self._row) >= 0:
            self.table.change(lambda mapping: mapping.reset(row))

    def _show(self) -> None:
        """Show the first error, or how many channels are used; and the electrodes on the head map."""
        mapping = self.table.mapping
        problem = self.problem
        n = sum(bool(mapping.use(row)) for row in range(len(mapping.columns)))
        self.verdict.setText(problem or texts.N_USED.format(n=n, all=len(mapping.columns)) if mapping.columns else "")
        self.verdict.setObjectName("warn" if problem else "muted")
        self.verdict.style().polish(self.verdict)
        if self.head is not None:
            taken = {
                mapping.use(row): mapping.columns[row].label for row in range(len(mapping.columns)) if mapping.use(row)
            }
            wrong = {mapping.use(row) for row in self.table.problems if row >= 0}
            self.head.show_taken(taken, wrong, mapping.use(self._row) if self._row >= 0 else "")


def _about(stream: StreamStatus | None, role: Modality) -> PlainLabel:
    """A label with the stream, its profile, and why it has this role."""
    if stream is None:
        label = PlainLabel(texts.NO_STREAM_FOR.format(role=texts.ROLES[role.value]), "muted")
    else:
        profile = stream.profile or texts.NO_PROFILE
        label = PlainLabel(texts.ABOUT_STREAM.format(name=stream.name, profile=profile, why=stream.why or "–"))
    label.setWordWrap(True)
    return label
