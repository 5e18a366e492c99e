"""Dialog of the session settings: edit, load, save, and apply them to the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QTabWidget, QVBoxLayout, QWidget

from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality
from rtemo.gui import texts
from rtemo.gui.dialogs.columns_page import ColumnsPage
from rtemo.gui.dialogs.screen_page import ScreenPage
from rtemo.gui.dialogs.session_page import SecondEyePage, SessionPage
from rtemo.gui.layout.scrolling_dialog import ScrollingDialog
from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.text_labels import PlainLabel
from rtemo.live.service.snapshot import Snapshot
from rtemo.sources.session_settings import SessionSettings, parse_settings, settings_text

EEG, GAZE, SECOND_EYE, SCREEN, SESSION = range(5)


class SettingsDialog(ScrollingDialog):
    """The settings in pages. apply: takes the settings as the text of a TOML file."""

    def __init__(self, snapshot: Snapshot, theme: Theme, apply: Callable[[str], None], parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle(texts.SETUP)
        self.setObjectName("panel")
        self.resize(1040, 660)
        self._snapshot, self._theme, self._apply = snapshot, theme, apply
        self._settings = parse_settings(snapshot.settings)
        self.tabs = QTabWidget()
        self.message = PlainLabel("", "warn")
        self.message.setWordWrap(True)
        self.load, self.save, self.cancel, self.accept_button = (
            QPushButton(name) for name in (texts.LOAD, texts.SAVE, texts.CANCEL, texts.APPLY)
        )
        self.accept_button.setProperty("role", "start")
        self.accept_button.setDefault(True)
        self.load.clicked.connect(self._ask_load)
        self.save.clicked.connect(self._ask_save)
        self.cancel.clicked.connect(self.reject)
        self.accept_button.clicked.connect(self.use)
        buttons = QHBoxLayout()
        for button in (self.load, self.save):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        buttons.addWidget(self.message, 1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.accept_button)
        layout = QVBoxLayout(self)
        layout.addWidget(self.tabs, 1)
        layout.addLayout(buttons)
        self._fill()

    @property
    def entered(self) -> SessionSettings:
        """The settings that were entered. Raises RtemoError where they cannot be right."""
        for page in (self.eeg, self.gaze, self.session):
            if page.problem:
                raise RtemoError(page.problem)
        units = {Modality.EEG: self.eeg.chosen_unit, Modality.GAZE: self.gaze.chosen_unit}
        queries = {part: query for part, query in self._settings.queries.items() if part is not Modality.SECOND_EYE}
        if self.second_eye.query is not None:
            queries[Modality.SECOND_EYE] = self.second_eye.query
        return replace(
            self._settings,
            queries=queries,
            second_eye=self.second_eye.table,
            eeg_map=self.eeg.names,
            gaze_map=self.gaze.names,
            units={role: unit for role, unit in units.items() if unit},
            screen=self.screen_page.screen_entered,
            scene=self.screen_page.scene_entered,
            stimulus=self.screen_page.stimulus_entered,
            required=self.session.required_entered,
            annotations=self.session.annotations_entered,
            baseline_s=self.session.baseline.value(),
        )

    def use(self) -> None:
        """Apply what was entered; stay open where it cannot be right."""
        try:
            text = settings_text(self.entered)
            parse_settings(text)
        except RtemoError as error:
            self.message.setText(str(error))
            return
        self._apply(text)
        self.accept()

    def load_file(self, path: Path) -> None:
        """Fill the pages from a file."""
        try:
            self._settings = parse_settings(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError, RtemoError) as error:
            self.message.setText(str(error))
            return
        self.message.setText("")
        self._fill()

    def save_file(self, path: Path) -> None:
        """Write what was entered."""
        try:
            path.write_text(settings_text(self.entered), encoding="utf-8")
        except (OSError, RtemoError) as error:
            self.message.setText(str(error))
            return
        self.message.setText(texts.SAVED.format(path=path))

    def _fill(self) -> None:
        """Make the pages for the current settings."""
        before = max(self.tabs.currentIndex(), 0)
        settings, theme = self._settings, self._theme
        streams = {stream.role: stream for stream in self._snapshot.streams if stream.role}
        eeg, gaze = Modality.EEG, Modality.GAZE
        self.eeg = ColumnsPage(eeg, streams.get(eeg), settings.eeg_map, settings.units.get(eeg, ""), theme)
        self.gaze = ColumnsPage(gaze, streams.get(gaze), settings.gaze_map, settings.units.get(gaze, ""), theme)
        self.screen_page = ScreenPage(settings.screen, settings.scene, theme, settings.stimulus)
        self.second_eye = SecondEyePage(settings, self._snapshot.streams)
        self.session = SessionPage(settings)
        self.tabs.clear()
        pages = (self.eeg, self.gaze, self.second_eye, self.screen_page, self.session)
        for name, page in zip(texts.SETUP_PAGES, pages, strict=True):
            self.tabs.addTab(page, name)
        self.tabs.setCurrentIndex(before)

    def _ask_load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, texts.LOAD, "", texts.SETTINGS_FILTER)
        if path:
            self.load_file(Path(path))

    def _ask_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, texts.SAVE, texts.SETTINGS_NAME, texts.SETTINGS_FILTER)
        if path:
            self.save_file(Path(path))
