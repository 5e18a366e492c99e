"""Editable table of a stream's channels: label, unit, use, and the reason for the use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QTableView

from rtemo.gui import texts
from rtemo.gui.dialogs.column_edits import ColumnMap
from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.text_labels import plain_tip

Index = QModelIndex | QPersistentModelIndex
NUMBER, LABEL, UNIT, USE, WHY = range(5)
WIDTHS = (38, 110, 104, 104)


class ColumnTable(QAbstractTableModel):
    """The rows of a ColumnMap. problems: by row, from `check`, which is called after every change."""

    def __init__(self, mapping: ColumnMap, check: Callable[[ColumnMap], dict[int, str]], theme: Theme) -> None:
        super().__init__()
        self.mapping, self._check, self._theme = mapping, check, theme
        self.problems = check(mapping)

    def change(self, act: Callable[[ColumnMap], None]) -> None:
        """Change the map and show the result."""
        act(self.mapping)
        self.problems = self._check(self.mapping)
        self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, WHY))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.mapping.columns)

    def columnCount(self, _parent: Index = QModelIndex()) -> int:  # noqa: B008
        return len(texts.COLUMN_HEADS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return texts.COLUMN_HEADS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = index.row(), index.column()
        if role == Qt.ItemDataRole.EditRole:
            return self.mapping.use(row)
        if role == Qt.ItemDataRole.DisplayRole:
            return self._cell(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(self._cell(row, column))
        if role == Qt.ItemDataRole.ForegroundRole:
            return QColor(self._ink(row, column))
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole or index.column() != USE:
            return False
        if str(value).strip() != self.mapping.use(index.row()):
            self.change(lambda mapping: mapping.assign(index.row(), str(value)))
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == USE else flags

    def _cell(self, row: int, column: int) -> str:
        described = self.mapping.columns[row]
        if column == USE:
            return self.mapping.use(row) or (texts.AS_PROFILE if self.mapping.was_reset(row) else texts.IGNORED)
        if column == WHY:
            return (
                self.problems.get(row)
                or self.mapping.why(row)
                or (texts.BY_YOU if self.mapping.is_overridden(row) else "")
            )
        return (str(row + 1), described.label or "–", described.unit or "–")[column]

    def _ink(self, row: int, column: int) -> str:
        if row in self.problems and column in (USE, WHY):
            return self._theme.bad
        if column == USE and self.mapping.is_overridden(row):
            return self._theme.accent
        used = bool(self.mapping.use(row)) and column in (NUMBER, LABEL, USE)
        return self._theme.ink if used else self._theme.muted


def table_view(table: ColumnTable) -> QTableView:
    """A table view whose use column is edited by typing, Enter or a double click."""
    view = QTableView()
    view.setModel(table)
    view.setShowGrid(False)
    view.setWordWrap(False)
    view.verticalHeader().hide()
    view.verticalHeader().setDefaultSectionSize(26)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    triggers = QAbstractItemView.EditTrigger
    view.setEditTriggers(triggers.DoubleClicked | triggers.EditKeyPressed | triggers.AnyKeyPressed)
    for column, width in enumerate(WIDTHS):
        view.setColumnWidth(column, width)
    view.horizontalHeader().setHighlightSections(False)
    view.horizontalHeader().setStretchLastSection(True)
    return view
