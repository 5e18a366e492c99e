"""Opens the window on a client and runs until it is closed."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from rtemo.gui import texts
from rtemo.gui import theme as dress
from rtemo.gui.client_protocol import Client
from rtemo.gui.colours import DARK, THEMES
from rtemo.gui.window import MainWindow

INTERRUPTED = 130


def run_app(client: Client, *, theme: str | None = None, remember: Path | None = None) -> int:
    """theme: "dark" or "light"; None takes the one of last time. remember: the file for the session settings that were
    last used. Returns the exit status.
    """
    application = QApplication.instance() or QApplication(sys.argv[:1])
    application.setApplicationName(texts.APP)
    application.setOrganizationName(texts.APP)
    settings = QSettings(texts.APP, texts.APP)
    name = theme or str(settings.value("theme", DARK.name))
    chosen = THEMES.get(name, DARK)
    dress.apply(application, chosen)
    window = MainWindow(client, settings, chosen, remember)
    window.show()
    # the window's timer lets Python see the signal; the engine and a session go on without the window
    signal.signal(signal.SIGINT, lambda _number, _frame: application.exit(INTERRUPTED))
    return int(application.exec())
