"""The place of the probabilities over time: empty until there are some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.text_labels import PlainLabel
from rtemo.gui.window_state import SnapshotPart, WindowState

if TYPE_CHECKING:
    from rtemo.gui.views.history_plot import HistoryPlot


class HistoryView(QWidget):
    """Makes the plot with the first prediction: pyqtgraph takes half a second to load, and the window shows before."""

    def __init__(self, model: WindowState, theme: Theme) -> None:
        super().__init__()
        self._model, self._theme = model, theme
        self.plot: HistoryPlot | None = None
        self._empty = PlainLabel(texts.NO_PREDICTIONS, "muted")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addWidget(self._empty)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        if self.plot is not None:
            self.plot.set_theme(theme)

    def refresh(self, changed: set[SnapshotPart]) -> None:
        """Show the newest minutes."""
        if self.plot is None and len(self._model.probabilities):
            from rtemo.gui.views.history_plot import HistoryPlot

            self.plot = HistoryPlot(self._model, self._theme)
            self._layout.replaceWidget(self._empty, self.plot)
            self._empty.deleteLater()
        if self.plot is not None:
            self.plot.refresh(changed)
