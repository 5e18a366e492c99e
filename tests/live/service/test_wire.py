"""Snapshots and commands over the wire: what goes in comes out, and nothing else is taken."""

from __future__ import annotations

import json
import struct
from dataclasses import replace

import numpy as np
import pytest
from hostile_documents import JSON_TEXTS, changed, damaged, json_bytes, outcome, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from rtemo.core.errors import RtemoError
from rtemo.core.types import StreamState
from rtemo.live.service.snapshot import (
    BundleView,
    ChannelStatus,
    EegBlock,
    GazeBlock,
    GazeEventRecord,
    Health,
    Phase,
    Progress,
    RecorderView,
    Snapshot,
    StreamStatus,
)
from rtemo.live.service.wire import COMMANDS, Command, Poll, pack, pack_request, unpack, unpack_request

FULL = Snapshot(
    seq=3,
    time_s=12.5,
    phase=Phase.RUNNING,
    subject="<b>P01</b> \u00e4",
    bundle=BundleView("demo", ("sad", "happy"), "simulated people", "ab12", 0.25),
    streams=(
        StreamStatus("s", "EEG", "EEG", "h", "id", 2, "float32", 250.0, 249.9, 0.01, StreamState.STALLED, "eeg",
                     "muse", "type EEG", ("Fz", "Cz")),
    ),
    channels=(ChannelStatus("Fz", 0.0, 0.7, 0.7, "flat", False),),
    eeg=EegBlock(np.arange(3.0), np.array([[1, np.nan], [2, 3], [4, 5]], np.float32)),
    gaze=GazeBlock(np.arange(2.0), np.zeros((2, 2), np.float32), np.ones((2, 2), np.float32)),
    gaze_events=(GazeEventRecord("saccade", 1.0, 1.1, 0.5, 0.5, 3.0),),
    predictions=({"time_s": 1.0, "emotion": None, "smoothed": {"sad": 0.5}},),
    events=({"time_s": 1.0, "kind": "note", "text": "x"},),
    recorder=RecorderView("/r.xdf", "recording", "", 10, 20),
    progress=Progress("baseline", 1.0, 120.0),
    health=Health(1.0, 2.0, 3),
    explanation={"frontal": 0.5},
)  # fmt: skip


def same(one, other):
    for name in ("eeg", "gaze"):
        a, b = getattr(one, name), getattr(other, name)
        for field in a.__slots__:
            np.testing.assert_array_equal(getattr(a, field), getattr(b, field))
    assert repr(replace(one, eeg=None, gaze=None)) == repr(replace(other, eeg=None, gaze=None))


def test_a_full_snapshot_comes_back_as_it_went():
    snapshot, token = unpack(pack(FULL, "abc,1"))
    same(snapshot, FULL)
    assert token == "abc,1"


def test_an_empty_snapshot_comes_back_as_it_went():
    empty = Snapshot(0, 0.0, Phase.IDLE)
    assert repr(unpack(pack(empty))[0]) == repr(empty)


def test_every_truncation_is_refused():
    data = pack(FULL)
    for length in range(0, len(data), 7):
        with pytest.raises(RtemoError):
            unpack(data[:length])
    with pytest.raises(RtemoError):
        unpack(data + b"\0")


@given(st.integers(0, 2000), st.binary(min_size=1, max_size=8))
def test_damage_is_refused_or_read_as_a_snapshot_and_never_breaks_the_reader(at, garbage):
    data = bytearray(pack(FULL))
    data[at : at + len(garbage)] = garbage
    try:
        snapshot, _ = unpack(bytes(data))
    except RtemoError:
        return
    assert isinstance(snapshot, Snapshot)


@given(st.binary(max_size=200))
def test_garbage_is_refused(data):
    with pytest.raises(RtemoError):
        unpack(data)
    with pytest.raises(RtemoError):
        unpack_request(data)


