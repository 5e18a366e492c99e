"""Dialog of the outputs: where predictions go besides the files, and how each output stands now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from rtemo.core.errors import RtemoError
from rtemo.gui.layout.scrolling_dialog import ScrollingDialog
from rtemo.gui.outputs import words
from rtemo.gui.outputs.output_states import OutputRow, output_rows
from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.theme import colour
from rtemo.gui.study.form_rows import add_row, button, head_left, hint, new_form, rename
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.sources.output_settings import NetworkAddress, OutputSettings
from rtemo.sources.session_settings import settings_text

WIDTHS = (230, 80, 120)
STATE = 1
SCREEN_PACKAGES = ("mss", "av")  # what rtemo.bridges.screen needs


class OutputsDialog(ScrollingDialog):
    """Not modal: it shows the states as they change. send: a command to the engine."""

    def __init__(
        self, state: WindowState, send: Callable[..., None], theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(words.OUTPUTS)
        self.setObjectName("panel")
        self.resize(720, 560)
        self._state, self._send, self._theme = state, send, theme
        self.shown: list[OutputRow] = []
        now = state.settings.outputs
        self.addresses = {name: QLineEdit(_text(getattr(now, name))) for name in words.EXAMPLES}
        self.outlet_name, self.script = QLineEdit(now.outlet_name), QLineEdit(now.script)
        self.allow_network = QCheckBox(words.ALLOW_NETWORK)
        self.allow_network.setChecked(now.allow_network)
        self.record_screen = QCheckBox(words.SCREEN)
        self.record_screen.setChecked(now.screen)
        self.record_screen.setToolTip(words.SCREEN_TIP)
        self.choose, self.use_button, self.close_button = (
            button(words.CHOOSE),
            button(words.USE, "start"),
            button(words.CLOSE),
        )
        self.choose.clicked.connect(self._ask_script)
        self.use_button.clicked.connect(self.use)
        self.close_button.clicked.connect(self.accept)
        self.message = hint("")
        self.table = QTableWidget(0, len(words.HEADS))
        self._dress_table()
        self._lay_out()
        self.refresh(set())

    @property
    def entered(self) -> OutputSettings:
        """What was entered. Raises RtemoError where it cannot be right."""
        given = {name: field.text().strip() for name, field in self.addresses.items()}
        addresses = {name: NetworkAddress.parse(text) if text else None for name, text in given.items()}
        script = self.script.text().strip()
        if script and not Path(script).is_file():
            raise RtemoError(words.NO_SCRIPT.format(path=script))
        made = replace(
            self._state.settings.outputs,
            **addresses,
            outlet_name=self.outlet_name.text().strip(),
            allow_network=self.allow_network.isChecked(),
            script=script,
            screen=self.record_screen.isChecked(),
        )
        made.check()
        missing = [package for package in SCREEN_PACKAGES if find_spec(package) is None]
        if made.screen and missing:
            raise RtemoError(words.NO_SCREEN, f"missing: {', '.join(missing)}", words.SCREEN_EXTRA)
        return made

    def use(self) -> None:
        """Have the engine publish as was entered; say what cannot be right."""
        if self._state.in_session:
            return
        try:
            settings = replace(self._state.settings, outputs=self.entered)
        except RtemoError as error:
            rename(self.message, str(error), "warn")
            return
        self._send("describe", settings=settings_text(settings))
        rename(self.message, words.USED, "good")

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """Show how the outputs stand."""
        running = self._state.in_session
        self.use_button.setEnabled(not running)
        if running:
            rename(self.message, words.IN_SESSION, "muted")
        elif self.message.text() == words.IN_SESSION:
            rename(self.message, "", "muted")
        rows = output_rows(self._state.snapshot.outputs, self._state.settings.outputs, in_session=running)
        if rows != self.shown:
            self.shown = rows
            self._show()

    def _show(self) -> None:
        self.table.setRowCount(len(self.shown))
        for k, row in enumerate(self.shown):
            for column, text in enumerate((row.name, row.state, row.given, row.error)):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                if column == STATE:
                    item.setForeground(colour(self._theme.good if row.good else self._theme.warn))
                self.table.setItem(k, column, item)

    def _ask_script(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, words.SCRIPT, self.script.text(), words.SCRIPT_FILTER)
        if path:
            self.script.setText(path)

    def _dress_table(self) -> None:
        table = self.table
        table.setHorizontalHeaderLabels(words.HEADS)
        table.setAccessibleName(words.OUTPUTS)
        head_left(table)
        table.verticalHeader().hide()
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # files are told apart by their ends
        table.setMinimumHeight(110)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        for column, width in enumerate(WIDTHS):
            table.setColumnWidth(column, width)
        table.horizontalHeader().setStretchLastSection(True)

    def _lay_out(self) -> None:
        form = new_form()
        for name, title in zip(words.EXAMPLES, (words.OSC, words.WEBSOCKET, words.REMOTE), strict=True):
            self.addresses[name].setPlaceholderText(words.EXAMPLE.format(text=words.EXAMPLES[name]))
            add_row(form, title, self.addresses[name])
        self.outlet_name.setPlaceholderText(words.OUTLET_HINT)
        add_row(form, words.OUTLET_NAME, self.outlet_name)
        add_row(form, words.SCRIPT, self.script, self.choose)
        form.addRow("", self.record_screen)
        form.addRow("", self.allow_network)
        row = QHBoxLayout()
        row.addWidget(self.message, 1)
        row.addWidget(self.close_button)
        row.addWidget(self.use_button)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addWidget(hint(words.ASK))
        layout.addLayout(form)
        layout.addWidget(self.table, 1)
        layout.addLayout(row)


def _text(address: NetworkAddress | None) -> str:
    return "" if address is None else str(address)
