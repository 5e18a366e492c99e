"""What the recorder notes is read back at its place among the samples, and streams that took others' places."""

from __future__ import annotations

import numpy as np
import pytest
from xdf_build import ramp, stream, write

from rtemo import resources
from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, ClockOffset, Modality, StreamDown, StreamNotice, StreamState, StreamUp
from rtemo.recordings.open_recording import OpenRecording
from rtemo.sources.devices.profile import load_profiles
from rtemo.sources.paced import Pacer
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_choice import StreamQuery
from rtemo.sources.xdf.recording_log import LOG_NAME, LogEntry, log_info
from rtemo.sources.xdf.source import XdfSource

PROFILES = load_profiles(resources.devices())


def log(*entries, at_s=1000.0):
    texts = np.array([[entry.document()] for entry in entries], object)
    return Chunk(LOG_NAME, np.full(len(entries), at_s), texts)


def items_of(path, ids=None, **part):
    source = XdfSource(path, **part)
    source.start()
    if ids is not None:
        source.select(ids)
    out = []
    while not source.exhausted:
        out += source.read()
    return out


def outline(items, stream_id):
    """What comes of one stream: the numbers of its samples in a row, and the rest as it is."""
    found = []
    for item in items:
        if isinstance(item, Chunk) and item.stream_id == stream_id:
            numbers = item.values[:, 0].astype(int).tolist()
            if found and isinstance(found[-1], list):
                found[-1] += numbers
            else:
                found.append(numbers)
        elif isinstance(item, StreamNotice) and item.stream_id == stream_id:
            found.append(item)
    return found


@pytest.mark.parametrize("size", [1, 7, 400])
def test_a_notice_stands_exactly_at_its_place_among_the_samples(tmp_path, size):
    chunks = [ramp(begin=k, n=min(size, 400 - k)) for k in range(0, 400, size)]
    entries = (
        LogEntry("notice", 1, 123, text="its clock was set back by 10 s", trusted=False),
        LogEntry("notice", 1, 300, text="its times can be believed again", trusted=True),
        LogEntry("notice", 1, 0, text="found late"),
        LogEntry("notice", 1, 400, text="the end"),
        LogEntry("notice", 9, 5, text="of no stream"),
    )
    path = write(tmp_path / "a.xdf", stream(), ClockOffset("1", 999.0, 0.0), *chunks, log_info("s"), log(*entries))
    given = outline(items_of(path, {"1"}), "1")
    assert given == [
        StreamNotice("1", "found late"),
        list(range(123)),
        StreamNotice("1", "its clock was set back by 10 s", False),
        list(range(123, 300)),
        StreamNotice("1", "its times can be believed again", True),
        list(range(300, 400)),
        StreamNotice("1", "the end"),
    ]


def test_samples_without_trust_keep_their_stamps_and_their_place_beside_the_other_stream(tmp_path):
    wrong = Chunk("1", 1e6 + ramp(begin=100, n=200).stamps, ramp(begin=100, n=200).values)
    entries = (
        LogEntry("notice", 1, 100, text="stamps are not seconds", trusted=False),
        LogEntry("notice", 1, 300, text="again", trusted=True),
    )
    path = write(
        tmp_path / "a.xdf",
        *(stream(), stream("2", kind="Gaze"), ramp(n=100), wrong, ramp(begin=300, n=100), ramp("2", n=400)),
        *(log_info("s"), log(*entries)),
    )
    items = items_of(path, {"1", "2"})
    stamps = np.concatenate([i.stamps for i in items if isinstance(i, Chunk) and i.stream_id == "1"])
    np.testing.assert_array_equal(stamps, np.concatenate([ramp(n=100).stamps, wrong.stamps, ramp(begin=300).stamps]))
    ahead, at = [], {"1": 0, "2": 0}
    for item in items:
        if isinstance(item, Chunk):
            at[item.stream_id] += len(item)
            ahead.append(at["1"] - at["2"])
    assert max(map(abs, ahead)) <= 60


def test_a_part_begins_with_what_was_noted_before_it(tmp_path):
    entries = (LogEntry("notice", 1, 100, text="set back", trusted=False),)
    path = write(tmp_path / "a.xdf", stream(), ramp(n=1000), log_info("s"), log(*entries))
    given = outline(items_of(path, {"1"}, start_s=5.0), "1")
    assert given == [StreamNotice("1", "set back", False), list(range(500, 1000))]


def restarted(tmp_path, *, entries=(), gap_s=3.0, beside=(), **changed):
    """An amplifier that is lost after 10 s and back under another description."""
    later = {"rate": 50.0, "labels": ("Fz", "Cz", "Pz"), "source_id": "b"} | changed
    more = (log_info("s"), log(*entries)) if entries else ()
    return write(
        tmp_path / "a.xdf",
        stream(source_id="a"),
        stream("2", **later),
        *(ClockOffset("1", 999.0, 0.0), ClockOffset("2", 999.0, 0.0)),
        ramp(n=1000),
        ramp("2", n=500, rate=later["rate"], start_s=1010.0 + gap_s, channels=len(later["labels"])),
        *beside,
        *more,
    )


LOGGED = (
    LogEntry("down", 1, 1000, state=StreamState.LOST, text="gone from the network"),
    LogEntry("up", 2, 0, replaces=1),
)


