"""A combo box of a view: reached by keys, named for screen readers, and narrower where there is no room."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QComboBox, QSizePolicy

LEAST_PX = 62


class ChoiceBox(QComboBox):
    """As wide as its longest name where there is room; else the name that is chosen is shortened."""

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST_PX, super().minimumSizeHint().height())


def choice_box(names: Sequence[str], chosen: int, tip: str) -> ChoiceBox:
    """A box with these names, one of them chosen. tip: what is chosen, with its keys."""
    box = ChoiceBox()
    box.addItems(list(names))
    box.setCurrentIndex(chosen)
    box.setToolTip(tip)
    box.setAccessibleName(tip)
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    box.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    return box
