"""The stream of events that a session writes into its recording: finding it, and reading its samples as events.

Its samples have two channels, a sentence and the same event as JSON. Only the recording's own stream is obeyed: the one
whose session is named in the file's header, or, where the header names none (LabRecorder, older versions), the only
session that there is. What other sessions stated is listed and not used.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rtemo.core.errors import RtemoError
from rtemo.core.types import STRING_FORMAT, StreamInfo
from rtemo.recordings.events import Event, EventKind, read_event
from rtemo.recordings.older_recordings import read_sentence
from rtemo.sources.stream_xml import parse_xml
from rtemo.sources.xdf.source import XdfSource

EVENTS = "rtemo_events"  # the stream's name
SESSION_ID = "session_id"  # in its desc, and in the header of a recording
EXPLANATION = "explanation: "  # how the sentence of an explanation begins; it is no event of the session


@dataclass(frozen=True, slots=True)
class SessionStream:
    """The recording's own events. stream_ids: empty where it has none. foreign: streams that are not obeyed."""

    stream_ids: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


def find_session_stream(streams: Iterable[StreamInfo], own_id: str | None) -> SessionStream:
    """Which streams hold the events of the recording's session. own_id: from the file's header, empty for none."""
    found = [info for info in streams if info.name == EVENTS and info.channel_format == STRING_FORMAT]
    by_session: dict[str | None, list[StreamInfo]] = {}
    for info in found:
        by_session.setdefault(session_id_of(info), []).append(info)
    if not own_id:  # then the only session is the recording's own, also one that names no id
        own_id = next(iter(by_session)) if len(by_session) == 1 else None
    obeyed = tuple(info.stream_id for info in by_session.get(own_id, ()))
    return SessionStream(obeyed, tuple(info.describe() for info in found if info.stream_id not in obeyed))


def session_id_of(info: StreamInfo) -> str:
    """The session that a stream of events belongs to, by its description; empty where it names none."""
    if not info.xml:
        return ""
    try:
        desc = parse_xml(info.xml).find("desc")
    except (RtemoError, ET.ParseError):
        return ""
    return (desc.findtext(SESSION_ID) or "").strip() if desc is not None else ""


def event_of_sample(time_s: float, sample: Sequence[str]) -> Event | None:
    """The event in a sample of a stream of events; None for an explanation or what cannot be read."""
    if len(sample) > 1 and sample[1]:
        return read_event(sample[1], time_s)
    return read_sentence(sample[0], time_s) if sample else None


def read_session_events(recording: XdfSource, stream: SessionStream) -> tuple[Event, ...]:
    """All events of the recording's session, by time. The recording was started."""
    samples = [sample for stream_id in stream.stream_ids for sample in recording.rows_of(stream_id)]
    events = [event for time_s, sample in samples if (event := event_of_sample(time_s, sample)) is not None]
    return tuple(sorted(events, key=lambda event: event.time_s))


def unpublished_notes(recording: XdfSource, events: Iterable[Event]) -> tuple[Event, ...]:
    """What persons noted with the recorder while no engine was there that made an event of it."""
    known = {(event.time_s, event.text) for event in events}
    return tuple(Event(note[0], EventKind.ANNOTATION, note[1]) for note in recording.noted if note not in known)
