"""Pages of the session settings: required streams, annotation keys, length of the baseline; and the second eye."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from rtemo.core.types import Modality
from rtemo.gui import texts
from rtemo.gui.layout.number_fields import measure_field
from rtemo.gui.painting.text_labels import PlainLabel
from rtemo.gui.people.stream_box import stream_box
from rtemo.gui.study.form_rows import add_row, new_form
from rtemo.live.service.snapshot import StreamStatus
from rtemo.sources.participants import SecondEyeTable
from rtemo.sources.session_settings import MAX_ANNOTATIONS, REQUIRABLE, SessionSettings
from rtemo.sources.stream_choice import StreamQuery

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


class SecondEyePage(QWidget):
    """Edits the second eye of a tracker that sends each eye as a stream of its own."""

    def __init__(self, settings: SessionSettings, streams: Sequence[StreamStatus]) -> None:
        super().__init__()
        asked = settings.queries.get(Modality.SECOND_EYE)
        self.apart = QCheckBox(texts.EYES_APART)
        self.apart.setChecked(settings.second is not None)
        self.stream: QComboBox = stream_box(Modality.SECOND_EYE, asked, streams, texts.SECOND_STREAM)
        self.stream.setItemText(0, texts.BY_PROFILE)
        self.eye = QComboBox()
        for eye, name in texts.EYES.items():
            self.eye.addItem(name, eye)
        self.eye.setCurrentIndex(self.eye.findData(settings.second or SecondEyeTable().eye))
        form = new_form()
        form.addRow(_hint(texts.EYES_PEOPLE if settings.participants else texts.EYES_HINT))
        form.addRow(self.apart)
        add_row(form, texts.SECOND_STREAM, self.stream)
        add_row(form, texts.SECOND_IS, self.eye)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addStretch(1)
        self.apart.setEnabled(not settings.participants)
        self.apart.toggled.connect(lambda _on: self._show())
        self._show()

    @property
    def table(self) -> SecondEyeTable | None:
        """Which eye it is; None where one stream has both."""
        return SecondEyeTable(eye=self.eye.currentData()) if self.apart.isChecked() else None

    @property
    def query(self) -> StreamQuery | None:
        """The stream that is asked for."""
        return self.stream.currentData() if self.apart.isChecked() else None

    def _show(self) -> None:
        for field in (self.stream, self.eye):
            field.setEnabled(self.apart.isEnabled() and self.apart.isChecked())


def _hint(text: str) -> PlainLabel:
    label = PlainLabel(text, "muted")
    label.setWordWrap(True)
    return label
