"""Twins, reserved names, changed descriptions, and chunks that do not fit their stream."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rtemo.core.types import Channel, Chunk, StreamDown, StreamInfo, StreamState
from rtemo.recorder.stream_routes import Routes, misfit

AMP = StreamInfo("a", "Amp", "EEG", "float32", 250.0, (Channel("Fz"), Channel("Cz")))
TWIN = replace(AMP, stream_id="b")


@pytest.mark.parametrize(("state", "goes_on"), [("lost", True), ("failed", True), ("stalled", False)])
def test_a_stream_of_the_same_description_goes_on_only_where_the_first_is_gone(state, goes_on):
    routes = Routes()
    routes.connect(AMP)
    routes.disconnect(StreamDown("unknown", StreamState.LOST, ""))
    routes.disconnect(StreamDown("a", StreamState(state), ""))
    assert routes.connect(TWIN) == (None if goes_on else TWIN)
    assert routes.target("b") == (AMP if goes_on else TWIN)
    assert routes.connect(replace(AMP, stream_id="c")) == replace(AMP, stream_id="c")  # it is taken again


def test_names_that_are_taken_or_reserved_are_numbered_from_2():
    routes = Routes(reserved=["b", "b (2)"])
    routes.connect(AMP)
    fast, faster = replace(AMP, nominal_rate_hz=500.0), replace(AMP, nominal_rate_hz=1000.0)
    slow = replace(TWIN, nominal_rate_hz=125.0)
    assert [routes.connect(one).stream_id for one in (fast, faster, slow)] == ["a (2)", "a (3)", "b (3)"]
    assert routes.target("a").stream_id == "a (3)"
    assert routes.target("c") is None


def test_a_description_that_is_changed_back_goes_on_in_its_first_stream():
    routes = Routes()
    routes.connect(AMP)
    routes.connect(replace(AMP, nominal_rate_hz=500.0))
    assert routes.connect(AMP) is None
    assert routes.target("a") == AMP


@pytest.mark.parametrize(
    ("stated", "values", "text"),
    [
        ("float32", np.zeros((3, 2), np.float32), ""),
        ("float32", np.zeros((3, 2), np.float64), ""),
        ("int16", np.zeros((3, 2), np.int32), ""),
        ("int16", np.zeros((3, 2), np.float32), "stream a sent float32 values and promises int16"),
        ("string", np.full((3, 2), "x", object), ""),
        ("float32", np.zeros((3, 1), np.float32), "stream a sent chunks of 1 channels where it promises 2"),
        ("float32", np.zeros((2, 2), np.float32), "stream a sent chunks of 2 channels where it promises 2"),
        ("float32", np.zeros(3, np.float32), "stream a sent chunks of 0 channels where it promises 2"),
    ],
)
def test_a_chunk_fits_by_its_shape_and_by_what_its_values_can_become(stated, values, text):
    assert misfit(Chunk("a", np.zeros(3), values), replace(AMP, channel_format=stated)) == text
