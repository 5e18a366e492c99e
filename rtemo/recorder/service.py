"""The recorder's process: reads the live streams, records them, and hands the same items to the engine.

One thread obeys requests; what has come is recorded and sent by the thread that brings it, one at a time, so that no
sample waits for a thread to wake up. Each client has a thread that receives and one that sends: an engine which hangs,
dies or is slow costs predictions and no sample. What an engine or a new recorder needs to go on is kept in a task file,
until the recording was closed because it was asked for.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import count, zip_longest
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from rtemo.core.errors import RtemoError
from rtemo.core.records import Reader
from rtemo.core.types import Item, StreamUp
from rtemo.recorder.endpoint import Address
from rtemo.recorder.journal import Journal, read_journal
from rtemo.recorder.local_server import LocalServer
from rtemo.recorder.mailboxes import Inbox, Outbox, shut
from rtemo.recorder.messages import MAX_BYTES, Message, pack, pack_item, recorder_fields, status_fields, unpack
from rtemo.recorder.recorder import Recorder, RecorderState, RecorderStatus, Unwritten
from rtemo.recorder.recording_source import ListenedSource, RecordingRequest, RecordingSource
from rtemo.sources.participant_roles import ParticipantRoles
from rtemo.sources.private_files import replace_file
from rtemo.sources.xdf.parts import part_name

_LOG = logging.getLogger("rtemo.recorder")

WAIT_S = 0.1  # for a request, before the source is looked at in any case
STATUS_S = 0.25
FLUSH_S = 3.0  # for what was recorded so far to be in the file
OPEN_AGAIN_S = 1.0  # between tries
ORPHANED_S = 5.0  # for the engine to end its session once nobody looks after both
IDLE_S = 60.0  # how long streams stay open that nobody records or reads


@dataclass(frozen=True, slots=True)
class RecorderTask:
    """What a new recorder goes on with. settings: of the session, as TOML. recording: empty where none is made."""

    settings: str = ""
    patient: bool = False
    paths: tuple[str, ...] = ()
    session_id: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class _Client:
    connection: Connection
    outbox: Outbox
    is_engine: bool = False


# Opens the streams that the settings ask for. The mapping takes why several that fit leave a role empty; with None that
# is an error.
OpenSource = Callable[[str, dict[str, str] | None], tuple[ListenedSource, ParticipantRoles]]


class RecorderService:
    """Serves one engine, and whoever watches. `run` blocks until it is asked to quit."""

    def __init__(
        self,
        address: Address,
        open_source: OpenSource,
        new_recorder: Callable[[RecordingRequest], Recorder],
        clock: Callable[[], float],
        task_file: Path,
    ) -> None:
        """clock: now, in LSL time. task_file: see RecorderTask. Raises RtemoError where nobody can connect."""
        self._open_source, self._new_recorder, self._clock = open_source, new_recorder, clock
        self._task_file, self._task = task_file, RecorderTask()
        self._journal_file = task_file.with_suffix(".journal")
        self._source: RecordingSource | None = None
        self._roles: ParticipantRoles | None = None
        self._ambiguous: dict[str, str] = {}
        self._requests: queue.SimpleQueue[tuple[_Client, Message]] = queue.SimpleQueue()
        self._turning = threading.Lock()  # whoever reads the source, or obeys a request
        self._news = False  # whether something has come since the source was read
        self._failure: Exception | None = None  # of a read
        self._open_again_s = math.inf  # when streams are looked for again that could not be opened
        self._unopened: RecorderStatus | None = None  # of a recording meanwhile
        self._engine: _Client | None = None
        self._engine_s = clock()  # when the engine last asked or answered
        self._infos: tuple[Any, ...] = ()
        self._status_s = float("-inf")
        self._first = 0  # which of the task's files is the first that this process has written
        self._over = False
        self._server = LocalServer(address, self._serve)

    def resume(self) -> None:
        """Go on with what the recorder before this one did, where it ended without being asked to."""
        reader = Reader("the recorder's task", "start the session again", longest=MAX_BYTES)
        try:
            task = reader.read(RecorderTask, reader.json_file(self._task_file))
        except RtemoError:
            return
        self._task = task
        with self._turning:
            self._open()
            if task.paths and self._source is not None:
                before = read_journal(self._journal_file)
                self._record_on(before if before is not None and str(before.path) == task.paths[-1] else None)

    def run(self, stop: threading.Event, orphaned: threading.Event) -> None:
        """Until it is asked to quit, or `stop` is set; a recording is closed then, and goes on with the next recorder
        where nobody asked to quit. orphaned: nobody looks after it any more; the engine is asked to end its session.
        """
        ends_s = math.inf
        try:
            while not (stop.is_set() or self._over):
                self._turn()
                if orphaned.is_set() and ends_s == math.inf:
                    ends_s = self._clock() + ORPHANED_S
                    self._end_engine()
                if ends_s < math.inf and (self._engine is None or self._clock() >= ends_s):
                    self._over = True
        finally:
            with self._turning:
                self._close()

    # One turn.

    def _turn(self) -> None:
        with contextlib.suppress(queue.Empty):
            client, request = self._requests.get(timeout=WAIT_S)
            with self._turning:
                self._obey(client, request)
        self._take_over()
        if isinstance(self._failure, RtemoError):
            _LOG.error("%s", self._failure)
            with self._turning:
                self._reopen()
                self._failure = None
        elif self._failure is not None:
            raise self._failure
        elif self._task.paths and self._clock() >= self._open_again_s:
            with self._turning:
                self._reopen()
        if self._clock() - self._status_s >= STATUS_S:
            with self._turning:
                self._look_after()
            self._take_over()

    def _take_over(self) -> None:
        """Record and send what has come. Any thread; where another one is at it, that one takes this over as well."""
        self._news = True
        while self._news and self._failure is None and self._turning.acquire(blocking=False):
            try:
                self._news = False
                while self._source is not None and (items := self._source.read(0.0)):
                    self._send_items(items, self._source.packed)
            except Exception as error:  # noqa: BLE001 - the thread that turns raises it
                self._failure = error
            finally:
                self._turning.release()

    def _look_after(self) -> None:
        now_s = self._status_s = self._clock()
        self._note_paths()
        engine = self._engine
        if engine is not None and engine.outbox.over:
            self._cut_off(engine)
        elif engine is not None and (self._source is not None or self._unopened is not None):
            self._send_status(engine)
        elif self._source is not None and not self._task.paths and now_s - self._engine_s > IDLE_S:
            self._release()

    def _obey(self, client: _Client, request: Message) -> None:
        act = getattr(self, f"_do_{request.name}", self._do_unknown)
        try:
            act(client, **request.fields)
        except RtemoError as error:
            client.outbox.put(pack("refused", request=request.name, error=[error.fact, error.found, error.todo]))
        except Exception as error:  # noqa: BLE001 - a request must not end the recording
            _LOG.exception("%s failed", request.name)
            text = f"{type(error).__name__}: {error}"
            client.outbox.put(pack("refused", request=request.name, error=["the recorder failed", text, ""]))

    # Requests.

    def _do_attach(self, client: _Client, settings: str, *, patient: bool) -> None:
        """Be read by this engine. What is recorded goes on; else the streams are those of the settings."""
        if not self._task.paths and (
            self._source is None or (settings, patient) != (self._task.settings, self._task.patient)
        ):
            self._release()
            self._task = RecorderTask(settings, patient)
            self._open()
            self._keep_task()
        if self._engine is not None and self._engine is not client:
            self._engine.outbox.close(0.0)
        self._engine, client.is_engine, self._engine_s = client, True, self._clock()
        self._infos = ()
        client.outbox.put(pack("attached", recording=self._going_on()))
        if self._source is not None:
            self._send_items(self._source.opening())
            self._send_status(client)
        client.outbox.put(pack("ready"))

    def _do_unknown(self, _client: _Client, **_fields: Any) -> None:
        raise RtemoError("the recorder knows no such request", "", "use one version of rtemo")

    def _do_record(self, client: _Client, path: str, session_id: str, about: Mapping[str, Any]) -> None:
        source = self._need_source()
        request = RecordingRequest(Path(path), session_id, about=about)
        opening = source.record(request, Journal(self._journal_file))
        self._first = 0
        self._task = replace(self._task, paths=(path,), session_id=session_id, about=dict(about))
        self._keep_task()
        client.outbox.put(pack("recording"))
        self._send_items(opening)
        client.outbox.put(pack("ready"))

    def _do_hold(self, client: _Client) -> None:
        self._send_items(self._need_source().hold())
        client.outbox.put(pack("held"))

    def _do_release(self, client: _Client) -> None:
        """Let go of the streams; a recording is closed by `close`."""
        if self._source is not None:
            source = self._source
            source.stop()
            while items := source.read(0.0):
                self._send_items(items, source.packed)
        client.outbox.put(pack("released"))
        if not self._task.paths:
            self._source = None

    def _do_close(self, client: _Client) -> None:
        """Close the recording."""
        status = self._source.close_recording() if self._source is not None else self._unopened
        self._unopened = None
        if self._source is not None and self._source.exhausted:
            self._source = None
        self._task = replace(self._task, paths=(), session_id="", about={})
        self._keep_task()
        client.outbox.put(pack("closed", status=recorder_fields(status)))

    def _do_state(self, client: _Client) -> None:
        """What a supervisor or a window looks at."""
        client.outbox.put(
            pack(
                "state",
                recording=recorder_fields(self._recording_status()),
                paths=list(self._task.paths),
                about=dict(self._task.about),
                engine=self._engine is not None,
                engine_age_s=self._clock() - self._engine_s,
            )
        )

    def _do_annotate(self, client: _Client, text: str, participant: str = "") -> None:
        """A note of the researcher: recorded, and handed to the engine, which publishes it where there is one."""
        recorder = self._source.recorder if self._source is not None else None
        if recorder is None:
            raise RtemoError("nothing is recorded", "", "start a session")
        time_s = self._clock()
        recorder.annotate(text, time_s, participant)
        if self._engine is not None:
            self._engine.outbox.put(pack("annotation", time_s=time_s, text=text, participant=participant))
        client.outbox.put(pack("annotated"))

    def _do_end(self, client: _Client) -> None:
        """Have the engine end its session."""
        self._end_engine()
        client.outbox.put(pack("ending", engine=self._engine is not None))

    def _do_quit(self, client: _Client) -> None:
        """End for good: the recording is closed and not gone on with."""
        status = self._source.recording_status() if self._source is not None else None
        self._over = True
        self._release()
        self._task = RecorderTask()
        self._keep_task()
        client.outbox.put(pack("gone", status=recorder_fields(status)))

    # How it is done.

    def _end_engine(self) -> None:
        if self._engine is not None:
            self._engine.outbox.put(pack("end"))

    def _open(self) -> None:
        self._ambiguous = {}
        source, self._roles = self._open_source(self._task.settings, self._ambiguous if self._task.patient else None)
        recording = RecordingSource(source, self._new_recorder, pack_item)
        source.listen(self._take_over)
        recording.start()
        self._source, self._open_again_s, self._unopened = recording, math.inf, None

    def _reopen(self) -> None:
        """Look for the streams anew, with what is recorded going on in another file. Where they cannot be opened, and
        something is recorded, that is tried again and again.
        """
        status = self._release() or self._unopened
        try:
            self._open()
        except RtemoError as error:
            _LOG.error("%s", error)
            self._open_again_s = self._clock() + OPEN_AGAIN_S
            if status is not None:
                why = f"the streams cannot be opened: {error}"
                self._unopened = replace(status, state=RecorderState.FAILED, error=why)
            return
        if self._task.paths:
            self._record_on()

    def _record_on(self, before: Unwritten | None = None) -> None:
        """Go on with a recording in another file, with what was not written before."""
        first = Path(self._task.paths[0])
        path = next(path for number in count(2) if not (path := part_name(first, number)).exists())
        last = Path(self._task.paths[-1])
        size = before.size if before is not None else None
        request = RecordingRequest(path, self._task.session_id, last.name, size, self._task.about)
        source = self._need_source()
        source.record(request, Journal(self._journal_file), before)
        if before is not None and source.recorder is not None and source.recorder.wait_flushed(FLUSH_S):
            with contextlib.suppress(OSError):
                os.truncate(last, before.size)  # what lies beyond has been written again
        self._first = len(self._task.paths)
        self._task = replace(self._task, paths=(*self._task.paths, str(path)))
        self._keep_task()

    def _note_paths(self) -> None:
        """Remember the files in which the recorder goes on by itself."""
        status = self._source.recording_status() if self._source is not None else None
        if status is None or not self._task.paths:
            return
        paths = (*self._task.paths[: self._first], *map(str, status.paths))
        if paths != self._task.paths:
            self._task = replace(self._task, paths=paths)
            self._keep_task()

    def _release(self) -> RecorderStatus | None:
        status, self._source = self._close_source(), None
        return status

    def _close_source(self) -> RecorderStatus | None:
        """Close the streams with all that they still hold, and a recording. Returns how that one stands."""
        if self._source is None:
            return None
        self._source.stop()
        with contextlib.suppress(RtemoError):
            while items := self._source.read(0.0):
                self._send_items(items, self._source.packed)
        return self._source.close_recording()

    def _recording_status(self) -> RecorderStatus | None:
        return self._source.recording_status() if self._source is not None else self._unopened

    def _close(self) -> None:
        self._close_source()
        if self._engine is not None:
            self._engine.outbox.close()
        self._server.close()

    def _going_on(self) -> dict[str, Any] | None:
        """What a new engine needs to take up the session that is recorded."""
        recorder = self._source.recorder if self._source is not None else None
        if recorder is None or not self._task.paths:
            return None
        recorder.wait_flushed(FLUSH_S)
        self._note_paths()
        return {
            "paths": list(self._task.paths),
            "first": self._first,
            "size": Path(self._task.paths[-1]).stat().st_size,
            "session_id": self._task.session_id,
            "about": dict(self._task.about),
        }

    def _send_items(self, items: Sequence[Item], packed: Sequence[bytes] = ()) -> None:
        """packed: the items as bytes, where that is known."""
        engine = self._engine
        if engine is None:
            return
        parts = []
        for item, known in zip_longest(items, packed):
            if isinstance(item, StreamUp) and self._roles is not None:
                parts.append(pack("role", role=self._roles.role_of(item.info) or ""))
            parts.append(known or pack_item(item))
        if not engine.outbox.put(b"".join(parts)):
            self._cut_off(engine)

    def _cut_off(self, engine: _Client) -> None:
        """End the connection of an engine that has missed something. The next one has it from the recording."""
        _LOG.error("the engine takes nothing more: %s", engine.outbox.over or "its connection ended")
        self._engine = None
        shut(engine.connection)

    def _send_status(self, engine: _Client) -> None:
        source = self._source
        statuses = source.status() if source is not None else ()
        visible = source.visible if source is not None else ()
        infos = (*(status.info for status in statuses), *visible)
        parts = []
        if infos != self._infos:
            self._infos = infos
            open_ = [s.info for s in statuses]
            parts.append(pack("infos", open=[asdict(i) for i in open_], visible=[asdict(i) for i in visible]))
        fields = {
            "streams": [status_fields(status) for status in statuses],
            "missing": list(source.missing) if source is not None else [],
            "ambiguous": dict(self._ambiguous),
            "recording": recorder_fields(self._recording_status()),
        }
        parts.append(pack("status", **fields))
        engine.outbox.put(b"".join(parts))

    def _need_source(self) -> RecordingSource:
        if self._source is None:
            raise RtemoError("no streams are open", "", "attach first")
        return self._source

    def _keep_task(self) -> None:
        """Write down what a new recorder would go on with."""
        try:
            if self._task == RecorderTask():
                self._task_file.unlink(missing_ok=True)
                return
            task = json.dumps(asdict(self._task)).encode()
            replace_file(self._task_file, lambda file: file.write(task))
        except OSError as error:
            _LOG.error("a recorder that is killed could not go on: %s", error)

    # Clients, each in a thread of its own.

    def _serve(self, connection: Connection) -> None:
        client = _Client(connection, Outbox(connection))
        try:
            inbox = Inbox(connection, MAX_BYTES)
            while not self._server.closing:
                for one in unpack(inbox.take(IDLE_S) or b""):
                    self._take(client, one)
        finally:
            client.outbox.close()
            if self._engine is client:
                self._engine = None

    def _take(self, client: _Client, received: Item | Message) -> None:
        if client.is_engine:
            self._engine_s = self._clock()
        if not isinstance(received, Message):
            if client.is_engine and (source := self._source) is not None:
                source.submit(received)
        elif received.name != "alive":
            self._requests.put((client, received))