@pytest.mark.parametrize("entries", [LOGGED, ()])
def test_a_stream_that_took_anothers_place_is_announced_at_its_first_sample_with_its_clock(tmp_path, entries):
    path = restarted(tmp_path, entries=entries)
    items = items_of(path, {"1", "2"})
    kinds = [(type(i).__name__, getattr(i, "stream_id", "2")) for i in items if not isinstance(i, Chunk)]
    assert kinds == [("ClockOffset", "1"), ("StreamDown", "1"), ("StreamUp", "2"), ("ClockOffset", "2")]
    up = next(item for item in items if isinstance(item, StreamUp))
    assert up.replaces == "1"
    down = next(item for item in items if isinstance(item, StreamDown))
    assert down.reason.startswith("gone from the network" if entries else "lost")
    order = [k for k, item in enumerate(items) if isinstance(item, Chunk) and item.stream_id == "1"]
    assert max(order) < items.index(down) < items.index(up)


@pytest.mark.parametrize("gap_s", [-1.0, 0.0, 0.02, 0.3, 3.0])
@pytest.mark.parametrize("tick_s", [None, 0.05, 0.7, 20.0])  # None: as fast as it goes
def test_no_other_stream_is_ahead_of_one_that_takes_anothers_place(gap_s, tick_s, tmp_path):
    beside = (stream("3", name="beside"), ClockOffset("3", 999.0, 0.0), ramp("3", n=2000, start_s=1000.13))
    path = restarted(tmp_path, gap_s=gap_s, entries=LOGGED, beside=beside)
    if tick_s is None:
        items = items_of(path, {"1", "2", "3"})
    else:
        source, pacer, items = XdfSource(path), Pacer(), []
        source.start()
        source.select({"1", "2", "3"})
        while not source.exhausted:
            pacer.add(source.read_timed())
        for tick in range(1, round(21.0 / tick_s) + 2):
            items += [timed.item for timed in pacer.due(tick * tick_s)]
    down = next(k for k, item in enumerate(items) if isinstance(item, StreamDown))
    up = next(k for k, item in enumerate(items) if isinstance(item, StreamUp))
    places = [(k, item) for k, item in enumerate(items) if isinstance(item, Chunk)]
    assert [
        sum(len(item) for k, item in places if item.stream_id == "1" and (k < down) == early) for early in (True, False)
    ] == [1000, 0]
    assert down < up < min(k for k, item in places if item.stream_id == "2")
    before = [item.stamps[-1] for k, item in places if item.stream_id == "3" and k < up and len(item)]
    assert max(before, default=0.0) <= 1010.0 + gap_s
    assert sum(len(item) for _, item in places if item.stream_id == "3") == 2000


@pytest.mark.parametrize(
    "changed", [{}, {"rate": 100.0, "labels": ("Fz", "Cz")}, {"fmt": "int16"}, {"source_id": "a"}, {"name": "renamed"}]
)
def test_the_successor_has_the_role_of_the_one_that_it_replaces(tmp_path, changed):
    entries = LOGGED if "name" in changed else ()
    changed = {key: value for key, value in changed.items() if key != "fmt"}
    recording = OpenRecording(restarted(tmp_path, entries=entries, **changed), PROFILES)
    assert [info.stream_id for info in recording.opening] == ["1"]
    assert {recording.roles.role_of(info) for info in recording.streams if info.name != LOG_NAME} == {Modality.EEG}
    recording.close()


def test_two_streams_at_the_same_time_are_still_refused_and_told_apart_by_number(tmp_path):
    path = restarted(tmp_path, gap_s=-2.0)
    with pytest.raises(RtemoError, match="2 streams could be the eeg stream"):
        OpenRecording(path, PROFILES)
    same = write(tmp_path / "b.xdf", stream(), stream("2"), ramp(n=1000), ramp("2", n=1000))
    with pytest.raises(RtemoError, match="number in the recording, for example --eeg 1"):
        OpenRecording(same, PROFILES)
    asked = SessionSettings(queries={Modality.EEG: StreamQuery.parse("2")})
    recording = OpenRecording(same, PROFILES, lambda recorded: asked)
    assert [info.stream_id for info in recording.opening] == ["2"]
    given = {item.stream_id for item in recording.source.read() if isinstance(item, Chunk)}
    assert given == {"2"}
    recording.close()


def test_the_recorders_log_has_no_role_and_is_not_missed(tmp_path):
    path = write(tmp_path / "a.xdf", stream(), ClockOffset("1", 999.0, 0.0), ramp(n=1000), log_info("s"))
    recording = OpenRecording(path, PROFILES)
    assert recording.notices == []
    assert [info.name for info in recording.streams if recording.roles.role_of(info)] == ["amp"]
    recording.close()


def test_a_log_that_names_circles_and_strangers_harms_nothing(tmp_path):
    entries = (
        LogEntry("up", 2, 0, replaces=1),
        LogEntry("up", 1, 0, replaces=2),
        LogEntry("up", 2, 0, replaces=2),
        LogEntry("up", 7, 0, replaces=8),
        LogEntry("notice", 1, -5, text="before all"),
    )
    items = items_of(restarted(tmp_path, entries=entries), {"1", "2"})
    assert [item.replaces for item in items if isinstance(item, StreamUp)] == ["1"]
    assert sum(len(item) for item in items if isinstance(item, Chunk)) == 1500
