"""What an export is made of: a session folder or an XDF file, read once, with the names that BIDS asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from rtemo.core.errors import RtemoError
from rtemo.core.records import Reader
from rtemo.core.types import Modality
from rtemo.export.event_rows import read_markers, rests_of
from rtemo.export.signals import RecordedSignal, read_signals
from rtemo.recordings.auxiliary_events import recorded_auxiliary_events
from rtemo.recordings.baseline_plan import SAVED
from rtemo.recordings.events import Event, EventKind, is_derived, read_event
from rtemo.recordings.open_recording import OpenRecording, SeveralParticipants
from rtemo.recordings.session_folder import SessionFolder
from rtemo.recordings.study.annotations import corrected
from rtemo.recordings.study.later_corrections import later_edits
from rtemo.sources.devices.profile import DeviceProfile
from rtemo.sources.session_settings import SessionSettings, read_settings
from rtemo.sources.xdf.parts import open_parts
from rtemo.sources.xdf.source import XdfSource

_LAB_RECORDER = re.compile(
    r"(?:^|_)sub-(?P<subject>[^_]+)(?:_ses-(?P<session>[^_]+))?(?:_task-(?P<task>[^_]+))?(?:_run-(?P<run>\d+))?"
)
_DATED = re.compile(r"^(\d{4})-(\d\d)-(\d\d)_(\d\d)-(\d\d)-(\d\d)(?:_|$)")
_NO_LABEL = re.compile(r"[^A-Za-z0-9]")
NOBODY = "anonymous"
TASK = "emotion"


@dataclass(frozen=True, slots=True)
class BidsEntities:
    """Labels of one recording, letters and digits only. run: None where there is one run."""

    subject: str
    session: str
    task: str = TASK
    run: int | None = None

    @property
    def stem(self) -> str:
        """What every file's name begins with."""
        run = f"_run-{self.run:02d}" if self.run is not None else ""
        return f"sub-{self.subject}_ses-{self.session}_task-{self.task}{run}"

    @property
    def folder(self) -> Path:
        return Path(f"sub-{self.subject}") / f"ses-{self.session}"


@dataclass(frozen=True, slots=True)
class AskedEntities:
    """What the command line asks for instead of what the session is called."""

    subject: str = ""
    session: str = ""
    task: str = ""
    run: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RecordedSession:
    """One recording, read. participant: as the lab wrote it. events: of the session; markers: of the marker streams."""

    target: Path
    files: tuple[Path, ...]
    predictions: Path | None
    participant: str
    entities: BidsEntities
    began: datetime | None
    settings: SessionSettings
    profiles: Mapping[Modality, DeviceProfile]
    signals: Mapping[Modality, RecordedSignal]
    markers: tuple[Event, ...]
    events: tuple[Event, ...]
    rests: tuple[tuple[float, float], ...]
    notices: tuple[str, ...]
    alone: str = ""  # the one of several participants in one recording


def read_each_recorded(
    target: Path, profiles: Sequence[DeviceProfile], asked: AskedEntities, participant: str = ""
) -> Iterator[RecordedSession]:
    """Read a session folder or an XDF file, for each of its participants, or for the one that is named."""
    try:
        yield read_recorded(target, profiles, asked, participant)
    except SeveralParticipants as several:
        if asked.subject:
            found = f"{target} is of {', '.join(several.participants)}"
            raise RtemoError("--subject names one participant", found, "leave it out") from several
        for number, one in enumerate(several.participants):
            session = read_recorded(target, profiles, asked, one)
            yield session if number == 0 else _without_sources(session, several.participants[0])


def _without_sources(session: RecordedSession, first: str) -> RecordedSession:
    """The same for one whose recording is also another participant's, with whom it is exported."""
    note = f"the recording is of several participants; it is exported once, with that of {first}"
    return replace(session, files=(), notices=(*session.notices, note))


def read_recorded(
    target: Path, profiles: Sequence[DeviceProfile], asked: AskedEntities, participant: str = ""
) -> RecordedSession:
    """Read a session folder or an XDF file. participant: whose, of several.

    Raises RtemoError where there is neither EEG nor gaze in it.
    """
    folder = SessionFolder.of(target)
    path = folder.recording if folder is not None else target
    if not path.is_file():
        raise RtemoError(f"{target} has no recording", f"looked for {path}", "name a session folder or an XDF file")
    kept = _kept_settings(folder)
    recording = OpenRecording(path, profiles, lambda recorded: recorded or kept, participant=participant)
    try:
        shown = [event for _, event in recorded_auxiliary_events(XdfSource(path), recording.streams, recording.roles)]
        triggers = [event for event in shown if event.kind is EventKind.MARKER]
        markers = sorted([*read_markers(recording), *triggers], key=lambda event: event.time_s)
        rests = rests_of(recording, markers)
        roles = [role for role in recording.roles.filled if role != Modality.MARKERS]
        found: dict[Modality, DeviceProfile] = {role: recording.roles.profile_of(role) for role in roles}
        settings = recording.roles.settings
        signals = read_signals(recording)
    finally:
        recording.close()
    # a recording does not say whom it is about: the file beside it does
    subject = settings.subject if settings.subject not in ("", NOBODY) else kept.subject
    participant = _participant(path, folder, subject, asked)
    named = _named(settings, asked)
    return RecordedSession(
        target=target,
        files=_files(path, folder),
        predictions=folder.predictions if folder is not None and folder.predictions.is_file() else None,
        participant=participant,
        entities=_entities(path, folder, participant, named),
        began=_began(folder),
        settings=settings,
        profiles=found,
        signals=signals,
        markers=tuple(markers),
        events=corrected(
            _with(
                shown,
                recording.events or [event for event in _kept_events(folder) if event.concerns(recording.participant)],
            )
        ),
        rests=tuple(rests),
        notices=(*recording.notices, *_on_baseline(recording)),
        alone=recording.participant,
    )


