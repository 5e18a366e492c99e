"""View of the gaze on the screen: fixations, the path between them, the current gaze, the picture under them."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from rtemo.gui import texts
from rtemo.gui.painting.cached_picture import CachedPicture
from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.lines import draw_line
from rtemo.gui.painting.theme import BODY, SMALL, colour, font
from rtemo.gui.stimulus.picture_choice import running_at
from rtemo.gui.stimulus.picture_loader import MOST, LoadedPicture, PictureLoader
from rtemo.gui.views.quality import no_data_for
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import Phase
from rtemo.sources.stimulus_settings import PIXEL_FOR_PIXEL

FIXATIONS_S = 10.0
TRAIL_S = 1.0
BACKGROUND_S = 0.5  # fixations and their fading are repainted twice a second, the gaze itself at every painting
VEIL = 0.35  # how much of the ground's colour lies over a picture, so that gaze stands out on any
RADIUS_PER_ROOT_S = 0.075  # of the screen's height: a fixation of 1 s has this radius, the area grows with time


class GazeView(QWidget):
    """Paints the last ten seconds of gaze on a screen rectangle."""

    def __init__(self, state: WindowState, theme: Theme) -> None:
        super().__init__()
        self._state, self._theme = state, theme
        self._background = CachedPicture(self, self._paint_background)
        self._pictures = PictureLoader()
        self._painted = self._pictures.shown
        self._looked: object = None  # what the choice of the picture depended on
        self._scaled: tuple[object, QPixmap] = (None, QPixmap())
        self.none = ""  # how long no gaze has come
        self.setMinimumSize(160, 110)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def refresh(self, changed: set[SnapshotPart]) -> None:
        """Paint new gaze."""
        self.none = no_data_for(self._state, self._state.gaze.newest_s)
        self._look_for_picture(changed)
        seen = {SnapshotPart.GAZE, SnapshotPart.GAZE_EVENTS, SnapshotPart.STREAMS, SnapshotPart.SETTINGS}
        if changed & seen or self.none or self.picture is not self._painted:
            self.update()

    @property
    def picture(self) -> LoadedPicture:
        """The picture that the participant looks at, or why there is none."""
        return self._pictures.shown

    def _look_for_picture(self, changed: set[SnapshotPart]) -> None:
        """Have the picture of the condition loaded that runs now; conditions change by events, and in a replay."""
        state, place = self._state, self._state.settings.stimulus.pictures
        replayed = state.snapshot.phase is Phase.REPLAY
        now_s = state.time_s if replayed else math.inf  # live, whatever has been marked has begun
        looked = (place, math.floor(now_s / BACKGROUND_S) if replayed else "")
        if looked != self._looked or SnapshotPart.EVENTS in changed:
            self._looked = looked
            self._pictures.ask(place, running_at(state.marks, now_s) if place else ())

    def paintEvent(self, _event: QPaintEvent) -> None:
        newest = self._state.gaze.newest_s
        there = math.isfinite(newest) and not self.none
        self._painted = self.picture
        painter = QPainter(self)
        beat = math.floor(self._state.time_s / BACKGROUND_S) if math.isfinite(newest) else ""
        shown = (self.picture.path, self.picture.missing, self._aspect)
        self._background.draw(painter, self._theme, self._state.gaze.restarts, self.none, beat, shown)
        if there:
            screen = self._screen()
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setClipRect(screen.adjusted(-6, -6, 6, 6))
            self._draw_gaze(painter, screen, self._state.time_s)

    def _paint_background(self, painter: QPainter) -> None:
        """Paint the screen and the fixations on it."""
        screen, newest = self._screen(), self._state.gaze.newest_s
        painter.setPen(QPen(colour(self._theme.line), 1.2))
        painter.setBrush(colour(self._theme.window))
        painter.drawRoundedRect(screen, 4, 4)
        self._draw_picture(painter, screen)
        if self.none or not math.isfinite(newest):
            painter.setPen(colour(self._theme.muted))
            painter.setFont(font(BODY))
            painter.drawText(screen, Qt.AlignmentFlag.AlignCenter, self.none or texts.NO_GAZE)
            return
        self._draw_middle(painter, screen)
        painter.setClipRect(screen.adjusted(-6, -6, 6, 6))
        self._draw_fixations(painter, screen, self._state.time_s)

    def _screen(self) -> QRectF:
        room = QRectF(self.rect()).adjusted(10, 10, -10, -10)
        width = min(room.width(), room.height() * self._aspect)
        where = QRectF(0, 0, width, width / self._aspect)
        where.moveCenter(room.center())
        return where

    @property
    def _aspect(self) -> float:
        """Width by height of what gaze falls on, as the settings have it."""
        screen, scene = self._state.settings.screen, self._state.settings.scene
        return screen.width_mm / screen.height_mm if scene is None else scene.width_px / scene.height_px

    def picture_place(self, screen: QRectF) -> QRectF:
        """Where the picture lies on a screen."""
        settings, size = self._state.settings, QSizeF(self.picture.size)
        if settings.stimulus.size == PIXEL_FOR_PIXEL:
            whole = settings.screen if settings.scene is None else settings.scene
            size = QSizeF(
                screen.width() * size.width() / whole.width_px, screen.height() * size.height() / whole.height_px
            )
        else:
            size.scale(screen.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRectF(QPointF(), size)
        place.moveCenter(screen.center())
        return place

    def _draw_picture(self, painter: QPainter, screen: QRectF) -> None:
        """Paint the picture under a veil, or why there is none."""
        picture = self.picture
        if picture.missing:
            painter.setPen(colour(self._theme.muted))
            painter.setFont(font(SMALL))
            line = QRectF(screen.left() + 6, screen.bottom() - 20, screen.width() - 12, 18)
            words = painter.fontMetrics().elidedText(picture.missing, Qt.TextElideMode.ElideMiddle, int(line.width()))
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)
        if picture.image.isNull():
            return
        place = self.picture_place(screen)
        painter.save()
        painter.setClipRect(screen)
        painter.drawPixmap(place.topLeft(), self._scaled_to(place, self.devicePixelRatioF()))
        painter.fillRect(place, colour(self._theme.window, VEIL))
        painter.restore()

    def _scaled_to(self, place: QRectF, ratio: float) -> QPixmap:
        """The picture in the size of its place: it is painted twice a second, and scaled once."""
        size = (place.size() * ratio).toSize().expandedTo(QSize(1, 1)).boundedTo(MOST)
        key = (self.picture.path, size.toTuple(), ratio)
        if self._scaled[0] != key:
            image = self.picture.image.scaled(
                size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            made = QPixmap.fromImage(image)
            made.setDevicePixelRatio(made.width() / max(1.0, place.width()))
            self._scaled = (key, made)
        return self._scaled[1]

    def _draw_middle(self, painter: QPainter, screen: QRectF) -> None:
        painter.setPen(QPen(colour(self._theme.line), 1))
        middle = screen.center()
        painter.drawLine(QPointF(middle.x() - 6, middle.y()), QPointF(middle.x() + 6, middle.y()))
        painter.drawLine(QPointF(middle.x(), middle.y() - 6), QPointF(middle.x(), middle.y() + 6))

    def _draw_fixations(self, painter: QPainter, screen: QRectF, newest: float) -> None:
        shown = [
            event
            for event in self._state.gaze_events
            if event.kind == "fixation" and event.end_s > newest - FIXATIONS_S and math.isfinite(event.x)
        ]
        before: QPointF | None = None
        for event in shown:
            fresh = 1 - (newest - event.end_s) / FIXATIONS_S
            at = _on(screen, event.x, event.y)
            if before is not None:
                painter.setPen(QPen(colour(self._theme.muted, 0.15 + 0.6 * fresh), 1.2))
                painter.drawLine(before, at)
            before = at
            radius = max(3.0, RADIUS_PER_ROOT_S * screen.height() * math.sqrt(max(0.0, event.end_s - event.start_s)))
            painter.setPen(QPen(colour(self._theme.accent, 0.25 + 0.65 * fresh), 1.4))
            painter.setBrush(colour(self._theme.accent, 0.08 + 0.34 * fresh))
            painter.drawEllipse(at, radius, radius)

    def _draw_gaze(self, painter: QPainter, screen: QRectF, newest: float) -> None:
        _, rows = self._state.gaze.after(newest - TRAIL_S)
        valid = rows[np.isfinite(rows[:, :2]).all(axis=1), :2]
        if not len(valid):
            return
        painter.setBrush(Qt.BrushStyle.NoBrush)
        pen = QPen(colour(self._theme.ink, 0.8), 1.0)
        pen.setCosmetic(True)  # a wider one takes 30 ms for a second of gaze that is mere noise
        painter.setPen(pen)
        xy = valid.astype(np.float64) * (screen.width(), screen.height()) + (screen.left(), screen.top())
        draw_line(painter, xy[:, 0], xy[:, 1])
        if np.isfinite(rows[-1, :2]).all():
            painter.setPen(QPen(colour(self._theme.panel), 1.5))
            painter.setBrush(colour(self._theme.ink))
            painter.drawEllipse(_on(screen, float(valid[-1, 0]), float(valid[-1, 1])), 5.5, 5.5)


def _on(screen: QRectF, x: float, y: float) -> QPointF:
    return QPointF(screen.left() + x * screen.width(), screen.top() + y * screen.height())
