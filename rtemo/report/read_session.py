"""From a session folder or a plain recording to a SessionRecord. What is missing or broken becomes a problem, and the
rest is still reported: a session that ended badly needs its report most.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from rtemo.core.errors import RtemoError
from rtemo.core.records import Reader
from rtemo.live.replay.replay_engine import replay_engine
from rtemo.model.bundle import CARD_FILE, Bundle
from rtemo.model.predictor import Predictor
from rtemo.recordings.events import Event, EventKind, EventLog, read_event
from rtemo.recordings.older_recordings import with_details
from rtemo.recordings.open_recording import OpenRecording, Settings, SeveralParticipants, as_recorded
from rtemo.recordings.session_folder import SessionFolder, versions
from rtemo.recordings.study.annotations import corrected
from rtemo.recordings.study.later_corrections import later_edits
from rtemo.report.predictions import Collector, read_predictions
from rtemo.report.quality import Inspection, inspect
from rtemo.report.session_record import ModelNotes, Predictions, SessionRecord
from rtemo.sources.devices.profile import DeviceProfile
from rtemo.sources.session_settings import SessionSettings, read_settings, settings_document

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ReportInputs:
    """What a recording is read with. settings: instead of the session's own, given what it had."""

    bundle: Bundle
    profiles: Sequence[DeviceProfile]
    new_predictor: Callable[[], Predictor]
    settings: Settings | None = None


@dataclass(frozen=True, slots=True)
class _AboutSession:
    """Each as it was when the session began; see SessionFolder.write_settings."""

    model: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


def read_each(target: Path, inputs: ReportInputs) -> list[SessionRecord]:
    """The record of a session folder or of an XDF file, or one for each of several participants, see read_session."""
    try:
        return [read_session(target, inputs)]
    except SeveralParticipants as several:
        return [read_session(target, inputs, participant) for participant in several.participants]


def read_session(target: Path, inputs: ReportInputs, participant: str = "") -> SessionRecord:
    """The record of a session folder or of an XDF file. participant: whose, of several.

    Raises RtemoError where there is nothing to report on, SeveralParticipants where somebody is to be named.
    """
    if (folder := SessionFolder.of(target)) is not None:
        if not any(path.is_file() for path in (folder.recording, folder.predictions, folder.events)):
            raise RtemoError(
                f"{target} is no session folder",
                "it has no recording.xdf, predictions.csv or events.jsonl",
                "name a folder that rtemo wrote, or an XDF file",
            )
        return _of_folder(folder, inputs, participant)
    return _of_recording(target, inputs, participant)


def _of_folder(folder: SessionFolder, inputs: ReportInputs, participant: str) -> SessionRecord:
    problems: list[str] = []
    about = _attempt(problems, lambda: _about_session(folder.settings)) or _AboutSession()
    kept = _attempt(problems, lambda: read_settings(folder.settings))
    settings = inputs.settings(kept) if inputs.settings is not None else kept or SessionSettings()
    if inputs.settings is None:  # which baseline was planned the recording says itself
        everybody = settings.without_baseline
        inputs = replace(inputs, settings=lambda _recorded: everybody)
    if settings.participants and not participant:
        participant = settings.alone
        if not participant:
            raise SeveralParticipants(folder.recording, [one.id for one in settings.participants])
    settings = settings.of(participant) if settings.participants else settings
    events = _attempt(problems, lambda: _read_events(folder.events, folder.recording)) or ()
    events = tuple(event for event in events if event.concerns(participant))
    found = _attempt(problems, lambda: _inspected(folder.recording, inputs, participant))
    live = True
    predictions = _attempt(problems, lambda: read_predictions(folder.predictions, participant))
    if predictions is None:
        live = False
        replayed = _attempt(problems, lambda: _replay(folder.recording, inputs, problems.append, participant))
        predictions = replayed[0] if replayed is not None else Collector(inputs.bundle.labels).table()
    model = _own_model(about.model, inputs, problems)
    begin_s, end_s = _extent(events, predictions, found)
    return SessionRecord(
        title=folder.target.name,
        subject=settings.subject,
        notes=settings.notes,
        when=str(about.record.get("started", "")),
        begin_s=begin_s,
        end_s=end_s,
        live=live,
        predictions=predictions,
        events=events,
        streams=found.streams if found is not None else (),
        model=model,
        quality=found.quality if found is not None else None,
        impedances=found.impedances if found is not None else (),
        traces=found.traces if found is not None else (),
        settings=settings_document(settings),
        conditions=settings.conditions,
        versions=about.versions,
        recording_bytes=folder.recording.stat().st_size if folder.recording.is_file() else 0,
        problems=(*problems, *(found.warnings if found is not None else ())),
    )


