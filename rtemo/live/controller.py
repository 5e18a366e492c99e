"""Runs the application's engine: looks for streams, shows them, and keeps a session while one is asked for.

One thread owns the source, the pipeline and the model; clients only see its feed and put commands into its queue. A
session begins with a fresh pipeline, so that its predictions depend on nothing but what is recorded: the replay of the
recording gives them again. What cannot be done is said as an event; what breaks the thread becomes Phase.FAILED.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from rtemo.core.errors import RtemoError
from rtemo.core.types import Item, Modality, StreamInfo, StreamUp
from rtemo.live.baseline import Baseline
from rtemo.live.cast import Cast
from rtemo.live.engine import READ_S, Engine, LiveOptions
from rtemo.live.events import Event, EventKind, EventLog
from rtemo.live.feed import Feed
from rtemo.live.keeping import SessionKeeping, SessionPlan
from rtemo.live.predictor import Predictor
from rtemo.live.readiness import obstacle
from rtemo.live.reporting import Reporting
from rtemo.live.roll import GONE, Roll
from rtemo.live.settings import parse_settings, settings_text
from rtemo.live.snapshot import BundleView, Phase, Snapshot
from rtemo.live.status import Channels, HealthMeter, Streams
from rtemo.live.taps import Taps
from rtemo.live.wire import Command
from rtemo.model.bundle import Bundle
from rtemo.model.prediction import Prediction
from rtemo.sources.lsl_line import StreamStatus as LineStatus
from rtemo.sources.select import StreamQuery

STATE_S = 0.2  # how often the state is told
MEASURE_S = 1.0  # how often the system is asked
LISTED = (Modality.EEG, Modality.GAZE)


class Supply(Protocol):
    """A source of live streams that also tells how they do; see rtemo.sources.base and rtemo.sources.lsl."""

    def start(self) -> tuple[StreamInfo, ...]: ...

    def read(self, timeout_s: float) -> list[Item]: ...

    @property
    def exhausted(self) -> bool: ...

    def stop(self) -> None: ...

    def status(self) -> tuple[LineStatus, ...]: ...

    @property
    def visible(self) -> tuple[StreamInfo, ...]: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What the controller works with.

    open_supply: a source on what a cast chooses. It must write into the mapping why a part stays empty. report: the
    command that writes the report of a session folder.
    """

    cast: Cast
    open_supply: Callable[[Cast, dict[Modality, str]], Supply]
    new_predictor: Callable[[], Predictor]
    bundle: Bundle
    hop_s: float
    clock: Callable[[], float]
    publish: bool = True
    report: Callable[[Path], Sequence[str]] | None = None


