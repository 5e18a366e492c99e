"""Which stream of a recording a live one goes to, by announcements alone."""

from __future__ import annotations

from dataclasses import replace

from rtemo.core.types import Channel, StreamDown, StreamInfo, StreamState
from rtemo.recorder.stream_routes import Routes

USUAL = StreamInfo("a", "Amp", "EEG", "float32", 250.0, (Channel("Fz"),))
FAST = replace(USUAL, stream_id="b", nominal_rate_hz=500.0)


def down(info):
    return StreamDown(info.stream_id, StreamState.LOST, "gone")


def test_a_stream_that_is_back_as_it_was_goes_on_whatever_it_is_called():
    routes = Routes()
    assert routes.connect(USUAL) == USUAL
    routes.disconnect(down(USUAL))
    routes.replace("a", replace(USUAL, stream_id="c"))
    assert routes.connect(replace(USUAL, stream_id="c")) is None
    assert routes.target("c") == USUAL


def test_a_device_that_is_changed_back_does_not_go_on_before_the_stream_that_it_comes_after():
    routes = Routes()
    routes.connect(USUAL)
    routes.disconnect(down(USUAL))
    routes.replace("a", FAST)
    assert routes.connect(FAST) == FAST
    routes.disconnect(down(FAST))
    back = replace(USUAL, stream_id="c")
    routes.replace("b", back)
    assert routes.connect(back) == back
    assert [routes.target(name).stream_id for name in "abc"] == ["a", "b", "c"]
    routes.replace("", back)  # of a stream that takes nobody's place
    assert routes.target("c") == back
