"""Which stream is the EEG, which the gaze, which are markers. Ambiguity is refused with the list, never settled by
taking the first.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rtemo.core.errors import RtemoError
from rtemo.core.types import STRING_FORMAT, Modality, StreamInfo
from rtemo.sources.devices.auxiliary_columns import is_impedance_stream
from rtemo.sources.devices.profile import DeviceProfile, Match, generic, ignored, match
from rtemo.sources.xdf.recording_log import is_log

KEYS = ("name", "type", "source_id", "hostname")

_MARKER_TYPES = re.compile(r"marker|event|trigger|stim|annotation", re.IGNORECASE)
VIDEO_FRAMES = "VideoFrames"  # the type of numbers of frames
_OWN_NAMES = ("rtemo", "rtemo_events")  # what rtemo itself sent before its source_ids named a session
_OWN_SOURCE = re.compile(r"rtemo(_events|_values|_texts)?:")


class Described(Protocol):
    """What is known of a stream by its description, wherever it is shown."""

    @property
    def stream_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def source_id(self) -> str: ...
    @property
    def hostname(self) -> str: ...
    @property
    def channel_format(self) -> str: ...


@dataclass(frozen=True, slots=True)
class StreamQuery:
    """What a stream must be called. Empty fields fit everything; the others must be equal, case does not matter.

    number: of a stream in a recording; 0 for none.
    """

    name: str = ""
    type: str = ""
    source_id: str = ""
    hostname: str = ""
    number: int = 0

    @classmethod
    def parse(cls, text: str) -> StreamQuery:
        """From `key=value[,key=value]` over name, type, source_id and hostname, or a number: that in a recording.

        A comma within a value is written as it is unless what follows it looks like another `key=`.
        """
        if re.fullmatch(r"[1-9][0-9]{0,9}", text.strip()):
            return cls(number=int(text))
        found: dict[str, str] = {}
        for part in re.split(r",(?=[^,=]*=)", text):
            key, equals, value = (piece.strip() for piece in part.partition("="))
            if not equals or key not in KEYS or not value or key in found:
                raise RtemoError(
                    "a stream query must be key=value[,key=value]",
                    f"found {text!r}" if text.strip() else "found nothing",
                    f"use each of {', '.join(KEYS)} at most once, for example name=Muse,type=EEG",
                )
            found[key] = value
        name, type_, source_id, hostname = (found.get(key, "") for key in KEYS)
        return cls(name, type_, source_id, hostname)

    def fits(self, info: Described) -> bool:
        """True where every given field is equal."""
        if self.number and info.stream_id != str(self.number):
            return False
        asked = ((getattr(self, key), getattr(info, key)) for key in KEYS)
        return all(not want or want.casefold() == have.strip().casefold() for want, have in asked)

    def covers(self, other: StreamQuery) -> bool:
        """Whether every stream that the other one fits is one of these."""
        asked = ((getattr(self, key), getattr(other, key)) for key in KEYS)
        return self.number == other.number and all(not a or a.casefold() == b.casefold() for a, b in asked)

    def __str__(self) -> str:
        named = ",".join(f"{key}={getattr(self, key)}" for key in KEYS if getattr(self, key))
        return named or (str(self.number) if self.number else "")


@dataclass(frozen=True, slots=True)
class Choice:
    """The stream that was chosen, and the profile that it is read with."""

    info: StreamInfo
    match: Match


def choose(
    infos: Sequence[StreamInfo], modality: Modality, query: StreamQuery | None, profiles: Sequence[DeviceProfile]
) -> Choice | None:
    """The one stream of this modality among those that the query fits; None where there is none.

    A stream that the query names is taken even where its type is no help, but not against its type. Without a query
    the second eye's is one whose profile says that it is of the right eye alone.
    Raises RtemoError with the list where several fit.
    """
    asked = [info for info in infos if query is None or query.fits(info)]
    fits = [Choice(info, fit) for info in asked if (fit := match(info, profiles))]
    kind = Modality.GAZE if modality is Modality.SECOND_EYE else modality
    found = [choice for choice in fits if choice.match.profile.kind is kind]
    if query is None:
        second = modality is Modality.SECOND_EYE
        found = [choice for choice in found if (choice.match.profile.gaze.eye == "right") is second]
    if not found and query is not None:
        _refuse_ignored(asked, modality, profiles)
        found = [Choice(info, _by_query(kind, profiles)) for info in asked if _may_be(info, profiles)]
    if len(found) > 1:
        raise _ambiguous([choice.info for choice in found], modality, query)
    return found[0] if found else None


def choose_markers(
    infos: Sequence[StreamInfo], query: StreamQuery | None, profiles: Sequence[DeviceProfile]
) -> tuple[StreamInfo, ...]:
    """All marker streams that the query fits: strings, or numbers of a marker type that are neither EEG nor gaze.

    None is no fault. Without a query rtemo's own outlets are left out; a query may name them.
    """
    found = [info for info in infos if _is_marker(info) and match(info, profiles) is None and not is_log(info)]
    if query is None:
        return tuple(info for info in found if not is_own(info))
    return tuple(info for info in found if query.fits(info))


def is_rating(info: StreamInfo) -> bool:
    """Whether these are ratings that somebody gives all the time, such as valence and arousal by a joystick."""
    return info.channel_format != STRING_FORMAT and info.type.casefold() in ("rating", "ratings")


def is_further(info: StreamInfo) -> bool:
    """Whether a stream holds numbers to be shown as traces where it has no role: ECG, breathing, ratings, …"""
    return info.channel_format != STRING_FORMAT and not is_own(info) and not is_impedance_stream(info)


def screen_source() -> str:
    """How the source_id of the frame numbers of this computer's screen begins."""
    return f"rtemo-screen@{socket.gethostname()}:"


