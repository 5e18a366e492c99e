"""A recording that goes on in NAME_2.xdf, NAME_3.xdf is opened as one, with the pauses between as gaps."""

from __future__ import annotations

import numpy as np
import pytest
from xdf_build import drain, ramp, stream, write

from rtemo.core.types import Chunk, ClockOffset, StreamNotice
from rtemo.sources.xdf.parts import is_later_part, part_name
from rtemo.sources.xdf.recording_log import LOG_NAME, LogEntry, log_info
from rtemo.sources.xdf.source import XdfSource


def log(*entries):
    return Chunk(LOG_NAME, np.full(len(entries), 1000.0), np.array([[e.document()] for e in entries], object))


def eeg(begin, n, start_s=1000.0):
    return ramp("eeg", begin=begin, n=n, start_s=start_s)


def three_parts(tmp_path, **second):
    """EEG of 10, 5 and 5 s with pauses of 2 s; gaze in the first and the third; a stream that is new in the second."""
    name = tmp_path / "rec.xdf"
    amp, gaze, new = stream("eeg"), stream("gaze", name="eye", kind="Gaze"), stream("new", name="other")
    offset, goes_on = ClockOffset("eeg", 999.0, 5.0), {"session": "s", "continues": "rec.xdf"}
    write(name, log_info("s"), amp, gaze, offset, eeg(0, 1000), ramp("gaze", n=1000), session="s")
    # the numbers in the file differ from those in the first one
    items = [new, amp, log_info("s"), ClockOffset("eeg", 1012.0, 5.0), eeg(1200, 500), ramp("new", begin=1200, n=500)]
    notes = [
        LogEntry("notice", 2, 100, text="doubt", trusted=False),
        LogEntry("notice", 2, 300, text="again", trusted=True),
    ]
    write(part_name(name, 2), *items, log(*notes), **{**goes_on, **second})
    write(
        part_name(name, 3), gaze, amp, eeg(1900, 500), ramp("gaze", begin=1900, n=500), session="s", continues="rec.xdf"
    )
    return name


def started(path, **part):
    source = XdfSource(path, **part)
    infos = source.start()
    return source, {info.name: info.stream_id for info in infos}


def test_the_parts_are_one_recording_and_each_stream_goes_on_under_its_first_number(tmp_path):
    source, ids = started(three_parts(tmp_path))
    assert (ids["amp"], ids["eye"]) == ("2", "3")
    assert source.n_samples("2") == 2000
    assert (source.first_s, source.last_s) == (1000.0, 1028.99)
    pauses = [line for line in source.warnings if "goes on in" in line]
    assert pauses == [
        "the recording goes on in rec_2.xdf after a pause of 2.0 s",
        "the recording goes on in rec_3.xdf after a pause of 2.0 s",
    ]
    given = drain(source)
    assert given["2"][1][:, 0].astype(int).tolist() == [*range(1000), *range(1200, 1700), *range(1900, 2400)]
    assert given["3"][1][:, 0].astype(int).tolist() == [*range(1000), *range(1900, 2400)]
    assert given[ids["other"]][1][:, 0].astype(int).tolist() == list(range(1200, 1700))


def test_predictions_that_were_kept_while_no_recorder_was_there_bridge_no_pause(tmp_path):
    own = stream("own", name="rtemo", kind="Emotion", rate=0.0)
    first = write(tmp_path / "rec.xdf", stream("eeg"), own, eeg(0, 1000), ramp("own", n=900), session="s")
    second = [stream("eeg"), own, eeg(1300, 500), ramp("own", begin=900, n=300)]
    write(part_name(first, 2), *second, session="s", continues="rec.xdf")
    source, _ = started(first)
    assert [line for line in source.warnings if "goes on in" in line] == [
        "the recording goes on in rec_2.xdf after a pause of 3.0 s"
    ]
    source.stop()


def test_the_offsets_of_every_part_count(tmp_path):
    source, _ = started(three_parts(tmp_path))
    times = [t for timed in source.read_timed() if timed.stream_id == "2" for t in timed.times]
    assert times[0] == 1005.0


def test_a_notice_of_a_later_parts_log_stands_at_its_place_in_the_whole(tmp_path):
    source, _ = started(three_parts(tmp_path))
    n, places = 0, []
    while not source.exhausted:
        for item in source.read():
            if isinstance(item, Chunk) and item.stream_id == "2":
                n += len(item)
            elif isinstance(item, StreamNotice):
                places.append((item.stream_id, n, item.trusted))
    assert places == [("2", 1100, False), ("2", 1300, True)]


