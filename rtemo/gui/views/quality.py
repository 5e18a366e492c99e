"""View of the signal quality: a head map of the electrodes with their faults, and the share of valid gaze."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QVBoxLayout, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.colours import FAULTS, OTHER_FAULT, Theme
from rtemo.gui.painting.head_outline import draw_head
from rtemo.gui.painting.meters import Meter
from rtemo.gui.painting.text_labels import PlainLabel, plain_tip
from rtemo.gui.painting.theme import BODY, SMALL, colour, font
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import ChannelStatus
from rtemo.presentation.numbers import number, percent, seconds

STEPS = {  # the direction of each arrow key in the picture
    Qt.Key.Key_Left: QPointF(-1, 0),
    Qt.Key.Key_Right: QPointF(1, 0),
    Qt.Key.Key_Up: QPointF(0, -1),
    Qt.Key.Key_Down: QPointF(0, 1),
}
ASIDE = 2.0  # how much more a pixel aside counts than a pixel ahead
EDGE = 1.16  # half the width of the head map, in head radii: electrodes reach below the head's widest line
GAZE_GOOD, GAZE_POOR = 0.8, 0.5


class HeadMap(QWidget):
    """Electrodes seen from above, nose up, azimuthal equidistant. A click excludes or includes one; by keys, the arrows
    go from one to the next, and Space does what a click does.
    """

    own_keys = (*STEPS, Qt.Key.Key_Space)

    def __init__(self, state: WindowState, theme: Theme, exclude: Callable[[str, bool], None]) -> None:
        super().__init__()
        self._state, self._theme, self._exclude = state, theme, exclude
        self.past = False
        self.current = ""  # the electrode that the keys are at
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(texts.HEAD_MAP)
        self.setMinimumSize(120, 110)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def show_past(self, *, past: bool) -> None:
        """Paint the newest state, in grey where it is not the present."""
        self.past = past
        self.update()

    def channel_at(self, point: QPointF) -> ChannelStatus | None:
        """The electrode at a point; None without one."""
        near = [(_distance(self.place(c), point), c) for c in self._state.snapshot.channels if _placed(c)]
        best = min(near, key=lambda pair: pair[0], default=None)
        return best[1] if best is not None and best[0] <= 1.4 * self._dot else None

    def place(self, channel: ChannelStatus) -> QPointF:
        """Position of an electrode in pixels."""
        reach = math.acos(max(-1.0, min(1.0, channel.z))) / (math.pi / 2)
        flat = math.hypot(channel.x, channel.y) or 1.0
        x, y = reach * channel.x / flat, reach * channel.y / flat
        far = max(1.0, math.hypot(x, y) / EDGE)
        return self._middle + QPointF(x / far, -y / far) * self._radius

    @property
    def _radius(self) -> float:
        return max(20.0, min(self.width() / (2 * EDGE + 0.25), self.height() / (2 * EDGE + 0.3)) - 2)

    @property
    def _middle(self) -> QPointF:
        return QPointF(self.width() / 2, self.height() / 2 + 0.04 * self._radius)

    @property
    def _dot(self) -> float:
        n = max(1, len(self._state.snapshot.channels))
        return max(3.0, min(11.0, 0.62 * self._radius / math.sqrt(n)))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        channel = self.channel_at(event.position())
        if channel is not None and event.button() == Qt.MouseButton.LeftButton:
            self._exclude(channel.label, not channel.excluded)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        channel = next((c for c in self._state.snapshot.channels if c.label == self.current), None)
        if event.key() in STEPS:
            self._step(channel, STEPS[Qt.Key(event.key())])
        elif event.key() == Qt.Key.Key_Space and channel is not None:
            self._exclude(channel.label, not channel.excluded)
        else:
            super().keyPressEvent(event)

    def _step(self, channel: ChannelStatus | None, way: QPointF) -> None:
        """Go to the nearest electrode in a direction; from none, to the one nearest to the middle."""
        placed = [c for c in self._state.snapshot.channels if _placed(c)]
        begin = self._middle if channel is None else self.place(channel)
        costs = {}
        for other in placed:
            there = self.place(other) - begin
            ahead, aside = QPointF.dotProduct(there, way), abs(there.x() * way.y()) + abs(there.y() * way.x())
            if channel is None or ahead > 1.0:
                costs[other.label] = _distance(there, QPointF()) if channel is None else ahead + ASIDE * aside
        if costs:
            self.current = min(costs, key=costs.__getitem__)
            found = next(c for c in placed if c.label == self.current)
            words = describe(found, in_session=self._state.in_session)
            self.setAccessibleDescription(words)
            QToolTip.showText(self.mapToGlobal(self.place(found).toPoint()), plain_tip(words), self)
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        over = self.channel_at(event.position()) is not None
        self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            channel = self.channel_at(QPointF(event.pos()))
            if channel is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(
                    event.globalPos(), plain_tip(describe(channel, in_session=self._state.in_session)), self
                )
            return True
        return super().event(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour(self._theme.panel))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        draw_head(painter, self._middle, self._radius, self._theme)
        channels = [c for c in self._state.snapshot.channels if _placed(c)]
        if not channels:
            painter.setPen(colour(self._theme.faint))
            painter.setFont(font(BODY))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, texts.NO_CHANNELS)
        for channel in channels:
            self._draw_electrode(painter, channel)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colour(self._theme.accent), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)
            for channel in channels:
                if channel.label == self.current:
                    painter.drawEllipse(self.place(channel), 1.5 * self._dot + 3, 1.5 * self._dot + 3)

    def _draw_electrode(self, painter: QPainter, channel: ChannelStatus) -> None:
        at, dot = self.place(channel), self._dot
        if channel.mark and not channel.excluded:  # a ring: judged by the researcher
            painter.setPen(QPen(colour(self._theme.ink), 1.6))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            ring = (max(dot, 8.0) if channel.fault else 0.72 * dot) + 2.5
            painter.drawEllipse(at, ring, ring)
        if channel.excluded:
            painter.setPen(QPen(colour(self._theme.muted), 1.4))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(at, dot, dot)
            arm = 0.6 * dot
            painter.drawLine(at + QPointF(-arm, -arm), at + QPointF(arm, arm))
            painter.drawLine(at + QPointF(-arm, arm), at + QPointF(arm, -arm))
            return
        painter.setPen(Qt.PenStyle.NoPen)
        if self.past:
            painter.setBrush(colour(self._theme.line))
            painter.drawEllipse(at, 0.72 * dot, 0.72 * dot)
            return
        if not channel.fault:
            painter.setBrush(colour(self._theme.good))
            painter.drawEllipse(at, 0.72 * dot, 0.72 * dot)
            return
        ink, letter = FAULTS.get(channel.fault, OTHER_FAULT)
        size = max(dot, 8.0)
        painter.setBrush(colour(ink))
        painter.setPen(QPen(colour(self._theme.window), 1.2))
        painter.drawEllipse(at, size, size)
        painter.setFont(font(SMALL))
        painter.setPen(letter_ink(ink))
        painter.drawText(QRectF(at.x() - size, at.y() - size, 2 * size, 2 * size), Qt.AlignmentFlag.AlignCenter, letter)


class QualityView(QWidget):
    """The head map, a summary of the faults, and the gaze's validity."""

    def __init__(self, state: WindowState, theme: Theme, exclude: Callable[[str, bool], None]) -> None:
        super().__init__()
        self._state, self._past = state, ""
        self.head = HeadMap(state, theme, exclude)
        self.summary = PlainLabel("", "")
        self.faults = PlainLabel("", "muted")
        self.faults.setWordWrap(True)
        self.validity = Meter(texts.GAZE_VALID, theme)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 4, 10, 8)
        layout.setSpacing(3)
        layout.addWidget(self.head, 1)
        for label in (self.summary, self.faults):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            layout.addWidget(label)
        layout.addSpacing(4)
        layout.addWidget(self.validity)

    def set_theme(self, theme: Theme) -> None:
        self.head.set_theme(theme)
        self.validity.set_theme(theme)

    def refresh(self, changed: set[SnapshotPart]) -> None:
        """Paint the newest state."""
        state = self._state
        past = no_data_for(state, state.eeg.newest_s)
        if SnapshotPart.CHANNELS in changed or past != self._past:
            self._past = past
            self.head.show_past(past=bool(past))
            self._summarise()
        share, none = state.gaze_validity(), no_data_for(state, state.gaze.newest_s)
        self.validity.show_value(share, none or percent(share), poor=share < GAZE_GOOD, bad=share < GAZE_POOR)

    def _summarise(self) -> None:
        channels, bad = self._state.snapshot.channels, self._state.bad_channels
        if not channels:
            self.summary.setText(texts.NO_CHANNELS)
            self.faults.setText("")
            return
        if self._past:
            self.summary.setText(texts.NO_ROLE_DATA.format(role=texts.ROLES["eeg"], none=self._past))
            self.faults.setText("")
            return
        self.summary.setText(texts.CHANNELS_GOOD.format(good=len(channels) - len(bad), all=len(channels)))
        counts = Counter("excluded" if c.excluded else c.fault for c in bad)
        listed = [f"{n} {why}" for why, n in counts.most_common()]
        if n_marked := sum(c.mark == "good" for c in channels):
            listed.append(texts.N_MARKED_GOOD.format(n=n_marked))
        self.faults.setText("  ·  ".join(listed))


