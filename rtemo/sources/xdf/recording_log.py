"""The recorder's own stream in a recording: what happened to the streams, each with its place among their samples.

One string channel; each sample is a JSON document. Streams are named by their numbers in the file, and a place is the
number of samples of that stream that lie in the file before it: it holds whatever the stamps are.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

from rtemo.core.errors import RtemoError
from rtemo.core.records import Reader
from rtemo.core.types import STRING_FORMAT, Channel, StreamInfo, StreamState

LOG_NAME, LOG_TYPE = "rtemo_recorder", "rtemo_log"

Kind = Literal["up", "down", "notice", "annotation"]


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One document.

    stream: its number in the file; 0 for an annotation. sample: how many samples of that stream lie before it.
    replaces: the number of the stream whose place it takes, 0 where it takes none. state: of a stream that is down.
    text: the reason, the notice or the annotation. trusted: see rtemo.core.types.StreamNotice. noted: whether a person
    gave the annotation. participant: whom it is about, of several; empty: all.
    """

    kind: Kind
    stream: int = 0
    sample: int = 0
    replaces: int = 0
    state: StreamState | None = None
    text: str = ""
    trusted: bool | None = None
    noted: bool = False
    participant: str = ""

    def document(self) -> str:
        """As it is written: JSON, without what is not set."""
        set_ = {key: value for key, value in asdict(self).items() if value is False or value not in (0, "", None)}
        if not self.noted:
            del set_["noted"]
        return json.dumps(set_)


def log_info(session_id: str) -> StreamInfo:
    """The description of the stream. session_id: of the session that is recorded; empty outside of one."""
    return StreamInfo(
        stream_id=LOG_NAME,
        name=LOG_NAME,
        type=LOG_TYPE,
        channels=(Channel("entry"),),
        nominal_rate_hz=0.0,
        channel_format=STRING_FORMAT,
        source_id=f"{LOG_NAME} {session_id}".strip(),
    )


def is_log(info: StreamInfo) -> bool:
    """Whether it is the recorder's own stream, which has no part in a session."""
    return info.name == LOG_NAME and info.type == LOG_TYPE and info.channel_format == STRING_FORMAT


def read_entry(document: str) -> LogEntry | None:
    """The entry that a document holds; None for what no recorder of ours wrote."""
    try:
        return _READER.read(LogEntry, _READER.json(document))
    except RtemoError:
        return None


_READER = Reader("an entry of the recorder's log", "")
