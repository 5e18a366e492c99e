"""Title bar of a docked view, with buttons that pop it out into a window of its own and hide it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QSize, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QToolButton, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.text_labels import ElidedLabel

SIGN_PX, BUTTON_PX = 9, 22


class SignButton(QToolButton):
    """A small button with a painted sign, so that it needs no font for it."""

    def __init__(self, sign: str, name: str) -> None:
        super().__init__()
        self._sign = sign
        self.setFixedSize(QSize(BUTTON_PX, BUTTON_PX))
        self.setObjectName("sign")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setToolTip(name)
        self.setAccessibleName(name)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.palette().color(self.foregroundRole()), 1.4))
        left, top, edge = (self.width() - SIGN_PX) / 2, (self.height() - SIGN_PX) / 2, SIGN_PX
        painter.translate(left, top)
        if self._sign == "hide":
            painter.drawLine(0, 0, edge, edge)
            painter.drawLine(0, edge, edge, 0)
            return
        corner = [(4, 1), (0, 1), (0, edge), (edge - 1, edge), (edge - 1, 5)]
        arrow = [(6, 0), (edge, 0), (edge, 3)]
        for points in (corner, [(4, 5), (edge, 0)], arrow):
            painter.drawPolyline([QPointF(x, y) for x, y in points])


class DockTitle(QWidget):
    """The title of one dock. While the view has a window of its own, that window's frame is the title."""

    def __init__(self, dock: QDockWidget, name: str) -> None:
        super().__init__(dock)
        self._dock = dock
        self.setObjectName("docktitle")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.pop_out = SignButton("pop out", texts.POP_OUT.format(view=name))
        self.hide_view = SignButton("hide", texts.HIDE_VIEW.format(view=name))
        self.pop_out.clicked.connect(lambda: dock.setFloating(True))
        self.hide_view.clicked.connect(dock.close)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 2, 4, 2)
        row.setSpacing(0)
        row.addWidget(ElidedLabel(name, "docktext"), 1)
        row.addWidget(self.pop_out)
        row.addWidget(self.hide_view)
        dock.topLevelChanged.connect(lambda _floats: QTimer.singleShot(0, dock, self._fit))

    def _fit(self) -> None:
        """Give a view that was popped out the frame of a real window, to be moved, enlarged and put back by."""
        wanted = None if self._dock.isFloating() else self
        if self._dock.titleBarWidget() is not wanted:
            self._dock.setTitleBarWidget(wanted)
            self.setVisible(wanted is not None)
