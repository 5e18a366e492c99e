"""Streams that are hostile or broken harm themselves alone: the amplifier beside them is received whole."""

from __future__ import annotations

import threading

import pytest
from lab import Heard, Sender
from test_lsl_source import breaks

from rtemo.core.types import Channel, StreamInfo, StreamNotice
from rtemo.sources.lsl.inlet import BUFFER_BYTES, buffer_length, refusal
from rtemo.sources.lsl.source import EveryStream, LslSource


@pytest.fixture
def senders():
    made = [Sender(), Sender()]
    yield made
    for sender in made:
        sender.close()


@pytest.fixture
def heard(senders):
    """Everything on the network, once what a test has opened is there."""
    opened = []

    def listen():
        source = LslSource([EveryStream("all", lambda _info: True)], look_s=0.8)
        opened.append(source)
        listener = Heard(source)
        listener.named = source.start()
        return listener

    yield listen
    for source in opened:
        source.stop()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("lsl")] == []


def texts(heard):
    return [item.text for item in heard.items if isinstance(item, StreamNotice)]


def test_what_a_hostile_stream_describes_does_not_touch_the_others(senders, heard):
    sound, hostile = senders
    sound.open()
    silent = {"hz": 0.0, "labels": []}
    hostile.open("none", name="MetaOnly", channels=0, nominal_hz=0.0, source_id="h0", **silent)
    hostile.open("deep", name="deep", depth=1000, source_id="h1", **silent)
    hostile.open("large", name="large", text_bytes=16_000_000, source_id="h2", **silent)
    hostile.open("long", name="n" * 20_000, source_id="h3", **silent)
    hostile.open("fast", name="fast", nominal_hz=1e9, source_id="h4", **silent)
    listener = heard()

    listener.until(lambda h: h.n("amp") > 400 and sum("too large" in text for text in texts(h)) == 2)

    assert breaks(listener.indices("amp")) == []
    opened = {status.info.stream_id: status.info for status in listener.source.status()}
    assert sorted(name[:6] for name in opened) == ["amp", "deep", "large", "nnnnnn"]
    assert max(len(name) for name in opened) <= 80
    assert sum(len(info.xml) for info in opened.values()) < 100_000
    assert {"MetaOnly", "fast"} <= {info.name for info in listener.source.visible}
    assert sum("is never opened" in text for text in texts(listener)) == 2


def test_texts_of_two_megabytes_come_whole_beside_an_amplifier(senders, heard):
    sound, hostile = senders
    sound.open()
    hostile.markers()
    listener = heard()
    listener.until(lambda h: h.n("amp") > 20)

    for _ in range(10):
        hostile.do("say", "m", text="x", times=2_000_000)
    listener.until(lambda h: h.n("events") == 10)
    n = listener.n("amp")
    listener.until(lambda h: h.n("amp") > n + 100)

    assert {len(text) for chunk in listener.chunks("events") for text in chunk.values[:, 0]} == {2_000_000}
    assert breaks(listener.indices("amp")) == []


def test_a_real_clock_that_is_set_and_a_real_stray_stamp(senders, heard):
    sound, _ = senders
    sound.open()
    listener = heard()
    listener.until(lambda h: h.n("amp") > 700)
    for stamp in (0.001, 1e18, float("nan")):
        sound.do("stray", stamp=stamp)
    n = listener.n("amp")
    listener.until(lambda h: h.n("amp") > n + 200)
    assert texts(listener) == []
    assert listener.source.status()[0].n_wrong == 3
    assert listener.source.status()[0].n_missing == 0

    sound.do("set clock", by_s=-10.0)
    listener.until(lambda h: texts(h))

    (notice,) = [item for item in listener.items if isinstance(item, StreamNotice)]
    assert (notice.stream_id, notice.trusted) == ("amp", False)
    assert "set back by 10" in notice.text
    offset = listener.offsets("amp")[-1]
    assert offset.offset_s == pytest.approx(10.0, abs=0.03)
    assert breaks(listener.indices("amp")) == []


@pytest.mark.parametrize("nominal_hz", [0.0, 1.0, 1000.0, 1e6, 1e9, 1e300])
@pytest.mark.parametrize("n_channels", [1, 64, 100_000])
@pytest.mark.parametrize("channel_format", ["float32", "string"])
def test_no_rate_and_no_number_of_channels_makes_the_buffer_large(nominal_hz, n_channels, channel_format):
    info = StreamInfo("s", "s", "", channel_format, nominal_hz, (Channel(),) * n_channels)
    size = 4096 if channel_format == "string" else 8

    units = buffer_length(info)

    assert 1 <= units <= 360
    if not refusal(info) and (nominal_hz or n_channels < 1000):
        assert units * (nominal_hz or 100.0) * n_channels * size <= BUFFER_BYTES