def next_mark(channel: ChannelStatus) -> str:
    """What a click in a session marks a channel as: the other of what it counts as, or by itself again."""
    return "automatic" if channel.mark else "good" if channel.fault else "bad"


def describe(channel: ChannelStatus, *, in_session: bool = False) -> str:
    """An electrode's tooltip: how it is, and what a click does."""
    why = texts.EXCLUDED if channel.excluded else channel.fault or texts.GOOD
    if channel.mark:
        why = texts.MARKED_BY_YOU.format(mark=channel.mark)
    if math.isfinite(channel.impedance_kohm):
        why = f"{why}\n{texts.IMPEDANCE_TIP.format(impedance=number(channel.impedance_kohm, 1, 'kΩ'))}"
    if in_session:
        if channel.excluded:
            return texts.CHANNEL_FIXED_TIP.format(label=channel.label, why=why)
        action = texts.MARK_ACTIONS[next_mark(channel)]
    else:
        action = texts.INCLUDE if channel.excluded else texts.EXCLUDE
    return texts.CHANNEL_TIP.format(label=channel.label, why=why, action=action)


def no_data_for(state: WindowState, newest_s: float) -> str:
    """How long there has been no data of a kind, in words; empty where there is, or never was."""
    if not math.isfinite(newest_s) or not state.is_past(newest_s):
        return ""
    return texts.NO_DATA.format(age=seconds(state.age_s(newest_s)))


def letter_ink(ground: str) -> Qt.GlobalColor:
    """Black or white, whichever can be read on a background colour."""
    shade = colour(ground)
    light = 0.299 * shade.redF() + 0.587 * shade.greenF() + 0.114 * shade.blueF()
    return Qt.GlobalColor.black if light > 0.5 else Qt.GlobalColor.white


def _placed(channel: ChannelStatus) -> bool:
    return all(math.isfinite(v) for v in (channel.x, channel.y, channel.z))


def _distance(a: QPointF, b: QPointF) -> float:
    return math.hypot(a.x() - b.x(), a.y() - b.y())
