"""The stream of events that a session writes into its recording: finding it, and reading its samples as events.

Its samples have two channels, a sentence and the same event as JSON. Only the recording's own stream is obeyed: the one
whose session is named in the file's header, or, where the header names none (LabRecorder, older versions), the only
session that there is. What other sessions stated is listed and not used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rtemo.core.types import STRING_FORMAT, StreamInfo
from rtemo.recordings.events import Event, EventKind, is_derived, read_event
from rtemo.recordings.older_recordings import read_sentence
from rtemo.sources.stream_xml import desc_of
from rtemo.sources.xdf.source import XdfSource

EVENTS = "rtemo_events"  # how the stream's name begins, unless the session was given another, and its source_id
SESSION_ID = "session_id"  # in its desc, and in the header of a recording
EXPLANATION = "explanation: "  # how the sentence of an explanation begins; it is no event of the session


@dataclass(frozen=True, slots=True)
class SessionStream:
    """The recording's own events. stream_ids: empty where it has none. foreign: streams that are not obeyed."""

    stream_ids: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


def find_session_stream(streams: Iterable[StreamInfo], own_id: str | None) -> SessionStream:
    """Which streams hold the events of the recording's session. own_id: from the file's header, empty for none."""
    found = [info for info in streams if is_session_stream(info)]
    by_session: dict[str | None, list[StreamInfo]] = {}
    for info in found:
        by_session.setdefault(session_id_of(info), []).append(info)
    if not own_id:  # then the only session is the recording's own, also one that names no id
        own_id = next(iter(by_session)) if len(by_session) == 1 else None
    obeyed = tuple(info.stream_id for info in by_session.get(own_id, ()))
    return SessionStream(obeyed, tuple(info.describe() for info in found if info.stream_id not in obeyed))


def is_session_stream(info: StreamInfo) -> bool:
    """Whether a stream holds the events of a session, this one's or another's."""
    named = info.name == EVENTS or info.source_id.startswith(f"{EVENTS}:")
    return named and info.channel_format == STRING_FORMAT


def session_id_of(info: StreamInfo) -> str:
    """The session that a stream of events belongs to, by its description; empty where it names none."""
    desc = desc_of(info)
    return (desc.findtext(SESSION_ID) or "").strip() if desc is not None else ""


def event_of_sample(time_s: float, sample: Sequence[str]) -> Event | None:
    """The event in a sample of a stream of events; None for an explanation or what cannot be read."""
    if len(sample) > 1 and sample[1]:
        return read_event(sample[1], time_s)
    return read_sentence(sample[0], time_s) if sample else None


def read_session_events(recording: XdfSource, stream: SessionStream) -> tuple[Event, ...]:
    """All events of the recording's session that do not follow from its samples, by time. The recording was started."""
    samples = [sample for stream_id in stream.stream_ids for sample in recording.rows_of(stream_id)]
    events = [event for time_s, sample in samples if (event := event_of_sample(time_s, sample)) is not None]
    return tuple(sorted((event for event in events if not is_derived(event)), key=lambda event: event.time_s))


def unpublished_notes(recording: XdfSource, events: Iterable[Event]) -> tuple[Event, ...]:
    """What persons noted with the recorder while no engine was there that made an event of it."""
    known = {(event.time_s, event.text) for event in events}
    return tuple(
        Event(time_s, EventKind.ANNOTATION, text, participant=whose)
        for time_s, text, whose in recording.noted
        if (time_s, text) not in known
    )
