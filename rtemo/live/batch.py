"""Collects items until it is worth pushing them: the cost of a push does not depend on how many samples it carries.

A batch is due when every stream that windows wait for has passed the next window's end, or when it holds SPAN_S of
data. Nothing is reordered within a stream.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

import numpy as np

from rtemo.core.types import Chunk, ClockOffset, Item

SPAN_S = 0.04


class Batch:
    """Items that wait to be pushed."""

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._offsets: dict[str, float] = {}
        self._newest_s: dict[str, float] = {}
        self._oldest_s: dict[str, float] = {}

    def add(self, items: Iterable[Item]) -> None:
        for item in items:
            self._items.append(item)
            if isinstance(item, ClockOffset):
                self._offsets[item.stream_id] = item.offset_s
            elif isinstance(item, Chunk) and len(item):
                offset_s = self._offsets.get(item.stream_id, 0.0)
                self._newest_s[item.stream_id] = float(item.stamps[-1]) + offset_s
                self._oldest_s.setdefault(item.stream_id, float(item.stamps[0]) + offset_s)

    def due(self, awaited: Iterable[str], next_end_s: float | None) -> bool:
        """Whether to push now. awaited: the streams that windows wait for. next_end_s: where the next window ends."""
        if any(not isinstance(item, Chunk) for item in self._items):
            return True
        if any(self._newest_s[stream] - oldest_s >= SPAN_S for stream, oldest_s in self._oldest_s.items()):
            return True
        reached = [self._newest_s.get(stream, -np.inf) for stream in awaited]
        return bool(self._items) and next_end_s is not None and bool(reached) and min(reached) >= next_end_s

    def take(self) -> list[Item]:
        """Everything that waits, neighbouring chunks of one stream joined."""
        items, self._items = self._items, []
        self._oldest_s.clear()
        return join(items)


def join(items: Iterable[Item], apart: Container[str] = ()) -> list[Item]:
    """The same items with each stream's chunks joined up to the next item that is none.

    apart: streams whose chunks keep their place among the others', such as markers.
    """
    out: list[Item] = []
    parts: dict[str, list[Chunk]] = {}

    def close() -> None:
        out.extend(_joined(chunks) for chunks in parts.values())
        parts.clear()

    for item in items:
        if isinstance(item, Chunk) and item.stream_id not in apart:
            parts.setdefault(item.stream_id, []).append(item)
        else:
            close()
            out.append(item)
    close()
    return out


def _joined(chunks: list[Chunk]) -> Chunk:
    if len(chunks) == 1:
        return chunks[0]
    stamps = np.concatenate([chunk.stamps for chunk in chunks])
    return Chunk(chunks[0].stream_id, stamps, np.concatenate([chunk.values for chunk in chunks]))
