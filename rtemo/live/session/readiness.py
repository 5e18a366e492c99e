"""Whether a session can begin: which streams must be there and deliver. The engine and the window ask the same."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from rtemo.core.types import Modality, StreamState
from rtemo.live.service.snapshot import StreamStatus
from rtemo.recorder.announced_streams import GONE
from rtemo.sources.participants import Participant

_SIGNALS = (Modality.EEG, Modality.GAZE)
_NAMES = {Modality.EEG: "EEG", Modality.GAZE: "gaze", Modality.SECOND_EYE: "second eye", Modality.MARKERS: "marker"}


def obstacle(
    streams: Iterable[StreamStatus], required: Sequence[Modality], participants: Sequence[Participant] = ()
) -> str:
    """Why no session can start, empty where one can. required: empty for every EEG and gaze stream that is in use.

    participants: of several; each one's streams that are named must be there, whatever another one has. That is also
    what they rate, where nothing else is required and it was not left out of the recording.
    """
    known = list(streams)
    for one in participants:
        own = [stream for stream in known if stream.participant in ("", one.id)]
        named = [part for part in one.queries if not required or part in required]
        if why := _obstacle(own, [*named, *(part for part in required if part is Modality.MARKERS)]):
            return f"{one.id}: {why}"
        if not required and (why := ratings_obstacle(known, one)):
            return f"{one.id}: {why}"
    return "" if participants else _obstacle(known, required)


def ratings_obstacle(streams: Sequence[StreamStatus], participant: Participant) -> str:
    """Why the ratings that are named for a participant do not come; empty where they do, or none are named."""
    query = participant.ratings.query
    own = [stream for stream in streams if participant.ratings.fits(stream)]
    if query is None or any(_rates(stream) or not stream.recorded for stream in own):
        return ""
    return f"no data from {own[0].name}" if own else f"no ratings stream {query}, and the settings name it"


def _rates(stream: StreamStatus) -> bool:
    """Ratings that come when something happens need only be there, as markers."""
    regular = math.isfinite(stream.nominal_hz) and stream.nominal_hz > 0
    return stream.state is StreamState.STREAMING if regular else stream.state not in GONE


def _obstacle(streams: Iterable[StreamStatus], required: Sequence[Modality]) -> str:
    """The same for one participant."""
    by_role: dict[Modality, list[StreamStatus]] = {part: [] for part in Modality}
    for stream in streams:
        if stream.role:
            by_role[Modality(stream.role)].append(stream)
    if not any(by_role[part] for part in _SIGNALS):
        return "no EEG or gaze stream is chosen"
    absent = [_NAMES[part] for part in required if not by_role[part]]
    if absent:
        return f"no {' and no '.join(absent)} stream, and the settings require it"
    silent = [
        stream.name
        for part in required or _SIGNALS
        for stream in by_role[part]
        if not _delivers(stream, part) and not _is_ghost(stream, by_role[part], part)
    ]
    return f"no data from {', '.join(silent)}" if silent else ""


def _is_ghost(stream: StreamStatus, others: Sequence[StreamStatus], part: Modality) -> bool:
    """Whether a stream is what is left of a device that was started again and delivers as another one."""
    return stream.state in GONE and any(
        _delivers(o, part) and (o.name, o.type) == (stream.name, stream.type) for o in others
    )


def _delivers(stream: StreamStatus, part: Modality) -> bool:
    """Markers come when something happens: it is enough that they can."""
    return stream.state not in GONE if part is Modality.MARKERS else stream.state is StreamState.STREAMING
