"""View of several participants' valence, and of how alike each pair moves; the plots are made when there are some."""

from __future__ import annotations

from rtemo.gui.painting.colours import Theme
from rtemo.gui.people import words
from rtemo.gui.views.later_plot import LaterPlot, Plot
from rtemo.gui.window_state import SnapshotPart, WindowState


class SynchronyView(LaterPlot):
    """Shows a text while there are not two participants; a hidden view costs nothing."""

    def __init__(self, state: WindowState, theme: Theme) -> None:
        super().__init__(state, theme, words.SYNCHRONY_NONE)

    def has_content(self) -> bool:
        return bool(self._state.several)

    def make_plot(self) -> Plot:
        from rtemo.gui.people.synchrony_plot import SynchronyPlot

        return SynchronyPlot(self._state, self._theme)

    def refresh(self, changed: set[SnapshotPart]) -> None:
        """Show the newest minutes, while somebody looks."""
        if self.isVisible():
            super().refresh(changed)
