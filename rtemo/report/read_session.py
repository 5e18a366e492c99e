"""From a session folder or a plain recording to a SessionRecord. What is missing or broken becomes a problem, and the
rest is still reported: a session that ended badly needs its report most.
"""

from __future__ import annotations

import json
import math
import threading
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from rtemo.core.errors import RtemoError
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Modality
from rtemo.live.engine.engine import Engine
from rtemo.model.bundle import CARD_FILE, Bundle
from rtemo.model.predictor import Predictor
from rtemo.recordings.baseline_plan import BaselinePlan, MarkedBaseline, recorded_baseline
from rtemo.recordings.events import Event, EventKind, EventLog
from rtemo.recordings.session_folder import SessionFolder, versions
from rtemo.report.predictions import Collector, read_predictions
from rtemo.report.quality import Inspection, inspect
from rtemo.report.session_record import ModelNotes, Predictions, SessionRecord
from rtemo.sources.session_settings import SessionSettings, read_settings, settings_document
from rtemo.sources.stream_roles import StreamRoles
from rtemo.sources.xdf.source import XdfSource

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ReportInputs:
    """What a recording is read with. new_cast, new_predictor: fresh ones, as a replay takes them."""

    bundle: Bundle
    new_cast: Callable[[SessionSettings], StreamRoles]
    new_predictor: Callable[[], Predictor]
    settings: SessionSettings | None = None  # instead of the session's own


def read_session(target: Path, means: ReportInputs) -> SessionRecord:
    """The record of a session folder or of an XDF file. Raises RtemoError where there is nothing to report on."""
    if target.is_dir():
        folder = SessionFolder(target)
        if not any(path.is_file() for path in (folder.recording, folder.predictions, folder.events)):
            raise RtemoError(
                f"{target} is no session folder",
                "it has no recording.xdf, predictions.csv or events.jsonl",
                "name a folder that rtemo wrote, or an XDF file",
            )
        return _of_folder(folder, means)
    return _of_recording(target, means)


def _of_folder(folder: SessionFolder, means: ReportInputs) -> SessionRecord:
    problems: list[str] = []
    document = _attempt(problems, lambda: _read_toml(folder.settings)) or {}
    settings = means.settings or _attempt(problems, lambda: read_settings(folder.settings)) or SessionSettings()
    events = _attempt(problems, lambda: _read_events(folder.events)) or ()
    found = _attempt(problems, lambda: inspect(folder.recording, means.new_cast(settings), _pipeline(means)))
    live = True
    predictions = _attempt(problems, lambda: read_predictions(folder.predictions))
    if predictions is None:
        live = False
        replayed = _attempt(problems, lambda: _replay(folder.recording, means, settings))
        predictions = replayed[0] if replayed is not None else Collector(means.bundle.labels).table()
    model = _own_model(document, means, problems)
    begin_s, end_s = _extent(events, predictions, found)
    return SessionRecord(
        title=folder.path.name,
        subject=settings.subject,
        notes=settings.notes,
        when=str(document.get("record", {}).get("started", "")),
        begin_s=begin_s,
        end_s=end_s,
        live=live,
        predictions=predictions,
        events=events,
        streams=found.streams if found is not None else (),
        model=model,
        quality=found.quality if found is not None else None,
        settings=settings_document(settings),
        versions=document.get("versions", {}),
        recording_bytes=folder.recording.stat().st_size if folder.recording.is_file() else 0,
        problems=(*problems, *(found.warnings if found is not None else ())),
    )


def _of_recording(path: Path, means: ReportInputs) -> SessionRecord:
    settings = means.settings or SessionSettings()
    found = inspect(path, means.new_cast(settings), _pipeline(means))
    predictions, events = _replay(path, means, settings)
    return SessionRecord(
        title=path.name,
        subject=settings.subject if means.settings else "",
        notes=settings.notes,
        when="",
        begin_s=found.begin_s,
        end_s=found.end_s,
        live=False,
        predictions=predictions,
        events=events,
        streams=found.streams,
        model=_notes_of(means.bundle),
        quality=found.quality,
        settings=settings_document(settings),
        versions=versions(),
        recording_bytes=path.stat().st_size,
        problems=found.warnings,
    )


