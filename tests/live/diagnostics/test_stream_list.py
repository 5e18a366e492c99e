"""`rtemo streams`: what streams say of themselves, and what they really deliver."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from rtemo.core.types import Channel, Chunk, StreamInfo, StreamState
from rtemo.live.diagnostics import stream_list
from rtemo.live.diagnostics.stream_list import StreamList, as_json, as_table, list_streams
from rtemo.sources.lsl.liblsl import pylsl
from rtemo.sources.lsl.stream_state import LslStream, not_opened
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


def info(name="Amp", channels=(), **fields):
    return replace(TOBII, name=name, stream_id=name, uid=name, channels=tuple(map(Channel, channels)), **fields)


def row(one, profile="", **status):
    """A stream's line of the table, by column."""
    made = replace(not_opened(one), **status)
    header, line = as_table(StreamList((made,), (profile,), ())).splitlines()
    starts = [header.index(column) for column in stream_list.COLUMNS]
    return [line[a:b].strip() for a, b in pairwise([*starts, None])]


def test_a_line_names_what_is_known_and_a_dash_what_is_not():
    assert row(info(channels="abcd", nominal_rate_hz=500.0), rate_hz=499.96, age_s=0.0126, profile="x") == [
        "Amp", "Gaze", "4 (a, b, c, d)", "500 Hz", "500 Hz", "13 ms", "unknown", "gaze-pc", "x",
    ]  # fmt: skip
    assert row(info(type="", hostname="", nominal_rate_hz=0.0)) == [
        "Amp", "-", "0", "irregular", "-", "no data", "unknown", "-", "-",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (["", "x"], "2 (x)"),
        (["a", "b", "c", "d", "e"], "5 (a, b, c, d, ...)"),
        (["y" * 41], f"1 ({'y' * 37}...)"),
        ([""] * 39 + ["z", "never looked at"], "41 (z)"),
        ([""] * 40 + ["z"], "41 (no labels)"),
    ],
)
def test_the_first_labels_are_named(labels, text):
    assert row(info(channels=labels))[2] == text


@pytest.mark.parametrize("n", [40, 41, 80])
def test_names_are_shortened(n):
    short = "n" * 40 if n == 40 else "n" * 37 + "..."
    found = row(info("n" * n, type="n" * n, hostname="n" * n))
    assert (found[0], found[1], found[7]) == (short, short, short)


def test_the_document_has_rounded_numbers_and_text_as_it_is():
    made = replace(
        not_opened(info("Gerät")),
        rate_hz=119.98765, age_s=0.0123456, offset_s=-0.12345678, uncertainty_s=0.00012345678, n_missing=3,
    )  # fmt: skip
    text = as_json(StreamList((made,), ("",), ("ü",)))
    assert text.startswith('{\n  "streams": [\n    {\n      "name": "Gerät",\n')
    assert text.endswith('  "warnings": [\n    "ü"\n  ]\n}')
    (stream,) = json.loads(text)["streams"]
    assert [stream[name] for name in ("measured_rate_hz", "age_s", "clock_offset_s", "clock_uncertainty_s")] == [
        119.988, 0.0123, -0.123457, 0.000123,
    ]  # fmt: skip
    assert (stream["samples_missing"], stream["uid"], stream["source_id"], stream["hostname"]) == (
        3, "Gerät", "sn", "gaze-pc",
    )  # fmt: skip


@pytest.mark.parametrize("write", [as_json, as_table])
def test_each_stream_has_its_profile(write):
    with pytest.raises(ValueError, match="zip"):
        write(StreamList((not_opened(info()),), (), ()))


class Lsl:
    """Stands for the network: `time_s` goes on by what is read."""

    def __init__(self, opened, visible):
        self.opened, self.visible, self.time_s = opened, visible, 0.0
        self.asked, self.reads, self.warnings, self.stopped = None, [], ("odd",), False

    def __call__(self, requests, look_s):
        self.asked = requests, look_s
        return self

    def start(self):
        return ()

    def read(self, seconds):
        assert seconds > 0
        self.reads.append(seconds)
        self.time_s += seconds

    def status(self):
        return self.opened

    def stop(self):
        self.stopped = True


@pytest.mark.parametrize(("timeout_s", "look_s"), [(0.1, 0.5), (2.0, 0.5), (2.25, 0.75), (5.0, 3.5)])
def test_streams_are_looked_for_and_measured_in_the_time_that_is_given(monkeypatch, timeout_s, look_s):
    streams = [info("b"), info("C"), info("a")]
    lsl = Lsl([not_opened(streams[0])], streams)
    monkeypatch.setattr(stream_list, "LslSource", lsl)
    monkeypatch.setattr(stream_list, "time", SimpleNamespace(monotonic=lambda: lsl.time_s))
    found = list_streams(timeout_s, lambda one: one.name.upper())
    assert [status.info.name for status in found.streams] == ["a", "b", "C"]
    assert (found.profiles, found.warnings) == (("A", "B", "C"), ("odd",))
    (request,), looked_s = lsl.asked
    assert looked_s == look_s
    assert request.accept(streams[0])
    assert sum(lsl.reads) == pytest.approx(1.5)
    assert max(lsl.reads) == 0.1
    assert lsl.stopped
