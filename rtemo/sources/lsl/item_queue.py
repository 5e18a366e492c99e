"""The queue between the threads that receive LSL streams and the one that reads them, bounded in bytes.

When the reader does not keep up, the stream that holds more than its share loses its newest samples; the others lose
none. What is dropped is counted, and a notice of the stream, in its order, states where and how much.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

from rtemo.core.types import Chunk, Item, StreamNotice

LIMIT_BYTES = 256 << 20  # a quarter of an hour of 64 channels at 1000 Hz; what is full holds at most twice as much
ITEM_BYTES = 256  # what any item takes
TEXT_BYTES = 64  # what a text takes beside its characters


class ItemQueue:
    """Items in the order in which they were put. Everything may be called from any thread."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._changed = threading.Condition()
        self._items: list[Item] = []
        self._held: Counter[str] = Counter()  # bytes by stream
        self._total = 0
        self._dropping: Counter[str] = Counter()  # samples that a stream has lost since it took too much
        self._dropped: Counter[str] = Counter()
        self.come: Callable[[], None] = _nobody  # called whenever something was put, by the thread that put it

    def put(self, item: Item) -> None:
        """Takes an item, or counts a chunk that there is no room for."""
        size = item_bytes(item)
        with self._changed:
            if not isinstance(item, Chunk):
                self._append(item)
            elif self._is_too_much(item.stream_id, size):
                self._drop(item)
            else:
                self._end_of_loss(item.stream_id)
                self._held[item.stream_id] += size
                self._total += size
                self._append(item)
        self.come()

    def take(self, timeout_s: float) -> list[Item]:
        """Everything that is there; waits at most timeout_s for the first item."""
        end_s = time.monotonic() + timeout_s
        with self._changed:
            while not self._items and (left_s := end_s - time.monotonic()) > 0:
                self._changed.wait(left_s)
            items, self._items = self._items, []
            self._held.clear()
            self._total = 0
            return items

    @property
    def empty(self) -> bool:
        return not self._items

    def n_dropped(self, stream_id: str) -> int:
        """How many samples of a stream there was no room for."""
        return self._dropped[stream_id]

    def _is_too_much(self, stream_id: str, size: int) -> bool:
        share = self._limit / max(1, len(self._held) + (stream_id not in self._held))
        return self._total + size > self._limit and self._held[stream_id] + size > share

    def _drop(self, chunk: Chunk) -> None:
        if not self._dropping[chunk.stream_id]:
            text = "its samples are dropped: they come faster than they are read"
            self._append(StreamNotice(chunk.stream_id, text))
        self._dropping[chunk.stream_id] += len(chunk)
        self._dropped[chunk.stream_id] += len(chunk)

    def _end_of_loss(self, stream_id: str) -> None:
        n = self._dropping.pop(stream_id, 0)
        if n:
            self._append(StreamNotice(stream_id, f"{n} samples were dropped: they came faster than they were read"))

    def _append(self, item: Item) -> None:
        self._items.append(item)
        self._changed.notify()


def _nobody() -> None:
    """Whoever reads waits for what comes."""


def item_bytes(item: Item) -> int:
    """Bytes that an item takes in memory, roughly."""
    if not isinstance(item, Chunk):
        return ITEM_BYTES
    text = 0
    if item.values.dtype == object:
        text = sum(len(value) + TEXT_BYTES for value in item.values.ravel())
    return ITEM_BYTES + item.stamps.nbytes + item.values.nbytes + text