def test_a_file_of_another_session_or_beside_it_by_chance_is_no_part(tmp_path):
    name = three_parts(tmp_path, session="another")
    part_name(name, 3).unlink()  # which is of the session, and would be found without the second
    source, _ = started(name)
    assert source.n_samples("2") == 1000
    source.stop()
    name = tmp_path / "b.xdf"
    write(name, stream("eeg"), eeg(0, 100), session="s")
    write(part_name(name, 2), stream("eeg"), eeg(200, 100), session="s")
    source, _ = started(name)
    assert source.n_samples("1") == 100
    source.stop()


@pytest.mark.parametrize("content", [b"", b"no recording"])
def test_a_part_that_cannot_be_read_is_said_and_the_first_is(tmp_path, content):
    name = write(tmp_path / "c.xdf", stream("eeg"), ClockOffset("eeg", 1.0, 0.0), eeg(0, 100), session="s")
    part_name(name, 2).write_bytes(content)
    source, _ = started(name)
    assert len(drain(source)["1"][0]) == 100
    assert any("may go on in c_2.xdf" in line for line in source.warnings)


def test_a_part_of_the_whole_recording_can_be_asked_for(tmp_path):
    whole, _ = started(three_parts(tmp_path))
    stamps = drain(whole)["2"][0]
    source, _ = started(tmp_path / "rec.xdf", start_s=13.0, stop_s=25.0)
    np.testing.assert_array_equal(drain(source)["2"][0], stamps[(stamps >= 1008.0) & (stamps < 1020.0)])


def seconds(path):
    """Where the EEG's samples of an opened recording lie, and what is odd about its parts."""
    source, ids = started(path)
    stamps = drain(source)[ids["amp"]][0]
    named = [line for line in source.warnings if "goes on from" in line]
    source.stop()
    return (len(stamps), stamps[0] - 1000.0, round(stamps[-1] - 1000.0, 2)), named


def in_session(path, begin, continues=""):
    """A hundred samples of a session, from so many after its first on."""
    items = (stream("eeg"), ClockOffset("eeg", 1.0, 0.0), eeg(begin, 100))
    return write(path, *items, session="s", continues=continues)


def test_a_recording_whose_first_file_was_renamed_is_opened_whole_by_its_new_name(tmp_path):
    in_session(tmp_path / "moved.xdf", 0)
    in_session(tmp_path / "rec_2.xdf", 200, "rec.xdf")
    in_session(tmp_path / "rec_3.xdf", 400, "rec_2.xdf")
    in_session(tmp_path / "other.xdf", 0)  # a copy of the beginning, as somebody may have made one
    taken = "rec_2.xdf goes on from rec.xdf, which is not there under that name; it is taken to go on from moved.xdf"
    assert seconds(tmp_path / "moved.xdf") == ((300, 0.0, 4.99), [taken])


def test_a_part_that_is_missing_is_named_and_the_rest_opened(tmp_path):
    in_session(tmp_path / "rec.xdf", 0)
    in_session(tmp_path / "rec_3.xdf", 400, "rec_2.xdf")
    found, said = seconds(tmp_path / "rec.xdf")
    assert found == (200, 0.0, 4.99)
    missing = "rec_3.xdf goes on from rec_2.xdf, which is not there under that name"
    assert said == [f"{missing}; it is taken to go on from rec.xdf"]


def test_a_later_part_names_the_file_to_open_or_the_one_that_is_missing(tmp_path):
    later = in_session(tmp_path / "rec_2.xdf", 200, "rec.xdf")
    missing = "rec_2.xdf goes on from rec.xdf, which is not beside it: what was recorded before is missing"
    assert seconds(later) == ((100, 2.0, 2.99), [missing])
    assert not is_later_part(later)
    first = in_session(tmp_path / "moved.xdf", 0)
    assert seconds(later)[1] == ["rec_2.xdf goes on from rec.xdf: open moved.xdf to have the whole recording"]
    assert is_later_part(later)
    assert not is_later_part(first)


def test_parts_of_another_beginning_and_of_no_session_are_left_alone(tmp_path):
    in_session(tmp_path / "rec.xdf", 0)
    in_session(tmp_path / "rec_2.xdf", 200, "rec.xdf")
    copy = in_session(tmp_path / "copy.xdf", 0)
    assert seconds(copy) == ((100, 0.0, 0.99), [])
    plain = write(tmp_path / "plain.xdf", stream("eeg"), eeg(0, 100))
    write(tmp_path / "more.xdf", stream("eeg"), eeg(200, 100), continues="gone.xdf")
    assert seconds(plain) == ((100, 0.0, 0.99), [])
