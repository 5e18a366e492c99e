"""What waits for the reader is bounded: a stream that takes too much loses its own samples, counted, and no others."""

from __future__ import annotations

import threading

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rtemo.core.types import Chunk, ClockOffset, StreamNotice
from rtemo.sources.lsl.item_queue import ItemQueue, item_bytes

LIMIT = 100_000


def chunk(stream, n, first=0):
    return Chunk(stream, np.arange(first, first + n, dtype=float), np.zeros((n, 4), np.float32))


def test_what_is_put_comes_out_in_its_order():
    queue = ItemQueue(LIMIT)
    items = [chunk("a", 2), ClockOffset("a", 0.0, 1.0), chunk("b", 1), chunk("a", 1)]
    for item in items:
        queue.put(item)

    assert [id(item) for item in queue.take(0.0)] == [id(item) for item in items]
    assert queue.empty
    assert queue.take(0.0) == []


def test_a_reader_that_waits_gets_an_item_that_is_put_later():
    queue, got = ItemQueue(LIMIT), []
    reader = threading.Thread(target=lambda: got.extend(queue.take(10.0)))
    reader.start()
    queue.put(chunk("a", 3))
    reader.join(10.0)

    assert [len(item) for item in got] == [3]


def test_the_samples_of_a_greedy_stream_are_dropped_counted_and_reported_in_its_order():
    queue = ItemQueue(LIMIT)
    for k in range(100):
        queue.put(chunk("greedy", 100, first=100 * k))
    first = queue.take(0.0)
    queue.put(chunk("greedy", 100, first=10_000))
    then = queue.take(0.0)

    taken = sum(len(item) for item in first if isinstance(item, Chunk))
    assert taken == 3700  # 37 chunks of 256 + 100 * 24 bytes fit
    assert isinstance(first[-1], StreamNotice)
    assert "faster than they are read" in first[-1].text
    assert then[0].text.startswith("6300 samples were dropped")
    assert len(then[1]) == 100
    assert queue.n_dropped("greedy") == 6300


def test_control_items_are_never_dropped():
    queue = ItemQueue(LIMIT)
    for k in range(100):
        queue.put(chunk("greedy", 100))
        queue.put(ClockOffset("greedy", float(k), 0.0))

    assert sum(isinstance(item, ClockOffset) for item in queue.take(0.0)) == 100


def test_texts_count_with_their_characters():
    values = np.array([["x" * 2_000_000]], dtype=object)

    assert item_bytes(Chunk("m", np.zeros(1), values)) > 2_000_000


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 400)), max_size=300), st.integers(1, 300))
def test_nobody_loses_for_another_and_the_memory_is_bounded(puts, size):
    """Streams b, c and d never exceed a quarter of the limit: they lose nothing, whatever a does."""
    queue, held = ItemQueue(LIMIT), {"a": 0, "b": 0, "c": 0, "d": 0}
    sent = dict.fromkeys(held, 0)
    for stream, n in puts:
        item = chunk(stream, size if stream == "a" else min(n, 20))
        if stream != "a" and held[stream] + item_bytes(item) > LIMIT / 4:
            continue
        queue.put(item)
        held[stream] += item_bytes(item)
        sent[stream] += len(item)
    items = queue.take(0.0)

    for stream in "bcd":
        assert sum(len(i) for i in items if isinstance(i, Chunk) and i.stream_id == stream) == sent[stream]
    assert sum(item_bytes(i) for i in items if isinstance(i, Chunk)) <= 2 * LIMIT
    there = sum(len(i) for i in items if isinstance(i, Chunk) and i.stream_id == "a")
    assert there + queue.n_dropped("a") == sent["a"]
