"""A session folder from Python: its settings, predictions, events, recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rtemo.api.model import PathLike
from rtemo.api.prediction_table import PredictionTable, read_csv
from rtemo.api.recording import RecordingFile, open_recording
from rtemo.core.errors import RtemoError
from rtemo.core.records import Reader
from rtemo.recordings.events import Event, read_event
from rtemo.recordings.session_folder import SessionFolder
from rtemo.sources.session_settings import SessionSettings, read_settings


@dataclass(frozen=True)
class SessionFiles:
    """One session. Files are read when they are asked for; what is not there raises RtemoError.

    participant: of several, whose predictions, events and recording these are; empty: everybody's.
    """

    folder: SessionFolder
    participant: str = ""

    @property
    def path(self) -> Path:
        return self.folder.path

    @cached_property
    def settings(self) -> SessionSettings:
        """What the lab had set: participant, streams, electrodes, screen."""
        found = read_settings(self.folder.settings)
        return found.of(self.participant) if self.participant else found

    @property
    def participants(self) -> tuple[str, ...]:
        """The ids of several participants; empty where there is one who is not told apart."""
        return tuple(one.id for one in self.settings.participants)

    def of(self, participant: str) -> SessionFiles:
        """The session as that of one of its participants. Raises RtemoError where there is none of that id."""
        found = SessionFiles(self.folder, participant)
        _ = found.settings
        return found

    @cached_property
    def about(self) -> Mapping[str, Any]:
        """The whole of session.toml: settings, model, versions, streams, what was asked for and when it began."""
        return Reader(str(self.folder.settings), "name another session").toml_file(self.folder.settings)

    @cached_property
    def predictions(self) -> PredictionTable:
        """The predictions that were shown during the session."""
        found = read_csv(self.folder.predictions)
        return found.of(self.participant) if self.participant else found

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """What happened, by time. A line that was cut off is left out."""
        try:
            lines = self.folder.events.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise RtemoError(f"{self.folder.events} cannot be read", str(error), "name another session") from error
        found = [event for line in lines if (event := read_event(line)) is not None]
        own = [event for event in found if not self.participant or event.concerns(self.participant)]
        return tuple(sorted(own, key=lambda event: event.time_s))

    @cached_property
    def recording(self) -> RecordingFile:
        """The recording, looked through."""
        return open_recording(self.folder.recording, participant=self.participant)

    def __repr__(self) -> str:
        return f"<SessionFiles {self.path.name}>"


def read_session(folder: PathLike) -> SessionFiles:
    """The session in a folder, or around a recording that remote control named. Raises RtemoError where it is none."""
    found = SessionFolder.of(Path(folder)) or SessionFolder(Path(folder))
    if not any(path.is_file() for path in (found.recording, found.predictions, found.events)):
        raise RtemoError(
            f"{folder} is no session folder",
            "it has no recording.xdf, predictions.csv or events.jsonl",
            "name a folder that rtemo wrote, or open an XDF file with open_recording",
        )
    return SessionFiles(found)
