"""Live streams that are recorded as they are read: what the recorder's process turns.

Whoever reads gets the very items that go to the file, in the file's order, so that a replay of the recording gives what
the live session gave.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, Protocol

from rtemo.core.errors import RtemoError
from rtemo.core.types import Item, StreamInfo, StreamUp
from rtemo.recorder.announced_streams import AnnouncedStreams
from rtemo.recorder.recorder import Recorder, RecorderStatus, Unwritten, UnwrittenItems
from rtemo.sources.base import DRAIN_READS
from rtemo.sources.lsl.stream_state import LslStreamStatus


class LiveSource(Protocol):
    """A source of live streams that also reports their state; see rtemo.sources.base and rtemo.sources.lsl.source."""

    def start(self) -> tuple[StreamInfo, ...]: ...

    def read(self, timeout_s: float) -> list[Item]: ...

    @property
    def exhausted(self) -> bool: ...

    def stop(self) -> None: ...

    def status(self) -> tuple[LslStreamStatus, ...]: ...

    @property
    def missing(self) -> Collection[str]: ...

    @property
    def visible(self) -> tuple[StreamInfo, ...]: ...


class ListenedSource(LiveSource, Protocol):
    """A live source that lets it be known when something has come."""

    def listen(self, come: Callable[[], None]) -> None:
        """Have it called whenever there is something to be read, by the thread that brought it, which may read it."""
        ...


@dataclass(frozen=True, slots=True)
class RecordingRequest:
    """What is to be recorded.

    session_id: of the session that it is made for; empty outside of one. continues: the name of the file that it goes
    on from, empty for none; continues_bytes: how much of that counts, None for all. about: what an engine needs to take
    the session up again, kept for it and not looked at.
    """

    path: Path
    session_id: str = ""
    continues: str = ""
    continues_bytes: int | None = None
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunningRecording:
    """A recording that an engine before this one began. paths: its files. first: which of them is the first one of the
    recorder that runs. size: bytes of the last one that hold everything that was read before the first item. about:
    see RecordingRequest.
    """

    paths: tuple[str, ...]
    first: int
    size: int
    session_id: str
    about: dict[str, Any]


class RecordedSource(LiveSource, Protocol):
    """A live source that can be recorded: here (RecordingSource), or in the recorder's process.

    running: what is recorded already when it is started. ending: whether the engine is asked to end. buffered: whether
    another process keeps what comes while nobody reads.
    """

    @property
    def buffered(self) -> bool: ...

    @property
    def announced(self) -> AnnouncedStreams:
        """The streams that were announced, and how they stand."""
        ...

    @property
    def running(self) -> RunningRecording | None: ...

    @property
    def ending(self) -> bool: ...

    @property
    def chosen(self) -> Mapping[str, str]:
        """The names of the roles that another process chose, by stream_id."""
        ...

    def alive(self) -> None:
        """Let it be known that the engine works, while it reads nothing for long."""
        ...

    def leave(self) -> None:
        """Let go of it and leave what is recorded to the next engine."""
        ...

    def notes(self) -> list[tuple[float, str, str]]:
        """The notes that were given to the recorder since the last call: LSL time, text, participant."""
        ...

    def outages(self) -> list[str]:
        """What has happened to the recorder since the last call."""
        ...

    def opening(self) -> list[Item]:
        """What an engine that takes over the source must be given first: the streams that are there, their clocks."""
        ...

    def record(self, request: RecordingRequest) -> list[Item]:
        """Begin a recording. Returns the items that it begins with: the streams that are there, and their clocks.

        What was read before is not in it; what is read afterwards is. Raises RtemoError where no file can be made.
        """
        ...

    def take_up(self) -> None:
        """Go on with the recording that an engine before this one began."""
        ...

    def submit(self, item: Item) -> None:
        """Record an item of the engine's own, such as a prediction. Never waits, never raises."""
        ...

    def hold(self) -> list[Item]:
        """Record nothing more from the streams. Returns the last items that are in the recording."""
        ...

    def close_recording(self) -> RecorderStatus | None:
        """Write the rest and close the file. Returns how it stands; None where nothing was recorded."""
        ...

    def recording_status(self) -> RecorderStatus | None:
        """How the recording stands; None where there is none."""
        ...


class RecordingSource:
    """A live source with a recorder in this process. Turned by one thread; `submit` is for any."""

    running: RunningRecording | None = None
    ending = buffered = False

    def __init__(
        self,
        source: LiveSource,
        new_recorder: Callable[[RecordingRequest], Recorder],
        pack: Callable[[Item], bytes] | None = None,
    ) -> None:
        """pack: makes bytes of items for whoever else gets them; see `packed`."""
        self._source, self._new_recorder, self._pack = source, new_recorder, pack
        self.packed: list[bytes] = []  # what was read last
        self.announced = AnnouncedStreams()
        self.chosen: dict[str, str] = {}
        self._recorder: Recorder | None = None
        self._held = False

    def start(self) -> tuple[StreamInfo, ...]:
        infos = self._source.start()
        self.announced.note(map(StreamUp, infos))
        return infos

    def read(self, timeout_s: float) -> list[Item]:
        items = self._source.read(timeout_s)
        self.announced.note(items)
        self.packed = [self._pack(item) for item in items] if self._pack is not None else []
        if self._recorder is not None and not self._held:
            for item, packed in zip_longest(items, self.packed):
                self._recorder.submit(item, packed)
        return items

    @property
    def exhausted(self) -> bool:
        return self._source.exhausted

    def stop(self) -> None:
        self._source.stop()

    def status(self) -> tuple[LslStreamStatus, ...]:
        return self._source.status()

    @property
    def missing(self) -> Collection[str]:
        return self._source.missing

    @property
    def visible(self) -> tuple[StreamInfo, ...]:
        return self._source.visible

    def opening(self) -> list[Item]:
        return self.announced.opening()

    @property
    def recorder(self) -> Recorder | None:
        """That of the recording that is made."""
        return self._recorder

    def alive(self) -> None:
        """Nobody asks."""

    def leave(self) -> None:
        self._source.stop()

    def notes(self) -> list[tuple[float, str, str]]:
        return []

    def outages(self) -> list[str]:
        return []

    def record(
        self, request: RecordingRequest, journal: UnwrittenItems | None = None, before: Unwritten | None = None
    ) -> list[Item]:
        """journal: keeps what is not in the file yet. before: what the recorder before this one had not written."""
        if self._recorder is not None:
            raise RtemoError("a recording is being made", str(self._recorder.path), "stop it first")
        self._recorder, self._held = self._new_recorder(request), False
        if journal is not None:
            self._recorder.keep_in(journal)
        for item, time_s in before.entries if before is not None else ():
            self._recorder.submit_again(item, time_s)
        opening = self.opening()
        for item in opening:
            self._recorder.submit(item)
        return opening

    def take_up(self) -> None:
        """Nothing to be done: it is in this process."""

    def submit(self, item: Item) -> None:
        if (recorder := self._recorder) is not None:
            recorder.submit(item)

    def hold(self) -> list[Item]:
        items: list[Item] = []
        for _ in range(DRAIN_READS):
            read = self.read(0.0)
            items += read
            if not read:
                break
        self._held = True
        return items

    def close_recording(self) -> RecorderStatus | None:
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return None
        recorder.close()
        return recorder.status()

    def recording_status(self) -> RecorderStatus | None:
        recorder = self._recorder
        return None if recorder is None else recorder.status()
