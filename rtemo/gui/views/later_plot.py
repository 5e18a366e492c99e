"""View whose plot is made when there is something to show; until then it shows a text. Its plot is hidden again when
there is nothing any more.
"""

from __future__ import annotations

from typing import Protocol, cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.text_labels import PlainLabel
from rtemo.gui.window_state import SnapshotPart, WindowState


class Plot(Protocol):
    """What a view needs of its plot."""

    def set_theme(self, theme: Theme) -> None: ...

    def refresh(self, changed: set[SnapshotPart]) -> None: ...


class LaterPlot(QWidget):
    """Base of views by pyqtgraph, which takes half a second to import: not before the window is there."""

    def __init__(self, state: WindowState, theme: Theme, empty: str) -> None:
        super().__init__()
        self._state, self._theme = state, theme
        self.plot: Plot | None = None
        self.empty = PlainLabel(empty, "muted")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addWidget(self.empty)

    def has_content(self) -> bool:
        """Whether there is something to plot."""
        raise NotImplementedError

    def make_plot(self) -> Plot:
        """The plot, a widget."""
        raise NotImplementedError

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        if self.plot is not None:
            self.plot.set_theme(theme)

    def refresh(self, changed: set[SnapshotPart]) -> None:
        """Show the newest minutes."""
        there = self.has_content()
        if self.plot is None and there:
            self.plot = self.make_plot()
            self._layout.addWidget(cast(QWidget, self.plot))
        self.empty.setVisible(not there)
        if self.plot is not None:
            cast(QWidget, self.plot).setVisible(there)
            self.plot.refresh(changed)
