"""View of the events: what happened, newest at the bottom."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QTableView, QVBoxLayout, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.text_labels import plain_tip
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.presentation.numbers import clock

Index = QModelIndex | QPersistentModelIndex
HOUR_S = 3600.0
MARGIN_PX, ROW_PX = 22, 9  # beside and above what a cell holds
KINDS_FROM_PX = 360  # views that are narrower leave the kinds to the colours and the tooltip
WALL, TIME, KIND, TEXT = range(4)


class EventsTable(QAbstractTableModel):
    """Time of day, time since the session's start, kind, stream and text. No time changes once it stands there."""

    def __init__(self, state: WindowState, theme: Theme) -> None:
        super().__init__()
        self._state, self.theme = state, theme
        self._rows: list[dict[str, Any]] = []

    def reload(self) -> None:
        """Show the events of the window's state."""
        self.beginResetModel()
        self._rows = list(self._state.events)
        self.endResetModel()

    @property
    def events(self) -> Iterable[dict[str, Any]]:
        return self._state.events

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, _parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 4

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        event = self._rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._cell(event, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            about = " ".join(filter(None, (event.get("participant", ""), event.get("stream", ""))))
            kind = texts.EVENT_KINDS.get(str(event["kind"]), str(event["kind"]))
            return plain_tip("\n".join(filter(None, (kind, about, str(event["text"])))))
        if role == Qt.ItemDataRole.ForegroundRole:
            return QColor(self._ink(str(event["kind"]), index.column()))
        return None

    def _cell(self, event: dict[str, Any], column: int) -> str:
        if column == WALL:
            wall_s = event.get("wall_s", math.nan)
            return datetime.fromtimestamp(wall_s).strftime("%H:%M:%S") if math.isfinite(wall_s) else ""
        if column == TIME:
            since_s = event.get("since_s", math.nan)
            return clock(since_s) if math.isfinite(since_s) else ""
        if column == KIND:
            return texts.EVENT_KINDS.get(str(event["kind"]), str(event["kind"]))
        return worded(event)

    def _ink(self, kind: str, column: int) -> str:
        if kind in ("failure", "stream_down", "loss"):
            return self.theme.bad if kind != "loss" else self.theme.warn
        if kind == "annotation":
            return self.theme.accent
        return self.theme.ink if column == TEXT and kind == "marker" else self.theme.muted


def worded(event: Mapping[str, Any]) -> str:
    """What happened, then the stream where the text does not name it; whom it concerns stands first."""
    text, stream, whose = str(event["text"]), str(event.get("stream") or ""), str(event.get("participant") or "")
    about = f"{whose}: " if whose else ""
    return f"{about}{text}" + (f" · {stream}" if stream and stream not in text else "")


class EventsView(QWidget):
    """The list of events; it follows the newest one unless it was scrolled back."""

    def __init__(self, state: WindowState, theme: Theme) -> None:
        super().__init__()
        self.table = EventsTable(state, theme)
        self.view = QTableView()
        self.view.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.view.setAccessibleName(texts.EVENTS)
        self.view.setTabKeyNavigation(False)
        self.view.setModel(self.table)
        self.view.setShowGrid(False)
        self.view.setWordWrap(False)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.view.verticalHeader().hide()
        self.view.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + ROW_PX)
        self.view.horizontalHeader().hide()
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.horizontalHeader().setStretchLastSection(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 0, 6, 4)
        layout.addWidget(self.view)

    def set_theme(self, theme: Theme) -> None:
        self.table.theme = theme
        self.view.viewport().update()

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self._fit_columns()

    def _fit_columns(self) -> None:
        """Times and kinds as wide as they are; the text has the rest."""
        since_s = max((event.get("since_s", math.nan) for event in self.table.events), default=0.0)
        kinds = max(texts.EVENT_KINDS.values(), key=self.fontMetrics().horizontalAdvance)
        for column, widest in ((WALL, "00:00:00"), (TIME, "0:00:00" if since_s >= HOUR_S else "00:00"), (KIND, kinds)):
            self.view.setColumnWidth(column, self.fontMetrics().horizontalAdvance(widest) + MARGIN_PX)
        self.view.setColumnHidden(KIND, self.width() < KINDS_FROM_PX)

    def refresh(self, changed: set[SnapshotPart]) -> None:
        """Show new events."""
        if SnapshotPart.EVENTS in changed:
            bar = self.view.verticalScrollBar()
            since = any(math.isfinite(event.get("since_s", math.nan)) for event in self.table.events)
            self.view.setColumnHidden(TIME, not since)
            wall = any(math.isfinite(event.get("wall_s", math.nan)) for event in self.table.events)
            self.view.setColumnHidden(WALL, not wall)
            self._fit_columns()
            follows = bar.value() >= bar.maximum() - 2
            self.table.reload()
            if follows:
                self.view.scrollToBottom()
