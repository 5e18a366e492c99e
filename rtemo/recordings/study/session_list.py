"""The sessions in a folder of sessions: who, when, which; and how long and how usable each is. Reads no recording."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rtemo.core.errors import RtemoError
from rtemo.core.records import Reader
from rtemo.recordings.session_folder import SessionFolder

_NAMED = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_(.+)")


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """One session folder, by its session.toml; where that cannot be read, by the folder's name. run: 0 for none."""

    folder: Path
    subject: str
    began: datetime | None = None
    study: str = ""
    session: str = ""
    task: str = ""
    run: int = 0
    participants: tuple[str, ...] = ()  # of several, who are told apart

    @property
    def files(self) -> SessionFolder:
        return SessionFolder(self.folder)


@dataclass(frozen=True, slots=True)
class SessionMeasures:
    """Of a session's predictions: from the first to the last, and the shares that were usable. NaN without any."""

    length_s: float = math.nan
    eeg: float = math.nan
    gaze: float = math.nan


def list_sessions(root: Path) -> list[SessionEntry]:
    """The sessions in a folder, the newest first. A folder that cannot be read has none."""
    try:
        folders = [path for path in root.iterdir() if path.is_dir() and not path.is_symlink()]
    except OSError:
        return []
    found = [_entry(SessionFolder(path)) for path in folders if _is_session(SessionFolder(path))]
    return sorted(found, key=lambda entry: entry.folder.name, reverse=True)


def of_participant(sessions: Iterable[SessionEntry], subject: str) -> list[SessionEntry]:
    """The sessions of one participant. Upper and lower case are one: nobody tells P07 from p07 for long."""
    wanted = subject.strip().casefold()
    return [one for one in sessions if wanted in {name.casefold() for name in (one.subject, *one.participants)}]


def next_run(sessions: Sequence[SessionEntry], subject: str, session: str, task: str) -> int:
    """The first run of a participant's session and task that has not been recorded yet."""
    theirs = of_participant(sessions, subject)
    same = [one.run for one in theirs if (one.session, one.task) == (session, task)]
    return max(same, default=0) + 1


def measure_session(entry: SessionEntry) -> SessionMeasures:
    """Read a session's predictions for their length and their usable shares. What cannot be read counts for nothing."""
    first_s = last_s = math.nan
    sums, n = [0.0, 0.0], 0
    try:
        with entry.files.predictions.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                time_s, *shares = (float(row[name]) for name in ("time_s", "eeg_coverage", "gaze_coverage"))
                first_s, last_s = (time_s if math.isnan(first_s) else first_s), time_s
                sums, n = [total + share for total, share in zip(sums, shares, strict=True)], n + 1
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        pass  # the last line of a session that was killed may be cut
    return SessionMeasures(last_s - first_s, sums[0] / n, sums[1] / n) if n else SessionMeasures()


def _is_session(folder: SessionFolder) -> bool:
    return any(path.is_file() for path in (folder.settings, folder.events, folder.recording))


def _entry(folder: SessionFolder) -> SessionEntry:
    document: Mapping[str, Any] = {}
    try:
        document = Reader(str(folder.settings), "see the folder").toml_file(folder.settings)
    except RtemoError:
        named = _NAMED.fullmatch(folder.path.name)
        return SessionEntry(folder.path, named[1] if named else folder.path.name)
    session, study, record = (_table(document, name) for name in ("session", "study", "record"))
    try:
        began = datetime.fromisoformat(str(record.get("started", "")))
    except ValueError:
        began = None
    run = session.get("run", 0)
    texts = {name: str(session.get(name, "")) for name in ("subject", "session", "task")}
    number = run if isinstance(run, int) and not isinstance(run, bool) else 0
    listed = document.get("participants")
    tables = listed if isinstance(listed, list) else []
    ids = tuple(str(one["id"]) for one in tables if isinstance(one, Mapping) and "id" in one)
    study_name = str(study.get("name", ""))
    return SessionEntry(folder.path, began=began, study=study_name, run=number, participants=ids, **texts)


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, Mapping) else {}
