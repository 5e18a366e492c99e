"""When the next file of a recording is begun, where, what is said of it and what it repeats, rule by rule."""

from __future__ import annotations

import errno
import os
import sys
import threading
import time

import numpy as np
import pytest
import pyxdf

from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Chunk, ClockOffset, StreamInfo
from rtemo.recorder.file_faults import FileWatch
from rtemo.recorder.recording_files import Logged, RecordingFiles
from rtemo.sources.stream_xml import stream_xml
from rtemo.sources.xdf.file_header import FileHeader, read_file_header
from rtemo.sources.xdf.recording_log import LOG_NAME, LogEntry, read_entry
from rtemo.sources.xdf.writer import XdfWriter

EEG = StreamInfo("eeg", "amp", "EEG", "float32", 100.0, (Channel("Fz"), Channel("Cz")), source_id="x1")
GAZE = StreamInfo("gaze", "tracker", "Gaze", "float32", 60.0, (Channel("x"), Channel("y")), source_id="g1")
FULL = os.strerror(errno.ENOSPC)

unix = pytest.mark.skipif(sys.platform == "win32", reason="Windows lets nobody delete or rename an open file")


def ramp(begin=0, n=10, stream_id="eeg"):
    index = np.arange(begin, begin + n)
    return Chunk(stream_id, 100 + index / 100, np.repeat(index[:, None], 2, 1).astype(np.float32))


class Disk:
    """Opens files, in which one step fails in the folders that are named, and counts what was tried."""

    def __init__(self):
        self.broken, self.at, self.number, self.once = set(), "sync", errno.ENOSPC, False
        self.tried = []

    def writer(self, path, *args):
        disk = self
        self.tried.append(path)

        class Writer(XdfWriter):
            def fail(self, at):
                if self.path.parent in disk.broken and at == disk.at:
                    disk.broken = set() if disk.once else disk.broken
                    raise OSError(disk.number, os.strerror(disk.number))

            def add_stream(self, info):
                self.fail("stream")
                return super().add_stream(info)

            def write_chunk(self, chunk):
                self.fail("write")
                super().write_chunk(chunk)

            def flush(self):
                self.fail("flush")
                super().flush()

            def sync(self):
                self.fail("sync")
                super().sync()

            def close(self):
                if not self._file.closed:
                    self.fail("close")
                super().close()

        return Writer(path, *args)


class Kept:
    """A recording's files with what is said of them, on a clock that the test sets."""

    def __init__(self, monkeypatch, path, *elsewhere, session_id="s1", **more):
        self.now_s, self.lost, self.problems, self.disk = 1000.0, [], [], Disk()
        self.pause, self.pause_s = threading.Event(), 0.0  # before a problem is said
        monkeypatch.setattr(time, "monotonic", lambda: self.now_s)
        self.files = RecordingFiles(
            path, session_id, elsewhere, self.disk.writer, lambda *lost: self.lost.append(lost),
            lambda problem: (self.pause.wait(self.pause_s), self.problems.append(problem)), lambda: 7.0, **more,
        )  # fmt: skip
        self.files.add_stream(EEG)

    def fail(self, folder, at="sync", number=errno.ENOSPC):
        """Have the disk fail in a folder, as it is noticed."""
        self.disk.broken, self.disk.at, self.disk.number = {folder}, at, number
        self.files.sync()


@pytest.fixture
def kept(tmp_path, monkeypatch):
    for name in "ab":
        (tmp_path / name).mkdir()
    return Kept(monkeypatch, tmp_path / "a" / "r.xdf", tmp_path / "b")


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """One that has no other folder."""
    return Kept(monkeypatch, tmp_path / "r.xdf")


def streams_of(path):
    streams = pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False)[0]
    return {stream["info"]["name"][0]: stream for stream in streams}


def indices(path):
    series = streams_of(path).get("amp", {"time_series": ()})["time_series"]
    return series[:, 0].astype(int).tolist() if len(series) else []


def log_of(path):
    log = streams_of(path)[LOG_NAME]
    return [(time_s, read_entry(text)) for time_s, (text,) in zip(log["time_stamps"], log["time_series"], strict=True)]


