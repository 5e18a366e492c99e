"""View of the streams on the network with their status; the context menu assigns roles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRectF,
    Qt,
    QTimer,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QMenu,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from rtemo.core.types import Modality
from rtemo.gui import texts
from rtemo.gui.painting.colours import Theme, light_of
from rtemo.gui.painting.lamps import Sign, draw_lamp
from rtemo.gui.painting.text_labels import ElidedLabel, plain_tip
from rtemo.gui.painting.theme import BODY, font
from rtemo.gui.people.roles import choices, key_of, place_of, role_words, words_of
from rtemo.gui.window_state import SIGNALS, SnapshotPart, WindowState
from rtemo.live.service.snapshot import Phase, StreamStatus
from rtemo.presentation.numbers import age, number, rates
from rtemo.sources.session_settings import settings_text

Index = QModelIndex | QPersistentModelIndex
Choose = Callable[[str, str], None]  # role, stream_id
LIGHT = 0
ROLE, NAME, TYPE, CHANNELS, RATE, AGE, PROFILE, COMPUTER, WHY, RECORDED, REQUIRED, MISSING = range(1, 13)
ORDER = (LIGHT, ROLE, NAME, CHANNELS, RATE, RECORDED, REQUIRED, AGE, MISSING, TYPE, PROFILE, COMPUTER, WHY)
LEAVE = (WHY, COMPUTER, TYPE, PROFILE)  # where there is no room for them, in this order; the tooltip has them
RIGHT = (CHANNELS, RATE, AGE, MISSING)
WIDEST = {  # what a column has room for, beside its head; the name has the rest
    ROLE: "P02 Gaze",
    TYPE: "Markers",
    CHANNELS: "256",
    RATE: "1,000 → 1,000.0 Hz",
    AGE: "waiting",
    PROFILE: "pupil-labs-neon",
    COMPUTER: "lab-computer",
    WHY: "type EEG, units",
    MISSING: "10,000",
}
PAD_PX, LIGHT_PX, NAME_PX = 22, 26, 80  # beside a cell's text; of the lights; of a name at least


class StreamTable(QAbstractTableModel):
    """Table model of the streams in the newest snapshot, plain text. Role, recorded and required can be edited."""

    def __init__(self, state: WindowState, theme: Theme, choose: Choose, send: Callable[..., None]) -> None:
        super().__init__()
        self._state, self.theme, self._choose, self._send = state, theme, choose, send
        self.streams: tuple[StreamStatus, ...] = ()
        self.past = False  # whether nobody knows what the streams do now
        self._cells: list[tuple[str, ...]] = []

    def show_streams(self, streams: tuple[StreamStatus, ...]) -> None:
        """Show these streams; rows stay selected where the list is the same."""
        same = [s.stream_id for s in streams] == [s.stream_id for s in self.streams]
        if same:
            self.streams, self._cells = streams, [self._row(stream) for stream in streams]
            if streams:
                self.dataChanged.emit(self.index(0, 0), self.index(len(streams) - 1, self.columnCount() - 1))
            return
        self.beginResetModel()
        self.streams, self._cells = streams, [self._row(stream) for stream in streams]
        self.endResetModel()

    def _row(self, stream: StreamStatus) -> tuple[str, ...]:
        missing = self._state.n_missing(stream) if stream.role else 0
        return (*cells(stream), "", "", f"{missing:,}" if stream.role else "")

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        if self._state.in_session or self._state.snapshot.phase is Phase.REPLAY:
            return flags
        stream = self.streams[index.row()]
        if index.column() == ROLE:
            return flags | Qt.ItemFlag.ItemIsEditable
        if index.column() == RECORDED and stream.role not in SIGNALS:
            return flags | Qt.ItemFlag.ItemIsUserCheckable
        return flags | Qt.ItemFlag.ItemIsUserCheckable if index.column() == REQUIRED and stream.role else flags

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        stream = self.streams[index.row()]
        if role == Qt.ItemDataRole.EditRole and index.column() == ROLE:
            self._take_role(stream, str(value))
        elif role == Qt.ItemDataRole.CheckStateRole and index.column() == RECORDED:
            self._send("record_stream", stream_id=stream.stream_id, recorded=_is_on(value))
        elif role == Qt.ItemDataRole.CheckStateRole and index.column() == REQUIRED:
            part, settings = Modality(stream.role), self._state.settings
            kept = [one for one in settings.required if one is not part] + ([part] if _is_on(value) else [])
            self._send("describe", settings=settings_text(replace(settings, required=tuple(kept))))
        else:
            return False
        return True

    def _take_role(self, stream: StreamStatus, role: str) -> None:
        """Give a stream a role, or take it away: then the role is open to whichever stream fits."""
        if role and role != key_of(stream):
            self._choose(role, stream.stream_id)
        elif not role and stream.role == Modality.MARKERS:
            self._send("record_stream", stream_id=stream.stream_id, recorded=False)
        elif not role and stream.role:
            self._choose(key_of(stream), "")

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.streams)

    def columnCount(self, _parent: Index = QModelIndex()) -> int:  # noqa: B008
        return len(texts.STREAM_COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return texts.STREAM_COLUMNS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section in RIGHT else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        stream = self.streams[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._cells[index.row()][index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(about(stream))
        if role == Qt.ItemDataRole.EditRole and index.column() == ROLE:
            return key_of(stream)
        if role == Qt.ItemDataRole.CheckStateRole and index.column() in (RECORDED, REQUIRED):
            required = [part.value for part in self._state.settings.required]
            on = stream.recorded if index.column() == RECORDED else stream.role in required
            return (Qt.CheckState.Checked if on else Qt.CheckState.Unchecked) if self._has_box(stream, index) else None
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() in RIGHT:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{texts.STREAM_COLUMNS[index.column()]} {self._cells[index.row()][index.column()]}".strip()
        if role == Qt.ItemDataRole.DecorationRole and index.column() == LIGHT:
            return QColor(self.theme.idle if self.past else light_of(stream.state, self.theme))
        if role == Qt.ItemDataRole.ForegroundRole:
            return QColor(self.theme.ink if stream.role and not self.past else self.theme.muted)
        return None

    def _has_box(self, stream: StreamStatus, index: Index) -> bool:
        """Whether a stream has something to tick in this column; a recording has nothing."""
        return (index.column() == RECORDED or bool(stream.role)) and self._state.snapshot.phase is not Phase.REPLAY


class RoleDelegate(QStyledItemDelegate):
    """Edits a stream's role in a combo box that opens at once."""

    def __init__(self, state: WindowState, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state

    def createEditor(self, parent: QWidget, _option: QStyleOptionViewItem, _index: Index) -> QWidget:
        box = QComboBox(parent)
        for key, name in {**choices(self._state.settings), "": texts.OTHER_ROLE}.items():
            box.addItem(name, key)
        box.setAccessibleName(texts.STREAM_COLUMNS[ROLE])
        box.activated.connect(lambda _k: (self.commitData.emit(box), self.closeEditor.emit(box)))
        QTimer.singleShot(0, box, box.showPopup)
        return box

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        assert isinstance(editor, QComboBox)
        editor.setCurrentIndex(editor.findData(index.data(Qt.ItemDataRole.EditRole)))

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        assert isinstance(editor, QComboBox)
        model.setData(index, editor.currentData(), Qt.ItemDataRole.EditRole)


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


class NameDelegate(QStyledItemDelegate):
    """Shortens names in the middle: those of one device begin alike."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        option.textElideMode = Qt.TextElideMode.ElideMiddle


class StreamsView(QWidget):
    """The table of streams. choose(role, stream_id): assigns a stream to a role; an empty id resets the role."""

    def __init__(
        self,
        state: WindowState,
        theme: Theme,
        choose: Choose,
        send: Callable[..., None] = lambda _command, **_arguments: None,
    ) -> None:
        """send: a command to the engine."""
        super().__init__()
        self._state, self._choose = state, choose
        self.table = StreamTable(state, theme, choose, send)
        self.view = QTableView()
        self.view.setAccessibleName(texts.STREAMS)
        self.view.setTabKeyNavigation(False)
        self.view.setModel(self.table)
        self._light = LightDelegate(self.view)
        self.view.setItemDelegateForColumn(LIGHT, self._light)
        self._roles = RoleDelegate(state, self.view)
        self.view.setItemDelegateForColumn(ROLE, self._roles)
        self._names = NameDelegate(self.view)
        self.view.setItemDelegateForColumn(NAME, self._names)
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
        triggers = QAbstractItemView.EditTrigger
        view.setEditTriggers(triggers.SelectedClicked | triggers.EditKeyPressed | triggers.DoubleClicked)
        view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setTextElideMode(Qt.TextElideMode.ElideRight)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(self._open_menu)
        view.doubleClicked.connect(self._open_menu_of)
        header = view.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(24)
        for place, column in enumerate(ORDER):
            header.moveSection(header.visualIndex(column), place)
        header.setSectionResizeMode(LIGHT, QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self._fit_columns()

    def _fit_columns(self) -> None:
        """Show the columns that there is room for, each as wide as what it holds."""
        header, body = self.view.horizontalHeader(), self.view.fontMetrics()
        bold = QFontMetrics(font(BODY, QFont.Weight.DemiBold))
        widths = {LIGHT: LIGHT_PX, NAME: NAME_PX}
        for column in (column for column in ORDER if column not in widths):
            head = bold.horizontalAdvance(texts.STREAM_COLUMNS[column])
            widths[column] = PAD_PX + max(head, body.horizontalAdvance(WIDEST.get(column, "")))
        left = self.width() - sum(widths.values()) - 2 * PAD_PX
        for column in LEAVE:
            header.setSectionHidden(column, left < 0)
            left += widths[column] if left < 0 else 0
        for column, width in widths.items():
            if column != NAME:
                header.resizeSection(column, width)

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
            streams = tuple(sorted(streams, key=place_of))  # those of one participant stand together
            self.table.show_streams(tuple(replace(s, age_s=age_s(s)) for s in streams) if past else streams)
        if changed & {SnapshotPart.STREAMS, SnapshotPart.SETTINGS}:
            awaited = [texts.AWAITED.format(role=words_of(key), query=query) for key, query in self._state.awaited]
            self.awaited.setText("   ".join(awaited))
            self.awaited.setVisible(bool(awaited))

    def menu_for(self, row: int) -> QMenu:
        """The context menu of a stream."""
        stream = self.table.streams[row]
        menu = QMenu(self)
        for role, name in choices(self._state.settings).items():
            action = menu.addAction(texts.USE_AS.format(role=name))
            action.setCheckable(True)
            action.setChecked(key_of(stream) == role)
            action.setEnabled(not self._state.in_session)
            action.triggered.connect(lambda _on, role=role: self._choose(role, stream.stream_id))
        menu.addSeparator()
        for pinned in self._state.settings.queries:  # a participant's own stream is always named
            action = menu.addAction(texts.UNPIN.format(role=texts.ROLES[pinned.value]))
            action.setEnabled(not self._state.in_session)
            action.triggered.connect(lambda _on=False, role=pinned.value: self._choose(role, ""))
        return menu

    def _open_menu_of(self, index: QModelIndex) -> None:
        if index.column() not in (ROLE, RECORDED, REQUIRED):  # these are edited where they stand
            self._open_menu(self.view.visualRect(index).bottomLeft())

    def _open_menu(self, point: QPoint) -> None:
        index = self.view.indexAt(QPoint(point.x(), point.y() - 1))
        if index.isValid():
            self.menu_for(index.row()).popup(self.view.viewport().mapToGlobal(point))


def _is_on(value: Any) -> bool:
    """Whether a check box's new value ticks it: Qt gives an int or its own type."""
    return Qt.CheckState(value) is Qt.CheckState.Checked


def cells(stream: StreamStatus) -> tuple[str, ...]:
    """A row in the order of texts.STREAM_COLUMNS."""
    return (
        "",
        role_words(stream) or texts.ROLES[""],
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
    if stream.n_lost >= 0:
        lines += "\n" + texts.COUNTER_TIP.format(lost=stream.n_lost, twice=stream.n_twice)
    clock = texts.CLOCK_TIP.format(
        offset=number(stream.clock_offset_ms, 2, "ms"), uncertainty=number(stream.clock_uncertainty_ms, 2, "ms")
    )
    return f"{lines}\n{clock}\n{stream.why}"
