"""Rows of a form whose fields are named for screen readers and for keys."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QPushButton, QTableWidget, QWidget

from rtemo.gui.painting.text_labels import PlainLabel


def new_form() -> QFormLayout:
    """An empty form with the spacing of all dialogs."""
    form = QFormLayout()
    form.setVerticalSpacing(8)
    form.setHorizontalSpacing(16)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return form


def add_row(form: QFormLayout, name: str, field: QWidget, beside: QWidget | None = None) -> None:
    """A field with its name before it, and another widget behind it."""
    label = PlainLabel(name, "muted")
    label.setBuddy(field)
    field.setAccessibleName(name)
    if beside is None:
        form.addRow(label, field)
        return
    row = QHBoxLayout()
    row.setSpacing(8)
    row.addWidget(field, 1)
    row.addWidget(beside)
    form.addRow(label, row)


def head_left(table: QTableWidget) -> None:
    """Let the heads of a table stand above its texts."""
    table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


def hint(text: str, name: str = "muted") -> PlainLabel:
    """A text that explains, as wide as there is room."""
    label = PlainLabel(text, name)
    label.setWordWrap(True)
    return label


def button(text: str, role: str = "") -> QPushButton:
    """A button that Enter does not press by itself; role "start": the one that the dialog is about."""
    made = QPushButton(text)
    made.setAutoDefault(False)
    if role:
        made.setProperty("role", role)
        made.setDefault(role == "start")
    return made


def rename(label: PlainLabel, text: str, name: str) -> None:
    """Show a text in the colour of a name of the style sheet."""
    label.setText(text)
    if label.objectName() != name:
        label.setObjectName(name)
        label.style().unpolish(label)
        label.style().polish(label)