def move(path):
    path.rename(path.with_name(f"moved {path.name}"))


# The first file.


def test_the_first_file_names_its_session_and_what_it_goes_on_from(tmp_path, monkeypatch):
    Kept(monkeypatch, tmp_path / "a.xdf").files.close()
    assert read_file_header(tmp_path / "a.xdf") == FileHeader("s1")
    later = Kept(monkeypatch, tmp_path / "b.xdf", continues="a.xdf", continues_bytes=77)
    later.files.close()
    assert read_file_header(tmp_path / "b.xdf") == FileHeader("s1", "a.xdf", 77)


def test_a_file_that_the_disk_does_not_take_is_refused_and_left_behind_closed(tmp_path, monkeypatch):
    disk, writers = Disk(), []
    disk.broken = {tmp_path}
    path = tmp_path / "a.xdf"
    with pytest.raises(RtemoError) as caught:
        RecordingFiles(
            path, "", (), lambda *args: writers.append(disk.writer(*args)) or writers[-1], print, print, lambda: 7.0
        )
    said = caught.value
    assert (said.fact, said.found, said.todo) == (f"cannot record to {path}", FULL, "give a folder that can be written")
    with pytest.raises(ValueError, match="closed"):
        writers[0].fileno()


# What is counted.


def test_what_the_system_has_and_what_was_written_are_told_apart(alone, tmp_path):
    path = tmp_path / "r.xdf"
    begun = alone.files.flushed_bytes
    assert begun == len(b"XDF:") + 1 + 1 + 2 + len(FileHeader("s1").xml())
    alone.files.write(ramp())
    assert alone.files.flushed_bytes == begun
    assert alone.files.bytes_written == begun + header_bytes() + chunk_bytes()
    alone.files.flush()
    assert alone.files.flushed_bytes == path.stat().st_size == alone.files.bytes_written
    alone.files.write(ramp(10))
    alone.files.sync()
    assert alone.files.flushed_bytes == path.stat().st_size == begun + header_bytes() + 2 * chunk_bytes()
    alone.files.close()
    assert alone.files.bytes_written == path.stat().st_size
    assert alone.problems == []


def header_bytes():
    """Of the stream's header in a file: one byte, four or so of a length, tag, number, XML."""
    return 1 + 4 + 2 + 4 + len(stream_xml(EEG))


def chunk_bytes(n=10):
    """Of n samples of two channels: the chunk's head of 1 + 1 + 2 + 4, 1 + 4 for the count, 17 for each."""
    return 1 + (1 if 11 + 17 * n < 256 else 4) + 2 + 4 + 5 + 17 * n


def test_bytes_of_all_files_are_counted_each_once(kept, tmp_path):
    kept.files.write(ramp())
    kept.files.sync()
    kept.files.write(ramp(10))
    kept.fail(tmp_path / "a")
    kept.files.close()
    first, second = kept.files.paths
    assert kept.files.bytes_written == first.stat().st_size + second.stat().st_size


# A disk that fails.


@pytest.mark.parametrize("at", ["sync", "flush", "write"])
def test_a_disk_that_fails_is_named_with_the_file_in_which_it_goes_on(kept, tmp_path, at):
    kept.files.write(ramp())
    kept.files.sync()
    kept.disk.broken, kept.disk.at = {tmp_path / "a"}, at
    kept.files.write(ramp(10))
    kept.files.flush()
    kept.files.sync()
    why = f"{tmp_path / 'a' / 'r.xdf'} cannot be written any more: {FULL}"
    assert kept.problems == [f"{why}; the recording goes on in {tmp_path / 'b' / 'r_2.xdf'}"]
    assert kept.files.error == ""
    kept.files.close()
    assert [indices(path) for path in kept.files.paths] == [list(range(10)), list(range(10, 20))]
    assert kept.lost == []


def test_a_description_that_no_disk_took_is_in_the_next_file(kept, tmp_path):
    kept.disk.broken, kept.disk.at = {tmp_path / "a"}, "stream"
    kept.files.add_stream(GAZE)
    kept.files.write(ramp(0, 5, "gaze"))
    kept.files.close()
    assert kept.files.paths[1:] == [tmp_path / "b" / "r_2.xdf"]
    assert streams_of(kept.files.paths[1])["tracker"]["time_series"][:, 0].tolist() == [0, 1, 2, 3, 4]


