"""Start the Qt application: open the main window on a client and run until it is closed."""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
from pathlib import Path

from PySide6.QtCore import QMessageLogContext, QPoint, QRect, QSettings, QSize, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from rtemo.gui import texts
from rtemo.gui.painting.colours import DARK, THEMES
from rtemo.gui.painting.theme import apply_theme
from rtemo.gui.window import MainWindow
from rtemo.live.service.client import ClientProtocol

INTERRUPTED = 130
OFFSCREEN_MESSAGE = "This plugin does not support propagateSizeHints()"


def run_app(
    client: ClientProtocol,
    *,
    theme: str | None = None,
    last_settings: Path | None = None,
    recording: str = "",
    outlives_window: bool = True,
    session_settings: str = "",
    watches: bool = False,
    from_distance: bool = False,
    asked_to_leave: threading.Event | None = None,
) -> int:
    """Show the window; return the exit status.

    theme: "dark" or "light"; None takes the one of last time. last_settings: the file that keeps the session settings
    that were last used. recording: an XDF file to play. outlives_window: whether a session goes on without the window.
    session_settings: for the engine as soon as it answers, TOML. watches: whether it only looks. from_distance: whether
    the large view is opened with it. asked_to_leave: set where a signal came before there was a window.
    """
    settings = QSettings(texts.APP, f"{texts.APP} watching" if watches else texts.APP)
    application, window = _open(client, settings, theme, last_settings, recording, watches=watches)
    window.outlives_window = outlives_window
    window.pending_settings = session_settings
    window.views.strip.demonstration = not outlives_window
    if not window.restored:
        window.fill(application.primaryScreen().availableGeometry())
    window.show()
    if from_distance:
        window.toggle_distance()

    def leave(_number: int, _frame: object) -> None:
        window.leave()
        application.exit(INTERRUPTED)

    for number in (signal.SIGINT, signal.SIGTERM):  # the window's timer lets Python see the signal
        signal.signal(number, leave)
    if asked_to_leave is not None and asked_to_leave.is_set():
        window.leave()
        return INTERRUPTED
    return int(application.exec())


def run_benchmark(client: ClientProtocol, seconds: float, size: tuple[int, int], began_s: float) -> int:
    """Show the window with fresh settings, measure its cost for so many seconds and print the result.

    began_s: see WindowBenchmark.
    """
    from rtemo.gui.benchmark import WindowBenchmark

    qInstallMessageHandler(_write_qt_message)
    with tempfile.TemporaryDirectory() as folder:
        settings = QSettings(str(Path(folder) / "window.ini"), QSettings.Format.IniFormat)
        application, window = _open(client, settings, None)
        window.fill(QRect(QPoint(), QSize(*size)))
        WindowBenchmark(window, seconds, began_s)
        window.show()
        return int(application.exec())


def _write_qt_message(_kind: QtMsgType, _context: QMessageLogContext, text: str) -> None:
    """Write a message of Qt to stderr, without the one that its offscreen platform repeats for every window."""
    if text != OFFSCREEN_MESSAGE:
        sys.stderr.write(f"{text}\n")


def _open(
    client: ClientProtocol,
    settings: QSettings,
    theme: str | None,
    last_settings: Path | None = None,
    recording: str = "",
    *,
    watches: bool = False,
) -> tuple[QApplication, MainWindow]:
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        application = QApplication(sys.argv[:1])
    application.setApplicationName(texts.APP)
    application.setOrganizationName(texts.APP)
    chosen = THEMES.get(theme or str(settings.value("theme", DARK.name)), DARK)
    apply_theme(application, chosen)
    return application, MainWindow(client, settings, chosen, last_settings, recording, watches=watches)
