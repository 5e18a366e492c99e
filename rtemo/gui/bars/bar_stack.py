"""The bars above the views: what failed, the session, a replay, a report that is ready. Some show only when needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMainWindow, QPushButton, QToolBar, QWidget

from rtemo.gui import texts
from rtemo.gui.bars.notice_bar import MOST_PX
from rtemo.gui.painting.text_labels import PlainLabel


class Banner(QFrame):
    """Why the engine stopped, and the way to start it again."""

    def __init__(self, restart: Callable[[], None]) -> None:
        super().__init__()
        self.setObjectName("banner")
        self.text = PlainLabel()
        self.text.setWordWrap(True)
        self.setMaximumHeight(MOST_PX)
        self.restart = QPushButton(texts.RESTART)
        self.restart.clicked.connect(lambda: restart())
        row = QHBoxLayout(self)
        row.addWidget(self.text, 1)
        row.addWidget(self.restart)

    def tell(self, failure: str) -> None:
        """Take the reason; an empty one leaves the last."""
        if failure:
            self.text.setText(texts.FAILED.format(why=failure))


class BarStack:
    """One tool bar for each widget, by name, in this order."""

    def __init__(self, window: QMainWindow, widgets: Mapping[str, QWidget], seldom: tuple[str, ...]) -> None:
        """seldom: hidden until they are shown."""
        self._seldom = seldom
        self._bars: dict[str, QToolBar] = {}
        for name, widget in widgets.items():
            bar = QToolBar(name)
            bar.setObjectName(f"bar {name}")
            bar.setMovable(False)
            bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
            bar.addWidget(widget)
            window.addToolBar(Qt.ToolBarArea.TopToolBarArea, bar)
            window.addToolBarBreak(Qt.ToolBarArea.TopToolBarArea)
            self._bars[name] = bar
        self.hide()

    def hide(self) -> None:
        """Hide those that are seldom shown; a restored layout may have brought them back."""
        for name in self._seldom:
            self._bars[name].hide()

    def show(self, name: str, *, wanted: bool) -> None:
        """Show a bar or hide it."""
        if self._bars[name].isVisibleTo(self._bars[name].parentWidget()) != wanted:
            self._bars[name].setVisible(wanted)
