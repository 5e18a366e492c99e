"""What the window's tests share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QSettings
from PySide6.QtWidgets import QApplication
from scripted import Clock, ScriptedClient

from rtemo.gui import texts
from rtemo.gui.dialogs.open_dialogs import SessionDialogs
from rtemo.gui.painting.colours import DARK
from rtemo.gui.painting.theme import apply_theme
from rtemo.gui.window import MainWindow

sys.path.append(str(Path(__file__).resolve().parent.parent / "live"))  # the engine that is fed by hand


@pytest.fixture(autouse=True)
def stopping_is_meant(monkeypatch):
    """The question before a session ends, which is modal, is answered with yes; a test may answer it otherwise."""
    monkeypatch.setattr(SessionDialogs, "ask_stop", lambda _dialogs: True)


@pytest.fixture(autouse=True)
def no_window_stays():
    """Widgets that a test left are gone before the next one: each would be dressed again with every theme."""
    yield
    if QApplication.instance() is not None:
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def window(qtbot, tmp_path):
    """A dark window with fresh settings on a scripted client; it is refreshed by hand."""
    apply_theme(QApplication.instance(), DARK)
    window = MainWindow(
        ScriptedClient(), QSettings(str(tmp_path / "w.ini"), QSettings.Format.IniFormat), DARK, clock=Clock()
    )
    window._timer.stop()
    window.ask_quit = lambda: texts.QUIT_KEEP
    qtbot.addWidget(window)
    window.show()
    return window
