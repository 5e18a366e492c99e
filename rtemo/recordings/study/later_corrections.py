"""Annotations that are corrected after their session: the recording stays as it is, and a file beside it has the edits.

Whoever opens the recording gets them with its events; see rtemo.recordings.study.annotations for how they are applied.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from rtemo.core.errors import RtemoError
from rtemo.recordings.events import Event, read_event
from rtemo.recordings.session_folder import beside
from rtemo.recordings.study.annotations import EDIT, AnnotationEdit, edit_of
from rtemo.sources.private_files import owner_only

CORRECTIONS = "corrections.jsonl"
WHEN = "corrected"  # beside the edit, in local time


def later_edits(recording: Path) -> tuple[Event, ...]:
    """The corrections beside a recording, in the order in which they were made; lines that are none are left out.

    Raises RtemoError where there are some that cannot be read.
    """
    return tuple(event for event in _events(beside(recording, CORRECTIONS)) if edit_of(event) is not None)


def edits_beside(recording: Path) -> tuple[Event, ...]:
    """All corrections that lie beside a recording: those of its session's events, then the later ones.

    Raises RtemoError where there are some that cannot be read.
    """
    kept = (event for event in _events(beside(recording, "events.jsonl")) if edit_of(event) is not None)
    return (*kept, *later_edits(recording))


def noted_events(recording: Path) -> tuple[Event, ...]:
    """What was noted in a session, and all corrections, in order. Raises RtemoError where it cannot be read."""
    path = beside(recording, "events.jsonl")
    if not path.is_file():
        raise RtemoError("there are no events of this session", f"{path} is not there", "choose a whole session")
    return (*_events(path), *later_edits(recording))


def correct_later(recording: Path, edit: AnnotationEdit, when: datetime) -> None:
    """Add a correction. Raises RtemoError where it cannot be written."""
    end_s = max((event.time_s for event in noted_events(recording)), default=edit.noted_s)
    event = edit.event(end_s)  # at the session's end: it counts more than what was corrected in the session
    event.details[EDIT][WHEN] = when.isoformat(timespec="seconds")
    path = beside(recording, CORRECTIONS)
    try:
        with open(path, "a", encoding="utf-8", opener=owner_only) as file:
            file.write(event.to_json_line() + "\n")
    except OSError as error:
        raise RtemoError(
            f"{path.name} cannot be written", error.strerror or str(error), "free the disk, or ask for the right"
        ) from error


def _events(path: Path) -> tuple[Event, ...]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise RtemoError(f"{path} cannot be read", error.strerror or str(error), "ask for the right to") from error
    return tuple(event for line in lines if (event := read_event(line)) is not None)
