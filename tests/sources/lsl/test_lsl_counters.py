"""What a connection delivers is counted by its stamps; how long a silence is normal, by how it has delivered."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rtemo.core.types import Channel, Chunk, StreamInfo
from rtemo.sources.lsl.stream_state import LslStream
from rtemo.sources.lsl.times.clock_offsets import PlacedStamps
from rtemo.sources.lsl.times.counters import Counters


def feed(counters: Counters, stamps: np.ndarray, size: int, delay_s: float = 0.01) -> None:
    for begin in range(0, len(stamps), size):
        part = stamps[begin : begin + size]
        counters.add(float(part[-1]) + delay_s, part)


def test_the_rate_is_that_of_the_stamps_whatever_the_stream_says_of_itself():
    counters = Counters(600.0, text=False)

    feed(counters, np.arange(2400) / 120.0, 6)

    assert counters.rate_hz == pytest.approx(120.0)
    assert counters.n_samples == 2400
    assert counters.n_missing == 0


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("jitter_s", [0.0, 0.0005])
def test_missing_samples_are_counted_by_their_stamps_however_they_come(size, jitter_s):
    stamps = np.arange(3000) / 250.0 + np.random.default_rng(1).uniform(-jitter_s, jitter_s, 3000)
    there = np.ones(3000, dtype=bool)
    there[[5, 1000, 1001, 1002]] = False
    there[2000:2400] = False
    counters = Counters(250.0, text=False)

    feed(counters, stamps[there], size)

    assert counters.n_missing == 404


@pytest.mark.parametrize("size", [1, 10])
def test_what_comes_late_and_is_caught_up_with_is_not_missing(size):
    """A sender on a busy computer stamps a chunk when it gets round to it."""
    rng = np.random.default_rng(3)
    late_s = np.where(rng.random(6000) < 0.02, rng.uniform(0.0, 0.03, 6000), 0.0) + rng.uniform(0.0, 0.0002, 6000)
    stamps = np.maximum.accumulate(np.arange(6000) / 1000.0 + np.repeat(late_s[::10], 10))
    counters = Counters(1000.0, text=False)

    feed(counters, stamps, size)
    assert counters.n_missing == 0

    feed(counters, 6.5 + np.arange(3000) / 1000.0, size)
    assert counters.n_missing == pytest.approx(500, abs=1)


def test_a_backlog_at_the_start_does_not_make_the_rest_look_lossy():
    counters = Counters(200.0, text=False)

    feed(counters, np.concatenate([np.arange(5000) * 1e-5, 0.05 + np.arange(8000) / 200.0]), 4)

    assert counters.n_missing == 0


def test_a_stream_that_loses_all_the_time_is_counted_all_the_time():
    stamps = np.arange(30_000) / 250.0
    there = np.ones(30_000, dtype=bool)
    there[1000:] = np.random.default_rng(2).random(29_000) > 0.3
    counters = Counters(250.0, text=False)

    feed(counters, stamps[there], 5)

    assert counters.n_missing == pytest.approx(np.count_nonzero(~there), rel=0.2)


def test_losses_that_follow_each_other_quickly_are_all_counted():
    stamps = np.arange(2000) / 100.0
    there = np.ones(2000, dtype=bool)
    there[500:600] = np.arange(100) % 10 < 7
    counters = Counters(100.0, text=False)

    feed(counters, stamps[there], 1)

    assert counters.n_missing == 30


def test_the_rate_is_not_that_of_before_a_long_pause():
    counters = Counters(100.0, text=False)

    feed(counters, np.arange(1000) / 100.0, 10)
    feed(counters, 100.0 + np.arange(1000) / 50.0, 10)

    assert counters.rate_hz == pytest.approx(50.0)


def test_the_rate_is_not_that_of_before_a_clock_was_set_back():
    counters = Counters(100.0, text=False)

    feed(counters, 5000.0 + np.arange(1000) / 100.0, 10)
    feed(counters, np.arange(200) / 50.0, 10)

    assert counters.rate_hz == pytest.approx(50.0)


def test_an_irregular_stream_misses_nothing():
    counters = Counters(0.0, text=False)

    feed(counters, np.cumsum(np.random.default_rng(1).exponential(0.02, 500)), 1)

    assert counters.n_missing == 0
    assert 30 < counters.rate_hz < 70


@pytest.mark.parametrize(
    ("nominal_hz", "hz", "size", "text", "silence_s"),
    [
        (1000.0, 1000.0, 1, False, 0.5),
        (250.0, 250.0, 50, False, 2.0),  # ten chunks of 0.2 s
        (2.0, 2.0, 1, False, 5.0),
        (0.0, 120.0, 1, False, 2.0),  # gaze of no declared rate that flows
        (0.0, 2.0, 1, False, math.inf),  # fixations
        (0.0, 50.0, 1, True, math.inf),  # markers, however many
    ],
)
def test_how_long_a_silence_is_normal(nominal_hz, hz, size, text, silence_s):
    counters = Counters(nominal_hz, text=text)

    feed(counters, np.arange(400) / hz, size)

    assert counters.silence_s == pytest.approx(silence_s)


def test_before_the_first_chunks_a_steady_stream_gets_a_little_longer():
    counters = Counters(1000.0, text=False)
    counters.add(0.0, np.array([0.0]))

    assert counters.silence_s == 2.0


@pytest.mark.parametrize(("afresh", "n_missing"), [(True, 0), (False, 9700)])
def test_nothing_is_missing_where_the_senders_clock_was_set_ahead(afresh, n_missing):
    """Three seconds of samples, and 97 s further three more, 10 ms later."""
    stream = LslStream(
        StreamInfo("s", "amp", "EEG", "float32", 100.0, (Channel("Fz"),)), lambda _item: None, announced=True
    )
    for k in range(60):
        stamps = 5.0 + np.arange(10 * k, 10 * k + 10) / 100.0 + (97.0 if k >= 30 else 0.0)
        placed = PlacedStamps([stamps], afresh=afresh and k == 30)
        stream.deliver(float(k), Chunk("s", stamps, np.zeros((10, 1))), [], placed)
    status = stream.status(60.0)
    assert (status.n_missing, status.n_samples) == (n_missing, 600)
    assert status.rate_hz == pytest.approx(100.0)
