"""Takes up a session whose engine ended: its pipeline and model are rebuilt from the recording so far.

The pipeline is deterministic and the recording holds every item that the engine before this one was given, in its
order, and every fact that it went by. So what is predicted afterwards is what it would have predicted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rtemo.core.records import Reader
from rtemo.core.types import Chunk, ClockOffset, Item, StreamDown, StreamInfo, StreamNotice, StreamUp
from rtemo.model.bundle import Bundle
from rtemo.model.predictor import Predictor
from rtemo.recorder.recording_source import RunningRecording
from rtemo.recordings.baseline_plan import MarkedBaseline
from rtemo.recordings.events import EventLog
from rtemo.recordings.open_recording import OpenRecording
from rtemo.recordings.session_facts import SessionFacts
from rtemo.recordings.session_folder import SessionFolder
from rtemo.sources.devices.profile import DeviceProfile
from rtemo.sources.session_settings import parse_settings
from rtemo.sources.stream_xml import same_description


@dataclass(frozen=True, slots=True)
class SessionAbout:
    """What the recorder keeps for the next engine. settings: as TOML, with the participant. folder: empty for none."""

    settings: str
    folder: str
    started_s: float
    publish: bool


_READER = Reader("the session that is taken up", "start a new session")


class TakenUpSession:
    """What a session's recording holds up to the item after which a new engine goes on."""

    def __init__(self, running: RunningRecording, profiles: Sequence[DeviceProfile]) -> None:
        """Raises RtemoError where the recording cannot be read."""
        about = _READER.read(SessionAbout, running.about)
        self.running, self.started_s, self.publish = running, about.started_s, about.publish
        self.settings = parse_settings(about.settings, "the settings of the session that is taken up")
        self.folder = SessionFolder(Path(about.folder)) if about.folder else None
        first = Path(running.paths[0])
        recorded = replace(self.settings, baseline="")
        self._recording = OpenRecording(first, profiles, lambda _: recorded, size=running.size, complete=False)

    @property
    def facts(self) -> SessionFacts:
        """What the session stated about itself."""
        return self._recording.facts

    def prepare(self, predictor: Predictor, bundle: Bundle, warn: Callable[[str], None]) -> MarkedBaseline:
        """Give a fresh predictor the session's baseline, calibrations and labels. Returns what listens to markers."""
        return self._recording.prepare(predictor, bundle, (), EventLog(), warn)

    def items(self, there: Sequence[StreamInfo]) -> Iterator[list[Item]]:
        """The items, in the names that the streams have now. there: those that are announced now. Closes the file."""
        names = {
            info.stream_id: next((one.stream_id for one in there if same_description(info, one)), info.stream_id)
            for info in self._recording.streams
        }
        source = self._recording.source
        try:
            yield [_named(StreamUp(info), names) for info in self._recording.streams if self._recording.is_used(info)]
            while items := source.read(0.0):
                yield [_named(item, names) for item in items if not self._is_own(item)]
        finally:
            self._recording.close()

    def _is_own(self, item: Item) -> bool:
        """Whether it is of the session's own events, which prepare has given already."""
        return not isinstance(item, StreamUp) and item.stream_id in self._recording.session_stream.stream_ids


def _named(item: Item, names: dict[str, str]) -> Item:
    match item:
        case StreamUp(info):
            new = names.get(info.stream_id, info.stream_id)
            return replace(item, info=replace(info, stream_id=new), replaces=names.get(item.replaces, item.replaces))
        case Chunk() | ClockOffset() | StreamDown() | StreamNotice():
            return replace(item, stream_id=names.get(item.stream_id, item.stream_id))