def test_a_next_file_is_begun_beside_one_that_can_grow_no_further(kept, tmp_path):
    kept.files.write(ramp())
    for n in range(3):  # its folder is not left alone for it
        kept.disk.broken, kept.disk.at, kept.disk.number, kept.disk.once = {tmp_path / "a"}, "write", errno.EFBIG, True
        kept.files.write(ramp(10 * n + 10))
    first, second, *_ = kept.files.paths
    assert kept.files.paths == [tmp_path / "a" / name for name in ("r.xdf", "r_2.xdf", "r_3.xdf", "r_4.xdf")]
    why = f"{first} cannot be written any more: {os.strerror(errno.EFBIG)}"
    assert kept.problems[0] == f"{why}; the recording goes on in {second}"
    kept.files.close()
    assert [index for path in kept.files.paths for index in indices(path)] == list(range(40))


def test_a_folder_whose_disk_failed_comes_last_and_is_tried_again(kept, alone, tmp_path):
    kept.disk.once = alone.disk.once = True
    kept.fail(tmp_path / "a")
    assert kept.disk.tried[1:] == [tmp_path / "b" / "r_2.xdf"]
    kept.fail(tmp_path / "b")  # the other one may work again
    assert kept.files.paths[1:] == [tmp_path / "b" / "r_2.xdf", tmp_path / "a" / "r_3.xdf"]
    kept.files.close()
    alone.fail(tmp_path)
    assert alone.files.paths == [tmp_path / "r.xdf", tmp_path / "r_2.xdf"]
    alone.files.close()


def test_a_place_is_looked_for_after_half_a_second_then_after_twice_as_long_and_at_most_5_s(alone, tmp_path):
    alone.files.write(ramp())
    alone.fail(tmp_path)
    assert alone.files.error == f"{tmp_path / 'r.xdf'} cannot be written any more: {FULL}"
    assert len(alone.disk.tried) == 2  # the first file, and at once the next
    for n, wait_s in enumerate([0.5, 1.0, 2.0, 4.0, 5.0, 5.0], start=3):
        alone.now_s += wait_s - 0.125
        alone.files.look()
        assert len(alone.disk.tried) == n - 1
        alone.now_s += 0.125
        alone.files.flush()
        assert len(alone.disk.tried) == n
    alone.disk.broken = set()
    alone.now_s += 5.0
    alone.files.look()
    assert alone.files.error == ""
    alone.files.write(ramp(10))
    alone.now_s += 10.0
    alone.fail(tmp_path)
    n = len(alone.disk.tried)
    alone.now_s += 0.5  # it begins anew
    alone.files.look()
    assert len(alone.disk.tried) == n + 1
    alone.disk.broken = set()
    alone.files.close()
    assert [index for path in alone.files.paths for index in indices(path)] == list(range(20))


def test_what_no_place_takes_is_counted_with_the_reason(alone, tmp_path):
    alone.files.write(ramp())
    alone.files.write(ClockOffset("eeg", 1.0, 0.5))
    alone.fail(tmp_path)
    alone.files.write(ramp(10, 5))
    alone.files.write(Logged(LogEntry("annotation", text="a"), 1.0))
    alone.files.close()
    error = f"{tmp_path / 'r.xdf'} cannot be written any more: {FULL}"
    alone.files.close()
    assert alone.lost == [("eeg", 10, error), ("eeg", 5, error)]  # once
    assert alone.files.error == error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.xdf"]


def test_what_was_kept_while_no_place_was_there_is_written_at_the_end_though_it_was_to_wait(alone, tmp_path):
    alone.files.write(ramp())
    alone.fail(tmp_path)
    alone.files.look()
    alone.disk.broken = set()
    alone.files.close()
    assert (alone.files.error, alone.lost) == ("", [])
    assert indices(tmp_path / "r_2.xdf") == list(range(10))


