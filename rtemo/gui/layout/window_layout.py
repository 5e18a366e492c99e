"""What the window restores at the next start: the layout of its docks, and the session settings that were last used.

Session settings are saved when a user changes them, not as they were found: a demonstration leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QRect, QSettings, QSize, Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QStackedWidget, QTabBar, QWidget

from rtemo.gui import texts
from rtemo.gui.layout.dock_title import DockTitle
from rtemo.gui.people import words
from rtemo.live.service.snapshot import Phase, Snapshot

LAYOUT_VERSION = 2
MAX_SIZE = QSize(2560, 1440)  # at the first start; the views cannot use more
LEAST = QSize(960, 540)  # full HD at 200 %: all views fit
LOW_PX = 900  # windows lower than this put some views into tabs
SMALL_PX = (1200, 640)  # windows narrower or lower than this have no right column
TAB_NAMES = {texts.EMOTION: "Emotion", texts.QUALITY: "Quality", texts.PLANE: "Valence", texts.HISTORY: "Probabilities"}
LEFT = (texts.EMOTION, texts.PLANE)
RIGHT = (texts.QUALITY, texts.GAZE, texts.EVENTS)
BOTTOM = (texts.HISTORY, texts.STREAMS)
# Behind the probabilities until they are asked for.
ON_DEMAND = (texts.SPECTRUM, texts.SPECTROGRAM, texts.RATING_VIEW, words.SYNCHRONY)
HORIZONTAL, VERTICAL = Qt.Orientation.Horizontal, Qt.Orientation.Vertical


class WindowLayout:
    """The arrangement of one window's docks, by the names of their views."""

    def __init__(self, window: QMainWindow, views: Mapping[str, QWidget]) -> None:
        self._window = window
        self._put_away: tuple[QDockWidget, ...] = ()  # docks that are hidden as they would be empty
        self._in_front: tuple[str, ...] = ()  # the views whose tabs are in front, while the docks are put away
        self._has_further: bool | None = None  # None: not known yet
        self._has_several = False
        self.restored = False  # whether the window is where it was at the last start
        self.docks = {name: _dock(window, name, view) for name, view in views.items()}
        area = Qt.DockWidgetArea
        for corner, side in (
            (Qt.Corner.TopLeftCorner, area.LeftDockWidgetArea),
            (Qt.Corner.BottomLeftCorner, area.LeftDockWidgetArea),
            (Qt.Corner.TopRightCorner, area.RightDockWidgetArea),
            (Qt.Corner.BottomRightCorner, area.RightDockWidgetArea),
        ):
            window.setCorner(corner, side)

    def reset(self, size: QSize | None = None) -> None:
        """Reset to the default layout, which depends on the window's size, or on the one that it is given next."""
        docks, wanted = self.docks, self._window.size() if size is None else size
        for dock in docks.values():
            self._window.removeDockWidget(dock)
            dock.setFloating(False)
        small = wanted.width() < SMALL_PX[0] or wanted.height() < SMALL_PX[1]
        in_front = self._place_small() if small else self._place(low=wanted.height() < LOW_PX)
        for name in ON_DEMAND:
            self._window.tabifyDockWidget(docks[texts.HISTORY], docks[name])
        for name, dock in docks.items():
            dock.setVisible(name not in ON_DEMAND and (name != texts.FURTHER or bool(self._has_further)))
        self._in_front = in_front
        for name in in_front:
            docks[name].raise_()
        if small:
            self._resize((texts.EMOTION,), (0.29,), wanted.width(), HORIZONTAL)
            self._resize((texts.HISTORY,), (0.26,), wanted.height(), VERTICAL)
        else:
            self._set_dock_sizes(wanted)

    def _tabs_in_front(self) -> tuple[str, ...]:
        """The views whose tabs are in front; empty before the window has tabs."""
        names = {TAB_NAMES.get(name, name): name for name in self.docks}
        bars = self._window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly)
        shown = (bar.tabText(bar.currentIndex()) for bar in bars if bar.count() > 1)
        return tuple(names[text] for text in shown if text in names)

    def _name_tabs(self) -> None:
        """Name the tab bars of docks for screen readers; Qt makes them as they are needed."""
        for bar in self._window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            bar.setAccessibleName(texts.MENU_VIEW.replace("&", ""))

    def _place(self, *, low: bool) -> tuple[str, ...]:
        """Columns at both sides and two views below; low: some of them in tabs. Returns those that are in front."""
        window, docks, area = self._window, self.docks, Qt.DockWidgetArea
        for names, side in (
            (LEFT, area.LeftDockWidgetArea),
            (RIGHT, area.RightDockWidgetArea),
            (BOTTOM, area.BottomDockWidgetArea),
        ):
            for name in names:
                window.addDockWidget(side, docks[name], VERTICAL)
        window.splitDockWidget(docks[texts.HISTORY], docks[texts.FURTHER], HORIZONTAL)
        if not low:
            return (texts.HISTORY,)
        window.tabifyDockWidget(docks[texts.QUALITY], docks[texts.PLANE])
        window.tabifyDockWidget(docks[texts.GAZE], docks[texts.EVENTS])
        return texts.QUALITY, texts.GAZE, texts.HISTORY

    def _place_small(self) -> tuple[str, ...]:
        """One column at the left and one row below, each of tabs."""
        window, docks, area = self._window, self.docks, Qt.DockWidgetArea
        for first, others, side in (
            (texts.EMOTION, (texts.QUALITY, texts.GAZE, texts.PLANE), area.LeftDockWidgetArea),
            (texts.HISTORY, (texts.FURTHER, texts.STREAMS, texts.EVENTS), area.BottomDockWidgetArea),
        ):
            window.addDockWidget(side, docks[first], VERTICAL)
            for name in others:
                window.addDockWidget(side, docks[name], VERTICAL)
                window.tabifyDockWidget(docks[first], docks[name])
        return texts.EMOTION, texts.HISTORY

    def show_further(self, *, there: bool) -> None:
        """Show the view of further streams when there are some, and hide it when there are none any more."""
        if there != self._has_further:
            self._has_further = there
            self.docks[texts.FURTHER].setVisible(there)
            if there and not self.restored:
                self._resize((texts.HISTORY, texts.FURTHER), (0.3, 0.3), self._window.width(), HORIZONTAL)

    def show_synchrony(self, *, there: bool) -> None:
        """Show the view of several participants' synchrony, behind the probabilities, while there are several."""
        if there != self._has_several:
            self._has_several = there
            self.docks[words.SYNCHRONY].setVisible(there)
            self.docks[texts.HISTORY].raise_()

    def show_docks(self, *, shown: bool) -> None:
        """Hide the docks while they would be empty frames, and show those that were there before again."""
        self._name_tabs()
        if shown and self._put_away:
            for dock in self._put_away:
                dock.show()
            for name in self._in_front:  # Qt puts the one in front that it has shown last
                self.docks[name].raise_()
            self._put_away = ()
        elif not shown and not self._put_away:
            self._in_front = self._tabs_in_front() or self._in_front
            self._put_away = tuple(dock for dock in self.docks.values() if not dock.isHidden())
            for dock in self._put_away:
                dock.hide()

    def fill(self, screen: QRect) -> None:
        """Fill a screen, but no more of it than the views can use."""
        size = screen.size().boundedTo(MAX_SIZE)
        self.reset(size)  # first: docks in another layout could keep the window larger
        self._window.setGeometry(QRect(screen.topLeft(), size))
        self.reset(size)

    def restore(self, settings: QSettings) -> bool:
        """Restore the window's place and docks. Returns whether the docks, and with them the bars, were restored."""
        geometry, layout = settings.value("geometry"), settings.value("layout")
        self.restored = geometry is not None
        if geometry is not None:
            self._window.restoreGeometry(geometry)
        found = layout is not None and self._window.restoreState(layout, LAYOUT_VERSION)
        if found and not self._fits():
            self.reset(self._screen())
            self._window.resize(self._window.size().boundedTo(self._screen()))
        return found

    def _screen(self) -> QSize:
        return self._window.screen().availableSize().expandedTo(LEAST)

    def _fits(self) -> bool:
        """Whether the docks, as they lie, leave the window as small as its screen: it may be another one than then."""
        return self._window.minimumSizeHint().boundedTo(self._screen()) == self._window.minimumSizeHint()

    def save(self, settings: QSettings) -> None:
        """Save the window's place and its docks."""
        self.show_docks(shown=True)
        settings.setValue("geometry", self._window.saveGeometry())
        settings.setValue("layout", self._window.saveState(LAYOUT_VERSION))

    def _set_dock_sizes(self, window: QSize) -> None:
        """Set the sizes of the docks, as shares of the window."""
        width, height, low = window.width(), window.height(), window.height() < LOW_PX
        self._resize((texts.EMOTION, texts.QUALITY), (0.235, 0.21), width, HORIZONTAL)
        self._resize(BOTTOM, (0.2, 0.21) if low else (0.26, 0.15), height, VERTICAL)
        if low:
            self._resize((texts.QUALITY, texts.GAZE), (0.52, 0.32), height, VERTICAL)
        else:
            self._resize(LEFT, (0.58, 0.32), height, VERTICAL)
            self._resize(RIGHT, (0.43, 0.24, 0.21), height, VERTICAL)

    def _resize(self, names: tuple[str, ...], shares: tuple[float, ...], total: int, direction: Qt.Orientation) -> None:
        docks = [self.docks[name] for name in names]
        self._window.resizeDocks(docks, [int(share * total) for share in shares], direction)


