"""The menu bar and every key of the window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QDockWidget, QMainWindow, QWidget

from rtemo.gui import texts
from rtemo.gui.colours import DARK, Theme
from rtemo.gui.replay_bar import STEP_S, ReplayBar
from rtemo.gui.session_bar import SessionBar
from rtemo.gui.signals_view import SignalsView


class Host(Protocol):
    """What the entries act on: the main window."""

    session: SessionBar
    signals: SignalsView
    replay: ReplayBar
    docks: Mapping[str, QDockWidget]
    theme: Theme

    def ask_recording(self) -> None: ...
    def ask_root(self) -> None: ...
    def close(self) -> bool: ...
    def toggle_theme(self) -> None: ...
    def default_layout(self) -> None: ...
    def toggle_full_screen(self) -> None: ...
    def show_shortcuts(self) -> None: ...
    def show_doctor(self) -> None: ...


class Menus:
    """Made once. `dark` is the entry that switches the theme."""

    def __init__(self, window: QMainWindow, host: Host) -> None:
        self._window, self._host = window, host
        self._make_file()
        self._make_session()
        self.dark = self._make_view()
        self._make_help()
        self._make_keys()

    def _make_file(self) -> None:
        host, menu = self._host, self._window.menuBar().addMenu(texts.MENU_FILE)
        self._add(menu, texts.OPEN, "Ctrl+O", host.ask_recording)
        self._add(menu, texts.ROOT_FOLDER, "", host.ask_root)
        self._add(menu, texts.QUIT, "Ctrl+Q", host.close)

    def _make_session(self) -> None:
        bar, menu = self._host.session, self._window.menuBar().addMenu(texts.MENU_SESSION)
        self._add(menu, texts.START, "Ctrl+R", bar.ask_start)
        self._add(menu, f"{texts.PAUSE} / {texts.RESUME}", "Ctrl+P", bar.ask_pause)
        self._add(menu, texts.STOP, "Ctrl+.", bar.stop.click)
        self._add(menu, texts.BASELINE, "Ctrl+B", bar.baseline.click)
        menu.addSeparator()
        for k, name in enumerate(texts.ANNOTATIONS):
            self._add(menu, name, f"F{k + 1}", bar.hot[k].click)
        self._add(menu, texts.FOCUS_NOTE, "Ctrl+N", bar.note.setFocus)

    def _make_view(self) -> QAction:
        host, menu = self._host, self._window.menuBar().addMenu(texts.MENU_VIEW)
        for dock in host.docks.values():
            menu.addAction(dock.toggleViewAction())
        menu.addSeparator()
        dark = self._add(menu, texts.DARK_THEME, "Ctrl+T", host.toggle_theme)
        dark.setCheckable(True)
        dark.setChecked(host.theme is DARK)
        self._add(menu, texts.RESET_LAYOUT, "", host.default_layout)
        self._add(menu, texts.FULL_SCREEN, "F11", host.toggle_full_screen)
        return dark

    def _make_help(self) -> None:
        host, menu = self._host, self._window.menuBar().addMenu(texts.MENU_HELP)
        self._add(menu, texts.SHORTCUTS, "Ctrl+/", host.show_shortcuts)
        self._add(menu, texts.DOCTOR, "", host.show_doctor)

    def _make_keys(self) -> None:
        """Keys without an entry in a menu."""
        signals, replay = self._host.signals, self._host.replay
        for keys, act in (
            ("Ctrl+Up", lambda: signals.step_scale(-1)),
            ("Ctrl+Down", lambda: signals.step_scale(1)),
            ("Ctrl+Left", lambda: signals.step_span(1)),
            ("Ctrl+Right", lambda: signals.step_span(-1)),
            ("Space", replay.toggle),
            ("Left", lambda: replay.step(-STEP_S)),
            ("Right", lambda: replay.step(STEP_S)),
        ):
            self._add(self._window, "", keys, act)

    def _add(self, menu: QWidget, text: str, keys: str, act: Callable[[], Any]) -> QAction:
        action = QAction(text, self._window)
        if keys:
            action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda _checked=False: act())
        menu.addAction(action)
        return action
