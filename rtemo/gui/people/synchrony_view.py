"""View of several participants' valence, and of how alike each pair moves; the plots are made when there are some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.text_labels import PlainLabel
from rtemo.gui.people import words
from rtemo.gui.window_state import SnapshotPart, WindowState

if TYPE_CHECKING:
    from rtemo.gui.people.synchrony_plot import SynchronyPlot


class SynchronyView(QWidget):
    """Creates the plots with the first two participants: pyqtgraph takes half a second to import."""

    def __init__(self, state: WindowState, theme: Theme) -> None:
        super().__init__()
        self._state, self._theme = state, theme
        self.plot: SynchronyPlot | None = None
        self._empty = PlainLabel(words.SYNCHRONY_NONE, "muted")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addWidget(self._empty)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        if self.plot is not None:
            self.plot.set_theme(theme)

    def refresh(self, changed: set[SnapshotPart]) -> None:
        """Show the newest minutes, while somebody looks."""
        if not self.isVisible():
            return
        if self.plot is None and self._state.several:
            from rtemo.gui.people.synchrony_plot import SynchronyPlot

            self.plot = SynchronyPlot(self._state, self._theme)
            self._layout.addWidget(self.plot)
        self._empty.setVisible(not self._state.several)
        if self.plot is not None:
            self.plot.setVisible(bool(self._state.several))
            self.plot.refresh(changed)
