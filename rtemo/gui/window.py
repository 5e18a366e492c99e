"""The main window: views in docks, menus and keys, and one timer that polls the client and paints what changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QMessageBox,
    QPushButton,
    QStackedWidget,
    QToolBar,
)

from rtemo.gui import texts
from rtemo.gui import theme as dress
from rtemo.gui.arrangement import Arrangement
from rtemo.gui.client_protocol import Client
from rtemo.gui.colours import DARK, LIGHT, Theme
from rtemo.gui.emotion_view import EmotionView
from rtemo.gui.empty_view import DoctorDialog, EmptyView, start_demo
from rtemo.gui.events_view import EventsView
from rtemo.gui.gaze_view import GazeView
from rtemo.gui.history_view import HistoryView
from rtemo.gui.labels import PlainLabel
from rtemo.gui.menus import Menus
from rtemo.gui.model import GuiModel, Part
from rtemo.gui.plane_view import PlaneView
from rtemo.gui.quality_view import QualityView
from rtemo.gui.replay_bar import ReplayBar
from rtemo.gui.session_bar import SessionBar
from rtemo.gui.signals_view import SignalsView
from rtemo.gui.status_line import StatusLine
from rtemo.gui.streams_view import StreamsView
from rtemo.live.snapshot import Phase

FRAME_MS = 33
SLOW_FRAMES = 6  # texts change five times a second, signals at every frame
LAYOUT_VERSION = 1
SLOW_PARTS = frozenset({Part.STATE, Part.STREAMS})


class MainWindow(QMainWindow):
    """One window on one engine."""

    def __init__(self, client: Client, settings: QSettings, theme: Theme) -> None:
        super().__init__()
        self.client, self.settings, self.theme = client, settings, theme
        self.model = GuiModel()
        self._frame = 0
        self._changed: set[Part] = set()
        self._seen_phase: Phase | None = None
        self.setWindowTitle(texts.APP)
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        self._make_views()
        self._make_docks()
        self._make_bars()
        self.menus = Menus(self, self)
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
            self._changed |= self.model.update(snapshot)
        self._frame += 1
        slow = self._frame % SLOW_FRAMES == 0
        if slow or snapshot is None:
            self._show_connection()
        now = self._changed if slow else self._changed - SLOW_PARTS
        if self.model.snapshot.phase != self._seen_phase:
            now = set(self._changed)
            self._enter(self.model.snapshot.phase)
        if now or self.model.snapshot.seq >= 0:
            for view in self.views if now else (self.signals,):
                view.refresh(now)
        self._changed -= now

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
        self._bars = {}
        for name, widget in (
            ("banner", self.banner),
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
        self._bars["banner"].hide()
        self._bars[texts.REPLAY_BAR].hide()

    # ------------------------------------------------------------------ state

    def _enter(self, phase: Phase) -> None:
        """Another phase, or the first."""
        if phase == Phase.REPLAY and self._seen_phase != Phase.REPLAY:
            self.replay.opened()
        self._seen_phase = phase
        self._bars[texts.REPLAY_BAR].setVisible(phase == Phase.REPLAY)

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
        self.send("open_replay", path=path)

    def ask_recording(self) -> None:
        """Let the researcher choose a file."""
        path, _ = QFileDialog.getOpenFileName(self, texts.OPEN_TITLE, "", texts.OPEN_FILTER)
        if path:
            self.open_recording(path)

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
        box = QMessageBox(self)
        box.setWindowTitle(texts.SHORTCUTS)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(texts.SHORTCUT_LIST)
        box.open()

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
        box = QMessageBox(self)
        box.setWindowTitle(texts.QUIT_TITLE)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(texts.QUIT_TITLE)
        box.setInformativeText(texts.QUIT_ASK)
        box.addButton(texts.QUIT_KEEP, QMessageBox.ButtonRole.AcceptRole)
        box.addButton(texts.QUIT_STOP, QMessageBox.ButtonRole.DestructiveRole)
        cancel = box.addButton(texts.QUIT_CANCEL, QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(cancel)
        box.exec()
        return box.clickedButton().text()

    def _restore(self) -> None:
        geometry, layout = self.settings.value("geometry"), self.settings.value("layout")
        if geometry is not None:
            self.restoreGeometry(geometry)
        if layout is not None:
            self.restoreState(layout, LAYOUT_VERSION)
            for name in ("banner", texts.REPLAY_BAR):
                self._bars[name].hide()


def _recording_in(event: QDropEvent) -> str:
    """The path of the first recording that is being dropped."""
    files = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
    return next((path for path in files if path.lower().endswith((".xdf", ".xdfz", ".xdf.gz"))), "")