def changed_header(change):
    data = pack(FULL)
    (length,) = struct.unpack_from("<I", data, 4)
    header = json.loads(data[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    body = data[8 + length :].lstrip(b"\0") if (8 + length) % 8 else data[8 + length :]
    text += b" " * (-(8 + len(text)) % 8)
    return data[:4] + struct.pack("<I", len(text)) + text + body


@pytest.mark.parametrize(
    "change",
    [
        lambda h: h["snapshot"].update(seq="3"),
        lambda h: h["snapshot"].update(seq=True),
        lambda h: h["snapshot"].update(phase="dancing"),
        lambda h: h["snapshot"].update(more=1),
        lambda h: h["snapshot"].pop("time_s"),
        lambda h: h["snapshot"].update(subject="x" * 30_000),
        lambda h: h["snapshot"]["eeg"].update(times=9),
        lambda h: h["snapshot"]["eeg"].update(times=1),
        lambda h: h["arrays"][0].__setitem__(0, "|O"),
        lambda h: h["arrays"][0].__setitem__(1, [-1]),
        lambda h: h["arrays"][0].__setitem__(1, [1 << 40]),
        lambda h: h.update(arrays=[["<f8", [0]]] * 100),
        lambda h: h["snapshot"].update(streams=[{"name": "x"}]),
    ],
)
def test_a_header_that_lies_is_refused(change):
    with pytest.raises(RtemoError):
        unpack(changed_header(change))


def with_header(text):
    text += b" " * (-(8 + len(text)) % 8)
    data = pack(FULL)
    (length,) = struct.unpack_from("<I", data, 4)
    return data[:4] + struct.pack("<I", len(text)) + text + data[8 + length + -(8 + length) % 8 :]


def header_of(data):
    return json.loads(data[8 : 8 + struct.unpack_from("<I", data, 4)[0]])


HEADER = header_of(pack(FULL))
REQUEST = {"command": "label", "arguments": {"label": "sad", "begin_s": 1.0, "end_s": 2.0}}


@pytest.mark.parametrize("text", JSON_TEXTS, ids=range(len(JSON_TEXTS)))
def test_hostile_headers_and_requests_are_refused(text):
    refused(lambda: unpack(with_header(text)))
    refused(lambda: unpack_request(text))


@settings(max_examples=300)
@given(st.one_of(changed(HEADER).map(json_bytes), damaged(json_bytes(HEADER))))
def test_changed_headers_are_refused_or_read(text):
    outcome(lambda: unpack(with_header(text))[0], Snapshot)
    assert header_of(pack(unpack(pack(FULL))[0])) == HEADER  # whatever came before


@given(st.one_of(changed(REQUEST).map(json_bytes), damaged(json_bytes(REQUEST))))
def test_changed_requests_are_refused_or_read(text):
    outcome(lambda: unpack_request(text), Command)


def test_requests_come_back_as_they_went():
    for request in (
        Poll(),
        Poll("ab,1,2"),
        Poll("ab,1,2", watches=True),
        Command("start", {"subject": "P", "notes": "", "root": "/r"}),
        Command("baseline", {"seconds": 120}),
        Command("exclude", {"label": "Fz", "excluded": True}),
    ):
        assert unpack_request(pack_request(request)) == request


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("__init__", {}),
        ("stop", {"now": True}),
        ("start", {"subject": "P"}),
        ("baseline", {"seconds": "long"}),
        ("baseline", {"seconds": float("nan")}),
        ("exclude", {"label": "Fz", "excluded": 1}),
        ("annotate", {"text": "x" * 30_000}),
    ],
)
def test_commands_that_do_not_fit_are_refused_on_both_sides(name, arguments):
    with pytest.raises(RtemoError):
        pack_request(Command(name, arguments))
    with pytest.raises(RtemoError):
        unpack_request(json.dumps({"command": name, "arguments": arguments}).encode())


def test_the_protocol_has_every_command_of_the_window():
    engine = {"choose", "configure", "exclude", "shutdown", "restart"}
    session = {"start", "stop", "pause", "resume", "annotate", "baseline"}
    session |= {"describe", "edit_annotation", "mark_channel", "gaze_check", "record_stream", "give"}
    person = {"label", "forget_label", "calibrate", "uncalibrate"}
    replay = {"open_replay", "close_replay", "play", "hold", "seek", "speed", "show_participant"}
    assert set(COMMANDS) == engine | session | person | replay | {"export"}
