"""Construct all views and bars of a window, and set how often each is refreshed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtWidgets import QWidget

from rtemo.gui import texts
from rtemo.gui.bars.replay_bar import ReplayBar
from rtemo.gui.bars.report_bar import ReportBar
from rtemo.gui.bars.session_bar import SessionBar
from rtemo.gui.bars.status_line import StatusLine
from rtemo.gui.bars.status_strip import StatusStrip
from rtemo.gui.dialogs.open_dialogs import SessionDialogs
from rtemo.gui.painting.colours import Theme
from rtemo.gui.people import words
from rtemo.gui.people.cards import ParticipantCards
from rtemo.gui.people.roles import chooser
from rtemo.gui.people.synchrony_view import SynchronyView
from rtemo.gui.refresh_schedule import GAZE_FRAMES, RESULT_FRAMES, SLOW_FRAMES, RefreshSchedule
from rtemo.gui.views.distance import DistanceView
from rtemo.gui.views.emotion import EmotionView
from rtemo.gui.views.events import EventsView
from rtemo.gui.views.frequency.view import FrequencyView
from rtemo.gui.views.further_signals import FurtherSignalsView
from rtemo.gui.views.gaze import GazeView
from rtemo.gui.views.history import HistoryView
from rtemo.gui.views.quality import QualityView, next_mark
from rtemo.gui.views.rating import RatingView
from rtemo.gui.views.signals.view import SignalsView
from rtemo.gui.views.streams import StreamsView
from rtemo.gui.views.valence_arousal import ValenceArousalView
from rtemo.gui.views.welcome import WelcomeView
from rtemo.gui.window_state import WindowState


class AllViews:
    """The views and bars of one window, by name."""

    def __init__(
        self,
        state: WindowState,
        theme: Theme,
        send: Callable[..., None],
        root: str,
        dialogs: SessionDialogs,
        show_person: Callable[[str], None],
    ) -> None:
        """send: a command to the engine. root: the folder that sessions are written to. show_person: has another one of
        several participants shown.
        """
        self.people = ParticipantCards(state, theme, show_person)
        self.synchrony = SynchronyView(state, theme)
        self.welcome = WelcomeView(state)
        self.signals = SignalsView(state, theme)
        self.streams = StreamsView(state, theme, chooser(send), send)
        self.gaze = GazeView(state, theme)
        self.quality = QualityView(
            state, theme, lambda label, excluded: _leave_out(state, send, label, excluded=excluded)
        )
        self.emotion = EmotionView(state, theme)
        self.history = HistoryView(state, theme)
        self.valence_arousal = ValenceArousalView(state, theme)
        self.events = EventsView(state, theme)
        self.distance = DistanceView(state, theme)
        self.spectrum = FrequencyView(state, theme, "spectrum")
        self.spectrogram = FrequencyView(state, theme, "spectrogram")
        self.further = FurtherSignalsView(state, theme)
        self.rating = RatingView(state, theme)
        self.strip = StatusStrip(state, theme)
        self.session = SessionBar(state, send, root, dialogs.ask_baseline, dialogs.ask_session, dialogs.index)
        self.session.may_stop = dialogs.ask_stop
        dialogs.bar = self.session
        self.report = ReportBar(state)
        self.replay = ReplayBar(state, theme, send)
        self.status = StatusLine(state)
        self._by_interval: Mapping[int, tuple[Any, ...]] = {
            1: (self.signals,),
            GAZE_FRAMES: (self.gaze, self.further, self.replay),
            RESULT_FRAMES: (
                self.strip,
                self.people,
                self.welcome,
                self.emotion,
                self.valence_arousal,
                self.distance,
                self.session,
                self.report,
                self.rating,
                dialogs,
            ),
            SLOW_FRAMES: (
                self.streams,
                self.quality,
                self.history,
                self.events,
                self.status,
                self.synchrony,
                *self._by_frequency,
            ),
        }
        self.refresh_schedule = RefreshSchedule(self._by_interval)

    @property
    def _by_frequency(self) -> tuple[FrequencyView, FrequencyView]:
        return self.spectrum, self.spectrogram

    @property
    def docked(self) -> dict[str, QWidget]:
        """The views that are docked around the signals, by name."""
        return {
            texts.EMOTION: self.emotion,
            texts.PLANE: self.valence_arousal,
            texts.QUALITY: self.quality,
            texts.GAZE: self.gaze,
            texts.EVENTS: self.events,
            texts.HISTORY: self.history,
            texts.STREAMS: self.streams,
            texts.SPECTRUM: self.spectrum,
            texts.SPECTROGRAM: self.spectrogram,
            texts.FURTHER: self.further,
            texts.RATING_VIEW: self.rating,
            words.SYNCHRONY: self.synchrony,
        }

    @property
    def exportable(self) -> dict[str, QWidget]:
        """The views that can be exported, by name."""
        return {texts.SIGNALS: self.signals, **{k: view for k, view in self.docked.items() if k != texts.RATING_VIEW}}

    def set_theme(self, theme: Theme) -> None:
        """Switch the colours of the views that paint themselves."""
        for view in (one for views in self._by_interval.values() for one in views):
            if hasattr(view, "set_theme"):
                view.set_theme(theme)


def _leave_out(state: WindowState, send: Callable[..., None], label: str, *, excluded: bool) -> None:
    """Leave a channel out, or take it in again: before a session from its layout, in one by a mark from now on."""
    if not state.in_session:
        send("exclude", label=label, excluded=excluded)
        return
    channel = next((one for one in state.snapshot.channels if one.label == label and not one.excluded), None)
    if channel is not None:
        send("mark_channel", label=label, mark=next_mark(channel))
