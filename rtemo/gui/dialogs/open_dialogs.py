"""The dialogs around a session, opened and refreshed by the window. None is modal but the one at the end.

Each is loaded when it is asked for: none is needed for the window to be there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDialog, QMessageBox, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.colours import Theme
from rtemo.gui.window_state import SnapshotPart, WindowState


@runtime_checkable
class Living(Protocol):
    """A dialog that shows what the engine tells."""

    def refresh(self, changed: set[SnapshotPart], /) -> None: ...


class SessionDialogs:
    """At most one of each. theme: asked when a dialog is opened."""

    def __init__(
        self, window: QWidget, model: WindowState, send: Callable[..., None], theme: Callable[[], Theme]
    ) -> None:
        self._window, self._model, self._send, self._theme = window, model, send, theme
        self.open: dict[str, QDialog] = {}
        self.keys: Sequence[QAction] = ()  # of the window, that are to work while a dialog has the keyboard

    def ask_settings(self) -> None:
        """Edit the session's settings. During a session they are fixed."""
        from rtemo.gui.dialogs.settings_dialog import SetupDialog

        if self._model.snapshot.settings and not self._model.in_session:
            self._show("settings", lambda: SetupDialog(self._model.snapshot, self._theme(), self._use, self._window))

    def ask_baseline(self) -> None:
        """Record a baseline."""
        from rtemo.gui.dialogs.baseline_dialog import BaselineDialog

        seconds = self._model.lab.baseline_s
        self._show("baseline", lambda: BaselineDialog(self._model, self._send, seconds, self._window))

    def ask_calibration(self) -> None:
        """Fit the model to this person."""
        from rtemo.gui.dialogs.calibration_dialog import CalibrationDialog

        self._show("calibration", lambda: CalibrationDialog(self._model, self._send, self._window))

    def show_keys(self, groups: Mapping[str, list[tuple[str, str]]]) -> None:
        """List the keys."""
        from rtemo.gui.dialogs.shortcuts_dialog import ShortcutsDialog

        self._show("keys", lambda: ShortcutsDialog(groups, self._window))

    def refresh(self, changed: set[SnapshotPart]) -> None:
        """Show what came, in those that live."""
        for dialog in list(self.open.values()):
            if isinstance(dialog, Living):
                dialog.refresh(changed)

    def _use(self, text: str) -> None:
        self._send("configure", settings=text)

    def _show(self, name: str, make: Callable[[], QDialog]) -> None:
        dialog = self.open.get(name)
        if dialog is None:
            dialog = self.open[name] = make()
            dialog.addActions(list(self.keys))
            dialog.finished.connect(lambda _result: self._forget(name))
            dialog.show()
        dialog.raise_()
        dialog.activateWindow()

    def _forget(self, name: str) -> None:
        dialog = self.open.pop(name, None)
        if dialog is not None:
            dialog.deleteLater()


def ask_quit(window: QWidget, *, goes_on: bool) -> str:
    """What to do with a session that runs while its window is closed: one of texts.QUIT_...

    goes_on: whether it can do without the window.
    """
    box = QMessageBox(window)
    box.setWindowTitle(texts.QUIT_TITLE)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(texts.QUIT_TITLE)
    box.setInformativeText(texts.QUIT_ASK if goes_on else texts.QUIT_ENDS)
    if goes_on:
        box.addButton(texts.QUIT_KEEP, QMessageBox.ButtonRole.AcceptRole)
    box.addButton(texts.QUIT_STOP, QMessageBox.ButtonRole.DestructiveRole)
    cancel = box.addButton(texts.QUIT_CANCEL, QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(cancel)
    box.exec()
    return box.clickedButton().text() if box.clickedButton() is not None else texts.QUIT_CANCEL
