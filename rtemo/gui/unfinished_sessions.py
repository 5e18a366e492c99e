"""Sessions that ended without having been stopped, as after a power cut: found in the folder of sessions. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rtemo.recordings.events import Event, EventKind, read_event
from rtemo.recordings.session_folder import SessionFolder

LOOKED_AT = 12  # the newest folders
TAIL_BYTES = 64_000
ENDS = ("stopped", "ended")


@dataclass(frozen=True, slots=True)
class UnfinishedSession:
    """A session whose end nobody stated. ended: when something of it was written last."""

    folder: Path
    ended: datetime

    @property
    def report(self) -> Path:
        return SessionFolder(self.folder).report


def unfinished_session(root: Path) -> UnfinishedSession | None:
    """The newest session in a folder of sessions, where it was not stopped and has no report; None else."""
    try:
        folders = sorted((path for path in root.iterdir() if path.is_dir()), key=lambda path: path.name)[-LOOKED_AT:]
    except OSError:
        return None
    sessions = [SessionFolder(path) for path in folders if SessionFolder(path).events.is_file()]
    if not sessions or sessions[-1].report.exists() or _was_stopped(sessions[-1].events):
        return None
    newest = sessions[-1]
    written_s = max(path.stat().st_mtime for path in (newest.events, newest.recording) if path.is_file())
    return UnfinishedSession(newest.path, datetime.fromtimestamp(written_s))


def _was_stopped(path: Path) -> bool:
    """Whether the events end with the session's."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return True
    events = [event for line in lines if (event := read_event(line)) is not None]
    return any(_is_end(event) for event in events)


def _is_end(event: Event) -> bool:
    return event.kind is EventKind.SESSION and event.text.startswith(ENDS)
