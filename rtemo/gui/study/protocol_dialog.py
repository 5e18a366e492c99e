"""Dialog of the protocol: blocks with planned lengths, edited or read from a file, and run with a countdown.

A block is noted in the recording when it begins and when it ends, so that it is a condition of the session. At the end
of a block that asks for it there is a sound: whoever rests with closed eyes sees no countdown. The window runs the
protocol: without one it waits, and the next window takes it up by what the recording has noted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QProgressBar,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from rtemo.core.errors import RtemoError
from rtemo.gui.layout.scrolling_dialog import ScrollingDialog
from rtemo.gui.painting.theme import DISPLAY, font
from rtemo.gui.study import words
from rtemo.gui.study.form_rows import button, head_left, hint
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.presentation.numbers import clock
from rtemo.sources.session_settings import SessionSettings, parse_settings, settings_text
from rtemo.sources.study_settings import ProtocolBlock

NAME, LENGTH, BASELINE, SOUND = range(4)
NEW_S = 60.0
KEPT_FOLDER, KEPT_BLOCKS = "protocol folder", "protocol blocks"


class ProtocolDialog(ScrollingDialog):
    """Not modal: the window stays in use. It goes on when it is closed, and shows where it is when opened again."""

    def __init__(
        self,
        state: WindowState,
        send: Callable[..., None],
        parent: QWidget | None = None,
        kept: QSettings | None = None,
    ) -> None:
        """send: a command to the engine. kept: holds the blocks that run, for a window that is started again."""
        super().__init__(parent)
        self._kept = kept
        self.setWindowTitle(words.PROTOCOL)
        self.resize(620, 460)
        self._state, self._send = state, send
        self.beep: Callable[[], None] = QApplication.beep
        self.running: int | None = None  # the block that runs
        self.begun_s = 0.0
        self.table = QTableWidget(0, len(words.PROTOCOL_HEADS))
        self.table.setHorizontalHeaderLabels(words.PROTOCOL_HEADS)
        self.table.setAccessibleName(words.PROTOCOL)
        head_left(self.table)
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.setColumnWidth(NAME, 220)
        self.table.horizontalHeader().setStretchLastSection(True)
        self.left = hint("", "")
        self.left.setFont(font(DISPLAY))
        self.left.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.message = hint("")
        self.add, self.remove = button(words.ADD), button(words.REMOVE)
        self.load, self.save = button(words.PROTOCOL_LOAD), button(words.PROTOCOL_SAVE)
        self.end, self.begin = button(words.PROTOCOL_END), button(words.PROTOCOL_RUN, "start")
        self.add.clicked.connect(lambda: self._add(ProtocolBlock(words.PROTOCOL_NEW_BLOCK, NEW_S)))
        self.remove.clicked.connect(lambda: self.table.removeRow(self.table.currentRow()))
        self.load.clicked.connect(self._ask_load)
        self.save.clicked.connect(self._ask_save)
        self.end.clicked.connect(self.finish)
        self.begin.clicked.connect(self.go_on)
        self._lay_out()
        for block in (kept_blocks(kept, state.snapshot.folder) if state.in_session else ()) or state.settings.protocol:
            self._add(block)
        self._take_up()
        self.refresh({SnapshotPart.STATE})

    @property
    def blocks(self) -> tuple[ProtocolBlock, ...]:
        """What was entered. Raises RtemoError where it cannot be right."""
        found = tuple(self._block(row) for row in range(self.table.rowCount()))
        if not all(block.name for block in found):
            raise RtemoError(words.PROTOCOL_TWO_NAMES)
        return parse_settings(settings_text(SessionSettings(protocol=found)), words.PROTOCOL).protocol

    def go_on(self) -> None:
        """Begin the first block, or the next one before the running one is over."""
        if not self._state.in_session:
            return
        try:
            blocks = self.blocks
        except RtemoError as error:
            self.message.setText(str(error))
            return
        following = 0 if self.running is None else self.running + 1
        keep_blocks(self._kept, self._state.snapshot.folder, blocks)
        self._note_end(blocks)
        self.running = None
        if following < len(blocks):
            self.running, self.begun_s = following, self._state.now_s
            block = blocks[following]
            self._send("annotate", text=words.PROTOCOL_BEGINS.format(name=block.name))
            if block.baseline:
                self._send("baseline", seconds=block.length_s)
            self.table.selectRow(following)
        else:
            self.message.setText(words.PROTOCOL_DONE)
        self.refresh({SnapshotPart.STATE})

    def finish(self) -> None:
        """End the running block and the protocol."""
        self._note_end(self.blocks)
        self.running = None
        self.refresh({SnapshotPart.STATE})

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """Count down; go on to the next block where one is over."""
        in_session = self._state.in_session
        if not in_session:
            self.running = None
        if self.running is not None:
            block = self._block(self.running)
            done_s = self._state.now_s - self.begun_s
            if done_s >= block.length_s:
                if block.sound:
                    self.beep()
                self.go_on()
                return
            self.left.setText(words.PROTOCOL_LEFT.format(name=block.name, left=clock(block.length_s - done_s)))
            self.bar.setValue(round(1000 * done_s / block.length_s))
        else:
            blocks = [self._block(row) for row in range(self.table.rowCount())]
            length = clock(sum(block.length_s for block in blocks))
            self.left.setText(words.PROTOCOL_TOTAL.format(n=len(blocks), length=length) if blocks else "")
            self.bar.setValue(0)
            if not in_session:
                self.message.setText(words.PROTOCOL_NO_SESSION)
            elif self.message.text() == words.PROTOCOL_NO_SESSION:
                self.message.setText("")
        self.begin.setText(words.PROTOCOL_RUN if self.running is None else words.PROTOCOL_NEXT)
        self.begin.setEnabled(in_session and self.table.rowCount() > 0)
        self.end.setEnabled(self.running is not None)
        for widget in (self.table, self.add, self.remove, self.load):
            widget.setEnabled(self.running is None)

    def load_file(self, path: Path) -> None:
        """Fill the table from a file of settings."""
        try:
            found = parse_settings(path.read_text(encoding="utf-8"), str(path)).protocol
        except (OSError, UnicodeDecodeError, RtemoError) as error:
            self.message.setText(str(error))
            return
        self.table.setRowCount(0)
        for block in found:
            self._add(block)

    def save_file(self, path: Path) -> None:
        """Write the blocks as a file of settings, which other settings may stand in too."""
        import tomli_w

        try:
            blocks = [
                {"name": b.name, "length_s": b.length_s, "baseline": b.baseline, "sound": b.sound} for b in self.blocks
            ]
            path.write_text(tomli_w.dumps({"protocol": blocks}), encoding="utf-8")
        except (OSError, RtemoError) as error:
            self.message.setText(str(error))

    def done(self, result: int) -> None:
        """Keep the blocks in the session's settings; while a protocol runs the dialog is only put away."""
        if self.running is not None:
            self.hide()
            return
        self._keep()
        super().done(result)

    def _keep(self) -> None:
        try:
            settings = replace(self._state.settings, protocol=self.blocks)
        except RtemoError:
            return
        if settings != self._state.settings and not self._state.in_session:
            self._send("describe", settings=settings_text(settings))

    def _take_up(self) -> None:
        """Go on with the block that the session's events have begun and not ended."""
        found = running_block(self._state, [self._block(k).name for k in range(self.table.rowCount())])
        if found is not None:
            self.running, self.begun_s = found
            self.table.selectRow(self.running)

    def _note_end(self, blocks: tuple[ProtocolBlock, ...]) -> None:
        if self.running is not None and self._state.in_session:
            self._send("annotate", text=words.PROTOCOL_ENDS.format(name=blocks[self.running].name))

    def _add(self, block: ProtocolBlock) -> None:
        row = self.table.rowCount()
        self.table.insertRow(row)
        self.table.setItem(row, NAME, QTableWidgetItem(block.name))
        self.table.setItem(row, LENGTH, QTableWidgetItem(clock(block.length_s)))
        for column, on in ((BASELINE, block.baseline), (SOUND, block.sound)):
            item = QTableWidgetItem("")
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsSelectable)
            item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
            self.table.setItem(row, column, item)
        self.table.selectRow(row)

    def _block(self, row: int) -> ProtocolBlock:
        texts = [self.table.item(row, column).text().strip() for column in (NAME, LENGTH)]
        ticked = [self.table.item(row, column).checkState() is Qt.CheckState.Checked for column in (BASELINE, SOUND)]
        return ProtocolBlock(texts[0], seconds_of(texts[1]), *ticked)

    def _lay_out(self) -> None:
        edit, run = QHBoxLayout(), QHBoxLayout()
        for widget in (self.add, self.remove, self.load, self.save):
            edit.addWidget(widget)
        edit.addStretch(1)
        run.addWidget(self.message, 1)
        run.addWidget(self.end)
        run.addWidget(self.begin)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addWidget(hint(words.PROTOCOL_ASK))
        layout.addWidget(self.table, 1)
        layout.addLayout(edit)
        layout.addWidget(self.left)
        layout.addWidget(self.bar)
        layout.addLayout(run)

    def _ask_load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, words.PROTOCOL_LOAD, "", words.PROTOCOL_FILTER)
        if path:
            self.load_file(Path(path))

    def _ask_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, words.PROTOCOL_SAVE, "protocol.toml", words.PROTOCOL_FILTER)
        if path:
            self.save_file(Path(path))