def test_a_file_without_footers_has_all_samples_and_that_is_said(alone, tmp_path):
    alone.files.write(ramp())
    alone.disk.broken, alone.disk.at = {tmp_path}, "close"
    alone.files.close()
    assert alone.problems == [f"{tmp_path / 'r.xdf'} has no footers, and all samples: {FULL}"]
    assert indices(tmp_path / "r.xdf") == list(range(10))
    assert alone.files.bytes_written == (tmp_path / "r.xdf").stat().st_size
    assert alone.lost == []


# Files that something else takes.


# When a place is looked for, after none was found: 0.5 s later, 1 s, 2 s, 4 s, and 5 s each time from then on.
TRIED_S = [0.0, 0.5, 1.5, 3.5, *(7.5 + 5.0 * n for n in range(12))]


@unix
@pytest.mark.parametrize(
    ("ages_s", "waits_s"),
    [
        ([10.0, 10.0, 10.0], [0.0, 0.0, 0.0]),  # old enough each time
        ([9.75, 9.75, 9.75, 9.75], [0.0, 2.0, 4.0, 8.0]),
        ([1.0, 1.0, 10.0, 1.0, 1.0], [0.0, 2.0, 0.0, 0.0, 2.0]),
        ([1.0] * 9, [0.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]),
    ],
)
def test_a_folder_in_which_files_are_lost_young_is_left_alone_for_longer_each_time(alone, tmp_path, ages_s, waits_s):
    for n, (age_s, wait_s) in enumerate(zip(ages_s, waits_s, strict=True), start=2):
        alone.now_s += age_s
        move(alone.files.paths[-1])
        lost_s = alone.now_s
        alone.files.look()
        while len(alone.files.paths) < n:
            alone.now_s += 0.5
            alone.files.look()
        assert alone.now_s - lost_s == next(tried_s for tried_s in TRIED_S if tried_s >= wait_s)
    alone.files.close()


@unix
def test_a_folder_that_is_left_alone_does_not_hold_up_another(kept, tmp_path):
    for _ in range(2):
        move(kept.files.paths[-1])
        kept.files.look()
    assert kept.files.paths[1:] == [tmp_path / "a" / "r_2.xdf", tmp_path / "b" / "r_3.xdf"]
    kept.files.close()


@unix
def test_a_file_that_was_moved_has_its_footers_and_all_that_was_written(alone, tmp_path):
    alone.files.write(ramp())
    move(tmp_path / "r.xdf")
    alone.files.flush()
    alone.files.close()
    why = f"{tmp_path / 'r.xdf'} was renamed or moved"
    assert alone.problems == [f"{why}; the recording goes on in {tmp_path / 'r_2.xdf'}"]
    assert indices(tmp_path / "moved r.xdf") == list(range(10))
    assert streams_of(tmp_path / "moved r.xdf")["amp"]["footer"]["info"]["sample_count"] == ["10"]
    assert indices(tmp_path / "r_2.xdf") == []
    assert log_of(tmp_path / "r_2.xdf") == []
    assert read_file_header(tmp_path / "r_2.xdf") == FileHeader("s1", "r.xdf", None)


@unix
def test_the_file_is_looked_at_before_the_disk_is_waited_for(alone, tmp_path):
    alone.files.write(ramp())
    move(tmp_path / "r.xdf")
    alone.files.sync()
    assert alone.files.paths == [tmp_path / "r.xdf", tmp_path / "r_2.xdf"]
    alone.fail(tmp_path)
    alone.disk.broken = set()
    alone.now_s += 5.0
    alone.files.sync()
    assert alone.files.error == ""
    alone.files.close()


def test_a_disk_that_cannot_be_asked_for_the_file_has_failed(kept, tmp_path, monkeypatch):
    kept.files.write(ramp())

    def gone(_watch, _number, _flushed):
        raise OSError(errno.ENODEV, "No such device")

    with monkeypatch.context() as patched:
        patched.setattr(FileWatch, "look", gone)
        kept.files.look()
    assert kept.problems == [
        f"{tmp_path / 'a' / 'r.xdf'} cannot be written any more: No such device; "
        f"the recording goes on in {tmp_path / 'b' / 'r_2.xdf'}"
    ]
    kept.files.close()
    assert [index for path in kept.files.paths for index in indices(path)] == list(range(10))


