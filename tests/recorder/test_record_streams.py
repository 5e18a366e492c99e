"""A source is recorded as it is, to its end, until told to stop, or until the disk fails."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import pyxdf

from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Chunk, ClockOffset, StreamInfo, StreamUp
from rtemo.recorder.recorder import Recorder, record_source
from rtemo.sources.xdf.recording_log import LOG_NAME
from rtemo.sources.xdf.writer import XdfWriter

EEG = StreamInfo("eeg", "amp", "EEG", "float32", 100.0, (Channel("Fz"), Channel("Cz")))
MARKERS = StreamInfo("m", "markers", "Markers", "string", 0.0, (Channel("text"),))


def ramp(begin=0, n=10) -> Chunk:
    index = np.arange(begin, begin + n)
    return Chunk("eeg", 100 + index / 100, np.repeat(index[:, None], 2, 1).astype(np.float32))


def read(path: Path) -> dict[int, dict]:
    """The streams but for the recorder's own, counted from 1."""
    streams = pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False)[0]
    recorded = [stream for stream in streams if stream["info"]["name"] != [LOG_NAME]]
    return dict(enumerate(sorted(recorded, key=lambda stream: stream["info"]["stream_id"]), 1))


class Listed:
    """A started source that gives what it was made with, keeps one batch until it is stopped, and then nothing more."""

    def __init__(self, *batches, held=()) -> None:
        self._batches, self._held = list(batches), list(held)
        self.stopped = 0

    @property
    def exhausted(self) -> bool:
        return not self._batches and (not self._held or not self.stopped)

    def start(self):
        return (EEG,)

    def read(self, timeout_s):
        if self.stopped:
            self._batches, (self._held, batch) = [], ([], self._held)
            return batch
        batch = self._batches.pop(0)
        if isinstance(batch, Exception):
            raise batch
        return batch

    def stop(self) -> None:
        self.stopped += 1


def test_a_source_is_recorded_to_its_end_late_streams_too(tmp_path):
    text = Chunk("m", np.array([1.0]), np.array([["go"]], object))
    source = Listed([ramp(10)], [], [StreamUp(MARKERS), text, ramp(20)])
    recorder = Recorder(tmp_path / "a.xdf")
    record_source(source, source.start(), recorder, lambda: False, [ClockOffset("eeg", 1.0, 2.0), ramp(0)])
    recorder.close()
    assert source.stopped == 1
    streams = read(recorder.path)
    assert streams[1]["time_series"][:, 0].tolist() == list(range(30))
    assert streams[1]["clock_values"] == [2.0]
    assert streams[2]["time_series"] == [["go"]]


def test_what_a_source_still_holds_when_it_is_stopped_is_recorded(tmp_path):
    source = Listed([ramp(0)], [ramp(10)], held=[ramp(20)])
    recorder = Recorder(tmp_path / "a.xdf")
    asked = iter([False, True])
    record_source(source, source.start(), recorder, lambda: next(asked))
    recorder.close()
    assert read(recorder.path)[1]["time_series"][:, 0].tolist() == [*range(10), *range(20, 30)]


def test_a_source_that_fails_is_stopped_and_leaves_a_whole_file(tmp_path):
    source = Listed([ramp(0)], RtemoError("the amplifier is on fire"))
    recorder = Recorder(tmp_path / "a.xdf")
    with pytest.raises(RtemoError, match="on fire"):
        record_source(source, source.start(), recorder, lambda: False)
    recorder.close()
    assert source.stopped == 1
    assert len(read(recorder.path)[1]["time_stamps"]) == 10


def test_a_recorder_that_fails_ends_the_recording_of_a_source(tmp_path):
    class Writer(XdfWriter):
        def write_chunk(self, chunk) -> None:
            raise OSError(28, "No space left on device")

    recorder = Recorder(tmp_path / "a.xdf", queue_bytes=10_000, open_writer=Writer)

    class Endless(Listed):
        exhausted = False

        def read(self, timeout_s):
            recorder.wait_flushed(30)
            return [] if self.stopped else [ramp()]

    source = Endless()
    with pytest.raises(RtemoError, match="No space left on device"):
        record_source(source, source.start(), recorder, lambda: False)
    assert source.stopped == 1
