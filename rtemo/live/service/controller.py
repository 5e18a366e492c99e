"""Runs the application's engine: one thread that owns the source, the pipeline and the model, and obeys its clients.

Clients only see its feed and put commands into its queue. What a command does stands in the part that it belongs to,
as a method do_<command>: `LiveStreams` (the live streams), `SessionControl` (what is kept) or `Replay` (a recording).
What cannot be done becomes an event; what breaks the thread becomes Phase.FAILED.
"""

from __future__ import annotations

import logging
import math
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtemo.core.errors import RtemoError
from rtemo.live.engine.run_together import READ_S
from rtemo.live.log_file import log_path
from rtemo.live.output.output_queue import OutputQueue
from rtemo.live.output.prediction_files import PredictionSink, open_output
from rtemo.live.remote.line_server import LineServer
from rtemo.live.remote.remote_control import RemoteControl
from rtemo.live.replay.player import Replay
from rtemo.live.service.feed import Feed
from rtemo.live.service.snapshot import BundleView, OutputView, ParticipantView, Phase, Snapshot
from rtemo.live.service.status import HealthMeter
from rtemo.live.service.wire import Command
from rtemo.live.session.engine_setup import EngineSetup
from rtemo.live.session.live_streams import LiveStreams
from rtemo.live.session.outputs import output_views
from rtemo.live.session.session import SessionControl
from rtemo.model.prediction import Prediction
from rtemo.model.response_lag import lag_s
from rtemo.recordings.events import Event, EventKind, log_event
from rtemo.sources.output_settings import NetworkAddress

_LOG = logging.getLogger("rtemo.engine")

STATE_S = 0.2  # how often the state is updated
MEASURE_S = 1.0  # how often the system is asked


Answer = Callable[[RtemoError | None], object]


def _nobody(_error: RtemoError | None) -> None:
    """The outcome of a command shows in the feed."""


@dataclass(frozen=True, slots=True)
class Export:
    """Predictions to be written into a file."""

    path: str
    output: PredictionSink
    predictions: Sequence[Prediction]


