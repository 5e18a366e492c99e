"""View of the streams that have no role and are recorded all the same: ECG, skin conductance, breathing, motion.

Each stream has a line with its state, and below it a lane for each channel, on a scale of its own. What has not come
for a while is grey, and the traces end where the samples ended: the right edge is now.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.choice_box import choice_box
from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.lamps import draw_lamp
from rtemo.gui.painting.lines import draw_line
from rtemo.gui.painting.ring_buffer import decimate
from rtemo.gui.painting.strip import tick_step
from rtemo.gui.painting.text_labels import ElidedLabel
from rtemo.gui.painting.theme import SMALL, colour, font
from rtemo.gui.views.quality import no_data_for
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import TRACE_CHANNELS, StreamStatus
from rtemo.presentation.numbers import age, number

SPANS_S = (5, 10, 30, 60)
HEAD, LANE, GUTTER, FOOT = 20, 34, 112, 18
GAP_S = 0.25  # samples further apart than this, or than three steps of their stream, are not joined
USED = 0.5  # of a lane: where the samples need less, its scale becomes finer


@dataclass(frozen=True, slots=True)
class ShownStream:
    """One stream as it is shown. none: how long nothing has come, in words; empty where that is not so."""

    stream_id: str
    name: str
    channels: tuple[str, ...]
    nominal_hz: float
    none: str


class FurtherSignalsView(QWidget):
    """The traces of the last seconds, with a choice of how many."""

    def __init__(self, state: WindowState, theme: Theme) -> None:
        super().__init__()
        self._state = state
        self.canvas = Traces(state, theme)
        self.note = ElidedLabel(texts.NO_FURTHER, "muted")
        self.span = choice_box([texts.SPAN.format(s=s) for s in SPANS_S], 1, texts.TRACES_SPAN_TIP)
        self.span.currentIndexChanged.connect(self._choose_span)
        top = QHBoxLayout()
        top.setContentsMargins(10, 0, 10, 2)
        top.addWidget(self.note, 1)
        top.addWidget(self.span)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.canvas)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setAccessibleName(texts.FURTHER)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 0, 4, 2)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(scroll, 1)
        self.setMinimumSize(200, 110)

    def set_theme(self, theme: Theme) -> None:
        self.canvas.theme = theme
        self.canvas.update()

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """Show the newest samples, and the age of what is not new."""
        if not self.isVisible():
            return
        self.canvas.show_streams(shown_streams(self._state))
        n = len(self.canvas.streams)
        self.note.setText(texts.FURTHER_NOTE.format(n=n) if n else texts.NO_FURTHER)

    def _choose_span(self, index: int) -> None:
        self.canvas.span_s = SPANS_S[index]
        self.canvas.update()


class Traces(QWidget):
    """Paints the lanes, one below the other."""

    def __init__(self, state: WindowState, theme: Theme) -> None:
        super().__init__()
        self._state, self.theme = state, theme
        self.streams: tuple[ShownStream, ...] = ()
        self.span_s = SPANS_S[1]
        self._ranges: dict[tuple[str, int], tuple[float, float]] = {}
        self.setAccessibleName(texts.FURTHER)

    def show_streams(self, streams: tuple[ShownStream, ...]) -> None:
        self.streams = streams
        self.setMinimumHeight(sum(HEAD + LANE * len(stream.channels) for stream in streams) + FOOT)
        self.setAccessibleDescription(
            ". ".join(f"{one.name}: {one.none or texts.STATES['streaming']}" for one in streams)
        )
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour(self.theme.panel))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        now_s, n_lanes = self._state.time_s, sum(len(stream.channels) for stream in self.streams)
        if not n_lanes or not math.isfinite(now_s):
            return
        bottom = self.height() - FOOT
        self._draw_seconds(painter, bottom)
        lane = (bottom - HEAD * len(self.streams)) / n_lanes
        y = 0.0
        for stream in self.streams:
            self._draw_head(painter, stream, y)
            y += HEAD
            times, rows = self._newest(stream, now_s)
            for channel, label in enumerate(stream.channels):
                values = rows[:, channel] if channel < rows.shape[1] else np.full(len(times), np.nan, np.float32)
                where = QRectF(0, y, self.width(), lane)
                self._draw_lane(painter, stream, channel, label, where)
                self._draw_trace(painter, stream, channel, self._x_of(times, now_s), values, where)
                y += lane

    def _newest(self, stream: ShownStream, now_s: float) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """The last seconds up to now, of many samples the extremes; NaN where samples are missing in between."""
        kept = self._state.traces.get(stream.stream_id)
        if kept is None:
            return np.empty(0), np.empty((0, len(stream.channels)), np.float32)
        per_s = max(1.0, (self.width() - GUTTER) / self.span_s)
        times, rows = decimate(*kept.between(now_s - self.span_s, now_s), per_s)
        apart_s = max(GAP_S, 3.0 / stream.nominal_hz if stream.nominal_hz else self._state.limit_s, 2.0 / per_s)
        gaps = np.flatnonzero(np.diff(times) > apart_s) + 1
        return np.insert(times, gaps, times[gaps]), np.insert(rows, gaps, np.nan, axis=0)

    def _x_of(self, times: NDArray[np.float64], now_s: float) -> NDArray[np.float64]:
        width = self.width() - GUTTER - 4
        return np.asarray(GUTTER + width * (1.0 - (now_s - times) / self.span_s))

    def _draw_seconds(self, painter: QPainter, bottom: float) -> None:
        painter.setFont(font(SMALL))
        step = tick_step(self.span_s) if self.span_s <= 24 else self.span_s // 6
        for back in range(0, self.span_s, step):
            x = float(self._x_of(np.array([-float(back)]), 0.0)[0])
            painter.setPen(QPen(colour(self.theme.line, 0.55), 1))
            painter.drawLine(QPointF(x, 0), QPointF(x, bottom))
            painter.setPen(colour(self.theme.muted))
            words = texts.NOW if back == 0 else f"\N{MINUS SIGN}{back} s"
            place = Qt.AlignmentFlag.AlignRight if back == 0 else Qt.AlignmentFlag.AlignHCenter
            box = QRectF(x - 60, bottom + 1, 62, FOOT - 2) if back == 0 else QRectF(x - 40, bottom + 1, 80, FOOT - 2)
            painter.drawText(box, place | Qt.AlignmentFlag.AlignVCenter, words)

    def _draw_head(self, painter: QPainter, stream: ShownStream, y: float) -> None:
        """The stream's name with its light, and how long it has been silent."""
        theme = self.theme
        painter.setPen(QPen(colour(theme.line), 1))
        painter.drawLine(QPointF(0, y), QPointF(self.width(), y))
        draw_lamp(painter, QRectF(8, y + 5, 10, 10), theme.idle if stream.none else theme.good,
                  "waiting" if stream.none else "good")  # fmt: skip
        painter.setFont(font(SMALL, QFont.Weight.DemiBold))
        painter.setPen(colour(theme.faint if stream.none else theme.ink))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(24, y, self.width() - 190, HEAD), Qt.AlignmentFlag.AlignLeft | middle, stream.name)
        if stream.none:
            painter.setPen(colour(theme.warn))
            painter.drawText(QRectF(0, y, self.width() - 8, HEAD), Qt.AlignmentFlag.AlignRight | middle, stream.none)

    def _draw_lane(self, painter: QPainter, stream: ShownStream, channel: int, label: str, where: QRectF) -> None:
        """The channel's name, and what its upper and lower edge stand for."""
        painter.setFont(font(SMALL))
        painter.setPen(colour(self.theme.faint if stream.none else self.theme.muted))
        tall = where.height() >= LANE
        low, high = self._ranges.get((stream.stream_id, channel), (math.nan, math.nan))
        edges = (number(value, _digits(high - low)) for value in (high, low)) if tall else ()
        right = GUTTER - 8.0
        used = 0
        for text, place in zip(edges, (Qt.AlignmentFlag.AlignTop, Qt.AlignmentFlag.AlignBottom), strict=False):
            used = max(used, painter.fontMetrics().horizontalAdvance(text) + 8)
            painter.drawText(QRectF(0, where.top(), right, where.height()), Qt.AlignmentFlag.AlignRight | place, text)
        room = QRectF(8, where.top(), right - 8 - used, where.height())
        words = painter.fontMetrics().elidedText(label, Qt.TextElideMode.ElideRight, int(room.width()))
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)

    def _draw_trace(
        self,
        painter: QPainter,
        stream: ShownStream,
        channel: int,
        x: NDArray[np.float64],
        values: NDArray[np.float32],
        where: QRectF,
    ) -> None:
        low, high = self._range_of((stream.stream_id, channel), values)
        if not math.isfinite(low):
            return
        heights = where.bottom() - 3 - (where.height() - 6) * (values.astype(np.float64) - low) / (high - low)
        painter.setPen(QPen(colour(self.theme.faint if stream.none else self.theme.trace), 1.0))
        draw_line(painter, x, heights)

    def _range_of(self, key: tuple[str, int], values: NDArray[np.float32]) -> tuple[float, float]:
        """What the lane reaches from and to: it holds all samples, and stands still where they need about the same."""
        known = values[np.isfinite(values)]
        if not len(known):
            return self._ranges.get(key, (math.nan, math.nan))
        low, high = float(known.min()), float(known.max())
        before = self._ranges.get(key)
        if (
            before is not None
            and before[0] <= low
            and high <= before[1]
            and high - low >= USED * (before[1] - before[0])
        ):
            return before
        margin = 0.1 * (high - low) or 0.1 * abs(high) or 1.0
        self._ranges[key] = low - margin, high + margin
        return self._ranges[key]


