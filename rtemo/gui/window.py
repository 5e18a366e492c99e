"""The main window: views in docks, menus and keys, and one timer that polls the client and paints what changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QRect, QSettings, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QMainWindow,
    QStackedWidget,
)

from rtemo.gui import texts
from rtemo.gui.bars.bar_stack import Banner, BarStack
from rtemo.gui.bars.notice_bar import Notice
from rtemo.gui.dialogs.open_dialogs import SessionDialogs, ask_quit
from rtemo.gui.export import Exports
from rtemo.gui.menus import Menus
from rtemo.gui.open_recording import Recordings, recording_in
from rtemo.gui.painting import theme as dress
from rtemo.gui.painting.colours import DARK, LIGHT, Theme
from rtemo.gui.refresh_schedule import RESULT_FRAMES
from rtemo.gui.remembering import SettingsMemory
from rtemo.gui.views.all_views import AllViews
from rtemo.gui.window_layout import WindowLayout
from rtemo.gui.window_state import WindowState
from rtemo.live.service.client_protocol import Client
from rtemo.live.service.snapshot import Phase

FRAME_MS = 33


class MainWindow(QMainWindow):
    """One window on one engine."""

    def __init__(
        self,
        client: Client,
        settings: QSettings,
        theme: Theme,
        remember: Path | None = None,
        recording: str = "",
    ) -> None:
        """remember: the file for the session settings that were last used. recording: an XDF file to be opened as soon
        as the engine answers.
        """
        super().__init__()
        self.client, self.settings, self.theme = client, settings, theme
        self.model = WindowState()
        self.goes_on = True  # whether a session can do without the window
        self._remembering = SettingsMemory(remember)
        self.dialogs = SessionDialogs(self, self.model, self.send, lambda: self.theme)
        self._seen_phase: Phase | None = None
        self._n_failures = 0
        self.recordings = Recordings(self, self.send, recording)
        self.setWindowTitle(texts.APP)
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        self._make_views()
        self._make_bars()
        self.exports = Exports(self, self.views.pictured, self.model, self.send, self.notice.say)
        self.menus = Menus(self, self)
        self.dialogs.keys = self.menus.everywhere()
        self.resize(1440, 900)
        self.default_layout()
        if self._arrangement.restore(self.settings):
            self.bars.hide()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)
        self._timer.start(FRAME_MS)
        self._show_connection()

    def send(self, command: str, **arguments: Any) -> None:
        """Ask the engine."""
        self.client.send(command, **arguments)

    def tick(self) -> None:
        """One frame: take what the engine told, paint what is out of date."""
        snapshot = self.client.poll()
        if snapshot is not None:
            self.views.beats.take(self.model.update(snapshot))
            self._take_notice()
            self._remembering.take(snapshot)
        if self.views.beats.due(RESULT_FRAMES) or snapshot is None:
            self._show_connection()
        entered = self.model.snapshot.phase != self._seen_phase
        if entered:
            self._enter(self.model.snapshot.phase)
        self.views.beats.tick(everything=entered)

    # ------------------------------------------------------------------ parts

    def _make_views(self) -> None:
        root = str(self.settings.value("root", str(Path.home() / "rtemo")))
        views = self.views = AllViews(self.model, self.theme, self.send, root, self.dialogs)
        views.empty.demo.connect(self.start_demo)
        views.empty.recording.connect(self.recordings.ask)
        views.empty.doctor.connect(self.show_doctor)
        self.middle = QStackedWidget()
        self.middle.addWidget(views.empty)
        self.middle.addWidget(views.signals)
        self.setCentralWidget(self.middle)
        self.setStatusBar(views.status)
        self._arrangement = WindowLayout(self, views.docked)
        self.docks = self._arrangement.docks

    def default_layout(self) -> None:
        """The layout of the first start."""
        self._arrangement.reset()

    def _make_bars(self) -> None:
        self.banner, self.notice = Banner(lambda: self.send("restart_engine")), Notice()
        named = {
            texts.BANNER: self.banner,
            texts.NOTICE: self.notice,
            texts.SESSION_BAR: self.views.session,
            texts.REPLAY_BAR: self.views.replay,
            texts.REPORT_BAR: self.views.report,
        }
        self.bars = BarStack(self, named, seldom=(texts.BANNER, texts.NOTICE, texts.REPLAY_BAR, texts.REPORT_BAR))
        self.views.session.refused.connect(self.notice.say)
        self.notice.came.connect(lambda: self.bars.show(texts.NOTICE, wanted=True))
        self.notice.went.connect(lambda: self.bars.show(texts.NOTICE, wanted=False))

    # ------------------------------------------------------------------ state

    def _enter(self, phase: Phase) -> None:
        """Another phase, or the first."""
        self._seen_phase = phase
        replay = self.model.snapshot.replay
        name = Path(replay.path).name if replay is not None else ""
        self.setWindowTitle(texts.REPLAY_TITLE.format(file=name, app=texts.APP) if name else texts.APP)
        self.bars.show(texts.REPLAY_BAR, wanted=phase == Phase.REPLAY)

    def _take_notice(self) -> None:
        """After a snapshot: open what the window was started with, say what could not be done."""
        self.recordings.answer()
        if self.model.n_failures != self._n_failures:
            self._n_failures = self.model.n_failures
            self.notice.say(self.model.failure)

    @property
    def failed(self) -> str:
        """Why there is no engine that works, or empty."""
        snapshot = self.model.snapshot
        failure = self.client.failure or (snapshot.failure if snapshot.phase == Phase.FAILED else "")
        if not failure and not self.client.connected and snapshot.seq >= 0:
            return texts.DISCONNECTED
        return failure

    def _show_connection(self) -> None:
        """The banner of a failed engine, and the empty state."""
        snapshot, failure = self.model.snapshot, self.failed
        self.banner.tell(failure)
        self.bars.show(texts.BANNER, wanted=bool(failure))
        self.bars.show(texts.REPORT_BAR, wanted=self.views.report.wanted)
        self.menus.refresh()
        shown = bool(snapshot.streams) or len(self.model.eeg) > 0 or len(self.model.gaze) > 0
        self.middle.setCurrentWidget(self.views.signals if shown else self.views.empty)

    def set_theme(self, theme: Theme) -> None:
        """Dress everything again."""
        self.theme = theme
        application = QApplication.instance()
        if isinstance(application, QApplication):
            dress.apply(application, theme)
        self.views.set_theme(theme)
        self.menus.dark.setChecked(theme is DARK)
        self.settings.setValue("theme", theme.name)

    def toggle_theme(self) -> None:
        """Dark or light."""
        self.set_theme(LIGHT if self.theme is DARK else DARK)

    def toggle_full_screen(self) -> None:
        """Without a frame, or with one."""
        self.showNormal() if self.isFullScreen() else self.showFullScreen()

    # ------------------------------------------------------------------ files

    def close_recording(self) -> None:
        """Back to the live streams."""
        if self.views.replay.active:
            self.send("close_replay")

    def ask_root(self) -> None:
        """Where sessions are written."""
        folder = QFileDialog.getExistingDirectory(self, texts.ROOT_FOLDER, self.views.session.root)
        if folder:
            self.views.session.root = folder
            self.settings.setValue("root", folder)

    def start_demo(self) -> None:
        """The demonstration, in a window of its own."""
        from rtemo.gui.demo_process import DemoProcess  # what is asked for later is loaded later: the window is quick

        DemoProcess(self)

    def show_doctor(self) -> None:
        """What `rtemo doctor` says."""
        from rtemo.gui.dialogs.doctor_dialog import DoctorDialog

        DoctorDialog(self).open()

    def show_shortcuts(self) -> None:
        """The keys."""
        self.dialogs.show_keys(self.menus.keys())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if recording_in(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        path = recording_in(event)
        if path:
            self.recordings.open(path)
            event.acceptProposedAction()

    # ------------------------------------------------------------------ end

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.model.snapshot.phase in (Phase.RUNNING, Phase.PAUSED):
            answer = self.ask_quit()
            if answer == texts.QUIT_CANCEL:
                event.ignore()
                return
            if answer == texts.QUIT_STOP:
                self.send("stop")
                self.send("shutdown")
        elif self.model.snapshot.phase != Phase.FAILED:
            self.send("shutdown")
        self._timer.stop()
        self._arrangement.save(self.settings)
        self.settings.setValue("theme", self.theme.name)
        event.accept()

    def fill(self, room: QRect) -> None:
        """At the first start: all of a screen."""
        self._arrangement.fill(room)

    @property
    def remembered(self) -> bool:
        """Whether it stands where it stood last time."""
        return self._arrangement.remembered

    def ask_quit(self) -> str:
        """What to do with a running session."""
        return ask_quit(self, goes_on=self.goes_on)
