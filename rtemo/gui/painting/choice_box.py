"""A combo box of a view: reached by keys, named for screen readers, no wider than it must be."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QSizePolicy


def choice_box(names: Sequence[str], chosen: int, tip: str) -> QComboBox:
    """A box with these names, one of them chosen. tip: what is chosen, with its keys."""
    box = QComboBox()
    box.addItems(list(names))
    box.setCurrentIndex(chosen)
    box.setToolTip(tip)
    box.setAccessibleName(tip)
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    box.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
    box.setMinimumContentsLength(4)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    return box