@unix
def test_what_was_cut_off_is_counted_and_what_is_in_memory_is_written_again(alone, tmp_path):
    path = tmp_path / "r.xdf"
    for begin in (0, 10, 20):
        alone.files.write(ramp(begin))
        alone.files.sync()
    alone.files.write(ramp(30))
    alone.files.flush()
    os.truncate(path, path.stat().st_size - 2 * chunk_bytes() - 1)  # within the second chunk
    alone.files.look()
    assert alone.lost == [("eeg", 20, f"{path} was cut short")]
    alone.files.close()
    assert indices(path) == list(range(10))
    assert indices(tmp_path / "r_2.xdf") == list(range(30, 40))
    assert read_file_header(tmp_path / "r_2.xdf") == FileHeader("s1", "r.xdf", path.stat().st_size)
    assert alone.problems == [f"{path} was cut short; the recording goes on in {tmp_path / 'r_2.xdf'}"]


@unix
def test_nothing_is_lost_where_only_what_is_in_memory_was_cut_off(alone, tmp_path):
    alone.files.write(ramp())
    alone.files.sync()
    size = (tmp_path / "r.xdf").stat().st_size
    alone.files.write(ramp(10))
    alone.files.flush()
    os.truncate(tmp_path / "r.xdf", size)
    alone.files.look()
    alone.files.close()
    assert alone.lost == []
    assert [indices(path) for path in alone.files.paths] == [list(range(10)), list(range(10, 20))]


@unix
def test_a_recording_is_closed_when_what_was_deleted_is_whole_again(alone, tmp_path):
    alone.pause_s = 0.05
    alone.files.write(ramp())
    (tmp_path / "r.xdf").unlink()
    alone.files.look()
    alone.files.close()
    whole = f"what was deleted is whole again in {tmp_path / 'r.xdf'}, from the file that was still open"
    next_ = f"{tmp_path / 'r.xdf'} was deleted; the recording goes on in {tmp_path / 'r_2.xdf'}"
    assert sorted(alone.problems) == sorted([whole, next_])
    assert [indices(path) for path in alone.files.paths] == [list(range(10)), []]
    assert alone.files.bytes_written == sum(path.stat().st_size for path in alone.files.paths)


# What the next file repeats.


def test_the_next_file_says_from_which_it_goes_on_and_what_is_not_trusted_now(alone, tmp_path):
    files = alone.files
    files.add_stream(GAZE)
    files.write(Logged(LogEntry("notice", text="in ms", trusted=False), 1.0, "gaze"))
    files.write(Logged(LogEntry("notice", text="odd", trusted=False), 2.0, "eeg"))
    files.write(Logged(LogEntry("notice", text="believed", trusted=True), 3.0, "eeg"))
    files.write(Logged(LogEntry("notice", text="by the way"), 4.0, "gaze"))
    files.write(ramp(0, 3))
    files.sync()
    alone.disk.once = True
    alone.fail(tmp_path)
    files.close()
    said = f"goes on from r.xdf: {tmp_path / 'r.xdf'} cannot be written any more: {FULL}"
    assert log_of(tmp_path / "r_2.xdf") == [
        (7.0, LogEntry("annotation", text=said)),
        (1.0, LogEntry("notice", 2, 0, text="in ms", trusted=False)),
    ]
    assert streams_of(tmp_path / "r_2.xdf")[LOG_NAME]["clock_values"] == [0.0]


def test_a_log_that_nothing_was_written_into_is_made_at_the_end_and_says_nothing(alone, tmp_path):
    alone.files.write(ramp())
    alone.fail(tmp_path)
    alone.disk.broken = set()
    alone.now_s += 1.0
    alone.files.look()
    assert log_bytes(tmp_path / "r_2.xdf") == 0
    alone.files.close()
    assert log_of(tmp_path / "r_2.xdf") == []


def log_bytes(path):
    return path.read_bytes().count(LOG_NAME.encode())