def is_screen(info: StreamInfo) -> bool:
    """Whether these are the frame numbers of this computer's screen, as `rtemo screen` sends them."""
    return info.type == VIDEO_FRAMES and info.source_id.startswith(screen_source())


def is_own(info: StreamInfo) -> bool:
    """Whether rtemo itself sends the stream: predictions, events, what a script gives out, a recording's log."""
    return info.name in _OWN_NAMES or _OWN_SOURCE.match(info.source_id) is not None or is_log(info)


def _is_marker(info: StreamInfo) -> bool:
    return info.channel_format == STRING_FORMAT or _MARKER_TYPES.search(info.type) is not None


def _may_be(info: StreamInfo, profiles: Sequence[DeviceProfile]) -> bool:
    """True for numbers that no profile claims for anything, and that are neither markers nor our own predictions."""
    return (
        not _is_marker(info) and not is_own(info) and match(info, profiles) is None and ignored(info, profiles) is None
    )


def _refuse_ignored(infos: Sequence[StreamInfo], modality: Modality, profiles: Sequence[DeviceProfile]) -> None:
    for info in infos:
        rule = ignored(info, profiles)
        if rule is not None:
            raise RtemoError(f"the stream {info.name!r} cannot be used as {modality}", rule.reason, "name another one")


def _by_query(modality: Modality, profiles: Sequence[DeviceProfile]) -> Match:
    return Match(generic(profiles, modality), 0.0, "named by the query")


def _ambiguous(infos: Sequence[StreamInfo], modality: Modality, query: StreamQuery | None) -> RtemoError:
    listed = " | ".join(info.describe() for info in infos)
    what = f"the query {query}" if query is not None else f"no --{modality} query"
    differing = [key for key in KEYS if len({getattr(info, key) for info in infos}) > 1]
    example = f"--{modality} {differing[0]}={getattr(infos[0], differing[0])}" if differing else ""
    alone = "stop all but one of them"
    if all(info.stream_id.isdigit() for info in infos):  # as in a recording
        alone = f"name one by its number in the recording, for example --{modality} {infos[0].stream_id}"
    todo = f"name one, for example {example}" if example else f"{alone}: nothing tells them apart"
    return RtemoError(f"{len(infos)} streams could be the {modality} stream with {what}", listed, todo)
