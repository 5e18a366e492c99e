"""The main window: views in docks, menus and keys, and one timer that polls the client and paints what changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QPushButton,
    QStackedWidget,
    QToolBar,
)

from rtemo.core.errors import RtemoError
from rtemo.gui import questions, texts
from rtemo.gui import theme as dress
from rtemo.gui.arrangement import Arrangement
from rtemo.gui.client_protocol import Client
from rtemo.gui.colours import DARK, LIGHT, Theme
from rtemo.gui.emotion_view import EmotionView
from rtemo.gui.empty_view import DoctorDialog, EmptyView, start_demo
from rtemo.gui.events_view import EventsView
from rtemo.gui.export import ask_path, export_view
from rtemo.gui.gaze_view import GazeView
from rtemo.gui.history_view import HistoryView
from rtemo.gui.labels import PlainLabel
from rtemo.gui.menus import Menus
from rtemo.gui.model import GuiModel, Part
from rtemo.gui.notice import Notice
from rtemo.gui.plane_view import PlaneView
from rtemo.gui.quality_view import QualityView
from rtemo.gui.replay_bar import ReplayBar
from rtemo.gui.session_bar import SessionBar
from rtemo.gui.signals_view import SignalsView
from rtemo.gui.status_line import StatusLine
from rtemo.gui.streams_view import StreamsView
from rtemo.live.snapshot import Phase

FRAME_MS = 33
GAZE_FRAMES = 3  # the gaze moves ten times a second
SLOW_FRAMES = 6  # texts and results change five times a second, signals at every frame
LAYOUT_VERSION = 1
PASSING = ("banner", "notice", texts.REPLAY_BAR)  # bars that are shown for a while


class MainWindow(QMainWindow):
    """One window on one engine."""

    def __init__(self, client: Client, settings: QSettings, theme: Theme, recording: str = "") -> None:
        """recording: an XDF file to be opened as soon as the engine answers."""
        super().__init__()
        self.client, self.settings, self.theme = client, settings, theme
        self.model = GuiModel()
        self._frame = 0
        self._changed: dict[int, set[Part]] = {1: set(), GAZE_FRAMES: set(), SLOW_FRAMES: set()}
        self._seen_phase: Phase | None = None
        self._recording, self._n_failures = recording, 0
        self.setWindowTitle(texts.APP)
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        self._make_views()
        self._make_docks()
        self._make_bars()
        self.menus = Menus(self, self)
        self._offer_pictures()
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
            changed = self.model.update(snapshot)
            for waiting in self._changed.values():
                waiting |= changed
            self._take_notice()
        self._frame += 1
        if self._frame % SLOW_FRAMES == 0 or snapshot is None:
            self._show_connection()
        entered = self.model.snapshot.phase != self._seen_phase
        if entered:
            self._enter(self.model.snapshot.phase)
        for every, views in self._beats:
            if entered or self._frame % every == 0:
                changed, self._changed[every] = self._changed[every], set()
                for view in views if changed else views[:1] if every == 1 else ():
                    view.refresh(changed)

    # ------------------------------------------------------------------ parts

    def _make_views(self) -> None:
        model, theme = self.model, self.theme
        self.signals = SignalsView(model, theme)
        self.empty = EmptyView()
        self.empty.demo.connect(start_demo)
        self.empty.recording.connect(self.ask_recording)
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
        self.session = SessionBar(model, theme, self.send, str(self.settings.value("root", str(Path.home() / "rtemo"))))
        self.replay = ReplayBar(model, theme, self.send)
        self.status = StatusLine(model)
        self.setStatusBar(self.status)

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
        )

    @property
    def _beats(self) -> tuple[tuple[int, tuple[Any, ...]], ...]:
        """How many frames apart which views are refreshed."""
        fast, middle = (self.signals,), (self.gaze, self.replay)
        slow = tuple(view for view in self.views if view not in fast + middle)
        return ((1, fast), (GAZE_FRAMES, middle), (SLOW_FRAMES, slow))

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
        self.banner = QFrame()
        self.banner.setObjectName("banner")
        self.banner_text = PlainLabel()
        self.banner_text.setWordWrap(True)
        self.restart = QPushButton(texts.RESTART)
        self.restart.clicked.connect(lambda: self.send("restart_engine"))
        row = QHBoxLayout(self.banner)
        row.addWidget(self.banner_text, 1)
        row.addWidget(self.restart)
        self.notice = Notice()
        self._bars = {}
        for name, widget in (
            ("banner", self.banner),
            ("notice", self.notice),
            (texts.SESSION_BAR, self.session),
            (texts.REPLAY_BAR, self.replay),
        ):
            bar = QToolBar(name)
            bar.setObjectName(f"bar {name}")
            bar.setMovable(False)
            bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
            bar.addWidget(widget)
            self.addToolBar(Qt.ToolBarArea.TopToolBarArea, bar)
            self.addToolBarBreak(Qt.ToolBarArea.TopToolBarArea)
            self._bars[name] = bar
        for name in PASSING:
            self._bars[name].hide()
        self.notice.came.connect(self._bars["notice"].show)
        self.notice.went.connect(self._bars["notice"].hide)

    # ------------------------------------------------------------------ state

    def _enter(self, phase: Phase) -> None:
        """Another phase, or the first."""
        self._seen_phase = phase
        replay = self.model.snapshot.replay
        name = Path(replay.path).name if replay is not None else ""
        self.setWindowTitle(texts.REPLAY_TITLE.format(file=name, app=texts.APP) if name else texts.APP)
        self._bars[texts.REPLAY_BAR].setVisible(phase == Phase.REPLAY)

    def _take_notice(self) -> None:
        """After a snapshot: open what the window was started with, say what could not be done."""
        if self._recording:
            path, self._recording = self._recording, ""
            self.open_recording(path)
        if self.model.n_failures != self._n_failures:
            self._n_failures = self.model.n_failures
            self.notice.say(self.model.failure)

    def _show_connection(self) -> None:
        """The banner of a failed engine, and the empty state."""
        snapshot = self.model.snapshot
        failure = self.client.failure or (snapshot.failure if snapshot.phase == Phase.FAILED else "")
        if not failure and not self.client.connected and snapshot.seq >= 0:
            failure = texts.DISCONNECTED
        if failure:
            self.banner_text.setText(texts.FAILED.format(why=failure))
        self._bars["banner"].setVisible(bool(failure))
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

    def open_recording(self, path: str) -> None:
        """Ask the engine to play a file."""
        self.send("open_replay", path=str(Path(path).absolute()))

    def close_recording(self) -> None:
        """Back to the live streams."""
        if self.replay.active:
            self.send("close_replay")

    def ask_recording(self) -> None:
        """Let the researcher choose a file."""
        path, _ = QFileDialog.getOpenFileName(self, texts.OPEN_TITLE, "", texts.OPEN_FILTER)
        if path:
            self.open_recording(path)

    @property
    def exportable(self) -> dict[str, QWidget]:
        """The views that can be written as pictures, by name."""
        return {texts.SIGNALS: self.signals, **{name: dock.widget() for name, dock in self.docks.items()}}

    def ask_export(self) -> None:
        """Have the engine write the predictions: all of a recording, or those of the live streams."""
        path = ask_path(self, texts.EXPORT_PREDICTIONS, "predictions.csv", texts.TABLE_FILTER)
        if path:
            self.send("export", path=str(Path(path).absolute()), replace=True)  # the dialog has asked

    def ask_picture(self, name: str) -> None:
        """Write a view as a picture."""
        title = texts.EXPORT_VIEW.format(view=name)
        path = ask_path(self, title, f"{name.lower().replace(' ', '_')}.png", texts.PICTURE_FILTER)
        if path:
            self.export_picture(name, Path(path))

    def export_picture(self, name: str, path: Path) -> None:
        """Write a view as a picture, and say so."""
        try:
            export_view(self.exportable[name], path)
        except RtemoError as error:
            self.notice.say(str(error))
        else:
            self.notice.say(texts.EXPORTED.format(path=path))

    def _offer_pictures(self) -> None:
        """A right click on a view offers it as a picture."""
        for name, view in self.exportable.items():
            action = QAction(texts.EXPORT_HERE, view)
            action.triggered.connect(lambda _checked=False, name=name: self.ask_picture(name))
            view.addAction(action)
            view.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

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
        questions.show_shortcuts(self)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _recording_in(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        path = _recording_in(event)
        if path:
            self.open_recording(path)
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
        return questions.ask_quit(self)

    def _restore(self) -> None:
        geometry, layout = self.settings.value("geometry"), self.settings.value("layout")
        if geometry is not None:
            self.restoreGeometry(geometry)
        if layout is not None:
            self.restoreState(layout, LAYOUT_VERSION)
            for name in PASSING:
                self._bars[name].hide()


def _recording_in(event: QDropEvent) -> str:
    """The path of the first recording that is being dropped."""
    files = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
    return next((path for path in files if path.lower().endswith((".xdf", ".xdfz", ".xdf.gz"))), "")
