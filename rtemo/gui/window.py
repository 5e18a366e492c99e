"""The main window: views in docks, menus and shortcuts, and one timer that polls the client and paints what changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QRect, QSettings, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QMainWindow,
)

from rtemo.gui import texts
from rtemo.gui.bars.bar_stack import Banner, BarStack, Notice
from rtemo.gui.dialogs.open_dialogs import SessionDialogs, ask_quit
from rtemo.gui.export import Exports
from rtemo.gui.layout.keys_first import KeysFirst
from rtemo.gui.layout.window_layout import CentralPages, LastUsedSettings, WindowLayout
from rtemo.gui.menus import Menus
from rtemo.gui.open_recording import RecordingOpener, recording_in
from rtemo.gui.painting.colours import DARK, LIGHT, Theme
from rtemo.gui.painting.theme import apply_theme
from rtemo.gui.people import words
from rtemo.gui.refresh_schedule import RESULT_FRAMES
from rtemo.gui.study.dropped_model import model_in
from rtemo.gui.views.all_views import AllViews
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.last_used import MODEL_FILE, keep_model
from rtemo.live.service.client import USE_MODEL, ClientProtocol
from rtemo.live.service.snapshot import Phase

# What is about one participant, and of several means the one that is shown.
OF_THE_SHOWN = frozenset({"exclude", "mark_channel", "gaze_check", "label", "forget_label", "calibrate", "uncalibrate"})
FRAME_MS = 32  # somewhat less than a 30th of a second: a frame that is late is not made up for


class MainWindow(QMainWindow):
    """The main window, connected to one engine."""

    def __init__(
        self,
        client: ClientProtocol,
        settings: QSettings,
        theme: Theme,
        last_settings: Path | None = None,
        recording: str = "",
        clock: Callable[[], float] = time.monotonic,
        *,
        watches: bool = False,
    ) -> None:
        """last_settings: the file that keeps the session settings that were last used. recording: an XDF file to open
        as soon as the engine answers. clock: seconds that only grow, the same as those of RecorderLook.answered_s.
        watches: a second window, as for a supervisor, which can change nothing.
        """
        super().__init__()
        self.client, self.settings, self.theme, self.watches = client, settings, theme, watches
        self.state = WindowState()
        self._clock, self._waited = clock, 0
        self.pending_settings = ""  # for the engine, as soon as it answers
        self.outlives_window = True  # whether a session continues without the window
        self._last_settings = LastUsedSettings(last_settings)
        self.dialogs = SessionDialogs(self, self.state, self.send, lambda: self.theme, settings)
        self._seen_phase: Phase | None = None
        self._n_failures = 0
        self.recordings = RecordingOpener(self, self.send, recording, settings)
        self.dialogs.open_recording, self.dialogs.use_model = self.recordings.open, self.use_model
        self._last_model = last_settings.with_name(MODEL_FILE) if last_settings is not None else None
        self._name = texts.WATCHING.format(app=texts.APP) if watches else texts.APP
        self.setWindowTitle(self._name)
        self.setAcceptDrops(not watches)
        self.setDockNestingEnabled(True)
        self._make_views()
        self._make_bars()
        self.dialogs.say = self.notice.show_message
        self.exports = Exports(self, self.views.exportable, self.state, self.send, self.notice.show_message)
        self.menus = Menus(self, self)
        self.dialogs.keys = self.menus.global_actions()
        KeysFirst(self)
        self.resize(1440, 900)
        self.default_layout()
        if self._layout.restore(self.settings):
            self.bars.hide()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)
        self._timer.start(FRAME_MS)
        self._show_connection()

    def send(self, command: str, **arguments: Any) -> None:
        """Send a command to the engine; a window that only watches says so instead."""
        if self.watches:
            self.notice.show_message(texts.ONLY_WATCHES)
            return
        if command in OF_THE_SHOWN and self.state.several:
            arguments.setdefault("participant", self.state.shown)
        self.client.send(command, **arguments)

    def show_participant(self, participant: str) -> None:
        """Show another one of several participants in the views."""
        self.client.show_participant(participant)

    def tick(self) -> None:
        """Advance one frame: take in the engine's snapshot, paint what is out of date."""
        snapshot = self.client.poll()
        self.state.pass_time(self._clock())
        self.state.look(self.client.recorder, restarting=self.client.restarting)
        if snapshot is not None:
            self._waited = 0
            before = self.state.snapshot.seq
            self.views.refresh_schedule.mark(self.state.update(snapshot, time.time()))
            if self.state.snapshot.seq < before:  # another engine
                self._seen_phase = None
            self._handle_snapshot()
            self._last_settings.update(snapshot)
        elif (waited := self._waited + 1) >= RESULT_FRAMES:  # no news: what is shown grows old
            self._waited = 0
            self.views.refresh_schedule.mark({SnapshotPart.STATE})
        else:
            self._waited = waited
        for refused in self.client.refusals():
            self.notice.show_message(refused)
        if self.views.refresh_schedule.due(RESULT_FRAMES) or snapshot is None:
            self._show_connection()
        entered = self.state.snapshot.phase != self._seen_phase
        if entered:
            self._enter_phase(self.state.snapshot.phase)
        self.views.refresh_schedule.tick(everything=entered)

    # ------------------------------------------------------------------ parts

    def _make_views(self) -> None:
        root = str(self.settings.value("root", str(Path.home() / "rtemo")))
        views = self.views = AllViews(self.state, self.theme, self.send, root, self.dialogs, self.show_participant)
        views.welcome.demo.connect(self.start_demo)
        views.welcome.recording.connect(self.recordings.choose)
        views.welcome.doctor.connect(self.show_doctor)
        self.middle = CentralPages()
        self.middle.addWidget(views.welcome)
        self.middle.addWidget(views.signals)
        self.setCentralWidget(self.middle)
        views.strip.sound = str(self.settings.value("alarm sound", "")) == "true"
        self.setStatusBar(views.status)
        self._layout = WindowLayout(self, views.docked)
        self.docks = self._layout.docks

    def default_layout(self) -> None:
        """Reset the docks to the layout of the first start."""
        self._layout.reset()

    def _make_bars(self) -> None:
        self.banner, self.notice = Banner(lambda: self.send("restart_engine")), Notice(self)
        named = {
            texts.STATUS_STRIP: self.views.strip,
            texts.BANNER: self.banner,
            texts.SESSION_BAR: self.views.session,
            words.PEOPLE: self.views.people,
            texts.REPLAY_BAR: self.views.replay,
            texts.REPORT_BAR: self.views.report,
        }
        self.views.distance.setParent(self, Qt.WindowType.Window)  # Qt takes it away with the window
        if self.watches:
            for unused in (self.views.session, self.views.replay, self.views.report):
                unused.setParent(self)
                unused.hide()
            named = {name: named[name] for name in (texts.STATUS_STRIP, texts.BANNER, words.PEOPLE)}
            self.banner.restart.hide()
            self.views.welcome.only_watch()
        hidden = (texts.BANNER, words.PEOPLE, texts.REPLAY_BAR, texts.REPORT_BAR)
        self.bars = BarStack(self, named, hidden=tuple(name for name in hidden if name in named))
        self.views.session.refused.connect(self.notice.show_message)

    # ------------------------------------------------------------------ state

    def _enter_phase(self, phase: Phase) -> None:
        """Show a change of phase, or the first phase."""
        if self._seen_phase is None and self.state.in_session and not self.watches:
            self.dialogs.take_up_protocol()
        self._seen_phase = phase
        replay = self.state.snapshot.replay
        name = Path(replay.path).name if replay is not None else ""
        self.setWindowTitle(texts.REPLAY_TITLE.format(file=name, app=self._name) if name else self._name)
        if not self.watches:
            self.bars.set_visible(texts.REPLAY_BAR, visible=phase == Phase.REPLAY)
            self.bars.set_visible(texts.SESSION_BAR, visible=phase != Phase.REPLAY)  # nothing of it is for a recording
        if self.state.snapshot.seq >= 0 and phase in (Phase.IDLE, Phase.PREVIEW) and not self.watches:
            self.views.report.look_for_unfinished(Path(self.views.session.root))

    def _handle_snapshot(self) -> None:
        """After a snapshot: open the recording that the window was started with, show what could not be done."""
        self.recordings.open_pending()
        if self.pending_settings:
            self.send("configure", settings=self.pending_settings)
            self.pending_settings = ""
        if self.state.n_failures != self._n_failures:
            self._n_failures = self.state.n_failures
            self.notice.show_message(self.state.failure)

    @property
    def failed(self) -> str:
        """Why no engine works and none is being started again; empty where one does."""
        if self.client.restarting:
            return ""
        snapshot = self.state.snapshot
        failure = self.client.failure or (snapshot.failure if snapshot.phase == Phase.FAILED else "")
        if not failure and not self.client.connected and snapshot.seq >= 0:
            return texts.DISCONNECTED
        return failure

    def _show_connection(self) -> None:
        """Show or hide the failure banner, and the welcome page."""
        snapshot, failure = self.state.snapshot, self.failed
        self.banner.show_failure(failure)
        self.bars.set_visible(texts.BANNER, visible=bool(failure))
        self.bars.set_visible(words.PEOPLE, visible=bool(self.state.several))
        if not self.watches:
            self.bars.set_visible(texts.REPORT_BAR, visible=self.views.report.wanted)
        self.menus.refresh()
        shown = bool(snapshot.streams) or len(self.state.eeg) > 0 or len(self.state.gaze) > 0
        self.middle.setCurrentWidget(self.views.signals if shown else self.views.welcome)
        if snapshot.seq >= 0:
            self._layout.show_further(there=bool(self.state.traces))
            self._layout.show_docks(shown=shown)
            self._layout.show_synchrony(there=shown and bool(self.state.several))

    def set_theme(self, theme: Theme) -> None:
        """Switch the colours of everything."""
        self.theme = theme
        application = QApplication.instance()
        if isinstance(application, QApplication):
            apply_theme(application, theme)
        self.views.set_theme(theme)
        self.menus.dark.setChecked(theme is DARK)
        self.settings.setValue("theme", theme.name)

    def toggle_theme(self) -> None:
        """Switch between dark and light."""
        self.set_theme(LIGHT if self.theme is DARK else DARK)

    def set_alarm_sound(self, *, on: bool) -> None:
        """Switch the sound of alarms on or off."""
        self.views.strip.sound = on
        self.settings.setValue("alarm sound", "true" if on else "")

    def toggle_full_screen(self) -> None:
        """Switch full screen on or off."""
        self.showNormal() if self.isFullScreen() else self.showFullScreen()

    def toggle_distance(self) -> None:
        """Open or close the large view, a window of its own that can lie on another screen."""
        view = self.views.distance
        view.setVisible(not view.isVisible())
        if view.isVisible():
            self.views.refresh_schedule.mark({SnapshotPart.STATE})

    # ------------------------------------------------------------------ files

    def close_recording(self) -> None:
        """Close the recording and show the live streams."""
        if self.views.replay.active:
            self.send("close_replay")

    def ask_root(self) -> None:
        """Let the user choose the folder that sessions are written to."""
        folder = QFileDialog.getExistingDirectory(self, texts.ROOT_FOLDER, self.views.session.root)
        if folder:
            self.views.session.root = folder
            self.settings.setValue("root", folder)

    def use_model(self, folder: str) -> None:
        """Have the engine start again with the model in a folder, empty for rtemo's own; it is remembered."""
        if self._last_model is not None:
            keep_model(self._last_model, folder)
        self.send(USE_MODEL, path=folder)

    def start_demo(self) -> None:
        """Start the demonstration in a window of its own."""
        from rtemo.gui.demo_process import DemoProcess  # loaded when needed: the window opens faster

        DemoProcess(self)

    def show_doctor(self) -> None:
        """Show the report of `rtemo doctor`."""
        from rtemo.gui.dialogs.help_dialogs import DoctorDialog

        DoctorDialog(self).open()

    def show_shortcuts(self) -> None:
        """List the keyboard shortcuts."""
        self.dialogs.show_keys(self.menus.keys())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if recording_in(event) or model_in(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        path = recording_in(event)
        if not path and (folder := model_in(event)):
            self.dialogs.ask_model(folder)
            event.acceptProposedAction()
        if path:
            self.recordings.open(path)
            event.acceptProposedAction()

    # ------------------------------------------------------------------ end

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.setFocus(Qt.FocusReason.OtherFocusReason)  # no button is about to be pressed

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.watches:
            pass  # nothing ends with it
        elif self.state.in_session:
            answer = self.ask_quit()
            if answer == texts.QUIT_CANCEL:
                event.ignore()
                return
            if answer == texts.QUIT_STOP:
                self.send("stop")
                self.send("shutdown")
        elif self.state.snapshot.phase != Phase.FAILED:
            self.send("dismiss")
        else:
            self.send("shutdown")
        self._timer.stop()
        self.views.distance.close()
        self._layout.save(self.settings)
        self.settings.setValue("theme", self.theme.name)
        event.accept()

    def leave(self) -> None:
        """Leave without a question, as when the system ends the program: a session goes on, a mere preview ends."""
        if not self.state.in_session and not self.watches:
            self.send("dismiss")
        self._timer.stop()

    def fill(self, screen: QRect) -> None:
        """Fill a screen, at the first start."""
        self._layout.fill(screen)

    @property
    def restored(self) -> bool:
        """Whether the window is where it was at the last start."""
        return self._layout.restored

    def ask_quit(self) -> str:
        """Ask what to do with a running session."""
        return ask_quit(self, outlives_window=self.outlives_window, protocol=self.dialogs.running_protocol)
