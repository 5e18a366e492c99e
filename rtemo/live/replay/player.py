"""A recording played in the application: a head that moves over what an analysis has found, at any speed.

The head shows what lies between its last place and the present one; moved by hand, it shows what came before that place
anew. It waits where the analysis has not got so far yet. Owned by the engine's thread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality
from rtemo.live.engine.explanations import Explaining, rounded
from rtemo.live.replay.analysis import Analysis
from rtemo.live.service.feed import SAMPLES_S, Feed
from rtemo.live.service.snapshot import ChannelStatus, ReplayView, StreamStatus
from rtemo.live.session.engine_setup import EngineSetup
from rtemo.model.prediction import Prediction
from rtemo.recordings.events import Event, EventKind
from rtemo.sources.stream_choice import StreamQuery

SLOWEST, FASTEST = 0.25, 32.0
WORK_S = 0.02  # how long the analysis goes on between two moves of the head
MOVE_S = 0.02  # and how often the head moves once it is done
REST_S = 0.1  # how often commands are looked for while it is held
MARKS = 1000  # shown on the timeline, at most
MARKING = (EventKind.MARKER, EventKind.ANNOTATION)


class Replay:
    """The recording that is open, if there is one."""

    def __init__(self, setup: EngineSetup, feed: Feed) -> None:
        self._setup, self._feed, self._clock = setup, feed, setup.clock
        self._analysis: Analysis | None = None
        self._position_s = 0.0  # of the head, LSL time
        self._moved_s = 0.0  # when the head got there, on the clock
        self._stale = False  # whether the head was moved by hand and nothing is shown yet
        self._playing, self._speed = True, 1.0
        self._explaining = Explaining(setup.bundle)
        self._explained_s = -math.inf  # the end of the window that was asked about last
        self.explanation: dict[str, float] = {}  # of what is shown

    @property
    def active(self) -> bool:
        return self._analysis is not None

    @property
    def predictions(self) -> Sequence[Prediction]:
        """All of the recording. Raises RtemoError while they are not there yet."""
        analysis = self._need()
        if not analysis.done:
            share = (analysis.ready_s - analysis.first_s) / max(analysis.last_s - analysis.first_s, 1e-9)
            raise RtemoError("the recording is still being read", f"{share:.0%} are done", "try again in a moment")
        return analysis.view.predictions

    # What clients may ask for.

    def do_open_replay(self, path: str) -> None:
        """Open a recording and play it from its start. One that cannot be opened leaves what is there."""
        analysis = Analysis(Path(path), self._setup)
        self._let_go()
        self._analysis = analysis
        self._playing, self._speed = True, 1.0
        self._place(analysis.first_s)
        for why in analysis.refused.values():
            self._feed.put_event(Event(analysis.first_s, EventKind.FAILURE, f"open_replay: {why}"))

    def do_show_participant(self, participant: str) -> None:
        """Show another participant of a recording of several, at the same place."""
        analysis = self._need()
        if participant not in analysis.participants:
            known = ", ".join(analysis.participants) or "nobody is told apart from others"
            raise RtemoError(f"there is no participant {participant!r}", f"found {known}", "name one of them")
        self._replace(Analysis(analysis.path, self._setup, participant=participant))

    def do_close_replay(self) -> None:
        """Close the recording."""
        self._need()
        self._let_go()
        self._feed.begin_era()

    def do_play(self) -> None:
        """Go on; from the start where the end was reached."""
        analysis = self._need()
        if self._position_s >= analysis.last_s:
            self._place(analysis.first_s)
        self._playing, self._moved_s = True, self._clock()

    def do_hold(self) -> None:
        self._need()
        self._advance()
        self._playing = False

    def do_seek(self, position_s: float) -> None:
        """Move the head to so many seconds from the recording's start."""
        analysis = self._need()
        self._place(min(max(analysis.first_s + position_s, analysis.first_s), analysis.last_s))

    def do_speed(self, factor: float) -> None:
        """Play so many times as fast as it was recorded."""
        self._need()
        if not SLOWEST <= factor <= FASTEST:
            raise RtemoError(f"a replay runs {SLOWEST:g} to {FASTEST:g} times as fast", f"found {factor:g}")
        self._advance()
        self._speed = factor

    def do_choose(self, role: str, stream_id: str) -> None:
        """Pin one of the recording's streams to a part, or let the part be given out automatically."""
        analysis = self._need()
        if role not in set(Modality):
            raise RtemoError(f"there is no role {role!r}", "", f"the roles are {', '.join(Modality)}")
        if stream_id:
            status = {status.stream_id: status for status in analysis.stream_statuses()}.get(stream_id)
            if status is None:
                raise RtemoError(f"there is no stream {stream_id!r}", "", "choose one of the list")
            query = StreamQuery(status.name, status.type, status.source_id, status.hostname)
            analysis.roles.pin(Modality(role), query)
        else:
            analysis.roles.pin(Modality(role), None)
        self._analyse_again()

    def do_exclude(self, label: str, *, excluded: bool) -> None:
        """Leave a channel out, or take it in again."""
        self._need().roles.leave_out(label, out=excluded)
        self._analyse_again()

    # For the controller.

    def turn(self) -> float:
        """Go on with the analysis and move the head. Returns how long the caller may wait before the next turn.

        Raises RtemoError where the file cannot be read any more; the recording is closed then.
        """
        analysis = self._need()
        try:
            analysis.work(WORK_S)
        except RtemoError:
            self.do_close_replay()
            raise
        if self._stale:
            self._show_past()
        elif self._playing:
            self._advance()
        self._explain(analysis)
        return 0.0 if not analysis.done else MOVE_S if self._playing else REST_S

    def close(self) -> None:
        self._let_go()

    def view(self) -> ReplayView | None:
        """Where the replay stands."""
        analysis = self._analysis
        if analysis is None:
            return None
        first_s = analysis.first_s
        marks = [event.time_s - first_s for event in analysis.view.events if event.kind in MARKING]
        return ReplayView(
            path=str(analysis.path),
            first_s=first_s,
            length_s=analysis.last_s - first_s,
            ready_s=analysis.ready_s - first_s,
            playing=self._playing,
            waiting=self._stale,
            speed=self._speed,
            marks_s=np.array(marks[:: math.ceil(len(marks) / MARKS) or 1], np.float64),
            participants=analysis.participants,
            participant=analysis.participant,
        )

    @property
    def position_s(self) -> float:
        """Where the head stands, LSL time."""
        return self._position_s

    def stream_statuses(self) -> tuple[StreamStatus, ...]:
        return self._need().stream_statuses()

    def channel_statuses(self) -> tuple[ChannelStatus, ...]:
        return self._need().channel_statuses(self._position_s)

    # How it is done.

    def _explain(self, analysis: Analysis) -> None:
        """Say what moved the prediction at the head, at most once in a second of the recording."""
        window = analysis.view.window_at(self._position_s)
        fresh = window is not None and window.end_s != self._explained_s
        if window is not None and fresh and self._explaining.ask(window, analysis.model_at(window.end_s)):
            self._explained_s = window.end_s
        for explanation in self._explaining.newest():
            if explanation.time_s == self._explained_s:
                self.explanation = rounded(explanation)

    def _need(self) -> Analysis:
        if self._analysis is None:
            raise RtemoError("no recording is open", "", "open one")
        return self._analysis

    def _let_go(self) -> None:
        analysis, self._analysis = self._analysis, None
        self._explaining.close()
        if analysis is not None:
            analysis.close()

    def _analyse_again(self) -> None:
        """Another choice gives other predictions, from the start on."""
        analysis = self._need()
        self._replace(Analysis(analysis.path, self._setup, analysis.roles))

    def _replace(self, again: Analysis) -> None:
        self._let_go()
        self._analysis = again
        self._place(self._position_s)

    def _place(self, position_s: float) -> None:
        self._position_s, self._stale = position_s, True
        self.explanation, self._explained_s = {}, -math.inf
        self._feed.begin_era(position_s)
        self._show_past()

    def _show_past(self) -> None:
        """What lies before the head, once it is known."""
        analysis = self._need()
        if analysis.ready_s < self._position_s:
            return
        self._stale, self._moved_s = False, self._clock()
        self._show(-math.inf, self._position_s)

    def _advance(self) -> None:
        """Move the head to where it should be now."""
        analysis, now_s = self._need(), self._clock()
        if not self._playing or self._stale:
            return
        due_s = self._position_s + self._speed * (now_s - self._moved_s)
        reached_s = max(self._position_s, min(due_s, analysis.ready_s))
        self._show(self._position_s, reached_s)
        self._position_s, self._moved_s = reached_s, now_s
        if reached_s >= analysis.last_s:
            self._playing = False

    def _show(self, after_s: float, until_s: float) -> None:
        view, feed = self._need().view, self._feed
        samples_s = max(after_s, until_s - SAMPLES_S)
        for event in view.events_between(after_s, until_s):
            feed.put_event(event)
        for prediction in view.predictions_between(after_s, until_s):
            feed.put_prediction(prediction)
        feed.put_eeg(view.eeg(samples_s, until_s))
        feed.put_gaze(view.gaze(samples_s, until_s))
        for block in view.traces(samples_s, until_s):
            feed.put_trace(block)
        feed.put_gaze_events(view.gaze_events_between(samples_s, until_s))
        feed.set_position(until_s)
