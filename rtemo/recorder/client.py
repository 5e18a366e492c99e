"""The engine's side of the recorder's process: live streams that another process reads and records.

Where the recorder ends, its streams are lost until it is back; the supervisor starts it again, and it goes on with the
recording in another file. Where it is the same recorder that ended the connection, items that are recorded were missed:
this engine cannot go on. Nothing here waits for the disk.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Collection
from multiprocessing.connection import Connection
from typing import Any

from rtemo.core.errors import RtemoError
from rtemo.core.types import (
    Chunk,
    ClockOffset,
    Item,
    StreamDown,
    StreamInfo,
    StreamState,
    StreamUp,
)
from rtemo.recorder.announced_streams import GONE, AnnouncedStreams
from rtemo.recorder.endpoint import Endpoint
from rtemo.recorder.local_server import CONNECTION_ERRORS, connect
from rtemo.recorder.mailboxes import Inbox, Outbox
from rtemo.recorder.messages import (
    MAX_BYTES,
    Message,
    pack,
    pack_item,
    read_info,
    read_recorder_status,
    read_running,
    read_status,
    refusal,
    unpack,
)
from rtemo.recorder.recorder import RecorderState, RecorderStatus
from rtemo.recorder.recording_source import RecordingRequest, RunningRecording
from rtemo.sources.lsl.stream_state import LslStreamStatus
from rtemo.sources.participant_roles import ParticipantRoles
from rtemo.sources.session_settings import settings_text
from rtemo.sources.stream_roles import StreamRoles

_LOG = logging.getLogger("rtemo.recorder")

StreamKey = tuple[str, str, str, str]

START_S = 40.0  # for a recorder to be there and to have looked for streams
ANSWER_S = 15.0  # it may have a disk to wait for
RETRY_S = 0.1
ALIVE_S = 0.5
GIVEN_UP_S = 60.0  # an engine whose recorder is away for longer ends its session
MAX_KEPT = 20_000  # items of the engine's own that wait for a recorder to come back


class RemoteSource:
    """A RecordedSource in the recorder's process. Used by the engine's thread; `submit` by any."""

    buffered = True

    def __init__(
        self, endpoint: Endpoint, roles: StreamRoles | ParticipantRoles, ambiguous: dict[str, str] | None
    ) -> None:
        """endpoint: the recorder's. roles: take the streams that the recorder chose. ambiguous: see EngineSetup."""
        self._endpoint, self._roles, self._ambiguous = endpoint, roles, ambiguous
        self._settings = settings_text(roles.settings)
        self._connection: Connection | None = None
        self._outbox: Outbox | None = None
        self._inbox: Inbox | None = None
        self._ready: list[Item] = []  # received and not read yet
        self.announced = AnnouncedStreams()
        self._role = ""  # of the stream that is announced next
        self.chosen: dict[str, str] = {}
        self._own: dict[str, list[Item]] = {}  # how the engine's own streams begin, for a recorder that comes later
        self._kept: list[Item] = []
        self._answers: list[Message] = []
        self._last: list[Item] = []  # of what was held
        self._alive_s = self._tried_s = 0.0
        self._lost_s: float | None = None
        self._released = self.ending = False
        self._status: RecorderStatus | None = None
        self._recording = False
        self._first = 0  # which of the recording's files is the first one of the recorder that we were attached to
        self._statuses: tuple[tuple[StreamInfo, dict[str, Any]], ...] = ()
        self._opened: dict[str, StreamInfo] = {}
        self.visible: tuple[StreamInfo, ...] = ()
        self.missing: Collection[str] = ()
        self.running: RunningRecording | None = None
        self._notes: list[tuple[float, str, str]] = []
        self._outages: list[str] = []
        self._newest: dict[str, float] = {}  # stamp of each stream's newest sample
        self._before: dict[StreamKey, float] = {}  # the same when the recorder ended, until the stream is back

    def start(self) -> tuple[StreamInfo, ...]:
        """Attach. Returns the streams that are there. Raises RtemoError where there is no recorder, or it refuses."""
        end_s = time.monotonic() + START_S
        while True:
            try:
                self._attach()
                break
            except CONNECTION_ERRORS as error:
                self._drop()
                if isinstance(error, RtemoError):
                    raise
                if time.monotonic() > end_s:
                    raise RtemoError("the recorder cannot be reached", str(error), "start rtemo again") from error
                time.sleep(RETRY_S)
        infos = tuple(item.info for item in self._ready if isinstance(item, StreamUp))
        self._ready = []  # the streams, their clocks and doubts: all of it is in `opening`, and nothing is taken twice
        return infos

    def read(self, timeout_s: float) -> list[Item]:
        """What has come since the last call; waits at most timeout_s seconds for the first item.

        Raises RuntimeError where items were missed that are recorded: the next engine takes the session up.
        """
        if self._connection is None:
            self._come_back(timeout_s)
            if self._connection is not None:
                return []  # whoever reads learns first that another file begins
        else:
            self._receive(timeout_s)
        items, self._ready = self._ready, []
        return items

    @property
    def exhausted(self) -> bool:
        return self._released and not self._ready

    def stop(self) -> None:
        """Let go of the streams. What was received can still be read; a recording is closed by close_recording."""
        if self._released:
            return
        self._ask("release", "released")
        self._released = True
        if not self._recording:
            self._drop()

    def status(self) -> tuple[LslStreamStatus, ...]:
        """The state of every stream that is or was open, as it was last reported."""
        return tuple(read_status(info, fields) for info, fields in self._statuses)

    def alive(self) -> None:
        now_s = time.monotonic()
        if now_s - self._alive_s > ALIVE_S and self._outbox is not None:
            self._alive_s = now_s
            self._outbox.put(pack("alive"))

    def leave(self) -> None:
        self._released = True
        self._drop()

    def notes(self) -> list[tuple[float, str, str]]:
        found, self._notes = self._notes, []
        return found

    def outages(self) -> list[str]:
        found, self._outages = self._outages, []
        return found

    # Recording.

    def record(self, request: RecordingRequest) -> list[Item]:
        self._own.clear()
        self._kept.clear()
        fields = {"path": str(request.path), "session_id": request.session_id, "about": dict(request.about)}
        self._need(self._ask("record", "recording", **fields))
        self._recording, self._first, self._status = True, 0, None
        self._need(self._await("ready"))
        items, self._ready = self._ready, []
        return items

    def take_up(self) -> None:
        self._recording, self._first = True, self.running.first if self.running is not None else 0

    def opening(self) -> list[Item]:
        return self.announced.opening()

    def submit(self, item: Item) -> None:
        if not self._recording:
            return
        if isinstance(item, StreamUp):
            self._own[item.info.stream_id] = [item]
        elif isinstance(item, ClockOffset):
            self._own.setdefault(item.stream_id, []).append(item)
        outbox = self._outbox
        if outbox is None or not outbox.put(pack_item(item)):
            self._kept.append(item)
            del self._kept[:-MAX_KEPT]

    def hold(self) -> list[Item]:
        answer = self._ask("hold", "held")
        items, self._last = (self._last if answer is not None else self._ready), []
        return items

    def close_recording(self) -> RecorderStatus | None:
        if not self._recording:
            return None
        answer = self._ask("close", "closed")
        self._recording = False
        if answer is not None and answer.fields.get("status") is not None:
            self._status = read_recorder_status(answer.fields["status"])
        elif self._status is not None and self._status.state is RecorderState.RECORDING:
            _LOG.error("the recorder did not close the recording in time")
        self._own.clear()
        if self._released:
            self._drop()
        return self._status

    def recording_status(self) -> RecorderStatus | None:
        return self._status if self._recording else None

    # How it is done.

    def _attach(self) -> None:
        address = self._endpoint.find()
        if address is None:
            raise EOFError("no recorder is there")
        self._connection = connect(address)
        self._outbox, self._inbox = Outbox(self._connection), Inbox(self._connection, MAX_BYTES)
        patient = self._ambiguous is not None
        found = self._need(self._ask("attach", "attached", settings=self._settings, patient=patient))
        recording = found.fields.get("recording")
        self.running = None if recording is None else read_running(recording)
        self._need(self._await("ready"))

    def _come_back(self, timeout_s: float) -> None:
        """Look whether the recorder is there again."""
        if self._released:
            return
        if self._lost_s is not None and time.monotonic() - self._lost_s > GIVEN_UP_S:
            self.ending = True  # nobody starts it again
        pause_s = self._tried_s + RETRY_S - time.monotonic()
        if pause_s > 0:
            time.sleep(min(pause_s, max(timeout_s, 0.0)))
        if time.monotonic() < self._tried_s + RETRY_S:
            return
        self._tried_s = time.monotonic()
        try:
            self._attach()
        except CONNECTION_ERRORS as error:
            if isinstance(error, RtemoError):
                _LOG.error("%s", error)
            self._drop()
            return
        if self._recording and self.running is not None:
            if self.running.first == self._first:
                self._drop()
                raise RuntimeError("the recorder went on without this engine, which did not read; the next one goes on")
            self._first = self.running.first
        lost_s = time.monotonic() - (self._lost_s or time.monotonic())
        self._lost_s = None
        self._outages.append(f"the recorder is back after {lost_s:.1f} s")
        if self._recording and self.running is None:
            self._outages.append("the recorder that is back records nothing")
        elif self._recording:
            again = [item for items in self._own.values() for item in items]
            kept, self._kept = self._kept, []
            for item in [*again, *(item for item in kept if isinstance(item, Chunk))]:
                self.submit(item)

    def _receive(self, timeout_s: float) -> None:
        inbox = self._inbox
        assert inbox is not None
        try:
            self.alive()
            data = inbox.take(timeout_s)
            while data is not None:
                for one in unpack(data):
                    self._take(one)
                data = inbox.take(0.0) if inbox.ready else None
        except CONNECTION_ERRORS as error:
            self._lose(str(error) or "its connection ended")

    def _take(self, one: Item | Message) -> None:
        if isinstance(one, Message):
            self._take_message(one)
            return
        if isinstance(one, StreamUp):
            self._give_role(one.info)
        self.announced.note([one])
        if isinstance(one, Chunk) and len(one):
            self._count_lost(one)
            self._newest[one.stream_id] = float(one.stamps[-1])
        self._ready.append(one)

    def _count_lost(self, chunk: Chunk) -> None:
        """State how many samples of a stream are in no file, where it is back after a recorder that ended."""
        info = self.announced.infos.get(chunk.stream_id)
        if not self._before or info is None or (last_s := self._before.pop(_key(info), None)) is None:
            return
        away_s = float(chunk.stamps[0]) - last_s
        n = round(away_s * info.nominal_rate_hz) - 1 if math.isfinite(away_s) else 0
        if n > 0 and self._recording:
            self._outages.append(
                f"{info.name}: at least {n} samples ({away_s:.1f} s) are in no file: no recorder was there"
            )

    def _take_message(self, message: Message) -> None:
        fields = message.fields
        match message.name:
            case "role":
                self._role = str(fields.get("role", ""))
            case "infos":
                self._opened = {info.stream_id: info for info in map(read_info, fields["open"])}
                self.visible = tuple(map(read_info, fields["visible"]))
            case "status":
                opened = list(self._opened.values())
                self._statuses = tuple(zip(opened, fields["streams"], strict=False))
                self.missing = tuple(fields["missing"])
                if self._ambiguous is not None:
                    self._ambiguous.clear()
                    self._ambiguous.update(fields["ambiguous"])
                if fields["recording"] is not None:
                    self._status = read_recorder_status(fields["recording"])
            case "end":
                self.ending = True
            case "annotation":
                about = str(fields.get("participant", ""))
                self._notes.append((float(fields["time_s"]), str(fields["text"]), about))
            case _:
                if message.name == "recording":  # what came before is not in it
                    self._ready = []
                elif message.name == "held":
                    self._last, self._ready = self._ready, []
                self._answers.append(message)

    def _give_role(self, info: StreamInfo) -> None:
        """The recorder has chosen by the same rules; ours only has to know."""
        role, self._role = self._role, ""
        self.chosen[info.stream_id] = role
        self._roles.give(role, info)

    def _ask(self, request: str, answer: str, **fields: Any) -> Message | None:
        if self._outbox is None:
            return None
        self._answers.clear()
        self._outbox.put(pack(request, **fields))
        return self._await(answer)

    def _await(self, answer: str) -> Message | None:
        """The answer, with the items before it ready to be read; None where the recorder ended or took too long."""
        end_s = time.monotonic() + ANSWER_S
        while True:
            while self._answers:
                if (found := self._answers.pop(0)).name in (answer, "refused"):
                    return found
            left_s = end_s - time.monotonic()
            if self._inbox is None or left_s <= 0:
                return None
            try:
                self.alive()
                for one in unpack(self._inbox.take(min(left_s, ALIVE_S)) or b""):
                    self._take(one)
            except CONNECTION_ERRORS as error:
                self._lose(str(error) or "its connection ended")

    @staticmethod
    def _need(answer: Message | None) -> Message:
        """Raises RtemoError for a refusal, and EOFError where there is no answer."""
        if answer is None:
            raise EOFError("the recorder does not answer")
        if (error := refusal(answer)) is not None:
            raise error
        return answer

    def _lose(self, why: str) -> None:
        self._drop()
        self._lost_s = time.monotonic()
        self._outages.append(f"the recorder ended: {why}")
        known = {_key(info): self._newest[name] for name, info in self.announced.infos.items() if name in self._newest}
        self._before, self._newest = {**self._before, **known}, {}
        for stream_id, state in list(self.announced.states.items()):
            if state not in GONE:
                down = StreamDown(stream_id, StreamState.LOST, "the recorder ended; it is started again")
                self.announced.note([down])
                self._ready.append(down)

    def _drop(self) -> None:
        outbox, self._outbox, self._inbox = self._outbox, None, None
        if outbox is not None:
            outbox.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _key(info: StreamInfo) -> StreamKey:
    """What a stream is known by, whoever reads it."""
    return (info.name, info.type, info.source_id, info.hostname)
