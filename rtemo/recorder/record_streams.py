"""Records a source as it is, without looking at what it gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rtemo.core.errors import RtemoError
from rtemo.core.types import Item, StreamInfo, StreamUp
from rtemo.recorder.recorder import Recorder, RecorderState
from rtemo.sources.base import Source


def record_source(
    source: Source,
    streams: Sequence[StreamInfo],
    recorder: Recorder,
    stop: Callable[[], bool],
    early: Sequence[Item] = (),
    poll_s: float = 0.2,
) -> None:
    """Records everything that a started source gives until it is exhausted, `stop` says so or the recorder has failed.

    streams: what the source named; early: what has been read from it since. Stops the source and takes over what it
    still holds; the recorder stays open. Raises RtemoError when the source or the recorder fails.
    """
    try:
        for item in [*map(StreamUp, streams), *early]:
            recorder.submit(item)
        while not (stop() or source.exhausted or recorder.state is RecorderState.FAILED):
            for item in source.read(poll_s):
                recorder.submit(item)
    finally:
        source.stop()
    while not source.exhausted and (rest := source.read(0.0)):
        for item in rest:
            recorder.submit(item)
    if recorder.state is RecorderState.FAILED:
        raise RtemoError("the recording failed", recorder.error, "what was written before can be read")
