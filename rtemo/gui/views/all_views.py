"""The views of one window: what each is made of, where it may stand, and how often it is refreshed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtWidgets import QWidget

from rtemo.gui import texts
from rtemo.gui.bars.replay_bar import ReplayBar
from rtemo.gui.bars.report_bar import ReportBar
from rtemo.gui.bars.session_bar import SessionBar
from rtemo.gui.bars.status_line import StatusLine
from rtemo.gui.dialogs.open_dialogs import SessionDialogs
from rtemo.gui.painting.colours import Theme
from rtemo.gui.refresh_schedule import GAZE_FRAMES, RESULT_FRAMES, SLOW_FRAMES, RefreshSchedule
from rtemo.gui.views.emotion import EmotionView
from rtemo.gui.views.events import EventsView
from rtemo.gui.views.gaze import GazeView
from rtemo.gui.views.history import HistoryView
from rtemo.gui.views.quality import QualityView
from rtemo.gui.views.signals import SignalsView
from rtemo.gui.views.streams import StreamsView
from rtemo.gui.views.valence_arousal import PlaneView
from rtemo.gui.views.welcome import EmptyView
from rtemo.gui.window_state import WindowState


class AllViews:
    """Made once, with the window."""

    def __init__(
        self, model: WindowState, theme: Theme, send: Callable[..., None], root: str, dialogs: SessionDialogs
    ) -> None:
        """send: asks the engine. root: where sessions are written."""
        self.empty = EmptyView()
        self.signals = SignalsView(model, theme)
        self.streams = StreamsView(model, theme, lambda role, stream: send("choose", role=role, stream_id=stream))
        self.gaze = GazeView(model, theme)
        self.quality = QualityView(
            model, theme, lambda label, excluded: send("exclude", label=label, excluded=excluded)
        )
        self.emotion = EmotionView(model, theme)
        self.history = HistoryView(model, theme)
        self.plane = PlaneView(model, theme)
        self.events = EventsView(model, theme)
        self.session = SessionBar(model, theme, send, root, dialogs.ask_baseline)
        self.report = ReportBar(model)
        self.replay = ReplayBar(model, theme, send)
        self.status = StatusLine(model)
        self._by_beat: Mapping[int, tuple[Any, ...]] = {
            1: (self.signals,),
            GAZE_FRAMES: (self.gaze, self.replay),
            RESULT_FRAMES: (self.emotion, self.plane, self.session, self.report, dialogs),
            SLOW_FRAMES: (self.streams, self.quality, self.history, self.events, self.status),
        }
        self.beats = RefreshSchedule(self._by_beat)

    @property
    def docked(self) -> dict[str, QWidget]:
        """Those that stand around the signals, by name."""
        return {
            texts.EMOTION: self.emotion,
            texts.PLANE: self.plane,
            texts.QUALITY: self.quality,
            texts.GAZE: self.gaze,
            texts.EVENTS: self.events,
            texts.HISTORY: self.history,
            texts.STREAMS: self.streams,
        }

    @property
    def pictured(self) -> dict[str, QWidget]:
        """Those that can be written as pictures, by name."""
        return {texts.SIGNALS: self.signals, **self.docked}

    def set_theme(self, theme: Theme) -> None:
        """Dress those that paint themselves."""
        for view in (one for beat in self._by_beat.values() for one in beat):
            if hasattr(view, "set_theme"):
                view.set_theme(theme)