class Controller:
    """`run` blocks until a shutdown; `submit` and `feed` are for other threads."""

    def __init__(self, setup: EngineSetup, *, stays: bool = True) -> None:
        """stays: whether an engine that failed stays to be seen; else it ends, and another one is tried."""
        self.feed = Feed(setup.clock)
        self._setup, self._clock = setup, setup.clock
        self._commands: queue.SimpleQueue[tuple[Command, Answer]] = queue.SimpleQueue()
        self._meter = HealthMeter()
        self._streaming = LiveStreams(setup, self.feed, self._published)
        self._sessions = SessionControl(setup, self.feed, self._streaming)
        self._replay = Replay(setup, self.feed)
        self._exports: OutputQueue[Export] = OutputQueue("export", self._write_export)
        self._over, self._stays = False, stays
        self._remote: LineServer | None = None
        self._remote_at: NetworkAddress | None = None
        self._remote_error = ""
        self.restarting = False  # whether another engine goes on with what this one leaves
        self._failure = ""
        self._told_s = self._measured_s = float("-inf")
        self._lag_s = lag_s(setup.bundle.spec, setup.hop_s)

    @property
    def busy(self) -> bool:
        """Whether a session is kept."""
        return self._sessions.session is not None

    def submit(self, command: Command) -> None:
        """Have a command executed. Any thread; returns at once."""
        self._commands.put((command, _nobody))

    def ask(self, name: str, arguments: Mapping[str, Any], wait_s: float) -> None:
        """Have a command executed, and wait for it. Any thread but the engine's. Raises RtemoError where it is refused,
        or takes too long.
        """
        answers: queue.SimpleQueue[RtemoError | None] = queue.SimpleQueue()
        self._commands.put((Command(name, arguments), answers.put))
        try:
            error = answers.get(timeout=wait_s)
        except queue.Empty:
            raise RtemoError(f"the engine did not {name} within {wait_s:g} s", self._failure, "see its log") from None
        if error is not None:
            raise error

    def run(self, stop: threading.Event) -> None:
        """Until a shutdown is asked for or `stop` is set. Whatever fails ends the work; what is recorded goes on."""
        try:
            self._streaming.open()
            self._streaming.open_receivers()
            self._take_up()
            while not (stop.is_set() or self._over):
                self._turn()
        except Exception as error:  # noqa: BLE001 - it becomes the phase, for every client to see
            self._fail(error)
        finally:
            self._close()
        while self._stays and self._failure and not (stop.is_set() or self._over):
            self._obey_failed()

    def close_receivers(self) -> None:
        """Close what outlives sessions. Nothing may be run afterwards."""
        if self._setup.receivers is not None:
            self._setup.receivers.end()
        if self._remote is not None:
            self._remote.close()
            self._remote = None

    def do_shutdown(self) -> None:
        """End the engine; a session is stopped first."""
        self._over = True

    def do_restart(self) -> None:
        """End this engine and leave everything to the next one: a session goes on with it."""
        self.restarting = self._over = True

    def do_open_replay(self, path: str) -> None:
        """Play a recording instead of the live streams."""
        if self._sessions.session is not None:
            raise RtemoError("a recording is opened after a session", "one is running", "stop it first")
        live = not self._replay.active
        self._replay.do_open_replay(path)
        if live:
            self._streaming.close()
            self.feed.tell_apart(("",))

    def do_close_replay(self) -> None:
        """Go back to the live streams."""
        self._replay.do_close_replay()
        self._streaming.open()

    def do_export(self, path: str, *, replace: bool) -> None:
        """Write the predictions to a file: of the whole recording, or those of the live streams that are kept."""
        made = self._replay.predictions if self._replay.active else self.feed.predictions
        bundle = self._setup.bundle
        output = open_output(Path(path), bundle.labels, replace=replace, ratings=bundle.rating_names)
        self._exports.put(Export(path, output, made))

    def _write_export(self, export: Export) -> None:
        """Write what was asked for, in a thread: a disk that hangs holds up no prediction."""
        try:
            for prediction in export.predictions:
                export.output.put(prediction)
            export.output.close()
        except (OSError, RtemoError) as error:
            export.output.discard()
            self._say(EventKind.FAILURE, f"export: {export.path} was not written: {error}")
        else:
            self._say(EventKind.NOTE, f"{len(export.predictions)} predictions written to {export.path}")

    def _take_up(self) -> None:
        """Go on with the session of an engine before this one; where that cannot be, its recording goes on."""
        try:
            self._sessions.take_up()
        except RtemoError as error:
            self._say(EventKind.FAILURE, f"the session cannot be taken up: {error}; its recording goes on")

    def _turn(self) -> None:
        wait_s = self._replay_turn() if self._replay.active else self._streaming.turn()
        self._sessions.turn()
        if self._streaming.ending:
            self._over = True
        if self._clock() - self._told_s >= STATE_S:
            self._look_after_remote()
            self._tell()
        while not self._over and (asked := self._next_command(wait_s)) is not None:
            self._obey(*asked)
            wait_s = 0.0

    def _look_after_remote(self) -> None:
        """Listen where the settings say, from now on."""
        wanted = self._streaming.settings.outputs.remote
        if wanted == self._remote_at:
            return
        self._remote_at, self._remote_error = wanted, ""
        if self._remote is not None:
            self._remote.close()
            self._remote = None
        if wanted is not None:
            control = RemoteControl(self, self._setup.root)
            try:
                self._remote = LineServer(wanted, self._setup.token, control.answer)
            except RtemoError as error:
                self._remote_error = str(error)
                self._say(EventKind.FAILURE, str(error))

    def _replay_turn(self) -> float:
        try:
            return self._replay.turn()
        except RtemoError as error:  # the file, not the engine
            self._streaming.open()
            self._say(EventKind.FAILURE, f"replay: {error}")
            return 0.0

    def _next_command(self, wait_s: float) -> tuple[Command, Answer] | None:
        try:
            return self._commands.get(timeout=wait_s) if wait_s > 0 else self._commands.get_nowait()
        except queue.Empty:
            return None

    def _obey(self, command: Command, answer: Answer) -> None:
        """Execute a command. What cannot be done changes nothing and becomes an event."""
        refused = None
        try:
            self._act_of(command.name)(**command.arguments)
        except RtemoError as error:
            refused = error
            self._say(EventKind.FAILURE, f"{command.name}: {error}")
        self._tell()
        answer(refused)

    def _act_of(self, name: str) -> Callable[..., None]:
        live = (self._sessions, self._streaming, self._replay)
        for part in (self, self._replay) if self._replay.active else (self, *live):
            act: Any = getattr(part, f"do_{name}", None)
            if act is not None:
                return act  # type: ignore[no-any-return]
        raise RtemoError(f"{name} is for live streams", "a recording is open", "close it first")

    def _say(self, kind: EventKind, text: str) -> None:
        """An event that happens now; in a replay it belongs to no recording."""
        if self._replay.active:
            event = Event(self._replay.position_s, kind, text)
            log_event(event)
            self.feed.put_event(event)
        else:
            self._streaming.say(kind, text)

    def _obey_failed(self) -> None:
        asked = self._next_command(READ_S)
        if asked is None:
            return
        command, answer = asked
        if command.name == "shutdown":
            self._over = True
        answer(RtemoError("the engine stopped", self._failure, "start it again"))

    @property
    def _phase(self) -> Phase:
        if self._failure:
            return Phase.FAILED
        if self._replay.active:
            return Phase.REPLAY
        if self._sessions.session is not None:
            return Phase.PAUSED if self._sessions.paused else Phase.RUNNING
        return Phase.PREVIEW if self._streaming.playing else Phase.IDLE

    def _close(self) -> None:
        """Close everything, whatever the state is. What goes wrong now is the failure, unless there is one."""
        try:
            self._exports.close()
            if self.restarting or self._failure:
                self._sessions.leave()
                self._replay.close()
                self._streaming.leave()
            else:
                self._sessions.close()
                self._replay.close()
                self._streaming.close()
        except Exception as error:  # noqa: BLE001 - it becomes the phase, for every client to see
            if not self._failure:
                self._fail(error)
        self._tell()

    def _fail(self, error: Exception) -> None:
        known = isinstance(error, RtemoError)
        _LOG.error("the engine stopped", exc_info=error)
        self._failure = str(error) if known else f"{type(error).__name__}: {error}"
        if (path := log_path()) is not None:
            self._failure += f"; see {path}"
        self.feed.put_event(Event(self._clock(), EventKind.FAILURE, f"the engine stopped: {self._failure}"))

    def _published(self, prediction: Prediction) -> None:
        self.feed.put_prediction(prediction)
        now_s = self._clock()
        if math.isfinite(arrived_s := self._streaming.arrived_s(prediction)):
            self._meter.add_handling(now_s, 1e3 * (now_s - arrived_s))
        self._meter.add_latency(now_s, prediction.latency_ms)

    def _tell(self) -> None:
        now_s = self._told_s = self._clock()
        session = self._sessions.session
        shown = self._replay if self._replay.active else self._streaming
        own = {} if self._replay.active else self._of_each(now_s)
        if now_s - self._measured_s >= MEASURE_S:
            self._measured_s = now_s
            self._meter.measure()
            if session is not None:
                session.measure_disk()
        spec = self._setup.bundle.spec
        state = Snapshot(
            seq=0,
            time_s=now_s,
            phase=self._phase,
            failure=self._failure,
            subject=session.request.settings.subject if session else "",
            folder=str(session.folder.path) if session and session.folder else "",
            started_s=session.started_s if session else float("nan"),
            bundle=BundleView(
                spec.name,
                spec.labels,
                spec.trained_on,
                self._setup.bundle.fingerprint,
                self._setup.hop_s,
                self._lag_s,
                spec.calibrated,
                spec.pipeline.window.length_s,
                str(self._setup.bundle.path),
            ),
            streams=shown.stream_statuses(),
            recorder=session.view() if session else None,
            outputs=(*self._output_views(), *self._remote_views()),
            health=self._meter.health(now_s, *self._streaming.n_forced_and_skipped),
            settings=self._streaming.settings_text,
            report=self._sessions.reporting.look(),
            replay=self._replay.view(),
            participants=tuple(self._in_short(whose, of_one, now_s) for whose, of_one in own.items() if whose),
            **(next(iter(own.values())) if own else self._of_replay()),
        )
        self.feed.publish(state, own)
        if session is None and self._setup.receivers is not None:
            self._setup.receivers.put_state(_state_without_session(state))

    def _of_each(self, now_s: float) -> dict[str, dict[str, Any]]:
        """The fields of the state that differ between participants, for each; under "" those of the only one."""
        streaming, sessions = self._streaming, self._sessions
        return {
            whose: {
                "participant": whose,
                "channels": streaming.channel_statuses(whose),
                "places": streaming.places(whose),
                "progress": sessions.progress(now_s, whose),
                "explanation": dict(sessions.explanation(whose)),
            }
            for whose in streaming.runs
        }

    def _of_replay(self) -> dict[str, Any]:
        return {"channels": self._replay.channel_statuses(), "explanation": dict(self._replay.explanation)}

    def _in_short(self, participant: str, own: Mapping[str, Any], now_s: float) -> ParticipantView:
        """One of several participants, for all who are shown another one."""
        used = [channel for channel in own["channels"] if not channel.excluded]
        return ParticipantView(
            participant,
            len(used),
            sum(not channel.fault for channel in used),
            sum(math.isfinite(channel.x + channel.y + channel.z) for channel in used),
            own["places"],
            self.feed.samples_of(participant).gaze_validity(now_s),
            own["progress"],
        )

    def _output_views(self) -> tuple[OutputView, ...]:
        """Of the session, or of the receivers alone."""
        if self._sessions.session is not None:
            return self._sessions.session.output_views()
        receivers = self._setup.receivers
        return output_views(receivers.statuses()) if receivers is not None else ()

    def _remote_views(self) -> tuple[OutputView, ...]:
        """Of remote control, which outlives sessions."""
        if self._remote_at is None:
            return ()
        state, n = ("failed", 0) if self._remote is None else ("working", self._remote.n_answers)
        return (OutputView(f"remote control {self._remote_at}", state, self._remote_error, n, 0),)


def _state_without_session(state: Snapshot) -> dict[str, Any]:
    """What receivers are sent between sessions."""
    streams = {one.name: one.state.value for one in state.streams}
    labels = list(state.bundle.labels) if state.bundle is not None else []
    return {"phase": state.phase.value, "participant": "", "session": "", "labels": labels, "streams": streams}