def test_an_entry_keeps_all_that_is_said_and_names_streams_by_their_numbers(alone, tmp_path):
    files = alone.files
    files.add_stream(GAZE)
    files.write(ramp(0, 4))
    files.write(Logged(LogEntry("up"), 1.5, "gaze", "eeg"))
    files.write(Logged(LogEntry("annotation", text="é" * 4001, noted=True, participant="P2"), 2.5))
    files.write(Logged(LogEntry("notice", text="y" * 4000, trusted=True), 3.5, "eeg"))
    files.close()
    assert log_of(tmp_path / "r.xdf") == [
        (1.5, LogEntry("up", 2, 0, replaces=1)),
        (2.5, LogEntry("annotation", text="é" * 4000, noted=True, participant="P2")),
        (3.5, LogEntry("notice", 1, 4, text="y" * 4000, trusted=True)),
    ]
    log = streams_of(tmp_path / "r.xdf")[LOG_NAME]
    assert (log["clock_times"], log["clock_values"]) == ([1.5], [0.0])


def test_what_is_safe_is_not_written_again_but_for_the_newest_offset_of_each_stream(kept, tmp_path):
    files = kept.files
    files.add_stream(GAZE)
    for offset in (ClockOffset("eeg", 1.0, 0.5), ClockOffset("gaze", 1.0, 9.0), ClockOffset("eeg", 6.0, 0.25)):
        files.write(offset)
    files.write(ramp())
    files.sync()
    files.write(ClockOffset("eeg", 11.0, 0.125))
    files.write(ramp(10))
    kept.fail(tmp_path / "a")
    files.close()
    streams = streams_of(tmp_path / "b" / "r_2.xdf")
    assert streams["amp"]["clock_values"] == [0.25, 0.125]
    assert streams["tracker"]["clock_values"] == [9.0]
    assert indices(tmp_path / "b" / "r_2.xdf") == list(range(10, 20))


def test_what_is_confirmed_when_a_disk_fails_is_not_written_again(kept, tmp_path):
    kept.files.write(ramp())
    kept.files.flush()
    kept.disk.broken, kept.disk.at = {tmp_path / "a"}, "flush"
    kept.files.write(ramp(10))
    kept.files.flush()  # of the first the disk says that it has them
    kept.files.close()
    assert [indices(path) for path in kept.files.paths] == [list(range(10)), list(range(10, 20))]


# Records at fault.


def test_a_record_at_fault_costs_itself_alone(alone, tmp_path):
    wide = Chunk("eeg", np.zeros(3), np.zeros((3, 5), np.float32))
    alone.files.write(ramp())
    with pytest.raises(ValueError, match="values for 3 stamps"):
        alone.files.write(wide)
    with pytest.raises(KeyError):
        alone.files.write(ramp(stream_id="who"))
    alone.fail(tmp_path)
    alone.files.write(wide)  # no file is there that could tell
    alone.files.write(ramp(10))
    alone.disk.broken = set()
    alone.now_s += 1.0
    alone.files.look()
    ((stream, n, why),) = alone.lost
    assert (stream, n) == ("eeg", 3)
    assert why.startswith("ValueError: (3, 5) values for 3 stamps of ")
    alone.files.close()
    assert indices(tmp_path / "r_2.xdf") == list(range(20))
    assert len(alone.lost) == 1


def test_a_description_at_fault_is_not_kept(alone, tmp_path):
    broken = StreamInfo("odd", "odd", "X", "float32", 1.0, (None,))
    with pytest.raises(AttributeError):
        alone.files.add_stream(broken)
    alone.files.write(ramp())
    alone.fail(tmp_path)
    alone.disk.broken = set()
    alone.now_s += 1.0
    alone.files.look()
    alone.files.close()
    assert indices(tmp_path / "r_2.xdf") == list(range(10))
    assert set(streams_of(tmp_path / "r_2.xdf")) == {"amp", LOG_NAME}


def test_after_an_error_that_nobody_thought_of_it_is_closed_without_footers(alone, tmp_path):
    alone.files.write(ramp())
    alone.files.abandon()
    alone.files.abandon()
    assert indices(tmp_path / "r.xdf") == list(range(10))
    assert b"sample_count" not in (tmp_path / "r.xdf").read_bytes()
