"""Open and refresh the dialogs of a session. Only the question before quitting is modal.

Each dialog is imported when it is first opened, so that the window opens faster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDialog, QMessageBox, QWidget

from rtemo.core.errors import RtemoError
from rtemo.gui import texts
from rtemo.gui.painting.colours import Theme
from rtemo.gui.study import words
from rtemo.gui.study.session_index import SessionIndex
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.presentation.numbers import clock
from rtemo.sources.session_settings import SessionSettings

if TYPE_CHECKING:
    from rtemo.gui.bars.session_bar import SessionBar


@runtime_checkable
class RefreshableDialog(Protocol):
    """A dialog that shows the engine's state."""

    def refresh(self, changed: set[SnapshotPart], /) -> None: ...


class SessionDialogs:
    """The open dialogs, at most one of each kind. theme: called when a dialog is opened."""

    def __init__(
        self,
        window: QWidget,
        state: WindowState,
        send: Callable[..., None],
        theme: Callable[[], Theme],
        places: QSettings | None = None,
    ) -> None:
        """places: keeps where the user left each dialog."""
        self._window, self._state, self._send, self._theme, self._places = window, state, send, theme, places
        self.open: dict[str, QDialog] = {}
        self.index = SessionIndex()
        self.bar: SessionBar | None = None  # whose participant and notes the form of a session edits
        self.open_recording: Callable[[str], None] = lambda _path: None
        self.say: Callable[[str], None] = lambda _text: None
        self.use_model: Callable[[str], None] = lambda _folder: None
        self.keys: Sequence[QAction] = ()  # the window's shortcuts that also work in dialogs

    def ask_settings(self) -> None:
        """Edit the session's settings. During a session they are fixed."""
        from rtemo.gui.dialogs.settings_dialog import SettingsDialog

        if self._state.snapshot.settings and not self._state.in_session:
            self._show(
                "settings", lambda: SettingsDialog(self._state.snapshot, self._theme(), self._configure, self._window)
            )

    def ask_participants(self) -> None:
        """Say who takes part, and whose stream is whose."""
        from rtemo.gui.people.participants_dialog import ParticipantsDialog

        if self._state.snapshot.settings:
            self._show("participants", lambda: ParticipantsDialog(self._state, self._configure, self._window))

    def ask_baseline(self) -> None:
        """Record a baseline."""
        from rtemo.gui.dialogs.baseline_dialog import BaselineDialog

        seconds = self._state.settings.baseline_s
        self._show("baseline", lambda: BaselineDialog(self._state, self._send, seconds, self._window))

    def ask_calibration(self) -> None:
        """Calibrate the model to this person."""
        from rtemo.gui.dialogs.calibration_dialog import CalibrationDialog

        self._show("calibration", lambda: CalibrationDialog(self._state, self._send, self._window))

    def ask_session(self) -> None:
        """Name the next session, and describe its study."""
        from rtemo.gui.study.session_form import SessionForm

        bar = self.bar
        if bar is None:
            return
        self.index.look(bar.root)
        self._show(
            "session",
            lambda: SessionForm(self._state, self.index, bar.named, self._name, self.show_notice, self._window),
        )

    def next_participant(self) -> None:
        """Name the next session for the next participant."""
        if not self._state.in_session:
            self.ask_session()
            form: Any = self.open.get("session")
            form.next_participant()

    def show_notice(self, settings: SessionSettings | None = None) -> None:
        """Show the participant what is recorded and why."""
        from rtemo.gui.study.participant_notice import ParticipantNotice

        study = (settings or self._state.settings).study
        self._show("notice", lambda: ParticipantNotice(study, self._window))

    def ask_annotations(self) -> None:
        """Correct annotations of the running session, or of the one that is replayed."""
        from rtemo.gui.study.annotations_dialog import AnnotationsDialog, KeptAnnotations, RunningAnnotations

        replay = self._state.snapshot.replay
        if replay is None:
            running = RunningAnnotations(self._state, self._send)
            self._show("annotations", lambda: AnnotationsDialog(running, parent=self._window))
            return
        path = Path(replay.path)
        try:
            kept = KeptAnnotations(path)
        except RtemoError as error:
            self.say(str(error))
            return
        self._show(f"annotations of {path}", lambda: AnnotationsDialog(kept, path.name, self._window))

    def ask_protocol(self) -> None:
        """Edit the protocol, and run it."""
        from rtemo.gui.study.protocol_dialog import ProtocolDialog

        self._show("protocol", lambda: ProtocolDialog(self._state, self._send, self._window, self._places))

    @property
    def running_protocol(self) -> str:
        """The block of the protocol that runs; empty without one."""
        dialog: Any = self.open.get("protocol")
        return "" if dialog is None or dialog.running is None else str(dialog.blocks[dialog.running].name)

    def take_up_protocol(self) -> None:
        """Open the protocol of a session that this window has found, where one of its blocks runs."""
        from rtemo.gui.study.protocol_dialog import kept_blocks, running_block

        blocks = kept_blocks(self._places, self._state.snapshot.folder) or self._state.settings.protocol
        found = running_block(self._state, [block.name for block in blocks])
        if found is not None and "protocol" not in self.open:
            self.ask_protocol()

    def ask_gaze_check(self) -> None:
        """Check the gaze on five points."""
        from rtemo.gui.study.gaze_check import GazeCheckDialog

        self._show("gaze check", lambda: GazeCheckDialog(self._state, self._send, self._window))

    def ask_lag(self) -> None:
        """Measure how late a device's stamps are."""
        from rtemo.gui.dialogs.lag_dialog import LagDialog

        self._show("lag", lambda: LagDialog(self._state, self._send, self._window))

    def ask_outputs(self) -> None:
        """Choose where predictions go besides the files, and show how each output stands."""
        from rtemo.gui.outputs.outputs_dialog import OutputsDialog

        if self._state.snapshot.settings:
            self._show("outputs", lambda: OutputsDialog(self._state, self._send, self._theme(), self._window))

    def ask_sessions(self) -> None:
        """List the sessions that there are."""
        from rtemo.gui.study.sessions_dialog import SessionsDialog

        if self.bar is not None:
            root = self.bar.root
            self._show("sessions", lambda: SessionsDialog(self.index, root, self.open_recording, self._window))

    def ask_model(self, folder: str = "") -> None:
        """Show the model, or another one that may be used instead."""
        from rtemo.gui.study.model_dialog import ModelDialog

        self._show("model", lambda: ModelDialog(self._state, self.use_model, self._window))
        dialog = self.open["model"]
        if folder and isinstance(dialog, ModelDialog):
            dialog.show_folder(folder)

    def show_about(self) -> None:
        """Show the version, the licence and how to cite."""
        from rtemo.gui.study.about_dialog import AboutDialog

        if self.bar is not None:
            self.index.look(self.bar.root)
        self._show("about", lambda: AboutDialog(self.index, self._window))

    def ask_stop(self) -> bool:
        """Ask whether the session is to end."""
        state = self._state
        box = QMessageBox(self._window)
        box.setWindowTitle(words.STOP_TITLE)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(words.STOP_TITLE)
        length = clock(state.now_s - state.session_started_s)
        box.setInformativeText(words.STOP_ASK.format(subject=state.subject, length=length))
        box.addButton(words.STOP_YES, QMessageBox.ButtonRole.DestructiveRole)
        go_on = box.addButton(words.STOP_NO, QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(go_on)
        box.exec()
        return box.clickedButton() is not None and box.clickedButton() is not go_on

    def _name(self, subject: str, notes: str, settings: str) -> None:
        if self.bar is not None:
            self.bar.name(subject, notes)
        self._send("describe", settings=settings)

    def show_keys(self, groups: Mapping[str, list[tuple[str, str]]]) -> None:
        """List the keyboard shortcuts."""
        from rtemo.gui.dialogs.help_dialogs import ShortcutsDialog

        self._show("keys", lambda: ShortcutsDialog(groups, self._window))

    def refresh(self, changed: set[SnapshotPart]) -> None:
        """Refresh the open dialogs that show the engine's state."""
        for dialog in list(self.open.values()):
            if isinstance(dialog, RefreshableDialog):
                dialog.refresh(changed)

    def _configure(self, text: str) -> None:
        self._send("configure", settings=text)

    def _show(self, name: str, make: Callable[[], QDialog]) -> None:
        dialog = self.open.get(name)
        if dialog is None:
            dialog = self.open[name] = make()
            dialog.addActions(list(self.keys))
            dialog.finished.connect(lambda _result: self._remove(name))
            self._restore(name, dialog)
            dialog.show()
        dialog.setVisible(True)
        dialog.raise_()
        dialog.activateWindow()

    def _restore(self, name: str, dialog: QDialog) -> None:
        """Open a dialog where the user left it."""
        place = self._places.value(f"dialog {name}") if self._places is not None else None
        if place is not None:
            dialog.restoreGeometry(place)

    def _remove(self, name: str) -> None:
        dialog = self.open.pop(name, None)
        if dialog is not None:
            if self._places is not None:
                self._places.setValue(f"dialog {name}", dialog.saveGeometry())
            dialog.deleteLater()


def ask_quit(window: QWidget, *, outlives_window: bool, protocol: str = "") -> str:
    """Ask what to do with a running session before its window is closed; returns one of texts.QUIT_...

    outlives_window: whether the session continues without the window. protocol: its block that runs, which does not.
    """
    box = QMessageBox(window)
    box.setWindowTitle(texts.QUIT_TITLE)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(texts.QUIT_TITLE)
    asked = texts.QUIT_ASK if outlives_window else texts.QUIT_ENDS
    if protocol and outlives_window:
        asked += "\n\n" + texts.QUIT_PROTOCOL.format(name=protocol)
    box.setInformativeText(asked)
    if outlives_window:
        box.addButton(texts.QUIT_KEEP, QMessageBox.ButtonRole.AcceptRole)
    box.addButton(texts.QUIT_STOP, QMessageBox.ButtonRole.DestructiveRole)
    cancel = box.addButton(texts.QUIT_CANCEL, QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(cancel)
    box.exec()
    return box.clickedButton().text() if box.clickedButton() is not None else texts.QUIT_CANCEL
