"""Page of the session settings: required streams, annotation keys, length of the baseline."""

from __future__ import annotations

from PySide6.QtWidgets import QCheckBox, QFormLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from rtemo.core.types import Modality
from rtemo.gui import texts
from rtemo.gui.layout.number_fields import measure_field
from rtemo.gui.painting.text_labels import PlainLabel
from rtemo.sources.session_settings import MAX_ANNOTATIONS, REQUIRABLE, SessionSettings

MAX_CHARACTERS = 60


class SessionPage(QWidget):
    """Edits the settings that belong to no stream."""

    def __init__(self, settings: SessionSettings) -> None:
        super().__init__()
        self.required = {role: QCheckBox(texts.ROLES[role.value]) for role in REQUIRABLE}
        for role, box in self.required.items():
            box.setChecked(role in settings.required)
        self.labels = [QLineEdit() for _ in range(MAX_ANNOTATIONS)]
        for line, label in zip(self.labels, settings.annotations, strict=False):
            line.setText(label)
        for line in self.labels:
            line.setMaxLength(MAX_CHARACTERS)
        self.baseline = measure_field(20.0, 600.0, settings.baseline_s, " s")
        boxes = QHBoxLayout()
        boxes.setSpacing(24)
        for box in self.required.values():
            boxes.addWidget(box)
        boxes.addStretch(1)
        form = QFormLayout()
        form.setVerticalSpacing(8)
        form.setHorizontalSpacing(16)
        form.addRow(_hint(texts.REQUIRED_HINT))
        form.addRow(PlainLabel(texts.REQUIRED, "muted"), boxes)
        form.addRow(PlainLabel(texts.BASELINE_LENGTH, "muted"), self.baseline)
        form.addRow(_hint(texts.ANNOTATIONS_HINT))
        for k, line in enumerate(self.labels):
            form.addRow(PlainLabel(texts.ANNOTATION_KEYS[k], "muted"), line)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addStretch(1)

    @property
    def required_entered(self) -> tuple[Modality, ...]:
        return tuple(role for role, box in self.required.items() if box.isChecked())

    @property
    def annotations_entered(self) -> tuple[str, ...]:
        return tuple(text for line in self.labels if (text := line.text().strip()))

    @property
    def problem(self) -> str:
        """Why this cannot be applied, or empty."""
        given = self.annotations_entered
        return texts.ANNOTATION_TWICE if len(set(given)) < len(given) else ""


def _hint(text: str) -> PlainLabel:
    label = PlainLabel(text, "muted")
    label.setWordWrap(True)
    return label
