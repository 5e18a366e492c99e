"""View of the streams on the network with their status; the context menu assigns roles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QPoint, QRectF, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from rtemo.gui import texts
from rtemo.gui.painting.colours import Theme, light_of
from rtemo.gui.painting.lamps import Sign, draw_lamp
from rtemo.gui.painting.text_labels import ElidedLabel, plain_tip
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import StreamStatus
from rtemo.presentation.numbers import age, number, rates

Index = QModelIndex | QPersistentModelIndex
LIGHT = 0
WIDTHS = (26, 74, 180, 64, 46, 150, 66, 108, 84, 220)
ROLES = ("eeg", "gaze", "markers")


class StreamTable(QAbstractTableModel):
    """Table model of the streams in the newest snapshot, plain text."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self.streams: tuple[StreamStatus, ...] = ()
        self.past = False  # whether nobody knows what the streams do now
        self._cells: list[tuple[str, ...]] = []

    def show_streams(self, streams: tuple[StreamStatus, ...]) -> None:
        """Show these streams; rows stay selected where the list is the same."""
        same = [s.stream_id for s in streams] == [s.stream_id for s in self.streams]
        if same:
            self.streams, self._cells = streams, [cells(stream) for stream in streams]
            if streams:
                self.dataChanged.emit(self.index(0, 0), self.index(len(streams) - 1, self.columnCount() - 1))
            return
        self.beginResetModel()
        self.streams, self._cells = streams, [cells(stream) for stream in streams]
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.streams)

    def columnCount(self, _parent: Index = QModelIndex()) -> int:  # noqa: B008
        return len(texts.STREAM_COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return texts.STREAM_COLUMNS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        stream = self.streams[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._cells[index.row()][index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(about(stream))
        if role == Qt.ItemDataRole.DecorationRole and index.column() == LIGHT:
            return QColor(self.theme.idle if self.past else light_of(stream.state, self.theme))
        if role == Qt.ItemDataRole.ForegroundRole:
            return QColor(self.theme.ink if stream.role and not self.past else self.theme.muted)
        return None


class LightDelegate(QStyledItemDelegate):
    """Paints a round status light."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        lamp = QRectF(0, 0, 11, 11)
        lamp.moveCenter(QRectF(option.rect).center())
        ink, theme = index.data(Qt.ItemDataRole.DecorationRole).name(), index.model().theme
        signs: dict[str, Sign] = {theme.good: "good", theme.idle: "waiting"}
        draw_lamp(painter, lamp, ink, signs.get(ink, "wrong"))
        painter.restore()


class StreamsView(QWidget):
    """The table of streams. choose(role, stream_id): assigns a stream to a role; an empty id resets the role."""

    def __init__(self, state: WindowState, theme: Theme, choose: Callable[[str, str], None]) -> None:
        super().__init__()
        self._state, self._choose = state, choose
        self.table = StreamTable(theme)
        self.view = QTableView()
        self.view.setAccessibleName(texts.STREAMS)
        self.view.setTabKeyNavigation(False)
        self.view.setModel(self.table)
        self._light = LightDelegate(self.view)
        self.view.setItemDelegateForColumn(LIGHT, self._light)
        self._prepare()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 0, 6, 4)
        layout.addWidget(self.view)
        self.awaited = ElidedLabel("", "warn")
        self.awaited.hide()
        layout.addWidget(self.awaited)

    def _prepare(self) -> None:
        view = self.view
        view.setShowGrid(False)
        view.setWordWrap(False)
        view.verticalHeader().hide()
        view.verticalHeader().setDefaultSectionSize(25)
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setTextElideMode(Qt.TextElideMode.ElideRight)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(self._open_menu)
        view.doubleClicked.connect(lambda index: self._open_menu(self.view.visualRect(index).bottomLeft()))
        header = view.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(24)
        for column, width in enumerate(WIDTHS):
            header.resizeSection(column, width)
        header.setStretchLastSection(True)
        header.setSectionResizeMode(LIGHT, QHeaderView.ResizeMode.Fixed)

    def set_theme(self, theme: Theme) -> None:
        self.table.theme = theme
        self.view.viewport().update()

    def refresh(self, changed: set[SnapshotPart]) -> None:
        """Show the current streams, and those that are awaited."""
        past = not self._state.streams_known
        if SnapshotPart.STREAMS in changed or past or past != self.table.past:
            self.table.past = past
            age_s = self._state.stream_age_s
            streams = self._state.snapshot.streams
            self.table.show_streams(tuple(replace(s, age_s=age_s(s)) for s in streams) if past else streams)
        if changed & {SnapshotPart.STREAMS, SnapshotPart.SETTINGS}:
            awaited = [texts.AWAITED.format(role=texts.ROLES[role], query=query) for role, query in self._state.awaited]
            self.awaited.setText("   ".join(awaited))
            self.awaited.setVisible(bool(awaited))

    def menu_for(self, row: int) -> QMenu:
        """The context menu of a stream."""
        stream = self.table.streams[row]
        menu = QMenu(self)
        for role in ROLES:
            action = menu.addAction(texts.USE_AS.format(role=texts.ROLES[role]))
            action.setCheckable(True)
            action.setChecked(stream.role == role)
            action.setEnabled(not self._state.in_session)
            action.triggered.connect(lambda _on, role=role: self._choose(role, stream.stream_id))
        menu.addSeparator()
        for pinned in self._state.settings.queries:
            action = menu.addAction(texts.UNPIN.format(role=texts.ROLES[pinned.value]))
            action.setEnabled(not self._state.in_session)
            action.triggered.connect(lambda _on=False, role=pinned.value: self._choose(role, ""))
        return menu

    def _open_menu(self, point: QPoint) -> None:
        index = self.view.indexAt(QPoint(point.x(), point.y() - 1))
        if index.isValid():
            self.menu_for(index.row()).popup(self.view.viewport().mapToGlobal(point))


def cells(stream: StreamStatus) -> tuple[str, ...]:
    """A row in the order of texts.STREAM_COLUMNS."""
    return (
        "",
        texts.ROLES.get(stream.role, stream.role),
        stream.name,
        stream.type,
        str(stream.n_channels),
        rates(stream.nominal_hz, stream.measured_hz),
        age(stream.age_s) if stream.state.value == "streaming" else texts.STATES[stream.state.value],
        stream.profile or "–",
        stream.hostname,
        stream.why,
    )


def about(stream: StreamStatus) -> str:
    """A stream's tooltip."""
    lines = texts.STREAM_TIP.format(
        name=stream.name,
        state=texts.STATES[stream.state.value],
        source=stream.source_id,
        samples=stream.n_samples,
        missing=stream.n_missing,
        gaps=stream.n_gaps,
        returns=stream.n_returns,
    )
    clock = texts.CLOCK_TIP.format(
        offset=number(stream.clock_offset_ms, 2, "ms"), uncertainty=number(stream.clock_uncertainty_ms, 2, "ms")
    )
    return f"{lines}\n{clock}\n{stream.why}"
