"""A dialog that is never larger than its screen: what does not fit scrolls, and its row of buttons stays in sight.

All dialogs of the window derive from it, so that none hides a button below the edge of a small or an enlarged screen.
"""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QDialog,
    QFrame,
    QLayout,
    QScrollArea,
    QStyle,
    QVBoxLayout,
    QWidget,
)

FRAME = QSize(16, 44)  # what a title bar and borders add, before the system has said so


class ScrollingDialog(QDialog):
    """Lays itself out in a vertical box whose last row stays in sight."""

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)  # finds a place for it
        self._fit(self.room())

    def room(self) -> QRect:
        """Where a dialog may lie: its screen without bars, and without the dialog's own frame."""
        screen = self.screen().availableGeometry()
        return QRect(screen.topLeft(), screen.size() - FRAME)

    def _fit(self, room: QRect) -> None:
        """Make the dialog fit into its room, and move it there."""
        layout = self.layout()
        if isinstance(layout, QBoxLayout):
            least = layout.totalMinimumSize()
            width = min(max(self.width(), least.width()), room.width())
            height = min(max(self.height(), _needed_height(layout, width)), room.height())
            if width < least.width() or height < _needed_height(layout, width):
                _scroll_all_but_last(self, layout)
                layout.activate()  # gives up the least size that its rows had
                bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)
                width = min(max(width, least.width() + bar), room.width())
            self.resize(width, height)
        if not room.contains(place := self.geometry()):
            left = max(room.left(), min(place.left(), room.left() + room.width() - place.width()))
            top = max(room.top(), min(place.top(), room.top() + room.height() - place.height()))
            self.move(left, top)


def _needed_height(layout: QLayout, width: int) -> int:
    """The least height in which everything is in sight; texts in a narrow dialog are higher."""
    wrapped = layout.totalMinimumHeightForWidth(width) if layout.hasHeightForWidth() else 0
    return max(wrapped, layout.totalMinimumSize().height())


def _scroll_all_but_last(dialog: QWidget, layout: QBoxLayout) -> None:
    """Move all rows but the last into an area that scrolls."""
    body = QWidget()
    rows = QVBoxLayout(body)
    rows.setContentsMargins(0, 0, 0, 0)
    rows.setSpacing(layout.spacing())
    for _ in range(layout.count() - 1):
        stretch, item = layout.stretch(0), layout.takeAt(0)
        if (widget := item.widget()) is not None:
            rows.addWidget(widget, stretch, item.alignment())
        elif (inner := item.layout()) is not None:
            inner.setParent(None)
            rows.addLayout(inner, stretch)
        else:
            rows.addItem(item)
    area = QScrollArea(dialog)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # what is in it has the keyboard, and comes into sight with it
    area.setWidget(body)
    layout.insertWidget(0, area, 1)
