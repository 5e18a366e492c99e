"""Cache the part of a painted view that seldom changes as a pixmap."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QWidget

from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.theme import colour


class CachedPicture:
    """Calls `paint` when the key or the widget's size changed, and copies the cached picture otherwise."""

    def __init__(self, widget: QWidget, paint: Callable[[QPainter], None]) -> None:
        self._widget, self._paint = widget, paint
        self._picture = QPixmap()
        self._key: tuple[object, ...] = ()

    def draw(self, painter: QPainter, theme: Theme, *key: object) -> None:
        """Paint the picture over the widget. key: all that it depends on, beside theme and size."""
        size, ratio = self._widget.size(), self._widget.devicePixelRatioF()
        full = (theme.name, size.toTuple(), ratio, *key)
        if full != self._key:
            self._key = full
            self._picture = QPixmap(math.ceil(size.width() * ratio), math.ceil(size.height() * ratio))
            self._picture.setDevicePixelRatio(ratio)
            self._picture.fill(colour(theme.panel))
            inner = QPainter(self._picture)
            inner.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint(inner)
            inner.end()
        painter.drawPixmap(0, 0, self._picture)