def _replay(path: Path, means: ReportInputs, settings: SessionSettings) -> tuple[Predictions, tuple[Event, ...]]:
    """What the model says to a recording, and what happens in it."""
    source, cast = XdfSource(path), means.new_cast(settings)
    streams = source.start()
    cast.choose(info for info in streams if source.n_samples(info.stream_id))
    if not cast.parts & {Modality.EEG, Modality.GAZE}:
        source.stop()
        listed = " | ".join(info.describe() for info in streams)
        raise RtemoError(f"{path} has no EEG and no gaze stream with samples", listed, "name one in the settings")
    collector, events, predictor = Collector(means.bundle.labels), EventLog(), means.new_predictor()
    plan = BaselinePlan.of(means.settings) if means.settings is not None else None
    if plan is None:  # that of the recording's own session
        recorded = recorded_baseline(source, streams, path)
        plan = recorded.plan
        for begin_s, end_s in recorded.rests:
            predictor.pipeline.rest(begin_s, end_s)
    if plan is not None:
        plan.prepare(predictor.pipeline, None, source.first_s)
    events.listen(MarkedBaseline(plan, predictor.pipeline, lambda _text: None))
    source.select([info.stream_id for info in streams if cast.role_of(info) is not None])
    Engine(source, cast, predictor, events, [collector]).run(streams, threading.Event())
    return collector.table(), tuple(events.events)


def _attempt(problems: list[str], read: Callable[[], T]) -> T | None:
    """What can be read, or None with the reason among the problems."""
    try:
        return read()
    except RtemoError as error:
        problems.append(str(error))
        return None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RtemoError(f"{path.name} cannot be read", str(error)) from error


def _read_events(path: Path) -> tuple[Event, ...]:
    """The events of events.jsonl, by time. A line that is none is left out: a killed engine may have cut the last."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RtemoError(f"{path.name} cannot be read", str(error)) from error
    found = [event for line in lines if (event := _event(line)) is not None]
    return tuple(sorted(found, key=lambda event: event.time_s))


def _event(line: str) -> Event | None:
    try:
        record = json.loads(line)
        kind = EventKind(record["kind"])
        text, stream = str(record["text"]), str(record.get("stream", ""))
        return Event(float(record["time_s"]), kind, text, stream, dict(record.get("details", {})))
    except (ValueError, KeyError, TypeError):
        return None


def _extent(events: tuple[Event, ...], predictions: Predictions, found: Inspection | None) -> tuple[float, float]:
    """From when to when the session lasted. Its own events tell it best; recordings may hold older samples."""
    told = [event.time_s for event in events if event.kind is EventKind.SESSION]
    times = predictions.times[np.isfinite(predictions.times)]
    ends = [event.time_s for event in events] + ([float(times[-1])] if len(times) else [])
    begin_s = told[0] if told else found.begin_s if found is not None else min(ends, default=0.0)
    end_s = told[-1] if len(told) > 1 else found.end_s if found is not None else max(ends, default=0.0)
    return begin_s, max(begin_s, end_s) if math.isfinite(end_s) else begin_s


def _own_model(document: dict[str, Any], means: ReportInputs, problems: list[str]) -> ModelNotes:
    """The session's model as its settings file names it. What only the bundle knows is told if it is the same one."""
    named = document.get("model", {})
    fingerprint = str(named.get("bundle_fingerprint", ""))
    if not fingerprint or fingerprint == means.bundle.fingerprint:
        return _notes_of(means.bundle)
    problems.append(f"the session's model {fingerprint[:12]} is not at hand; name it with --model to see its card")
    window_s = means.bundle.spec.pipeline.window.length_s
    return ModelNotes(str(named.get("bundle", "")), fingerprint, str(named.get("trained_on", "")), window_s)


def _notes_of(bundle: Bundle) -> ModelNotes:
    spec = bundle.spec
    try:
        card = (bundle.path / CARD_FILE).read_text(encoding="utf-8")
    except OSError:
        card = ""
    return ModelNotes(spec.name, bundle.fingerprint, spec.trained_on, spec.pipeline.window.length_s, card)


def _pipeline(means: ReportInputs) -> PipelineSettings:
    return means.bundle.spec.pipeline
