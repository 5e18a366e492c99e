"""Page of the session settings: the screen or scene camera that gaze falls on, in degrees, and the picture there."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QDoubleSpinBox, QFormLayout, QHBoxLayout, QRadioButton, QSpinBox, QVBoxLayout, QWidget

from rtemo.core.channel_map import Scene, Screen, ViewGeometry
from rtemo.gui import texts
from rtemo.gui.layout.number_fields import count_field, measure_field
from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.text_labels import PlainLabel
from rtemo.gui.painting.theme import BODY, colour, font
from rtemo.gui.stimulus.stimulus_row import StimulusRow
from rtemo.sources.stimulus_settings import Stimulus

LENGTH, ANGLE = (" mm", 20_000.0), ("°", 220.0)  # unit, and the most that can be entered
WIDE_SCENE = Scene(1600, 1200, 103.0, 77.0)


class ViewPreview(QWidget):
    """The screen from the front and from above, to scale, with its size in degrees."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._screen: Screen | None = Screen()
        self._scene: Scene | None = None
        self.setMinimumSize(300, 260)

    def show_view(self, screen: Screen, scene: Scene | None) -> None:
        """Show another geometry; a scene replaces the screen."""
        self._screen, self._scene = (screen, None) if scene is None else (None, scene)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font(BODY))
        if self._scene is not None:
            scene = self._scene
            self._front(painter, scene.width_deg, scene.height_deg, scene.width_deg / scene.height_deg)
        elif self._screen is not None:
            geometry = ViewGeometry.of_screen(self._screen)
            aspect = self._screen.width_mm / self._screen.height_mm
            self._front(painter, geometry.width_deg, geometry.height_deg, aspect)
            self._above(painter, self._screen, geometry)

    def _front(self, painter: QPainter, width_deg: float, height_deg: float, aspect: float) -> None:
        room = QRectF(34, 22, self.width() - 48, self.height() * 0.5 - 28)
        width = min(room.width(), room.height() * aspect)
        face = QRectF(0, 0, width, width / aspect)
        face.moveCenter(room.center())
        painter.setPen(QPen(colour(self._theme.accent), 2))
        painter.setBrush(colour(self._theme.window))
        painter.drawRoundedRect(face, 4, 4)
        painter.setPen(colour(self._theme.ink))
        painter.drawText(face, Qt.AlignmentFlag.AlignCenter, texts.DEGREES.format(width=width_deg, height=height_deg))

    def _above(self, painter: QPainter, screen: Screen, geometry: ViewGeometry) -> None:
        """Paint the eye, the screen's upper edge, and the angle between its ends."""
        top, bottom = self.height() * 0.5 + 12, self.height() - 34.0
        per_mm = min((self.width() - 60) / screen.width_mm, (bottom - top) / screen.distance_mm)
        middle = self.width() / 2
        half, far = per_mm * screen.width_mm / 2, per_mm * screen.distance_mm
        eye = QPointF(middle, top + far)
        left, right = QPointF(middle - half, top), QPointF(middle + half, top)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(self._theme.accent, 0.14))
        painter.drawPolygon(QPolygonF([left, right, eye]))
        painter.setPen(QPen(colour(self._theme.accent), 3))
        painter.drawLine(left, right)
        painter.setPen(QPen(colour(self._theme.faint), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(middle, top), eye)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(self._theme.ink))
        painter.drawEllipse(eye, 5, 5)
        painter.setPen(colour(self._theme.muted))
        per_deg = screen.width_px / (2 * math.degrees(geometry.half_width)) if geometry.half_width else math.nan
        words = texts.SEEN_FROM.format(distance=screen.distance_mm / 10, per_deg=per_deg)
        room = QRectF(0, eye.y() + 8, self.width(), 22)
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, words)


class ScreenPage(QWidget):
    """Sizes and distance of the screen, or sizes of the scene camera's image."""

    def __init__(self, screen: Screen, scene: Scene | None, theme: Theme, stimulus: Stimulus | None = None) -> None:
        super().__init__()
        self.stimulus = StimulusRow(stimulus or Stimulus())
        self.on_screen, self.in_scene = QRadioButton(texts.ON_SCREEN), QRadioButton(texts.IN_SCENE)
        (self.in_scene if scene is not None else self.on_screen).setChecked(True)
        camera = scene or WIDE_SCENE
        self.width_px, self.height_px = _pixels(screen.width_px), _pixels(screen.height_px)
        self.width_mm, self.height_mm = _measured(screen.width_mm, *LENGTH), _measured(screen.height_mm, *LENGTH)
        self.distance_mm = _measured(screen.distance_mm, *LENGTH)
        self.scene_width_px, self.scene_height_px = _pixels(camera.width_px), _pixels(camera.height_px)
        self.scene_width_deg, self.scene_height_deg = (
            _measured(camera.width_deg, *ANGLE),
            _measured(camera.height_deg, *ANGLE),
        )
        self.preview = ViewPreview(theme)
        self._screen_fields = (self.width_px, self.height_px, self.width_mm, self.height_mm, self.distance_mm)
        self._scene_fields = (self.scene_width_px, self.scene_height_px, self.scene_width_deg, self.scene_height_deg)
        form = QFormLayout()
        form.setVerticalSpacing(8)
        form.addRow(self.on_screen)
        for name, field in zip(texts.SCREEN_FIELDS, self._screen_fields, strict=True):
            form.addRow(PlainLabel(name, "muted"), field)
        form.addRow(self.in_scene)
        for name, field in zip(texts.SCENE_FIELDS, self._scene_fields, strict=True):
            form.addRow(PlainLabel(name, "muted"), field)
        hint = PlainLabel(texts.SCREEN_HINT, "muted")
        hint.setWordWrap(True)
        left = QVBoxLayout()
        left.addLayout(form)
        left.addWidget(self.stimulus)
        left.addWidget(hint)
        left.addStretch(1)
        layout = QHBoxLayout(self)
        layout.addLayout(left, 1)
        layout.addWidget(self.preview, 1)
        for field in (*self._screen_fields, *self._scene_fields):
            field.valueChanged.connect(lambda _value: self._show())
        self.on_screen.toggled.connect(lambda _on: self._show())
        self._show()

    @property
    def screen_entered(self) -> Screen:
        width_px, height_px, width_mm, height_mm, distance_mm = (field.value() for field in self._screen_fields)
        return Screen(int(width_px), int(height_px), width_mm, height_mm, distance_mm)

    @property
    def scene_entered(self) -> Scene | None:
        if self.on_screen.isChecked():
            return None
        width_px, height_px, width_deg, height_deg = (field.value() for field in self._scene_fields)
        return Scene(int(width_px), int(height_px), width_deg, height_deg)

    @property
    def stimulus_entered(self) -> Stimulus:
        return self.stimulus.entered

    def _show(self) -> None:
        for field in self._screen_fields:
            field.setEnabled(self.on_screen.isChecked())
        for field in self._scene_fields:
            field.setEnabled(self.in_scene.isChecked())
        self.preview.show_view(self.screen_entered, self.scene_entered)


def _pixels(value: int) -> QSpinBox:
    return count_field(1, 20_000, value, " px")


def _measured(value: float, unit: str, most: float) -> QDoubleSpinBox:
    return measure_field(1.0, most, value, unit, decimals=1)
