"""View of the signals: live, or the past, with the choice of filter, channels, scale and time span."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QScrollBar, QStackedWidget, QVBoxLayout, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.choice_box import choice_box
from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.display_filter import BANDS
from rtemo.gui.painting.text_labels import PlainLabel
from rtemo.gui.views.signals.canvas import SignalCanvas
from rtemo.gui.views.signals.lanes import ALL, BY_DEFAULT, ChannelsInView
from rtemo.gui.window_state import SnapshotPart, WindowState

if TYPE_CHECKING:
    from rtemo.gui.views.signals.past import PastSignals

SCALES_UV = (10, 20, 50, 100, 200, 500, 1000)
SPANS_S = (5, 10, 20, 30, 60)
ROWS = (BY_DEFAULT, ALL, 64, 32, 16, 8)
ZOOM = 1.5


class SignalsView(QWidget):
    """The live canvas or the plot of the past, with their settings."""

    def __init__(self, state: WindowState, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._state, self._theme = state, theme
        self.channels = ChannelsInView(state)
        self.canvas = SignalCanvas(state, theme, self.channels)
        self.past: PastSignals | None = None
        self.scroll = QScrollBar(Qt.Orientation.Vertical)
        self.scroll.setAccessibleName(texts.ROWS_TIP)
        self.scroll.hide()
        self.look = QPushButton(texts.LOOK_BACK)
        self.look.setToolTip(texts.LOOK_BACK_TIP)
        self.scale = choice_box([texts.SCALE.format(uv=uv) for uv in SCALES_UV], SCALES_UV.index(50), texts.SCALE_TIP)
        self.span = choice_box([texts.SPAN.format(s=s) for s in SPANS_S], SPANS_S.index(10), texts.SPAN_TIP)
        names = {BY_DEFAULT: texts.DEFAULT_CHANNELS, ALL: texts.ALL_CHANNELS}
        self.shown = choice_box([names.get(n, texts.SOME_CHANNELS.format(n=n)) for n in ROWS], 0, texts.ROWS_TIP)
        self.band = choice_box([band.name for band in BANDS], 0, texts.FILTER_TIP)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.canvas)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(0, 4, 8, 4)
        top.setSpacing(6)
        top.addWidget(PlainLabel(texts.SIGNALS, "title"))
        top.addStretch(1)
        for part in (self.look, self.band, self.shown, self.scale, self.span):
            top.addWidget(part)
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self._stack, 1)
        middle.addWidget(self.scroll)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addLayout(middle, 1)

    def _connect(self) -> None:
        for box in (self.scale, self.span, self.shown, self.band):
            box.currentIndexChanged.connect(self._set)
        self.look.clicked.connect(self.toggle_past)
        self.scroll.valueChanged.connect(self._scrolled)
        self.canvas.dragged.connect(self.look_back)
        self.canvas.span_turned.connect(self.step_span)
        self.canvas.scale_turned.connect(self.step_scale)
        self.canvas.channels_turned.connect(self.step_channels)

    @property
    def is_past(self) -> bool:
        """Whether the past is shown."""
        return self.past is not None and self._stack.currentWidget() is self.past

    def refresh(self, changed: set[SnapshotPart]) -> None:
        """Paint new samples; the past stands still, and says how long ago it is."""
        self._fit_scroll_bar()
        if not self.isVisible():
            return
        if self.is_past and self.past is not None:
            if changed & {SnapshotPart.STATE, SnapshotPart.EVENTS}:
                self.past.refresh()
        else:
            self.canvas.refresh(changed)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.canvas.set_theme(theme)
        if self.past is not None:
            self.past.set_theme(theme)

    # ------------------------------------------------------------------ past and present

    def toggle_past(self) -> None:
        """Pause the signals and look back, or go back to the present."""
        self.show_live() if self.is_past else self.look_back()

    def look_back(self, by_s: float = 0.0) -> None:
        """Show the past, so many seconds back."""
        if not self.channels.n and not len(self._state.gaze):
            return
        if not self.is_past:
            self._show_past().enter(SPANS_S[self.span.currentIndex()])
        if self.past is not None:
            self.past.move(-by_s)

    def look_on(self, by_s: float) -> None:
        """Of the past, show what came after."""
        if self.is_past:
            self.look_back(-by_s)

    def show_live(self) -> None:
        """Show the present."""
        had_focus = self.past is not None and self.past.isAncestorOf(self.focusWidget() or self)
        self._stack.setCurrentWidget(self.canvas)
        self.look.show()
        self.canvas.restart()
        if had_focus:
            self.look.setFocus()

    def _show_past(self) -> PastSignals:
        if self.past is None:
            from rtemo.gui.views.signals.past import PastSignals  # half a second to load: not before it is wanted

            self.past = PastSignals(self._state, self._theme, self.channels)
            self.past.live.connect(self.show_live)
            self.past.plot.scale_turned.connect(self.step_scale)
            self.past.plot.channels_turned.connect(self.step_channels)
            self._stack.addWidget(self.past)
        self._stack.setCurrentWidget(self.past)
        self.look.hide()  # the way back is in the past
        self._set()
        self.past.plot.setFocus()
        return self.past

    # ------------------------------------------------------------------ what is shown of them

    def step_scale(self, by: int) -> None:
        """Change to the next larger or smaller scale."""
        self.scale.setCurrentIndex(max(0, min(len(SCALES_UV) - 1, self.scale.currentIndex() + by)))

    def step_span(self, by: int) -> None:
        """Change to the next longer or shorter time span; of the past, zoom."""
        if self.is_past and self.past is not None:
            self.past.zoom(ZOOM**by)
        else:
            self.span.setCurrentIndex(max(0, min(len(SPANS_S) - 1, self.span.currentIndex() + by)))

    def step_channels(self, by: int) -> None:
        """Move through the channels by a part of those that are shown."""
        self.scroll.setValue(self.channels.first + by * max(1, self.channels.count // 8))

    def page_channels(self, by: int) -> None:
        """Move through the channels by as many as are shown."""
        self.scroll.setValue(self.channels.first + by * self.channels.count)

    def _scrolled(self, first: int) -> None:
        if self.channels.scroll_to(first):
            self._repaint()

    def _fit_scroll_bar(self) -> None:
        hidden = self.channels.n - self.channels.count
        if (hidden > 0) == self.scroll.isHidden() or self.scroll.maximum() != max(0, hidden):
            self.scroll.setRange(0, max(0, hidden))
            self.scroll.setPageStep(self.channels.count)
            self.scroll.setVisible(hidden > 0)

    def _set(self) -> None:
        self.channels.rows = ROWS[self.shown.currentIndex()]
        for part in (self.canvas, self.past):
            if part is not None:
                part.scale_uv = SCALES_UV[self.scale.currentIndex()]
                part.band = BANDS[self.band.currentIndex()]
        begun = self.canvas.span_s
        self.canvas.span_s = SPANS_S[self.span.currentIndex()]
        if self.is_past and self.past is not None and begun != self.canvas.span_s:
            end_s = self.past.range_s[1]
            self.past.show_range(end_s - self.canvas.span_s, end_s)
        self._fit_scroll_bar()
        self._repaint()

    def _repaint(self) -> None:
        if self.is_past and self.past is not None:
            self.past.paint()
        self.canvas.restart()
