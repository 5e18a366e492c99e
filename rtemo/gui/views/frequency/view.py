"""Views of the EEG by frequency. Their plots are made when they are first looked at; a hidden view costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from rtemo.gui import texts
from rtemo.gui.painting.choice_box import choice_box
from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.display_filter import BANDS
from rtemo.gui.painting.text_labels import ElidedLabel
from rtemo.gui.views.quality import no_data_for
from rtemo.gui.window_state import SnapshotPart, WindowState

if TYPE_CHECKING:
    from rtemo.gui.views.frequency.spectrogram_plot import SpectrogramPlot
    from rtemo.gui.views.frequency.spectrum_plot import SpectrumPlot

ALL = 0  # index of "all good channels" among the choices


class FrequencyView(QWidget):
    """A plot by frequency with its choice of channel and filter. kind: which plot."""

    def __init__(self, state: WindowState, theme: Theme, kind: Literal["spectrum", "spectrogram"]) -> None:
        super().__init__()
        self._state, self._theme, self._kind = state, theme, kind
        self.plot: SpectrumPlot | SpectrogramPlot | None = None
        self._labels: tuple[str, ...] = ()
        self.channel = choice_box([texts.ALL_GOOD], 0, texts.CHANNEL_CHOICE)
        self.band = choice_box([band.name for band in BANDS], 0, texts.FILTER_TIP)
        self.note = ElidedLabel(texts.NO_CHANNELS, "muted")
        self.channel.currentIndexChanged.connect(self._changed)
        self.band.currentIndexChanged.connect(self._changed)
        top = QHBoxLayout()
        top.setContentsMargins(10, 2, 10, 2)
        top.setSpacing(6)
        top.addWidget(self.note, 1)
        top.addWidget(self.channel)
        top.addWidget(self.band)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(2, 0, 6, 4)
        self._layout.setSpacing(0)
        self._layout.addLayout(top)
        self._layout.addStretch(1)
        self.setMinimumSize(180, 110)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        if self.plot is not None:
            self.plot.set_theme(theme)

    def refresh(self, changed: set[SnapshotPart]) -> None:
        """Show the newest seconds, grey where they are not the present."""
        if not self.isVisible():
            return
        if SnapshotPart.CHANNELS in changed or len(self._labels) != self._state.eeg.n_columns:
            self._offer_channels()
        past = no_data_for(self._state, self._state.eeg.newest_s)
        self.note.setText(past or (texts.NO_CHANNELS if not self._labels else self._described()))
        if not self._labels:
            return
        if self.plot is None:
            self.plot = self._make()
            self._layout.takeAt(self._layout.count() - 1)
            self._layout.addWidget(self.plot, 1)
        self.plot.show_power(self.columns, BANDS[self.band.currentIndex()], past=bool(past))

    @property
    def columns(self) -> list[int]:
        """The chosen channel, or all that are good."""
        if self.channel.currentIndex() != ALL:
            return [self.channel.currentIndex() - 1]
        known = self._state.snapshot.channels
        good = [k for k, one in enumerate(known) if not (one.fault or one.excluded)]
        return [k for k in good if k < self._state.eeg.n_columns] or list(range(self._state.eeg.n_columns))

    def _described(self) -> str:
        n = len(self.columns)
        words = texts.SPECTRUM_NOTE if self._kind == "spectrum" else texts.SPECTROGRAM_NOTE
        return words.format(which=self._labels[self.columns[0]] if n == 1 else texts.MEDIAN_OF.format(n=n))

    def _make(self) -> SpectrumPlot | SpectrogramPlot:
        """Pyqtgraph takes half a second to import: not before it is wanted."""
        if self._kind == "spectrum":
            from rtemo.gui.views.frequency.spectrum_plot import SpectrumPlot

            return SpectrumPlot(self._state, self._theme)
        from rtemo.gui.views.frequency.spectrogram_plot import SpectrogramPlot

        return SpectrogramPlot(self._state, self._theme)

    def _offer_channels(self) -> None:
        known, n = self._state.snapshot.channels, self._state.eeg.n_columns
        labels = tuple(known[k].label if k < len(known) else str(k + 1) for k in range(n))
        if labels == self._labels:
            return
        chosen, self._labels = self.channel.currentText(), labels
        self.channel.blockSignals(True)  # noqa: FBT003 - Qt's signature
        self.channel.clear()
        self.channel.addItems([texts.ALL_GOOD, *labels])
        self.channel.setCurrentIndex(max(0, self.channel.findText(chosen, Qt.MatchFlag.MatchExactly)))
        self.channel.blockSignals(False)  # noqa: FBT003

    def _changed(self) -> None:
        self.refresh({SnapshotPart.EEG})
