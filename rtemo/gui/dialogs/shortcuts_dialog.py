"""Every key of the window; the menus read them off their own actions, so that the list cannot be wrong."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.text_labels import PlainLabel


class ShortcutsDialog(QDialog):
    """Keys by group."""

    def __init__(self, groups: Mapping[str, list[tuple[str, str]]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(texts.SHORTCUTS)
        self.resize(520, 620)
        inside = QWidget()
        grid = QGridLayout(inside)
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(5)
        grid.setColumnStretch(0, 1)
        row = 0
        for group, entries in groups.items():
            if not entries:
                continue
            grid.addWidget(PlainLabel(group, "headline"), row, 0, 1, 2)
            row += 1
            for name, keys in entries:
                grid.addWidget(PlainLabel(name, "muted"), row, 0)
                grid.addWidget(PlainLabel(keys), row, 1, Qt.AlignmentFlag.AlignRight)
                row += 1
            grid.setRowMinimumHeight(row, 10)
            row += 1
        grid.setRowStretch(row, 1)
        area = QScrollArea()
        area.setWidget(inside)
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        inside.setObjectName("panel")
        inside.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        close = QPushButton(texts.CLOSE)
        close.clicked.connect(self.accept)
        layout = QVBoxLayout(self)
        layout.addWidget(area, 1)
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)
