"""Choice of the stream that has a role, among those on the network and the one that is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QComboBox

from rtemo.core.types import Modality
from rtemo.gui.people import words
from rtemo.live.service.snapshot import StreamStatus
from rtemo.sources.stream_choice import StreamQuery


def stream_box(part: Modality, asked: StreamQuery | None, streams: Sequence[StreamStatus], name: str) -> QComboBox:
    """The streams that could have this role; one that is asked for and not there stands among them. Each item's data is
    its query, None for no stream. name: for screen readers.
    """
    box = QComboBox()
    box.setAccessibleName(name)
    box.addItem(words.NO_STREAM, None)
    chosen = 0
    for stream in streams:
        if not _could_be(stream, part):
            continue
        query = StreamQuery(stream.name, stream.type, stream.source_id, stream.hostname)
        if asked is not None and asked.covers(query):
            query, chosen = asked, box.count()
        box.addItem(stream.name, query)
    if asked is not None and not chosen:
        box.addItem(str(asked), asked)
        chosen = box.count() - 1
    box.setCurrentIndex(chosen)
    return box


def _could_be(stream: StreamStatus, part: Modality) -> bool:
    """Whether a stream is one of numbers that has this role, or no role at all."""
    return stream.channel_format != "string" and stream.role in ("", part.value) and stream.nominal_hz > 0
