"""`rtemo streams`: what streams say of themselves, and what they really deliver."""

from __future__ import annotations

import json

import numpy as np

from rtemo.core.types import Channel, Chunk, StreamInfo, StreamState
from rtemo.live.diagnostics.stream_list import StreamList, as_json, as_table, list_streams
from rtemo.sources.lsl.liblsl import pylsl
from rtemo.sources.lsl.stream_state import LslStream
from rtemo.sources.lsl.times.clock_offsets import ClockBasis, Measurement

TOBII = StreamInfo(
    "Tobii", "Tobii", "Gaze", "float32", 600.0, tuple(Channel(c) for c in "abcdef"), "sn", "gaze-pc", "uid", "<info/>"
)
MARKERS = StreamInfo("events", "events", "Markers", "string", 0.0, (Channel(),), "", "pc")


def found():
    stream = LslStream(TOBII, lambda _item: None, announced=True)
    for k in range(240):
        stamps = np.array([100.0 + k / 120.0])
        stream.deliver(float(stamps[0]) + 0.6, Chunk("Tobii", stamps, np.zeros((1, 6))), [])
    stream.set_clock(ClockBasis.MEASURED, Measurement(100.0, 0.5, 1e-4))
    silent = LslStream(MARKERS, lambda _item: None, announced=True)
    return StreamList((stream.status(102.6), silent.status(102.6)), ("tobii-pro", ""), ("something is odd",))


def test_the_table_shows_the_measured_rate_beside_the_nominal_one():
    header, tobii, markers = as_table(found()).splitlines()

    assert header.split() == ["name", "type", "channels", "nominal", "measured", "age", "clock", "host", "profile"]
    assert tobii.split("  ")[:1] == ["Tobii"]
    for part in ("600 Hz", "120 Hz", "108 ms", "gaze-pc", "tobii-pro", "6 (a, b, c, d, ...)"):
        assert part in tobii
    for part in ("irregular", "no data", "1 (no labels)"):
        assert part in markers


def test_the_json_form_has_numbers_and_null_for_what_is_not_known():
    document = json.loads(as_json(found()))

    tobii, markers = document["streams"]
    assert tobii["nominal_rate_hz"] == 600.0
    assert tobii["measured_rate_hz"] == 120.0
    assert tobii["age_s"] == 0.1083
    assert tobii["clock_offset_s"] == 0.5
    assert tobii["state"] == StreamState.STREAMING.value
    assert tobii["profile"] == "tobii-pro"
    assert [c["label"] for c in tobii["channels"]] == list("abcdef")
    assert markers["measured_rate_hz"] is None
    assert markers["profile"] is None
    assert document["warnings"] == ["something is odd"]


def test_a_real_outlet_is_listed_with_its_profile():
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo("listed", "EEG", 2, 100.0, "float32", "listed-1"))

    seen = list_streams(1.0, lambda info: f"profile of {info.name}")

    assert [status.info.name for status in seen.streams] == ["listed"]
    assert seen.profiles == ("profile of listed",)
    assert seen.streams[0].state is StreamState.WAITING
    del outlet


def test_a_stream_without_channels_is_listed_and_never_opened():
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo("MetaOnly", "Gaze", 0, 0.0, "float32", "meta"))

    seen = list_streams(1.0, lambda _info: "")

    assert [(status.info.name, status.info.n_channels) for status in seen.streams] == [("MetaOnly", 0)]
    assert as_table(seen).splitlines()[1].split()[:3] == ["MetaOnly", "Gaze", "0"]
    assert any("has no channels and is never opened" in warning for warning in seen.warnings)
    del outlet
