"""Opens the window on a client and runs until it is closed."""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path

from PySide6.QtCore import QMessageLogContext, QPoint, QRect, QSettings, QSize, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from rtemo.gui import texts
from rtemo.gui.painting import theme as dress
from rtemo.gui.painting.colours import DARK, THEMES
from rtemo.gui.window import MainWindow
from rtemo.live.service.client import Client

INTERRUPTED = 130
OFFSCREEN_SAYS = "This plugin does not support propagateSizeHints()"


def run_app(
    client: Client,
    *,
    theme: str | None = None,
    remember: Path | None = None,
    recording: str = "",
    goes_on: bool = True,
) -> int:
    """The exit status. theme: "dark" or "light"; None takes the one of last time. remember: the file for the session
    settings that were last used. recording: an XDF file to play. goes_on: whether a session can do without the window.
    """
    application, window = _open(client, QSettings(texts.APP, texts.APP), theme, remember, recording)
    window.goes_on = goes_on
    if not window.remembered:
        window.fill(application.primaryScreen().availableGeometry())
    window.show()
    # the window's timer lets Python see the signal; the engine and a session go on without the window
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: application.exit(INTERRUPTED))
    return int(application.exec())


def run_measured(client: Client, seconds: float, size: tuple[int, int], began_s: float) -> int:
    """As `run_app` with no settings of its own, but it measures itself for so long and prints the result.

    began_s: see WindowBenchmark.
    """
    from rtemo.gui.benchmark import WindowBenchmark

    qInstallMessageHandler(_tell)
    with tempfile.TemporaryDirectory() as folder:
        settings = QSettings(str(Path(folder) / "window.ini"), QSettings.Format.IniFormat)
        application, window = _open(client, settings, None)
        window.fill(QRect(QPoint(), QSize(*size)))
        WindowBenchmark(window, seconds, began_s)
        window.show()
        return int(application.exec())


def _tell(_kind: QtMsgType, _context: QMessageLogContext, text: str) -> None:
    """What Qt has to say. Its offscreen platform has no sizes to hint at, and says so of every window."""
    if text != OFFSCREEN_SAYS:
        sys.stderr.write(f"{text}\n")


def _open(
    client: Client, settings: QSettings, theme: str | None, remember: Path | None = None, recording: str = ""
) -> tuple[QApplication, MainWindow]:
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        application = QApplication(sys.argv[:1])
    application.setApplicationName(texts.APP)
    application.setOrganizationName(texts.APP)
    chosen = THEMES.get(theme or str(settings.value("theme", DARK.name)), DARK)
    dress.apply(application, chosen)
    return application, MainWindow(client, settings, chosen, remember, recording)
