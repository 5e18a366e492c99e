from __future__ import annotations

import numpy as np
from synthetic_source import SyntheticSource

from rtemo.core.types import Chunk
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.base import Source


def chunk(value: float) -> Chunk:
    return Chunk("a", np.array([value]), np.array([[value]], dtype=np.float32))


def test_it_hands_over_every_item_in_order_and_then_says_that_it_is_exhausted():
    source = SyntheticSource((), [chunk(value) for value in range(3)])
    found = []
    while not source.exhausted:
        found += source.read(timeout_s=0.0)
    assert [float(item.stamps[0]) for item in found] == [0.0, 1.0, 2.0]
    assert source.read(timeout_s=1.0) == []


def test_an_empty_one_is_exhausted_from_the_start():
    assert SyntheticSource((), ()).exhausted


def test_stopping_gives_up_the_rest_and_may_be_repeated():
    source = SyntheticSource((), [chunk(1.0), chunk(2.0)])
    source.stop()
    source.stop()
    assert source.exhausted
    assert source.read(timeout_s=0.0) == []


def test_a_simulated_session_is_a_source():
    session = SimulatedSession(SimulationPlan.for_duration(1, 10.0, eeg_channels=8))
    source = SyntheticSource(session.streams, session.items())
    assert isinstance(source, Source)
    assert [info.stream_id for info in source.start()] == ["eeg", "gaze", "markers"]
    assert source.read(timeout_s=0.0)
