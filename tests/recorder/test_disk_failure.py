"""What a disk that fails costs is counted to the sample: what was being written, and what waited behind it."""

from __future__ import annotations

import errno
import threading

import numpy as np
import pytest

from rtemo.core.types import Channel, Chunk, ClockOffset, StreamInfo, StreamUp
from rtemo.recorder.recorder import Recorder, RecorderState
from rtemo.sources.xdf.writer import XdfWriter

EEG = StreamInfo("eeg", "amp", "EEG", "float32", 100.0, (Channel("Fz"), Channel("Cz")))
GAZE = StreamInfo("gaze", "tracker", "Gaze", "float32", 60.0, (Channel("x"), Channel("y")))


def samples(n, stream="eeg"):
    return Chunk(stream, np.arange(n) / 100.0, np.zeros((n, 2), np.float32))


class FailingDisk(XdfWriter):
    """Stands still once it has been handed samples, until it is let go; then it is full."""

    writing: threading.Event
    gate: threading.Event

    def write_chunk(self, chunk) -> None:
        self.writing.set()
        assert self.gate.wait(30)
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def failed(tmp_path):
    """A recorder whose disk failed with seven samples in flight, and five and three behind them."""

    class Disk(FailingDisk):
        writing, gate = threading.Event(), threading.Event()

    recorder = Recorder(tmp_path / "a.xdf", open_writer=Disk)
    for item in (StreamUp(EEG), StreamUp(GAZE), samples(7)):
        assert recorder.submit(item)
    assert Disk.writing.wait(30)
    for item in (samples(5), ClockOffset("eeg", 1.0, 0.0), samples(3, "gaze")):
        assert recorder.submit(item)
    assert recorder.status().queue_bytes > 0
    assert recorder.status().lost == {}
    Disk.gate.set()
    assert not recorder.wait_flushed(30)
    yield recorder
    recorder.close()


def test_what_is_in_flight_and_what_is_queued_when_the_disk_fails_is_counted(failed):
    status = failed.status()
    assert status.state is RecorderState.FAILED
    assert status.lost == {"eeg": 12, "gaze": 3}
    assert status.samples == {}
    assert "No space left on device" in status.error
    assert status.problems == (status.error,)
    assert status.queue_bytes == 0


def test_what_comes_after_the_failure_is_counted_too_and_refused(failed):
    assert not failed.submit(samples(4, "gaze"))
    assert failed.status().lost == {"eeg": 12, "gaze": 7}


def test_closing_it_changes_nothing_about_the_failure(failed):
    before = failed.status()
    failed.close()
    assert failed.status() == before
