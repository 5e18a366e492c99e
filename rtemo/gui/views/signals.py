"""View of the signals, with the choice of display filter, channels, scale and time span."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.display_filter import BANDS
from rtemo.gui.painting.text_labels import PlainLabel
from rtemo.gui.views.signal_canvas import SignalCanvas
from rtemo.gui.window_state import SnapshotPart, WindowState

SCALES_UV = (10, 20, 50, 100, 200, 500, 1000)
SPANS_S = (5, 10, 20, 30, 60)
ROWS = (0, 64, 32, 16, 8)  # 0: all


class SignalsView(QWidget):
    """The canvas of the signals with its settings."""

    def __init__(self, state: WindowState, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.canvas = SignalCanvas(state, theme)
        self.scale = _choice([texts.SCALE.format(uv=uv) for uv in SCALES_UV], SCALES_UV.index(50), texts.SCALE_TIP)
        self.span = _choice([texts.SPAN.format(s=s) for s in SPANS_S], SPANS_S.index(10), texts.SPAN_TIP)
        names = [texts.SOME_CHANNELS.format(n=n) if n else texts.ALL_CHANNELS for n in ROWS]
        self.shown = _choice(names, 0, texts.ROWS_TIP)
        self.band = _choice([band.name for band in BANDS], 0, texts.FILTER_TIP)
        for box in (self.scale, self.span, self.shown, self.band):
            box.currentIndexChanged.connect(self._set)
        top = QHBoxLayout()
        top.setContentsMargins(0, 4, 8, 4)
        top.setSpacing(6)
        top.addWidget(PlainLabel(texts.SIGNALS, "title"))
        top.addStretch(1)
        for box in (self.band, self.shown, self.scale, self.span):
            top.addWidget(box)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(self.canvas, 1)

    def refresh(self, changed: set[SnapshotPart]) -> None:
        """Paint new samples."""
        if self.isVisible():
            self.canvas.refresh(changed)

    def set_theme(self, theme: Theme) -> None:
        self.canvas.set_theme(theme)

    def step_scale(self, by: int) -> None:
        """Change to the next larger or smaller scale."""
        self.scale.setCurrentIndex(max(0, min(len(SCALES_UV) - 1, self.scale.currentIndex() + by)))

    def step_span(self, by: int) -> None:
        """Change to the next longer or shorter time span."""
        self.span.setCurrentIndex(max(0, min(len(SPANS_S) - 1, self.span.currentIndex() + by)))

    def _set(self) -> None:
        self.canvas.scale_uv = SCALES_UV[self.scale.currentIndex()]
        self.canvas.span_s = SPANS_S[self.span.currentIndex()]
        self.canvas.rows = ROWS[self.shown.currentIndex()]
        self.canvas.band = BANDS[self.band.currentIndex()]
        self.canvas.restart()


def _choice(names: list[str], chosen: int, tip: str) -> QComboBox:
    box = QComboBox()
    box.addItems(names)
    box.setCurrentIndex(chosen)
    box.setToolTip(tip)
    box.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
    return box
