"""The menu bar and all keyboard shortcuts of the window."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QDockWidget, QMainWindow, QMenu, QWidget

from rtemo.gui import texts
from rtemo.gui.bars.replay_bar import STEP_S
from rtemo.gui.dialogs.open_dialogs import SessionDialogs
from rtemo.gui.export import Exports
from rtemo.gui.open_recording import RecordingOpener
from rtemo.gui.outputs.words import OUTPUTS_MENU
from rtemo.gui.painting.colours import DARK, Theme
from rtemo.gui.people import words as people_words
from rtemo.gui.study import words
from rtemo.gui.views.all_views import AllViews
from rtemo.gui.window_state import WindowState
from rtemo.sources.participants import MOST

VIEW_KEYS = (*(f"Ctrl+{digit}" for digit in "1234567890"), "Ctrl+Y", "Ctrl+Shift+Y")  # of the views, in their order


class MenuTarget(Protocol):
    """What the menu entries act on: the main window."""

    views: AllViews
    docks: Mapping[str, QDockWidget]
    theme: Theme
    watches: bool

    dialogs: SessionDialogs
    recordings: RecordingOpener
    exports: Exports
    state: WindowState

    @property
    def failed(self) -> str: ...
    def send(self, command: str, **arguments: Any) -> None: ...
    def close_recording(self) -> None: ...
    def ask_root(self) -> None: ...
    def close(self) -> bool: ...
    def toggle_theme(self) -> None: ...
    def set_alarm_sound(self, *, on: bool) -> None: ...
    def toggle_distance(self) -> None: ...
    def default_layout(self) -> None: ...
    def toggle_full_screen(self) -> None: ...
    def show_shortcuts(self) -> None: ...
    def show_doctor(self) -> None: ...


class Menus:
    """The menus and shortcuts of one window. `dark` is the entry that switches the theme."""

    def __init__(self, window: QMainWindow, target: MenuTarget) -> None:
        self._window, self._target = window, target
        self._groups: dict[str, list[QAction]] = {}
        self._stretches: list[QAction] = []  # begin and end the stretches of the annotation keys
        self._settings: QAction | None = None
        self._annotations: list[QAction] = []
        self._make_file()
        if not target.watches:
            self._make_session()
        self.dark = self._make_view()
        self._make_help()
        self._make_keys()

    def refresh(self) -> None:
        """Enable what applies now, and name the annotation keys."""
        state = self._target.state
        if self._settings is not None:
            self._settings.setEnabled(not state.in_session)
        annotations = state.settings.annotations
        for k, action in enumerate(self._annotations):
            action.setVisible(k < len(annotations))
            action.setText(annotations[k].replace("&", "&&") if k < len(annotations) else "")

    def global_actions(self) -> list[QAction]:
        """The entries whose shortcuts also work in dialogs: an annotation must not wait for a dialog to be closed."""
        known = [action for actions in self._groups.values() for action in actions] + self._stretches
        return [action for action in known if action.shortcut().toString().startswith(("F", "Ctrl+", "Shift+F"))]

    def keys(self) -> dict[str, list[tuple[str, str]]]:
        """All shortcuts as (action, keys), by menu."""
        return {name.replace("&", ""): keys_of(actions) for name, actions in self._groups.items()}

    def _make_file(self) -> None:
        target, menu = self._target, self._window.menuBar().addMenu(texts.MENU_FILE)
        if not target.watches:
            self._add(menu, texts.OPEN, "Ctrl+O", target.recordings.choose)
            self.recent = menu.addMenu(words.RECENT)
            self.recent.aboutToShow.connect(self._list_recent)
            self._add(menu, words.SESSIONS_MENU, "Ctrl+Shift+S", target.dialogs.ask_sessions)
            self._add(menu, texts.LEAVE, "Ctrl+W", target.close_recording)
            menu.addSeparator()
            self._add(menu, texts.EXPORT_PREDICTIONS, "Ctrl+Shift+E", target.exports.ask_predictions)
        pictures = menu.addMenu(texts.EXPORT_ANY)
        for name in target.exports.views:
            keys = "Ctrl+Shift+P" if name == texts.SIGNALS else ""
            self._add(pictures, name, keys, partial(target.exports.ask_view, name))
        menu.addSeparator()
        if not target.watches:
            self._add(menu, texts.ROOT_FOLDER, "", target.ask_root)
            self._add(menu, texts.OPEN_REPORT, "Ctrl+Shift+O", target.views.report.open_report)
            self._add(menu, texts.RESTART, "Ctrl+Shift+R", self._restart)
        self._add(menu, texts.QUIT, "Ctrl+Q", target.close)

    def _make_session(self) -> None:
        bar, menu = self._target.views.session, self._window.menuBar().addMenu(texts.MENU_SESSION)
        self._add(menu, texts.START, "Ctrl+R", bar.ask_start)
        self._add(menu, f"{texts.PAUSE} / {texts.RESUME}", "Ctrl+P", bar.ask_pause)
        self._add(menu, texts.STOP, "Ctrl+.", bar.ask_stop)
        dialogs = self._target.dialogs
        self._add(menu, texts.BASELINE_MENU, "Ctrl+B", dialogs.ask_baseline)
        self._add(menu, texts.CALIBRATION_MENU, "Ctrl+L", dialogs.ask_calibration)
        self._settings = self._add(menu, texts.SETUP_MENU, "Ctrl+E", dialogs.ask_settings)
        self._add(menu, texts.FOCUS_SUBJECT, "Ctrl+I", partial(bar.focus_on, bar.subject))
        self._add(menu, words.DETAILS_MENU, "Ctrl+D", dialogs.ask_session)
        self._add(menu, words.NEXT_PARTICIPANT_MENU, "Ctrl+Shift+N", dialogs.next_participant)
        self._add(menu, words.NOTICE, "", dialogs.show_notice)
        self._add(menu, people_words.DIALOG_MENU, "", dialogs.ask_participants)
        self._add(menu, words.PROTOCOL_MENU, "Ctrl+K", dialogs.ask_protocol)
        self._add(menu, words.GAZE_CHECK_MENU, "Ctrl+G", dialogs.ask_gaze_check)
        self._add(menu, words.LAG_MENU, "", dialogs.ask_lag)
        self._add(menu, words.ANNOTATIONS_MENU, "Ctrl+J", dialogs.ask_annotations)
        self._add(menu, words.MODEL_MENU, "Ctrl+M", dialogs.ask_model)
        self._add(menu, OUTPUTS_MENU, "Ctrl+U", dialogs.ask_outputs)
        menu.addSeparator()
        self._annotations = [
            self._add(menu, key, key, partial(bar.annotate, k)) for k, key in enumerate(texts.ANNOTATION_KEYS)
        ]
        for k, key in enumerate(texts.ANNOTATION_KEYS):
            stretch = QAction(self._window)
            stretch.setShortcut(QKeySequence(f"Shift+{key}"))
            stretch.triggered.connect(lambda _on=False, k=k: bar.annotate_stretch(k))
            self._window.addAction(stretch)
            self._stretches.append(stretch)
        self._add(menu, texts.FOCUS_NOTE, "Ctrl+N", partial(bar.focus_on, bar.note))

    def _make_view(self) -> QAction:
        target, menu = self._target, self._window.menuBar().addMenu(texts.MENU_VIEW)
        for k, dock in enumerate(target.docks.values()):
            toggle = dock.toggleViewAction()
            toggle.setShortcut(QKeySequence(VIEW_KEYS[k]))
            toggle.triggered.connect(lambda on, dock=dock: dock.raise_() if on else None)
            menu.addAction(toggle)
            self._groups.setdefault(texts.MENU_VIEW, []).append(toggle)
        menu.addSeparator()
        dark = self._add(menu, texts.DARK_THEME, "Ctrl+T", target.toggle_theme)
        dark.setCheckable(True)
        dark.setChecked(target.theme is DARK)
        sound = self._add(menu, texts.ALARM_SOUND, "", lambda: target.set_alarm_sound(on=sound.isChecked()))
        sound.setCheckable(True)
        sound.setChecked(target.views.strip.sound)
        self._add(menu, texts.DISTANCE, "F10", target.toggle_distance)
        self._add(menu, texts.RESET_LAYOUT, "", target.default_layout)
        self._add(menu, texts.FULL_SCREEN, "F11", target.toggle_full_screen)
        return dark

    def _make_help(self) -> None:
        target, menu = self._target, self._window.menuBar().addMenu(texts.MENU_HELP)
        keys = self._add(menu, texts.SHORTCUTS, "F1", target.show_shortcuts)
        keys.setShortcuts([QKeySequence(text) for text in ("F1", "?", "Ctrl+/")])
        self._add(menu, texts.DOCTOR, "", target.show_doctor)
        self._add(menu, words.ABOUT_MENU, "", target.dialogs.show_about)

    def _make_keys(self) -> None:
        """Add the shortcuts that have no menu entry."""
        signals, replay = self._target.views.signals, self._target.views.replay
        for name, keys, act in (
            (texts.LARGER, "Ctrl+Up", lambda: signals.step_scale(-1)),
            (texts.SMALLER, "Ctrl+Down", lambda: signals.step_scale(1)),
            (texts.LONGER, "Ctrl+Left", lambda: signals.step_span(1)),
            (texts.SHORTER, "Ctrl+Right", lambda: signals.step_span(-1)),
            (texts.PLAY_OR_HOLD, "Space", lambda: replay.toggle() if replay.active else signals.toggle_past()),
            (texts.BACK, "Left", lambda: replay.step(-STEP_S) if replay.active else signals.look_back(STEP_S)),
            (texts.ON, "Right", lambda: replay.step(STEP_S) if replay.active else signals.look_on(STEP_S)),
            (texts.LOOK_KEY, "Ctrl+Space", signals.toggle_past),
            (texts.LIVE_KEY, "End", signals.show_live),
            (texts.CHANNELS_UP, "PgUp", lambda: signals.page_channels(-1)),
            (texts.CHANNELS_DOWN, "PgDown", lambda: signals.page_channels(1)),
            *(
                (people_words.SHOW_PERSON.format(n=n + 1), f"Alt+{n + 1}", partial(self._target.views.people.choose, n))
                for n in range(MOST)
            ),
            (texts.SLOWER, "-", lambda: replay.step_speed(-1)),
            (texts.FASTER, "+", lambda: replay.step_speed(1)),
        ):
            self._add(self._window, name, keys, act)

    def _add(self, menu: QWidget, text: str, keys: str, act: Callable[[], Any]) -> QAction:
        action = QAction(text, self._window)
        if keys:
            action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda _checked=False: act())
        menu.addAction(action)
        self._groups.setdefault(menu.title() if isinstance(menu, QMenu) else texts.KEYS_ALONE, []).append(action)
        return action

    def _list_recent(self) -> None:
        """List the recordings that were opened last."""
        self.recent.clear()
        for path in self._target.recordings.recent:
            action = self.recent.addAction(path.replace("&", "&&"))
            action.triggered.connect(lambda _on=False, path=path: self._target.recordings.open(path))

    def _restart(self) -> None:
        """Restart only an engine that failed: a slip must not end a session."""
        if self._target.failed:
            self._target.send("restart_engine")


def keys_of(actions: Iterable[QAction]) -> list[tuple[str, str]]:
    """Each action's name, and its keys as they are written on this system."""
    native = QKeySequence.SequenceFormat.NativeText
    found = []
    for action in actions:
        keys = [sequence.toString(native) for sequence in action.shortcuts() if not sequence.isEmpty()]
        if keys and action.text():
            found.append((action.text().replace("&", ""), "  ·  ".join(keys)))
    return found