class CentralPages(QStackedWidget):
    """The pages in the window's middle; only the one that is shown needs room."""

    def minimumSizeHint(self) -> QSize:
        current = self.currentWidget()
        return super().minimumSizeHint() if current is None else current.minimumSizeHint()


class LastUsedSettings:
    """Saves the session settings to a file when a snapshot shows that they changed. path: None saves nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._last: str | None = None

    def update(self, snapshot: Snapshot) -> None:
        """Save the settings where they changed. A disk that cannot be written to is ignored: nothing is lost by it."""
        if self._path is None or not snapshot.settings or snapshot.phase not in (Phase.IDLE, Phase.PREVIEW):
            return
        if self._last is not None and snapshot.settings != self._last:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                partial = self._path.with_suffix(".partial")
                partial.write_text(snapshot.settings, encoding="utf-8")
                partial.replace(self._path)
            except OSError:
                return
        self._last = snapshot.settings


def _dock(window: QMainWindow, name: str, view: QWidget) -> QDockWidget:
    dock = QDockWidget(TAB_NAMES.get(name, name), window)
    dock.toggleViewAction().setText(name)
    dock.setObjectName(f"dock {name}")
    dock.setTitleBarWidget(DockTitle(dock, name))
    view.setObjectName("panel")
    view.setAccessibleName(name)
    view.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    dock.setWidget(view)
    return dock
