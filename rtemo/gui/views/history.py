"""View of the probabilities over time; the plot is made with the first prediction."""

from __future__ import annotations

from rtemo.gui import texts
from rtemo.gui.painting.colours import Theme
from rtemo.gui.views.later_plot import LaterPlot, Plot
from rtemo.gui.window_state import WindowState


class HistoryView(LaterPlot):
    """Shows a text before there are predictions."""

    def __init__(self, state: WindowState, theme: Theme) -> None:
        super().__init__(state, theme, texts.NO_PREDICTIONS)

    def has_content(self) -> bool:
        return len(self._state.probabilities) > 0

    def make_plot(self) -> Plot:
        from rtemo.gui.views.history_plot import HistoryPlot

        return HistoryPlot(self._state, self._theme)
