"""Records a source as it is, without looking at what it gives."""

from __future__ import annotations

import threading

from rtemo.core.errors import RtemoError
from rtemo.core.types import StreamUp
from rtemo.live.recorder import Recorder, RecorderState
from rtemo.sources.base import Source


def record_source(source: Source, recorder: Recorder, stop: threading.Event, poll_s: float = 0.2) -> None:
    """Records everything that a source gives until it is exhausted, `stop` is set or the recorder has failed.

    Stops the source; the recorder stays open. Raises RtemoError when the source or the recorder fails.
    """
    try:
        for info in source.start():
            recorder.submit(StreamUp(info))
        while not (stop.is_set() or source.exhausted or recorder.state is RecorderState.FAILED):
            for item in source.read(poll_s):
                recorder.submit(item)
    finally:
        source.stop()
    if recorder.state is RecorderState.FAILED:
        raise RtemoError("the recording failed", recorder.error, "what was written before can be read")