def _of_recording(path: Path, inputs: ReportInputs, participant: str) -> SessionRecord:
    problems: list[str] = []
    found = _inspected(path, inputs, participant)
    predictions, events, settings = _replay(path, inputs, problems.append, participant)
    return SessionRecord(
        title=path.name,
        subject=settings.subject if inputs.settings is not None or settings.alone else "",
        notes=settings.notes,
        when="",
        begin_s=found.begin_s,
        end_s=found.end_s,
        live=False,
        predictions=predictions,
        events=events,
        streams=found.streams,
        model=_notes_of(inputs.bundle),
        quality=found.quality,
        impedances=found.impedances,
        traces=found.traces,
        settings=settings_document(settings),
        conditions=settings.conditions,
        versions=versions(),
        recording_bytes=path.stat().st_size,
        problems=(*problems, *found.warnings),
    )


def _open(path: Path, inputs: ReportInputs, participant: str, *, further: bool = False) -> OpenRecording:
    settings = inputs.settings or as_recorded
    return OpenRecording(path, inputs.profiles, settings, participant=participant, further=further)


def _inspected(path: Path, inputs: ReportInputs, participant: str) -> Inspection:
    return inspect(_open(path, inputs, participant, further=True), inputs.bundle.spec.pipeline)


def _replay(
    path: Path, inputs: ReportInputs, warn: Callable[[str], None], participant: str
) -> tuple[Predictions, tuple[Event, ...], SessionSettings]:
    """What the model predicts from a recording, what happens in it, and the settings that it was read with."""
    recording, log, collector = _open(path, inputs, participant), EventLog(), Collector(inputs.bundle.labels)
    engine = replay_engine(recording, inputs.new_predictor(), inputs.bundle, log, [collector], warn=warn)
    engine.run(recording.opening, threading.Event())
    return collector.table(), corrected(log.events), recording.roles.settings


def _attempt(problems: list[str], read: Callable[[], T]) -> T | None:
    """What can be read, or None with the reason among the problems."""
    try:
        return read()
    except SeveralParticipants:
        raise
    except RtemoError as error:
        problems.append(str(error))
        return None


def _about_session(path: Path) -> _AboutSession:
    """The tables of session.toml that only describe a session."""
    reader = Reader(path.name, "the report does without it")
    document = reader.toml_file(path)
    return reader.read(_AboutSession, {name: document[name] for name in _AboutSession.__slots__ if name in document})


def _read_events(path: Path, recording: Path) -> tuple[Event, ...]:
    """The events of events.jsonl, by time, as they were corrected in the session and later. A line that is none is left
    out: a killed engine may have cut the last.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RtemoError(f"{path.name} cannot be read", str(error)) from error
    found = [with_details(event) for line in lines if (event := read_event(line)) is not None]
    return corrected((*found, *later_edits(recording)))


def _extent(events: tuple[Event, ...], predictions: Predictions, found: Inspection | None) -> tuple[float, float]:
    """From when to when the session lasted. Its own events tell it best; recordings may hold older samples."""
    marks = [event.time_s for event in events if event.kind is EventKind.SESSION]
    times = predictions.times[np.isfinite(predictions.times)]
    ends = [event.time_s for event in events] + ([float(times[-1])] if len(times) else [])
    begin_s = marks[0] if marks else found.begin_s if found is not None else min(ends, default=0.0)
    end_s = marks[-1] if len(marks) > 1 else found.end_s if found is not None else max(ends, default=0.0)
    return begin_s, max(begin_s, end_s) if math.isfinite(end_s) else begin_s


def _own_model(named: Mapping[str, Any], inputs: ReportInputs, problems: list[str]) -> ModelNotes:
    """The session's model as its settings file names it. What only the bundle knows is shown if it is the same one."""
    fingerprint = str(named.get("bundle_fingerprint", ""))
    if not fingerprint or fingerprint == inputs.bundle.fingerprint:
        return _notes_of(inputs.bundle)
    problems.append(f"the session's model {fingerprint[:12]} is not at hand; name it with --model to see its card")
    window_s = inputs.bundle.spec.pipeline.window.length_s
    calibrated = named.get("calibrated", True) is not False
    return ModelNotes(
        str(named.get("bundle", "")), fingerprint, str(named.get("trained_on", "")), window_s, "", calibrated
    )


def _notes_of(bundle: Bundle) -> ModelNotes:
    spec = bundle.spec
    try:
        card = (bundle.path / CARD_FILE).read_text(encoding="utf-8")
    except OSError:
        card = ""
    length_s = spec.pipeline.window.length_s
    return ModelNotes(spec.name, bundle.fingerprint, spec.trained_on, length_s, card, spec.calibrated)
