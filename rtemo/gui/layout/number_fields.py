"""Fields for numbers, with the room before their text that all other fields have."""

from __future__ import annotations

from PySide6.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QLineEdit, QSpinBox

BEFORE_TEXT_PX = 8  # a style sheet does not reach the text of these fields


def count_field(least: int, most: int, value: int, unit: str = "") -> QSpinBox:
    """A field for a whole number. unit: with the space before it."""
    field = QSpinBox()
    _make_room(field)
    field.setRange(least, most)
    field.setSuffix(unit)
    field.setValue(value)
    return field


def measure_field(least: float, most: float, value: float, unit: str = "", decimals: int = 0) -> QDoubleSpinBox:
    """A field for a measured number. unit: with the space before it."""
    field = QDoubleSpinBox()
    _make_room(field)
    field.setDecimals(decimals)
    field.setRange(least, most)
    field.setSuffix(unit)
    field.setValue(value)
    return field


def _make_room(field: QAbstractSpinBox) -> None:
    for line in field.findChildren(QLineEdit):
        line.setTextMargins(BEFORE_TEXT_PX, 0, 0, 0)
