"""Dialog of the model: its card, whether it is calibrated, and the choice of another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QTextBrowser, QVBoxLayout, QWidget

from rtemo.core.errors import RtemoError
from rtemo.gui.layout.scrolling_dialog import ScrollingDialog
from rtemo.gui.study import words
from rtemo.gui.study.dropped_model import model_in
from rtemo.gui.study.form_rows import button, hint, rename
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import BundleView
from rtemo.model.bundle import CARD_FILE, load_bundle


class ModelDialog(ScrollingDialog):
    """Shows the model in use, or one that was chosen and can be used. use: takes a folder, empty for rtemo's own."""

    def __init__(self, state: WindowState, use: Callable[[str], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(words.MODEL)
        self.setObjectName("panel")
        self.resize(760, 620)
        self.setAcceptDrops(True)
        self._state, self._use = state, use
        self.candidate: str | None = None  # a folder that was chosen
        self._shown: object = None
        self.name, self.calibrated, self.facts = hint("", "big"), hint("", "good"), hint("")
        self.card = QTextBrowser()
        self.card.setAccessibleName(words.MODEL)
        self.card.setOpenExternalLinks(True)
        self.message = hint(words.MODEL_DROP)
        self.choose, self.own, self.use_button, self.close_button = (
            button(words.MODEL_CHOOSE),
            button(words.MODEL_OWN),
            button(words.MODEL_USE, "start"),
            button(words.CLOSE),
        )
        self.choose.clicked.connect(self._ask_folder)
        self.own.clicked.connect(lambda: self._apply(""))
        self.use_button.clicked.connect(lambda: self._apply(self.candidate or ""))
        self.close_button.clicked.connect(self.accept)
        row = QHBoxLayout()
        for widget in (self.own, self.choose):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self.close_button)
        row.addWidget(self.use_button)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        for label in (self.name, self.calibrated, self.facts):
            layout.addWidget(label)
        layout.addWidget(self.card, 1)
        layout.addWidget(self.message)
        layout.addLayout(row)
        self.refresh({SnapshotPart.BUNDLE})

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """Show the model in use, where no other one was chosen; a session keeps its model."""
        running = self._state.in_session
        for widget in (self.choose, self.own):
            widget.setEnabled(not running)
        self.use_button.setEnabled(self.candidate is not None and not running)
        if running:
            rename(self.message, words.MODEL_IN_SESSION, "warn")
        bundle = self._state.bundle
        if self.candidate is None and bundle != self._shown:
            self._show(bundle)

    def show_folder(self, path: str) -> None:
        """Show the model in a folder, where it can be used; else why not."""
        try:
            bundle = load_bundle(Path(path))
        except RtemoError as error:
            rename(self.message, words.MODEL_REFUSED.format(why=error), "bad")
            return
        spec = bundle.spec
        self.candidate = str(Path(path).absolute())
        view = BundleView(spec.name, spec.labels, spec.trained_on, bundle.fingerprint, 0.0, calibrated=spec.calibrated)
        self._show(view, self.candidate)
        rename(self.message, self.candidate, "muted")
        self.refresh(set())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if model_in(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        if path := model_in(event):
            self.show_folder(path)
            event.acceptProposedAction()

    def _show(self, bundle: BundleView | None, folder: str = "") -> None:
        self._shown = bundle
        if bundle is None:
            self.name.setText(words.MODEL_NONE)
            return
        self.name.setText(bundle.name)
        good = bundle.calibrated
        rename(
            self.calibrated, words.MODEL_CALIBRATED if good else words.MODEL_NOT_CALIBRATED, "good" if good else "warn"
        )
        self.facts.setText(
            words.MODEL_FACTS.format(
                labels=", ".join(bundle.labels), trained_on=bundle.trained_on, fingerprint=bundle.fingerprint[:16]
            )
        )
        self.card.setMarkdown(_card_in(folder or bundle.path))

    def _apply(self, path: str) -> None:
        if not self._state.in_session:
            self.candidate = None
            rename(self.message, words.MODEL_STARTING, "muted")
            self._use(path)

    def _ask_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, words.MODEL_CHOOSE)
        if path:
            self.show_folder(path)


def _card_in(folder: str) -> str:
    try:
        return (Path(folder) / CARD_FILE).read_text(encoding="utf-8") if folder else words.MODEL_NO_CARD
    except (OSError, UnicodeDecodeError):
        return words.MODEL_NO_CARD