def as_label(text: str, what: str) -> str:
    """A BIDS label: letters and digits. Raises RtemoError where nothing is left of the text."""
    label = _NO_LABEL.sub("", text)
    if not label:
        raise RtemoError(f"the {what} gives no BIDS label", f"found {text!r}", f"give --{what} with letters and digits")
    return label


def _on_baseline(recording: OpenRecording) -> tuple[str, ...]:
    """A baseline of an earlier session has no place among the events of this one."""
    if recording.facts.planned != SAVED:
        return ()
    return ("predictions were relative to a saved baseline, which is in sourcedata; a corpus built from BIDS has none",)


def _kept_settings(folder: SessionFolder | None) -> SessionSettings:
    """The settings beside a recording that states none itself. Its baseline and streams are its own matter."""
    if folder is None or not folder.settings.is_file():
        return SessionSettings()
    return replace(read_settings(folder.settings), baseline="", queries={})


def _with(shown: Sequence[Event], events: Sequence[Event]) -> tuple[Event, ...]:
    """The session's events and those that its samples show, but for the markers."""
    others = [event for event in shown if event.kind is not EventKind.MARKER]
    return tuple(sorted((*events, *others), key=lambda event: event.time_s)) if others else tuple(events)


def _kept_events(folder: SessionFolder | None) -> tuple[Event, ...]:
    """The events beside a recording that has none itself, but for those that it shows."""
    if folder is None or not folder.events.is_file():
        return ()
    lines = folder.events.read_text(encoding="utf-8", errors="replace").splitlines()
    lines += [edit.to_json_line() for edit in later_edits(folder.recording)]
    found = [event for line in lines if (event := read_event(line)) is not None and event.kind != EventKind.MARKER]
    return tuple(sorted((event for event in found if not is_derived(event)), key=lambda event: event.time_s))


def _participant(path: Path, folder: SessionFolder | None, subject: str, asked: AskedEntities) -> str:
    """Who was recorded: as asked for, as the settings say, or by the file's name."""
    if asked.subject or subject not in ("", NOBODY):
        return asked.subject or subject
    named = _LAB_RECORDER.search(path.name)
    if named:
        return named["subject"]
    return NOBODY if folder is not None else path.stem


def _named(settings: SessionSettings, asked: AskedEntities) -> AskedEntities:
    """What is asked for, and else what the session's settings name."""
    run = asked.run if asked.run is not None else settings.run or None
    return replace(asked, session=asked.session or settings.session, task=asked.task or settings.task, run=run)


def _entities(path: Path, folder: SessionFolder | None, participant: str, asked: AskedEntities) -> BidsEntities:
    """By what is asked for, LabRecorder's file name, or the session folder's date and time."""
    named = _LAB_RECORDER.search(path.name)
    dated = _DATED.match(folder.target.name) if folder is not None else None
    session = named["session"] if named else None
    if dated:
        session = f"{''.join(dated.groups()[:3])}T{''.join(dated.groups()[3:])}"
    elif folder is not None and session is None:
        session = folder.target.resolve().name
    run = int(named["run"]) if named and named["run"] else None
    return BidsEntities(
        as_label(participant, "subject"),
        as_label(asked.session or session or "1", "session"),
        as_label(asked.task or (named["task"] if named and named["task"] else TASK), "task"),
        asked.run if asked.run is not None else run,
    )


def _files(path: Path, folder: SessionFolder | None) -> tuple[Path, ...]:
    """The recording in all its parts, and what lies beside it in a session folder."""
    parts, _ = open_parts(path)
    files = [part.file.path for part in parts]
    for part in parts:
        part.file.close()
    if folder is not None:
        own = "" if folder.target == folder.path else f"{folder.recording.stem}."
        kept = (one for one in folder.path.iterdir() if one.suffix in (".toml", ".jsonl", ".csv", ".json"))
        files += sorted(one for one in kept if one.name.startswith(own))
    return tuple(dict.fromkeys(files))


def _began(folder: SessionFolder | None) -> datetime | None:
    """When the session began, local time, where its settings file says so."""
    if folder is None or not folder.settings.is_file():
        return None
    try:
        document = Reader(str(folder.settings), "the export does without it").toml_file(folder.settings)
        began = datetime.fromisoformat(str(document["record"]["started"]))
    except (RtemoError, KeyError, TypeError, ValueError):
        return None
    return began.replace(tzinfo=None)
