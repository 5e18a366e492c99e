"""What a killed recorder had not written is written by the next one: every item once, in its order."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import pyxdf

from rtemo.core.types import Channel, Chunk, ClockOffset, StreamInfo, StreamUp
from rtemo.recorder.journal import FULL_BYTES, HEAD_BYTES, MOST_BYTES, Journal, read_journal
from rtemo.recorder.recorder import Recorder
from rtemo.sources.xdf.recording_log import LogEntry
from rtemo.sources.xdf.source import XdfSource
from rtemo.sources.xdf.writer import XdfWriter

EEG = StreamInfo("eeg", "amp", "EEG", "float32", 100.0, (Channel("Fz"), Channel("Cz")))


def ramp(begin, n=10):
    index = np.arange(begin, begin + n)
    return Chunk("eeg", 100.0 + index / 100.0, np.repeat(index[:, None], 2, 1).astype(np.float32))


def firsts(unwritten):
    return [int(item.values[0, 0]) for item, _ in unwritten.entries if isinstance(item, Chunk)]


@pytest.fixture
def journal(tmp_path):
    made = Journal(tmp_path / "r.journal")
    made.append(StreamUp(EEG), 1.0, None)
    made.append(ClockOffset("eeg", 0.0, 0.5), 0.0, None)
    made.strike_off(0, tmp_path / "r.xdf", 100)
    return made


def test_it_holds_what_was_not_struck_off_behind_the_streams_that_are_there(journal, tmp_path):
    for k in range(0, 50, 10):
        journal.append(ramp(k), 0.0, None)
    journal.append(LogEntry("annotation", text="smiles", noted=True, participant="P2"), 6.0, None)
    journal.append(LogEntry("annotation", text="film", noted=True), 7.0, None)
    journal.strike_off(4, tmp_path / "r.xdf", 222)
    found = read_journal(tmp_path / "r.journal")
    assert (found.path, found.size) == (tmp_path / "r.xdf", 222)
    assert firsts(found) == [20, 30, 40]
    assert found.entries[-2:] == (
        (LogEntry("annotation", text="smiles", noted=True, participant="P2"), 6.0),
        (LogEntry("annotation", text="film", noted=True), 7.0),
    )
    journal.close()
    assert read_journal(tmp_path / "r.journal") is None


def test_it_is_written_anew_when_it_is_full_and_nothing_is_lost(journal, tmp_path):
    n = 3 * FULL_BYTES // len(ramp(0, 1000).values.tobytes())
    for k in range(n):
        journal.append(ramp(1000 * k, 1000), 0.0, None)
        journal.strike_off(2 + max(0, k - 3), tmp_path / "r.xdf", k)
    found = read_journal(tmp_path / "r.journal")
    assert isinstance(found.entries[0][0], StreamUp)
    assert firsts(found) == [1000 * k for k in range(n - 4, n)]
    assert (tmp_path / "r.journal").stat().st_size < 3 * FULL_BYTES


def test_a_disk_that_hangs_for_long_does_not_fill_the_memory(journal, tmp_path):
    big = ramp(0, 100_000)
    n = MOST_BYTES // big.values.nbytes + 5
    for _ in range(n):
        journal.append(big, 0.0, None)
    assert read_journal(tmp_path / "r.journal") is None
    assert journal._waiting_bytes <= MOST_BYTES
    journal.strike_off(5, tmp_path / "r.xdf", 1)
    assert read_journal(tmp_path / "r.journal") is None  # some are missing
    journal.append(ramp(7), 0.0, None)
    journal.strike_off(2 + n, tmp_path / "r.xdf", 2)
    assert firsts(read_journal(tmp_path / "r.journal")) == [7]


@pytest.mark.parametrize("cut", [1, 13, 200])
def test_an_item_that_was_being_written_is_left_out(journal, tmp_path, cut):
    journal.append(ramp(0), 0.0, None)
    journal.append(ramp(10, 100), 0.0, None)
    path = tmp_path / "r.journal"
    path.write_bytes(path.read_bytes()[:-cut])
    assert firsts(read_journal(path)) == [0]


@pytest.mark.parametrize("damage", [b"", b"{}", b"[1]" + b" " * HEAD_BYTES, b"\xff" * 9000])
def test_a_damaged_one_is_none(tmp_path, damage):
    (tmp_path / "j").write_bytes(damage)
    assert read_journal(tmp_path / "j") is None


class Stopping(XdfWriter):
    """A disk that takes so many flushes and then hangs, as the recorder's thread does when its process is killed."""

    n_flushes = 3
    stuck: threading.Event
    gate: threading.Event

    def flush(self):
        type(self).n_flushes -= 1
        if type(self).n_flushes < 0:
            self.stuck.set()
            assert self.gate.wait(30)
        super().flush()


def test_a_recording_whose_recorder_is_killed_lacks_nothing_and_has_nothing_twice(tmp_path):
    class Disk(Stopping):
        stuck, gate = threading.Event(), threading.Event()

    first = Recorder(tmp_path / "r.xdf", session_id="s", open_writer=Disk)
    first.keep_in(Journal(tmp_path / "r.journal"))
    n = 0
    first.submit(StreamUp(EEG))
    first.submit(ClockOffset("eeg", 0.0, 0.0))
    while not Disk.stuck.is_set():
        first.submit(ramp(10 * n))
        n += 1
        Disk.stuck.wait(0.02)
    for _ in range(5):
        first.submit(ramp(10 * n))
        n += 1
    data, kept = (tmp_path / "r.xdf").read_bytes(), (tmp_path / "r.journal").read_bytes()
    Disk.gate.set()
    first.close()
    (tmp_path / "r.xdf").write_bytes(data + b"half a chunk")  # as the kill left both
    (tmp_path / "r.journal").write_bytes(kept)
    left = read_journal(tmp_path / "r.journal")
    assert left.size <= len(data)
    second = Recorder(tmp_path / "r_2.xdf", session_id="s", continues="r.xdf", continues_bytes=left.size)
    for item, time_s in left.entries:
        second.submit_again(item, time_s)
    for item in (StreamUp(EEG), ClockOffset("eeg", 0.0, 0.0), ramp(10 * n)):
        second.submit(item)
    second.close()
    source = XdfSource(tmp_path / "r.xdf")
    source.start()
    values = []
    while items := source.read():
        values += [v for item in items if isinstance(item, Chunk) and item.values.shape[1] == 2 for v in item.values]
    assert [int(v[0]) for v in values] == list(range(10 * n + 10))
    (stream,) = [s for s in pyxdf.load_xdf(tmp_path / "r_2.xdf")[0] if s["info"]["name"] == ["amp"]]
    assert len(stream["time_stamps"]) >= 50
