"""The live streams in the application: looked for, given their parts, read through one engine, and shown.

`take_over` puts another engine with a fresh pipeline on the running source: so a session's predictions depend on
nothing but what it records. Owned by the engine's thread, like everything that a controller works with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from rtemo.core.errors import RtemoError
from rtemo.core.types import Item, Modality, StreamInfo, StreamUp
from rtemo.live.engine.announced_streams import GONE, AnnouncedStreams
from rtemo.live.engine.engine import READ_S, Engine, LiveOptions
from rtemo.live.engine.explanations import Explaining
from rtemo.live.output.prediction_files import PredictionSink
from rtemo.live.service.display_taps import DisplayTaps
from rtemo.live.service.feed import Feed
from rtemo.live.service.snapshot import ChannelStatus, StreamStatus
from rtemo.live.service.status import ChannelStatuses, StreamStatuses
from rtemo.live.session.gate import PredictionGate
from rtemo.live.session.setup import EngineSetup, LiveSource
from rtemo.model.prediction import Prediction
from rtemo.recordings.baseline_plan import BaselinePlan
from rtemo.recordings.calibrations import use_persons
from rtemo.recordings.events import Event, EventKind, EventLog
from rtemo.sources.session_settings import SessionSettings, parse_settings, settings_text
from rtemo.sources.stream_choice import StreamQuery

LISTED = (Modality.EEG, Modality.GAZE)


class LiveStreams:
    """Opened once, closed once; in between it is turned."""

    def __init__(self, parts: EngineSetup, feed: Feed, published: Callable[[Prediction], None]) -> None:
        """published: hears every prediction that is not held back."""
        self.gate = PredictionGate(published)
        self.log = EventLog()
        self.predictor = parts.new_predictor()
        self.refused: dict[Modality, str] = {}
        self.recording = False  # whether a session is kept: then nothing about the streams may change
        self._parts, self._feed, self._cast = parts, feed, parts.cast
        self._taps, self._channels, self._descriptions = DisplayTaps(feed), ChannelStatuses(), StreamStatuses()
        self._written = (parts.cast.settings, settings_text(parts.cast.settings))
        self.explaining = Explaining(parts.bundle)
        self._roll = AnnouncedStreams()
        self._supply: LiveSource | None = None
        self._engine: Engine | None = None

    # What clients may ask for.

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
        new = parse_settings(settings)
        if (plan := BaselinePlan.of(new)) is not None:
            plan.prepare(self._parts.new_predictor().pipeline, None)
        self._cast.adopt(new)
        self._reopen()
        self.say(EventKind.NOTE, "the session's settings were changed")

    def do_exclude(self, label: str, *, excluded: bool) -> None:
        """Leave a channel out, or take it in again."""
        self._require_no_session("channels are left out")
        self._cast.leave_out(label, out=excluded)
        self.preview()
        self.say(EventKind.NOTE, f"channel {label} {'left out' if excluded else 'used again'}")

    # For the controller.

    def open(self) -> None:
        """Look for streams and show them."""
        self._roll = AnnouncedStreams()
        self.refused.clear()
        self._supply = self._parts.open_supply(self._cast, self.refused)
        self._roll.note(StreamUp(info) for info in self._supply.start())
        self._engine = None
        self.preview()

    def close(self) -> None:
        """Let go of the streams."""
        self.explaining.close()
        if self._supply is not None:
            self._supply.stop()

    def turn(self) -> float:
        """Read once. Returns how long the caller may wait before the next turn."""
        assert self._supply is not None
        assert self._engine is not None
        wait_s = READ_S if self._supply.exhausted else 0.0
        items: list[Item] = [] if self._supply.exhausted else self._supply.read(READ_S)
        self._roll.note(items)
        self._engine.step(items)
        self.explaining.begin()
        self._taps.update(self.predictor.pipeline)
        return wait_s

    def preview(self) -> None:
        """Show the streams and keep nothing."""
        log = EventLog()
        log.listen(self._feed.put_event)
        self.recording = False
        self.take_over(log, None, ())

    def take_over(self, log: EventLog, keep: Callable[[Item], None] | None, sinks: Sequence[PredictionSink]) -> None:
        """Let a new engine with a fresh pipeline go on with the source."""
        assert self._supply is not None
        early = self._engine.leave() if self._engine is not None else []
        self.gate.open_for(sinks)
        self.log, self.predictor = log, self._parts.new_predictor()
        if (plan := BaselinePlan.of(self.settings)) is not None:
            plan.prepare(self.predictor.pipeline, None)  # the participant is named when a session starts
        use_persons(self._parts.persons, self.predictor)
        self.explaining.follow(self.predictor)
        live = LiveOptions(self._parts.clock, patient=True)
        self._engine = Engine(self._supply, self._cast, self.predictor, log, [self.gate], keep, live)
        self._engine.step(self._roll.opening())
        self._engine.step(early)

    def finish(self) -> None:
        """The last predictions of the engine that runs; it must be taken over from then."""
        if self._engine is not None:
            self._engine.finish()

    def say(self, kind: EventKind, text: str) -> None:
        """An event that happens now, of the session or of the preview."""
        self.log.add(Event(self._parts.clock(), kind, text))

    @property
    def arrived_s(self) -> float:
        """When the last sample of the window that is published came; NaN where it was not waited for."""
        return math.nan if self._engine is None else self._engine.arrived_s

    @property
    def playing(self) -> list[StreamInfo]:
        """The EEG and gaze streams that are in use and there."""
        roles = self._engine.roles if self._engine is not None else {}
        return [info for info in roles.values() if self._roll.states.get(info.stream_id) not in GONE]

    @property
    def by_role(self) -> dict[str, StreamInfo]:
        """The streams that a session begins with, for its settings file."""
        roles = {info: self._cast.role_of(info) for info in self._roll.infos.values()}
        return {(role.value if role in LISTED else info.stream_id): info for info, role in roles.items() if role}

    @property
    def settings(self) -> SessionSettings:
        """The session's settings with what was chosen by hand."""
        return self._cast.settings

    @property
    def settings_text(self) -> str:
        """The same as the text of a file."""
        if self._written[0] is not self.settings:
            self._written = (self.settings, settings_text(self.settings))
        return self._written[1]

    def stream_statuses(self) -> tuple[StreamStatus, ...]:
        return tuple(status for _, status in self._streams().values())

    def channel_statuses(self) -> tuple[ChannelStatus, ...]:
        return self._channels.statuses(self.predictor.pipeline, self._cast.left_out)

    # How it is done.

    def _reopen(self) -> None:
        self.close()
        self.open()

    def _require_no_session(self, what: str) -> None:
        if self.recording:
            raise RtemoError(f"{what} before a session", "one is running", "stop it first")

    def _query_of(self, stream_id: str) -> StreamQuery:
        found = self._streams().get(stream_id)
        if found is None:
            raise RtemoError(f"there is no stream {stream_id!r}", "", "choose one of the list")
        info, _ = found
        return StreamQuery(info.name, info.type, info.source_id, info.hostname)

    def _streams(self) -> dict[str, tuple[StreamInfo, StreamStatus]]:
        if self._supply is None:
            return {}
        return self._descriptions.statuses(
            self._supply.status(),
            self._supply.visible,
            self._roll,
            self._cast,
            self.predictor.pipeline,
            dict(self.refused),
            columns=not self.recording,
        )
