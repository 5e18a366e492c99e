"""Where the window and its views stand: at the first start, and from one start to the next."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QRect, QSettings, QSize, Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.text_labels import PlainLabel

LAYOUT_VERSION = 1
WIDEST = QSize(2560, 1440)  # wider than its views can use, a window is not opened
LOW = 900  # windows lower than this put some views behind tabs
LEFT = (texts.EMOTION, texts.PLANE)
RIGHT = (texts.QUALITY, texts.GAZE, texts.EVENTS)
BOTTOM = (texts.HISTORY, texts.STREAMS)
HORIZONTAL, VERTICAL = Qt.Orientation.Horizontal, Qt.Orientation.Vertical


class WindowLayout:
    """The docks of one window, by the names of their views."""

    def __init__(self, window: QMainWindow, views: Mapping[str, QWidget]) -> None:
        self._window = window
        self.remembered = False  # whether there was a place to go back to
        self.docks = {name: _dock(window, name, view) for name, view in views.items()}
        area = Qt.DockWidgetArea
        for corner, side in (
            (Qt.Corner.TopLeftCorner, area.LeftDockWidgetArea),
            (Qt.Corner.BottomLeftCorner, area.LeftDockWidgetArea),
            (Qt.Corner.TopRightCorner, area.RightDockWidgetArea),
            (Qt.Corner.BottomRightCorner, area.RightDockWidgetArea),
        ):
            window.setCorner(corner, side)

    def reset(self) -> None:
        """The layout of the first start, by the window's height."""
        window, docks, low = self._window, self.docks, self._window.height() < LOW
        area = Qt.DockWidgetArea
        for dock in docks.values():
            window.removeDockWidget(dock)
            dock.setFloating(False)
        for names, side in (
            (LEFT, area.LeftDockWidgetArea),
            (RIGHT, area.RightDockWidgetArea),
            (BOTTOM, area.BottomDockWidgetArea),
        ):
            for name in names:
                window.addDockWidget(side, docks[name], VERTICAL)
        if low:
            window.tabifyDockWidget(docks[texts.QUALITY], docks[texts.PLANE])
            window.tabifyDockWidget(docks[texts.GAZE], docks[texts.EVENTS])
        for dock in docks.values():
            dock.show()
        if low:
            for name in (texts.QUALITY, texts.GAZE):
                docks[name].raise_()
        self._share_room(low=low)

    def fill(self, room: QRect) -> None:
        """All of a screen, as such windows are looked at, but no more than the views can use."""
        self._window.setGeometry(QRect(room.topLeft(), room.size().boundedTo(WIDEST)))
        self.reset()

    def restore(self, settings: QSettings) -> bool:
        """Go back to where everything stood. Whether the docks did, and with them the bars."""
        geometry, layout = settings.value("geometry"), settings.value("layout")
        self.remembered = geometry is not None
        if geometry is not None:
            self._window.restoreGeometry(geometry)
        return layout is not None and self._window.restoreState(layout, LAYOUT_VERSION)

    def save(self, settings: QSettings) -> None:
        """Remember where everything stands."""
        settings.setValue("geometry", self._window.saveGeometry())
        settings.setValue("layout", self._window.saveState(LAYOUT_VERSION))

    def _share_room(self, *, low: bool) -> None:
        """Sizes of the docks, as shares of the window."""
        width, height = self._window.width(), self._window.height()
        self._resize((texts.EMOTION, texts.QUALITY), (0.235, 0.21), width, HORIZONTAL)
        self._resize(BOTTOM, (0.2, 0.21) if low else (0.26, 0.15), height, VERTICAL)
        if low:
            self._resize((texts.QUALITY, texts.GAZE), (0.52, 0.32), height, VERTICAL)
        else:
            self._resize(LEFT, (0.58, 0.32), height, VERTICAL)
            self._resize(RIGHT, (0.43, 0.24, 0.21), height, VERTICAL)

    def _resize(self, names: tuple[str, ...], shares: tuple[float, ...], room: int, direction: Qt.Orientation) -> None:
        docks = [self.docks[name] for name in names]
        self._window.resizeDocks(docks, [int(share * room) for share in shares], direction)


def _dock(window: QMainWindow, name: str, view: QWidget) -> QDockWidget:
    dock = QDockWidget(name, window)
    dock.setObjectName(f"dock {name}")
    dock.setTitleBarWidget(PlainLabel(name, "title"))
    view.setObjectName("panel")
    view.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    dock.setWidget(view)
    return dock
