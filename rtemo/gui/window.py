"""The main window: views in docks, menus and keys, and one timer that polls the client and paints what changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QRect, QSettings, QSize, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QMainWindow,
    QStackedWidget,
)

from rtemo.gui import texts
from rtemo.gui import theme as dress
from rtemo.gui.arrangement import Arrangement
from rtemo.gui.bars import Banner, Bars
from rtemo.gui.beats import GAZE_FRAMES, RESULT_FRAMES, SLOW_FRAMES, Beats
from rtemo.gui.client_protocol import Client
from rtemo.gui.colours import DARK, LIGHT, Theme
from rtemo.gui.demo_process import DemoProcess
from rtemo.gui.emotion_view import EmotionView
from rtemo.gui.empty_view import DoctorDialog, EmptyView
from rtemo.gui.events_view import EventsView
from rtemo.gui.export import Exports
from rtemo.gui.gaze_view import GazeView
from rtemo.gui.history_view import HistoryView
from rtemo.gui.menus import Menus
from rtemo.gui.model import GuiModel
from rtemo.gui.notice import Notice
from rtemo.gui.plane_view import PlaneView
from rtemo.gui.quality_view import QualityView
from rtemo.gui.recordings import Recordings, recording_in
from rtemo.gui.remembering import Remembering
from rtemo.gui.replay_bar import ReplayBar
from rtemo.gui.report_bar import ReportBar
from rtemo.gui.session_bar import SessionBar
from rtemo.gui.session_dialogs import SessionDialogs, ask_quit
from rtemo.gui.signals_view import SignalsView
from rtemo.gui.status_line import StatusLine
from rtemo.gui.streams_view import StreamsView
from rtemo.live.snapshot import Phase

FRAME_MS = 33
LAYOUT_VERSION = 1
WIDEST = QSize(2560, 1440)


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
        self.model = GuiModel()
        self._remembering = Remembering(remember)
        self.dialogs = SessionDialogs(self, self.model, self.send, lambda: self.theme)
        self._seen_phase: Phase | None = None
        self._n_failures = 0
        self.recordings = Recordings(self, self.send, recording)
        self.setWindowTitle(texts.APP)
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        self._make_views()
        self._make_docks()
        self._make_bars()
        views = {texts.SIGNALS: self.signals, **{name: dock.widget() for name, dock in self.docks.items()}}
        self.exports = Exports(self, views, self.send, self.notice.say)
        self.menus = Menus(self, self)
        self.dialogs.keys = self.menus.everywhere()
        self.resize(1440, 900)
        self.default_layout()
        self._restore()
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
            self._beats.take(self.model.update(snapshot))
            self._take_notice()
            self._remembering.take(snapshot)
        if self._beats.due(RESULT_FRAMES) or snapshot is None:
            self._show_connection()
        entered = self.model.snapshot.phase != self._seen_phase
        if entered:
            self._enter(self.model.snapshot.phase)
        self._beats.tick(everything=entered)

    # ------------------------------------------------------------------ parts

    def _make_views(self) -> None:
        model, theme = self.model, self.theme
        self.signals = SignalsView(model, theme)
        self.empty = EmptyView()
        self.empty.demo.connect(lambda: DemoProcess(self))
        self.empty.recording.connect(self.recordings.ask)
        self.empty.doctor.connect(self.show_doctor)
        self.middle = QStackedWidget()
        self.middle.addWidget(self.empty)
        self.middle.addWidget(self.signals)
        self.setCentralWidget(self.middle)
        self.streams = StreamsView(model, theme, lambda role, stream: self.send("choose", role=role, stream_id=stream))
        self.gaze = GazeView(model, theme)
        self.quality = QualityView(
            model, theme, lambda label, excluded: self.send("exclude", label=label, excluded=excluded)
        )
        self.emotion = EmotionView(model, theme)
        self.history = HistoryView(model, theme)
        self.plane = PlaneView(model, theme)
        self.events = EventsView(model, theme)
        root = str(self.settings.value("root", str(Path.home() / "rtemo")))
        self.session = SessionBar(model, theme, self.send, root, self.dialogs.ask_baseline)
        self.report = ReportBar(model)
        self.replay = ReplayBar(model, theme, self.send)
        self.status = StatusLine(model)
        self.setStatusBar(self.status)
        self._beats = Beats(
            {
                1: (self.signals,),
                GAZE_FRAMES: (self.gaze, self.replay),
                RESULT_FRAMES: (self.emotion, self.plane, self.session, self.report, self.dialogs),
                SLOW_FRAMES: (self.streams, self.quality, self.history, self.events, self.status),
            }
        )

    @property
    def views(self) -> tuple[Any, ...]:
        """Everything that is refreshed."""
        return (
            self.signals,
            self.streams,
            self.gaze,
            self.quality,
            self.emotion,
            self.history,
            self.plane,
            self.events,
            self.session,
            self.replay,
            self.status,
            self.report,
            self.dialogs,
        )

    def _make_docks(self) -> None:
        self._arrangement = Arrangement(
            self,
            {
                texts.EMOTION: self.emotion,
                texts.PLANE: self.plane,
                texts.QUALITY: self.quality,
                texts.GAZE: self.gaze,
                texts.EVENTS: self.events,
                texts.HISTORY: self.history,
                texts.STREAMS: self.streams,
            },
        )
        self.docks = self._arrangement.docks

    def default_layout(self) -> None:
        """The layout of the first start."""
        self._arrangement.reset()

    def _make_bars(self) -> None:
        self.banner, self.notice = Banner(lambda: self.send("restart_engine")), Notice()
        named = {
            texts.BANNER: self.banner,
            texts.NOTICE: self.notice,
            texts.SESSION_BAR: self.session,
            texts.REPLAY_BAR: self.replay,
            texts.REPORT_BAR: self.report,
        }
        self.bars = Bars(self, named, seldom=(texts.BANNER, texts.NOTICE, texts.REPLAY_BAR, texts.REPORT_BAR))
        self.session.refused.connect(self.notice.say)
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
        self.bars.show(texts.REPORT_BAR, wanted=self.report.wanted)
        self.menus.refresh()
        shown = bool(snapshot.streams) or len(self.model.eeg) > 0 or len(self.model.gaze) > 0
        self.middle.setCurrentWidget(self.signals if shown else self.empty)

    def set_theme(self, theme: Theme) -> None:
        """Dress everything again."""
        self.theme = theme
        application = QApplication.instance()
        if isinstance(application, QApplication):
            dress.apply(application, theme)
        for view in self.views:
            if hasattr(view, "set_theme"):
                view.set_theme(theme)
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
        if self.replay.active:
            self.send("close_replay")

    def ask_root(self) -> None:
        """Where sessions are written."""
        folder = QFileDialog.getExistingDirectory(self, texts.ROOT_FOLDER, self.session.root)
        if folder:
            self.session.root = folder
            self.settings.setValue("root", folder)

    def show_doctor(self) -> None:
        """What `rtemo doctor` says."""
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
        self.settings.setValue("geometry", self.saveGeometry())
        self.settings.setValue("layout", self.saveState(LAYOUT_VERSION))
        self.settings.setValue("theme", self.theme.name)
        event.accept()

    def ask_quit(self) -> str:
        """What to do with a running session."""
        return ask_quit(self)

    def fill(self, room: QRect) -> None:
        """At the first start: all of a screen, as such windows are looked at, but no more than its views can use."""
        self.setGeometry(QRect(room.topLeft(), room.size().boundedTo(WIDEST)))
        self.default_layout()

    def _restore(self) -> None:
        geometry, layout = self.settings.value("geometry"), self.settings.value("layout")
        self.remembered = geometry is not None
        if geometry is not None:
            self.restoreGeometry(geometry)
        if layout is not None:
            self.restoreState(layout, LAYOUT_VERSION)
            self.bars.hide()
