"""Tool bars above the views (status, failure, session, replay, report), and the toast that lies over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMainWindow, QPushButton, QSizePolicy, QToolBar, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.text_labels import PlainLabel

NOTICE_MS, SUCCESS_MS = 20_000, 5_000
WIDTH_PX = 720
MAX_HEIGHT_PX = 64  # three lines; a tool bar would give a text all the height there is


class Banner(QFrame):
    """The failure of the engine, with a button that restarts it."""

    def __init__(self, restart: Callable[[], None]) -> None:
        super().__init__()
        self.setObjectName("banner")
        self.text = PlainLabel()
        self.text.setWordWrap(True)
        self.setMaximumHeight(MAX_HEIGHT_PX)
        self.restart = QPushButton(texts.RESTART)
        self.restart.clicked.connect(lambda: restart())
        row = QHBoxLayout(self)
        row.addWidget(self.text, 1)
        row.addWidget(self.restart)

    def show_failure(self, failure: str) -> None:
        """Show a failure; an empty one leaves the last."""
        if failure:
            self.text.setText(texts.FAILED.format(why=failure))


class Notice(QFrame):
    """A toast over the window's lower edge: what could not be done, or was done. It moves nothing, and goes by itself
    or with a click.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("notice")
        self.text = PlainLabel()
        self.text.setWordWrap(True)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setMaximumHeight(MAX_HEIGHT_PX)
        window.installEventFilter(self)
        self.hide()
        self.close_button = QPushButton(texts.DISMISS)
        self.close_button.clicked.connect(self.dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 8, 4)
        row.addWidget(self.text, 1)
        row.addWidget(self.close_button)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.dismiss)

    def show_message(self, text: str, *, success: bool = False) -> None:
        """Show a text for a while."""
        self.text.setText(text)
        self.setProperty("success", "yes" if success else "no")
        self.style().unpolish(self)
        self.style().polish(self)
        self._timer.start(SUCCESS_MS if success else NOTICE_MS)
        self._place()
        self.show()
        self.raise_()

    def dismiss(self) -> None:
        """Hide the toast."""
        self._timer.stop()
        self.hide()

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return False

    def _place(self) -> None:
        """Lie above the window's lower edge, in its middle."""
        window = self.parentWidget()
        width = min(WIDTH_PX, window.width() - 48)
        height = min(MAX_HEIGHT_PX, max(44, self.text.heightForWidth(width - 130) + 16))
        self.setGeometry((window.width() - width) // 2, window.height() - height - 44, width, height)


class BarStack:
    """One tool bar for each widget, by name, in this order."""

    def __init__(self, window: QMainWindow, widgets: Mapping[str, QWidget], hidden: tuple[str, ...]) -> None:
        """hidden: those that are hidden until they are needed."""
        self._hidden = hidden
        self._bars: dict[str, QToolBar] = {}
        for name, widget in widgets.items():
            bar = QToolBar(name)
            bar.setObjectName(f"bar {name}")
            bar.setMovable(False)
            bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
            bar.addWidget(widget)
            if widget.objectName() == "strip":  # it fills the window from edge to edge
                bar.setStyleSheet("QToolBar { padding: 0; spacing: 0; border: none; }")
                bar.layout().setContentsMargins(0, 0, 0, 0)
            window.addToolBar(Qt.ToolBarArea.TopToolBarArea, bar)
            window.addToolBarBreak(Qt.ToolBarArea.TopToolBarArea)
            self._bars[name] = bar
        self.hide()

    def hide(self) -> None:
        """Hide those that are shown only when needed; a restored layout may show them."""
        for name in self._hidden:
            self._bars[name].hide()

    def set_visible(self, name: str, *, visible: bool) -> None:
        """Show a bar or hide it."""
        if self._bars[name].isVisibleTo(self._bars[name].parentWidget()) != visible:
            self._bars[name].setVisible(visible)