def running_block(state: WindowState, names: Sequence[str]) -> tuple[int, float] | None:
    """The block that has begun and not ended by the running session's annotations, and when it began. Names may be
    there twice: blocks come one after the other.
    """
    if not state.in_session:
        return None
    found: tuple[int, float] | None = None
    last = -1
    for mark in state.marks:
        if mark["time_s"] < state.session_started_s:
            continue  # of a session before
        text = str(mark["text"])
        if found is not None and text == words.PROTOCOL_ENDS.format(name=names[found[0]]):
            found = None
        begun = [k for k, name in enumerate(names) if text == words.PROTOCOL_BEGINS.format(name=name)]
        if begun:
            last = next((k for k in begun if k > last), begun[0])
            found = last, float(mark["time_s"])
    return found


def keep_blocks(kept: QSettings | None, folder: str, blocks: Sequence[ProtocolBlock]) -> None:
    """Keep the blocks that run in a session, by its folder."""
    if kept is not None:
        kept.setValue(KEPT_FOLDER, folder)
        kept.setValue(KEPT_BLOCKS, settings_text(SessionSettings(protocol=tuple(blocks))))


def kept_blocks(kept: QSettings | None, folder: str) -> tuple[ProtocolBlock, ...]:
    """The blocks that were kept for a session; none for another one."""
    if kept is None or not folder or kept.value(KEPT_FOLDER) != folder:
        return ()
    try:
        return parse_settings(str(kept.value(KEPT_BLOCKS, ""))).protocol
    except RtemoError:
        return ()  # of another version


def seconds_of(text: str) -> float:
    """A length as m:ss, h:mm:ss or seconds; 0 for anything else."""
    total = 0.0
    try:
        for part in text.removesuffix("s").strip().split(":"):
            total = 60.0 * total + float(part)
    except ValueError:
        return 0.0
    return total