def shown_streams(state: WindowState) -> tuple[ShownStream, ...]:
    """The further streams, in the order of the table of streams, with what is known of them now."""
    listed = {stream.stream_id: stream for stream in state.snapshot.streams if not stream.role}
    order = [stream_id for stream_id in listed if stream_id in state.traces]
    order += [stream_id for stream_id in state.traces if stream_id not in listed]
    found = []
    for stream_id in order:
        kept, stream = state.traces[stream_id], listed.get(stream_id)
        none = no_data_for(state, kept.newest_s)
        hz = stream.nominal_hz if stream is not None else 0.0
        found.append(ShownStream(stream_id, _title(state, stream), _channels(stream, kept.n_columns), hz, none))
    return tuple(found)


def _title(state: WindowState, stream: StreamStatus | None) -> str:
    if stream is None:
        return texts.GONE_STREAM
    kind = stream.type if stream.type.casefold() not in stream.name.casefold() else ""
    rate = f"{stream.nominal_hz:g} Hz" if stream.nominal_hz else texts.IRREGULAR
    left_out = (
        texts.CHANNELS_LEFT_OUT.format(shown=TRACE_CHANNELS, n=stream.n_channels)
        if stream.n_channels > TRACE_CHANNELS
        else ""
    )
    age_s = state.stream_age_s(stream)
    late = age(age_s) if math.isfinite(age_s) else ""
    return "  ·  ".join(part for part in (stream.name, kind, rate, left_out, late) if part)


def _channels(stream: StreamStatus | None, n: int) -> tuple[str, ...]:
    """What the lanes are called: label and unit, as far as the stream states them."""
    labels = stream.labels if stream is not None else ()
    units = stream.units if stream is not None else ()
    named = []
    for k in range(n):
        label = labels[k].strip() if k < len(labels) and labels[k].strip() else str(k + 1)
        unit = units[k].strip() if k < len(units) else ""
        named.append(f"{label} ({unit})" if unit else label)
    return tuple(named)


def _digits(span: float) -> int:
    """Decimals that tell values of a range apart."""
    return max(0, min(6, 1 - math.floor(math.log10(span)))) if math.isfinite(span) and span > 0 else 0
