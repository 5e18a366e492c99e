"""What a session's notes say of its streams, told to a pipeline. Apart from the notes, which a window loads first."""

from __future__ import annotations

from rtemo.core.pipeline import Pipeline
from rtemo.core.types import Modality
from rtemo.model.personal.session_notes import ChannelMarked, Note, StreamReturned


def tell_streams(pipeline: Pipeline, note: Note) -> None:
    """Tell a pipeline what a note says of its streams: a marked channel, or what comes too late to be used."""
    match note:
        case ChannelMarked():
            pipeline.mark_channel(note.label, note.mark, note.from_s)
        case StreamReturned() if note.role in set(Modality):
            pipeline.leave_out(Modality(note.role), note.after_s, note.until_s, note.n_timeless)
        case _:
            pass
