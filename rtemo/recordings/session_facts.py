"""What a session states about itself in its events, for whoever replays its recording: written and read here.

Each fact is an event whose details have the key "fact":

    session             its id, model and hop; its document: the settings, as TOML
    baseline_planned    plan: "marker=BEGIN,END", "START:STOP" or "saved" (the file lies beside the recording)
    baseline_begins     length_s: the rest that begins at the event's time lasts so long
    label_given         number, label, begin_s, end_s: a self-report or the label of a clip, LSL times
    label_withdrawn     number
    calibration_begins  from_s: a personal calibration decides from then on; its file lies beside the recording
    calibration_ends    from_s: the trained heads decide from then on
    channel_marked      label, mark (bad, good, automatic), from_s: an EEG channel counts as that from then on
    windows_skipped     from_s, resumes_s, every, hop_s, model: what a model that is slower than the hop leaves out
    stream_returned     role, after_s, until_s, n_timeless: what a stream that was lost measured after the one, LSL
                        time, and so many samples without a time, came only when windows up to the other were given out
    gaze_checked        accuracy_deg, precision_deg, valid: the eye tracker on points of known place
    predictions         given: whether predictions are given out from then on, or suspended
    profile_used        id, digest: a device profile of that computer's own, and the SHA-256 of its file

A label counts for windows that end NOTICE_S after its event: whenever it is read, live or in a replay, those are still
to come. Recordings made before there were details are read by rtemo.recordings.older_recordings.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, get_type_hints

from rtemo.model.personal.session_notes import (
    CalibrationBegun,
    CalibrationEnded,
    ChannelMarked,
    LabelGiven,
    LabelWithdrawn,
    Note,
    StreamReturned,
    WindowsSkipped,
)
from rtemo.recordings.events import Event, EventKind
from rtemo.sources.devices.profile_schema import OwnProfile

_NOTES: dict[str, type[Note]] = {
    "label_given": LabelGiven,
    "label_withdrawn": LabelWithdrawn,
    "calibration_begins": CalibrationBegun,
    "calibration_ends": CalibrationEnded,
    "channel_marked": ChannelMarked,
    "windows_skipped": WindowsSkipped,
    "stream_returned": StreamReturned,
}
_NAMES = {kind: name for name, kind in _NOTES.items()}


def session_event(time_s: float, session_id: str, settings: str, about: dict[str, Any]) -> Event:
    """A session begins. settings: the text of a settings file. about: model and hop."""
    details = {"fact": "session", "id": session_id, **about}
    return Event(time_s, EventKind.SESSION, "session begins", details=details, document=settings)


def planned_event(time_s: float, plan: str) -> Event:
    """A baseline is planned."""
    details = {"fact": "baseline_planned", "plan": plan}
    return Event(time_s, EventKind.ANNOTATION, f"baseline planned: {plan}", details=details)


def rest_event(time_s: float, length_s: float) -> Event:
    """The rest that sets the baseline begins."""
    details = {"fact": "baseline_begins", "length_s": length_s}
    return Event(time_s, EventKind.ANNOTATION, f"baseline begins: {length_s:g} s", details=details)


def note_event(time_s: float, note: Note) -> Event:
    """A label, a calibration or a channel."""
    return Event(time_s, EventKind.ANNOTATION, note.text, details=note_details(note))


def note_details(note: Note) -> dict[str, Any]:
    """The details by which a replay goes, of an event with a text of its own."""
    return {"fact": _NAMES[type(note)], **asdict(note)}


def note_of(event: Event) -> Note | None:
    """The label, calibration, channel or skipped windows that an event states; None for none, or a damaged one."""
    kind = _NOTES.get(str(event.details.get("fact")))
    return _note(kind, event.details) if kind is not None else None


def suspended_event(time_s: float, text: str, *, suspended: bool) -> Event:
    """Predictions are suspended, or given out again."""
    return Event(time_s, EventKind.SESSION, text, details={"fact": "predictions", "given": not suspended})


def profile_event(time_s: float, profile: OwnProfile) -> Event:
    """A stream is read with a device profile that rtemo does not bring."""
    details = {"fact": "profile_used", "id": profile.id, "digest": profile.digest}
    return Event(time_s, EventKind.NOTE, f"read with the own device profile {profile.id}", details=details)


def is_plan(event: Event) -> bool:
    """Whether an event is rtemo's own bookkeeping about the baseline, and nothing that a person noted."""
    return event.details.get("fact") == "baseline_planned"


