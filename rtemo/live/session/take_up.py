"""Takes up a session whose engine ended: its pipeline and model are rebuilt from the recording so far.

The pipeline is deterministic and the recording holds every item that the engine before this one was given, in its
order, and every fact that it went by. So what is predicted afterwards is what it would have predicted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from rtemo.core.records import Reader
from rtemo.core.types import Chunk, ClockOffset, Item, StreamDown, StreamInfo, StreamNotice, StreamUp
from rtemo.live.engine.engine import taken_of
from rtemo.live.session.saved_state import StateAbout
from rtemo.model.bundle import Bundle
from rtemo.model.predictor import Predictor
from rtemo.recorder.recording_source import RunningRecording
from rtemo.recordings.baseline_plan import MarkedBaseline
from rtemo.recordings.events import Event, EventLog
from rtemo.recordings.open_recording import OpenRecording
from rtemo.recordings.session_facts import SessionFacts
from rtemo.recordings.session_folder import SessionFolder
from rtemo.sources.devices.profile import DeviceProfile
from rtemo.sources.participants import OWN_ROLES
from rtemo.sources.session_settings import SessionSettings, parse_settings
from rtemo.sources.stream_roles import StreamRoles
from rtemo.sources.stream_xml import same_description
from rtemo.sources.xdf.source import XdfSource


@dataclass(frozen=True, slots=True)
class SessionAbout:
    """What the recorder keeps for the next engine. settings: as TOML, with the participant. folder: empty for none."""

    settings: str
    folder: str
    started_s: float
    publish: bool


_READER = Reader("the session that is taken up", "start a new session")


def settings_of_running(running: RunningRecording) -> SessionSettings:
    """The settings of a session that is recorded. Raises RtemoError where they cannot be read."""
    about = _READER.read(SessionAbout, running.about)
    return parse_settings(about.settings, "the settings of the session that is taken up")


class TakenUpSession:
    """What a session's recording holds up to the item after which a new engine goes on."""

    def __init__(self, running: RunningRecording, profiles: Sequence[DeviceProfile], participant: str = "") -> None:
        """participant: for whom it is taken up, of several; empty: the first. Raises RtemoError where the recording
        cannot be read.
        """
        self._profiles = profiles
        about = _READER.read(SessionAbout, running.about)
        self.running, self.started_s, self.publish = running, about.started_s, about.publish
        self.settings = settings_of_running(running)
        self.folder = SessionFolder.named(Path(about.folder)) if about.folder else None
        first = Path(running.paths[0])
        recorded = self.settings.without_baseline
        whose = participant or next((one.id for one in recorded.participants), "")
        self._recording = OpenRecording(
            first, profiles, lambda _: recorded, size=running.size, complete=False, participant=whose
        )

    def of(self, participant: str) -> TakenUpSession:
        """The same for another participant."""
        if participant == self._recording.participant:
            return self
        return TakenUpSession(self.running, self._profiles, participant)

    @property
    def facts(self) -> SessionFacts:
        """What the session stated about itself."""
        return self._recording.facts

    @property
    def notes(self) -> tuple[Event, ...]:
        """What persons noted while no engine was there."""
        return self._recording.notes

    @property
    def recording(self) -> Path:
        """Its first file."""
        return self._recording.path

    def give_roles(self, roles: StreamRoles) -> None:
        """Give the session's streams that are lost now their roles: nobody announces them, and what comes back must be
        known as theirs; so must what they measured before others took their places.
        """
        recorded = self._recording.roles
        for info in reversed(self._recording.streams):
            role = recorded.role_of(info)
            if role is None or role not in OWN_ROLES:
                continue
            if role in roles.filled:
                roles.had(info, role)
            else:
                roles.choose_for(role, [info])

    def prepare(
        self, predictor: Predictor, bundle: Bundle, warn: Callable[[str], None], since_s: float
    ) -> MarkedBaseline:
        """Give a predictor the session's baseline, calibrations and labels: what was stated after since_s, LSL time.

        Returns what listens to markers.
        """
        return self._recording.prepare(predictor, bundle, (), EventLog(), warn, since_s)

    def items(
        self, there: Sequence[StreamInfo], saved: StateAbout | None
    ) -> Iterator[tuple[int, Iterator[list[Item]]]]:
        """The items after those of a saved state, in the names that the streams have now, of each of the recording's
        files by its number. Closes the file.

        there: the streams that are announced now.
        """
        self._recording.close()
        left = Counter(saved.taken if saved is not None else {})
        for part in range(saved.part if saved is not None else 0, len(self.running.paths)):
            path = self.running.paths[part]
            size = self.running.size if path == self.running.paths[-1] else None
            yield part, _items_of(Path(path), size, there, left, self._recording)


def _items_of(
    path: Path, size: int | None, there: Sequence[StreamInfo], left: Counter[str], recording: OpenRecording
) -> Iterator[list[Item]]:
    """The items of one file, without the samples that are to be left out first."""
    source = XdfSource(path, size=size, alone=True)
    infos = source.start()
    try:
        used = [info.stream_id for info in infos if recording.roles.role_of(info) is not None]
        source.select([*used, *(info.stream_id for info in infos if source.predecessor(info.stream_id) in used)])
        names = {old.stream_id: new.stream_id for old, new in zip(infos, _renamed(infos, there), strict=True)}
        opening: list[Item] = [StreamUp(info) for info in source.opening]
        for items in chain([opening], iter(lambda: source.read(0.0), [])):
            yield [item for one in items if (item := _later(_named(one, names), left)) is not None]
    finally:
        source.stop()


def _later(item: Item, left: Counter[str]) -> Item | None:
    """What of an item is not in the saved state. A stream of which it has samples was announced to it, and may have
    been replaced since.
    """
    if isinstance(item, StreamUp) and left[item.info.stream_id]:
        return None
    counted = taken_of(item)
    if counted is None or not left[counted[0]]:
        return item
    n = min(left[counted[0]], counted[1])
    left[counted[0]] -= n
    if not isinstance(item, Chunk):
        return None
    return replace(item, stamps=item.stamps[n:], values=item.values[n:]) if n < len(item) else None


def _renamed(infos: Sequence[StreamInfo], there: Sequence[StreamInfo]) -> list[StreamInfo]:
    """Streams of a file under the names that the same ones have now. Of those that are described alike, as where a
    device was changed and changed back, the newest one is there now.
    """
    free = list(there)
    renamed = []
    for info in reversed(infos):
        name = next((one.stream_id for one in free if same_description(info, one)), info.stream_id)
        free = [one for one in free if one.stream_id != name]
        renamed.append(replace(info, stream_id=name))
    return renamed[::-1]


def _named(item: Item, names: dict[str, str]) -> Item:
    match item:
        case StreamUp(info):
            new = names.get(info.stream_id, info.stream_id)
            return replace(item, info=replace(info, stream_id=new), replaces=names.get(item.replaces, item.replaces))
        case Chunk() | ClockOffset() | StreamDown() | StreamNotice():
            return replace(item, stream_id=names.get(item.stream_id, item.stream_id))
