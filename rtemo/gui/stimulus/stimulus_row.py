"""Fields of the picture under the gaze: a file or a folder, and how a picture lies on the screen."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from rtemo.gui.stimulus import words
from rtemo.gui.study.form_rows import add_row, button, new_form
from rtemo.sources.stimulus_settings import Stimulus


class StimulusRow(QWidget):
    """Edits the settings of the stimulus."""

    def __init__(self, stimulus: Stimulus) -> None:
        super().__init__()
        self.pictures = QLineEdit(stimulus.pictures)
        self.pictures.setPlaceholderText(words.PICTURES_HINT)
        self.size_on_screen = QComboBox()
        for name, text in words.SIZES.items():
            self.size_on_screen.addItem(text, name)
        self.size_on_screen.setCurrentIndex(self.size_on_screen.findData(stimulus.size))
        self.file, self.folder = button(words.FILE), button(words.FOLDER)
        self.file.clicked.connect(self._ask_file)
        self.folder.clicked.connect(self._ask_folder)
        form = new_form()
        add_row(form, words.PICTURES, self.pictures)
        choose = QHBoxLayout()
        choose.setSpacing(8)
        choose.addWidget(self.file)
        choose.addWidget(self.folder)
        choose.addStretch(1)
        form.addRow("", choose)
        add_row(form, words.SIZE, self.size_on_screen)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 12, 0, 12)
        layout.addLayout(form)

    @property
    def entered(self) -> Stimulus:
        return Stimulus(self.pictures.text().strip(), str(self.size_on_screen.currentData()))

    def _ask_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, words.PICTURES, self.pictures.text(), words.FILTER)
        if path:
            self.pictures.setText(path)

    def _ask_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, words.PICTURES, self.pictures.text())
        if path:
            self.pictures.setText(path)
