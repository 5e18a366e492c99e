"""One page of the session's settings: a stream's channels and unit, and for EEG the head to place them on."""

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
    """Edits what a channel is taken for, with the known names at hand."""

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
    """The channels of the stream that plays a part, or a word where nobody does."""

    def __init__(
        self, part: Modality, stream: StreamStatus | None, names: Mapping[str, str], unit: str, theme: Theme
    ) -> None:
        super().__init__()
        self._part, self._kept = part, dict(names)
        self.head: PlacementMap | None = None
        eeg = part is Modality.EEG
        columns = stream.columns if stream is not None else ()
        self.table = ColumnTable(ColumnMap(columns, names), eeg_problems if eeg else gaze_problems, theme)
        self.view = table_view(self.table)
        self._editor = UseEditor(self.view, list(electrodes()) if eeg else GAZE_USES)
        self.view.setItemDelegateForColumn(USE, self._editor)
        self.unit = QComboBox()
        self.unit.addItems([texts.UNIT_NAMES.get(name, name) for name in UNITS[part]])
        self.unit.setCurrentIndex(UNITS[part].index(unit) if unit in UNITS[part] else 0)
        if unit and unit not in UNITS[part]:
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
        """The map for the settings. Where no stream is there to look at, what it was."""
        return self.table.names.names if self.table.names.columns else self._kept

    @property
    def chosen_unit(self) -> str:
        """The unit for the settings, empty for what the stream says."""
        known = UNITS[self._part]
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
            widget.setEnabled(bool(self.table.names.columns))
            buttons.addWidget(widget)
        buttons.addStretch(1)
        buttons.addWidget(PlainLabel(texts.UNIT, "muted"))
        buttons.addWidget(self.unit)
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(_about(stream, self._part))
        left.addWidget(self.view, 1)
        left.addLayout(buttons)
        left.addWidget(self.verdict)
        layout = QHBoxLayout(self)
        layout.addLayout(left, 3)
        if self._part is Modality.EEG:
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
        """Give the chosen electrode to the present row, and go on to the next."""
        row = self._row
        if row >= 0:
            self._change_row(name)
            if row + 1 < self.table.rowCount():
                self.view.selectRow(row + 1)

    def _change_row(self, name: str) -> None:
        row = self._row
        if row < 0:
            return

        def act(names: ColumnMap) -> None:
            if self._part is Modality.GAZE:
                names.name_all()
            names.assign(row, name)

        self.table.change(act)

    def _reset_row(self) -> None:
        if (row := self._row) >= 0:
            self.table.change(lambda names: names.reset(row))

    def _show(self) -> None:
        """What can be said of the whole."""
        names = self.table.names
        problem = self.problem
        n = sum(bool(names.use(row)) for row in range(len(names.columns)))
        self.verdict.setText(problem or texts.N_USED.format(n=n, all=len(names.columns)) if names.columns else "")
        self.verdict.setObjectName("warn" if problem else "muted")
        self.verdict.style().polish(self.verdict)
        if self.head is not None:
            taken = {names.use(row): names.columns[row].label for row in range(len(names.columns)) if names.use(row)}
            wrong = {names.use(row) for row in self.table.problems if row >= 0}
            self.head.show_taken(taken, wrong, names.use(self._row) if self._row >= 0 else "")


def _about(stream: StreamStatus | None, part: Modality) -> PlainLabel:
    """Which stream, which profile, and why."""
    if stream is None:
        label = PlainLabel(texts.NO_STREAM_FOR.format(role=texts.ROLES[part.value]), "muted")
    else:
        profile = stream.profile or texts.NO_PROFILE
        label = PlainLabel(texts.ABOUT_STREAM.format(name=stream.name, profile=profile, why=stream.why or "–"))
    label.setWordWrap(True)
    return label