@dataclass(frozen=True, slots=True)
class GazeCheckResult:
    """How the eye tracker did on points of known place. accuracy_deg: mean distance from the points; precision_deg: rms
    from sample to sample; in degrees of visual angle. valid: share of the samples.
    """

    accuracy_deg: float
    precision_deg: float
    valid: float


def gaze_check_event(time_s: float, check: GazeCheckResult) -> Event:
    """The gaze was checked."""
    measured = f"accuracy {check.accuracy_deg:.2f}°, precision {check.precision_deg:.2f}°, {check.valid:.0%} valid"
    details = {"fact": "gaze_checked", **asdict(check)}
    return Event(time_s, EventKind.NOTE, f"gaze check: {measured}", details=details)


def gaze_check_of(event: Event) -> GazeCheckResult | None:
    """The gaze check that an event states; None where it states none, or a damaged one."""
    if event.details.get("fact") != "gaze_checked":
        return None
    found = [_number(event.details.get(field.name)) for field in fields(GazeCheckResult)]
    return GazeCheckResult(*(one for one in found if one is not None)) if None not in found else None


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """All that a recording's own events state. Times are LSL seconds.

    settings: text of a settings file, empty where there is none. model: the fingerprint of the session's bundle, empty
    where it is not stated. hop_s: seconds between its predictions. planned: the baseline's plan.
    rests: (begin_s, end_s). notes: labels and calibrations, each with the time of its event.
    suspended: whether predictions are, at the end.
    profiles: the device profiles that its computer had of its own, each with the digest of its file.
    problems: facts that cannot be used, a line each.
    """

    settings: str = ""
    model: str = ""
    hop_s: float | None = None
    planned: str | None = None
    rests: tuple[tuple[float, float], ...] = ()
    notes: tuple[tuple[float, Note], ...] = ()
    suspended: bool = False
    profiles: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()


def facts_of(events: Iterable[Event]) -> SessionFacts:
    """What these events state; of plans the first counts. A fact that is damaged is a problem and is left out."""
    settings, model, planned, suspended = "", "", None, False
    hop_s: float | None = None
    rests: list[tuple[float, float]] = []
    notes: list[tuple[float, Note]] = []
    profiles: dict[str, str] = {}
    problems: list[str] = []
    for event in events:
        fact = event.details.get("fact")
        if fact == "session":
            settings, model = settings or event.document, model or str(event.details.get("bundle_fingerprint", ""))
            hop_s = hop_s or _number(event.details.get("hop_s"))
        elif fact == "baseline_planned" and isinstance(plan := event.details.get("plan"), str):
            planned = plan if planned is None else planned
        elif fact == "baseline_begins" and (length_s := _number(event.details.get("length_s"))) is not None:
            rests.append((event.time_s, event.time_s + length_s))
        elif fact == "predictions" and isinstance(given := event.details.get("given"), bool):
            suspended = not given
        elif fact == "profile_used" and all(isinstance(event.details.get(k), str) for k in ("id", "digest")):
            profiles[event.details["id"]] = event.details["digest"]
        elif (note := note_of(event)) is not None:
            notes.append((event.time_s, note))
        elif gaze_check_of(event) is not None:
            pass  # no prediction depends on it
        elif fact is not None:
            problems.append(f"an event of the session at {event.time_s:.3f} s cannot be used: {event.text}")
    return SessionFacts(
        settings, model, hop_s, planned, tuple(rests), tuple(notes), suspended, tuple(profiles.items()), tuple(problems)
    )


def _note(kind: type[Note], details: dict[str, Any]) -> Note | None:
    """The note in an event's details; None where a field is missing or of a wrong type."""
    types = get_type_hints(kind)
    found: dict[str, Any] = {}
    for field in fields(kind):
        if field.name not in details and field.default is not MISSING:
            continue  # of a recording that is older than the field
        value, wanted = details.get(field.name), types[field.name]
        if wanted is float:
            value = _number(value)
        elif not isinstance(value, wanted) or isinstance(value, bool):
            return None
        if value is None:
            return None
        found[field.name] = value
    return kind(**found)


def _number(value: Any) -> float | None:
    """A finite number, None for anything else."""
    try:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
