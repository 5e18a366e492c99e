"""View of the probabilities over time; the plot is made with the first prediction."""

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
    """Creates the plot with the first prediction: pyqtgraph takes half a second to import."""

    def __init__(self, state: WindowState, theme: Theme) -> None:
        super().__init__()
        self._state, self._theme = state, theme
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
        if self.plot is None and len(self._state.probabilities):
            from rtemo.gui.views.history_plot import HistoryPlot

            self.plot = HistoryPlot(self._state, self._theme)
            self._layout.replaceWidget(self._empty, self.plot)
            self._empty.deleteLater()
        if self.plot is not None:
            self.plot.refresh(changed)