class Controller:
    """`run` blocks until a shutdown; `submit` and `feed` are for other threads."""

    def __init__(self, parts: Parts) -> None:
        self.feed = Feed(parts.clock)
        self._parts, self._clock, self._cast = parts, parts.clock, parts.cast
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._gate = _Gate(self._published)
        self._taps, self._channels, self._meter = Taps(self.feed), Channels(), HealthMeter()
        self._descriptions = Streams()
        self._reporting = Reporting(parts.report)
        self._refused: dict[Modality, str] = {}
        self._roll = Roll()
        self._session: SessionKeeping | None = None
        self._baseline: Baseline | None = None
        self._paused = self._over = False
        self._failure = ""
        self._told_s = self._measured_s = float("-inf")
        self._supply: Supply | None = None
        self._engine: Engine | None = None
        self._predictor = parts.new_predictor()
        self._preview_log = self._new_log()

    @property
    def busy(self) -> bool:
        """Whether a session is kept."""
        return self._session is not None

    def submit(self, command: Command) -> None:
        """Have a command executed. Any thread; returns at once."""
        self._commands.put(command)

    def run(self, stop: threading.Event) -> None:
        """Until a shutdown is asked for or `stop` is set. Whatever fails ends the work and stays to be seen."""
        try:
            self._open()
            while not (stop.is_set() or self._over):
                self._turn()
        except Exception as error:  # noqa: BLE001 - it becomes the phase, for every client to see
            self._fail(error)
        finally:
            self._close()
        while self._failure and not (stop.is_set() or self._over):
            self._obey_failed()

    def _turn(self) -> None:
        assert self._supply is not None
        assert self._engine is not None
        while (command := self._next_command(0.0)) is not None:
            self._obey(command)
            if self._over:
                return
        if self._supply.exhausted:
            command = self._next_command(READ_S)
            items: list[Item] = []
            if command is not None:
                self._commands.put(command)
        else:
            items = self._supply.read(READ_S)
        self._roll.note(items)
        self._engine.step(items)
        self._taps.attend(self._predictor.pipeline)
        self._look_after_baseline()
        if self._clock() - self._told_s >= STATE_S:
            self._tell()

    def _next_command(self, wait_s: float) -> Command | None:
        try:
            return self._commands.get(timeout=wait_s) if wait_s > 0 else self._commands.get_nowait()
        except queue.Empty:
            return None

    def _obey(self, command: Command) -> None:
        """Execute a command. What cannot be done changes nothing and is said."""
        act: Callable[..., None] = getattr(self, f"do_{command.name}", self._do_not)
        try:
            act(**command.arguments)
        except RtemoError as error:
            self._say(EventKind.FAILURE, f"{command.name}: {error}")
        self._tell()

    def _obey_failed(self) -> None:
        command = self._next_command(READ_S)
        if command is not None and command.name == "shutdown":
            self._over = True

    # What clients may ask for, by the names in wire.COMMANDS.

    def do_choose(self, role: str, stream_id: str) -> None:
        """Pin a stream to a part; an empty stream_id lets the part be given out automatically."""
        self._require_no_session("streams are chosen")
        if role not in set(Modality):
            raise RtemoError(f"there is no part {role!r}", "", f"the parts are {', '.join(Modality)}")
        part = Modality(role)
        self._cast.pin(part, self._query_of(stream_id) if stream_id else None)
        self._cast.give_back()
        self._reopen()

    def do_configure(self, settings: str) -> None:
        """Go on with other session settings, given as the text of a TOML file."""
        self._require_no_session("settings are changed")
        self._cast.adopt(parse_settings(settings))
        self._reopen()
        self._say(EventKind.NOTE, "the session's settings were changed")

    def do_exclude(self, label: str, *, excluded: bool) -> None:
        """Leave a channel out, or take it in again."""
        self._require_no_session("channels are left out")
        self._cast.leave_out(label, out=excluded)
        self._preview()
        self._say(EventKind.NOTE, f"channel {label} {'left out' if excluded else 'used again'}")

    def do_start(self, subject: str, notes: str, root: str) -> None:
        """Begin a session."""
        assert self._engine is not None
        self._require_no_session("a session starts")
        if not self._playing:
            why = "; ".join(self._refused.values()) or "none is on the network"
            raise RtemoError("there is no EEG and no gaze stream", why, "start one, or choose it")
        if why := obstacle((status for _, status in self._streams().values()), self._cast.settings.required):
            raise RtemoError("a session cannot start", why, "see the streams and the settings")
        if not root:
            raise RtemoError("the session has no folder", "root is empty", "choose a folder")
        plan = SessionPlan(
            root=Path(root),
            settings=replace(self._cast.settings, subject=subject, notes=notes),
            streams=self._by_role(),
            bundle=self._parts.bundle,
            hop_s=self._parts.hop_s,
            publish=self._parts.publish,
        )
        session = SessionKeeping(plan, self._clock, self.feed.put_event)
        self._session, self._paused, self._baseline = session, False, None
        session.note(EventKind.SESSION, f"started: {session.folder.path}")
        self._gate.open_for(session.sinks)
        self._take_over(session.events, session.keep)

    def do_stop(self) -> None:
        """End the session; the streams stay in view."""
        assert self._engine is not None
        session = self._need_session()
        self._baseline = None
        self._engine.finish()
        session.note(EventKind.SESSION, f"stopped after {self._clock() - session.started_s:.0f} s")
        self._session, self._paused = None, False
        try:
            session.close()
        finally:
            self._reporting.begin(session.folder.path)
            self._preview()

    def do_pause(self) -> None:
        """Suspend the predictions. They go on being computed, so that nothing differs after the pause."""
        session = self._need_session()
        if not self._paused:
            self._paused = True
            self._gate.shut()
            session.note(EventKind.SESSION, "paused: predictions are suspended, the recording goes on")

    def do_resume(self) -> None:
        session = self._need_session()
        if self._paused:
            self._paused = False
            self._gate.open_for(session.sinks)
            session.note(EventKind.SESSION, "resumed")

    def do_annotate(self, text: str) -> None:
        """An event of the session, on the network and in the recording."""
        if not text.strip():
            raise RtemoError("an annotation needs a text", "", "write one")
        self._need_session().note(EventKind.ANNOTATION, text)

    def do_baseline(self, seconds: float) -> None:
        """Mark a baseline of so many seconds from now, and judge its signals."""
        session = self._need_session()
        if not 0 < seconds <= 3600:
            raise RtemoError("a baseline lasts up to an hour", f"found {seconds:g} s", "give another length")
        self._baseline = Baseline(self._clock(), seconds)
        session.note(EventKind.ANNOTATION, f"baseline begins: {seconds:g} s")

    def do_shutdown(self) -> None:
        """End the engine; a session is stopped first."""
        self._over = True

    def _do_not(self, **arguments: Any) -> None:
        del arguments
        raise RtemoError("this engine does not replay recordings yet", "", "use `rtemo replay`")

    # How it is done.

    @property
    def _playing(self) -> list[StreamInfo]:
        """The EEG and gaze streams that are in use and there."""
        roles = self._engine.roles if self._engine is not None else {}
        return [info for info in roles.values() if self._roll.states.get(info.stream_id) not in GONE]

    @property
    def _phase(self) -> Phase:
        if self._failure:
            return Phase.FAILED
        if self._session is not None:
            return Phase.PAUSED if self._paused else Phase.RUNNING
        return Phase.PREVIEW if self._playing else Phase.IDLE

    def _open(self) -> None:
        self._roll = Roll()
        self._refused.clear()
        self._supply = self._parts.open_supply(self._cast, self._refused)
        self._roll.note(StreamUp(info) for info in self._supply.start())
        self._engine = None
        self._preview()

    def _reopen(self) -> None:
        if self._supply is not None:
            self._supply.stop()
        self._open()

    def _preview(self) -> None:
        """Show the streams and keep nothing."""
        self._gate.open_for(())
        self._preview_log = self._new_log()
        self._take_over(self._preview_log, None)

    def _take_over(self, events: EventLog, keep: Callable[[Item], None] | None) -> None:
        """Let a new engine with a fresh pipeline go on with the source."""
        assert self._supply is not None
        early = self._engine.leave() if self._engine is not None else []
        self._predictor = self._parts.new_predictor()
        live = LiveOptions(self._clock, patient=True)
        self._engine = Engine(self._supply, self._cast, self._predictor, events, [self._gate], keep, live)
        self._engine.step(self._roll.opening())
        self._engine.step(early)

    def _new_log(self) -> EventLog:
        events = EventLog()
        events.listen(self.feed.put_event)
        return events

    def _close(self) -> None:
        """Close everything, whatever the state is. What goes wrong now is the failure, unless there is one."""
        try:
            if self._session is not None:
                self._close_session(self._session)
            if self._supply is not None:
                self._supply.stop()
        except Exception as error:  # noqa: BLE001 - it becomes the phase, for every client to see
            if not self._failure:
                self._fail(error)
        self._tell()

    def _close_session(self, session: SessionKeeping) -> None:
        self._session = None
        try:
            if self._engine is not None and not self._failure:
                self._engine.finish()
            session.note(EventKind.SESSION, f"ended: {self._failure or 'the engine was shut down'}")
        finally:
            try:
                session.close()
            finally:
                self._reporting.begin(session.folder.path)

    def _fail(self, error: Exception) -> None:
        known = isinstance(error, RtemoError)
        self._failure = str(error) if known else f"{type(error).__name__}: {error}"
        self.feed.put_event(Event(self._clock(), EventKind.FAILURE, f"the engine stopped: {self._failure}"))

    def _published(self, prediction: Prediction) -> None:
        self.feed.put_prediction(prediction)
        self._meter.count(prediction.latency_ms)
        if self._baseline is not None:
            self._baseline.take(prediction)

    def _look_after_baseline(self) -> None:
        baseline, session = self._baseline, self._session
        if baseline is not None and session is not None and self._clock() >= baseline.end_s and not baseline.told:
            baseline.told = True
            session.note(EventKind.ANNOTATION, f"baseline ends: {baseline.verdict}")

    def _require_no_session(self, what: str) -> None:
        if self._session is not None:
            raise RtemoError(f"{what} before a session", "one is running", "stop it first")

    def _need_session(self) -> SessionKeeping:
        if self._session is None:
            raise RtemoError("there is no session", "", "start one")
        return self._session

    def _query_of(self, stream_id: str) -> StreamQuery:
        found = self._streams().get(stream_id)
        if found is None:
            raise RtemoError(f"there is no stream {stream_id!r}", "", "choose one of the list")
        info, _ = found
        return StreamQuery(info.name, info.type, info.source_id, info.hostname)

    def _streams(self) -> dict[str, Any]:
        if self._supply is None:
            return {}
        return self._descriptions.statuses(
            self._supply.status(),
            self._supply.visible,
            self._roll,
            self._cast,
            self._predictor.pipeline,
            dict(self._refused),
            columns=self._session is None,
        )

    def _by_role(self) -> dict[str, StreamInfo]:
        """The streams that a session begins with, for its settings file."""
        roles = {info: self._cast.role_of(info) for info in self._roll.infos.values()}
        return {(role.value if role in LISTED else info.stream_id): info for info, role in roles.items() if role}

    def _say(self, kind: EventKind, text: str) -> None:
        log = self._session.events if self._session is not None else self._preview_log
        log.add(Event(self._clock(), kind, text))

    def _tell(self) -> None:
        now_s = self._told_s = self._clock()
        session = self._session
        if now_s - self._measured_s >= MEASURE_S:
            self._measured_s = now_s
            self._meter.measure()
            if session is not None:
                session.measure()
        spec = self._parts.bundle.spec
        state = Snapshot(
            seq=0,
            time_s=now_s,
            phase=self._phase,
            failure=self._failure,
            subject=session.subject if session else "",
            folder=str(session.folder.path) if session else "",
            started_s=session.started_s if session else float("nan"),
            bundle=BundleView(
                spec.name, spec.labels, spec.trained_on, self._parts.bundle.fingerprint, self._parts.hop_s
            ),
            streams=tuple(status for _, status in self._streams().values()),
            channels=self._channels.statuses(self._predictor.pipeline, self._cast.left_out),
            recorder=session.view() if session else None,
            progress=self._baseline.progress(now_s) if self._baseline else None,
            health=self._meter.health(self._predictor.n_forced, self._predictor.pipeline.n_skipped),
            settings=settings_text(self._cast.settings),
            report=self._reporting.look(),
        )
        self.feed.tell(state)


class _Gate:
    """A PredictionSink that shows predictions and passes them on, or is shut."""

    def __init__(self, show: Callable[[Prediction], None]) -> None:
        self._show = show
        self._sinks: Sequence[Any] = ()
        self._open = True

    def open_for(self, sinks: Sequence[Any]) -> None:
        self._sinks, self._open = sinks, True

    def shut(self) -> None:
        self._open = False

    def put(self, prediction: Prediction) -> None:
        if self._open:
            for sink in self._sinks:
                sink.put(prediction)
            self._show(prediction)

    def discard(self) -> None:
        """What was passed on cannot be taken back."""

    def close(self) -> None:
        """The sinks are closed by whoever opened them."""
